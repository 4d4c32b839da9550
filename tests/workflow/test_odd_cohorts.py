"""Cohorts that are unusual and right: they must run."""

import numpy as np
import pandas as pd
import yaml

from stat3act.tables import read_table
from workflow.harness import ROOT, copy_project, snakemake


def test_samples_named_by_numbers_keep_their_names(tmp_path):
    project = copy_project(tmp_path)
    rng = np.random.default_rng(0)
    genes = pd.read_csv(ROOT / "resources/genes/genes.tsv", sep="\t", usecols=["symbol"])["symbol"].iloc[:4000]
    panels = [pd.read_csv(ROOT / f"resources/networks/{name}.tsv", sep="\t")["gene"] for name in ("stat3", "rivals")]
    index = pd.Index(pd.concat([genes, *panels]).drop_duplicates(), name="gene")
    samples = [f"{number:03d}" for number in range(1, 7)]
    counts = pd.DataFrame(rng.negative_binomial(5, 0.02, (len(index), 6)), index=index, columns=samples)
    counts.to_csv(project / "matrix.tsv", sep="\t")
    # A sheet may have any further column, `row` (of a plate) among them.
    sheet = pd.DataFrame({"sample": samples, "patient": samples, "path": "matrix.tsv", "row": list("ABCDEF")})
    sheet.to_csv(project / "sheet.tsv", sep="\t", index=False)
    config = {"cohort": "numbers", "samples": "sheet.tsv", "expression": {"type": "bulk", "scale": "counts"}}
    (project / "numbers.yaml").write_text(yaml.safe_dump(config))
    run = snakemake(project, "--configfile", "numbers.yaml")
    assert run.returncode == 0, run.output[-4000:]
    calls = read_table(project / "results/numbers/profiles/calls.tsv")
    assert list(calls["sample"]) == samples
    assert set(calls["reason_codes"].str.split(";").str[0]) == {"BULK_ONLY"}
    profiles = read_table(project / "results/numbers/profiles/activation_profiles.tsv")
    core = profiles[profiles["axis"] == "stat3_core"]
    assert list(core["sample"]) == samples and core["activity"].notna().all() and (core["fraction"] == 1).all()
