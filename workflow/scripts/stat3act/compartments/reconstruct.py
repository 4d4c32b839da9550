r"""What tumour and microenvironment of every bulk sample express, by one model of all genes and samples.

With the expected profiles T and M of the two compartments, departures d and m of the sample from them, a platform
factor per gene and the depth of the sample,

.. math::
    x_g \approx depth \cdot e^{\alpha_g} \left(p \, T_g e^{d_g} + M_g e^{m_g}\right) .

Departures have two parts: what the axes do to their targets, common to all targets of an axis in a compartment, and
what is each gene's own. The common part is what tells the compartments apart: a response of the tumour moves targets in
proportion to the tumour's share in each, a response of the microenvironment in proportion to the rest. Without it
every fold change of the bulk would be handed to both.

The model is solved by repeated linearisation around the present departures (iterated extended Kalman update; Bell and
Cathey 1993, doi 10.1109/9.250476); variances and priors are learned from the cohort itself (empirical Bayes).
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from stat3act.compartments.design import (
    Response,
    cross_products,
    flat_start,
    normal_equations,
    solve,
    update_prior,
)
from stat3act.compartments.expected import Cohort
from stat3act.compartments.mixture import FLOOR

ROUNDS = 8
# Departures move this part of the way in a round, and stay within a factor of 400: linearisation is local.
STEP = 0.6
FARTHEST = 6.0
# Smallest prior sd of an activity, natural log units of fold change: a cohort in which no sample differs would
# otherwise shrink everything to its mean and could not call anything off.
MIN_PRIOR_SD = 0.1
# Prior sd of what a platform does to a gene, natural log; RNA-seq protocols differ by 0.5 to 1.
PLATFORM_SD = 1.0
# Prior sd of a target's response around the mean response of its panel: most targets respond, some hardly.
RESPONSE_SD = 0.3
FIRST_VARIANCES = np.array([0.36, 0.16, 0.02])
LEAST_VARIANCES = np.array([0.01, 0.01, 0.005])
VARIANCE_BINS = 20
LEAST_IN_BIN = 200
# Of a squared standard normal.
MEDIAN_OF_SQUARE = 0.4549
# After these rounds the departures of the tumour are good enough to look at the microenvironment's states again.
REFITS = (2, 4, 6)
REFIT_ITERATIONS = 10


@dataclass(frozen=True)
class Reconstruction:
    """The cohort as the fit leaves it; arrays are samples x genes unless said.

    Attributes
    ----------
    response
        Working response around the fit, without the platform's factor: what the regression of any axis takes.
    tumour, rest
        Expected profiles of the two compartments, counts per million.
    own
        Departures of tumour and microenvironment from them, natural log.
    residual
        What is left of the response beyond the common part; `gains` says what of it belongs to each compartment.
    platform
        By gene, natural log of the factor between bulk and reference.
    variances
        Variance of a gene's own departure in tumour and in microenvironment, and of noise that is in neither.
    """

    response: Response
    tumour: np.ndarray
    rest: np.ndarray
    own: tuple[np.ndarray, np.ndarray]
    residual: np.ndarray
    platform: np.ndarray
    variances: np.ndarray


def gains(response: Response, variances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the part of an unexplained residual that belongs to tumour and to microenvironment."""
    tumour = response.share * response.precision * variances[0]
    rest = (1 - response.share) * response.precision * variances[1]
    return tumour.astype(np.float32), rest.astype(np.float32)


