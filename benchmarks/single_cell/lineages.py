"""Is the lineage of a cell right, without labels? An ``unknown`` counts as wrong.

Nine microenvironment types of head and neck cancer, blood with and without interferon, marrow of donors and of
patients with leukaemia, and a glioma. Cells of the authors' types are expected in the lineage that stands in `samples`
or, for leukaemia, in the config of that cohort; malignant blasts in the lineage that they resemble.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from scoring.cohorts import lay_out
from scoring.planted import rate_row
from single_cell.baselines import baseline_lineages
from single_cell.samples import (
    AML,
    BLOOD,
    GLIOMA,
    GLIOMA_WHOLE,
    HEAD_NECK,
    KANG,
    PURAM,
    Study,
    aml_lineages,
    cells_of,
    label_study,
    truth_of,
)
from stat3act.compartments.clusters import log_normalise

CHECK = "lineage"
GOAL = ">= 0.95"
DONORS, PATIENTS = "AML, donors", "AML, patients"


def expected_lineages() -> dict[str, tuple[Study, Mapping[str, str], str]]:
    """Return by data set the study, the lineage of every cell type, and the goal."""
    marrow = {label: lineage for lineage, labels in aml_lineages().items() for label in labels}
    tumour = {f"malignant_{name}": "glial" for name in ("93", "97", "MGH36", "MGH53")}
    return {
        HEAD_NECK.name: (HEAD_NECK, PURAM, GOAL),
        BLOOD.name: (BLOOD, KANG, GOAL),
        GLIOMA_WHOLE.name: (GLIOMA_WHOLE, GLIOMA | tumour, ""),
        AML.name: (AML, marrow, ""),
    }


def confusion_rows(types: np.ndarray, found: np.ndarray, dataset: str) -> Iterator[dict]:
    """Report for each cell type which lineages its cells got."""
    for (kind, lineage), number in pd.DataFrame({"kind": types, "found": found}).value_counts(sort=False).items():
        yield {
            "check": "confusion",
            "dataset": dataset,
            "group": f"{kind} -> {lineage}",
            "method": "activity",
            "value": number / (types == kind).sum(),
            "n": number,
        }


def accuracy_rows(found: pd.DataFrame, wanted: np.ndarray, dataset: str, goal: str) -> list[dict]:
    """Report for each method the share of cells with the right lineage, and ours among those that have one."""
    names = {"check": CHECK, "dataset": dataset}
    rows = [
        rate_row(
            pd.Series(found[method].to_numpy() == wanted),
            goal if method == "activity" else "",
            group="right",
            method=method,
            **names,
        )
        for method in found
    ]
    known = (found["activity"] != "unknown").to_numpy()
    right = pd.Series((found["activity"].to_numpy() == wanted)[known])
    unknown = rate_row(pd.Series(~known), "", group="unknown", method="activity", **names)
    return [*rows, rate_row(right, "", group="right, where known", method="activity", **names), unknown]


def check(data: Path) -> pd.DataFrame:
    """Measure the lineages of the cells of four data sets.

    Parameters
    ----------
    data
        Folder of the public data.

    Returns
    -------
    Rows of `COLUMNS`: ``lineage`` and ``confusion``.
    """
    rows = []
    for dataset, (study, lineage_of, goal) in expected_lineages().items():
        samples, labels = label_study(data, study)
        cells = cells_of(labels)
        found = pd.concat(
            [
                baseline_lineages(
                    log_normalise(sample, study.scale), cells.loc[cells["sample"] == name, "cluster"].to_numpy()
                )
                for name, sample in samples.items()
            ],
            ignore_index=True,
        )
        found.insert(0, "activity", cells["lineage"])
        types = truth_of(samples, "cell_type")
        wanted = pd.Series(types).map(lineage_of).to_numpy()
        parts = {dataset: np.ones(len(cells), dtype=bool)}
        if study is AML:
            donor = cells["sample"].str.startswith("BM").to_numpy()
            parts = {DONORS: donor, PATIENTS: ~donor}
        for name, part in parts.items():
            rows += accuracy_rows(found[part], wanted[part], name, goal)
            rows += confusion_rows(types[part], found.loc[part, "activity"].to_numpy(), name)
    return lay_out(rows)
