"""The profiles stage as a whole: from the scores and expression of a cohort to its tables."""

from collections.abc import Mapping
from dataclasses import dataclass

import anndata as ad
import pandas as pd

from stat3act.compartments.guarded import AMBIENT_LAYER
from stat3act.compartments.reference_check import flags_by_compartment
from stat3act.profiles.drivers import LINEAR_SCALES, genes_of
from stat3act.profiles.guards import GUARD_COLUMNS, guard_table
from stat3act.profiles.levels import gene_levels, measured_rows
from stat3act.profiles.tables import build_profiles, profiles_matrix


@dataclass(frozen=True)
class Profiles:
    """The tables of the profiles stage, named as their files are."""

    profiles: pd.DataFrame
    calls: pd.DataFrame
    drivers: pd.DataFrame
    lesions: pd.DataFrame
    guards: pd.DataFrame
    matrix: ad.AnnData


def profile_cohort(
    cells: ad.AnnData,
    scores: pd.DataFrame,
    otherwise: pd.DataFrame | None,
    composition: pd.DataFrame,
    ligands: pd.DataFrame,
    samples: list[dict],
    phospho: Mapping[str, Mapping[str, str]],
    lesions: pd.DataFrame,
    settings: Mapping,
    reference_check: pd.DataFrame | None = None,
) -> Profiles:
    """Turn the scores of a cohort into one activation profile and one call per sample.

    Parameters
    ----------
    cells
        ``compartments/expression.h5ad``; may be backed by its file.
    scores, otherwise
        ``activity/scores.tsv`` and ``activity/guards.tsv``, which bulk cohorts do not have.
    composition, ligands, samples, phospho, lesions
        As in `tables.build_profiles`.
    settings
        ``profiles``, ``tumour_type``, ``type`` and ``rivals`` of the config.
    reference_check
        ``compartments/reference_check.tsv`` of a bulk cohort with a reference.

    Raises
    ------
    InputProblems
        When the thresholds contradict each other.
    """
    rows, genes = measured_rows(cells), genes_of(ligands)
    levels = gene_levels(cells, rows.index, genes) if cells.uns["scale"] in LINEAR_SCALES else None
    cleaned = None
    if AMBIENT_LAYER in cells.layers:
        known = cells.obs.loc[rows.index, "ambient_reason"].astype(str) == ""
        cleaned = gene_levels(cells, rows.index, genes, AMBIENT_LAYER).loc[known]
    guards = pd.DataFrame(columns=list(GUARD_COLUMNS))
    if otherwise is not None:
        guards = guard_table(scores, otherwise, settings["tumour_type"], settings["profiles"])
    given = (levels, cleaned, rows, composition, ligands, samples, phospho, lesions, guards)
    flags = {} if reference_check is None else flags_by_compartment(reference_check)
    profiles, calls, drivers = build_profiles(scores, *given, **settings, reference_flags=flags)
    return Profiles(profiles, calls, drivers, lesions, guards, profiles_matrix(profiles))
