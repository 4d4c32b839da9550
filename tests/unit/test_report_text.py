"""Methods text, provenance and closing summary say what was done, and the same thing each time."""

import hashlib
import json
import re
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from stat3act.report import methods_text
from stat3act.report.provenance import PACKAGES, describe_input, describe_inputs, record
from stat3act.report.summary import summarise
from unit.report_example import build, config, network, provenance

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("kind", ["single_cell", "bulk", "bulk_split"])
def test_every_citation_is_used_and_every_number_has_one(kind):
    effective = config(kind)
    text = "\n".join(methods_text.methods_paragraphs(effective, provenance()))
    cited = {int(number) for group in re.findall(r"\[([\d, ]+)\]", text) for number in group.split(",")}
    assert cited == set(range(1, len(methods_text.references(effective)) + 1))


def test_methods_follow_the_configuration():
    def text(**changes):
        effective = config()
        for dotted, value in changes.items():
            section, key = dotted.split("__")
            effective[section][key] = value
        return methods_text.methods_markdown(effective, provenance())

    assert "Genetic lesions" in text(profiles__lesions="lesions.tsv") and "Genetic lesions" not in text()
    assert "Scrublet" in text()
    assert "Scrublet" not in text(expression__scale="tpm")
    assert (
        "infercnvpy"
        not in text(compartments__malignant_key="malignant").split("## References")[0].split("(decoupler")[0]
    )
    assert "Matplotlib" in text()
    assert "Matplotlib" not in text(report__cell_pictures=False)
    assert "CollecTRI" not in text()
    assert "gkad841" in text(networks__regulon="collectri")
    assert "at least 1.5" in text()
    assert "at least 2.25" in text(profiles__on_activity=2.25)
    assert "control samples (condition == 'Mock'), within strata of time_h" in text(
        activity__reference="controls", activity__controls="condition == 'Mock'", activity__strata=["time_h"]
    )


def test_chance_is_told_as_it_is_measured():
    effective = config()
    text = methods_text.methods_markdown(effective, provenance())
    for fact in (
        "one regression on their own genes",
        "a level below the reference counted as zero",
        "exchanges the panel's weights with those of genes of like mean and spread",
        "divided by an inflation factor",
        "matched gene by gene, 25 % of whose genes come from one co-expression module",
    ):
        assert fact in text
    assert "over the controls" not in text
    effective["activity"] |= {"reference": "controls", "controls": "condition == 'Mock'"}
    assert "or the panel's own over the controls" in methods_text.methods_markdown(effective, provenance())


def test_methods_beside_the_activity_are_told_where_they_were_asked_for():
    effective = config()
    assert "aucell" not in methods_text.methods_markdown(effective, provenance())
    effective["activity"]["also"] = ["viper", "aucell"]
    assert "Scores of viper, aucell by decoupler" in methods_text.methods_markdown(effective, provenance())
    assert "entered no call" in methods_text.methods_markdown(effective, provenance())


def test_bulk_split_is_described_only_where_it_was_done():
    effective = config("bulk")
    assert "not split" in methods_text.methods_markdown(effective, provenance())
    effective["compartments"]["reference"] = "results/demo/compartments/reference.tsv"
    text = methods_text.methods_markdown(effective, provenance())
    assert "not split" not in text
    assert "s43018-022-00356-3" in text
    assert "relative to the cohort, whatever the unsplit sample is compared with" in text


def test_methods_make_no_predictive_claim():
    text = methods_text.methods_markdown(config(), provenance())
    assert "not predictive of benefit from a STAT3 inhibitor" in text
    assert "prognosis" not in text


def test_files_and_folders_are_hashed(tmp_path):
    (tmp_path / "one.tsv").write_bytes(b"a\n")
    folder = tmp_path / "tenx"
    folder.mkdir()
    for name in ("matrix.mtx.gz", "barcodes.tsv.gz"):
        (folder / name).write_bytes(name.encode())
    digest = hashlib.sha256(b"a\n").hexdigest()
    assert describe_input("one.tsv", tmp_path / "one.tsv") == [{"path": "one.tsv", "bytes": 2, "sha256": digest}]
    named = describe_input("data/tenx/", folder)
    assert [row["path"] for row in named] == ["data/tenx/barcodes.tsv.gz", "data/tenx/matrix.mtx.gz"]
    with pytest.raises(FileNotFoundError):
        describe_input("gone", tmp_path / "gone")


def test_shared_inputs_are_described_once(tmp_path):
    path = tmp_path / "all.h5ad"
    path.write_bytes(b"x")
    assert len(describe_inputs([("all.h5ad", str(path))] * 500)) == 1


def test_provenance_is_plain_and_repeatable(tmp_path):
    path = tmp_path / "in.tsv"
    path.write_bytes(b"x")
    made = [record([("in.tsv", str(path))], config(), network(), {"rule": "abc"}) for _ in range(2)]
    assert json.dumps(made[0], sort_keys=True) == json.dumps(made[1], sort_keys=True)
    other = record([("in.tsv", str(path))], config(), network(), {"rule": "abd"})
    assert other["code_sha256"] != made[0]["code_sha256"]
    assert str(tmp_path) not in json.dumps(made[0])


def test_recorded_packages_are_the_direct_dependencies():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert sorted(PACKAGES) == sorted(re.match(r"[\w-]+", line)[0] for line in project["dependencies"])


def test_summary_counts_calls_and_names_the_report():
    text = summarise(build()["calls"], "results/example/report/report.html")
    assert "12 samples, 12 patients" in text
    assert re.search(r"Inactive +4 ", text)
    assert "LOW_CELLS in 2" in text
    assert "results/example/report/report.html" in text


def test_summary_of_one_sample_without_limits():
    calls = pd.DataFrame([{"patient": "P1", "call": "INACTIVE", "confidence": "high", "reason_codes": None}])
    text = summarise(calls, "x.html")
    assert "1 sample, 1 patient\n" in text
    assert "limits" not in text
