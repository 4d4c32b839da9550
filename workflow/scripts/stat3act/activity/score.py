"""Score every axis in every compartment of a cohort."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy import stats

from stat3act.activity import model
from stat3act.activity.reference import Reference, fit_reference, from_table, standardise, to_table
from stat3act.logs import log
from stat3act.problems import InputProblems, Problem

STAT3_AXIS = "stat3_core"
LEADING_GENES = 5
ROWS_AT_ONCE = 512
MIN_UNIVERSE = 200


def rivals_of(axis: str, rivals: Iterable[str]) -> list[str]:
    """Name the axes that share the model with ``axis``.

    A STAT3 panel or programme is scored beside the rivals; a rival beside the other rivals and `STAT3_AXIS`.
    """
    others = [rival for rival in rivals if rival != axis]
    return [*others, STAT3_AXIS] if axis in rivals else others


def axis_weights(axes: pd.DataFrame, compartment: str, genes: pd.Index) -> tuple[pd.DataFrame, pd.Series]:
    """Spread the axes table over the measured genes.

    Parameters
    ----------
    axes
        Columns ``axis gene weight compartments``.
    compartment
        Only genes that are meaningful in this compartment count.
    genes
        Measured genes.

    Returns
    -------
    Genes x axes of signed weights, and the number of genes each axis has in this compartment, measured or not.
    """
    meant = axes["compartments"].map(lambda names: names == "all" or compartment in names.split(";"))
    here = axes[meant]
    weights = (
        here.pivot_table(index="gene", columns="axis", values="weight", aggfunc="first").reindex(genes).fillna(0.0)
    )
    return weights, here.groupby("axis").size()


def is_panel(axis: str) -> bool:
    """Tell a panel or rival, which needs many targets, from a programme or module, which has few."""
    return not axis.startswith("programme:") and axis != "u_stat3"


def without_top_gene(
    profiles: np.ndarray,
    weights: np.ndarray,
    rivals: np.ndarray,
    strata: np.ndarray,
    contributions: np.ndarray,
) -> np.ndarray:
    """Score each row again without the target that adds most to it."""
    targets = np.flatnonzero(weights)
    top = targets[contributions.argmax(axis=1)]
    result = np.empty(len(profiles))
    for gene in np.unique(top):
        rows = top == gene
        reduced = weights.copy()
        reduced[gene] = 0.0
        result[rows] = model.adjusted_statistic(profiles[rows], reduced, rivals, strata).activity
    return result


def score_axis(
    profiles: pd.DataFrame,
    weights: pd.DataFrame,
    axis: str,
    rivals: list[str],
    strata: np.ndarray,
    level: float,
) -> pd.DataFrame:
    """Score one axis in every row.

    Parameters
    ----------
    profiles
        Rows x genes, standardised expression.
    weights
        Genes x axes.
    axis
        Column of ``weights`` to score.
    rivals
        Columns of ``weights`` that compete with it.
    strata
        Stratum of each gene.
    level
        Level of the intervals.

    Returns
    -------
    One row per profile with score, activity, interval, p value and leading genes.
    """
    values = profiles.to_numpy(float)
    w = weights[axis].to_numpy(float)
    r = weights[[rival for rival in rivals if rival in weights]].to_numpy(float)
    targets = profiles.columns[np.flatnonzero(w)]
    parts = []
    for start in range(0, len(values), ROWS_AT_ONCE):
        block = values[start : start + ROWS_AT_ONCE]
        statistic = model.adjusted_statistic(block, w, r, strata)
        low, high = model.interval(statistic.activity, statistic.error, len(targets), level)
        order = np.argsort(-statistic.contributions, axis=1, kind="stable")[:, :LEADING_GENES]
        leading = [
            ";".join(targets[gene] for gene in ranks if statistic.contributions[row, gene] > 0)
            for row, ranks in enumerate(order)
        ]
        parts.append(
            pd.DataFrame(
                {
                    "score": model.univariate_t(block, w),
                    "activity": statistic.activity,
                    "ci_low": low,
                    "ci_high": high,
                    "p_value": stats.norm.sf(statistic.activity),
                    "leading_genes": leading,
                    "activity_without_top_gene": without_top_gene(block, w, r, strata, statistic.contributions),
                },
                index=profiles.index[start : start + ROWS_AT_ONCE],
            )
        )
    return pd.concat(parts)


def measured_genes(reference: Reference, minimum: float | None, present: pd.Index) -> pd.Index:
    """Keep genes of the samples whose mean over the reference is high enough, on log2(CPM + 1) scales.

    Raises
    ------
    InputProblems
        When too few genes remain to have a null.
    """
    mean = reference.location.mean()
    genes = mean.index if minimum is None else mean.index[mean >= np.log2(1 + 2.0**minimum)]
    genes = genes.intersection(present).sort_values()
    if len(genes) < MIN_UNIVERSE:
        raise InputProblems(
            [
                Problem(
                    "expression",
                    "genes",
                    f"{len(genes)} genes shared with the reference, with a mean there of at least {minimum} log2 CPM",
                    f"{MIN_UNIVERSE} or more, to compare the axes with",
                    "check the depth of the samples, or lower activity.min_log2_cpm",
                )
            ]
        )
    return genes


def unscored(rows: pd.DataFrame, axes: Iterable[str], reason: str | None = None) -> pd.DataFrame:
    """List rows x axes without numbers, with the reason they have none."""
    table = rows[["sample", "compartment"]].merge(pd.Series(list(axes), name="axis", dtype=object), how="cross")
    table["reason"] = (
        reason if reason is not None else np.repeat(rows["reason"].to_numpy(), len(table) // max(1, len(rows)))
    )
    return table


def score_compartment(
    expression: pd.DataFrame,
    rows: pd.DataFrame,
    reference: Reference,
    members: set[str],
    axes: pd.DataFrame,
    minimum: float | None,
    settings: dict,
) -> pd.DataFrame:
    """Score all axes in the rows of one compartment.

    Parameters
    ----------
    expression
        Rows x genes, log2 scale.
    rows
        Columns ``sample compartment stratum``, same index.
    reference
        What the rows are compared with.
    members
        Names of rows that are part of the reference.
    axes
        The prepared axes table.
    minimum
        Least mean log2 CPM of a gene in the reference; None on scales where that means nothing.
    settings
        The ``activity`` section of the config.

    Returns
    -------
    Long table of scores, without q values.
    """
    compartment = rows["compartment"].iloc[0]
    genes = measured_genes(reference, minimum, expression.columns)
    profiles = standardise(expression[genes], rows["stratum"], members, reference, settings["clip"])
    strata = model.assign_strata(
        reference.location[genes].mean().to_numpy(float), reference.scale[genes].to_numpy(float)
    )
    weights, sizes = axis_weights(axes, compartment, genes)
    parts = []
    for axis in sorted(axes["axis"].unique()):
        found = int((weights[axis] != 0).sum()) if axis in weights else 0
        if axis not in sizes:
            parts.append(unscored(rows, [axis], "NOT_MEANINGFUL"))
            continue
        needed = settings["min_targets"] if is_panel(axis) else settings["min_programme_targets"]
        if found < needed:
            part = unscored(rows, [axis], "LOW_COVERAGE")
        else:
            part = score_axis(
                profiles,
                weights,
                axis,
                rivals_of(axis, settings["rivals"]),
                strata,
                settings["confidence_level"],
            )
            part = rows[["sample", "compartment"]].join(part).assign(axis=axis, reason="")
        parts.append(part.assign(n_targets=found, coverage=found / sizes[axis]))
    return pd.concat(parts, ignore_index=True)


def reference_name(settings: dict, stratum: str, n: int) -> str:
    """Say in words what a score is compared with."""
    if settings["reference"] in ("cohort", "controls"):
        kind = settings["reference"]
    else:
        kind = f"frozen {settings['reference']}"
    return f"{kind} (n={n}{', ' + stratum if stratum else ''})"


def score_cohort(
    expression: pd.DataFrame,
    rows: pd.DataFrame,
    axes: pd.DataFrame,
    settings: dict,
    minimum: float | None,
    controls: set[str],
    frozen: pd.DataFrame | None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score every axis in every compartment of a cohort.

    Parameters
    ----------
    expression
        Rows (sample x compartment) x genes, log2 scale.
    rows
        Columns ``sample compartment stratum reason``, same index as ``expression``; rows with a reason are not
        scored.
    axes
        The prepared axes table: ``axis gene weight compartments``.
    settings
        The ``activity`` section of the config, with the rivals that apply.
    minimum
        Least mean log2 CPM of a gene in the reference; None where that means nothing.
    controls
        Samples of the reference, when ``settings["reference"]`` is ``controls``.
    frozen
        Table of an earlier cohort's reference, or None.

    Returns
    -------
    Scores, one row per sample x compartment x axis, and the reference table that was used.
    """
    names = sorted(axes["axis"].unique())
    scores, references = [], []
    for compartment, group in rows.groupby("compartment", sort=True):
        silent, scored = group[group["reason"] != ""], group[group["reason"] == ""]
        if len(silent):
            scores.append(unscored(silent, names))
        if not len(scored):
            continue
        reference, members = compartment_reference(expression, scored, compartment, settings, controls, frozen)
        if reference is None:
            log.info("%s: too few reference rows; not scored", compartment)
            scores.append(unscored(scored, names, "NO_REFERENCE"))
            continue
        covered = scored["stratum"].isin(reference.n.index)
        if (~covered).any():
            scores.append(unscored(scored[~covered], names, "NO_REFERENCE"))
        scored = scored[covered]
        log.info("%s: %d rows against %s", compartment, len(scored), dict(reference.n))
        part = score_compartment(expression.loc[scored.index], scored, reference, members, axes, minimum, settings)
        stratum = scored.set_index("sample")["stratum"]
        part["reference"] = [
            reference_name(settings, stratum[sample], reference.n[stratum[sample]]) for sample in part["sample"]
        ]
        scores.append(part)
        references.append(to_table(reference, compartment))
    columns = ["compartment", "stratum", "gene", "location", "scale", "n"]
    kept = pd.concat(references, ignore_index=True) if references else pd.DataFrame(columns=columns)
    return pd.concat(scores, ignore_index=True), kept


