"""The axes model: one axis scored beside its rivals, with the exact null of a stratified permutation."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

MEAN_STRATA = 20
SPREAD_STRATA = 5
GENES_PER_STRATUM = 25


@dataclass(frozen=True)
class Statistic:
    """The score of one axis in every row.

    Attributes
    ----------
    activity
        Adjusted score over the standard deviation of its null.
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


def adjusted_statistic(profiles: np.ndarray, weights: np.ndarray, rivals: np.ndarray, strata: np.ndarray) -> Statistic:
    r"""Score one axis in the presence of its rivals, against a stratified permutation.

    Profile and weights are both freed of the rivals and of a constant (Frisch-Waugh-Lovell), so that
    :math:`T = \sum_g \tilde w_g \tilde x_g` is, up to a constant of the panel, the coefficient of the axis in the
    regression of the profile on all axes at once. Under the null the residual profile is exchangeable among genes
    of one stratum (permutation of residuals under the reduced model: Freedman & Lane 1983, doi 10.2307/1391660).
    The permutation's moments are exact sums over strata :math:`b` of size :math:`n_b`:

    .. math::
        E = \sum_b n_b \bar w_b \bar x_b, \quad
        V = \sum_b \frac{SS^w_b \, SS^x_b}{n_b - 1}, \quad activity = (T - E) / \sqrt V .

    Because the residual profile is orthogonal to everything that was removed, T is also the sum over the targets
    of weight times residual; the spread of these terms between targets gives the standard error of resampling
    targets (the closed form of the bootstrap of a sum).

    Parameters
    ----------
    profiles
        Rows x genes, standardised expression.
    weights
        Signed weight of each gene; zero for genes that are no targets.
    rivals
        Genes x rivals, their signed weights; may have no column.
    strata
        Stratum of each gene (`assign_strata`).

    Returns
    -------
    Activity, error and contributions of each row.
    """
    # A rival without a measured gene is a column of zeros, which QR would turn into a direction of its own.
    basis, _ = np.linalg.qr(np.column_stack([np.ones(len(weights)), rivals[:, rivals.any(axis=0)]]))
    residual = profiles - (profiles @ basis) @ basis.T
    w = weights - basis @ (basis.T @ weights)

    count = np.bincount(strata).astype(float)
    member = (strata[:, None] == np.arange(len(count))[None, :]).astype(float)
    x_sum = residual @ member
    x_ss = (residual**2) @ member - x_sum**2 / count
    w_sum = w @ member
    w_ss = (w**2) @ member - w_sum**2 / count
    variance = (x_ss * (w_ss / np.maximum(count - 1, 1))).sum(axis=1)
    sd = np.sqrt(np.maximum(variance, np.finfo(float).tiny))

    targets = np.flatnonzero(weights)
    # The expectation is handed out over the targets in proportion to their weight in each stratum.
    expected = (x_sum / count) * w_sum
    share = np.abs(weights[targets]) / np.abs(weights[targets]).sum()
    terms = residual[:, targets] * weights[targets] - expected.sum(axis=1, keepdims=True) * share
    m = len(targets)
    between = np.sqrt(m * terms.var(axis=1, ddof=1)) if m > 1 else np.full(len(profiles), np.inf)
    return Statistic(terms.sum(axis=1) / sd, np.maximum(1.0, between / sd), terms / sd[:, None])


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
    half = stats.t.ppf(0.5 + level / 2, max(1, targets - 1)) * error
    return activity - half, activity + half
