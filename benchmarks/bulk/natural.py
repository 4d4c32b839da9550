"""How well a compartment's score follows the compartment's own profile, where nothing was planted.

Every mixture holds the tumour of one patient that is left out of the reference, as it is: no gene noise, no factors,
no planted activity. Its microenvironment is another mixture of the reference's states each time (melanoma, breast
cancer), or the patient's own (leukaemia: the sums of the malignant and of the other cells of a patient, the reference
made of the other half of the patients). So tumours repeat within a cohort, at other purities: there are as many
different truths of the tumour as there are patients left out.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from bulk import methods
from bulk.cohorts import BINS, EDGES, purity_bin, score_mixtures
from bulk.data import (
    REFERENCES,
    aml_profiles,
    aml_reference,
    aml_sums,
    core_axes,
    panel_of,
    reference_of,
    regulon_axes,
    scored_axis,
)
from bulk.rows import mean_row, with_goal
from scoring.cohorts import lay_out
from stat3act.compartments.reference import Reference
from stat3act.compartments.split import COMPARTMENTS
from stat3act.validation.mixtures import Mixtures, hold_out, mix, pour

CHECK, BIN = "natural", "natural_bin"
SEEDS = range(4)
AML_SEEDS = range(2)
SAMPLES = 100
AML_COPIES = 14
DEPTHS = (2e7, 2e6)
PLATFORMS = (0.0, 0.5)
METHODS = ("activity", "bulk", "bulk_purity")
CORE = "activity, core panel"
GOALS = {"tumour": ">= 0.90", "microenvironment": ">= 0.85"}
PURITY_GOALS = dict(zip(PLATFORMS, ("<= 0.04", "<= 0.06"), strict=True))
FEWEST = 10
# Bins in which the split must not be worse than the bulk as it is.
ABOVE = BINS[2:]


def name_of(dataset: str, depth: float, platform: float) -> str:
    """Name a data set with its depth and platform."""
    return f"{dataset}, {depth / 1e6:.0f} million reads" + (", other platform" if platform else "")


def half_patients(patients: list[str], seed: int) -> tuple[list[str], list[str]]:
    """Split patients into two halves at random, each sorted."""
    order = np.random.default_rng(seed).permutation(sorted(patients))
    half = len(order) // 2
    return sorted(order[:half]), sorted(order[half:])


def aml_mixtures(data: Path, patients: list[str], depth: float, platform: float, seed: int) -> Mixtures:
    """Mix the compartments of each patient at purities spread over the whole range, in random order."""
    tumour, rest = (part.loc[np.repeat(patients, AML_COPIES)] for part in aml_profiles(data, patients))
    names = [f"{patient} {copy}" for patient in patients for copy in range(AML_COPIES)]
    purity = np.random.default_rng(seed).permutation(np.linspace(EDGES[0], EDGES[-1], len(names)))
    return pour(tumour.set_axis(names), rest.set_axis(names), purity, depth, platform, seed)


def cohorts(data: Path, depth: float, platform: float) -> Iterator[tuple[str, int, Mixtures, Reference]]:
    """Make the cohorts of one depth and platform: data set, seed, mixtures and the reference without their tumours."""
    axes = regulon_axes(data)
    panel = panel_of(axes, scored_axis(axes))
    for dataset in REFERENCES:
        for seed in SEEDS:
            source, known = hold_out(reference_of(data, dataset), seed)
            settings = {"strength": 0.0, "noise": 0.0, "factors": 0, "one_patient": True}
            yield dataset, seed, mix(source, panel, SAMPLES, seed, depth=depth, platform=platform, **settings), known
    for seed in AML_SEEDS:
        halves = half_patients(list(aml_sums(data)[0]), seed)
        for number, (out, kept) in enumerate((halves, halves[::-1])):
            mixtures = aml_mixtures(data, out, depth, platform, 2 * seed + number)
            yield "AML", 2 * seed + number, mixtures, aml_reference(data, kept)


@cache
def study(data: Path) -> pd.DataFrame:
    """Make and score all cohorts.

    Parameters
    ----------
    data
        Folder of the public data.

    Returns
    -------
    Rows of `score_mixtures` with ``dataset condition cohort platform``, and the core panel's activity in cohorts of the
    first depth and platform (``core``, ``core_oracle``).
    """
    axes, parts = regulon_axes(data), []
    # One for each reference without the tumours of the mixtures, whatever depth and platform.
    calibrations: dict[tuple[str, int], methods.Calibration] = {}
    for depth in DEPTHS:
        for platform in PLATFORMS:
            for dataset, seed, mixtures, known in cohorts(data, depth, platform):
                calibrated = dataset in REFERENCES and seed in methods.CALIBRATED_SEEDS
                if calibrated and (dataset, seed) not in calibrations:
                    calibrations[dataset, seed] = methods.calibrate(known, axes, 0)
                calibration = calibrations[dataset, seed] if calibrated else None
                found = score_mixtures(mixtures, known, axes, attribute=False, calibration=calibration)
                if (depth, platform) == (DEPTHS[0], PLATFORMS[0]):
                    core = score_mixtures(mixtures, known, core_axes(), attribute=False)
                    found = found.assign(core=core["activity"], core_oracle=core["oracle"])
                names = {"dataset": dataset, "condition": name_of(dataset, depth, platform), "platform": platform}
                names["cohort_calibrated"] = calibrated
                parts.append(found.assign(**names, cohort=f"{dataset} {seed}"))
    return pd.concat(parts, ignore_index=True)


def spearman(table: pd.DataFrame, method: str, truth: str = "oracle") -> pd.Series:
    """Correlate a method with the truth in every cohort; NaN with fewer than ten samples or nothing to rank."""
    return pd.Series(
        {
            cohort: part[method].corr(part[truth], method="spearman") if len(part) >= FEWEST else np.nan
            for cohort, part in table.dropna(subset=[method, truth]).groupby("cohort", sort=False)
        },
        dtype=float,
    )


def pooled(table: pd.DataFrame, method: str) -> float:
    """Correlate over all cohorts together, each cohort's scores being on the scale of standard deviations."""
    return float(table[method].corr(table["oracle"], method="spearman")) if len(table) >= FEWEST else np.nan


