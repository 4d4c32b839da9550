"""The split regression's linear algebra: sums over genes, prior, and the solution for any panel.

One sample, genes g, expected tumour share w_g, log residual y_g, weight v_g, signed panel weights s_g:

``y_g = a_0 w_g + b_0 (1 - w_g) + sum_k s_kg (a_k w_g + b_k (1 - w_g)) + e_g,  e_g ~ N(0, sigma^2 / v_g)``

The first pair is intercept and tumour share in other words. A panel of all ones stands for it, so that every pair
of columns has the same form and one set of sums over genes serves all.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Residuals:
    """What the bulk shows beyond the fitted mixture.

    Attributes
    ----------
    y
        Samples x genes, ``log((x + 0.5) / (D + 0.5))``.
    share
        Samples x genes, expected share of tumour reads of each gene.
    weight
        By gene, relative precision, mean 1.
    noise
        By sample, residual variance without any panel.
    """

    y: np.ndarray
    share: np.ndarray
    weight: np.ndarray
    noise: np.ndarray


@dataclass(frozen=True)
class Prior:
    """Normal prior of each axis' pair of activities: mean and standard deviation, each axes x 2 (tumour, rest)."""

    mean: np.ndarray
    sd: np.ndarray


def log_residuals(bulk: np.ndarray, tumour: np.ndarray, rest: np.ndarray, floor: float = 0.0) -> Residuals:
    """Compare a bulk cohort with its fitted mixture.

    Parameters
    ----------
    bulk
        Samples x genes, linear.
    tumour, rest
        Expected tumour and microenvironment part of `bulk`, same shape and depth.
    floor
        Added variance per gene, see `precision_by_level`.

    Returns
    -------
    Residuals
        Noise is estimated per sample from a fit of intercept and tumour share alone.
    """
    expected = tumour + rest
    y = np.log((bulk + 0.5) / (expected + 0.5))
    share = tumour / np.maximum(expected, 1e-12)
    weight = precision_by_level(y, expected, floor)
    ones = np.ones((1, 2, y.shape[1]))
    draft = Residuals(y, share, weight, np.ones(len(y)))
    gram, cross = normal_equations(draft, ones)
    # Without contrast in the shares (a sample without tumour) the two columns are one: least norm is right.
    fitted = np.einsum("nij,nj->ni", np.linalg.pinv(gram, hermitian=True), cross)
    square = (y**2) @ weight - np.einsum("ni,ni->n", fitted, cross)
    return Residuals(y, share, weight, square / (y.shape[1] - 2))


def precision_by_level(y: np.ndarray, expected: np.ndarray, floor: float = 0.0, bins: int = 20) -> np.ndarray:
    """Estimate the precision of genes from the genes of the same expected level.

    A gene's own variance is not used: a target that is on in some samples would lose its weight for that.

    Parameters
    ----------
    y, expected
        Samples x genes.
    floor
        Added to the variance.
    bins
        Quantile bins of the mean log expected value.

    Returns
    -------
    numpy.ndarray
        By gene, mean 1.
    """
    level = np.log(expected + 0.5).mean(axis=0)
    spread = np.median((y - np.median(y, axis=1, keepdims=True)) ** 2, axis=0)
    order = np.argsort(level, kind="stable")
    groups = [group for group in np.array_split(order, bins) if len(group)]
    centres = np.array([level[group].mean() for group in groups])
    medians = np.array([np.median(spread[group]) for group in groups])
    precision = 1 / (np.interp(level, centres, medians) + floor + 1e-9)
    return precision / precision.mean()


def normal_equations(data: Residuals, panels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum the products of all columns over genes.

    Parameters
    ----------
    data
        Residuals of the cohort.
    panels
        Panels x 2 x genes: signed weights in tumour and in the rest; the first panel is all ones.

    Returns
    -------
    tuple of numpy.ndarray
        Gram matrices (samples x 2K x 2K) and cross products with y (samples x 2K), columns ordered panel by panel,
        tumour before rest, not yet divided by the noise.
    """
    columns = panels.reshape(-1, panels.shape[-1])
    size = len(columns)
    first, second = np.triu_indices(size)
    pairs = (columns[first] * columns[second] * data.weight).T
    # Odd columns carry 1 - share. With these three sums every product of two columns is known.
    plain, once, twice = pairs.sum(axis=0), data.share @ pairs, (data.share**2) @ pairs
    rests = first % 2 + second % 2
    values = np.select([rests == 0, rests == 1], [twice, once - twice], plain - 2 * once + twice)
    gram = np.empty((len(data.y), size, size))
    gram[:, first, second] = values
    gram[:, second, first] = values
    weighted = (columns * data.weight).T
    on_share = (data.share * data.y) @ weighted
    cross = np.where(np.arange(size) % 2 == 0, on_share, data.y @ weighted - on_share)
    return gram, cross


def fit_prior(
    gram: np.ndarray, cross: np.ndarray, noise: np.ndarray, smallest: float, iterations: int = 50
) -> tuple[Prior, np.ndarray]:
    """Learn the prior of every axis from the cohort (empirical Bayes, EM over samples).

    Parameters
    ----------
    gram, cross, noise
        From `normal_equations` and `Residuals`; the first panel has a flat prior.
    smallest
        Lower limit of the prior's standard deviation (natural log units).
    iterations
        EM iterations.

    Returns
    -------
    tuple
        The prior of the panels after the first, and the posterior means (samples x panels x 2).
    """
    size = gram.shape[1]
    mean, variance = np.zeros(size), np.full(size, 0.25)
    free = np.arange(size) < 2
    scaled, target = gram / noise[:, None, None], cross / noise[:, None]
    for _ in range(iterations):
        # A flat prior for the first pair; the ridge keeps a sample without tumour solvable.
        precision = np.where(free, 1e-6, 1 / variance)
        posterior = np.linalg.inv(scaled + np.diag(precision))
        estimate = np.einsum("nij,nj->ni", posterior, target + precision * np.where(free, 0.0, mean))
        mean = estimate.mean(axis=0)
        spread = ((estimate - mean) ** 2 + np.diagonal(posterior, axis1=1, axis2=2)).mean(axis=0)
        variance = np.maximum(spread, smallest**2)
    shape = (size // 2, 2)
    prior = Prior(mean.reshape(shape)[1:], np.sqrt(variance).reshape(shape)[1:])
    return prior, estimate.reshape(len(gram), *shape)
