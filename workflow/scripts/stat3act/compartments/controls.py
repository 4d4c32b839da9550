"""The null of the split regression: matched control panels through the same regression."""

import numpy as np
from scipy.spatial import cKDTree

from stat3act.compartments.design import Prior, Residuals

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


def control_estimates(
    data: Residuals,
    gram: np.ndarray,
    cross: np.ndarray,
    prior: Prior,
    weights: np.ndarray,
    drawn: np.ndarray,
) -> np.ndarray:
    """Estimate every control panel in place of the scored one, beside the same rivals and with the same prior.

    Parameters
    ----------
    data
        Residuals of the cohort.
    gram, cross
        Normal equations of the real panels: first intercept, second the scored axis, then rivals.
    prior
        Prior of the scored axis and the rivals, as learned from the real panels.
    weights
        2 x targets: signed weights of the scored axis in tumour and rest.
    drawn
        Panels x targets, from `draw_controls`.

    Returns
    -------
    numpy.ndarray
        Samples x panels x 2. The prior mean is the control's own, learned as for the axis.

    Notes
    -----
    Control genes belong to no axis, so that their products with the rivals' columns vanish; only the products with
    the intercept pair remain, and each sample needs one inverse for all panels (Schur complement).
    """
    noise = data.noise[:, None, None]
    kept = np.r_[0, 1, 4 : gram.shape[1]]
    precision = np.r_[1e-6, 1e-6, 1 / prior.sd[1:].ravel() ** 2]
    mean = np.r_[0.0, 0.0, prior.mean[1:].ravel()]
    inverse = np.linalg.inv(gram[:, kept][:, :, kept] / noise + np.diag(precision))
    base = np.einsum("nij,nj->ni", inverse, cross[:, kept] / data.noise[:, None] + precision * mean)[:, :2]
    corner = inverse[:, :2, :2]

    sums = _control_sums(data, weights, drawn)
    to_intercept, own, on_y = (value / data.noise.reshape(-1, *[1] * (value.ndim - 1)) for value in sums)
    prior_precision = np.diag(1 / prior.sd[0] ** 2)
    system = own + prior_precision - np.einsum("nbia,nij,nbjc->nbac", to_intercept, corner, to_intercept)
    right = on_y - np.einsum("nbia,ni->nba", to_intercept, base)
    solve = np.linalg.inv(system)
    without_mean = np.einsum("nbac,nbc->nba", solve, right)
    pull = (solve @ prior_precision).mean(axis=0)
    # The prior mean that equals the mean of the estimates it leads to: the fixed point of EM.
    centre = np.linalg.solve((1 + 1e-6) * np.eye(2) - pull, without_mean.mean(axis=0)[..., None])[..., 0]
    return without_mean + np.einsum("nbac,bc->nba", solve @ prior_precision, centre)


def _control_sums(data: Residuals, weights: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, ...]:
    """Sum the products of control columns with the intercept pair, with each other and with y."""
    samples, (panels, _) = len(data.y), drawn.shape
    to_intercept, own = np.empty((samples, panels, 2, 2)), np.empty((samples, panels, 2, 2))
    on_y = np.empty((samples, panels, 2))
    for panel, genes in enumerate(drawn):
        w, y, v = data.share[:, genes], data.y[:, genes], data.weight[genes]
        sides = (w, 1 - w)
        for side in range(2):
            signed = v * weights[side]
            on_y[:, panel, side] = (sides[side] * y) @ signed
            for other in range(2):
                both = sides[side] * sides[other]
                to_intercept[:, panel, other, side] = both @ signed
                own[:, panel, side, other] = both @ (signed * weights[other])
    return to_intercept, own, on_y
