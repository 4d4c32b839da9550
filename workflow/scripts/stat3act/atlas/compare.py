"""The tables of an atlas: activities on one scale, cohorts side by side, samples that two cohorts share."""

from collections.abc import Mapping
from itertools import combinations

import pandas as pd
from scipy import stats

from stat3act.logs import log
from stat3act.profiles.groups import COMPARED_COLUMNS, compare_groups

PLACE = ["compartment", "axis"]
OVERVIEW_COLUMNS = ["cohort", *PLACE, "n_samples", "n_patients", "lowest", "median", "highest", "n_left_out"]
SHARED_COLUMNS = ["sample", *PLACE, "cohort_a", "cohort_b", "activity_a", "activity_b", "difference"]
FROZEN = "frozen "


def join_cohorts(profiles: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Put the activation profiles of cohorts below each other, the cohort in front.

    Only rows on the frozen scale: after a bulk split tumour and microenvironment are relative to their own cohort,
    whatever its reference is, and rows without a value are on no scale.
    """
    parts = []
    for name, table in profiles.items():
        on_scale = table["reference"].fillna("").str.startswith(FROZEN) & table["activity"].notna()
        if relative := int((table["activity"].notna() & ~on_scale).sum()):
            log.warning("%s: %d rows are relative to the cohort itself and left out", name, relative)
        parts.append(table[on_scale].assign(cohort=name))
    joined = pd.concat(parts, ignore_index=True)
    return joined[["cohort", *next(iter(profiles.values())).columns]]


def overview(profiles: Mapping[str, pd.DataFrame], joined: pd.DataFrame) -> pd.DataFrame:
    """Sum up every compartment and axis of every cohort.

    Parameters
    ----------
    profiles
        Cohort to its activation profiles.
    joined
        Result of `join_cohorts`.

    Returns
    -------
    `OVERVIEW_COLUMNS`; ``n_left_out`` counts samples without a value on the frozen scale.
    """
    rows = []
    everything = pd.concat([table.assign(cohort=name) for name, table in profiles.items()])
    known = {key: part for key, part in joined.groupby(["cohort", *PLACE])}
    for key, part in everything.groupby(["cohort", *PLACE], sort=True):
        own = known.get(key, joined.iloc[:0])
        numbers = own["activity"].min(), own["activity"].median(), own["activity"].max()
        rows.append((*key, len(own), own["patient"].nunique(), *numbers, len(part) - len(own)))
    return pd.DataFrame(rows, columns=OVERVIEW_COLUMNS)


def shared_samples(joined: pd.DataFrame) -> pd.DataFrame:
    """Set samples of the same name and patient in two cohorts side by side: the same sample has the same activity."""
    parts = [pd.DataFrame(columns=SHARED_COLUMNS)]
    keys = ["sample", "patient", *PLACE]
    for a, b in combinations(sorted(joined["cohort"].unique()), 2):
        sides = [joined.loc[joined["cohort"] == name, [*keys, "activity"]] for name in (a, b)]
        both = sides[0].merge(sides[1], on=keys, suffixes=("_a", "_b"))
        both = both.assign(cohort_a=a, cohort_b=b, difference=both["activity_a"] - both["activity_b"])
        parts.append(both[SHARED_COLUMNS])
    found = pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)
    return found.sort_values(["cohort_a", "cohort_b", "sample", *PLACE], ignore_index=True)


def compare_cohorts(joined: pd.DataFrame, level: float) -> pd.DataFrame:
    """Compare every pair of cohorts in every compartment and axis, patients as replicates.

    Samples that both cohorts have say nothing about their difference and are left out of that pair. Patients are those
    of their cohort: the same name in two cohorts is not taken for one patient.

    Returns
    -------
    `COMPARED_COLUMNS`, ``column`` being ``cohort``; q values over all pairs and compartments of an axis.
    """
    parts = [pd.DataFrame(columns=COMPARED_COLUMNS)]
    identity = joined["sample"] + "\t" + joined["patient"]
    rows = joined.assign(group=joined["cohort"], patient=joined["cohort"] + "\t" + joined["patient"])
    for pair in combinations(sorted(joined["cohort"].unique()), 2):
        sides = [set(identity[joined["cohort"] == name]) for name in pair]
        own = rows[joined["cohort"].isin(pair) & ~identity.isin(sides[0] & sides[1])]
        parts.append(compare_groups(own, "cohort", level))
    table = pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)
    for _, part in table[table["p_value"].notna()].groupby("axis"):
        table.loc[part.index, "q_value"] = stats.false_discovery_control(part["p_value"].to_numpy(float))
    return table
