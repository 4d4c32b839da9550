"""Location, scale and standardisation against textbook formulas."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import polygamma

from stat3act.activity.reference import (
    fit_reference,
    from_table,
    inverse_trigamma,
    moderate_variance,
    standardise,
    to_table,
)


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


def test_reference_survives_its_table(expression):
    strata = pd.Series(["a"] * 6 + ["b"] * 6, expression.index)
    reference = fit_reference(expression, strata, 0.5)
    again = from_table(to_table(reference, "tumour").sample(frac=1, random_state=0))
    pd.testing.assert_frame_equal(again.location, reference.location, check_names=False)
    pd.testing.assert_series_equal(again.scale, reference.scale, check_names=False)
    assert dict(again.n) == dict(reference.n)
