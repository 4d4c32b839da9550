"""Purity from two sources, a fit that keeps to it, and intervals of fractions from measured errors."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize, minimize_scalar

from stat3act.compartments.mixture import expectation_maximisation, fit_states, hold
from stat3act.compartments.purity import (
    MIN_RATIO_SAMPLES,
    combine_purity,
    expit,
    fitted_error,
    given_purity,
    logit,
    mrna_ratio,
)
from stat3act.validation.mixtures import made_reference

NAMES = [f"S{number}" for number in range(12)]


def test_equal_errors_meet_half_way_on_the_logit_scale():
    table = combine_purity(pd.Series({"a": 0.5, "b": 0.4}), pd.Series({"a": 0.8}), 0.1, 0.1)
    assert table.at["a", "purity"] == pytest.approx(float(expit((logit(0.5) + logit(0.8)) / 2)))
    assert table.at["a", "purity_sd"] == pytest.approx(0.1 / np.sqrt(2))
    # Nothing is given for b: the fit and its error stand.
    assert table.at["b", "purity"] == 0.4 and table.at["b", "purity_sd"] == 0.1
    assert np.isnan(table.at["b", "purity_given"]) and np.isnan(table.at["b", "mrna_ratio"])


def test_mode_of_the_posterior():
    """The penalised likelihood maximised by another route."""
    fitted, given, sds = 0.35, 0.6, (0.07, 0.1)

    def loss(p):
        return ((logit(p) - logit(fitted)) / sds[0]) ** 2 + ((logit(p) - logit(given)) / sds[1]) ** 2

    best = minimize_scalar(loss, bounds=(0.02, 0.98), method="bounded", options={"xatol": 1e-9}).x
    table = combine_purity(pd.Series({"a": fitted}), pd.Series({"a": given}), sds[1], sds[0])
    assert table.at["a", "purity"] == pytest.approx(best, abs=1e-5)


def test_a_given_purity_without_error_wins_and_one_of_large_error_is_nothing():
    fitted, given = pd.Series({"a": 0.3}), pd.Series({"a": 0.7})
    assert combine_purity(fitted, given, 1e-4)["purity"]["a"] == pytest.approx(0.7, abs=1e-3)
    assert combine_purity(fitted, given, 100.0)["purity"]["a"] == pytest.approx(0.3, abs=1e-3)


def test_ratio_of_mrna_per_cell_is_recovered_from_ten_samples_on():
    cells = pd.Series(np.linspace(0.2, 0.85, len(NAMES)), NAMES)
    fitted = 2.5 * cells / (2.5 * cells + 1 - cells)
    assert mrna_ratio(fitted, cells) == pytest.approx(2.5)
    assert mrna_ratio(fitted, cells.iloc[: MIN_RATIO_SAMPLES - 1].reindex(NAMES)) == 1
    # Both say the same, so nothing moves.
    pd.testing.assert_series_equal(combine_purity(fitted, cells, 0.1)["purity"], fitted, check_names=False)


def test_samples_that_the_reference_misfits_weigh_less_and_say_nothing_of_the_ratio():
    cells = pd.Series(np.linspace(0.2, 0.85, len(NAMES)), NAMES)
    fitted = 2.5 * cells / (2.5 * cells + 1 - cells)
    misfit = pd.Series([True, False, True] + [False] * (len(NAMES) - 3), NAMES)
    table = combine_purity(fitted, cells, 0.1, fitted_error(misfit), misfit)
    assert (table["mrna_ratio"].round(6) == 2.5).all()
    assert table["purity_sd"].iloc[0] > table["purity_sd"].iloc[1]
    everything = combine_purity(fitted, cells, 0.1, fitted_error(misfit | True), misfit | True)
    assert (everything["mrna_ratio"] == 1).all()
    # The given value has the greater say: twice the error is a quarter of the weight.
    expected = (0.2 * logit(fitted) + 0.8 * logit(cells)).map(expit)
    np.testing.assert_allclose(everything["purity"], expected)


def test_purity_of_the_sheet():
    rows = [{"sample": "a", "ACE": "0.4"}, {"sample": "b", "ACE": ""}]
    found = given_purity(rows, "ACE")
    assert found["a"] == 0.4 and np.isnan(found["b"])
    assert given_purity(rows, None).empty


def test_hold_keeps_the_shares_within_each_part():
    theta = np.array([[0.1, 0.3, 0.6], [0.1, 0.3, 0.6]])
    found = hold(theta, np.array([True, True, False]), np.array([0.8, np.nan]))
    np.testing.assert_allclose(found, [[0.2, 0.6, 0.2], [0.1, 0.3, 0.6]])


def test_held_fit_is_the_maximum_of_the_likelihood_under_the_constraint():
    rng = np.random.default_rng(3)
    profiles = rng.gamma(0.5, size=(4, 60))
    phi = profiles / profiles.sum(axis=1, keepdims=True)
    counts = rng.poisson(3000 * rng.dirichlet(np.ones(4), 1) @ phi)
    mask = np.array([True, True, False, False])
    theta, _ = expectation_maximisation(counts, profiles, 1e-8, 5000, held=(mask, np.array([0.7])))

    def loss(free):
        a, b = 1 / (1 + np.exp(-free))
        return -(counts[0] * np.log(np.array([0.7 * a, 0.7 * (1 - a), 0.3 * b, 0.3 * (1 - b)]) @ phi)).sum() / 3000

    a, b = 1 / (1 + np.exp(-minimize(loss, [0, 0]).x))
    np.testing.assert_allclose(theta[0], [0.7 * a, 0.7 * (1 - a), 0.3 * b, 0.3 * (1 - b)], atol=3e-3)


def test_fit_with_known_purity():
    """Held at the truth, which is a share of all mRNA though the fit sees half of the genes."""
    reference = made_reference(seed=1)
    rng = np.random.default_rng(4)
    shares = pd.DataFrame(rng.dirichlet(np.full(10, 0.5), len(NAMES)), NAMES, reference.profiles.columns)
    noise = np.exp(rng.normal(0, 0.6, (len(NAMES), len(reference.profiles))))
    expected = shares.to_numpy() @ reference.profiles.to_numpy().T * noise
    counts = pd.DataFrame(rng.poisson(expected * 2e6), NAMES, reference.profiles.index).astype(float)
    truth = shares.loc[:, reference.is_tumour].sum(axis=1)
    known = truth.where(np.arange(len(NAMES)) % 2 == 0)
    scored = set(counts.columns[::2])
    free = fit_states(counts, reference, scored)
    fit = fit_states(counts, reference, scored, purity=known)
    found = fit.purity(reference.is_tumour)
    np.testing.assert_allclose(found[known.notna()], truth[known.notna()], atol=1e-6)
    np.testing.assert_allclose(fit.fractions.sum(axis=1), 1)
    # Samples without a given purity are what they were.
    np.testing.assert_allclose(found[known.isna()], free.purity(reference.is_tumour)[known.isna()], atol=2e-3)
    better = [(part.fractions - shares).abs()[known.notna()].to_numpy().mean() for part in (fit, free)]
    assert better[0] < better[1]