def reconstruct(cohort: Cohort, panels: np.ndarray) -> Reconstruction:
    """Fit what both compartments express in every gene.

    Parameters
    ----------
    cohort
        From `prepare_cohort`.
    panels
        Panels x 2 x genes: all ones first, then the STAT3 panel whose responses are learned, then its rivals.

    Returns
    -------
    Reconstruction
        The panels only place the fit; every axis is then scored around it (`score_axis`).
    """
    weights, targets = panels.copy(), np.flatnonzero(panels[1].any(axis=0))
    free = ~panels[1:].any(axis=(0, 1))
    shares, zero = cohort.rest_shares, np.zeros_like(cohort.bulk)
    departures, platform = (zero, zero), np.zeros(len(cohort.genes), dtype=np.float32)
    variances, prior = FIRST_VARIANCES, flat_start(2 * (len(panels) - 1))
    for number in range(ROUNDS):
        if number in REFITS:
            shares = refit_rest(cohort, departures[0], platform, shares)
        rest = shares @ cohort.rest_states
        response = linearise(cohort, rest, departures, platform, variances)
        found = solve(normal_equations(response, weights, weights), cross_products(response, weights), prior)
        prior = update_prior(found, MIN_PRIOR_SD)
        if number:
            weights[1] = learn_response(response, found.mean, weights, panels[1], targets)
        residual = response.y - common_part(response, found.mean, weights)
        shift = (residual * response.precision).sum(axis=0)
        shift = (shift / (response.precision.sum(axis=0) + 1 / PLATFORM_SD**2)).astype(np.float32)
        platform, residual = platform + shift, residual - shift
        variances = learn_variances(residual[:, free], response.share[:, free])
        departures = tuple(
            old + STEP * (np.clip(new, -FARTHEST, FARTHEST) - old)
            for old, new in zip(
                departures, depart(response, found.mean[:, 2:], weights[1:], residual, variances), strict=True
            )
        )
    profile = rest / np.maximum(shares.sum(axis=1, keepdims=True), FLOOR)
    response = linearise(cohort, rest, departures, platform, variances)
    residual = response.y - common_part(response, found.mean, weights)
    return Reconstruction(response, cohort.tumour, profile, departures, residual, platform, variances)


def linearise(
    cohort: Cohort,
    rest: np.ndarray,
    departures: tuple[np.ndarray, np.ndarray],
    platform: np.ndarray,
    variances: np.ndarray,
) -> Response:
    """Expand the log of the expected bulk around the present departures.

    Parameters
    ----------
    cohort
        The cohort.
    rest
        Samples x genes, microenvironment part of the expectation, counts per million of the sample.
    departures
        Of tumour and microenvironment.
    platform
        By gene.
    variances
        See `Reconstruction`.

    Returns
    -------
    Response
        Linear in the departures; the variance of counting reads is part of the precision.
    """
    tumour = cohort.purity.astype(np.float32)[:, None] * cohort.tumour * np.exp(departures[0])
    expected = tumour + rest * np.exp(departures[1])
    share = tumour / np.maximum(expected, FLOOR)
    expected *= np.exp(platform)
    expected *= (cohort.bulk[:, cohort.anchors].sum(axis=1) / expected[:, cohort.anchors].sum(axis=1))[:, None]
    y = np.log((cohort.bulk + 0.5) / (expected + 0.5)) + share * departures[0] + (1 - share) * departures[1]
    variance = share**2 * variances[0] + (1 - share) ** 2 * variances[1] + variances[2] + 1 / (expected + 1)
    return Response(y, share, (1 / variance).astype(np.float32))


def common_part(response: Response, coefficients: np.ndarray, panels: np.ndarray) -> np.ndarray:
    """Return what the panels explain of the response, samples x genes."""
    tumour = coefficients[:, 0::2].astype(np.float32) @ panels[:, 0].astype(np.float32)
    rest = coefficients[:, 1::2].astype(np.float32) @ panels[:, 1].astype(np.float32)
    return response.share * tumour + (1 - response.share) * rest


