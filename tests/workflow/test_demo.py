"""The demo finds what was planted, and would not without the rival axes."""

import json
import re
import zipfile

import anndata as ad
import numpy as np
import pytest

from stat3act.report.columns import TABLES
from stat3act.tables import read_table
from workflow.harness import ROOT, snakemake, tables

COHORTS = ["demo", "demo_bulk"]
BULK = ["--configfile", "config/cohorts/demo_bulk/config.yaml"]


@pytest.fixture(params=COHORTS)
def results(demo, request):
    return demo / "results" / request.param


def test_every_planted_call_is_found(results):
    expected = read_table(results / "validation/expected.tsv")
    assert len(expected) >= 12 and set(expected["expected"]) > {"INACTIVE", "TUMOUR_INTRINSIC_ACTIVE"}
    wrong = expected[expected["expected"] != expected["found"]]
    assert wrong.empty, wrong.to_string()


def test_interferon_alone_fools_the_univariate_score_but_not_the_activity(results):
    scores = read_table(results / "profiles/activation_profiles.tsv")
    sheet = read_table(ROOT / ("config" if results.name == "demo" else "config/cohorts/demo_bulk") / "samples.tsv")
    planted = sheet.set_index("sample")
    decoys = planted.index[(planted["planted_interferon"] > 0) & (planted["planted_tumour"] == 0)]
    compartments = scores["compartment"].isin(["tumour", "microenvironment"])
    regulon = scores[(scores["axis"] == "stat3_regulon") & compartments]
    highest = regulon.groupby("sample")[["score", "activity"]].max()
    assert len(decoys) >= 2
    # By the score alone every interferon-only sample passes for STAT3-active ...
    assert (highest.loc[decoys, "score"] > 1.96).all()
    # ... and the model with the rival axes lets none of them.
    assert (highest.loc[decoys, "activity"] < 1.5).all()
    calls = read_table(results / "profiles/calls.tsv").set_index("sample")
    assert set(calls.loc[decoys, "call"]) == {"INACTIVE"}


def test_profiles_have_one_row_per_sample_compartment_and_axis(results):
    profiles = read_table(results / "profiles/activation_profiles.tsv")
    assert not profiles.duplicated(["sample", "compartment", "axis"]).any()
    assert {"tumour", "microenvironment", "bulk"} <= set(profiles["compartment"])
    known = profiles["reason"].isna()
    assert profiles.loc[known, "activity"].notna().all() and profiles.loc[~known, "activity"].isna().all()
    inside = profiles[known]
    assert ((inside["ci_low"] < inside["activity"]) & (inside["activity"] < inside["ci_high"])).all()
    assert inside["reference"].str.contains(r"n=\d+").all()


def test_profiles_h5ad_holds_the_numbers_of_the_table(results):
    matrix = ad.read_h5ad(results / "profiles/profiles.h5ad")
    profiles = read_table(results / "profiles/activation_profiles.tsv").set_index(["sample", "compartment", "axis"])
    for name in ("tumour", "bulk"):
        row = matrix.obs_names[matrix.obs["compartment"] == name][0]
        key = tuple(matrix.obs.loc[row, ["sample", "compartment"]])
        column = list(matrix.var_names).index("stat3_core")
        found = matrix[row].layers["activity"][0, column]
        np.testing.assert_allclose(found, profiles.loc[(*key, "stat3_core"), "activity"], rtol=1e-5)


def test_provenance_names_inputs_network_and_versions(results):
    record = json.loads((results / "provenance.json").read_text())
    text = json.dumps(record)
    network = json.loads((results / "networks/network.json").read_text())
    assert network["sha256"] in text
    assert '"decoupler"' in text and '"scanpy"' in text
    assert str(results) not in text, "a path of this machine is in the provenance"


def test_no_code_of_ours_warns(results):
    logs = {path: path.read_text() for path in (results.parents[1] / "logs" / results.name).rglob("*.log")}
    assert len(logs) > 15
    ours = re.compile(r"(?:stat3act/|scripts/).*\.py:\d+: \w*Warning.*")
    assert {path.name: found[0] for path, text in logs.items() if (found := ours.search(text))} == {}


# Columns that only some cohorts have (cells, or a bulk matrix), and tables whose columns are named by the data.
PARTLY = {"qc", "copy_number", "states"}


def described(path):
    """Find the description of a table by its path below the cohort's results; those of single samples by pattern."""
    for name, table in TABLES.items():
        pattern = re.escape(table.path).replace("<sample>", "[^/]+")
        if re.fullmatch(pattern, path):
            return name, list(table.columns)
    return None, []


def test_every_column_of_every_table_is_described(results):
    # A table of one sample that is gathered into one of the cohort has the same columns as that one.
    gathered = {table.path.removesuffix(".tsv") for table in TABLES.values()}
    # The file for MultiQC describes its columns itself.
    left_out = ("simulated", "report")
    found = [path for path in sorted(results.rglob("*.tsv*")) if not set(left_out) & set(path.parts)]
    assert len(found) > 12
    for file in found:
        path = str(file.relative_to(results))
        if str(file.parent.relative_to(results)) in gathered:
            path = f"{file.parent.relative_to(results)}.tsv"
        name, columns = described(path)
        assert name, f"{path} is described nowhere"
        written = list(read_table(file).columns)
        if name == "qc":
            assert set(written) <= set(columns), path
        elif name in PARTLY:
            assert columns[:1] == written[:1] and len(written) > len(columns), path
        else:
            assert written == columns, path


def test_the_report_is_one_file_without_addresses_to_load(results):
    page = (results / "report/report.html").read_text()
    assert 'src="http' not in page and '<link rel="stylesheet" href="http' not in page
    assert 100_000 < len(page) < 15_000_000


@pytest.mark.parametrize("arguments", [[], BULK])
def test_a_second_run_does_nothing(demo, arguments):
    run = snakemake(demo, *arguments, hash_seed="1")
    assert run.returncode == 0 and run.idle, run.output[-2000:]


def test_tables_are_the_same_bytes_with_one_core_and_another_order_of_sets(demo, copied_demo):
    before = tables(demo, "demo_bulk")
    run = snakemake(copied_demo, *BULK, "--forceall", cores=1, hash_seed="1")
    assert run.returncode == 0, run.output[-4000:]
    after = tables(copied_demo, "demo_bulk")
    assert before.keys() == after.keys() and len(before) > 8
    assert [name for name in before if before[name] != after[name]] == []


def test_the_report_of_snakemake_holds_every_item_with_its_caption(copied_demo):
    run = snakemake(copied_demo, "--report", "report.zip")
    assert run.returncode == 0, run.output[-3000:]
    with zipfile.ZipFile(copied_demo / "report.zip") as archive:
        text = "\n".join(
            archive.read(name).decode(errors="replace")
            for name in archive.namelist()
            if ".html" in name or ".js" in name
        )
    for item in (
        "Cohort page",
        "Calls",
        "Activation profiles",
        "Ligands and receptors",
        "Genetic lesions",
        "Methods text",
    ):
        assert item in text, item
    for item in ("Groups of patients", "Quality of the samples", "Known calls", "Provenance"):
        assert item in text, item
    assert "A lesion says what can drive STAT3, not that it does" in text
