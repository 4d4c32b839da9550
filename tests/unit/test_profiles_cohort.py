"""The profiles stage as a whole: single cell with its guards, bulk without."""

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import yaml

from stat3act import tables
from stat3act.compartments.guarded import AMBIENT_LAYER
from stat3act.problems import InputProblems
from stat3act.profiles.cohort import profile_cohort
from stat3act.profiles.drivers import DRIVER_COLUMNS
from stat3act.profiles.guards import GUARD_COLUMNS
from stat3act.profiles.lesions import read_lesions
from stat3act.profiles.tables import CALL_COLUMNS, PROFILE_COLUMNS

SCHEMA = Path(__file__).parents[2] / "workflow" / "schemas" / "config.schema.yaml"
SECTION = yaml.safe_load(SCHEMA.read_text())["properties"]["profiles"]["properties"]
DEFAULTS = {name: key["default"] for name, key in SECTION.items()}
SETTINGS = {"profiles": DEFAULTS, "tumour_type": "sarcoma", "rivals": ["nfkb"]}
NO_LESIONS = read_lesions(None, "", ())
COMPARTMENTS = ("tumour", "microenvironment", "bulk")
GENES = ["IL6", "IL6R", "IL6ST", "JAK1", "JAK2", "LIF", "LIFR", "STAT3", "ACTB"]
LIGANDS = pd.DataFrame(
    [
        ("il6", "IL6", "IL6R;IL6ST", "JAK1;JAK2", "fibroblast", "tumour"),
        ("lif", "LIF", "LIFR;IL6ST", "JAK1;JAK2", "tumour", "tumour"),
    ],
    columns=["mechanism", "ligand", "receptor", "kinases", "sender", "receiver"],
)
# Activity of tumour and microenvironment; the names would be numbers if anything took them for such.
ACTIVITIES = {"001": (3.0, -2.0), "002": (3.0, -2.0), "003": (-2.0, -2.0)}
SAMPLES = [{"sample": sample, "patient": f"p{sample}"} for sample in ACTIVITIES]


def score(sample, compartment, activity, axis="stat3_core") -> dict:
    return {
        "sample": sample,
        "compartment": compartment,
        "axis": axis,
        "score": activity,
        "activity": activity,
        "ci_low": activity - 1,
        "ci_high": activity + 1,
        "interval": "",
        "p_value": 0.01,
        "q_value": 0.01,
        "n_targets": 17,
        "coverage": 1.0,
        "n_cells": 50,
        "fraction": 0.5,
        "reliability": np.nan,
        "leading_genes": "SOCS3",
        "activity_without_top_gene": activity,
        "reference": "cohort (n=12)",
        "inflation": 1.0,
        "reason": "",
    }


def scores(activities=ACTIVITIES) -> pd.DataFrame:
    rows = []
    for sample, (tumour, other) in activities.items():
        for axis in ("stat3_core", "stat3_regulon"):
            values = zip(COMPARTMENTS, (tumour, other, tumour), strict=True)
            rows += [score(sample, compartment, value, axis) for compartment, value in values]
    return pd.DataFrame(rows)


def otherwise() -> pd.DataFrame:
    """Return other scores: without ambient RNA the tumour of 002 is no longer on; doublets of 003 change nothing."""
    ambient = scores({sample: (0.2 if sample == "002" else pair[0], pair[1]) for sample, pair in ACTIVITIES.items()})
    doublets = scores({"003": (-1.9, -2.0)})
    ambient = ambient[ambient["compartment"] != "bulk"].assign(guard="ambient", contamination=0.1)
    doublets = doublets[doublets["compartment"] != "microenvironment"].assign(guard="doublets", n_doublets=8)
    table = pd.concat([ambient, doublets], ignore_index=True)
    return table.assign(contamination_low=np.nan, contamination_high=np.nan, q_value=np.nan)


def composition() -> pd.DataFrame:
    rows = [(sample, name, 50, 0.5, "") for sample in ACTIVITIES for name in ("tumour", "microenvironment")]
    return pd.DataFrame(rows, columns=["sample", "compartment", "n_cells", "fraction", "reason"])


