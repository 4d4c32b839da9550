"""What co-expression adds to chance: matched control sets, a part of whose genes vary together.

The permutation of `model` exchanges genes as if they varied independently. Curated panels do not: some of their
targets share a programme that is neither STAT3's nor a rival's. The inflation factor is the spread that the same
statistic has for control sets that are matched gene by gene to the panel and draw `MODULE_SHARE` of their genes from
one co-expression module of the reference.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.special import polygamma

from stat3act.activity import model
from stat3act.activity.reference import inverse_trigamma

SETS = 200
# A quarter of a curated set from one module is a convention; docs/validation/scoring.md shows what other shares give.
MODULE_SHARE = 0.25
# Modules of few rows are mostly noise and measure too small a factor: below ENOUGH_ROWS rows it is not taken to be
# smaller than TYPICAL, the middle of the core panel's factors in six TCGA cohorts of 27 to 80 samples (1.05 to 1.24).
ENOUGH_ROWS = 24
TYPICAL = 1.1
MIN_HALF = 4
MAX_ROWS = 400


@dataclass(frozen=True)
class Modules:
    """Co-expression modules around random seed genes.

    Attributes
    ----------
    pools
        Per stratum, the candidate genes.
    ranks
        Per stratum, sets x candidates; rank of each candidate by how much it varies with the seed, 0 for the most.
    """

    pools: list[np.ndarray]
    ranks: list[np.ndarray]


def rng_of(*words: object) -> np.random.Generator:
    """Make a random generator that depends on the words alone, so that any order of work draws the same."""
    return np.random.default_rng([ord(letter) for letter in "|".join(map(str, words))])


def find_modules(
    profiles: np.ndarray, rivals: model.Rivals, strata: np.ndarray, candidates: np.ndarray, seed: str
) -> Modules:
    """Find, for random seed genes, the genes that vary with each of them over the rows.

    Parameters
    ----------
    profiles
        Rows x genes, standardised; the rows of the reference.
    rivals
        All rivals; what they explain is no co-expression of interest and is removed first.
    strata
        Stratum of each gene.
    candidates
        Genes that belong to no axis.
    seed
        Words that choose the seed genes.

    Returns
    -------
    Modules
        One per control set.
    """
    residual = model.remove_rivals(profiles, rivals)
    residual -= residual.mean(axis=0)
    length = np.sqrt((residual**2).sum(axis=0))
    residual /= np.where(length > 0, length, 1.0)
    chosen = rng_of("modules", seed).choice(candidates, SETS)
    # Rounded, so that the last bit of a sum does not decide which of two equal genes comes first.
    similar = np.round(residual[:, chosen].T @ residual, 9)
    pools = [candidates[strata[candidates] == stratum] for stratum in range(strata.max() + 1)]
    order = [np.argsort(-similar[:, pool], axis=1, kind="stable") for pool in pools]
    return Modules(pools, [np.argsort(by_similarity, axis=1, kind="stable") for by_similarity in order])


def control_sets(
    weights: np.ndarray, strata: np.ndarray, modules: Modules, seed: str, share: float = MODULE_SHARE
) -> sparse.csr_array:
    """Draw control sets that match a panel gene by gene: same strata, same weights.

    Parameters
    ----------
    weights
        Weight of each gene in the panel, zero for genes that are no targets.
    strata
        Stratum of each gene.
    modules
        From `find_modules`.
    seed
        Words that choose the sets.
    share
        Chance of each gene to come from the set's module; 0 draws all genes independently.

    Returns
    -------
    Genes x `SETS`, weights.
    """
    rng = rng_of("sets", seed, share)
    targets = np.flatnonzero(weights)
    genes, values = [], []
    for stratum in np.unique(strata[targets]):
        pool, rank = modules.pools[stratum], modules.ranks[stratum]
        here = weights[targets[strata[targets] == stratum]][: len(pool)]
        together = rng.binomial(len(here), share, size=(SETS, 1))
        # The module's nearest genes come first, then the others in random order.
        keys = np.where(rank < together, -1.0, rng.random(rank.shape))
        genes.append(pool[np.argsort(keys, axis=1, kind="stable")[:, : len(here)]])
        values.append(rng.permuted(np.tile(here, (SETS, 1)), axis=1))
    rows = np.hstack(genes)
    columns = np.broadcast_to(np.arange(SETS)[:, None], rows.shape)
    return sparse.csr_array((np.hstack(values).ravel(), (rows.ravel(), columns.ravel())), (len(weights), SETS))


def halves(groups: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Split the rows in two: modules are found on one half and measured on the other, and the reverse.

    Modules that were found and measured on the same few rows would look more co-expressed than they are. Rows take
    turns where they are of one group; else groups do, because the deviations of a group sum to zero and two of them
    would be mirror images.

    Parameters
    ----------
    groups
        Stratum of each row of the reference.
    """
    numbers = np.unique(np.linspace(0, len(groups) - 1, min(len(groups), MAX_ROWS)).astype(int))
    turn = np.unique(groups[numbers], return_inverse=True)[1]
    first = (turn if turn.any() else np.arange(len(numbers))) % 2 == 0
    return [(numbers[first], numbers[~first]), (numbers[~first], numbers[first])]


