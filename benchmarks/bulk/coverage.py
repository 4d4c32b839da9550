"""How often the 90 % interval of a compartment holds the compartment's own score.

On the mixtures of `natural` (depths and platforms together) and of `planted`, by bin of true purity. Where the method
is calibrated on a reference, it is also tried with what it learned on the other one.
"""

from pathlib import Path

import pandas as pd

from bulk import methods, natural, planted
from bulk.cohorts import BINS, purity_bin, score_mixtures
from bulk.data import REFERENCES, reference_of, regulon_axes
from scoring.cohorts import lay_out
from scoring.planted import rate_row
from stat3act.compartments.split import COMPARTMENTS

CHECK, UNKNOWN = "coverage", "coverage_unknown"
GOAL = "0.85-0.95"
# A rate of fewer samples says little.
FEWEST = 20
OTHER_SEEDS = range(2)


def rows_of(table: pd.DataFrame, dataset: str) -> list[dict]:
    """Report coverage and the share of unknown samples by compartment and bin of purity.

    Parameters
    ----------
    table
        Rows of `score_mixtures`.
    dataset
        Name in the table.
    """
    rows = []
    # Where the reference was not tested for the cohort, no interval claims anything.
    table = table[table["cohort_calibrated"]]
    inside = (table["ci_low"] <= table["truth"]) & (table["truth"] <= table["ci_high"])
    table = table.assign(inside=inside.where(table["activity"].notna()), bin=purity_bin(table["purity"]))
    for compartment in COMPARTMENTS:
        for name in BINS:
            part = table[(table["compartment"] == compartment) & (table["bin"] == name)]
            names = {"dataset": dataset, "group": f"{compartment}: purity {name}", "method": "activity"}
            if part["inside"].notna().sum() >= FEWEST:
                rows.append(rate_row(part["inside"], GOAL, check=CHECK, **names))
            if len(part):
                rows.append(rate_row(part["activity"].isna(), "", check=UNKNOWN, **names))
    return rows


def lent_calibration(data: Path) -> list[dict]:
    """Try each reference with what the method learned on the other."""
    axes, rows = regulon_axes(data), []
    lent = {
        name: methods.calibrate(reference_of(data, other), axes, 0)
        for name, other in zip(REFERENCES, REFERENCES[::-1], strict=True)
    }
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in REFERENCES}
    for platform in natural.PLATFORMS:
        for dataset, seed, mixtures, known in natural.cohorts(data, natural.DEPTHS[0], platform):
            if dataset in REFERENCES and seed in OTHER_SEEDS:
                found = score_mixtures(mixtures, known, axes, attribute=False, calibration=lent[dataset])
                parts[dataset].append(found.assign(cohort_calibrated=True))
    for name, other in zip(REFERENCES, REFERENCES[::-1], strict=True):
        rows += rows_of(pd.concat(parts[name], ignore_index=True), f"{name}, calibrated on {other}")
    return rows


def check(data: Path) -> pd.DataFrame:
    """Count how often intervals hold the truth.

    Parameters
    ----------
    data
        Folder of the public data.

    Returns
    -------
    Rows of `COLUMNS`: ``coverage`` of the samples that are known, and ``coverage_unknown``, with Wilson's intervals.
    """
    rows = []
    for name, table in (("natural", natural.study(data)), ("planted", planted.study(data))):
        for dataset, part in table.groupby("dataset", sort=False):
            rows += rows_of(part, f"{dataset}, {name}")
    return lay_out([*rows, *lent_calibration(data)])
