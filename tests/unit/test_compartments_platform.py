"""The platform shift: recovered where it was planted, nothing for one sample, shrunk for few."""

import numpy as np
import pandas as pd
import pytest

from stat3act.compartments.mixture import fit_states
from stat3act.compartments.platform import PLATFORM_COLUMNS, SHRINK, gene_shift, log_platform, platform_table
from stat3act.validation.mixtures import made_reference


def planted(n_samples, sd, seed=2):
    reference = made_reference(seed=1)
    rng = np.random.default_rng(seed)
    names = [f"S{row}" for row in range(n_samples)]
    shares = pd.DataFrame(rng.dirichlet(np.full(10, 0.5), n_samples), names, reference.profiles.columns)
    shift = rng.normal(0, sd, len(reference.profiles))
    expected = shares.to_numpy() @ (reference.profiles.to_numpy().T * np.exp(shift))
    counts = rng.poisson(expected / expected.sum(axis=1, keepdims=True) * 2e6).astype(float)
    return reference, shares, pd.DataFrame(counts, names, reference.profiles.index), shift


def test_shift_by_hand():
    """Two samples, one state: the mean of two is their median; all genes twice as deep is no shift."""
    counts = np.array([[200.0, 200, 800], [400.0, 400, 1600]])
    phi = np.array([[1.0, 1, 1]])
    found = gene_shift(counts, np.ones((2, 1)), phi, shrink=0.0)
    expected = [np.log(200.5 / 400.5), np.log(200.5 / 400.5), np.log(800.5 / 400.5)]
    second = [np.log(400.5 / 800.5), np.log(400.5 / 800.5), np.log(1600.5 / 800.5)]
    mean = (np.array(expected) + second) / 2
    np.testing.assert_allclose(found, mean - np.median(mean))
    np.testing.assert_allclose(gene_shift(counts, np.ones((2, 1)), phi), found * 2 / (2 + SHRINK))


def test_planted_shift_is_found_and_makes_fractions_better():
    reference, shares, counts, shift = planted(40, sd=0.5)
    without = fit_states(counts, reference, set(), platform_rounds=0)
    fit = fit_states(counts, reference, set())
    errors = [(found.fractions - shares).abs().to_numpy().mean() for found in (without, fit)]
    assert errors[1] < 0.8 * errors[0]
    assert np.corrcoef(fit.shift, shift[reference.profiles.index.get_indexer(fit.shift.index)])[0, 1] > 0.9
    assert fit.shift_sd == pytest.approx(0.5, abs=0.06)
    assert not without.shift.any() and np.isnan(without.shift_sd)


def test_one_sample_has_no_shift():
    reference, _, counts, _ = planted(1, sd=0.5)
    fit = fit_states(counts, reference, set())
    assert not fit.shift.any() and np.isnan(fit.shift_sd)
    plain = fit_states(counts, reference, set(), platform_rounds=0)
    pd.testing.assert_frame_equal(fit.fractions, plain.fractions)


def test_the_order_of_samples_does_not_matter():
    reference, _, counts, _ = planted(9, sd=0.5)
    pd.testing.assert_series_equal(
        fit_states(counts, reference, set()).shift, fit_states(counts[::-1], reference, set()).shift, atol=1e-4
    )


def test_table_lists_the_furthest_first_and_says_why_others_are_missing(caplog):
    filtered = pd.Series({"A": "", "B": "scored", "C": "", "D": ""})
    table = platform_table(filtered, pd.Series({"A": np.log(2), "C": -2 * np.log(2), "D": 0.0}))
    assert list(table.columns) == list(PLATFORM_COLUMNS)
    assert table["gene"].tolist() == ["C", "A", "D", "B"]
    np.testing.assert_allclose(table["log2_shift"].tolist(), [-2, 1, 0, np.nan])
    assert table["used"].tolist() == ["yes", "yes", "yes", "scored"]
    with caplog.at_level("INFO"):
        log_platform(table, np.log(2))
        log_platform(table, np.nan)
    assert "sd 1.00" in caplog.text and "C -2.0, A +1.0" in caplog.text and "No platform shift" in caplog.text
