"""The null of the split: control panels of matched genes, estimated like the scored panel."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree

from stat3act.compartments.design import Posterior
from stat3act.compartments.reconstruct import Reconstruction, gains

NEIGHBOURS = 100
PANELS = 200


def draw_controls(
    features: np.ndarray, targets: np.ndarray, candidates: np.ndarray, panels: int, seed: int
) -> np.ndarray:
    """Draw control genes for every target from its nearest neighbours.

    Parameters
    ----------
    features
        Genes x properties that controls are matched on; compared as ranks.
    targets, candidates
        Positions of the targets, and of the genes that belong to no axis.
    panels
        Number of panels.
    seed
        Seed.

    Returns
    -------
    numpy.ndarray
        Panels x targets, positions of control genes; no gene twice in a panel.
    """
    rng = np.random.default_rng(seed)
    ranks = features.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable") / len(features)
    k = min(len(candidates), max(NEIGHBOURS, 2 * len(targets)))
    near = candidates[cKDTree(ranks[candidates]).query(ranks[targets], k=k)[1].reshape(len(targets), k)]
    drawn = np.empty((panels, len(targets)), dtype=np.int64)
    for panel in range(panels):
        taken: set[int] = set()
        for place, order in enumerate(rng.permuted(near, axis=1)):
            drawn[panel, place] = next(int(gene) for gene in order if gene not in taken)
            taken.add(drawn[panel, place])
    return drawn


@dataclass(frozen=True)
class Products:
    """Products of precision and shares that every control panel needs; samples x genes.

    Attributes
    ----------
    squares
        Precision times share x share, share x rest, rest x rest.
    residuals
        Precision times residual times share, and times rest.
    gains
        By compartment, see `gains`.
    """

    squares: tuple[np.ndarray, np.ndarray, np.ndarray]
    residuals: tuple[np.ndarray, np.ndarray]
    gains: tuple[np.ndarray, np.ndarray]


def products(fit: Reconstruction) -> Products:
    """Multiply once what all panels sum."""
    share, precision = fit.response.share, fit.response.precision
    rest = 1 - share
    weighted = precision * fit.residual
    return Products(
        (precision * share * share, precision * share * rest, precision * rest * rest),
        (weighted * share, weighted * rest),
        gains(fit.response, fit.variances),
    )


def control_slopes(
    fit: Reconstruction, parts: Products, shared: Posterior, variance: np.ndarray, signs: sparse.csr_array
) -> np.ndarray:
    """Estimate the common response of every control panel in both compartments.

    Parameters
    ----------
    fit, parts
        The fit, and its products.
    shared
        Posterior of the panels that all axes have; intercept and tumour share are its first two columns.
    variance
        Prior variance of the scored axis in both compartments; the prior mean is zero.
    signs
        Genes x control panels, signs of the targets that the genes stand for.

    Returns
    -------
    numpy.ndarray
        Samples x panels x 2.

    Notes
    -----
    Control genes belong to no axis: only their products with the intercept pair remain, which are taken off by the
    covariance of that pair (Schur complement).
    """
    plain = abs(signs)
    own = [_sums(values, plain) for values in parts.squares]
    common = [_sums(values, signs) for values in parts.squares]
    right = np.stack([_sums(values, signs) for values in parts.residuals], axis=2)
    system = np.stack([own[0], own[1], own[1], own[2]], axis=2).reshape(*own[0].shape, 2, 2)
    joint = np.stack([common[0], common[1], common[1], common[2]], axis=2).reshape(system.shape)
    corner = shared.covariance[:, :2, :2]
    system = system + np.diag(1 / variance) - np.einsum("ncia,nij,ncjb->ncab", joint, corner, joint)
    return np.linalg.solve(system, right[..., None])[..., 0]


def control_estimates(
    fit: Reconstruction,
    parts: Products,
    steepness: np.ndarray,
    logged: np.ndarray,
    slopes: np.ndarray,
    signs: sparse.csr_array,
    side: int,
) -> np.ndarray:
    """Estimate every control panel in one compartment: the mean departure of its genes, their common response included.

    Parameters
    ----------
    fit, parts
        The fit, and its products.
    steepness
        Samples x genes, see `log2_slope`, of the compartment.
    logged
        Samples x genes, log2(CPM + 1) of the compartment as reconstructed, each row less its mean.
    slopes
        From `control_slopes`.
    signs
        Genes x control panels; every column divided by the number of its genes is a mean.
    side
        0 for the tumour, 1 for the microenvironment.

    Returns
    -------
    numpy.ndarray
        Samples x panels, log2 units.
    """
    plain = abs(signs)
    size, gain = plain.sum(axis=0), parts.gains[side]
    sides = (fit.response.share, 1 - fit.response.share)
    kept = _sums(steepness * (1 - gain * sides[side]), plain) / size
    lost = _sums(steepness * gain * sides[1 - side], plain) / size
    return _sums(logged, signs) / size + slopes[:, :, side] * kept - slopes[:, :, 1 - side] * lost


def log2_slope(profile: np.ndarray, departure: np.ndarray) -> np.ndarray:
    """Return the derivative of log2(CPM + 1) by the natural log of CPM."""
    values = profile * np.exp(departure)
    return values / (1 + values) / np.log(2)


def _sums(values: np.ndarray, panels: sparse.csr_array) -> np.ndarray:
    """Sum over the genes of every panel; samples x panels."""
    return (panels.T @ values.T).T.astype(float)
