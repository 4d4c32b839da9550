"""The self-check of the bulk demo's reference: its tables, the intervals it gives, and a reference it cannot test."""

import numpy as np
import pandas as pd
import pytest
import yaml

from stat3act.tables import read_table, write_table
from stat3act.validation.calibration import EDGES, bin_low
from workflow.harness import snakemake

CONFIG = "config/cohorts/demo_bulk/config.yaml"
PARTS = ["tumour", "microenvironment"]


def change(folder, **compartments):
    path = folder / CONFIG
    config = yaml.safe_load(path.read_text())
    config["compartments"] |= compartments
    path.write_text(yaml.safe_dump(config, sort_keys=False))


def test_tables_cover_the_compartments_axes_and_purities_of_the_cohort(demo):
    results = demo / "results/demo_bulk"
    found = read_table(results / "validation/selfcheck.tsv")
    calibration = read_table(results / "validation/calibration.tsv")
    assert set(found["kind"]) == {"planted", "natural"} and set(found["compartment"]) == set(PARTS)
    assert {"stat3_core", "stat3_epithelial", "stat3_regulon", "ifn_stat1", "nfkb"} <= set(found["axis"])
    assert set(found["reference"]) == {"results/demo/compartments/reference.tsv"}
    core = found[(found["axis"] == "stat3_core") & (found["n"] >= 30)]
    assert len(core) >= 12 and (core["purity_error"] < 0.1).all()
    planted = core[core["kind"] == "planted"]
    assert (planted["spearman"] > 0.3).all() and (planted["loading"] > planted["leak"].abs()).all()
    assert core["coverage"].mean() == pytest.approx(0.9, abs=0.06)
    assert not calibration.duplicated(["compartment", "axis", "purity_low"]).any()
    assert (calibration["half_width"] > 0).all()


def test_every_purity_has_an_interval_that_holds_most_of_what_was_simulated(demo):
    results = demo / "results/demo_bulk"
    table = read_table(results / "validation/purity.tsv")
    sheet = read_table(demo / "config/cohorts/demo_bulk/samples.tsv")
    calls = read_table(results / "profiles/calls.tsv")
    assert list(table["sample"]) == list(sheet["sample"])
    assert ((table["low"] < table["purity"]) & (table["purity"] < table["high"])).all()
    both = calls.set_index("sample")["purity"].rename("called").to_frame().join(table.set_index("sample"))
    np.testing.assert_allclose(both["called"], both["purity"], atol=1e-5)
    truth = sheet["purity"].to_numpy(float)
    assert ((table["low"] <= truth) & (truth <= table["high"])).sum() >= 13


def test_the_intervals_of_the_scores_are_those_of_the_table(demo):
    results = demo / "results/demo_bulk"
    half = read_table(results / "validation/calibration.tsv").set_index(["compartment", "axis", "purity_low"])
    split = read_table(results / "compartments/split.tsv").set_index(["sample", "compartment", "axis"])
    scores = read_table(results / "activity/scores.tsv")
    inside = scores[scores["compartment"].isin(PARTS) & scores["activity"].notna()]
    assert len(inside) > 100 and set(inside["interval"]) == {"calibrated"}
    assert scores.loc[scores["compartment"] == "bulk", "interval"].isna().all()
    purity = inside["fraction"].where(inside["compartment"] == "tumour", 1 - inside["fraction"])
    place = pd.MultiIndex.from_arrays([inside["compartment"], inside["axis"], bin_low(purity)])
    rows = split.loc[pd.MultiIndex.from_frame(inside[["sample", "compartment", "axis"]])]
    expected = 2 * half["half_width"].reindex(place).to_numpy() / rows["scale"].to_numpy()
    np.testing.assert_allclose(inside["ci_high"] - inside["ci_low"], expected, rtol=1e-4)
    assert set(bin_low(purity)) <= set(EDGES)


@pytest.fixture(params=["one patient", "switched off"])
def untested(copied_demo, request):
    """Split the bulk demo with a reference that is not tested."""
    if request.param == "one patient":
        table = read_table(copied_demo / "results/demo/compartments/reference.tsv")
        tumours = [column for column in table if column.startswith("tumour|")]
        write_table(copied_demo / "one.tsv", table.drop(columns=tumours[1:]))
        change(copied_demo, reference="one.tsv")
    else:
        change(copied_demo, selfcheck=False)
    run = snakemake(copied_demo, "--configfile", CONFIG)
    assert run.returncode == 0, run.output[-4000:]
    return copied_demo / "results/demo_bulk", request.param


def test_a_reference_that_is_not_tested_is_flagged(untested):
    results, why = untested
    scores = read_table(results / "activity/scores.tsv")
    inside = scores[scores["compartment"].isin(PARTS) & scores["activity"].notna()]
    assert len(inside) > 50 and set(inside["interval"]) == {"uncalibrated"}
    calls = read_table(results / "profiles/calls.tsv")
    known = calls[calls[["tumour_activity", "microenvironment_activity"]].notna().any(axis=1)]
    assert known["reason_codes"].str.contains("UNCHECKED_REFERENCE").all() and set(known["confidence"]) == {"low"}
    page = (results / "report/report.html").read_text()
    assert "Intervals of tumour and microenvironment are not calibrated" in page
    if why == "one patient":
        assert read_table(results / "validation/selfcheck.tsv").empty
