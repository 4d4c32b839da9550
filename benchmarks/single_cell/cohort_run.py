"""From labelled cells to scores, guards and calls, step by step as the rules of the workflow go."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from scoring.cohorts import RESOURCES, activity_settings, load_axes, thresholds
from single_cell.samples import Study, markers
from stat3act.activity.assemble import assemble_scores
from stat3act.activity.guards import guard_scores
from stat3act.activity.measure import measure_cohort
from stat3act.activity.score import score_cohort
from stat3act.compartments.ambient import contamination_table
from stat3act.compartments.cells import Labels, candidate_lineages
from stat3act.compartments.guarded import guard_expression
from stat3act.compartments.pseudobulk import gather_pseudobulk, sum_units
from stat3act.profiles.cohort import profile_cohort
from stat3act.profiles.lesions import read_lesions
from stat3act.tables import read_text_table


@dataclass(frozen=True)
class Run:
    """A cohort as a run leaves it.

    Attributes
    ----------
    references
        What the rows are compared with.
    scores
        One row per sample x compartment x axis.
    calls
        One row per sample.
    guards
        What ambient RNA changes (`stat3act.profiles.guards.guard_table`).
    """

    references: pd.DataFrame
    scores: pd.DataFrame
    calls: pd.DataFrame
    guards: pd.DataFrame


def sum_cohort(samples: Mapping, labels: Mapping[str, Labels]) -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """Sum the cells of every sample by unit (`sum_units`)."""
    return {name: sum_units(cells, labels[name].cells, name) for name, cells in samples.items()}


def finish(
    sums: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]],
    study: Study,
    settings: Mapping,
    references: pd.DataFrame | None = None,
) -> Run:
    """Gather, score and call a cohort whose samples are their own patients; removed doublets are not put back.

    Parameters
    ----------
    sums
        From `sum_cohort`.
    study
        Says tumour type and scale.
    settings
        From `compartment_settings`.
    references
        What the rows are compared with, from another run; the cohort itself where none is given.
    """
    matrices = {name: matrix for name, (matrix, _) in sums.items()}
    units = {name: table.assign(n_doublets=0) for name, (_, table) in sums.items()}
    doubled = {name: matrix.iloc[:, :0] for name, matrix in matrices.items()}
    adata, composition = gather_pseudobulk(matrices, units, study.scale, settings["min_cells"])
    candidates = candidate_lineages(settings, study.tumour_type)
    contamination = {
        name: contamination_table(matrices[name], units[name], markers(), candidates, study.scale) for name in matrices
    }
    adata = guard_expression(adata, matrices, units, doubled, contamination)
    axes, given = load_axes(), activity_settings()
    samples = [{"sample": name, "patient": name, "stratum": "", "control": False} for name in sorted(sums)]
    if references is None:
        references = measure_cohort(adata, axes, samples, given)
    scores = assemble_scores([score_cohort(adata, axes, samples, given, references)], composition)
    found = profile_cohort(
        adata,
        scores,
        guard_scores(adata, axes, samples, given, references),
        composition,
        read_text_table(RESOURCES / "networks/ligands.tsv"),
        samples,
        {},
        read_lesions(None, "", ()),
        {
            "profiles": thresholds(),
            "tumour_type": study.tumour_type,
            "type": "single_cell",
            "rivals": given["rivals"],
        },
    )
    return Run(references, scores, found.calls, found.guards)
