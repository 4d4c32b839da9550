"""One axis in the reconstructed cohort: its regression beside its rivals, and what each compartment's profile reads."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from stat3act.activity.prepare import STAT3_AXIS
from stat3act.compartments.controls import (
    PANELS,
    Products,
    control_estimates,
    control_slopes,
    draw_controls,
    log2_slope,
    products,
)
from stat3act.compartments.design import Posterior, Prior, Response, cross_products, fit_prior, normal_equations, solve
from stat3act.compartments.expected import Cohort
from stat3act.compartments.reconstruct import (
    FARTHEST,
    MIN_PRIOR_SD,
    Reconstruction,
    common_part,
    depart,
    learn_response,
    reconstruct,
)
from stat3act.networks import STAT3_PANELS

LEARNING_ROUNDS = 6
# Mean counts per million below which a gene tells nothing about a compartment.
LEAST_CPM = 1.0


@dataclass(frozen=True)
class Model:
    """The reconstructed cohort and what the regressions of all axes share.

    Attributes
    ----------
    cohort, fit
        The cohort and its reconstruction.
    names, panels
        Panels that enter beside a scored axis: all ones first, then the rivals and `STAT3_AXIS`; panels x 2 x genes.
    gram, cross
        Their normal equations.
    shared
        Their posterior.
    parts
        Products for the control panels.
    logged
        By compartment, samples x genes, log2(CPM + 1) as reconstructed.
    steepness
        By compartment, its derivative by a departure, see `log2_slope`.
    expressed
        By compartment, which genes it expresses at all, by the mean of its reconstructed profiles.
    """

    cohort: Cohort
    fit: Reconstruction
    names: list[str]
    panels: np.ndarray
    gram: np.ndarray
    cross: np.ndarray
    shared: Posterior
    parts: Products
    logged: tuple[np.ndarray, np.ndarray]
    steepness: tuple[np.ndarray, np.ndarray]
    expressed: tuple[np.ndarray, np.ndarray]


def build_model(cohort: Cohort, panels: Mapping[str, np.ndarray], rivals: list[str]) -> Model:
    """Reconstruct the cohort and solve the panels that all axes share.

    Parameters
    ----------
    cohort
        From `prepare_cohort`.
    panels
        By axis, 2 x genes.
    rivals
        Names of the rivals.
    """
    ones = np.ones((2, len(cohort.genes)))
    known = [name for name in rivals if name in panels]
    # What places the fit: the union of the STAT3 panels, so that none of them is taken for a gene's own departure.
    united = np.sign(sum((panels[name] for name in STAT3_PANELS if name in panels), start=0 * ones))
    fit = reconstruct(cohort, np.stack([ones, united, *(panels[name] for name in known)]))
    names = ["", *known, *([STAT3_AXIS] if STAT3_AXIS in panels and STAT3_AXIS not in known else [])]
    stack = np.stack([ones, *(panels[name] for name in names[1:])])
    gram, cross = normal_equations(fit.response, stack, stack), cross_products(fit.response, stack)
    # Only intercept and tumour share of this posterior are used; the other panels are ridged lightly.
    shared = solve(gram, cross, Prior(np.zeros(2 * len(names) - 2), np.ones(2 * len(names) - 2)))
    profiles = zip((fit.tumour, fit.rest), fit.own, strict=True)
    logged = tuple(np.log2(1 + profile * np.exp(own)) for profile, own in profiles)
    steepness = tuple(log2_slope(profile, own) for profile, own in zip((fit.tumour, fit.rest), fit.own, strict=True))
    expressed = tuple((np.exp2(values) - 1).mean(axis=0) >= LEAST_CPM for values in logged)
    return Model(cohort, fit, names, stack, gram, cross, shared, products(fit), logged, steepness, expressed)


@dataclass(frozen=True)
class AxisFit:
    """The scored axis in the regression.

    Attributes
    ----------
    targets
        Positions of its genes.
    departures
        By compartment, samples x targets, departures with the axis in the model.
    slopes, covariance
        Samples x 2 and samples x 2 x 2: common response of the targets and its posterior covariance.
    prior
        Prior variance of the two slopes.
    """

    targets: np.ndarray
    departures: tuple[np.ndarray, np.ndarray]
    slopes: np.ndarray
    covariance: np.ndarray
    prior: np.ndarray


def fit_axis(model: Model, panel: np.ndarray, rivals: list[str]) -> AxisFit:
    """Regress every sample on one axis beside its rivals; how strongly each target responds is learned.

    Parameters
    ----------
    model
        What all axes share.
    panel
        2 x genes, weights of the axis.
    rivals
        Names of the rivals of this axis.
    """
    targets = np.flatnonzero(panel.any(axis=0))
    chosen = [0, *(number for number, name in enumerate(model.names) if name in rivals)]
    place = np.array([2 * number + side for number in chosen for side in (0, 1)])
    response = model.fit.response.of(targets)
    others, signs = model.panels[chosen][:, :, targets], panel[:, targets]
    weights = signs
    for number in range(LEARNING_ROUNDS):
        stack = np.stack([others[0], weights, *others[1:]])
        prior, posterior = _fit_with(model, response, stack, place)
        if number < LEARNING_ROUNDS - 1:
            weights = learn_response(response, posterior.mean, stack, signs, np.arange(len(targets)))
    residual = response.y - common_part(response, posterior.mean, stack)
    found = depart(response, posterior.mean[:, 2:], stack[1:], residual, model.fit.variances)
    departures = tuple(np.clip(part, -FARTHEST, FARTHEST) for part in found)
    return AxisFit(targets, departures, posterior.mean[:, 2:4], posterior.covariance[:, 2:4, 2:4], prior.variance[:2])


def _fit_with(model: Model, response: Response, stack: np.ndarray, place: np.ndarray) -> tuple[Prior, Posterior]:
    """Put the axis' own sums between those of the shared panels, and solve; only its targets are summed again."""
    own = normal_equations(response, stack[1:2], stack)
    order = np.r_[0, 1, 4 : 2 * len(stack)]
    gram = np.empty((len(own), 2 * len(stack), 2 * len(stack)))
    gram[:, order[:, None], order] = model.gram[:, place[:, None], place]
    gram[:, 2:4], gram[:, :, 2:4] = own, own.transpose(0, 2, 1)
    cross = np.empty((len(own), 2 * len(stack)))
    cross[:, order], cross[:, 2:4] = model.cross[:, place], cross_products(response, stack[1:2])
    return fit_prior(gram, cross, MIN_PRIOR_SD)


