"""Scoring a cohort: who is scored against what, and what is left unknown."""

import numpy as np
import pandas as pd
import pytest

from stat3act.activity.assemble import SCORE_COLUMNS, assemble_scores
from stat3act.activity.measure import measure_references
from stat3act.activity.prepare import rivals_of
from stat3act.activity.score import score_rows
from stat3act.problems import InputProblems

SETTINGS = {
    "reference": "cohort",
    "rivals": ["ifn_stat1"],
    "clip": 5,
    "min_log2_cpm": 0.0,
    "min_scale": 0.5,
    "min_targets": 10,
    "min_programme_targets": 4,
    "confidence_level": 0.9,
    "min_reference_samples": 3,
}
GENES = [f"g{i:04d}" for i in range(1500)]


@pytest.fixture
def axes():
    rows = [("stat3_core", gene, 1.0, "core", "all") for gene in GENES[:15]]
    rows += [("stat3_epithelial", gene, 1.0, "epithelial", "tumour") for gene in GENES[15:27]]
    rows += [("ifn_stat1", gene, 1.0, "interferon", "all") for gene in GENES[30:60]]
    rows += [("ifn_stat1", GENES[0], 0.3, "shared", "all")]
    rows += [("programme:survival", gene, 1.0, "programme", "all") for gene in GENES[70:75]]
    return pd.DataFrame(rows, columns=["axis", "gene", "weight", "panel", "compartments"])


def cohort(samples=12, compartments=("tumour", "microenvironment"), seed=0):
    rng = np.random.default_rng(seed)
    index = [f"s{i:02d}|{compartment}" for i in range(samples) for compartment in compartments]
    rows = pd.DataFrame([name.split("|") for name in index], columns=["sample", "compartment"], index=index)
    rows["stratum"], rows["reason"] = "", ""
    expression = pd.DataFrame(rng.normal(6, 1, size=(len(index), len(GENES))), index=index, columns=GENES)
    return expression, rows


def score(expression, rows, axes, controls=frozenset(), frozen=None, **changes):
    settings = SETTINGS | changes
    reference = frozen
    if reference is None:
        reference = measure_references(expression, rows, axes, settings, 0.0, controls, "counts")
    return score_rows(expression, rows, axes, settings, 0.0, controls, reference), reference


def test_a_planted_tumour_is_found_in_its_own_compartment_only(axes):
    expression, rows = cohort()
    expression.loc["s03|tumour", GENES[:15]] += 3
    scores, _ = score(expression, rows, axes)
    core = scores[scores["axis"] == "stat3_core"].set_index(["sample", "compartment"])
    assert core["activity"].idxmax() == ("s03", "tumour")
    assert core.loc[("s03", "tumour"), "p_value"] < 1e-4
    assert abs(core.loc[("s03", "microenvironment"), "activity"]) < 3
    assert set(core.loc[("s03", "tumour"), "leading_genes"].split(";")) <= set(GENES[:15])
    assert core.loc[("s03", "tumour"), "activity_without_top_gene"] < core.loc[("s03", "tumour"), "activity"]


def test_rows_with_a_reason_are_listed_but_not_scored(axes):
    expression, rows = cohort()
    rows.loc["s00|tumour", "reason"] = "LOW_CELLS"
    scores, reference = score(expression, rows, axes)
    silent = scores[(scores["sample"] == "s00") & (scores["compartment"] == "tumour")]
    assert set(silent["reason"]) == {"LOW_CELLS"} and silent["activity"].isna().all()
    assert len(silent) == axes["axis"].nunique()
    assert set(reference.loc[reference["compartment"] == "tumour", "n"].dropna()) == {11}


def test_an_axis_without_meaning_or_genes_is_unknown(axes):
    expression, rows = cohort()
    scores, _ = score(expression.drop(columns=GENES[15:20]), rows, axes)
    reasons = scores[scores["axis"] == "stat3_epithelial"].groupby("compartment")["reason"].first()
    assert reasons["microenvironment"] == "NOT_MEANINGFUL"
    assert reasons["tumour"] == "LOW_COVERAGE"
    programme = scores[scores["axis"] == "programme:survival"]
    assert (programme["reason"] == "").all() and (programme["n_targets"] == 5).all()


