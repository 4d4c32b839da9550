"""Conformal intervals against hand computation and synthetic errors; limits that take a value away."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stat3act.validation.calibration import (
    CALIBRATED,
    CALIBRATION_COLUMNS,
    EDGES,
    MIN_MIXTURES,
    PURITY_INTERVAL_COLUMNS,
    UNCALIBRATED,
    apply_selfcheck,
    bin_low,
    calibrated,
    calibration_table,
    conformal_quantile,
    measured_limits,
    nearest_measured,
    purity_intervals,
)

NUMBERS = st.lists(st.floats(0, 100), min_size=1, max_size=60)


def errors_of(values, purity, compartment="tumour", axis="stat3_core"):
    return pd.DataFrame({"compartment": compartment, "axis": axis, "purity": purity, "error": values})


def test_the_quantile_is_the_one_counted_by_hand():
    # Nine errors, level 0.9: rank ceil(10 * 0.9) = 9, the largest; level 0.5: rank 5, the median.
    errors = np.array([5, 1, 9, 3, 7, 2, 8, 4, 6])
    assert conformal_quantile(errors, 0.9) == 9
    assert conformal_quantile(errors, 0.5) == 5
    assert conformal_quantile(errors, 0.95) == math.inf
    assert conformal_quantile(np.arange(1, 20), 0.95) == 19, "20 * 0.95 is 19 and not a hair more"
    assert conformal_quantile(np.array([]), 0.9) == math.inf


@pytest.mark.parametrize("n", [19, 60, 250])
def test_normal_errors_are_covered_at_the_level(n):
    rng = np.random.default_rng(n)
    halves = [conformal_quantile(np.abs(rng.standard_normal(n)), 0.9) for _ in range(2000)]
    held = np.mean([abs(error) <= half for error, half in zip(rng.standard_normal(2000), halves, strict=True)])
    # Lei et al.: between level and level + 1 / (n + 1); the margin is three standard errors of 2,000 draws.
    assert 0.9 - 0.02 <= held <= 0.9 + 1 / (n + 1) + 0.02


@given(NUMBERS, st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_a_larger_level_is_never_narrower(errors, first, second):
    low, high = sorted((first, second))
    assert conformal_quantile(np.array(errors), low) <= conformal_quantile(np.array(errors), high)


@given(NUMBERS, st.floats(0.05, 0.95))
def test_the_quantile_holds_its_share_of_the_errors(errors, level):
    half = conformal_quantile(np.array(errors), level)
    assert np.mean(np.array(errors) <= half) >= level - 1e-9
    assert half == math.inf or half in errors


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_every_purity_has_a_bin(purity):
    low = bin_low(np.array(purity))
    assert set(low) <= set(EDGES[:-1]) and (low <= np.array(purity)).all()
    assert ((np.array(purity) < low + 0.2 + 1e-9) | (np.array(purity) == 1)).all()


def test_an_empty_bin_borrows_the_nearest_and_of_two_the_wider():
    assert nearest_measured([np.nan, 1.0, np.nan, 3.0, np.nan], "max").tolist() == [1, 1, 3, 3, 3]
    assert nearest_measured([np.nan, 1.0, np.nan, 3.0, np.nan], "min").tolist() == [1, 1, 1, 3, 3]
    assert np.isnan(nearest_measured([np.nan] * 5, "max")).all()


def test_the_table_holds_half_width_bias_and_what_is_borrowed():
    rng = np.random.default_rng(1)
    low, high = 0.1 * rng.standard_normal(400), 0.5 + 0.3 * rng.standard_normal(400)
    few = np.full(MIN_MIXTURES - 1, 99.0)
    parts = [errors_of(low, 0.3), errors_of(high, 0.7), errors_of(few, 0.5), errors_of([np.nan] * 50, 0.1)]
    table = calibration_table(pd.concat(parts), 0.9).set_index("purity_low")
    assert list(table.reset_index()[CALIBRATION_COLUMNS]) == CALIBRATION_COLUMNS
    assert table["n"].tolist() == [0, 400, 19, 400, 0]
    assert table["borrowed"].tolist() == [True, False, True, False, True]
    assert table.at[0.2, "half_width"] == pytest.approx(0.1645, abs=0.02)
    assert table.at[0.6, "half_width"] == np.sort(np.abs(high))[math.ceil(401 * 0.9) - 1]
    assert table.at[0.6, "bias"] == pytest.approx(0.5, abs=0.05)
    assert table.at[0.4, "half_width"] == table.at[0.6, "half_width"], "of two neighbours the wider"
    assert table.at[0.0, "half_width"] == table.at[0.2, "half_width"]


def checked(spearman, compartment="tumour"):
    return (
        pd.DataFrame(
            {
                "kind": kind,
                "compartment": compartment,
                "axis": "stat3_core",
                "purity_low": EDGES[:-1],
                "purity_high": EDGES[1:],
                "spearman": values,
            }
            for kind, values in spearman.items()
        )
        .explode(["purity_low", "purity_high", "spearman"])
        .astype({"purity_low": float, "spearman": float})
    )


def test_recovery_is_the_mean_over_kinds_and_an_empty_bin_takes_the_lower_neighbour():
    nan = np.nan
    table = checked({"planted": [nan, 0.5, nan, 0.8, 0.9], "natural": [nan, 0.0, nan, 0.6, 0.7]})
    limits = measured_limits(table, 0.3).set_index("purity_low")["recovered"]
    assert limits.tolist() == [False, False, False, True, True]
    assert not measured_limits(checked({"planted": [nan] * 5}), 0.3)["recovered"].any()


def split_rows():
    return pd.DataFrame(
        {
            "sample": ["a", "b", "c", "a", "d"],
            "compartment": ["tumour", "tumour", "tumour", "microenvironment", "tumour"],
            "axis": "stat3_core",
            "score": 1.0,
            "activity": [2.0, -1.0, 3.0, 1.0, np.nan],
            "ci_low": 0.0,
            "ci_high": 9.0,
            "p_value": 0.01,
            "activity_without_top_gene": 1.0,
            "fraction": [0.7, 0.5, 0.3, 0.3, 0.1],
            "leading_genes": "SOCS3",
            "estimate": [1.0, -0.5, 1.5, 0.5, np.nan],
            "scale": 0.5,
            "reason": ["", "", "", "", "LOW_PURITY"],
        }
    )


def calibration_of(half, compartment="tumour"):
    rows = {"compartment": compartment, "axis": "stat3_core", "purity_low": EDGES[:-1], "purity_high": EDGES[1:]}
    return pd.DataFrame(rows | {"n": 90, "half_width": half, "bias": 0.0, "borrowed": False})


def calibrate_example():
    calibration = [calibration_of([9, 0.8, 0.4, 0.2, 0.1]), calibration_of([9, 9, 9, 0.3, 9], "microenvironment")]
    recovery = [checked({"planted": [0, 0.1, 0.5, 0.9, 0.9]}), checked({"planted": [0.9] * 5}, "microenvironment")]
    return calibrated(split_rows(), pd.concat(calibration), measured_limits(pd.concat(recovery), 0.3))


def test_intervals_are_the_half_width_of_the_bin_in_units_of_activity():
    table = calibrate_example()
    # Purity 0.7, half width 0.2 log2 units, 0.5 of which are one unit of activity; the rest of that sample likewise.
    assert table.loc[0, ["ci_low", "ci_high"]].tolist() == pytest.approx([2 - 0.4, 2 + 0.4])
    assert table.loc[1, ["ci_low", "ci_high"]].tolist() == pytest.approx([-1 - 0.8, -1 + 0.8])
    assert table.loc[3, ["ci_low", "ci_high"]].tolist() == pytest.approx([1 - 0.6, 1 + 0.6])
    assert table["interval"].tolist() == [CALIBRATED, CALIBRATED, "", CALIBRATED, ""]
    untouched = ["sample", "compartment", "axis", "fraction", "estimate", "scale"]
    pd.testing.assert_frame_equal(table[untouched], split_rows()[untouched])


def test_a_bin_that_was_not_recovered_is_unknown_and_other_reasons_stay():
    table = calibrate_example()
    assert table["reason"].tolist() == ["", "", "NOT_RECOVERED", "", "LOW_PURITY"]
    numbers = ["score", "activity", "ci_low", "ci_high", "p_value", "activity_without_top_gene"]
    assert table.loc[2, numbers].isna().all() and table.at[2, "leading_genes"] == ""


def test_nothing_measured_for_an_axis_is_not_recovered():
    table = calibrated(split_rows(), calibration_of([0.1] * 5), measured_limits(checked({"planted": [0.9] * 5}), 0.3))
    assert table["reason"].tolist() == ["", "", "", "NOT_RECOVERED", "LOW_PURITY"]


@pytest.mark.parametrize("tables", [[], [checked({"planted": [0.9] * 5})[:0], calibration_of([0.1] * 5)[:0]]])
def test_an_untested_reference_changes_nothing_but_says_so(tables):
    table = apply_selfcheck(split_rows(), tables, 0.3)
    assert table["interval"].tolist() == [UNCALIBRATED] * 4 + [""]
    pd.testing.assert_frame_equal(table.drop(columns="interval"), split_rows())


@given(st.floats(0.01, 5), st.floats(0.05, 3))
def test_the_interval_is_symmetric_and_as_wide_as_measured(half, scale):
    rows = split_rows()[:1].assign(scale=scale, activity=lambda table: table["estimate"] / scale)
    limits = measured_limits(checked({"planted": [0.9] * 5}), 0.3)
    row = calibrated(rows, calibration_of([half] * 5), limits).iloc[0]
    assert row["ci_high"] - row["ci_low"] == pytest.approx(2 * half / scale)
    assert (row["ci_high"] + row["ci_low"]) / 2 == pytest.approx(row["activity"])


def test_intervals_of_purity_are_those_of_its_bin_and_stay_shares():
    purity = pd.Series([0.05, 0.5, 0.97], index=["a", "b", "c"])
    errors = calibration_of([0.1, 0.2, 0.15, 0.1, 0.05]).assign(axis="purity")
    table = purity_intervals(purity, errors)
    assert list(table) == PURITY_INTERVAL_COLUMNS and list(table["sample"]) == ["a", "b", "c"]
    np.testing.assert_allclose(table["low"], [0, 0.35, 0.92])
    np.testing.assert_allclose(table["high"], [0.15, 0.65, 1])
    assert purity_intervals(purity, errors[:0])[["low", "high"]].isna().all(axis=None)
