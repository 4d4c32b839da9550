"""Activity of tumour and microenvironment in each bulk sample, by regression on the shares of the reference."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from stat3act.activity.assemble import SCORE_COLUMNS
from stat3act.activity.prepare import axis_weights, fewest_targets, rivals_of
from stat3act.compartments.controls import PANELS, control_estimates, draw_controls
from stat3act.compartments.design import Prior, Residuals, fit_prior, normal_equations
from stat3act.compartments.expected import Cohort, prepare_cohort
from stat3act.compartments.reference import Reference
from stat3act.logs import log
from stat3act.networks import STAT3_PANELS

COMPARTMENTS = ("tumour", "microenvironment")
EXTRA_COLUMNS = ["estimate", "sd", "error_correlation"]
# Smallest prior sd of an activity, natural log units of fold change: a cohort in which no sample differs would
# otherwise shrink everything to its mean and could not call anything off.
MIN_PRIOR_SD = 0.2
# Below this, less than a tenth of the estimate's variance between samples would be the samples' own.
MIN_RELIABILITY = 0.1
LEADING_GENES = 5


def axis_panels(axes: pd.DataFrame, genes: pd.Index) -> tuple[dict[str, np.ndarray], pd.DataFrame]:
    """Spread the axes over the genes, for each compartment.

    Parameters
    ----------
    axes
        ``axis gene weight compartments``.
    genes
        Genes of the regression.

    Returns
    -------
    tuple
        By axis: 2 x genes of signed weights (tumour, microenvironment), of STAT3 panels the signs; and the number of
        genes of each axis (rows) in each compartment (columns), measured or not.
    """
    weights, sizes = zip(*(axis_weights(axes, name, genes) for name in COMPARTMENTS), strict=True)
    empty = np.zeros(len(genes))
    panels = {
        axis: np.stack([part[axis].to_numpy(dtype=float) if axis in part else empty for part in weights])
        for axis in sorted(axes["axis"].unique())
    }
    # A slope is a log fold change common to the targets: how well a target is attested does not make it move more.
    panels |= {axis: np.sign(panels[axis]) for axis in STAT3_PANELS if axis in panels}
    return panels, pd.concat(sizes, axis=1, keys=COMPARTMENTS).reindex(sorted(panels)).fillna(0).astype(int)


@dataclass(frozen=True)
class PanelScore:
    """One axis in both compartments; arrays are samples x 2, `contributions` samples x targets x 2."""

    z: np.ndarray
    estimate: np.ndarray
    sd: np.ndarray
    correlation: np.ndarray
    reliability: np.ndarray
    targets: np.ndarray
    contributions: np.ndarray


def score_panel(
    cohort: Cohort,
    gram: np.ndarray,
    cross: np.ndarray,
    panel: np.ndarray,
    candidates: np.ndarray,
    valid: np.ndarray,
    seed: int,
) -> PanelScore:
    """Score one axis beside its rivals against matched control panels.

    Parameters
    ----------
    cohort
        The cohort.
    gram, cross
        Normal equations of intercept pair, scored axis and rivals, in this order.
    panel
        2 x genes, weights of the scored axis.
    candidates
        Positions of genes that belong to no axis.
    valid
        Samples x 2: which samples make up the location of each compartment.
    seed
        Seed of the controls.

    Returns
    -------
    PanelScore
        ``z`` is the estimate relative to the mean of the valid samples, over the spread that control panels of the
        same mean level, spread and tumour share show in the same sample, through the same regression and prior.
    """
    data = cohort.data
    targets = np.flatnonzero(panel.any(axis=0))
    prior, _ = fit_prior(gram, cross, data.noise, MIN_PRIOR_SD)
    target = solve_target(data, gram, cross, prior, panel[:, targets], targets)
    features = np.column_stack([cohort.level, data.y.std(axis=0), data.share.mean(axis=0)])
    drawn = draw_controls(features, targets, candidates, PANELS, seed)
    controls = control_estimates(data, gram, cross, prior, panel[:, targets], drawn)
    z, spread = np.full((len(data.y), 2), np.nan), np.full((len(data.y), 2), np.nan)
    # An axis without genes in a compartment has nothing to compare there.
    for side in np.flatnonzero(panel.any(axis=1)):
        chosen = valid[:, side]
        null = controls[:, :, side] - controls[chosen, :, side].mean(axis=0)
        spread[:, side] = null.std(axis=1, ddof=1)
        centred = target.estimate[:, side] - target.estimate[chosen, side].mean()
        z[:, side] = (centred - null.mean(axis=1)) / spread[:, side]
    sd = np.sqrt(np.diagonal(target.covariance, axis1=1, axis2=2))
    # A gene's part is what its departure from its own cohort mean adds.
    departure = data.y[:, targets, None] - data.y[:, targets].mean(axis=0)[None, :, None]
    return PanelScore(
        z,
        target.estimate,
        sd,
        target.covariance[:, 0, 1] / sd.prod(axis=1),
        1 - (sd / prior.sd[0]) ** 2,
        targets,
        target.leverage * departure / spread[:, None, :],
    )


@dataclass(frozen=True)
class TargetFit:
    """Posterior of the scored axis: mean (samples x 2), covariance, and each target's leverage on the mean."""

    estimate: np.ndarray
    covariance: np.ndarray
    leverage: np.ndarray


