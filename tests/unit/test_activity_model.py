"""The axes model against scipy, statsmodels, decoupler and brute-force permutation."""

import decoupler as dc
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import sparse, stats

from stat3act.activity import model

GENES = 900


@pytest.fixture
def case():
    rng = np.random.default_rng(7)
    profiles = rng.normal(size=(6, GENES)) * rng.uniform(0.5, 2, GENES)
    weights = np.zeros(GENES)
    weights[:20] = np.where(np.arange(20) < 16, 1.0, -1.0)
    own, shared = np.zeros((GENES, 2)), np.zeros((GENES, 2))
    own[20:60, 0] = 1.0
    own[60:90, 1] = 1.0
    shared[:8, 0] = 0.3
    rivals = model.Rivals(own, shared)
    strata = model.assign_strata(rng.normal(size=GENES), rng.uniform(size=GENES))
    return profiles, weights, rivals, strata


def test_univariate_t_is_the_slope_of_a_straight_line(case):
    profiles, weights, _, _ = case
    expected = []
    for profile in profiles:
        fit = stats.linregress(weights, profile)
        expected.append(fit.slope / fit.stderr)
    np.testing.assert_allclose(model.univariate_t(profiles, weights), expected, rtol=1e-10)


def test_univariate_t_is_decouplers_ulm(case):
    profiles, weights, _, _ = case
    genes = [f"g{i}" for i in range(GENES)]
    net = pd.DataFrame({"source": "axis", "target": genes, "weight": weights})[weights != 0]
    scores, _ = dc.mt.ulm(pd.DataFrame(profiles, columns=genes), net, verbose=False)
    np.testing.assert_allclose(model.univariate_t(profiles, weights), scores["axis"], rtol=1e-5)


def test_rivals_take_their_level_from_their_own_genes(case):
    profiles, _, rivals, _ = case
    for profile, residual in zip(profiles, model.remove_rivals(profiles, rivals), strict=True):
        levels = sm.OLS(profile, sm.add_constant(rivals.own)).fit().params[1:]
        left = profile - np.maximum(levels, 0) @ (rivals.own + rivals.shared).T
        np.testing.assert_allclose(residual, left - left.mean(), atol=1e-10)


def test_without_shared_genes_and_with_raised_rivals_it_is_a_regression_residual(case):
    profiles, _, rivals, _ = case
    raised = profiles + rivals.own.sum(axis=1)
    residual = model.remove_rivals(raised, model.Rivals(rivals.own, np.zeros_like(rivals.own)))
    for profile, left in zip(raised, residual, strict=True):
        np.testing.assert_allclose(left, sm.OLS(profile, sm.add_constant(rivals.own)).fit().resid, atol=1e-10)


def test_a_rival_below_its_reference_says_nothing(case):
    profiles, _, rivals, _ = case
    lowered = profiles - 6 * (rivals.own + rivals.shared)[:, 0]
    without = model.Rivals(rivals.own[:, 1:], rivals.shared[:, 1:])
    found = model.remove_rivals(lowered, rivals)
    genes = ~rivals.own.any(axis=1)
    expected = model.remove_rivals(lowered, without)
    # The other rival's level comes from the joint regression; only it may move a little.
    np.testing.assert_allclose(
        found[:, genes] - found[:, genes].mean(axis=1, keepdims=True),
        expected[:, genes] - expected[:, genes].mean(axis=1, keepdims=True),
        atol=1e-9,
    )


def test_moments_are_those_of_permutations_within_strata(case):
    profiles, weights, rivals, strata = case
    profiles = profiles + 0.8 * strata / strata.max()  # strata differ in mean: the expectation matters
    x = model.remove_rivals(profiles, rivals)[0]
    w = weights
    rng = np.random.default_rng(1)
    draws = np.empty(4000)
    shuffled = x.copy()
    for draw in range(len(draws)):
        for stratum in np.unique(strata):
            inside = np.flatnonzero(strata == stratum)
            shuffled[inside] = rng.permutation(x[inside])
        draws[draw] = w @ shuffled
    expected = (w @ x - draws.mean()) / draws.std()
    found = model.adjusted_statistic(profiles, weights, rivals, strata).activity[0]
    assert found == pytest.approx(expected, abs=0.06)


def test_contributions_add_up_to_the_activity(case):
    statistic = model.adjusted_statistic(*case)
    np.testing.assert_allclose(statistic.contributions.sum(axis=1), statistic.activity, atol=1e-12)


def test_order_of_genes_and_rows_does_not_matter(case):
    profiles, weights, rivals, strata = case
    genes = np.random.default_rng(3).permutation(GENES)
    rows = [5, 3, 1, 0, 2, 4]
    before = model.adjusted_statistic(profiles, weights, rivals, strata)
    moved = model.Rivals(rivals.own[genes], rivals.shared[genes])
    after = model.adjusted_statistic(profiles[rows][:, genes], weights[genes], moved, strata[genes])
    np.testing.assert_allclose(after.activity, before.activity[rows], rtol=1e-9)
    np.testing.assert_allclose(after.error, before.error[rows], rtol=1e-9)


def test_flipping_all_weights_flips_the_activity(case):
    profiles, weights, rivals, strata = case
    before = model.adjusted_statistic(profiles, weights, rivals, strata)
    after = model.adjusted_statistic(profiles, -weights, rivals, strata)
    np.testing.assert_allclose(after.activity, -before.activity, rtol=1e-9)


