"""Score every axis in every compartment of a cohort."""

from collections.abc import Iterable
from functools import partial

import numpy as np
import pandas as pd
from scipy.special import ndtr

from stat3act.activity import model
from stat3act.activity.also import also_scores
from stat3act.activity.measure import axis_fingerprints, cohort_inputs, reference_rows
from stat3act.activity.prepare import Prepared, fewest_targets, prepare, rivals_of
from stat3act.activity.reference import Reference, check_frozen, from_table
from stat3act.logs import log

LEADING_GENES = 5
ROWS_AT_ONCE = 512


def without_top_gene(
    residual: model.Residual, weights: np.ndarray, inflation: float, contributions: np.ndarray
) -> np.ndarray:
    """Score each row again without the target that adds most to it."""
    targets = np.flatnonzero(weights)
    top = targets[contributions.argmax(axis=1)]
    result = np.empty(len(top))
    for gene in np.unique(top):
        rows = top == gene
        reduced = weights.copy()
        reduced[gene] = 0.0
        result[rows] = model.panel_statistic(residual[rows], reduced, inflation).activity
    return result


def score_axis(
    block: pd.DataFrame, residual: model.Residual, weights: np.ndarray, level: float, inflation: float
) -> pd.DataFrame:
    """Score one axis in some rows.

    Parameters
    ----------
    block
        Rows x genes, standardised.
    residual
        The same rows without the rivals of the axis.
    weights
        Of each gene.
    level
        Level of the intervals.
    inflation
        Inflation factor of the axis.

    Returns
    -------
    One row per profile with score, activity, interval, p value and leading genes.
    """
    targets = block.columns[np.flatnonzero(weights)]
    found = model.panel_statistic(residual, weights, inflation)
    low, high = model.interval(found.activity, found.error, len(targets), level)
    order = np.argsort(-found.contributions, axis=1, kind="stable")[:, :LEADING_GENES]
    leading = [
        ";".join(targets[gene] for gene in ranks if found.contributions[row, gene] > 0)
        for row, ranks in enumerate(order)
    ]
    columns = {
        "score": model.univariate_t(block.to_numpy(), weights),
        "activity": found.activity,
        "ci_low": low,
        "ci_high": high,
        "p_value": ndtr(-found.activity),
        "leading_genes": leading,
        "activity_without_top_gene": without_top_gene(residual, weights, inflation, found.contributions),
    }
    return pd.DataFrame(columns, index=block.index)


def score_axes(
    prepared: Prepared, axes: Iterable[str], settings: dict, inflation: pd.Series
) -> dict[str, pd.DataFrame]:
    """Score several axes in every row, some rows at a time; axes with the same rivals share their removal.

    Parameters
    ----------
    prepared
        Rows and axes of one compartment.
    axes
        The axes to score.
    settings
        The ``activity`` section of the config.
    inflation
        Inflation factor of each axis.

    Returns
    -------
    By axis the rows of `score_axis`.
    """
    beside: dict[tuple[str, ...], list[str]] = {}
    for axis in axes:
        beside.setdefault(tuple(rivals_of(axis, settings["rivals"])), []).append(axis)
    parts: dict[str, list[pd.DataFrame]] = {axis: [] for group in beside.values() for axis in group}
    for start in range(0, len(prepared.profiles), ROWS_AT_ONCE):
        block = prepared.profiles.iloc[start : start + ROWS_AT_ONCE]
        for rivals, group in beside.items():
            residual = model.remove_rivals(block.to_numpy(), prepared.rivals(list(rivals)))
            residual = model.by_strata(residual, prepared.strata)
            for axis in group:
                weights = prepared.weights[axis].to_numpy(float)
                parts[axis].append(score_axis(block, residual, weights, settings["confidence_level"], inflation[axis]))
    return {axis: pd.concat(found) for axis, found in parts.items()}


