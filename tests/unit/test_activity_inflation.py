"""Control sets: matched to the panel, as co-expressed as they say, and a factor that divides the excess out."""

import numpy as np
import pytest
from scipy import sparse

from stat3act.activity import model
from stat3act.activity.inflation import (
    ENOUGH_ROWS,
    SETS,
    TYPICAL,
    control_sets,
    find_modules,
    halves,
    measure_inflation,
    moderated_square,
    rng_of,
)

GENES, ROWS = 1200, 60
NONE = model.Rivals(*np.empty((2, GENES, 0)))


@pytest.fixture
def case():
    """Profiles with eight modules of 150 genes that share half of their variance."""
    rng = np.random.default_rng(3)
    module = np.arange(GENES) % 8
    profiles = rng.normal(size=(ROWS, GENES)) * np.sqrt(0.5) + rng.normal(size=(ROWS, 8))[:, module] * np.sqrt(0.5)
    weights = np.zeros(GENES)
    weights[rng.choice(GENES, 24, replace=False)] = np.linspace(1, 3, 24)
    strata = model.assign_strata(rng.normal(size=GENES), rng.uniform(size=GENES))
    return profiles, module, weights, strata, np.flatnonzero(weights == 0)


def test_control_sets_match_the_panel_gene_by_gene(case):
    profiles, _, weights, strata, candidates = case
    sets = control_sets(weights, strata, find_modules(profiles, NONE, strata, candidates, "x"), "x")
    assert sets.shape == (GENES, SETS)
    assert not sets[np.flatnonzero(weights)].nnz
    for stratum in np.unique(strata):
        wanted = np.sort(weights[(strata == stratum) & (weights != 0)])
        found = np.sort(sets.toarray()[strata == stratum], axis=0)[(strata == stratum).sum() - len(wanted) :]
        np.testing.assert_array_equal(found, np.tile(wanted[:, None], (1, SETS)))


def test_modules_are_the_genes_that_vary_together(case):
    profiles, module, weights, strata, candidates = case
    modules = find_modules(profiles, NONE, strata, candidates, "x")
    sets = control_sets(weights, strata, modules, "x", share=1.0).toarray()
    largest = [np.bincount(module[np.flatnonzero(column)]).max() for column in sets.T]
    independent = control_sets(weights, strata, modules, "x", share=0.0).toarray()
    chance = [np.bincount(module[np.flatnonzero(column)]).max() for column in independent.T]
    assert np.median(largest) >= 2 * np.median(chance)


def factor(profiles, case, controls=False, seed="x", groups=None):
    _, _, weights, strata, candidates = case
    groups = np.zeros(len(profiles)) if groups is None else groups
    panels = {"panel": (weights, NONE)}
    return measure_inflation(profiles, groups, panels, NONE, strata, candidates, controls, seed)["panel"]


def test_independent_genes_have_no_inflation_and_modules_do(case):
    profiles, _, weights, strata, candidates = case
    alone = np.random.default_rng(1).normal(size=profiles.shape)
    assert factor(alone, case) == pytest.approx(1.0, abs=0.06)
    found = factor(profiles, case)
    assert 1.1 < found < 2
    # Fresh control sets, modules from one half and rows of the other, are significant in one of twenty rows.
    (train, test), _ = halves(np.zeros(ROWS))
    fresh = control_sets(weights, strata, find_modules(profiles[train], NONE, strata, candidates, "new"), "new")
    z = model.panel_z(profiles[test], fresh, NONE, strata) / found
    assert 0.035 < (z > 1.645).mean() < 0.065


def test_repetition_gives_the_same_bits_and_order_of_genes_a_like_factor(case):
    genes = np.random.default_rng(0).permutation(GENES)
    profiles, module, weights, strata, _ = case
    moved = profiles[:, genes], module[genes], weights[genes], strata[genes], np.flatnonzero(weights[genes] == 0)
    assert factor(case[0], case) == factor(case[0].copy(), case)
    assert factor(moved[0], moved) == pytest.approx(factor(case[0], case), abs=0.05)
    assert factor(case[0], case) != factor(case[0], case, seed="y")


def test_few_rows_have_at_least_the_typical_factor(case):
    for rows in (1, 3, 8, ENOUGH_ROWS - 1):
        assert factor(case[0][:rows], case) >= TYPICAL
    alone = np.random.default_rng(1).normal(size=case[0].shape)
    assert factor(alone[:3], case) == factor(alone[:12], case) == TYPICAL > factor(alone[:ENOUGH_ROWS], case)


def test_three_controls_that_vary_in_the_panel_are_not_overlooked(case):
    moved = case[0][:3] + 2 * np.array([[1.0], [0.0], [-1.0]]) * (case[2] > 0)
    assert factor(moved, case, controls=True) > 2


@pytest.mark.parametrize("groups", [np.repeat(np.arange(12), 2), np.repeat(np.arange(8), 3)])
def test_deviations_within_groups_of_pure_noise_have_no_inflation(case, groups):
    rng = np.random.default_rng(4)
    noise = rng.normal(size=(len(groups), GENES))
    noise -= np.stack([noise[groups == group].mean(axis=0) for group in np.unique(groups)])[groups]
    assert factor(noise, case, groups=groups) == pytest.approx(1.0, abs=0.07)


def test_the_spread_among_controls_counts_when_it_is_larger(case):
    profiles, _, weights, *_ = case
    moved = profiles + np.random.default_rng(0).normal(size=(ROWS, 1)) * (weights > 0)
    assert factor(moved, case, controls=True) > factor(moved, case) + 0.3
    assert factor(profiles, case, controls=True) >= factor(profiles, case)


def test_the_moderated_square_lies_between_the_panel_and_its_control_sets():
    rng = np.random.default_rng(2)
    own = rng.normal(size=12) * 2.5
    equal = rng.chisquare(6, size=2 * SETS) / 6
    unequal = equal * rng.uniform(0.3, 3, 2 * SETS) ** 2
    assert np.mean(equal) <= moderated_square(own, equal, 6) < 0.5 * np.mean(own**2)
    assert np.mean(unequal) < moderated_square(own, unequal, 6) < np.mean(own**2)


def test_random_numbers_depend_on_the_words_alone():
    assert rng_of("a", 1).random() == rng_of("a", 1).random() != rng_of("a", 2).random()


def test_halves_share_no_row_and_take_turns():
    (first, second), again = halves(np.zeros(7))
    assert sorted([*first, *second]) == list(range(7)) and not set(first) & set(second)
    assert all((one == two).all() for one, two in zip(again, (second, first), strict=True))
    assert len(halves(np.zeros(5000))[0][0]) == 200


def test_halves_do_not_cut_a_group():
    groups = np.array(["a", "a", "b", "b", "b", "c", "c"])
    first, second = halves(groups)[0]
    assert set(groups[first]) == {"a", "c"} and set(groups[second]) == {"b"}


def test_sets_are_sparse(case):
    profiles, _, weights, strata, candidates = case
    sets = control_sets(weights, strata, find_modules(profiles, NONE, strata, candidates, "x"), "x")
    assert sparse.issparse(sets) and sets.nnz == SETS * 24
