"""Activity against purity, of a cohort."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from stat3act.compartments.interaction import ALIKE, FEW, INTERACTION_COLUMNS, purity_interaction, robust_line


def test_line_against_scipy_and_errors_against_the_sum_that_defines_them():
    rng = np.random.default_rng(0)
    x = rng.uniform(0.2, 0.9, 30)
    y = 1 + 2 * x + rng.normal(0, x)
    found, line = robust_line(x, y, 0.9), stats.linregress(x, y)
    assert found["slope"] == pytest.approx(line.slope)
    assert found["microenvironment_end"] == pytest.approx(line.intercept)
    assert found["tumour_end"] == pytest.approx(line.intercept + line.slope)
    # HC3 of a slope, written out for one regressor.
    centred = x - x.mean()
    leverage = 1 / len(x) + centred**2 / (centred**2).sum()
    residual = y - line.intercept - line.slope * x
    error = np.sqrt((centred**2 * (residual / (1 - leverage)) ** 2).sum()) / (centred**2).sum()
    assert found["p_value"] == pytest.approx(2 * stats.t.sf(line.slope / error, 28))
    assert found["slope_high"] - found["slope"] == pytest.approx(stats.t.ppf(0.95, 28) * error)


def test_intervals_cover_the_ends_they_should():
    rng, covered = np.random.default_rng(1), []
    for _ in range(400):
        x = rng.uniform(0.2, 0.9, 25)
        found = robust_line(x, 3 * x - 1 + rng.normal(0, 0.3 + x), 0.9)
        covered.append([found["tumour_end_low"] < 2 < found["tumour_end_high"],
                        found["microenvironment_end_low"] < -1 < found["microenvironment_end_high"]])  # fmt: skip
    assert (np.abs(np.mean(covered, axis=0) - 0.9) < 0.05).all()


def scores(n=20, axes=("stat3_core", "nfkb")):
    rng = np.random.default_rng(2)
    purity = np.linspace(0.2, 0.9, n)
    rows = [
        {"sample": f"S{i}", "compartment": "bulk", "axis": axis, "activity": (axis == "nfkb") * -4 * purity[i] + noise}
        for axis in axes
        for i, noise in enumerate(rng.normal(0, 0.5, n))
    ]
    return pd.DataFrame(rows), [{"sample": f"S{i}", "ABSOLUTE": f"{purity[i]:.3f}"} for i in range(n)]


def test_an_axis_of_the_microenvironment_is_found():
    table, sheet = scores()
    found = purity_interaction(table, sheet, "ABSOLUTE", 0.9)
    assert tuple(found.columns) == INTERACTION_COLUMNS and (found["level"] == "cohort").all()
    nfkb, core = found.set_index("axis").loc["nfkb"], found.set_index("axis").loc["stat3_core"]
    assert nfkb["slope_high"] < 0 and nfkb["q_value"] < 0.01 and nfkb["tumour_end_high"] < -2
    assert core["slope_low"] < 0 < core["slope_high"] and core["q_value"] >= core["p_value"]
    assert core["n"] == 20 and core["purity_low"] == 0.2 and core["purity_high"] == 0.9


def test_samples_without_purity_or_activity_and_split_rows_take_no_part():
    table, sheet = scores()
    sheet[3]["ABSOLUTE"] = ""
    table.loc[5, "activity"] = np.nan
    table = pd.concat([table, table.assign(compartment="tumour", activity=99.0)])
    found = purity_interaction(table, sheet, "ABSOLUTE", 0.9).set_index("axis")
    assert found.at["stat3_core", "n"] == 18 and found.at["nfkb", "n"] == 19
    assert found["tumour_end"].abs().max() < 10


@pytest.mark.parametrize(("n", "purity", "reason"), [(9, None, FEW), (20, "0.5", ALIKE)])
def test_no_numbers_where_the_cohort_cannot_tell(n, purity, reason):
    table, sheet = scores(n)
    sheet = [row | ({"ABSOLUTE": purity} if purity else {}) for row in sheet]
    found = purity_interaction(table, sheet, "ABSOLUTE", 0.9)
    assert (found["reason"] == reason).all() and found[["slope", "p_value", "q_value"]].isna().all(axis=None)
