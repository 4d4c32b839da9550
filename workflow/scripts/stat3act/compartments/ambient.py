"""Ambient RNA: what share of the counts of a sample's cells floated in from its other cells, and sums without it.

Free RNA of broken cells is counted in every droplet, so that tumour cells seem to make what only macrophages make.
The model is that of SoupX (Young & Behjati 2020, doi 10.1093/gigascience/giaa151): the counts of cells are their own
plus a share rho of a profile that all droplets have in common. As its authors advise where empty droplets were not
kept, that profile is the sum over all cells of the sample. Rho is read from genes that a group of cells cannot make.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import gammaln, xlogy

from stat3act.compartments import COMPARTMENTS
from stat3act.compartments.lineages import UNKNOWN
from stat3act.compartments.pseudobulk import UNIT, units_of
from stat3act.logs import log

SHARE_COLUMNS = ("contamination", "contamination_low", "contamination_high")
CONTAMINATION_COLUMNS = ("sample", "compartment", "lineage", "total", *SHARE_COLUMNS, "n_genes", "reason")
NO_AMBIENT_MARKERS = "NO_AMBIENT_MARKERS"
NOT_COUNTS = "NOT_COUNTS"

# Lineages whose markers a lineage makes too: progenitors carry the programmes of what they become, and the marker table
# has oligodendrocytes apart from the other glia.
RELATIVES = {
    "erythroid": {"progenitor"},
    "glial": {"other"},
    "myeloid": {"progenitor"},
    "other": {"glial"},
    "progenitor": {"erythroid", "myeloid"},
}
# Limit of the share and its gamma prior are the defaults of SoupX's autoEstCont: at most 0.8, mode 0.05, standard
# deviation 0.1, of which shape and scale follow. A gene that makes up 0.8 times as large a share of a unit's counts as
# of the whole sample's is no longer told from one that the unit makes.
HIGHEST_SHARE = 0.8
PRIOR_MODE, PRIOR_SD = 0.05, 0.1
PRIOR_SCALE = (np.sqrt(PRIOR_MODE**2 + 4 * PRIOR_SD**2) - PRIOR_MODE) / 2
PRIOR_SHAPE = 1 + PRIOR_MODE / PRIOR_SCALE
# Fewer expected counts of a gene say nothing even at a large share; 30 in all are three counts at a contamination of a
# tenth; and one or two genes could be the unit's own.
LEAST_EXPECTED, LEAST_EXPECTED_IN_ALL, LEAST_GENES = 5.0, 30.0, 3
# What is not known is averaged over, all values alike: how much the clean genes vary around their common share, as a
# coefficient of variation (free RNA is not an even sample of the cells': the red-cell genes of three leukaemic marrows,
# doi 10.1016/j.cell.2019.01.031, vary by 0.4 to 0.6), and which fraction of the genes is clean.
GENE_VARIATIONS = (0.1, 0.3, 0.5, 0.7)
CLEAN_FRACTIONS = np.linspace(0.025, 0.975, 20)
STEP = 0.001
SHARES = np.arange(STEP / 2, HIGHEST_SHARE, STEP)
LEVEL = 0.9


@dataclass(frozen=True)
class Contamination:
    """Contamination of one unit.

    Attributes
    ----------
    share
        Share of its counts that are ambient, 0 to `HIGHEST_SHARE`; NaN where unknown.
    low, high
        Interval of the share.
    n_genes
        Informative genes behind it.
    reason
        Why the share is unknown; else empty.
    """

    share: float
    low: float
    high: float
    n_genes: int
    reason: str = ""


def unknown_contamination(reason: str, n_genes: int = 0) -> Contamination:
    """Return a contamination without numbers, with the reason it has none."""
    return Contamination(np.nan, np.nan, np.nan, n_genes, reason)


def soup_profile(sums: pd.DataFrame) -> pd.Series:
    """Estimate the ambient profile of a sample from its cells: each gene's share of all their counts.

    Parameters
    ----------
    sums
        Genes x units of one sample, counts; together the units hold every cell once.

    Returns
    -------
    pandas.Series
        One share per gene, adding up to one; all zero in a sample without counts.
    """
    counts = sums.sum(axis=1).astype(float)
    total = counts.sum()
    return counts / total if total > 0 else counts


def foreign_genes(markers: pd.DataFrame, compartment: str, lineage: str, candidates: Sequence[str]) -> list[str]:
    """Name the marker genes that the cells of a unit cannot make.

    Parameters
    ----------
    markers
        Marker table, see `stat3act.compartments.lineages.check_markers`.
    compartment, lineage
        What the cells of the unit are.
    candidates
        Lineages that may hold malignant cells; tumour cells of unknown lineage are taken for any of them.

    Returns
    -------
    list of str
        Sorted positive markers of lineages other than the unit's own and its `RELATIVES`, none of them a marker of
        those as well; none where it is not known what the cells are.
    """
    if lineage != UNKNOWN:
        own = {lineage} | RELATIVES.get(lineage, set())
    elif compartment == "tumour":
        own = set(candidates)
    else:
        return []
    positive = markers[markers["sign"] == 1]
    mine = positive["lineage"].isin(own)
    return sorted(set(positive.loc[~mine, "gene"]) - set(positive.loc[mine, "gene"]))


def prior_density(shares: np.ndarray) -> np.ndarray:
    """Return the density of the gamma prior; scipy.stats has it too, for half a second of import in every job."""
    scaled = shares / PRIOR_SCALE
    return np.exp(xlogy(PRIOR_SHAPE - 1, scaled) - scaled - gammaln(PRIOR_SHAPE)) / PRIOR_SCALE


def gene_likelihood(observed: np.ndarray, expected: np.ndarray, variation: float) -> np.ndarray:
    """Return the likelihood of every gene's count at each of the `SHARES`, genes x shares.

    Negative binomial with mean share x expected and a coefficient of variation between genes; written with gamma
    functions, it also takes the fractions of counts that a corrected matrix holds.
    """
    shape, mean, counts = variation**-2, SHARES * expected[:, None], observed[:, None]
    constant = gammaln(counts + shape) - gammaln(counts + 1) - gammaln(shape)
    return np.exp(constant + xlogy(counts, mean / (shape + mean)) + shape * np.log(shape / (shape + mean)))


def share_posterior(observed: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return the posterior probability of each of the `SHARES`.

    A gene is either clean, its counts all ambient, or the unit makes it too, its rate anywhere above the ambient share
    with equal probability. Expression only adds to ambient counts: a share far above what the lowest genes show is
    impossible, and genes far above the others do not raise it. Fraction and variation of the clean genes are averaged
    over.

    Parameters
    ----------
    observed, expected
        Counts of the informative genes in the unit, and those it would have if its counts were all ambient.
    """
    supports = []
    for variation in GENE_VARIATIONS:
        clean = gene_likelihood(observed, expected, variation)
        made = np.cumsum(clean[:, ::-1], axis=1)[:, ::-1] / np.arange(len(SHARES), 0, -1)
        # Counts that are impossible at a share must not make the logarithm of zero.
        mixed = [np.maximum(part * clean + (1 - part) * made, 1e-300) for part in CLEAN_FRACTIONS]
        supports += [np.log(likelihood).sum(axis=0) for likelihood in mixed]
    support = np.array(supports)
    posterior = np.exp(support - support.max()).sum(axis=0) * prior_density(SHARES)
    return posterior / posterior.sum()