def test_a_rival_that_moves_shared_genes_moves_the_score_but_not_the_activity(case):
    profiles, weights, rivals, strata = case
    raised = profiles + 3 * rivals.own[:, 0]  # above the reference in every row, before and after the shift
    shifted = raised + 6 * (rivals.own + rivals.shared)[:, 0]
    before, after = (model.adjusted_statistic(x, weights, rivals, strata).activity for x in (raised, shifted))
    # The shared genes are among those that set the constant, which moves a little.
    np.testing.assert_allclose(after, before, atol=0.01)
    assert (model.univariate_t(shifted, weights) > model.univariate_t(raised, weights) + 0.3).all()


def test_a_rival_without_a_measured_gene_changes_nothing(case):
    profiles, weights, rivals, strata = case
    before = model.adjusted_statistic(profiles, weights, rivals, strata)
    nothing = np.zeros((GENES, 1))
    wider = model.Rivals(np.hstack([rivals.own, nothing]), np.hstack([rivals.shared, nothing]))
    after = model.adjusted_statistic(profiles, weights, wider, strata)
    np.testing.assert_allclose(after.activity, before.activity, rtol=1e-12)


def test_many_panels_at_once_are_each_alone(case):
    profiles, weights, rivals, strata = case
    panels = np.column_stack([weights, np.roll(weights, 200), -weights])
    together = model.panel_z(profiles, sparse.csr_array(panels), rivals, strata)
    for column, panel in zip(together.T, panels.T, strict=True):
        alone = model.adjusted_statistic(profiles, panel, rivals, strata)
        np.testing.assert_allclose(column, alone.activity, rtol=1e-9)


def test_inflation_divides_activity_and_contributions_and_leaves_the_error_above_one(case):
    profiles, weights, rivals, strata = case
    plain = model.adjusted_statistic(profiles, weights, rivals, strata)
    inflated = model.adjusted_statistic(profiles, weights, rivals, strata, 1.25)
    np.testing.assert_allclose(inflated.activity, plain.activity / 1.25)
    np.testing.assert_allclose(inflated.contributions, plain.contributions / 1.25)
    assert (inflated.error >= 1).all()


def test_single_precision_gives_the_same_activity(case):
    profiles, weights, rivals, strata = case
    expected = model.adjusted_statistic(profiles, weights, rivals, strata).activity
    found = model.adjusted_statistic(profiles.astype(np.float32), weights, rivals, strata).activity
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_one_profile_in_twenty_is_significant_by_chance():
    rng = np.random.default_rng(11)
    genes, rows = 2000, 3000
    mean, spread = rng.normal(size=genes), rng.uniform(0.3, 2, genes)
    profiles = mean + rng.normal(size=(rows, genes)) * spread
    # Targets are drawn among highly variable, highly expressed genes, as curated panels are.
    weights = np.zeros(genes)
    weights[rng.choice(genes, 30, replace=False, p=np.exp(mean) * spread / (np.exp(mean) * spread).sum())] = 1
    strata = model.assign_strata(mean, spread)
    p = stats.norm.sf(
        model.adjusted_statistic(profiles - mean, weights, model.Rivals(*np.empty((2, genes, 0))), strata).activity
    )
    assert 0.035 < (p < 0.05).mean() < 0.065


def test_strata_are_filled_evenly_and_without_gaps():
    rng = np.random.default_rng(5)
    strata = model.assign_strata(rng.normal(size=20_000), rng.uniform(size=20_000))
    sizes = np.bincount(strata)
    assert len(sizes) == model.MEAN_STRATA * model.SPREAD_STRATA
    assert sizes.min() >= 199 and sizes.max() <= 201
    assert set(model.assign_strata(np.arange(30.0), np.ones(30))) == {0}


def test_interval_uses_students_t():
    low, high = model.interval(np.array([2.0]), np.array([1.5]), 11, 0.9)
    assert high[0] - 2.0 == pytest.approx(1.5 * 1.812461, rel=1e-6)  # t table, 10 df, 95 %
    assert 2.0 - low[0] == pytest.approx(high[0] - 2.0)


def test_error_is_the_spread_of_resampled_targets(case):
    profiles, weights, rivals, _ = case
    weights = weights * np.linspace(1, 3, GENES)
    strata = np.zeros(GENES, dtype=int)
    statistic = model.adjusted_statistic(profiles, weights, rivals, strata)
    rng = np.random.default_rng(2)
    terms, size = statistic.contributions[0], np.abs(weights[weights != 0])
    drawn = rng.integers(len(terms), size=(20_000, len(terms)))
    # The weighted mean of the drawn targets, brought back to the scale of the whole panel.
    means = terms[drawn].sum(axis=1) / size[drawn].sum(axis=1) * size.sum()
    expected = max(1.0, np.std(means) * np.sqrt(len(terms) / (len(terms) - 1)))
    assert statistic.error[0] == pytest.approx(expected, rel=0.05)


def test_targets_that_all_answer_alike_leave_only_the_error_of_the_null(case):
    _, weights, _, _ = case
    weights = np.abs(weights) * np.linspace(1, 3, GENES)
    profiles = np.where(weights > 0, 2.0, 0.0)[None, :] + np.zeros((2, GENES))
    none = model.Rivals(*np.empty((2, GENES, 0)))
    statistic = model.adjusted_statistic(profiles, weights, none, np.zeros(GENES, int))
    np.testing.assert_allclose(statistic.error, 1.0)
