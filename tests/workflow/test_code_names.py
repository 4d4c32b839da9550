"""With code names, the folder of the report holds no name of a sample or patient, however it is packed."""

import base64
import gzip
import io
import re

import numpy as np
import pandas as pd
import yaml

from stat3act.tables import read_table, read_text_table
from workflow.harness import ROOT, copy_project, snakemake

SAMPLES = ["Millerov-53_a", "Millerov-53_b", "Zhangarov.77", "Adamescu_12", "Okaforuwa_3", "Brunskog_9"]
PATIENTS = ["Millerov-53", "Millerov-53", "Zhangarov", "Adamescu", "Okaforuwa", "Brunskog"]
CODED_JOBS = {"report_record", "report_code", "report_render", "report_multiqc", "report_crate", "report_checksums"}
PACKED = re.compile(rb'<script type="text/plain" id="(table|picture)-([^"]+)">([A-Za-z0-9+/=\s]*)</script>')


def contents(folder):
    """Return the bytes of every file of a folder, of its name, and of what a page holds in compressed form."""
    for path in sorted(folder.rglob("*")):
        yield str(path.relative_to(folder)), str(path.relative_to(folder)).encode()
        if not path.is_file():
            continue
        content = path.read_bytes()
        for kind, name, packed in PACKED.findall(content):
            unpacked = base64.b64decode(packed)
            yield f"{path.name}:{name.decode()}", gzip.decompress(unpacked) if kind == b"table" else unpacked
        # Random letters between base64 would be taken for short names.
        yield path.name, PACKED.sub(rb"\2", content)


def names_found(folder, names):
    return {
        (place, name)
        for place, content in contents(folder)
        for name in names
        if name.lower().encode() in content.lower()
    }


def write_cohort(project, **report):
    """Write a bulk cohort whose names are everywhere: in the sheet, in file names and in the header of the matrix."""
    rng = np.random.default_rng(0)
    genes = pd.read_csv(ROOT / "resources/genes/genes.tsv", sep="\t", usecols=["symbol"])["symbol"].iloc[:4000]
    panels = [pd.read_csv(ROOT / f"resources/networks/{name}.tsv", sep="\t")["gene"] for name in ("stat3", "rivals")]
    index = pd.Index(pd.concat([genes, *panels]).drop_duplicates(), name="gene")
    counts = pd.DataFrame(rng.negative_binomial(5, 0.02, (len(index), 6)), index=index, columns=SAMPLES)
    paths = ["Millerov-53.tsv", "Zhangarov.77.tsv"]
    counts.iloc[:, :3].to_csv(project / paths[0], sep="\t")
    counts.iloc[:, 3:].to_csv(project / paths[1], sep="\t")
    sheet = pd.DataFrame({"sample": SAMPLES, "patient": PATIENTS, "path": [paths[0]] * 3 + [paths[1]] * 3})
    sheet.assign(arm=list("ABABAB"), age=[61, 61, 58, 70, 44, 39]).to_csv(project / "sheet.tsv", sep="\t", index=False)
    pd.DataFrame({"sample": ["Zhangarov.77"], "gene": ["STAT3"], "alteration": ["Y640F"]}).to_csv(
        project / "lesions.tsv", sep="\t", index=False
    )
    config = {"cohort": "coded", "samples": "sheet.tsv", "expression": {"type": "bulk", "scale": "counts"}}
    config |= {"profiles": {"lesions": "lesions.tsv", "groups": ["arm"]}, "report": report}
    (project / "coded.yaml").write_text(yaml.safe_dump(config))


