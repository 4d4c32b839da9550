"""Do groups of patients (subtype, stage, condition) differ in activity? Patients are the replicates, never cells.

Tests by rank, because a few patients say little about a distribution. Samples of one patient in one group are averaged
first; where patients are in both groups, only they are compared, each with themselves.
"""

import math
from collections.abc import Iterable
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from stat3act.logs import log

NUMBERS = [
    "n_a",
    "n_b",
    "median_a",
    "median_b",
    "difference",
    "difference_low",
    "difference_high",
    "effect",
    "test",
    "p_value",
]
KEYS = ["column", "compartment", "axis", "group_a", "group_b"]
COMPARED_COLUMNS = [*KEYS, *NUMBERS, "q_value"]
# With fewer patients in a group no two-sided rank test of two groups of equal size can fall below 0.1.
MIN_PATIENTS = 3
# More groups make more pairs than a cohort has patients.
MOST_GROUPS = 8
UNPAIRED, PAIRED, TOO_FEW = "mann_whitney", "wilcoxon_signed_rank", "too_few_patients"


def patient_means(rows: pd.DataFrame) -> pd.DataFrame:
    """Average the activities of each patient within each group.

    Parameters
    ----------
    rows
        Columns ``patient group activity``; rows without an activity or a group do not count.

    Returns
    -------
    Patients x groups; NaN where a patient is not in a group.
    """
    known = rows[rows["activity"].notna() & rows["group"].ne("")]
    return known.pivot_table(index="patient", columns="group", values="activity", aggfunc="mean")


def interval(values: np.ndarray, place: float) -> tuple[float, float]:
    """Return the ``place``-th smallest and largest value; NaN where there are too few for the level."""
    place = math.floor(place)
    if place < 1:
        return math.nan, math.nan
    ordered = np.sort(values)
    return float(ordered[place - 1]), float(ordered[-place])


def paired(change: pd.Series, z: float) -> tuple[np.ndarray, float, float, float]:
    """Return Walsh averages, the place of the interval's ends among them, effect and p of changes within patients."""
    values = change.to_numpy(float)
    n = len(values)
    first, second = np.triu_indices(n)
    place = n * (n + 1) / 4 - z * math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
    moved = values[values != 0]
    ranks = stats.rankdata(np.abs(moved))
    effect = float((ranks * np.sign(moved)).sum() / ranks.sum()) if len(moved) else 0.0
    p_value = float(stats.wilcoxon(values).pvalue) if len(moved) else 1.0
    return (values[first] + values[second]) / 2, place, effect, p_value


def unpaired(a: pd.Series, b: pd.Series, z: float) -> tuple[np.ndarray, float, float, float]:
    """Return all differences, the place of the interval's ends among them, effect and p of two sets of patients."""
    n, m = len(a), len(b)
    shifts = np.subtract.outer(a.to_numpy(float), b.to_numpy(float)).ravel()
    place = n * m / 2 - z * math.sqrt(n * m * (n + m + 1) / 12)
    found = stats.mannwhitneyu(a.to_numpy(float), b.to_numpy(float), alternative="two-sided")
    return shifts, place, float(2 * found.statistic / (n * m) - 1), float(found.pvalue)


def compare_pair(a: pd.Series, b: pd.Series, level: float) -> dict:
    """Compare the patients of two groups.

    Parameters
    ----------
    a, b
        Activity of each patient (index) of a group.
    level
        Level of the interval.

    Returns
    -------
    `NUMBERS`. Without shared patients: Mann-Whitney test, Hodges-Lehmann shift (median of all differences between a
    patient of ``a`` and one of ``b``) with its distribution-free interval, and as effect the chance that a patient of
    ``a`` is higher than one of ``b`` less the chance of the reverse (Cliff's delta). With shared patients, these only:
    Wilcoxon signed-rank test, median of the Walsh averages of the differences with its interval, matched-pairs
    rank-biserial correlation (Hollander and Wolfe, Nonparametric Statistical Methods, chapters 3 and 4; intervals in
    the large-sample form).
    """
    shared = a.index.intersection(b.index)
    z = stats.norm.ppf((1 + level) / 2)
    a, b = (a.loc[shared], b.loc[shared]) if len(shared) else (a, b)
    n, m = len(a), len(b)
    result = dict.fromkeys(NUMBERS, math.nan) | {"n_a": n, "n_b": m, "test": TOO_FEW}
    if n and m:
        result |= {"median_a": float(a.median()), "median_b": float(b.median())}
    if min(n, m) < MIN_PATIENTS:
        return result
    shifts, place, effect, p_value = paired(a - b, z) if len(shared) else unpaired(a, b, z)
    low, high = interval(shifts, place)
    return result | {
        "difference": float(np.median(shifts)),
        "difference_low": low,
        "difference_high": high,
        "effect": effect,
        "test": PAIRED if len(shared) else UNPAIRED,
        "p_value": p_value,
    }


def compare_groups(rows: pd.DataFrame, column: str, level: float) -> pd.DataFrame:
    """Compare every pair of groups in every compartment and axis.

    Parameters
    ----------
    rows
        Columns ``patient group compartment axis activity``.
    column
        What the groups are, for the column ``column``.
    level
        Level of the intervals.

    Returns
    -------
    `COMPARED_COLUMNS`; q values (Benjamini-Hochberg) over all comparisons of the same axis. Without rows where
    there are fewer than two groups, or more than `MOST_GROUPS`.
    """
    names = sorted(set(rows["group"]) - {""})
    if len(names) > MOST_GROUPS:
        log.warning("column %r has %d groups, more than %d: they are not compared", column, len(names), MOST_GROUPS)
        names = []
    found = []
    for (compartment, axis), part in rows.groupby(["compartment", "axis"], sort=True):
        means = patient_means(part)
        for a, b in combinations(names, 2):
            sides = [means[name].dropna() if name in means else pd.Series(dtype=float) for name in (a, b)]
            keys = dict(zip(KEYS, (column, compartment, axis, a, b), strict=True))
            found.append(keys | compare_pair(*sides, level))
    table = pd.DataFrame(found, columns=COMPARED_COLUMNS)
    for _, part in table[table["p_value"].notna()].groupby("axis"):
        table.loc[part.index, "q_value"] = stats.false_discovery_control(part["p_value"].to_numpy(float))
    return table


def group_table(scores: pd.DataFrame, samples: list[dict], columns: Iterable[str], level: float) -> pd.DataFrame:
    """Compare the groups that columns of the sample sheet make.

    Parameters
    ----------
    scores
        ``activity/scores.tsv``.
    samples
        Sheet rows with ``sample``, ``patient`` and these columns; columns that the sheet lacks are left out.
    columns
        ``profiles.groups`` of the config.
    level
        ``activity.confidence_level`` of the config.

    Returns
    -------
    `COMPARED_COLUMNS`, column by column.
    """
    rows = scores.assign(patient=scores["sample"].map({row["sample"]: row["patient"] for row in samples}))
    parts = [pd.DataFrame(columns=COMPARED_COLUMNS)]
    for column in columns:
        groups = {row["sample"]: row[column].strip() for row in samples if column in row}
        if len(set(groups.values()) - {""}) > 1:
            parts.append(compare_groups(rows.assign(group=rows["sample"].map(groups)), column, level))
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)[COMPARED_COLUMNS]
