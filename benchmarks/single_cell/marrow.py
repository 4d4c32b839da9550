"""Does the caller keep quiet when it cannot know? Leukaemia, where copy number rarely speaks.

Marrow of 15 patients at diagnosis and of 3 donors (van Galen 2019, doi 10.1016/j.cell.2019.01.031). Truth are the
authors' labels (a classifier trained on mutant reads and on healthy marrow), without the cells that they left open.

``nothing said``
    The config says `haematological` and no more.
``candidates given``
    It also says which lineages may be malignant: acute myeloid leukaemia.
``labels given``
    It names the authors' columns; the compartments must then be exactly as labelled.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from scoring.calibration import with_goal
from scoring.cohorts import lay_out
from scoring.planted import rate_row
from single_cell import baselines
from single_cell.samples import (
    AML,
    AML_CANDIDATES,
    aml_lineages,
    cells_of,
    compartment_settings,
    label_cohort,
    label_study,
    truth_of,
)
from stat3act.compartments.clusters import log_normalise
from stat3act.compartments.malignant import MALIGNANT, NON_MALIGNANT, UNCERTAIN
from stat3act.compartments.pseudobulk import gather_pseudobulk, sum_units

CHECK = "marrow"
DONORS = "BM"
GIVEN = "activity, candidates given"
COMPARTMENT = {"malignant": "tumour", "non-malignant": "microenvironment"}
GOALS = {"donors: called malignant": "<= 0.02", "patients: normal called malignant": "<= 0.05"}
# Fewer normal cells than this make no reference for infercnvpy; it is then given none.
LEAST_REFERENCE = 5


def call_rows(call: np.ndarray, cells: pd.DataFrame, method: str, goals: Mapping[str, str]) -> list[dict]:
    """Report calls in donors and in patients.

    Parameters
    ----------
    call
        Call of every cell.
    cells
        Columns ``sample truth lymphoid`` of the same cells: authors' label, and whether their cell type is lymphoid.
    method
        Name in the table.
    goals
        Goal by group.
    """
    donor = cells["sample"].str.startswith(DONORS).to_numpy()
    truth = cells["truth"].to_numpy()
    normal, malignant = ~donor & (truth == NON_MALIGNANT), ~donor & (truth == MALIGNANT)
    parts = {
        "donors: called malignant": (donor, MALIGNANT),
        "donors: uncertain": (donor, UNCERTAIN),
        "patients: normal called malignant": (normal, MALIGNANT),
        "patients: normal called normal": (normal, NON_MALIGNANT),
        "patients: malignant called malignant": (malignant, MALIGNANT),
        "patients: malignant called normal": (malignant, NON_MALIGNANT),
        "patients: uncertain": (~donor, UNCERTAIN),
        "patients: normal lymphocytes called normal": (normal & cells["lymphoid"].to_numpy(), NON_MALIGNANT),
    }
    names = {"check": CHECK, "dataset": "AML", "method": method}
    return [
        rate_row(pd.Series(call[rows] == wanted), goals.get(group, ""), group=group, **names)
        for group, (rows, wanted) in parts.items()
    ]


def patient_rows(call: np.ndarray, cells: pd.DataFrame, method: str) -> list[dict]:
    """Report by sample how many cells are uncertain and how many are called malignant."""
    rows = []
    for name, places in cells.groupby("sample").indices.items():
        names = {"check": "marrow_sample", "dataset": "AML", "method": method}
        truth = cells["truth"].to_numpy()[places]
        parts = {
            "uncertain": call[places] == UNCERTAIN,
            "called malignant": call[places] == MALIGNANT,
            "normal called malignant": call[places][truth == NON_MALIGNANT] == MALIGNANT,
        }
        rows += [rate_row(pd.Series(part), "", group=f"{name}: {group}", **names) for group, part in parts.items()]
    return rows


def wrong_rows(call: np.ndarray, cells: pd.DataFrame, method: str) -> list[dict]:
    """Report for each cell type how many cells that are labelled normal, in patients, are called malignant."""
    rows = ~cells["sample"].str.startswith(DONORS).to_numpy() & (cells["truth"] == NON_MALIGNANT).to_numpy()
    names = {"check": "marrow_wrong", "dataset": "AML", "method": method}
    wrong = pd.Series(call[rows] == MALIGNANT).groupby(cells.loc[rows, "cell_type"].to_numpy())
    return [rate_row(part, "", group=kind, **names) for kind, part in wrong if part.any()]


def forced_calls(samples: Mapping, cells: pd.DataFrame) -> dict[str, np.ndarray]:
    """Call every sample by mixtures on infercnvpy's scores, with the lymphocytes that we find as its reference."""
    calls = {baselines.MIXTURE: [], baselines.SCORE_MIXTURE: []}
    for name, sample in samples.items():
        lineage = cells.loc[cells["sample"] == name, "lineage"].to_numpy()
        known = ["lymphoid"] if (lineage == "lymphoid").sum() >= LEAST_REFERENCE else None
        scores = baselines.malignant_scores(log_normalise(sample, AML.scale), lineage, known)
        for method, column in ((baselines.MIXTURE, baselines.MEAN_ABS), (baselines.SCORE_MIXTURE, baselines.CNV_SCORE)):
            called = baselines.mixture_calls(scores[column].to_numpy())
            calls[method].append(np.where(called, MALIGNANT, NON_MALIGNANT))
    return {method: np.concatenate(parts) for method, parts in calls.items()}


