"""Activity of tumour and microenvironment in each bulk sample, by regression on the shares of the reference."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from stat3act.activity.assemble import SCORE_COLUMNS
from stat3act.activity.prepare import axis_weights, fewest_targets, rivals_of
from stat3act.compartments.axis import AxisFit, PanelScore, build_model, fit_axis, read_side
from stat3act.compartments.expected import Cohort, prepare_cohort
from stat3act.compartments.reference import Reference
from stat3act.logs import log
from stat3act.networks import STAT3_PANELS

COMPARTMENTS = ("tumour", "microenvironment")
EXTRA_COLUMNS = ["estimate", "scale", "sd", "error_correlation"]
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

    Both compartments are reconstructed (`reconstruct`). Per sample, over genes, around that fit: with w the tumour's
    share of a gene, s the signs of a STAT3 panel's targets times their learned responses, and the signed weights of
    the other axes,

    .. math::
        y_g = a_0 w_g + b_0 (1 - w_g) + \sum_k s_{kg} \left(a_k w_g + b_k (1 - w_g)\right) + e_g

    where k runs over the scored axis and its rivals, and the a and b have normal priors learned from the cohort.
    A tumour response moves the genes in proportion to the tumour's share of each gene, a response of the
    microenvironment to the rest: that contrast, not attributed expression, tells the two apart. The departures that
    follow give each compartment's profile, which is then read as a profile of that compartment alone would be.

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
        Columns of ``scores.tsv`` (``q_value`` and ``n_cells`` empty), then `EXTRA_COLUMNS`: estimate and its posterior
        sd in log2 units, the unit of activity in them (``activity = estimate / scale``), and the correlation of the
        two compartments' errors. ``score`` is the same reading without rivals. Samples x 2 compartments x axes, in
        the order of the samples.
    """
    cohort = prepare_cohort(linear, reference, fractions, set(axes["gene"]), chromosomes)
    panels, sizes = axis_panels(axes, cohort.genes)
    valid = np.column_stack([cohort.purity >= purity_limits[0], cohort.purity <= purity_limits[1]])
    enough = valid.sum(axis=0) >= settings["min_reference_samples"]
    log.info("Split: %d samples, %d genes, %d axes", len(cohort.samples), len(cohort.genes), len(panels))
    model = build_model(cohort, panels, settings["rivals"]) if enough.any() else None
    tables = []
    for number, (axis, panel) in enumerate(panels.items()):
        needed, rivals = fewest_targets(axis, settings), rivals_of(axis, settings["rivals"])
        found = None
        for side, compartment in enumerate(COMPARTMENTS):
            score, told = None, True if model is None else model.expressed[side]
            measured = int((told & (panel[side] != 0)).sum())
            if measured >= needed and enough[side]:
                found = found or fit_axis(model, panel, rivals)
                weights = np.array([panels[name][side] for name in rivals if name in panels and name != axis])
                weights = weights.reshape(-1, len(cohort.genes))
                score = read_side(model, found, panel, weights, side, valid[:, side], seed + number)
            rows = _rows(cohort, axis, side, score, found, settings["confidence_level"])
            size = int(sizes.at[axis, compartment])
            rows["n_targets"], rows["coverage"] = measured, measured / size if size else np.nan
            rows["reference"] = f"cohort (n={int(valid[:, side].sum())})"
            rows["reason"] = _reasons(rows, valid[:, side], size, measured >= needed, bool(enough[side]), side)
            tables.append(rows)
    table = pd.concat(tables, ignore_index=True)
    empty = (table["reason"] != "").to_numpy()
    numbers = ["score", "activity", "ci_low", "ci_high", "p_value", "activity_without_top_gene"]
    table.loc[empty, numbers] = np.nan
    table.loc[empty, "leading_genes"] = ""
    order = table["sample"].map({sample: place for place, sample in enumerate(cohort.samples)})
    table = table.iloc[np.argsort(order.to_numpy(), kind="stable")]
    return table[[*SCORE_COLUMNS, *EXTRA_COLUMNS]].reset_index(drop=True)


def _rows(
    cohort: Cohort, axis: str, side: int, score: PanelScore | None, found: AxisFit | None, level: float
) -> pd.DataFrame:
    """Lay out one axis and compartment, a row per sample; empty numbers where nothing was scored."""
    fraction = cohort.purity if side == 0 else 1 - cohort.purity
    rows = pd.DataFrame(
        {"sample": cohort.samples, "compartment": COMPARTMENTS[side], "axis": axis, "fraction": fraction}
    ).reindex(columns=[*SCORE_COLUMNS, *EXTRA_COLUMNS])
    rows["leading_genes"] = ""
    if score is None:
        return rows
    z, parts = score.estimate / score.scale, score.contributions
    count = parts.shape[1]
    # Spread between targets: what drawing other targets of the same kind would change. Never below the null's own.
    between = np.sqrt(count * parts.var(axis=1, ddof=1))
    half = stats.t.ppf(0.5 + level / 2, max(1, count - 1)) * np.maximum(1.0, between)
    order = np.argsort(-parts, axis=1, kind="stable")[:, :LEADING_GENES]
    rows["score"], rows["activity"] = score.alone / score.scale, z
    rows["ci_low"], rows["ci_high"] = z - half, z + half
    rows["p_value"] = stats.norm.sf(z)
    rows["reliability"] = score.reliability
    rows["estimate"], rows["scale"], rows["sd"] = score.estimate, score.scale, score.sd
    deviations = np.sqrt(found.covariance[:, 0, 0] * found.covariance[:, 1, 1])
    rows["error_correlation"] = found.covariance[:, 0, 1] / deviations
    rows["leading_genes"] = [
        ";".join(score.genes[place] for place in places if parts[row, place] > 0) for row, places in enumerate(order)
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