def estimate_contamination(
    counts: pd.Series, soup: pd.Series, foreign: list[str], level: float = LEVEL
) -> Contamination:
    """Estimate the share of a unit's counts that is ambient.

    For each gene that the cells cannot make, the observed count is set against the expected one (the unit's total x
    the gene's share of the soup); the share that they have in common is the median of `share_posterior`. Only genes
    that make up clearly more of the whole sample than of the unit are informative (`HIGHEST_SHARE`): a marker that the
    unit alone makes, aberrantly, is as frequent in both.

    A low estimate by design. Where the ambient counts of genes vary by half their mean, simulated shares up to 0.1 are
    found within 0.006 on average, 0.2 as 0.16 to 0.18 and 0.3 as 0.19 to 0.25.

    Parameters
    ----------
    counts
        Sums of the unit, one value per gene.
    soup
        Result of `soup_profile`, same genes.
    foreign
        Result of `foreign_genes`; those that were not measured are left out.
    level
        Probability of the interval.

    Returns
    -------
    Contamination
        With the reason ``NO_AMBIENT_MARKERS`` where fewer than three genes or thirty expected counts are informative.
    """
    genes = counts.index.intersection(foreign).sort_values()
    observed = counts[genes].to_numpy(float)
    expected = soup[genes].to_numpy(float) * float(counts.sum())
    informative = (expected >= LEAST_EXPECTED) & (observed < HIGHEST_SHARE * expected)
    observed, expected = observed[informative], expected[informative]
    if len(observed) < LEAST_GENES or expected.sum() < LEAST_EXPECTED_IN_ALL:
        return unknown_contamination(NO_AMBIENT_MARKERS, len(observed))
    tails = (1 - level) / 2
    cumulative = np.cumsum(share_posterior(observed, expected))
    low, share, high = SHARES[np.searchsorted(cumulative, [tails, 0.5, 1 - tails])].tolist()
    # Each of the shares stands for its step, the first of them for none at all.
    return Contamination(share, low - STEP / 2, high + STEP / 2, len(observed))