def depart(
    response: Response,
    coefficients: np.ndarray,
    panels: np.ndarray,
    residual: np.ndarray,
    variances: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the departures of both compartments: what the panels do, and each one's part of the residual."""
    parts = gains(response, variances)
    return tuple(
        coefficients[:, side::2].astype(np.float32) @ panels[:, side].astype(np.float32) + parts[side] * residual
        for side in (0, 1)
    )


def learn_response(
    response: Response, coefficients: np.ndarray, panels: np.ndarray, signs: np.ndarray, targets: np.ndarray
) -> np.ndarray:
    """Learn how strongly each target of the second panel responds in each compartment.

    Parameters
    ----------
    response
        Working response.
    coefficients
        Samples x (2 panels).
    panels
        Panels x 2 x genes, the responses so far in the second.
    signs
        2 x genes, the panel as it was given: a response has this sign or is zero.
    targets
        Positions of the panel's genes.

    Returns
    -------
    numpy.ndarray
        2 x genes; ridge regression of each target over the samples around its given weight, prior sd `RESPONSE_SD`,
        scaled so that the mean response is that of the panel.
    """
    part, here = response.of(targets), panels[:, :, targets]
    others = here.copy()
    others[1] = 0
    left = part.y - common_part(part, coefficients, others)
    sides = (part.share * coefficients[:, [2]], (1 - part.share) * coefficients[:, [3]])
    columns = [(side * signs[number, targets]).astype(float) for number, side in enumerate(sides)]
    ridge = 1 / RESPONSE_SD**2
    a, b = ((column**2 * part.precision).sum(axis=0) + ridge for column in columns)
    c = (columns[0] * columns[1] * part.precision).sum(axis=0)
    right = [(column * left * part.precision).sum(axis=0) + ridge for column in columns]
    determinant = a * b - c**2
    found = np.stack([b * right[0] - c * right[1], a * right[1] - c * right[0]]) / determinant
    found = np.maximum(found, 0.0) * (signs[:, targets] != 0)
    mean = found.sum(axis=1, keepdims=True) / np.maximum((signs[:, targets] != 0).sum(axis=1, keepdims=True), 1)
    learned = np.zeros_like(signs)
    learned[:, targets] = signs[:, targets] * found / np.where(mean > 0, mean, 1.0)
    return learned


def learn_variances(residual: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Learn how far genes depart in tumour and in microenvironment, and how much noise is in neither.

    Parameters
    ----------
    residual, share
        Samples x genes that belong to no panel.

    Returns
    -------
    numpy.ndarray
        Non-negative least squares of the squared residual on squared share, squared rest and one, over bins of the
        share; medians, so that a gene that is on in a few samples does not count.
    """
    place = np.minimum((share.ravel() * VARIANCE_BINS).astype(np.int16), VARIANCE_BINS - 1)
    square, share = residual.ravel() ** 2, share.ravel()
    rows, spread = [], []
    for number in range(VARIANCE_BINS):
        inside = place == number
        if inside.sum() >= LEAST_IN_BIN:
            here = share[inside].astype(float)
            rows.append([(here**2).mean(), ((1 - here) ** 2).mean(), 1.0])
            spread.append(np.median(square[inside]) / MEDIAN_OF_SQUARE)
    if not rows:
        return FIRST_VARIANCES
    return np.maximum(nnls(np.array(rows), np.array(spread))[0], LEAST_VARIANCES)


def refit_rest(cohort: Cohort, tumour_departure: np.ndarray, platform: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Fit the shares of the microenvironment's states again, purity and the tumour's own profile given.

    A tumour that differs from those of the reference is otherwise explained by more of some state of the
    microenvironment.

    Returns
    -------
    numpy.ndarray
        Samples x states, rows sum to one less purity; expectation maximisation as in `expectation_maximisation`.
    """
    used, factor = cohort.anchors, np.exp(platform[cohort.anchors])
    bulk, states = cohort.bulk[:, used], cohort.rest_states[:, used] * factor
    tumour = cohort.tumour[:, used] * np.exp(tumour_departure[:, used])
    tumour *= factor * (1e6 / np.maximum(tumour.sum(axis=1, keepdims=True), FLOOR))
    states = states * (1e6 / states.sum(axis=1, keepdims=True))
    purity = cohort.purity.astype(np.float32)[:, None]
    rest = (1 - purity) * shares / np.maximum(shares.sum(axis=1, keepdims=True), FLOOR)
    transposed = np.ascontiguousarray(states.T)
    for _ in range(REFIT_ITERATIONS):
        moved = rest * ((bulk / np.maximum(purity * tumour + rest @ states, FLOOR)) @ transposed)
        rest = (1 - purity) * moved / np.maximum(moved.sum(axis=1, keepdims=True), FLOOR)
    return rest.astype(np.float32)
