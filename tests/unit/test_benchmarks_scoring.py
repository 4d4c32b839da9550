"""The parts of the validation whose own mistakes would look like a good or a bad score."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats

from scoring import calibration, coverage, invariance, planted
from stat3act.activity import model

GENES = 400
NO_RIVALS = model.Rivals(np.zeros((GENES, 0)), np.zeros((GENES, 0)))


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.fixture
def panel():
    weights = np.zeros(GENES)
    weights[:12] = np.linspace(1, 3, 12)
    return weights


def strata_of_four():
    return np.arange(GENES) % 4


@pytest.mark.parametrize(
    ("value", "goal", "met"),
    [
        (0.1, "<= 0.10", True),
        (0.11, "<= 0.10", False),
        (0.99, ">= 0.99", True),
        (0.05, "0.04-0.06", True),
        (0.07, "0.04-0.06", False),
        (2e-9, "<= 1e-9", False),
        (np.nan, "<= 1", False),
    ],
)
def test_a_goal_is_read_as_written(value, goal, met):
    assert calibration.meets(value, goal) is met
    assert calibration.with_goal({"value": value}, goal)["met"] == ("yes" if met else "no")
    assert calibration.with_goal({"value": value}, "") == {"value": value}


def test_a_share_is_the_mean_over_panels_and_its_interval_their_spread():
    low, high = np.full((10, 1), 0.01), np.full((10, 1), 0.5)
    row = calibration.share_row([np.hstack([low, high]), np.hstack([high, high])], "<= 0.2", group="g")
    assert row["value"] == 0.25 and row["met"] == "no" and row["n"] == 40
    assert row["high"] - row["value"] == pytest.approx(1.96 * 0.5 / 2)


def test_textbook_p_is_that_of_the_univariate_t(rng, panel):
    values = rng.normal(size=(5, GENES))
    t = model.univariate_t(values, panel)
    found = calibration.textbook_p(values, sparse.csr_array(panel[:, None]))[:, 0]
    np.testing.assert_allclose(found, stats.t.sf(t, GENES - 2), rtol=1e-9)


def test_exchanged_weights_stay_in_their_stratum(rng, panel):
    strata = strata_of_four()
    sets = calibration.exchange_weights(panel, strata, 50, rng)
    for stratum in range(4):
        here = strata == stratum
        np.testing.assert_array_equal(np.sort(sets[here], axis=0), np.sort(np.tile(panel[here], (50, 1)).T, axis=0))
    assert (sets != panel[:, None]).any(axis=0).all()


def test_the_moments_audit_agrees_with_itself_on_noise(rng, panel):
    place = SimpleNamespace(
        name="noise",
        profiles=rng.normal(size=(20, GENES)),
        rivals=NO_RIVALS,
        weights=panel,
        prepared=SimpleNamespace(strata=strata_of_four()),
    )
    rows = {row["group"]: row for row in calibration.audit_rows(place)}
    assert rows["correlation"]["value"] > 0.99 and rows["null sd"]["value"] == pytest.approx(1, abs=0.03)


def test_the_histogram_holds_every_p():
    rows = calibration.histogram_rows(np.array([0.0, 0.01, 0.5, 1.0]), "d", "m")
    assert len(rows) == 20 and sum(row["value"] for row in rows) == 1
    assert rows[0]["group"] == "0.00-0.05" and rows[0]["value"] == 0.5


def test_answers_keep_their_sign_and_their_mean(rng, panel):
    panel[0] = -1.0
    alike, drawn = coverage.answers(np.full(3000, 2.0), panel, rng)
    assert (alike[:, 0] == -2).all() and (alike[:, 1:12] == 2).all() and (alike[:, 12:] == 0).all()
    assert (np.sign(drawn) == np.sign(alike)).all()
    assert drawn[:, 1].mean() == pytest.approx(2, abs=0.06) and drawn[:, 1].std() == pytest.approx(1, abs=0.06)


def test_the_planted_truth_is_what_the_shift_adds_to_the_weighted_mean(rng, panel):
    strata, base = strata_of_four(), rng.normal(size=(3, GENES))
    shift = 1.5 * np.tile(panel != 0, (3, 1))
    observed = base + shift
    [truth] = coverage.planted_truth(base, observed, [shift], panel, NO_RIVALS, strata, 1.2)
    # By hand: targets against the other genes of their stratum; what all genes share cancels.
    added = shift[0] @ panel - sum(shift[0][strata == s].mean() * panel[strata == s].sum() for s in range(4))
    spread = np.sqrt(
        sum(
            ((panel[strata == s] - panel[strata == s].mean()) ** 2).sum() * observed[:, strata == s].var(axis=1, ddof=1)
            for s in range(4)
        )
    )
    np.testing.assert_allclose(truth, added / (1.2 * spread), rtol=1e-9)
    # Nothing else separates two scores in the same units.
    before, _ = coverage.numerators(base, panel, NO_RIVALS, strata)
    after = model.adjusted_statistic(observed, panel, NO_RIVALS, strata, 1.2).activity
    np.testing.assert_allclose(after - before / (1.2 * spread), truth, rtol=1e-9)


def test_moved_counts_follow_the_expression_behind_them(rng):
    totals = np.full(4000, 1e5)
    level = np.full((4000, 3), np.log2(1 + 100.0))
    counts = rng.poisson(10.0, size=(4000, 3)).astype(float)
    change = np.tile([0.0, 1.0, -1.0], (4000, 1))
    moved = coverage.move_counts(counts, totals, level, change, rng)
    assert (moved[:, 0] == counts[:, 0]).all()
    # log2(CPM + 1) up by one: 100 CPM become 201; down by one: 49.5.
    assert moved[:, 1].mean() == pytest.approx(20.1, rel=0.02)
    assert moved[:, 2].mean() == pytest.approx(4.95, rel=0.03)


def test_coverage_is_of_all_rows_and_its_interval_of_panels():
    covered, panel = pd.Series([True, True, False, True]), pd.Series(["a", "a", "b", "b"])
    row = coverage.coverage_row(covered, panel, "0.85-0.95", group="g")
    assert row["value"] == 0.75 and row["met"] == "no" and row["n"] == 4 and row["high"] == 1.0
    assert row["low"] == pytest.approx(0.75 - 1.96 * 0.25)


def test_dilution_is_that_of_a_mixture():
    change = planted.dilution(pd.Series([0.0, 1.0, 11.0]), 0.2)
    np.testing.assert_allclose(2**change, [0.8, 1.0, 3.0])


def test_every_row_is_planted_once_per_group():
    rows = pd.DataFrame({"sample": ["a", "b"], "compartment": "bulk", "stratum": "", "reason": ""}, index=["a", "b"])
    expression = pd.DataFrame([[1.0, 2.0], [3.0, 4.0]], index=["a", "b"], columns=["g", "h"])
    place = SimpleNamespace(rows=rows, cohort=SimpleNamespace(expression=expression))
    zero, one = pd.Series({"g": 0.0}), pd.Series({"g": 1.0})
    values, found = planted.plant(place, {"none": zero, "up": one})
    assert list(found["group"]) == ["none", "none", "up", "up"] and found["sample"].is_unique
    np.testing.assert_array_equal(values.to_numpy(), [[1, 2], [3, 4], [2, 2], [4, 4]])


def test_a_rate_leaves_out_what_was_called_before():
    row = planted.rate_row(pd.Series([np.nan, True, False, False, False]), "<= 0.10", group="g")
    assert row["value"] == 0.25 and row["n"] == 4 and row["met"] == "no" and 0 < row["low"] < 0.25 < row["high"]


def test_the_largest_difference_is_of_shared_rows_and_none_is_no_agreement():
    first = pd.DataFrame({"activity": [1.0, 2.0]}, index=["a", "b"])
    second = pd.DataFrame({"activity": [5.0, 2.5]}, index=["c", "b"])
    assert invariance.largest(first, second, ["activity"]) == 0.5
    assert invariance.largest(first, second.loc[["c"]], ["activity"]) == np.inf