def condition_rows(table: pd.DataFrame, condition: str) -> list[dict]:
    """Report one data set at one depth and platform."""
    rows, names = [], {"check": CHECK, "dataset": condition}
    for compartment in COMPARTMENTS:
        found = table[table["compartment"] == compartment]
        known = found[found["activity"].notna()]
        group = f"{compartment}: Spearman with its own score"
        for method in METHODS:
            goal = GOALS[compartment] if method == "activity" else ""
            rows.append(mean_row(spearman(known, method), goal, group=group, method=method, **names))
        if found["core"].notna().any():
            rows.append(mean_row(spearman(found, "core", "core_oracle"), group=group, method=CORE, **names))
        share = float(found["activity"].isna().mean())
        unknown = {"group": f"{compartment}: unknown", "method": "activity", "value": share, "n": len(found)}
        rows.append(names | unknown)
        rows += bin_rows(found, condition, compartment)
    tumours = table[table["compartment"] == COMPARTMENTS[0]]
    other = table[table["compartment"] == COMPARTMENTS[1]]
    both = tumours.assign(other=other["oracle"].to_numpy())
    rows.append(mean_row(spearman(both, "other"), group="Spearman of the two truths", method="data", **names))
    error = (tumours["purity_found"] - tumours["purity"]).abs().groupby(tumours["cohort"], sort=False).mean()
    goal = PURITY_GOALS[tumours["platform"].iloc[0]]
    return [*rows, mean_row(error, goal, group="mean absolute error of purity", method="activity", **names)]


def bin_rows(table: pd.DataFrame, condition: str, compartment: str) -> list[dict]:
    """Report one compartment by bin of true purity, all cohorts together, and the least advantage over the bulk."""
    rows, gains = [], []
    known = table[table["activity"].notna()]
    for name in BINS:
        inside = known[purity_bin(known["purity"]) == name]
        found = {method: pooled(inside, method) for method in METHODS}
        names = {"check": BIN, "dataset": condition, "group": f"{compartment}: purity {name}", "n": len(inside)}
        rows += [names | {"method": method, "value": value} for method, value in found.items()]
        if name in ABOVE:
            gains.append(found["activity"] - found["bulk"])
    worst = {"group": f"{compartment}: least advantage over bulk above 40 % purity", "method": "activity"}
    least = float(np.nanmin(gains)) if np.isfinite(gains).any() else np.nan
    return [*rows, with_goal({"check": CHECK, "dataset": condition, "value": least, "n": len(known)} | worst, ">= 0")]


def check(data: Path) -> pd.DataFrame:
    """Measure agreement with the compartments' own scores, and the error of purity.

    Parameters
    ----------
    data
        Folder of the public data.

    Returns
    -------
    Rows of `COLUMNS`: ``natural`` (mean and 5-95 % range over cohorts, samples that our method knows) and
    ``natural_bin`` (all cohorts together).
    """
    table = study(data)
    return lay_out(
        [row for condition, part in table.groupby("condition", sort=False) for row in condition_rows(part, condition)]
    )