def solve_target(
    data: Residuals, gram: np.ndarray, cross: np.ndarray, prior: Prior, weights: np.ndarray, targets: np.ndarray
) -> TargetFit:
    """Solve the regression of every sample and read off the scored axis.

    Parameters
    ----------
    data, gram, cross, prior
        As in `score_panel`.
    weights
        2 x targets, signed weights of the scored axis.
    targets
        Positions of the targets.

    Returns
    -------
    TargetFit
        ``leverage`` (samples x targets x 2) is the derivative of the estimate by the target's y through the axis' own
        columns and the intercept pair; the estimate is linear in y.
    """
    precision = np.r_[1e-6, 1e-6, 1 / prior.sd.ravel() ** 2]
    mean = np.r_[0.0, 0.0, prior.mean.ravel()]
    posterior = np.linalg.inv(gram / data.noise[:, None, None] + np.diag(precision))
    estimate = np.einsum("nij,nj->ni", posterior, cross / data.noise[:, None] + precision * mean)[:, 2:4]
    sides = np.stack([data.share[:, targets], 1 - data.share[:, targets]], axis=2)
    own = np.einsum("ntc,ct,nac->nta", sides, weights, posterior[:, 2:4, 2:4])
    common = np.einsum("ntc,nac->nta", sides, posterior[:, 2:4, :2])
    leverage = (own + common) * (data.weight[targets] / data.noise[:, None])[:, :, None]
    return TargetFit(estimate, posterior[:, 2:4, 2:4], leverage)


def split_activity(
    linear: pd.DataFrame,
    reference: Reference,
    fractions: pd.DataFrame,
    axes: pd.DataFrame,
    settings: Mapping,
    purity_limits: tuple[float, float],
    seed: int,
    chromosomes: pd.Series | None = None,
) -> pd.DataFrame:
    r"""Score every axis in tumour and microenvironment of every bulk sample.

    Per sample, over genes: with D the expected value, w the expected tumour share of it, s the signs of a STAT3 panel's
    targets and the signed weights of the other axes,

    .. math::
        \log\frac{x_g + 0.5}{D_g + 0.5} = a_0 w_g + b_0 (1 - w_g)
            + \sum_k s_{kg} \left(a_k w_g + b_k (1 - w_g)\right) + e_g

    where k runs over the scored axis and its rivals, and the a and b have normal priors learned from the cohort.
    A tumour response moves the genes in proportion to the tumour's share of each gene, a response of the
    microenvironment to the rest: that contrast, not attributed expression, tells the two apart.

    Parameters
    ----------
    linear
        Samples x genes, counts or TPM-like.
    reference, fractions
        Reference and state fractions (`fit_states`).
    axes
        ``axis gene weight compartments``.
    settings
        ``rivals min_targets min_programme_targets confidence_level min_reference_samples`` of the ``activity`` section.
    purity_limits
        Least purity for a tumour value, highest for a microenvironment value.
    seed
        Seed of the control panels.
    chromosomes
        Chromosome by symbol, see `filter_genes`.

    Returns
    -------
    pandas.DataFrame
        Columns of ``scores.tsv`` (``q_value`` and ``n_cells`` empty), then `EXTRA_COLUMNS`: estimate and sd in
        natural log units of fold change per unit weight, and the correlation of the two compartments' errors.
        ``score`` is the same statistic without rivals. Samples x 2 compartments x axes, in the order of the samples.
    """
    cohort = prepare_cohort(linear, reference, fractions, set(axes["gene"]), chromosomes)
    panels, sizes = axis_panels(axes, cohort.genes)
    valid = np.column_stack([cohort.purity >= purity_limits[0], cohort.purity <= purity_limits[1]])
    names = list(panels)
    stack = np.stack([np.ones((2, len(cohort.genes))), *(panels[name] for name in names)])
    # One set of sums for all axes; each model takes its rows and columns.
    gram, cross = normal_equations(cohort.data, stack)
    candidates = np.flatnonzero(~stack[1:].any(axis=(0, 1)))
    enough = valid.sum(axis=0) >= settings["min_reference_samples"]
    log.info("Split regression: %d samples, %d genes, %d axes", len(cohort.samples), len(cohort.genes), len(names))
    tables = []
    for number, axis in enumerate(names):
        found = (panels[axis] != 0).sum(axis=1)
        needed = fewest_targets(axis, settings)
        scores = None
        if enough.any() and (found >= needed).any():
            chosen = [axis, *(rival for rival in rivals_of(axis, settings["rivals"]) if rival in panels)]
            scores = []
            for model in (chosen, [axis]):
                place = np.r_[0, 1, *((2 * (names.index(name) + 1) + side) for name in model for side in (0, 1))]
                parts = gram[:, place][:, :, place], cross[:, place]
                usable = np.where(enough, valid, True)
                scores.append(score_panel(cohort, *parts, panels[axis], candidates, usable, seed + number))
        for side, compartment in enumerate(COMPARTMENTS):
            rows = _rows(cohort, axis, side, scores, settings["confidence_level"])
            rows["n_targets"], size = int(found[side]), int(sizes.at[axis, compartment])
            rows["coverage"] = found[side] / size if size else np.nan
            rows["reference"] = f"cohort (n={int(valid[:, side].sum())})"
            rows["reason"] = _reasons(rows, valid[:, side], size, found[side] >= needed, bool(enough[side]), side)
            tables.append(rows)
    table = pd.concat(tables, ignore_index=True)
    empty = (table["reason"] != "").to_numpy()
    numbers = ["score", "activity", "ci_low", "ci_high", "p_value", "activity_without_top_gene"]
    table.loc[empty, numbers] = np.nan
    table.loc[empty, "leading_genes"] = ""
    order = table["sample"].map({sample: place for place, sample in enumerate(cohort.samples)})
    table = table.iloc[np.argsort(order.to_numpy(), kind="stable")]
    return table[[*SCORE_COLUMNS, *EXTRA_COLUMNS]].reset_index(drop=True)


