"""Other decoupler methods as extra columns: values by hand where the method is simple, and the guards in use."""

import numpy as np
import pandas as pd
import pytest

from stat3act.activity.also import METHODS, also_scores

GENES = [f"g{number:03d}" for number in range(300)]


@pytest.fixture(scope="module")
def case():
    rng = np.random.default_rng(2)
    profiles = pd.DataFrame(rng.normal(size=(4, len(GENES))), index=list("abcd"), columns=GENES)
    profiles.iloc[1, :15] += 2
    profiles.iloc[1, 15:20] -= 2
    weights = pd.DataFrame(0.0, index=GENES, columns=["stat3_core", "nfkb", "silent"])
    weights.iloc[:15, 0], weights.iloc[15:20, 0], weights.iloc[50:80, 1] = 1.0, -1.0, 1.0
    return profiles, weights


def column(table, method, axis="stat3_core"):
    return table[table["axis"] == axis].set_index("row")[f"also_{method}"]


def test_every_row_and_axis_is_there_whatever_the_method_returns(case):
    profiles, weights = case
    table = also_scores(profiles, weights, ["viper", "zscore"], seed=1)
    assert list(table.columns) == ["row", "axis", "also_viper", "also_zscore"]
    assert list(zip(table["row"], table["axis"], strict=True)) == [
        (row, axis) for row in profiles.index for axis in weights.columns
    ]
    assert column(table, "viper", "silent").isna().all()
    assert column(table, "viper").idxmax() == "b"


def test_zscore_subtracts_the_mean_of_all_genes(case):
    profiles, weights = case
    found = column(also_scores(profiles + 7, weights, ["zscore"], seed=1), "zscore", "nfkb")
    x = profiles.to_numpy()
    expected = (x[:, 50:80].mean(axis=1) - x.mean(axis=1)) * np.sqrt(30) / x.std(axis=1, ddof=1)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_waggr_is_the_weighted_mean(case):
    profiles, weights = case
    found = column(also_scores(profiles, weights, ["waggr"], seed=1), "waggr")
    np.testing.assert_allclose(found, profiles @ weights["stat3_core"] / 20, rtol=1e-6)


def test_ora_counts_the_highest_genes(case):
    profiles, weights = case
    found = column(also_scores(profiles, weights, ["ora"], seed=1), "ora", "nfkb")
    shifted = profiles.copy()
    shifted.iloc[2, 50:80] += 10
    moved = column(also_scores(shifted, weights, ["ora"], seed=1), "ora", "nfkb")
    np.testing.assert_allclose(moved.drop("c"), found.drop("c"))
    # All of the top 5 % are now targets; by decoupler's default 95 % of all genes would have counted as top.
    top = int(np.ceil(0.05 * len(GENES)))
    a, b, c, d = top, 30 - top, 0, 20_000 - 30
    assert moved["c"] == pytest.approx(np.log((a + 0.5) * (d + 0.5) / ((b + 0.5) * (c + 0.5))), rel=1e-6)


def test_an_unknown_method_is_named(case):
    with pytest.raises(ValueError, match=r"unknown decoupler methods: hyper; known: aucell"):
        also_scores(*case, ["ora", "hyper"], seed=1)


def test_known_methods_are_decouplers():
    import decoupler as dc

    assert all(callable(getattr(dc.mt, method)) for method in METHODS)
