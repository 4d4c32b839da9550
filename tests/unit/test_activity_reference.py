"""Location, scale and standardisation against textbook formulas."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import polygamma

from stat3act import tables
from stat3act.activity.reference import (
    check_frozen,
    fingerprint,
    fit_reference,
    from_table,
    inverse_trigamma,
    moderate_variance,
    standardise,
    to_table,
)
from stat3act.problems import InputProblems


@pytest.fixture
def expression():
    rng = np.random.default_rng(0)
    genes = [f"g{i:03d}" for i in range(300)]
    values = rng.normal(5, 1, size=(12, 300))
    return pd.DataFrame(values, index=[f"s{i}" for i in range(12)], columns=genes)


@pytest.mark.parametrize("x", [0.05, 0.7, 3.0, 40.0])
def test_inverse_trigamma_undoes_trigamma(x):
    assert inverse_trigamma(float(polygamma(1, x))) == pytest.approx(x, rel=1e-6)


def test_moderated_variance_recovers_the_simulated_prior():
    rng = np.random.default_rng(4)
    true = 4.0 * 6.0 / rng.chisquare(6.0, size=20_000)  # scaled inverse chi-square, prior df 6, prior variance 4
    sample = true * rng.chisquare(3, size=20_000) / 3
    moderated = moderate_variance(sample, np.zeros(20_000), df=3)
    best = (6 * 4 + 3 * sample) / 9  # posterior mean of the model the data were drawn from
    assert np.median(np.abs(np.log(moderated / best))) < 0.1
    assert np.std(np.log(moderated / true)) < 0.7 * np.std(np.log(sample / true))


def test_equal_variances_are_pooled_completely():
    rng = np.random.default_rng(4)
    sample = 2.0 * rng.chisquare(3, size=5_000) / 3
    moderated = moderate_variance(sample, np.zeros(5_000), df=3)
    assert np.std(np.log(moderated)) < 0.2 * np.std(np.log(sample))
    assert np.median(moderated) == pytest.approx(2.0, rel=0.25)


def test_a_member_is_compared_with_the_others(expression):
    strata = pd.Series("", expression.index)
    reference = fit_reference(expression, strata, min_scale=0.0)
    found = standardise(expression, strata, set(expression.index), reference, clip=1e9).loc["s0", "g000"]
    others = expression.drop(index="s0")["g000"]
    n = len(others)
    expected = (expression.at["s0", "g000"] - others.mean()) / (reference.scale["g000"] * np.sqrt(1 + 1 / n))
    assert found == pytest.approx(expected, rel=1e-9)


def test_strata_have_their_own_mean_and_a_common_scale(expression):
    strata = pd.Series(["early"] * 6 + ["late"] * 6, expression.index)
    shifted = expression + np.where(strata == "late", 3.0, 0.0)[:, None]
    reference = fit_reference(shifted, strata, min_scale=0.0)
    plain = fit_reference(expression, strata, min_scale=0.0)
    np.testing.assert_allclose(reference.scale, plain.scale, rtol=1e-6)
    z = standardise(shifted, strata, set(shifted.index), reference, clip=1e9)
    assert abs(z.loc[strata == "late"].to_numpy().mean()) < 1e-9


def test_min_scale_is_added_in_quadrature(expression):
    strata = pd.Series("", expression.index)
    bare = fit_reference(expression, strata, min_scale=0.0).scale
    np.testing.assert_allclose(fit_reference(expression, strata, min_scale=0.5).scale, np.hypot(bare, 0.5))


def test_clip_limits_both_sides(expression):
    strata = pd.Series("", expression.index)
    z = standardise(expression * 100, strata, set(), fit_reference(expression, strata, 0.0), clip=3.0)
    assert z.to_numpy().max() == 3.0 and z.to_numpy().min() >= -3.0


@pytest.fixture
def measured(expression):
    strata = pd.Series(["1"] * 6 + ["2"] * 6, expression.index)
    inflation = pd.Series({"ifn_stat1": 1.4, "stat3_core": 1.1})
    return replace(fit_reference(expression, strata, 0.5), inflation=inflation)


ROWS = pd.DataFrame({"compartment": ["tumour", "bulk"], "stratum": ["1", ""], "reason": ""})
MARKS = {"ifn_stat1": "aaaa", "stat3_core": "bbbb"}


def test_reference_survives_its_table_on_disk(measured, tmp_path):
    table = to_table(measured, "tumour", "counts", MARKS).sample(frac=1, random_state=0)
    tables.write_table(tmp_path / "reference.tsv", table)
    again = from_table(tables.read_table(tmp_path / "reference.tsv", dtype={"stratum": str}))
    pd.testing.assert_frame_equal(again.location, measured.location, check_names=False, rtol=1e-5)
    pd.testing.assert_series_equal(again.scale, measured.scale, check_names=False, rtol=1e-5)
    assert dict(again.n) == dict(measured.n) == {"1": 6, "2": 6}
    assert dict(again.inflation) == dict(measured.inflation)


def test_a_frozen_reference_of_another_kind_is_refused_with_everything_that_differs(measured):
    table = to_table(measured, "tumour", "log2_ratio", MARKS)
    with pytest.raises(InputProblems) as error:
        check_frozen(table, "old.tsv", ROWS, "counts", lambda _: MARKS | {"stat3_core": "cccc"})
    message = str(error.value)
    assert "old.tsv" in message and "log2_ratio" in message and "compartment tumour, axis stat3_core" in message
    assert "ifn_stat1" not in message
    check_frozen(to_table(measured, "tumour", "counts", MARKS), "old.tsv", ROWS, "counts", lambda _: MARKS)


def test_a_table_that_is_no_reference_is_refused_by_its_header(measured):
    table = to_table(measured, "tumour", "counts", MARKS).drop(columns=["inflation", "location"])
    with pytest.raises(InputProblems, match=r"no location, inflation(?s:.*)activity_reference"):
        check_frozen(table, "old.tsv", ROWS, "counts", lambda _: MARKS)


def test_the_fingerprint_of_an_axis_changes_with_its_rivals_and_not_with_the_order_of_genes():
    weights = pd.DataFrame({"a": [1.0, 0, 0, 2], "b": [0, 1.0, 0, 0], "c": [0, 0, 1.0, 0]}, index=list("wxyz"))
    first = fingerprint(weights, "a", ["b"], 5, 0)
    assert first == fingerprint(weights.iloc[::-1], "a", ["b", "absent"], 5, 0)
    assert first != fingerprint(weights, "a", ["b", "c"], 5, 0)
    assert first != fingerprint(weights * [2, 1, 1], "a", ["b"], 5, 0)
    assert first != fingerprint(weights, "a", ["b"], 4, 0)
    assert first != fingerprint(weights, "a", ["b"], 5, 1)


@pytest.mark.parametrize(("compartment", "stratum"), [("bulk", "1"), ("tumour", "24 h"), ("tumour", "")])
def test_a_reference_that_covers_no_row_is_refused(measured, compartment, stratum):
    rows = pd.DataFrame({"compartment": [compartment], "stratum": [stratum], "reason": [""]})
    with pytest.raises(InputProblems) as error:
        check_frozen(to_table(measured, "tumour", "counts", MARKS), "old.tsv", rows, "counts", lambda _: MARKS)
    assert "tumour (1), tumour (2)" in str(error.value) and "activity.strata" in str(error.value)
