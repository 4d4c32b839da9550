"""Scores of the guards: the other expression, the same reference, only the rows a guard applies to."""

from functools import cache

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from stat3act.activity.assemble import SCORE_COLUMNS
from stat3act.activity.guards import GUARDS, MEASURED_COLUMNS, guard_scores
from stat3act.activity.measure import measure_cohort
from stat3act.activity.score import score_cohort

SETTINGS = {
    "reference": "cohort",
    "rivals": ["ifn_stat1", "proliferation"],
    "clip": 5,
    "min_log2_cpm": 0.0,
    "min_scale": 0.5,
    "min_targets": 10,
    "min_programme_targets": 4,
    "confidence_level": 0.9,
    "min_reference_samples": 3,
    "also": [],
}
GENES = [f"g{i:04d}" for i in range(450)]
CORE = GENES[:20]
PANELS = {
    "stat3_core": CORE,
    "ifn_stat1": GENES[30:60],
    "proliferation": GENES[70:90],
    "programme:survival": GENES[100:105],
}
AXES = pd.DataFrame(
    [(axis, gene, 1.0, "core", "all") for axis, genes in PANELS.items() for gene in genes],
    columns=["axis", "gene", "weight", "panel", "compartments"],
)
COMPARTMENTS = ("tumour", "microenvironment", "bulk")
NAMES = [(f"s{i:02d}", name) for i in range(10) for name in COMPARTMENTS]
SAMPLES = [{"sample": f"s{i:02d}", "stratum": "", "control": False} for i in range(10)]
IN_STRATA = [
    row | {"stratum": "early" if number < 5 else "late", "control": number in (0, 1, 5, 6)}
    for number, row in enumerate(SAMPLES)
]
KEYS = ["sample", "compartment", "axis"]
NUMBERS = ["score", "activity", "ci_low", "ci_high", "p_value", "activity_without_top_gene", "inflation", "n_targets"]
LAYERS = tuple(GUARDS.values())


def expression() -> ad.AnnData:
    """Return ten samples; one tumour has too few cells, one no ambient estimate, and doublets came from two rows."""
    rng = np.random.default_rng(0)
    obs = pd.DataFrame(NAMES, columns=["sample", "compartment"], index=["|".join(name) for name in NAMES])
    obs = obs.assign(reason="", contamination=0.07, contamination_low=0.02, contamination_high=0.1, n_doublets=0)
    obs["ambient_reason"] = ""
    obs.loc["s09|tumour", "reason"] = "LOW_CELLS"
    unknown = (obs["compartment"] == "bulk") | (obs.index == "s04|tumour")
    obs.loc[unknown, ["contamination", "contamination_low", "contamination_high"]] = np.nan
    obs.loc["s04|tumour", "ambient_reason"] = "NO_AMBIENT_MARKERS"
    obs.loc[["s03|tumour", "s03|bulk"], "n_doublets"] = 12
    adata = ad.AnnData(rng.normal(6, 1, (len(obs), len(GENES))), obs=obs, var=pd.DataFrame(index=GENES))
    adata.uns["scale"] = "counts"
    for layer in LAYERS:
        adata.layers[layer] = adata.X.copy()
    return adata


def raise_core(adata, layer, row, by):
    """Add to the core panel of one row in one layer."""
    adata.layers[layer][adata.obs_names.get_loc(row), adata.var_names.get_indexer(CORE)] += by


@cache
def references_of(kind):
    """Measure the reference once: no test changes what was measured."""
    return measure_cohort(
        expression(), AXES, IN_STRATA if kind == "controls" else SAMPLES, SETTINGS | {"reference": kind}
    )


def guard(adata, samples=SAMPLES, **changes):
    settings = SETTINGS | changes
    return guard_scores(adata, AXES, samples, settings, references_of(settings["reference"]))


def otherwise_by_hand(adata, layer, samples=SAMPLES, **changes):
    """Score the cohort as if the layer had been measured, against the reference of what was."""
    settings = SETTINGS | changes
    other = ad.AnnData(adata.layers[layer], obs=adata.obs, var=adata.var, uns=dict(adata.uns))
    return score_cohort(other, AXES, samples, settings, references_of(settings["reference"])).set_index(KEYS)


def assert_scores(found: pd.DataFrame, expected: pd.DataFrame):
    """Compare the numbers of rows that have them."""
    scored = found[found["activity"].notna()].set_index(KEYS)
    assert len(scored)
    for column in NUMBERS:
        np.testing.assert_allclose(scored[column], expected.loc[scored.index, column].astype(float), err_msg=column)


@pytest.mark.filterwarnings("error")
def test_the_rows_and_columns_of_each_guard():
    table = guard(expression())
    assert list(table.columns) == ["guard", *SCORE_COLUMNS, *MEASURED_COLUMNS]
    rows = {name: set(zip(part["sample"], part["compartment"], strict=True)) for name, part in table.groupby("guard")}
    # The whole sample has no ambient RNA from elsewhere; doublets matter where some were taken out.
    assert rows["ambient"] == {name for name in NAMES if name[1] != "bulk"}
    assert rows["doublets"] == {("s03", "tumour"), ("s03", "bulk")}
    for _, part in table.groupby(["guard", "sample", "compartment"]):
        assert part["axis"].tolist() == ["ifn_stat1", "proliferation", "stat3_core"]  # no programme
    assert table["q_value"].isna().all()


