"""Agreement with phospho-STAT3, against scipy and by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from stat3act.problems import InputProblems
from stat3act.validation.phospho import (
    PHOSPHO_COLUMNS,
    SAMPLE_COLUMNS,
    compare_with_phospho,
    match_samples,
    phospho_values,
    purity_values,
    spearman_interval,
    unsigned_genes,
    unsigned_score,
)

AXES = pd.DataFrame(
    {
        "axis": ["stat3_core", "stat3_core", "stat3_epithelial", "ifn_stat1"],
        "gene": ["SOCS3", "BCL3", "HP", "MX1"],
    }
)
LIGANDS = pd.DataFrame(
    {
        "ligand": ["IL6", "EGF", None],
        "receptor": ["IL6R;IL6ST", "EGFR", "IL6ST"],
    }
)


@pytest.mark.parametrize("ties", [False, True])
def test_spearman_is_scipys(ties):
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(2, 25))
    if ties:
        x, y = x.round(), y.round()
    estimate, low, high = spearman_interval(x, y, 500, 0.95, 1)
    assert estimate == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)
    assert low < estimate < high


def test_the_interval_is_the_percentile_interval_of_scipys_draws():
    rng = np.random.default_rng(5)
    x = rng.normal(size=15)
    y = x + rng.normal(size=15)
    _, low, high = spearman_interval(x, y, 200, 0.9, 7)
    draws = np.random.default_rng(7).integers(15, size=(200, 15))
    found = [stats.spearmanr(x[draw], y[draw]).statistic for draw in draws]
    assert (low, high) == pytest.approx(tuple(np.quantile(found, [0.05, 0.95])), abs=1e-9)
    assert spearman_interval(x, y, 200, 0.9, 7) == spearman_interval(x, y, 200, 0.9, 7)
    assert spearman_interval(x, -y, 200, 0.9, 7)[0] == pytest.approx(-spearman_interval(x, y, 200, 0.9, 7)[0])


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(8)
    truth = 6 / np.pi * np.arcsin(0.6 / 2)  # Spearman of a bivariate normal with Pearson 0.6
    hits = 0
    for _ in range(100):
        x, y = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], size=60).T
        _, low, high = spearman_interval(x, y, 300, 0.9, 1)
        hits += low <= truth <= high
    assert 80 <= hits <= 98


def test_a_constant_measure_has_no_correlation():
    assert np.isnan(spearman_interval(np.ones(9), np.arange(9.0), 100, 0.9, 1)).all()


def test_matching_by_hand():
    samples = pd.DataFrame(
        [
            ("TCGA-AA-0002-01A-11R", "TCGA-AA-0002"),
            ("TCGA-AA-0001-11A-11R", "TCGA-AA-0001"),
            ("TCGA-AA-0001-01A-11R", "TCGA-AA-0001"),
            ("TCGA-AA-0003-01A-11R", "TCGA-AA-0003"),
            ("TCGA-AA-0003-01A-22R", "TCGA-AA-0003"),
            ("TCGA-AA-0004-01A-11R", "TCGA-AA-0004"),
        ],
        columns=["sample", "patient"],
    )
    measured = [
        "TCGA-AA-0001-01A-21",
        "TCGA-AA-0001-11A-21",
        "TCGA-AA-0002-01A-99",
        "TCGA-AA-0002-01A-21",
        "TCGA-AA-0003-01A-21",
        "TCGA-AA-0009-01A-21",
    ]
    found = match_samples(samples, measured, 15).set_index("sample")
    assert found["phospho_sample"].to_dict() == {
        "TCGA-AA-0001-01A-11R": "TCGA-AA-0001-01A-21",
        "TCGA-AA-0001-11A-11R": "",
        "TCGA-AA-0002-01A-11R": "TCGA-AA-0002-01A-21",  # the first aliquot of two
        "TCGA-AA-0003-01A-11R": "TCGA-AA-0003-01A-21",
        "TCGA-AA-0003-01A-22R": "",
        "TCGA-AA-0004-01A-11R": "",
    }
    assert found["note"].tolist() == [
        "",
        "another sample of the patient is used",
        "",
        "",
        "another sample with the same name start is used",
        "no phospho measurement",
    ]
    again = match_samples(samples.iloc[::-1], measured[::-1], 15)
    pd.testing.assert_frame_equal(again, found.reset_index())
    assert (match_samples(samples, measured, None)["note"] == "no phospho measurement").all()


def table_of(values, column="STAT3_pY705"):
    return pd.DataFrame({"sample": [f"s{i:02d}" for i in range(len(values))], column: values})


def test_a_missing_column_names_its_neighbours():
    with pytest.raises(InputProblems, match=r"nearest: STAT3_pY705") as caught:
        phospho_values(table_of([1.0, 2.0]), "STAT3pY705", "rppa.tsv")
    [problem] = caught.value.problems
    assert (problem.file, problem.where) == ("rppa.tsv", "column 'STAT3pY705'")
    with pytest.raises(InputProblems, match="none like it"):
        phospho_values(table_of([1.0], column="AKT"), "STAT3_pY705", "rppa.tsv")


def test_text_and_doubles_are_told_together():
    table = table_of([1.0, "high", 2.0])
    table.loc[2, "sample"] = "s00"
    with pytest.raises(InputProblems) as caught:
        phospho_values(table, "STAT3_pY705", "rppa.tsv")
    assert [problem.where for problem in caught.value.problems] == ["column 'STAT3_pY705'", "first column"]


def test_missing_phospho_values_are_left_out():
    assert phospho_values(table_of([1.0, np.nan, 2.0]), "STAT3_pY705", "f").index.tolist() == ["s00", "s02"]


def test_unsigned_genes_are_targets_and_the_gp130_family():
    assert unsigned_genes(AXES, LIGANDS) == ["BCL3", "HP", "IL6", "IL6R", "IL6ST", "SOCS3"]


def test_unsigned_score_by_hand():
    levels = pd.DataFrame({"A": [1.0, 2.0, 3.0], "B": [30.0, 20.0, 10.0], "C": [5.0, 5.0, 5.0], "D": [9.0, 0.0, 0.0]})
    # A is -1, 0, 1 and B is 1, 0, -1; C is constant and left out; D is not asked for.
    assert unsigned_score(levels, ["A", "B", "C", "X"]).tolist() == pytest.approx([0, 0, 0])
    assert unsigned_score(levels, ["A"]).tolist() == pytest.approx([-1, 0, 1])


def cohort(n=12):
    rng = np.random.default_rng(11)
    names = [f"s{i:02d}" for i in range(n)]
    phospho = pd.DataFrame({"name": [f"{name}-rppa" for name in names], "STAT3_pY705": rng.normal(size=n)})
    activity = phospho["STAT3_pY705"] + 0.3 * rng.normal(size=n)
    rows = [
        (name, "bulk", "stat3_core", value, noise)
        for name, value, noise in zip(names, activity, rng.normal(size=n), strict=True)
    ]
    rows += [(name, "tumour", "stat3_core", value, value) for name, value in zip(names[:5], activity, strict=False)]
    scores = pd.DataFrame(rows, columns=["sample", "compartment", "axis", "activity", "score"])
    levels = pd.DataFrame(rng.normal(size=(n, 4)), names, ["STAT3", "SOCS3", "BCL3", "IL6"])
    samples = [{"sample": name, "patient": name, "purity": str(i / n)} for i, name in enumerate(names)]
    settings = {
        "phospho_column": "STAT3_pY705",
        "phospho_sample_characters": 3,
        "purity": "purity",
        "bootstraps": 300,
        "confidence_level": 0.95,
    }
    return phospho, scores, levels, samples, settings


def compare(phospho, scores, levels, samples, settings):
    return compare_with_phospho(phospho, "rppa.tsv", scores, levels, AXES, LIGANDS, samples, 3, settings)


def test_every_method_stands_beside_the_activity():
    phospho, scores, levels, samples, settings = cohort()
    found, matched = compare(phospho, scores, levels, samples, settings)
    assert list(found.columns) == PHOSPHO_COLUMNS
    assert list(matched.columns) == SAMPLE_COLUMNS
    table = found.set_index(["group", "method"])
    assert list(table.index) == [
        ("bulk", "stat3_core_activity"),
        ("bulk", "stat3_core_score"),
        ("tumour", "stat3_core_activity"),
        ("tumour", "stat3_core_score"),
        ("bulk", "stat3_mrna"),
        ("bulk", "socs3_mrna"),
        ("bulk", "unsigned_pathway"),
        ("bulk", "purity"),
    ]
    truth = phospho["STAT3_pY705"].to_numpy()
    activity = scores.loc[scores["compartment"] == "bulk", "activity"].to_numpy()
    expected = {
        "stat3_core_activity": activity,
        "stat3_mrna": levels["STAT3"].to_numpy(),
        "purity": np.arange(12.0),
    }
    for method, values in expected.items():
        row = table.loc[("bulk", method)]
        assert row["spearman"] == pytest.approx(stats.spearmanr(values, truth).statistic)
        assert row["n"] == 12
    assert table.loc[("bulk", "stat3_core_activity"), "low"] > 0.5
    few = table.loc[("tumour", "stat3_core_activity")]
    assert few["n"] == 5
    assert few[["spearman", "low", "high"]].isna().all()


def test_sample_order_does_not_matter():
    phospho, scores, levels, samples, settings = cohort()
    first = compare(phospho, scores, levels, samples, settings)
    again = compare(phospho.iloc[::-1], scores.iloc[::-1], levels.iloc[::-1], samples[::-1], settings)
    for left, right in zip(first, again, strict=True):
        pd.testing.assert_frame_equal(left, right)


def test_fewer_than_eight_matches_stop_with_an_example():
    phospho, scores, levels, samples, settings = cohort()
    with pytest.raises(InputProblems, match=r"0 of 12 samples match .*'s00'.*'s00-rppa'"):
        compare(phospho, scores, levels, samples, {**settings, "phospho_sample_characters": None})
    with pytest.raises(InputProblems, match="7 of 12 samples match"):
        compare(phospho.iloc[:7], scores, levels, samples, settings)


def test_purity_that_is_not_a_number_is_a_problem():
    sheet = pd.DataFrame({"sample": ["a", "b", "c"], "purity": ["0.5", "", "much"]})
    with pytest.raises(InputProblems, match="'c'"):
        purity_values(sheet, "purity")
    with pytest.raises(InputProblems, match="no such column"):
        purity_values(sheet, "cpe")
    assert purity_values(sheet.iloc[:2], "purity").tolist()[0] == 0.5
    assert purity_values(sheet, None) is None
