"""The axes model against scipy, statsmodels, decoupler and brute-force permutation."""

import decoupler as dc
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from stat3act.activity import model

GENES = 900


@pytest.fixture
def case():
    rng = np.random.default_rng(7)
    profiles = rng.normal(size=(6, GENES)) * rng.uniform(0.5, 2, GENES)
    weights = np.zeros(GENES)
    weights[:20] = np.where(np.arange(20) < 16, 1.0, -1.0)
    rivals = np.zeros((GENES, 2))
    rivals[20:60, 0] = 1.0
    rivals[:8, 0] = 0.3
    rivals[60:90, 1] = 1.0
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


def test_statistic_is_the_coefficient_of_the_regression_on_all_axes(case):
    profiles, weights, rivals, _ = case
    strata = np.zeros(GENES, dtype=int)  # one stratum: the expectation is zero and the scale is common
    design = sm.add_constant(np.column_stack([weights, rivals]))
    residual_weights = sm.OLS(weights, sm.add_constant(rivals)).fit().resid
    for profile, activity in zip(
        profiles, model.adjusted_statistic(profiles, weights, rivals, strata).activity, strict=True
    ):
        coefficient = sm.OLS(profile, design).fit().params[1]
        residual = sm.OLS(profile, sm.add_constant(rivals)).fit().resid
        sd = np.sqrt((residual_weights**2).sum() * (residual**2).sum() / (GENES - 1))
        assert activity == pytest.approx(coefficient * (residual_weights**2).sum() / sd, rel=1e-9)


def test_moments_are_those_of_permutations_within_strata(case):
    profiles, weights, rivals, strata = case
    profiles = profiles + 0.8 * strata / strata.max()  # strata differ in mean: the expectation matters
    basis = sm.add_constant(rivals)
    w = sm.OLS(weights, basis).fit().resid
    x = sm.OLS(profiles[0], basis).fit().resid
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
    after = model.adjusted_statistic(profiles[rows][:, genes], weights[genes], rivals[genes], strata[genes])
    np.testing.assert_allclose(after.activity, before.activity[rows], rtol=1e-9)
    np.testing.assert_allclose(after.error, before.error[rows], rtol=1e-9)


def test_flipping_all_weights_flips_the_activity(case):
    profiles, weights, rivals, strata = case
    before = model.adjusted_statistic(profiles, weights, rivals, strata)
    after = model.adjusted_statistic(profiles, -weights, rivals, strata)
    np.testing.assert_allclose(after.activity, -before.activity, rtol=1e-9)


def test_a_rival_that_moves_shared_genes_moves_the_score_but_not_the_activity(case):
    profiles, weights, rivals, strata = case
    shifted = profiles + 6 * rivals[:, 0]
    before, after = (model.adjusted_statistic(x, weights, rivals, strata).activity for x in (profiles, shifted))
    np.testing.assert_allclose(after, before, rtol=1e-9)
    assert (model.univariate_t(shifted, weights) > model.univariate_t(profiles, weights) + 0.5).all()


def test_a_rival_without_a_measured_gene_changes_nothing(case):
    profiles, weights, rivals, strata = case
    before = model.adjusted_statistic(profiles, weights, rivals, strata)
    after = model.adjusted_statistic(profiles, weights, np.column_stack([rivals, np.zeros(GENES)]), strata)
    np.testing.assert_allclose(after.activity, before.activity, rtol=1e-12)


def test_one_profile_in_twenty_is_significant_by_chance():
    rng = np.random.default_rng(11)
    genes, rows = 2000, 3000
    mean, spread = rng.normal(size=genes), rng.uniform(0.3, 2, genes)
    profiles = mean + rng.normal(size=(rows, genes)) * spread
    # Targets are drawn among highly variable, highly expressed genes, as curated panels are.
    weights = np.zeros(genes)
    weights[rng.choice(genes, 30, replace=False, p=np.exp(mean) * spread / (np.exp(mean) * spread).sum())] = 1
    strata = model.assign_strata(mean, spread)
    p = stats.norm.sf(model.adjusted_statistic(profiles - mean, weights, np.empty((genes, 0)), strata).activity)
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
    strata = np.zeros(GENES, dtype=int)
    statistic = model.adjusted_statistic(profiles * 1.0, weights, rivals, strata)
    rng = np.random.default_rng(2)
    terms = statistic.contributions[0]
    sums = [rng.choice(terms, len(terms)).sum() for _ in range(20_000)]
    expected = max(1.0, np.std(sums) * np.sqrt(len(terms) / (len(terms) - 1)))
    assert statistic.error[0] == pytest.approx(expected, rel=0.02)
