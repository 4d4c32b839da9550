"""Who is malignant in oligodendroglioma, without labels? One sample of all patients, and patient by patient.

Truth are the labels of the authors, who knew the patients' copy number: 142 malignant cells, 19 microglia or
macrophages, 23 oligodendrocytes. Malignant cells that stay ``uncertain`` count as missed. One of five patients
has 11 cells; a run refuses fewer than 20, which is switched off here so that every cell with a truth is judged.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from scoring.calibration import with_goal
from scoring.cohorts import lay_out
from scoring.planted import rate_row
from single_cell import baselines
from single_cell.samples import (
    GLIOMA_PATIENTS,
    GLIOMA_WHOLE,
    Study,
    cells_of,
    compartment_settings,
    label_cohort,
    read_samples,
    truth_of,
)
from stat3act.compartments.clusters import log_normalise
from stat3act.compartments.malignant import GATES, MALIGNANT, NON_MALIGNANT, UNCERTAIN

CHECK = "malignant"
MICROGLIA = "Microglia/Macrophage"
LOST = {"1p", "19q"}
WHOLE, PATIENTS, OWN = "one sample", "by patient", "by patient, own reference"
# Arms on the page: as many of the most lost as show that the two stand apart.
ARMS = 41


def call_rows(called: np.ndarray, malignant: np.ndarray, goal: str, **names: str) -> list[dict]:
    """Report F1, precision and recall of calls; undefined where nothing is called or nothing is malignant.

    Parameters
    ----------
    called, malignant
        Boolean, one value per cell.
    goal
        Goal of F1, or nothing.
    **names
        ``check dataset method``.
    """
    both = (called & malignant).sum()
    f1 = {"group": "F1", "value": 2 * both / (called.sum() + malignant.sum()), "n": len(called)}
    precision = rate_row(pd.Series(malignant[called]), "", group="precision", **names) if called.any() else None
    recall = rate_row(pd.Series(called[malignant]), "", group="recall", **names) if malignant.any() else None
    return [with_goal(names | f1, goal), *(row for row in (precision, recall) if row)]


def probability_of(cells: pd.DataFrame) -> np.ndarray:
    """Return the probability of being malignant; 0 for cells whose lineage cannot be, 1/2 where nothing is known."""
    told = cells["malignant_probability"].astype(float)
    return told.fillna(cells["malignant_call"].map({NON_MALIGNANT: 0.0, UNCERTAIN: 0.5, MALIGNANT: 1.0})).to_numpy()


def our_rows(cells: pd.DataFrame, truth: np.ndarray, malignant: np.ndarray, dataset: str, goals: bool) -> list[dict]:
    """Report our calls of a cohort.

    Parameters
    ----------
    cells
        From `samples.cells_of`.
    truth, malignant
        Cell type, and whether it is malignant, of each cell.
    dataset
        Name in the table.
    goals
        Whether the goals hold for this reading.
    """
    names = {"check": CHECK, "dataset": dataset, "method": "activity"}
    call = cells["malignant_call"].to_numpy()
    wrong = pd.Series(call[truth == MICROGLIA] == MALIGNANT)
    auc = {"group": "AUC", "value": roc_auc_score(malignant, probability_of(cells)), "n": len(cells)}
    return [
        *call_rows(call == MALIGNANT, malignant, ">= 0.95" if goals else "", **names),
        rate_row(wrong, "<= 0", group="microglia called malignant", **names),
        rate_row(pd.Series(call[~malignant] == MALIGNANT), "", group="normal called malignant", **names),
        rate_row(pd.Series(call[malignant] == NON_MALIGNANT), "", group="malignant called normal", **names),
        rate_row(pd.Series(call == UNCERTAIN), "", group="uncertain", **names),
        names | auc,
    ]


def baseline_rows(cells, found: pd.DataFrame, malignant: np.ndarray, truth: np.ndarray, dataset: str) -> list[dict]:
    """Report the baselines on the cells of one sample.

    Parameters
    ----------
    cells
        The sample, linear values.
    found
        Our table of its cells: its lineages say what the reference is.
    malignant, truth, dataset
        As in `our_rows`.
    """
    logged, lineage = log_normalise(cells, GLIOMA_WHOLE.scale), found["lineage"].to_numpy()
    normal = sorted(set(lineage) - set(GATES[GLIOMA_WHOLE.tumour_type]))
    scores = baselines.malignant_scores(logged, lineage, normal)
    scores[baselines.NO_REFERENCE] = baselines.malignant_scores(logged, lineage, None)[baselines.MEAN_ABS]
    calls = {name: baselines.best_calls(scores[name].to_numpy(), malignant) for name in scores}
    calls[baselines.MIXTURE] = baselines.mixture_calls(scores[baselines.MEAN_ABS].to_numpy())
    rows = []
    for method, called in calls.items():
        names = {"check": CHECK, "dataset": dataset, "method": method}
        rows += call_rows(called, malignant, "", **names)
        rows += [
            rate_row(pd.Series(called[truth == MICROGLIA]), "", group="microglia called malignant", **names),
            rate_row(pd.Series(called[~malignant]), "", group="normal called malignant", **names),
        ]
        if method in scores:
            auc = roc_auc_score(malignant, scores[method])
            rows.append(names | {"group": "AUC", "value": auc, "n": len(malignant)})
    return rows


def arm_rows(arms: pd.DataFrame, dataset: str, goal: str) -> list[dict]:
    """Report the log2 ratio of every arm, and whether 1p and 19q are the two that are most lost."""
    names = {"dataset": dataset, "method": "activity"}
    top = set(arms["arm"].head(2)) == LOST
    row = names | {"check": "arms", "group": "1p and 19q most lost", "value": float(top), "n": len(arms)}
    ratios = [
        names | {"check": "arm_ratio", "group": arm.arm, "value": arm.log2_ratio, "n": arm.n_genes}
        for arm in arms.head(ARMS).itertuples()
    ]
    return [with_goal(row, goal), *ratios]


def cohort_rows(data: Path, study: Study, settings: Mapping, setting: str) -> list[dict]:
    """Label the patients of a study and report calls and arms.

    Parameters
    ----------
    data
        Folder of the public data.
    study
        One sample or one per patient.
    settings
        From `compartment_settings`.
    setting
        Name of the reading.
    """
    samples = read_samples(data, study)
    labels = label_cohort(samples, study, settings)
    truth, malignant = truth_of(samples, "cell_type"), truth_of(samples, "malignant_label") == "malignant"
    cells, dataset = cells_of(labels), f"{study.name}, {setting}"
    rows = our_rows(cells, truth, malignant, dataset, setting != OWN)
    if setting == WHOLE:
        rows += baseline_rows(samples[study.name], cells, malignant, truth, dataset)
        rows += arm_rows(labels[study.name].arms, dataset, ">= 1")
    for name, found in labels.items() if setting != WHOLE else ():
        own = (cells["sample"] == name).to_numpy()
        names = {"check": "malignant_patient", "dataset": f"{dataset}, {name}", "method": "activity"}
        call = cells.loc[own, "malignant_call"].to_numpy()
        if malignant[own].any():
            rows += call_rows(call == MALIGNANT, malignant[own], "", **names)
        rows.append(rate_row(pd.Series(call == UNCERTAIN), "", group="uncertain", **names))
        if len(found.arms) and setting == PATIENTS:
            rows += arm_rows(found.arms, f"{dataset}, {name}", "")
    return rows


def check(data: Path) -> pd.DataFrame:
    """Measure the malignant calls in oligodendroglioma.

    Parameters
    ----------
    data
        Folder of the public data.

    Returns
    -------
    Rows of `COLUMNS`: ``malignant``, ``malignant_patient``, ``arms`` and ``arm_ratio``.
    """
    default, alone = compartment_settings(), compartment_settings(malignant={"reference": "sample"})
    return lay_out(
        [
            *cohort_rows(data, GLIOMA_WHOLE, default, WHOLE),
            *cohort_rows(data, GLIOMA_PATIENTS, default, PATIENTS),
            *cohort_rows(data, GLIOMA_PATIENTS, alone, OWN),
        ]
    )