def test_the_same_expression_has_the_main_scores():
    adata = expression()
    table = guard(adata)
    main = otherwise_by_hand(adata, LAYERS[0])
    # Two rows with doublets alone would be no reference: they are scored as members of the whole cohort.
    for _, part in table.groupby("guard"):
        assert_scores(part, main)
    assert table["activity"].notna().sum() == 3 * (20 - 2 + 2)


@pytest.mark.parametrize("name", list(GUARDS))
def test_a_changed_row_moves_alone_and_in_its_guard_only(name):
    adata = expression()
    before = guard(adata)
    raise_core(adata, GUARDS[name], "s03|tumour", 2.5)
    after = guard(adata)
    moved = ~np.isclose(before["activity"], after["activity"], equal_nan=True)
    changed = after[moved]
    assert set(changed["guard"]) == {name}
    assert set(zip(changed["sample"], changed["compartment"], strict=True)) == {("s03", "tumour")}
    core = changed["axis"].eq("stat3_core")
    assert (changed.loc[core, "activity"] - before.loc[changed.index[core], "activity"]).item() > 2
    assert_scores(after[after["guard"] == name], otherwise_by_hand(adata, GUARDS[name]))


def test_all_rows_are_compared_with_what_was_measured():
    """Without ambient RNA every tumour is higher, which a reference measured without it too would hide."""
    adata = expression()
    before = guard(adata)
    for sample in SAMPLES:
        raise_core(adata, GUARDS["ambient"], f"{sample['sample']}|tumour", 2.0)
    after = guard(adata)
    rise = (after["activity"] - before["activity"])[
        after["guard"].eq("ambient") & after["axis"].eq("stat3_core") & after["compartment"].eq("tumour")
    ]
    assert (rise.dropna() > 1.5).all() and rise.notna().sum() == 8


def test_what_could_not_be_guarded_has_a_reason_and_no_numbers():
    adata = expression()
    raise_core(adata, GUARDS["ambient"], "s04|tumour", 9.0)
    table = guard(adata).set_index(["guard", "sample", "compartment"]).sort_index()
    absent = table.loc[("ambient", "s04", "tumour")]
    assert set(absent["reason"]) == {"NO_AMBIENT_MARKERS"} and len(absent) == 3
    empty = [column for column in SCORE_COLUMNS if column not in ("sample", "compartment", "axis", "reason")]
    assert absent[empty].isna().all(axis=None)
    silent = table.loc[("ambient", "s09", "tumour")]
    assert set(silent["reason"]) == {"LOW_CELLS"} and silent["activity"].isna().all()
    others = table.drop([("ambient", "s04", "tumour"), ("ambient", "s09", "tumour")])
    assert (others["reason"] == "").all() and others["activity"].notna().all()


def test_what_was_measured_stands_beside_the_scores():
    table = guard(expression())
    ambient, doublets = (table[table["guard"] == name] for name in GUARDS)
    known = ~((ambient["sample"] == "s04") & (ambient["compartment"] == "tumour"))
    shares = ambient[["contamination", "contamination_low", "contamination_high"]]
    assert (shares[known] == [0.07, 0.02, 0.1]).all(axis=None) and shares[~known].isna().all(axis=None)
    assert ambient["n_doublets"].isna().all()
    assert (doublets["n_doublets"] == 12).all() and doublets["contamination"].isna().all()


def test_controls_and_strata_are_those_of_the_main_scores():
    adata = expression()
    raise_core(adata, GUARDS["doublets"], "s03|bulk", 1.5)
    table = guard(adata, IN_STRATA, reference="controls")
    for name, layer in GUARDS.items():
        expected = otherwise_by_hand(adata, layer, IN_STRATA, reference="controls")
        assert_scores(table[table["guard"] == name], expected)
    assert set(table.loc[table["sample"] == "s03", "reference"]) == {"controls (n=2, early)"}


def test_other_methods_are_not_computed():
    adata = expression()
    pd.testing.assert_frame_equal(guard(adata), guard(adata, also=["a method that would stop the run"]))


def test_order_of_rows_does_not_matter():
    adata = expression()
    raise_core(adata, GUARDS["ambient"], "s02|microenvironment", 1.0)
    order = np.random.default_rng(1).permutation(adata.n_obs)
    pd.testing.assert_frame_equal(guard(adata), guard(adata[order].copy()), rtol=1e-9)


@pytest.mark.filterwarnings("error")
def test_without_doublets_only_ambient_rna_is_guarded_and_without_either_nothing():
    adata = expression()
    adata.obs["n_doublets"] = 0
    assert set(guard(adata)["guard"]) == {"ambient"}
    bulk = guard(adata[adata.obs["compartment"] == "bulk"].copy())
    assert bulk.empty and list(bulk.columns) == ["guard", *SCORE_COLUMNS, *MEASURED_COLUMNS]