def contamination_table(
    matrix: pd.DataFrame, units: pd.DataFrame, markers: pd.DataFrame, candidates: Sequence[str], scale: str
) -> pd.DataFrame:
    """Estimate the contamination of every unit of a sample.

    Parameters
    ----------
    matrix, units
        Sums and their table (`stat3act.compartments.pseudobulk.sum_units`).
    markers, candidates
        As in `foreign_genes`.
    scale
        ``counts``, or ``tpm``: cells sorted into wells share no droplets, so that nothing is estimated.

    Returns
    -------
    pandas.DataFrame
        `CONTAMINATION_COLUMNS`, one row per unit in the order of ``units``.
    """
    soup, rows = soup_profile(matrix), []
    for unit in units.itertuples():
        found = unknown_contamination(NOT_COUNTS)
        if scale == "counts":
            foreign = foreign_genes(markers, unit.compartment, unit.lineage, candidates)
            name = UNIT.format(compartment=unit.compartment, lineage=unit.lineage)
            found = estimate_contamination(matrix[name], soup, foreign)
        known = (unit.sample, unit.compartment, unit.lineage, unit.total)
        rows.append((*known, found.share, found.low, found.high, found.n_genes, found.reason))
    table = pd.DataFrame(rows, columns=CONTAMINATION_COLUMNS)
    log.info("ambient share of the counts:\n%s", table.drop(columns="sample").to_string(index=False))
    return table


def remove_ambient(matrix: pd.DataFrame, contamination: pd.DataFrame) -> pd.DataFrame:
    """Take the ambient counts off the sums of a sample.

    Parameters
    ----------
    matrix
        Genes x units, all cells of the sample.
    contamination
        Result of `contamination_table` for them.

    Returns
    -------
    pandas.DataFrame
        Same shape, ``sums - share x total x soup`` and never below zero; units of unknown contamination as they were.
        What the zeros cut off is not taken from other genes, so the totals fall by at most share x total.
    """
    names = [UNIT.format(compartment=row.compartment, lineage=row.lineage) for row in contamination.itertuples()]
    share = pd.Series(contamination["contamination"].fillna(0.0).to_numpy(), index=names)[matrix.columns].to_numpy()
    ambient = np.outer(soup_profile(matrix).to_numpy(), share * matrix.sum(axis=0).to_numpy(float))
    return (matrix - ambient).clip(lower=0.0)


def compartment_contamination(contamination: pd.DataFrame) -> pd.DataFrame:
    """Average the contamination of the units of each compartment, weighted by their counts.

    Parameters
    ----------
    contamination
        Result of `contamination_table`.

    Returns
    -------
    pandas.DataFrame
        ``sample compartment contamination contamination_low contamination_high reason`` for the compartments that have
        cells, ``bulk`` left out: nothing floats into a whole sample from elsewhere. Where units with more than half of
        the counts are of unknown contamination, so is the compartment, for the reason of the largest of them; else
        the unknown ones are left out of the average.
    """
    rows = []
    for name in COMPARTMENTS:
        units = contamination[units_of(name, contamination)]
        if name == "bulk" or units.empty:
            continue
        lost = units[units["contamination"].isna()]
        kept = units.drop(index=lost.index)
        if lost["total"].sum() > units["total"].sum() / 2 or not kept["total"].sum() > 0:
            largest = lost.sort_values("total", kind="stable")["reason"]
            shares, reason = [np.nan] * 3, largest.iloc[-1] if len(largest) else NO_AMBIENT_MARKERS
        else:
            shares, reason = np.average(kept[list(SHARE_COLUMNS)], axis=0, weights=kept["total"]).tolist(), ""
        rows.append((units["sample"].iloc[0], name, *shares, reason))
    return pd.DataFrame(rows, columns=["sample", "compartment", *SHARE_COLUMNS, "reason"])