def unscored(rows: pd.DataFrame, axes: Iterable[str], reason: str | None = None) -> pd.DataFrame:
    """List rows x axes without numbers, with the reason they have none."""
    table = rows[["sample", "compartment"]].merge(pd.Series(list(axes), name="axis", dtype=object), how="cross")
    table["reason"] = (
        reason if reason is not None else np.repeat(rows["reason"].to_numpy(), len(table) // max(1, len(rows)))
    )
    return table


def score_compartment(
    prepared: Prepared, rows: pd.DataFrame, reference: Reference, names: list[str], settings: dict
) -> pd.DataFrame:
    """Score all axes in the rows of one compartment.

    Parameters
    ----------
    prepared
        From `prepare`.
    rows
        Columns ``sample compartment``, the index of the profiles.
    reference
        For its inflation factors; an axis without one is not scored.
    names
        All axes.
    settings
        The ``activity`` section of the config.

    Returns
    -------
    Long table of scores, without q values.
    """
    found = {axis: int((prepared.weights[axis] != 0).sum()) for axis in names if axis in prepared.weights}
    enough = [axis for axis in names if found.get(axis, 0) >= fewest_targets(axis, settings)]
    scores = score_axes(
        prepared, [axis for axis in enough if axis in reference.inflation], settings, reference.inflation
    )
    parts = []
    for axis in names:
        if axis not in prepared.sizes:
            parts.append(unscored(rows, [axis], "NOT_MEANINGFUL"))
            continue
        if axis in scores:
            part = rows[["sample", "compartment"]].join(scores[axis])
            part = part.assign(axis=axis, reason="", inflation=reference.inflation[axis])
        else:
            part = unscored(rows, [axis], "NO_REFERENCE" if axis in enough else "LOW_COVERAGE")
        count = found.get(axis, 0)
        parts.append(part.assign(n_targets=count, coverage=count / prepared.sizes[axis]))
    return pd.concat(parts, ignore_index=True)


def reference_name(settings: dict, stratum: str, n: int) -> str:
    """Say in words what a score is compared with."""
    if settings["reference"] in ("cohort", "controls"):
        kind = settings["reference"]
    else:
        kind = f"frozen {settings['reference']}"
    return f"{kind} (n={n}{', ' + stratum if stratum else ''})"


def score_rows(
    expression: pd.DataFrame,
    rows: pd.DataFrame,
    axes: pd.DataFrame,
    settings: dict,
    minimum: float | None,
    controls: set[str],
    references: pd.DataFrame,
) -> pd.DataFrame:
    """Score every axis in every row against the reference of its compartment.

    Parameters
    ----------
    expression, rows, axes, settings, minimum, controls
        As in `measure_references`.
    references
        Its table, or that of an earlier cohort when ``settings["reference"]`` is a path; then no row is a member.

    Returns
    -------
    One row per sample x compartment x axis; those without numbers have a reason. The methods that
    ``settings["also"]`` asks for are further columns.
    """
    names = sorted(axes["axis"].unique())
    own = settings["reference"] in ("cohort", "controls")
    scores = []
    for compartment, group in rows.groupby("compartment", sort=True):
        silent, scored = group[group["reason"] != ""], group[group["reason"] == ""]
        if len(silent):
            scores.append(unscored(silent, names))
        table = references[references["compartment"] == compartment]
        reference = from_table(table) if len(table) else None
        covered = scored["stratum"].isin(reference.n.index if reference else [])
        if (~covered).any():
            scores.append(unscored(scored[~covered], names, "NO_REFERENCE"))
        scored = scored[covered]
        if not len(scored):
            continue
        members = set(reference_rows(scored, settings, controls).index) if own else set()
        part = expression.loc[scored.index]
        prepared = prepare(part, scored, reference, members, axes, minimum, settings)
        log.info("%s: %d rows against %s", compartment, len(scored), dict(reference.n))
        part = score_compartment(prepared, scored, reference, names, settings)
        stratum = scored.set_index("sample")["stratum"]
        part["reference"] = [
            reference_name(settings, stratum[sample], reference.n[stratum[sample]]) for sample in part["sample"]
        ]
        if settings.get("also"):
            part = part.merge(also_scores(prepared, scored, settings), on=["sample", "compartment", "axis"], how="left")
        scores.append(part)
    return pd.concat(scores, ignore_index=True)


def score_cohort(
    expression, axes: pd.DataFrame, samples: list[dict], settings: dict, references: pd.DataFrame
) -> pd.DataFrame:
    """Score a cohort (`score_rows`) from its `anndata.AnnData` (`cohort_inputs`).

    Raises
    ------
    InputProblems
        When a frozen reference was measured on another scale, with other axes, or of no such compartment or stratum.
    """
    inputs = cohort_inputs(expression, samples, settings)
    if settings["reference"] not in ("cohort", "controls"):
        in_use = partial(axis_fingerprints, axes, settings=settings)
        check_frozen(references, settings["reference"], inputs.rows, inputs.value_scale, in_use)
    return score_rows(inputs.expression, inputs.rows, axes, settings, inputs.minimum, inputs.controls, references)