def labelled_rows(samples: Mapping) -> list[dict]:
    """Label the samples with the authors' labels, and count in how many each compartment has the labelled cells."""
    settings = compartment_settings(
        cell_type_key=AML.truth, malignant_key=AML.malignant, lineages=aml_lineages(), compare_labels=False
    )
    labels = label_cohort(samples, AML, settings)
    sums = {name: sum_units(cells, labels[name].cells, name) for name, cells in samples.items()}
    _, composition = gather_pseudobulk(
        {name: part[0] for name, part in sums.items()},
        {name: part[1] for name, part in sums.items()},
        AML.scale,
        settings["min_cells"],
    )
    number = composition.set_index(["sample", "compartment"])["n_cells"]
    right = []
    for name, cells in samples.items():
        found = labels[name].cells["compartment"].to_numpy()
        wanted = cells.obs["malignant_label"].astype(str).map(COMPARTMENT).fillna("uncertain").to_numpy()
        counted = all(number[name, part] == (wanted == part).sum() for part in COMPARTMENT.values())
        right.append(counted and (found == wanted).all())
    names = {"check": CHECK, "dataset": "AML", "group": "samples as labelled", "method": "activity, labels given"}
    return [with_goal(names | {"value": float(np.mean(right)), "n": len(right)}, ">= 1")]


def check(data: Path) -> pd.DataFrame:
    """Measure the malignant calls in leukaemia.

    Parameters
    ----------
    data
        Folder of the public data.

    Returns
    -------
    Rows of `COLUMNS`: ``marrow``, ``marrow_sample`` and ``marrow_wrong``.
    """
    samples, labels = label_study(data, AML)
    kind = truth_of(samples, "cell_type")
    known = {"cell_type": kind, "lymphoid": np.isin(kind, aml_lineages()["lymphoid"])}
    named = compartment_settings(malignant={"candidates": list(AML_CANDIDATES)})
    rows = []
    for method, given in {"activity": labels, GIVEN: label_cohort(samples, AML, named)}.items():
        found = cells_of(given)
        cells = found.assign(truth=truth_of(samples, "malignant_label"), **known)
        call = found["malignant_call"].to_numpy()
        rows += call_rows(call, cells, method, GOALS)
        rows += [*patient_rows(call, cells, method), *wrong_rows(call, cells, method)]
    for method, call in forced_calls(samples, cells).items():
        rows += call_rows(call, cells, method, {})
    return lay_out([*rows, *labelled_rows(samples)])