def moderated_square(own: np.ndarray, squares: np.ndarray, rows: int) -> float:
    """Draw a panel's own mean square over the control samples towards that of its control sets.

    A dozen controls measure a spread badly. As for the variance of a gene (Smyth 2004, doi 10.2202/1544-6115.1027),
    the weight of the control sets follows from how much they differ among themselves beyond what so few rows explain.

    Parameters
    ----------
    own
        Per control sample, z of the panel.
    squares
        Per control set, the mean square of its z over the rows.
    rows
        How many rows that were.
    """
    prior = float(np.mean(squares))
    between = np.var(np.log(squares)) - polygamma(1, rows / 2)
    if between <= 0:
        return prior
    prior_df = 2 * inverse_trigamma(between)
    return (prior_df * prior + len(own) * float(np.mean(own**2))) / (prior_df + len(own))


def split_modules(
    profiles: np.ndarray,
    groups: np.ndarray,
    rivals: model.Rivals,
    strata: np.ndarray,
    candidates: np.ndarray,
    seed: str,
) -> list[tuple[Modules, np.ndarray]]:
    """Find modules on each half of the rows; with each, the numbers of the other rows. Empty with too few rows."""
    splits = halves(groups)
    if min(len(half) for half in splits[0]) < MIN_HALF or not len(candidates):
        return []
    return [(find_modules(profiles[train], rivals, strata, candidates, seed), test) for train, test in splits]


def control_squares(
    profiles: np.ndarray,
    weights: np.ndarray,
    rivals: model.Rivals,
    strata: np.ndarray,
    found: list[tuple[Modules, np.ndarray]],
    seed: str,
) -> np.ndarray:
    """Return, per control set of a panel, the mean square of its z over the rows it was not found on."""
    parts = [
        model.panel_z(profiles[rows], control_sets(weights, strata, modules, seed), rivals, strata)
        for modules, rows in found
    ]
    return np.concatenate([np.mean(z**2, axis=0) for z in parts]) if parts else np.empty(0)


def factor(squares: np.ndarray, rows: int, own: np.ndarray | None) -> float:
    """Turn what was measured into an inflation factor.

    Parameters
    ----------
    squares
        From `control_squares`; empty where nothing could be measured.
    rows
        Rows of the reference.
    own
        Where these are controls, the panel's own z in each of them.

    Returns
    -------
    Root mean square, rounded to four digits and at least 1; at least `TYPICAL` with fewer than `ENOUGH_ROWS` rows.
    """
    square = TYPICAL**2 if rows < ENOUGH_ROWS else 1.0
    if len(squares):
        square = max(square, float(np.mean(squares)))
    if own is not None:
        square = max(square, moderated_square(own, squares, rows // 2) if len(squares) else float(np.mean(own**2)))
    return float(f"{np.sqrt(square):.4g}")


def measure_inflation(
    profiles: np.ndarray,
    groups: np.ndarray,
    panels: dict[str, tuple[np.ndarray, model.Rivals]],
    rivals: model.Rivals,
    strata: np.ndarray,
    candidates: np.ndarray,
    controls: bool,
    seed: str,
) -> dict[str, float]:
    """Measure the inflation factor of every axis in one compartment.

    Parameters
    ----------
    profiles
        Rows x genes, standardised; the rows of the reference.
    groups
        Stratum of each row.
    panels
        By axis: its weights, and the rivals it is scored beside.
    rivals
        All rivals.
    strata
        Stratum of each gene.
    candidates
        Genes that belong to no axis.
    controls
        Whether the reference rows are known not to be active. The panel's own spread among them is then chance as
        well, and counts (`moderated_square`) when it is the larger one; in a cohort it would hold the very
        differences that are looked for.
    seed
        Words that choose the sets, such as the compartment's name.

    Returns
    -------
    By axis, its `factor`.
    """
    found = split_modules(profiles, groups, rivals, strata, candidates, seed)
    factors = {}
    for axis, (weights, beside) in panels.items():
        squares = control_squares(profiles, weights, beside, strata, found, f"{seed}|{axis}")
        own = model.panel_z(profiles, sparse.csr_array(weights[:, None]), beside, strata)[:, 0] if controls else None
        factors[axis] = factor(squares, len(profiles), own)
    return factors
