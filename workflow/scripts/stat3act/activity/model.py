"""The axes model: one axis scored beside its rivals, with the exact null of a stratified permutation."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.special import stdtrit

MEAN_STRATA = 20
SPREAD_STRATA = 5
GENES_PER_STRATUM = 25


@dataclass(frozen=True)
class Statistic:
    """The score of one axis in every row.

    Attributes
    ----------
    activity
        Adjusted score over the standard deviation of its null, inflation included.
    error
        Standard error of ``activity``, in the same units; never below 1, the spread of the null itself.
    contributions
        Rows x targets; what each target adds to ``activity``. A row's contributions sum to its activity.
    """

    activity: np.ndarray
    error: np.ndarray
    contributions: np.ndarray


def quantile_groups(values: np.ndarray, groups: int) -> np.ndarray:
    """Number each value by the quantile group it falls in; ties go by position."""
    rank = np.empty(len(values), dtype=int)
    rank[np.argsort(values, kind="stable")] = np.arange(len(values))
    return rank * groups // max(1, len(values))


def assign_strata(location: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Group genes by mean expression and, within it, by spread.

    Genes of a stratum are exchangeable under the null. Twenty groups of mean times five of spread (scDRS matches
    its control genes likewise: Zhang 2022, doi 10.1038/s41588-022-01167-z), fewer where there are few genes.

    Parameters
    ----------
    location, scale
        Mean and standard deviation of each gene in the reference.

    Returns
    -------
    Stratum of each gene, numbered from 0 without gaps.
    """
    genes = len(location)
    means = max(1, min(MEAN_STRATA, genes // (GENES_PER_STRATUM * SPREAD_STRATA)))
    spreads = max(1, min(SPREAD_STRATA, genes // (GENES_PER_STRATUM * means)))
    by_mean = quantile_groups(location, means)
    strata = np.empty(genes, dtype=int)
    for group in range(means):
        inside = np.flatnonzero(by_mean == group)
        strata[inside] = group * spreads + quantile_groups(scale[inside], spreads)
    return strata


def univariate_t(profiles: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Score by the t value of a straight-line regression of each profile on the weights.

    The statistic of decoupler's ``ulm`` (Badia-i-Mompel 2022, doi 10.1093/bioadv/vbac016) over all genes given;
    kept beside the activity to show what rivals change.

    Parameters
    ----------
    profiles
        Rows x genes.
    weights
        Signed weight of each gene, zero for genes that are no targets.

    Returns
    -------
    One t value per row, with genes - 2 degrees of freedom.
    """
    centred = profiles - profiles.mean(axis=1, keepdims=True)
    w = weights - weights.mean()
    r = centred @ w / np.sqrt((centred**2).sum(axis=1) * (w @ w))
    df = profiles.shape[1] - 2
    return r * np.sqrt(df / np.maximum(1 - r**2, np.finfo(float).tiny))


@dataclass(frozen=True)
class Rivals:
    """Axes that compete with the scored one.

    Attributes
    ----------
    own
        Genes x rivals; signed weights of the genes that speak for the rival alone. They tell its level.
    shared
        Genes x rivals; signed weights of the genes it shares with a STAT3 panel: the part of its level that they take.
    """

    own: np.ndarray
    shared: np.ndarray


def remove_rivals(profiles: np.ndarray, rivals: Rivals) -> np.ndarray:
    """Take from each row what its rivals explain, and its mean.

    The levels of all rivals come from one regression of the row on a constant and their own genes. A level below the
    reference counts as zero: less interferon than the reference has is no evidence for STAT3, yet it would raise
    every gene that the two share.

    Parameters
    ----------
    profiles
        Rows x genes, standardised expression.
    rivals
        The rivals; may have no column.

    Returns
    -------
    Rows x genes, each row with mean zero.
    """
    # The pseudo-inverse gives a rival without a measured gene the level zero.
    inverse = np.linalg.pinv(np.column_stack([np.ones(len(rivals.own)), rivals.own]))
    levels = np.maximum(profiles @ inverse[1:].T, 0.0)
    residual = profiles - levels @ (rivals.own + rivals.shared).T
    return residual - residual.mean(axis=1, keepdims=True)


@dataclass(frozen=True)
class Residual:
    """Rows without what their rivals explain, and what the permutation needs of them.

    Attributes
    ----------
    values
        Rows x genes (`remove_rivals`).
    sums, squares
        Rows x strata; sum of the values, and of their squared deviations from the mean of the stratum.
    member
        Strata x genes, one where a gene is of a stratum.
    """

    values: np.ndarray
    sums: np.ndarray
    squares: np.ndarray
    member: sparse.csr_array

    def __getitem__(self, rows: np.ndarray) -> "Residual":
        """Take some of the rows."""
        return Residual(self.values[rows], self.sums[rows], self.squares[rows], self.member)


def by_strata(values: np.ndarray, strata: np.ndarray) -> Residual:
    """Sum rows over strata: what all panels beside the same rivals have in common.

    Parameters
    ----------
    values
        Rows x genes, rivals removed.
    strata
        Stratum of each gene.
    """
    genes = len(strata)
    member = sparse.csr_array((np.ones(genes), (strata, np.arange(genes))))
    sums = (member @ values.T).T
    return Residual(values, sums, (member @ (values**2).T).T - sums**2 / member.sum(axis=1), member)


def permutation_moments(residual: Residual, weights: sparse.csr_array) -> tuple[np.ndarray, np.ndarray]:
    """Return expectation and variance of the rows' sums over panels when weights are exchanged within strata.

    Parameters
    ----------
    residual
        The rows.
    weights
        Genes x panels.

    Returns
    -------
    Two arrays, rows x panels; exact (`adjusted_statistic`).
    """
    count = residual.member.sum(axis=1)
    w_sum = (residual.member @ weights).toarray()
    w_ss = (residual.member @ weights.multiply(weights)).toarray() - w_sum**2 / count[:, None]
    variance = residual.squares @ (w_ss / np.maximum(count - 1, 1)[:, None])
    return (residual.sums / count) @ w_sum, np.maximum(variance, np.finfo(float).tiny)


def panel_z(profiles: np.ndarray, panels: sparse.csr_array, rivals: Rivals, strata: np.ndarray) -> np.ndarray:
    """Score many panels at once: the activity of `adjusted_statistic`, before inflation and without its parts.

    Parameters
    ----------
    profiles, rivals, strata
        As in `adjusted_statistic`.
    panels
        Genes x panels, signed weights.

    Returns
    -------
    Rows x panels.
    """
    residual = by_strata(remove_rivals(profiles, rivals), strata)
    expected, variance = permutation_moments(residual, panels)
    return (residual.values @ panels - expected) / np.sqrt(variance)


def adjusted_statistic(
    profiles: np.ndarray, weights: np.ndarray, rivals: Rivals, strata: np.ndarray, inflation: float = 1.0
) -> Statistic:
    r"""Score one axis in the presence of its rivals, against a stratified permutation.

    What the rivals explain is removed from the profile (`remove_rivals`); :math:`T = \sum_g w_g x_g` over the rest.
    Under the null the panel's genes are no different from other genes of their stratum, so its weights may be
    exchanged with theirs. The moments of T over all such permutations are exact sums over strata :math:`b` of size
    :math:`n_b`:

    .. math::
        E = \sum_b n_b \bar w_b \bar x_b, \quad
        V = \sum_b \frac{SS^w_b \, SS^x_b}{n_b - 1}, \quad activity = \frac{T - E}{\lambda \sqrt V} .

    T is a weighted mean of the targets times a constant. Its standard error is that of resampling targets, in closed
    form: from each target's departure from the weighted mean (the linearised variance of a ratio; Cochran 1977,
    Sampling Techniques, section 6.3).

    Parameters
    ----------
    profiles
        Rows x genes, standardised expression.
    weights
        Signed weight of each gene; zero for genes that are no targets.
    rivals
        The rivals; may have no column.
    strata
        Stratum of each gene (`assign_strata`).
    inflation
        Lambda: what co-expression adds to the spread of the permutation (`inflation.measure_inflation`).

    Returns
    -------
    Activity, error and contributions of each row.
    """
    return panel_statistic(by_strata(remove_rivals(profiles, rivals), strata), weights, inflation)


def panel_statistic(residual: Residual, weights: np.ndarray, inflation: float) -> Statistic:
    """Score one axis in rows whose rivals are removed already; see `adjusted_statistic`."""
    expected, variance = permutation_moments(residual, sparse.csr_array(weights[:, None]))
    targets = np.flatnonzero(weights)
    # The expectation is handed out over the targets in proportion to their weight.
    share = np.abs(weights[targets]) / np.abs(weights[targets]).sum()
    terms = (residual.values[:, targets] * weights[targets] - expected * share) / (inflation * np.sqrt(variance))
    activity = terms.sum(axis=1)
    departure = terms - activity[:, None] * share
    m = len(targets)
    between = np.sqrt((departure**2).sum(axis=1) * m / (m - 1)) if m > 1 else np.full(len(terms), np.inf)
    return Statistic(activity, np.maximum(1.0, between), terms)


def interval(activity: np.ndarray, error: np.ndarray, targets: int, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Interval of the activity with Student's t on targets - 1 degrees of freedom.

    Parameters
    ----------
    activity, error
        From `adjusted_statistic`.
    targets
        Number of targets.
    level
        Level of the interval, e.g. 0.9.

    Returns
    -------
    Lower and upper end.
    """
    half = stdtrit(max(1, targets - 1), 0.5 + level / 2) * error
    return activity - half, activity + half
