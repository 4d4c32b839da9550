"""From a bulk cohort, or the true profiles of its compartments, to scores and calls, as the workflow's rules go."""

import anndata as ad
import numpy as np
import pandas as pd

from bulk import methods
from bulk.cohorts import SEED
from scoring.cohorts import RESOURCES, activity_settings, load_axes, thresholds
from stat3act.activity.assemble import assemble_scores
from stat3act.activity.measure import measure_cohort
from stat3act.activity.score import score_cohort
from stat3act.compartments.bulk import composition_table, unsplit
from stat3act.compartments.mixture import fraction_table
from stat3act.compartments.pseudobulk import log2_cpm
from stat3act.compartments.reference import Reference
from stat3act.compartments.split import COMPARTMENTS
from stat3act.profiles.cohort import profile_cohort
from stat3act.profiles.lesions import read_lesions
from stat3act.profiles.states import RULE_AXES
from stat3act.tables import read_text_table


def rule_axes() -> pd.DataFrame:
    """Return the axes that the evidence rule reads, and the rivals of these."""
    axes, wanted = load_axes(), {*RULE_AXES, *activity_settings()["rivals"]}
    return axes[axes["axis"].isin(wanted)].reset_index(drop=True)


def as_cohort(linear: pd.DataFrame) -> ad.AnnData:
    """Lay a bulk cohort out as ``expression/bulk.h5ad``."""
    values = linear.to_numpy(float)
    cohort = ad.AnnData(log2_cpm(values).astype(np.float32), obs=pd.DataFrame(index=linear.index))
    cohort.var_names = linear.columns
    cohort.layers["linear"] = values.astype(np.float32)
    cohort.uns["scale"] = "counts"
    return cohort


def sheet(samples: pd.Index) -> list[dict]:
    """Write the sample sheet of a cohort whose samples are their own patients."""
    return [{"sample": name, "patient": name, "stratum": "", "control": False} for name in samples]


def call(
    rows: ad.AnnData, composition: pd.DataFrame, split: list[pd.DataFrame], tumour_type: str, kind: str
) -> pd.DataFrame:
    """Score the rows, join scores that exist, and call every sample with the defaults of the config.

    Parameters
    ----------
    rows
        As ``compartments/expression.h5ad``.
    composition
        As ``compartments/composition.tsv``.
    split
        Scores of compartments that were estimated from bulk.
    tumour_type, kind
        ``tumour_type`` and ``expression.type`` of the config.

    Returns
    -------
    ``profiles/calls.tsv``, indexed by sample.
    """
    axes, settings = rule_axes(), activity_settings()
    samples = sheet(pd.Index(rows.obs["sample"].unique()))
    references = measure_cohort(rows, axes, samples, settings)
    scores = assemble_scores([score_cohort(rows, axes, samples, settings, references), *split], composition)
    given = {"profiles": thresholds(), "tumour_type": tumour_type, "type": kind, "rivals": settings["rivals"]}
    ligands = read_text_table(RESOURCES / "networks/ligands.tsv")
    no_lesions = read_lesions(None, "", ())
    found = profile_cohort(rows, scores, None, composition, ligands, samples, {}, no_lesions, given)
    return found.calls.set_index("sample")


def call_bulk(linear: pd.DataFrame, reference: Reference, tumour_type: str) -> pd.DataFrame:
    """Split a bulk cohort with the self-check of its reference, and call every sample."""
    axes, settings = rule_axes(), activity_settings()
    calibration = methods.calibrate(reference, axes, SEED, settings)
    run = methods.split(linear, reference, axes, settings, SEED, calibration)
    rows, whole = unsplit(as_cohort(linear))
    parts = composition_table(fraction_table(run.fractions, reference), *methods.LIMITS)
    # A run lists the bulk row among the compartments once.
    composition = pd.concat([whole, parts[parts["compartment"] != "bulk"]], ignore_index=True)
    return call(rows, composition, [run.scores], tumour_type, "bulk")


def call_profiles(tumour: pd.DataFrame, rest: pd.DataFrame, depth: float, tumour_type: str) -> pd.DataFrame:
    """Call every sample from the true profiles of its compartments, as if each had been measured by itself."""
    values = pd.concat([tumour, rest]) * depth
    names = [f"{sample}|{side}" for side in COMPARTMENTS for sample in tumour.index]
    obs = pd.DataFrame(
        {
            "sample": [*tumour.index, *rest.index],
            "compartment": np.repeat(COMPARTMENTS, len(tumour)),
            "n_cells": np.nan,
            "reason": "",
        },
        index=names,
    )
    rows = as_cohort(values.set_axis(names))
    rows.obs = obs
    composition = obs.assign(fraction=0.5)[["sample", "compartment", "n_cells", "fraction", "reason"]]
    return call(rows, composition.reset_index(drop=True), [], tumour_type, "single_cell")