def expression(scale="counts", layer=True) -> ad.AnnData:
    """Return all genes expressed everywhere; without ambient RNA tumour cells make no LIF, where that is known."""
    names = [(sample, name) for sample in ACTIVITIES for name in COMPARTMENTS]
    obs = pd.DataFrame(names, columns=["sample", "compartment"], index=["|".join(name) for name in names])
    adata = ad.AnnData(np.full((len(names), len(GENES)), 5.0, np.float32), obs.assign(reason=""))
    adata.var_names = GENES
    adata.uns["scale"] = scale
    if layer:
        cleaned = adata.X.copy()
        cleaned[np.ix_(obs["compartment"] == "tumour", adata.var_names == "LIF")] = 0.0
        adata.layers[AMBIENT_LAYER] = cleaned
        # Nothing was estimated for the tumour of 003.
        adata.obs["ambient_reason"] = np.where(adata.obs_names == "003|tumour", "NO_AMBIENT_MARKERS", "")
    return adata


def profile(adata, table, other, parts, kind):
    return profile_cohort(adata, table, other, parts, LIGANDS, SAMPLES, {}, NO_LESIONS, SETTINGS | {"type": kind})


def single_cell(adata=None, table=None, other=None):
    adata = expression() if adata is None else adata
    table = scores() if table is None else table
    return profile(adata, table, otherwise() if other is None else other, composition(), "single_cell")


def test_single_cell_calls_know_their_guards():
    found = single_cell()
    guards = found.guards.set_index(["guard", "sample", "compartment"])
    assert list(found.guards.columns) == list(GUARD_COLUMNS) and len(guards) == 6 + 2
    flagged = guards[guards["flag"] != ""]
    assert flagged["flag"].to_dict() == {("ambient", "002", "tumour"): "AMBIENT_SENSITIVE"}
    row = flagged.iloc[0]
    assert (row["state"], row["state_otherwise"], row["activity"], row["activity_otherwise"]) == (
        "ON",
        "UNKNOWN",
        3.0,
        0.2,
    )
    calls = found.calls.set_index("sample")
    assert list(found.calls.columns) == CALL_COLUMNS
    assert calls["call"].to_dict() == {
        "001": "TUMOUR_INTRINSIC_ACTIVE",
        "002": "TUMOUR_INTRINSIC_ACTIVE",
        "003": "INACTIVE",
    }
    assert calls["confidence"].to_dict() == {"001": "high", "002": "moderate", "003": "high"}
    assert calls["reason_codes"].to_dict() == {"001": "", "002": "AMBIENT_SENSITIVE", "003": ""}
    # The scores stay those of the counts as measured.
    assert calls.at["002", "tumour_activity"] == 3.0
    assert (calls["purity_source"] == "share of cells").all()


def test_single_cell_drivers_are_looked_up_without_ambient_rna():
    found = single_cell()
    keys = ["sample", "ligand", "sender"]
    holds = found.drivers.groupby(keys)["without_ambient"].agg(lambda values: {*values}).to_dict()
    expected = {}
    for sample in ("001", "002", "003"):
        expected[sample, "IL6", "microenvironment"] = expected[sample, "LIF", "microenvironment"] = {True}
        expected[sample, "IL6", "tumour"], expected[sample, "LIF", "tumour"] = {True}, {False}
    expected["003", "IL6", "tumour"] = expected["003", "LIF", "tumour"] = {None}
    assert holds == expected
    driver = found.calls.set_index("sample")["driver"]
    assert "LIF (tumour -> tumour)" not in driver["001"] and "IL6 (tumour -> tumour)" in driver["001"]


def test_guards_judge_by_the_panels_of_the_tumour_type():
    """The epithelial panel votes in carcinoma; without ambient RNA it disagrees with the core panel there."""
    main = pd.concat([scores(), pd.DataFrame([score("001", "tumour", 1.0, "stat3_epithelial")])])
    other = pd.DataFrame([score("001", "tumour", -1.0, "stat3_epithelial")]).assign(guard="ambient")
    other = pd.concat([otherwise(), other])
    assert single_cell(table=main, other=other).calls["reason_codes"].tolist() == ["", "AMBIENT_SENSITIVE", ""]
    settings = SETTINGS | {"type": "single_cell", "tumour_type": "carcinoma"}
    found = profile_cohort(expression(), main, other, composition(), LIGANDS, SAMPLES, {}, NO_LESIONS, settings)
    assert found.calls["reason_codes"].str.contains("AMBIENT_SENSITIVE").tolist() == [True, True, False]