def test_too_few_reference_rows_leave_everything_unknown(axes):
    expression, rows = cohort(samples=2)
    scores, reference = score(expression, rows, axes)
    assert set(scores["reason"]) == {"NO_REFERENCE"} and reference.empty


def test_controls_of_the_same_stratum_are_the_reference(axes):
    expression, rows = cohort(compartments=("bulk",))
    rows["stratum"] = ["early"] * 6 + ["late"] * 6
    expression.loc[rows["stratum"] == "late"] += np.linspace(0, 4, len(GENES))
    expression.loc["s11|bulk", GENES[:15]] += 3
    controls = {f"s{i:02d}" for i in (0, 1, 2, 6, 7, 8)}
    scores, reference = score(expression, rows, axes, controls, reference="controls")
    core = scores[scores["axis"] == "stat3_core"].set_index("sample")
    assert core["activity"].idxmax() == "s11" and core.at["s11", "activity"] > 4
    assert core.at["s11", "reference"] == "controls (n=3, late)"
    assert set(reference["stratum"].dropna()) == {"early", "late"}


def test_a_frozen_reference_does_not_change_when_samples_are_dropped(axes):
    expression, rows = cohort()
    _, reference = score(expression, rows, axes)
    everything, _ = score(expression, rows, axes, frozen=reference, reference="old.tsv")
    one = rows["sample"] == "s05"
    alone, _ = score(expression[one], rows[one], axes, frozen=reference, reference="old.tsv")
    both = alone.merge(everything, on=["sample", "compartment", "axis"], suffixes=("", "_all"))
    assert len(both) == len(alone) > 0
    np.testing.assert_allclose(both["activity"], both["activity_all"], atol=1e-9)
    assert alone["reference"].iloc[0] == "frozen old.tsv (n=12)"


def test_order_of_rows_and_genes_does_not_matter(axes):
    expression, rows = cohort()
    shuffled = np.random.default_rng(1).permutation(len(rows))
    first, _ = score(expression, rows, axes)
    again, _ = score(expression.iloc[shuffled, ::-1], rows.iloc[shuffled], axes.sample(frac=1, random_state=0))
    key = ["sample", "compartment", "axis"]
    pd.testing.assert_frame_equal(
        first.sort_values(key, ignore_index=True), again.sort_values(key, ignore_index=True), rtol=1e-9
    )


def test_too_few_genes_are_a_problem_with_a_mend(axes):
    expression, rows = cohort()
    with pytest.raises(InputProblems, match="min_log2_cpm"):
        measure_references(expression - 6, rows, axes, SETTINGS, 3.0, set(), "counts")


def test_a_rival_is_scored_beside_the_other_rivals_and_stat3():
    assert rivals_of("stat3_core", ["a", "b"]) == ["a", "b"]
    assert rivals_of("a", ["a", "b"]) == ["b", "stat3_core"]


def test_the_table_has_q_values_per_axis_and_the_composition(axes):
    expression, rows = cohort()
    scores, _ = score(expression, rows, axes)
    composition = rows[["sample", "compartment"]].assign(n_cells=50, fraction=0.5, reason="")
    empty = {"sample": "s99", "compartment": "tumour", "n_cells": 3, "fraction": 0.1, "reason": "LOW_CELLS"}
    composition = pd.concat([composition, pd.DataFrame([empty])], ignore_index=True)
    table = assemble_scores([scores], composition)
    absent = table[table["sample"] == "s99"]
    assert set(absent["reason"]) == {"LOW_CELLS"} and sorted(absent["axis"]) == sorted(axes["axis"].unique())
    assert absent["activity"].isna().all()
    assert list(table.columns) == SCORE_COLUMNS
    core = table[table["axis"] == "stat3_core"]
    order = core["p_value"].dropna().sort_values()
    expected = (order * len(order) / np.arange(1, len(order) + 1))[::-1].cummin()[::-1].clip(upper=1)
    np.testing.assert_allclose(core["q_value"].loc[order.index], expected)
    assert (table.loc[table["sample"] != "s99", "n_cells"] == 50).all()