def _rows(cohort: Cohort, axis: str, side: int, scores: list[PanelScore] | None, level: float) -> pd.DataFrame:
    """Lay out one axis and compartment, a row per sample; empty numbers where nothing was scored."""
    fraction = cohort.purity if side == 0 else 1 - cohort.purity
    rows = pd.DataFrame(
        {"sample": cohort.samples, "compartment": COMPARTMENTS[side], "axis": axis, "fraction": fraction}
    ).reindex(columns=[*SCORE_COLUMNS, *EXTRA_COLUMNS])
    rows["leading_genes"] = ""
    if scores is None:
        return rows
    adjusted, alone = scores
    z, parts = adjusted.z[:, side], adjusted.contributions[:, :, side]
    count = parts.shape[1]
    # Spread between targets: what drawing other targets of the same kind would change. Never below the null's own.
    between = np.sqrt(count * parts.var(axis=1, ddof=1))
    half = stats.t.ppf(0.5 + level / 2, max(1, count - 1)) * np.maximum(1.0, between)
    order = np.argsort(-parts, axis=1, kind="stable")[:, :LEADING_GENES]
    genes = cohort.genes[adjusted.targets]
    rows["score"], rows["activity"] = alone.z[:, side], z
    rows["ci_low"], rows["ci_high"] = z - half, z + half
    rows["p_value"] = stats.norm.sf(z)
    rows["reliability"] = adjusted.reliability[:, side]
    rows["estimate"], rows["sd"] = adjusted.estimate[:, side], adjusted.sd[:, side]
    rows["error_correlation"] = adjusted.correlation
    rows["leading_genes"] = [
        ";".join(genes[place] for place in places if parts[row, place] > 0) for row, places in enumerate(order)
    ]
    # Without one of n equal targets the estimate loses that part and the null widens by sqrt(n / (n - 1)).
    rows["activity_without_top_gene"] = (z - parts.max(axis=1)) * np.sqrt(count / max(1, count - 1))
    return rows


def _reasons(rows: pd.DataFrame, valid: np.ndarray, size: int, covered: bool, enough: bool, side: int) -> np.ndarray:
    """Say why a row has no numbers; ``""`` where it has."""
    if not size:
        return np.full(len(rows), "NOT_MEANINGFUL", dtype=object)
    if not covered:
        return np.full(len(rows), "LOW_COVERAGE", dtype=object)
    reason = np.where(valid, "", "LOW_PURITY" if side == 0 else "HIGH_PURITY").astype(object)
    if not enough:
        reason[valid] = "NO_REFERENCE"
    else:
        reason[valid & ~(rows["reliability"] >= MIN_RELIABILITY).to_numpy()] = "LOW_RELIABILITY"
    return reason