@pytest.mark.filterwarnings("error")
def test_where_ambient_rna_was_estimated_nowhere_drivers_say_nothing_about_it():
    """As for cells sorted into wells: the layer is there, and is what was measured."""
    adata = expression("tpm")
    adata.layers[AMBIENT_LAYER] = adata.X.copy()
    adata.obs["ambient_reason"] = np.where(adata.obs["compartment"] == "bulk", "", "NOT_COUNTS")
    found = single_cell(adata)
    assert len(found.drivers) and found.drivers["without_ambient"].isna().all()
    assert "LIF (tumour -> tumour)" in found.calls.set_index("sample").at["001", "driver"]


def test_profiles_and_matrix_hold_the_main_scores():
    found = single_cell()
    assert list(found.profiles.columns) == PROFILE_COLUMNS
    assert found.matrix.shape == (9, 2)
    assert float(found.matrix["002|tumour", "stat3_core"].X[0, 0]) == 3.0
    assert found.matrix.obs.at["002|tumour", "patient"] == "p002"


def bulk(adata=None, other=None):
    adata = expression(layer=False) if adata is None else adata
    parts = composition().assign(fraction=np.nan, n_cells=np.nan)
    table = scores()
    return profile(adata, table[table["compartment"] == "bulk"], other, parts, "bulk")


def test_bulk_has_no_guards():
    adata = expression(layer=False)
    found = bulk(adata[adata.obs["compartment"] == "bulk"].copy())
    assert found.guards.empty and list(found.guards.columns) == list(GUARD_COLUMNS)
    assert set(found.calls["call"]) == {"INDETERMINATE"} and set(found.calls["driver"]) == {"not_assessed"}
    assert found.calls["bulk_state"].tolist() == ["ON", "ON", "OFF"]
    assert all(codes.startswith("BULK_ONLY") and "SENSITIVE" not in codes for codes in found.calls["reason_codes"])
    assert found.drivers.empty and list(found.drivers.columns) == DRIVER_COLUMNS


def test_compartments_without_an_ambient_layer_have_drivers_that_say_nothing_about_it():
    drivers = bulk().drivers
    assert len(drivers) and drivers["without_ambient"].isna().all()
    plain = single_cell().drivers
    pd.testing.assert_frame_equal(drivers.drop(columns="without_ambient"), plain.drop(columns="without_ambient"))


@pytest.mark.parametrize("scale", ["log2", "log2_ratio"])
def test_scales_that_do_not_tell_expressed_from_not_have_no_drivers(scale):
    found = bulk(expression(scale, layer=False))
    assert found.drivers.empty and set(found.calls["driver"]) == {"not_assessed"}


def test_files_give_the_same_as_memory(tmp_path):
    """As in the workflow: expression backed by its file, tables as they are read from theirs."""
    tables.write_h5ad(tmp_path / "expression.h5ad", expression())
    tables.write_table(tmp_path / "scores.tsv", scores())
    tables.write_table(tmp_path / "guards.tsv", otherwise())
    read = [tables.read_table(tmp_path / f"{name}.tsv") for name in ("scores", "guards")]
    found = single_cell(ad.read_h5ad(tmp_path / "expression.h5ad", backed="r"), *read)
    expected = single_cell()
    for name in ("profiles", "calls", "drivers", "guards"):
        tables.write_table(tmp_path / f"{name}.1.tsv", getattr(found, name))
        tables.write_table(tmp_path / f"{name}.2.tsv", getattr(expected, name))
        assert (tmp_path / f"{name}.1.tsv").read_bytes() == (tmp_path / f"{name}.2.tsv").read_bytes()


def test_thresholds_that_contradict_each_other_stop_the_run():
    settings = SETTINGS | {"type": "single_cell", "profiles": DEFAULTS | {"off_ci_high": 9.0}}
    with pytest.raises(InputProblems, match="off_ci_high"):
        profile_cohort(expression(), scores(), otherwise(), composition(), LIGANDS, SAMPLES, {}, NO_LESIONS, settings)