def compartment_reference(
    expression: pd.DataFrame,
    rows: pd.DataFrame,
    compartment: str,
    settings: dict,
    controls: set[str],
    frozen: pd.DataFrame | None,
) -> tuple[Reference | None, set[str]]:
    """Return the reference of one compartment and its member rows; None when there are too few of them."""
    if frozen is not None:
        table = frozen[frozen["compartment"] == compartment]
        return (from_table(table), set()) if len(table) else (None, set())
    chosen = rows[rows["sample"].isin(controls)] if settings["reference"] == "controls" else rows
    # A stratum with a single reference row has a mean but says nothing about spread.
    sizes = chosen.groupby("stratum")["sample"].transform("size")
    chosen = chosen[sizes >= 2]
    if len(chosen) < settings["min_reference_samples"]:
        return None, set()
    return fit_reference(expression.loc[chosen.index], chosen["stratum"], settings["min_scale"]), set(chosen.index)


def score_expression(
    expression, axes: pd.DataFrame, samples: list[dict], settings: dict, frozen: pd.DataFrame | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score a cohort from its `anndata.AnnData` of sample x compartment rows.

    Parameters
    ----------
    expression
        Rows sample x compartment (obs ``sample compartment reason``), log2 scale in ``X``, ``uns["scale"]``.
    axes
        The prepared axes table.
    samples
        One dict per sample with ``sample``, ``stratum`` and whether it is a ``control``.
    settings
        The ``activity`` section of the config.
    frozen
        Table of an earlier cohort's reference, or None.

    Returns
    -------
    As `score_cohort`.
    """
    sheet = pd.DataFrame(samples).set_index("sample")
    rows = expression.obs[["sample", "compartment", "reason"]].astype(str)
    rows["stratum"] = sheet["stratum"].loc[rows["sample"]].to_numpy()
    # A least log2 CPM has no meaning on a log ratio, nor on a platform's own log scale.
    minimum = None if expression.uns["scale"] in ("log2", "log2_ratio") else settings["min_log2_cpm"]
    controls = set(sheet.index[sheet["control"]])
    return score_cohort(expression.to_df(), rows, axes, settings, minimum, controls, frozen)
