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
# A quarter of a curated set from one module is a convention: real panels lie around it, and docs/validation/scoring.md
# shows what other shares give.
MODULE_SHARE = 0.25
# Two halves of at least this many rows: co-expression of fewer cannot be told from chance.
MIN_HALF = 2
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
    return Modules(pools, [np.argsort(by_similarity, axis=1) for by_similarity in order])


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
        genes.append(pool[np.argsort(keys, axis=1)[:, : len(here)]])
        values.append(rng.permuted(np.tile(here, (SETS, 1)), axis=1))
    rows = np.hstack(genes)
    columns = np.broadcast_to(np.arange(SETS)[:, None], rows.shape)
    return sparse.csr_array((np.hstack(values).ravel(), (rows.ravel(), columns.ravel())), (len(weights), SETS))


def halves(rows: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Split the rows in two by turns: modules are found on one half and measured on the other, and the reverse.

    Modules that were found and measured on the same few rows would look more co-expressed than they are.
    """
    numbers = np.unique(np.linspace(0, rows - 1, min(rows, MAX_ROWS)).astype(int))
    return [(numbers[::2], numbers[1::2]), (numbers[1::2], numbers[::2])]


def moderated_square(own: np.ndarray, sets: np.ndarray) -> float:
    """Draw a panel's own mean square over the control samples towards that of its control sets.

    A dozen controls measure a spread badly. As for the variance of a gene (Smyth 2004, doi 10.2202/1544-6115.1027),
    the weight of the control sets follows from how much they differ among themselves beyond what so few rows explain.

    Parameters
    ----------
    own
        Per control sample, z of the panel.
    sets
        Rows x sets, z of the control sets.
    """
    prior, rows = np.mean(sets**2), len(sets)
    between = np.var(np.log(np.mean(sets**2, axis=0))) - polygamma(1, rows / 2)
    if between <= 0:
        return float(prior)
    prior_df = 2 * inverse_trigamma(between)
    return float((prior_df * prior + len(own) * np.mean(own**2)) / (prior_df + len(own)))


def measure_inflation(
    profiles: np.ndarray,
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
    By axis: the root mean square of the z of its control sets, at least 1 and rounded to four digits; 1 with fewer
    than `MIN_HALF` rows in a half, or without candidates, where co-expression cannot be measured.
    """
    splits = halves(len(profiles))
    enough = min(len(half) for half in splits[0]) >= MIN_HALF and len(candidates) > 0
    found = [find_modules(profiles[train], rivals, strata, candidates, seed) for train, _ in splits] if enough else []
    factors = {}
    for axis, (weights, beside) in panels.items():
        square = 1.0
        z = [
            model.panel_z(profiles[test], control_sets(weights, strata, modules, f"{seed}|{axis}"), beside, strata)
            for modules, (_, test) in zip(found, splits, strict=bool(found))
        ]
        if z:
            square = np.mean(np.concatenate(z) ** 2)
        if z and controls:
            own = model.panel_z(profiles, sparse.csr_array(weights[:, None]), beside, strata)[:, 0]
            square = max(square, moderated_square(own, z[0]))
        factors[axis] = float(f"{np.sqrt(max(1.0, square)):.4g}")
    return factors