@dataclass(frozen=True)
class PanelScore:
    """One axis in one compartment, a row per sample.

    Attributes
    ----------
    estimate
        Log2 units, relative to the mean of the samples it can be known in.
    alone
        The same without the rivals.
    scale
        Root mean square of control panels, the unit of activity.
    sd, reliability
        Posterior standard deviation of the estimate, and the part of its prior variance that is gone.
    genes
        Names of the targets that are expressed in the compartment.
    contributions
        Samples x targets, what each adds to the activity.
    """

    estimate: np.ndarray
    alone: np.ndarray
    scale: np.ndarray
    sd: np.ndarray
    reliability: np.ndarray
    genes: pd.Index
    contributions: np.ndarray


def reading(panel: np.ndarray, rivals: np.ndarray, expressed: np.ndarray) -> np.ndarray:
    """Return the linear reading of a profile whose value is the axis' coefficient beside its rivals.

    Parameters
    ----------
    panel
        Genes, weights of the axis.
    rivals
        Rivals x genes.
    expressed
        By gene, whether it is read.

    Returns
    -------
    numpy.ndarray
        Genes: the row of the pseudo-inverse of (ones, axis, rivals) that belongs to the axis. The same reading of a
        compartment's own profile is its true activity in the self-check.
    """
    columns = np.column_stack([np.ones(len(panel)), panel, *rivals])[expressed]
    weights = np.zeros(len(panel))
    weights[expressed] = np.linalg.pinv(columns.T @ columns, hermitian=True)[1] @ columns.T
    return weights


def read_side(
    model: Model, found: AxisFit, panel: np.ndarray, rivals: np.ndarray, side: int, valid: np.ndarray, seed: int
) -> PanelScore:
    """Read the activity of one compartment off its reconstructed profiles.

    Parameters
    ----------
    model, found
        The shared model, and the axis in it.
    panel
        2 x genes.
    rivals
        Rivals x genes, their weights in this compartment.
    side
        0 for the tumour, 1 for the microenvironment.
    valid
        By sample, whether it is part of the mean that estimates are relative to.
    seed
        Seed of the control panels.
    """
    targets, expressed = found.targets, model.expressed[side]
    weights, alone = (reading(panel[side], given, expressed) for given in (rivals, rivals[:0]))
    here = np.log2(1 + (model.fit.tumour, model.fit.rest)[side][:, targets] * np.exp(found.departures[side]))
    logged = model.logged[side]
    change = here - logged[:, targets]
    values = [logged @ part.astype(np.float32) + change @ part[targets] for part in (weights, alone)]
    null = read_controls(model, found, panel, side, seed)
    centred = null - null[valid].mean(axis=0)
    scale = np.sqrt((centred**2).mean(axis=1))
    estimate, plain = (value - value[valid].mean() for value in values)
    spread = (model.steepness[side][:, targets] * weights[targets]) ** 2
    sides = (model.fit.response.share[:, targets], 1 - model.fit.response.share[:, targets])
    own = model.fit.variances[side]
    left = own - sides[side] ** 2 * own**2 * model.fit.response.precision[:, targets]
    common = (model.steepness[side][:, targets] @ np.abs(weights[targets])) ** 2
    after = (spread * left).sum(axis=1) + common * found.covariance[:, side, side]
    before = spread.sum(axis=1) * own + common * found.prior[side]
    kept = expressed[targets] & (panel[side, targets] != 0)
    parts = weights[targets] * (here - here[valid].mean(axis=0)) / scale[:, None]
    genes = model.cohort.genes[targets[kept]]
    return PanelScore(estimate, plain, scale, np.sqrt(after), 1 - after / before, genes, parts[:, kept])


def read_controls(model: Model, found: AxisFit, panel: np.ndarray, side: int, seed: int) -> np.ndarray:
    """Estimate matched control panels in one compartment; samples x panels."""
    expressed = model.expressed[side]
    targets = found.targets[expressed[found.targets] & (panel[side, found.targets] != 0)]
    in_axes = model.panels[1:].any(axis=(0, 1)) | panel.any(axis=0)
    candidates = np.flatnonzero(expressed & ~in_axes & model.cohort.anchors)
    logged, share = model.logged[side], model.fit.response.share
    # Rounded, so that the order in which samples are summed decides nothing.
    features = np.column_stack([logged.mean(axis=0), logged.std(axis=0), share.mean(axis=0)]).round(3)
    drawn = draw_controls(features, targets, candidates, PANELS, seed)
    signs = np.tile(np.sign(panel[side, targets]), PANELS)
    shape = (len(expressed), PANELS)
    places = (drawn.ravel(), np.repeat(np.arange(PANELS), len(targets)))
    control = sparse.csr_array((signs.astype(np.float32), places), shape=shape)
    slopes = control_slopes(model.fit, model.parts, model.shared, found.prior, control)
    level = logged[:, expressed].mean(axis=1, keepdims=True)
    return control_estimates(model.fit, model.parts, model.steepness[side], logged - level, slopes, control, side)
