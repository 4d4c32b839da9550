"""Measure what samples are compared with: location and scale of every gene, inflation of every axis."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from stat3act.activity.inflation import measure_inflation
from stat3act.activity.prepare import Prepared, axis_weights, fewest_targets, prepare, rivals_of
from stat3act.activity.reference import REFERENCE_COLUMNS, fingerprint, fit_reference, to_table
from stat3act.logs import log


@dataclass(frozen=True)
class Inputs:
    """What scoring reads from a cohort; the fields are the parameters of `measure_references`."""

    expression: pd.DataFrame
    rows: pd.DataFrame
    minimum: float | None
    controls: set[str]
    value_scale: str


def cohort_inputs(expression, samples: list[dict], settings: dict) -> Inputs:
    """Take what scoring needs from a cohort's `anndata.AnnData`.

    Parameters
    ----------
    expression
        Rows sample x compartment (obs ``sample compartment reason``), log2 scale in ``X``, ``uns["scale"]``.
    samples
        One dict per sample with ``sample``, ``stratum`` and whether it is a ``control``.
    settings
        The ``activity`` section of the config.
    """
    sheet = pd.DataFrame(samples).set_index("sample")
    rows = expression.obs[["sample", "compartment", "reason"]].astype(str)
    rows["stratum"] = sheet["stratum"].loc[rows["sample"]].to_numpy()
    # A least log2 CPM has no meaning on a log ratio, nor on a platform's own log scale.
    minimum = None if expression.uns["scale"] in ("log2", "log2_ratio") else settings["min_log2_cpm"]
    return Inputs(
        expression.to_df(),
        rows,
        minimum,
        set(sheet.index[sheet["control"]]),
        str(expression.uns["scale"]),
    )


def reference_rows(rows: pd.DataFrame, settings: dict, controls: set[str]) -> pd.DataFrame:
    """Choose the rows of one compartment that others are compared with; none when there are too few."""
    chosen = rows[rows["sample"].isin(controls)] if settings["reference"] == "controls" else rows
    # A stratum with a single reference row has a mean but says nothing about spread.
    chosen = chosen[chosen.groupby("stratum")["sample"].transform("size") >= 2].sort_index()
    chosen = chosen.sort_values("stratum", kind="stable")
    return chosen if len(chosen) >= settings["min_reference_samples"] else chosen.iloc[:0]


def axis_fingerprints(axes: pd.DataFrame, compartment: str, settings: dict) -> dict[str, str]:
    """Return the fingerprint of every axis that means something in the compartment."""
    weights, _ = axis_weights(axes, compartment, pd.Index(sorted(set(axes["gene"]))))
    clip, minimum = settings["clip"], settings["min_log2_cpm"]
    return {axis: fingerprint(weights, axis, rivals_of(axis, settings["rivals"]), clip, minimum) for axis in weights}


def inflation_factors(
    prepared: Prepared, groups: np.ndarray, taken: set[str], controls: bool, seed: str, settings: dict
) -> pd.Series:
    """Measure the inflation factor of every axis that has enough genes to be scored.

    Parameters
    ----------
    prepared
        Rows of the reference.
    groups
        Stratum of each of them.
    taken
        Genes of any axis, measured or not: none of them enters a control set.
    controls, seed
        As in `inflation.measure_inflation`.
    settings
        The ``activity`` section of the config.
    """
    weights = prepared.weights
    found = (weights != 0).sum()
    panels = {
        axis: (weights[axis].to_numpy(float), prepared.rivals(rivals_of(axis, settings["rivals"])))
        for axis in sorted(weights)
        if found[axis] >= fewest_targets(axis, settings)
    }
    factors = measure_inflation(
        prepared.profiles.to_numpy(float),
        groups,
        panels,
        prepared.rivals(settings["rivals"]),
        prepared.strata,
        np.flatnonzero(~weights.index.isin(taken)),
        controls,
        seed,
    )
    return pd.Series(factors, dtype=float)


def measure_references(
    expression: pd.DataFrame,
    rows: pd.DataFrame,
    axes: pd.DataFrame,
    settings: dict,
    minimum: float | None,
    controls: set[str],
    value_scale: str,
) -> pd.DataFrame:
    """Measure what the rows of every compartment are compared with.

    Parameters
    ----------
    expression
        Rows (sample x compartment) x genes, log2 scale.
    rows
        Columns ``sample compartment stratum reason``, same index as ``expression``; rows with a reason are left out.
    axes
        The prepared axes table: ``axis gene weight compartments``.
    settings
        The ``activity`` section of the config, with the rivals that apply.
    minimum
        Least mean log2 CPM of a gene in the reference; None where that means nothing.
    controls
        Samples of the reference, when ``settings["reference"]`` is ``controls``.
    value_scale
        Scale of the values, such as ``counts``.

    Returns
    -------
    Rows of `reference.REFERENCE_COLUMNS`; a compartment with too few rows has none.
    """
    tables = [pd.DataFrame(columns=REFERENCE_COLUMNS)]
    for compartment, group in rows[rows["reason"] == ""].groupby("compartment", sort=True):
        chosen = reference_rows(group, settings, controls)
        if not len(chosen):
            log.info("%s: too few reference rows", compartment)
            continue
        part = expression.loc[chosen.index]
        reference = fit_reference(part, chosen["stratum"], settings["min_scale"])
        prepared = prepare(part, chosen, reference, set(chosen.index), axes, minimum, settings)
        factors = inflation_factors(
            prepared,
            chosen["stratum"].to_numpy(),
            set(axes["gene"]),
            settings["reference"] == "controls",
            compartment,
            settings,
        )
        log.info("%s: %d reference rows, inflation %s", compartment, len(chosen), factors.round(2).to_dict())
        marks = axis_fingerprints(axes, compartment, settings)
        tables.append(to_table(replace(reference, inflation=factors), compartment, value_scale, marks))
    return pd.concat([table for table in tables if len(table)] or tables, ignore_index=True)


def measure_cohort(expression, axes: pd.DataFrame, samples: list[dict], settings: dict) -> pd.DataFrame:
    """Measure the references of a cohort (`measure_references`) from its `anndata.AnnData` (`cohort_inputs`)."""
    inputs = cohort_inputs(expression, samples, settings)
    return measure_references(
        inputs.expression, inputs.rows, axes, settings, inputs.minimum, inputs.controls, inputs.value_scale
    )
