"""The linear algebra of the split: normal equations of all samples at once, and the prior learned from the cohort.

One sample, genes g, tumour share w_g, working response y_g with precision v_g, panel weights s_g:

``y_g = a_0 w_g + b_0 (1 - w_g) + sum_k (a_k s_kg w_g + b_k t_kg (1 - w_g)) + e_g,  e_g ~ N(0, 1 / v_g)``

Each panel has a column for the tumour (weights s) and one for the microenvironment (weights t). A panel of all ones
stands for the first pair, so that every pair of columns has the same form.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Response:
    """The working response of every gene in every sample; all arrays are samples x genes.

    Attributes
    ----------
    y
        Log ratio of the bulk to its expectation.
    share
        Share of the tumour in the expectation.
    precision
        One over the variance of `y` beyond the panels.
    """

    y: np.ndarray
    share: np.ndarray
    precision: np.ndarray

    def of(self, genes: np.ndarray) -> "Response":
        """Return these genes only."""
        return Response(self.y[:, genes], self.share[:, genes], self.precision[:, genes])


@dataclass(frozen=True)
class Prior:
    """Normal prior of every coefficient: mean and variance, in the order of the columns."""

    mean: np.ndarray
    variance: np.ndarray


@dataclass(frozen=True)
class Posterior:
    """Coefficients (samples x columns) and their covariance (samples x columns x columns)."""

    mean: np.ndarray
    covariance: np.ndarray


# The prior of intercept and tumour share is flat but for this precision, which keeps a sample without tumour solvable.
RIDGE = 1e-6
FLAT = 2


def normal_equations(data: Response, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Sum the products of two sets of columns over genes, weighted by precision.

    Parameters
    ----------
    data
        The response, over the genes of the panels.
    first, second
        Panels x 2 x genes: weights in tumour and microenvironment.

    Returns
    -------
    numpy.ndarray
        Samples x (2 panels of `first`) x (2 panels of `second`), columns ordered panel by panel, tumour first.
    """
    sides = (data.share, 1 - data.share)
    sums = np.empty((len(data.y), len(first), 2, len(second), 2))
    for side in (0, 1):
        for other in (0, 1):
            factor = sides[side] * sides[other] * data.precision
            pairs = (first[:, None, side] * second[None, :, other]).reshape(-1, first.shape[-1])
            sums[:, :, side, :, other] = (factor @ pairs.T.astype(factor.dtype)).reshape(-1, len(first), len(second))
    return sums.reshape(len(data.y), 2 * len(first), 2 * len(second))


def cross_products(data: Response, panels: np.ndarray) -> np.ndarray:
    """Sum the products of all columns with the response; samples x (2 panels)."""
    weighted = data.precision * data.y
    tumour = (weighted * data.share) @ panels[:, 0].T.astype(weighted.dtype)
    rest = (weighted * (1 - data.share)) @ panels[:, 1].T.astype(weighted.dtype)
    return np.stack([tumour, rest], axis=2).reshape(len(weighted), -1).astype(float)


def solve(gram: np.ndarray, cross: np.ndarray, prior: Prior) -> Posterior:
    """Solve the regression of every sample.

    Parameters
    ----------
    gram, cross
        From `normal_equations` and `cross_products`; the first pair of columns is intercept and tumour share.
    prior
        Prior of the columns after the first pair.

    Returns
    -------
    Posterior
        Of all columns.
    """
    precision = np.r_[np.full(FLAT, RIDGE), 1 / prior.variance]
    mean = np.r_[np.zeros(FLAT), prior.mean]
    covariance = np.linalg.inv(gram + np.diag(precision))
    return Posterior(np.einsum("nij,nj->ni", covariance, cross + precision * mean), covariance)


def flat_start(columns: int) -> Prior:
    """Return the prior from which `update_prior` starts: mean zero, standard deviation one half (natural log)."""
    return Prior(np.zeros(columns), np.full(columns, 0.25))


def update_prior(posterior: Posterior, smallest: float) -> Prior:
    """Learn the prior of every column after the first pair from the cohort (one step of EM over samples).

    Parameters
    ----------
    posterior
        From `solve`.
    smallest
        Lower limit of the prior's standard deviation.
    """
    found = posterior.mean[:, FLAT:]
    mean = found.mean(axis=0)
    variances = np.diagonal(posterior.covariance, axis1=1, axis2=2)[:, FLAT:]
    return Prior(mean, np.maximum(((found - mean) ** 2 + variances).mean(axis=0), smallest**2))


def fit_prior(gram: np.ndarray, cross: np.ndarray, smallest: float, iterations: int = 30) -> tuple[Prior, Posterior]:
    """Repeat `solve` and `update_prior`; empirical Bayes by EM (Efron 2010, doi 10.1017/CBO9780511761362)."""
    prior = flat_start(gram.shape[1] - FLAT)
    for _ in range(iterations):
        prior = update_prior(solve(gram, cross, prior), smallest)
    return prior, solve(gram, cross, prior)