def test_no_name_is_in_the_report_of_a_bulk_cohort(tmp_path):
    project, names = copy_project(tmp_path), {*SAMPLES, *PATIENTS}
    results = project / "results/coded"
    write_cohort(project)
    run = snakemake(project, "--configfile", "coded.yaml")
    assert run.returncode == 0, run.output[-4000:]
    # The search finds every name where they are shown: in the page, in its tables, in the table for MultiQC.
    found = names_found(results / "report", names)
    assert {name for _, name in found} == names
    assert {"report.html", "report.html:calls", "report.html:sheet", "coded_mqc.tsv"} <= {place for place, _ in found}
    calls = read_table(results / "profiles/calls.tsv").set_index("sample")

    write_cohort(project, code_names=True)
    run = snakemake(project, "--configfile", "coded.yaml")
    assert run.returncode == 0, run.output[-4000:]
    assert run.jobs.keys() == CODED_JOBS
    assert names_found(results / "report", names) == set()
    table = read_text_table(results / "code_names.tsv")
    codes = dict(table.loc[table["kind"] == "sample", ["name", "code"]].values)
    # Every sample is there under its code, with its own numbers; both samples of a patient share the patient's code.
    page = dict(contents(results / "report"))
    shown = pd.read_csv(io.BytesIO(page["report.html:calls"]), sep="\t").set_index("sample")
    for sample, code in codes.items():
        assert shown.loc[code, "bulk_activity"] == calls.loc[sample, "bulk_activity"]
    assert shown.loc[codes[SAMPLES[0]], "patient"] == shown.loc[codes[SAMPLES[1]], "patient"]
    assert shown["patient"].nunique() == 5 and list(shown.index) == sorted(codes.values())

    # A sample more: the others keep their codes.
    sheet = (project / "sheet.tsv").read_text()
    (project / "sheet.tsv").write_text(sheet + sheet.splitlines()[-1].replace("Brunskog_9", "Brunskog_10") + "\n")
    matrix = pd.read_csv(project / "Zhangarov.77.tsv", sep="\t", index_col=0)
    matrix.assign(Brunskog_10=matrix["Brunskog_9"] + 1).to_csv(project / "Zhangarov.77.tsv", sep="\t")
    run = snakemake(project, "results/coded/code_names.tsv", "--configfile", "coded.yaml")
    assert run.returncode == 0, run.output[-4000:]
    later = read_text_table(results / "code_names.tsv")
    later = dict(later.loc[later["kind"] == "sample", ["name", "code"]].values)
    assert codes.items() <= later.items() and later["Brunskog_10"] == "S007"


def test_names_that_would_be_shown_are_refused(tmp_path):
    project = copy_project(tmp_path)
    write_cohort(project, code_names=True, title="Zhangarov and others")
    run = snakemake(project, "-n", "--configfile", "coded.yaml")
    assert run.returncode != 0 and "Traceback" not in run.output
    assert "key `report.title`" in run.output and "'Zhangarov and others', which names Zhangarov" in run.output


def test_pictures_of_cells_are_named_by_code(copied_demo):
    config = copied_demo / "config/config.yaml"
    config.write_text(config.read_text().replace("\nreport:\n", "\nreport:\n  code_names: true\n"))
    folder = copied_demo / "results/demo/report"
    assert (folder / "cells/P01.png").exists()
    run = snakemake(copied_demo)
    assert run.returncode == 0, run.output[-4000:]
    assert run.jobs["report_cells"] == 12 and "profiles_call" not in run.jobs
    codes = [f"S{number:03d}" for number in range(1, 13)]
    assert sorted(path.stem for path in folder.glob("cells/*.png")) == codes
    named = re.compile(rb"(?<![A-Za-z0-9])P(0[1-9]|1[0-2])(?![A-Za-z0-9])")
    for place, content in contents(folder):
        # Pixels are no text, and Vega's program, the same in every page, has variables of such names.
        text = (
            b"" if content.startswith(b"\x89PNG") else re.sub(rb"<script>.*?</script>", b"", content, flags=re.DOTALL)
        )
        assert not named.search(text), place
    assert sum(place.startswith("report.html:S") for place, _ in contents(folder)) == 12
    again = snakemake(copied_demo, "-n")
    assert again.idle, again.output[-2000:]
