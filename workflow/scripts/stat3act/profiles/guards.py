"""Would STAT3 be judged alike without ambient RNA, and with the doublets that were taken out?"""

import numpy as np
import pandas as pd

from stat3act.profiles.states import CORE_AXIS, Thresholds, evidence_from_rows, state_of

FLAGS = {"ambient": "AMBIENT_SENSITIVE", "doublets": "DOUBLET_SENSITIVE"}
KEYS = ["sample", "compartment"]
GUARD_COLUMNS = (
    *KEYS,
    "guard",
    "activity",
    "activity_otherwise",
    "difference",
    "half_width",
    "state",
    "state_otherwise",
    "contamination",
    "contamination_low",
    "contamination_high",
    "n_doublets",
    "flag",
    "reason",
)


def states_of(scores: pd.DataFrame, tumour_type: str, thresholds: Thresholds) -> pd.Series:
    """Judge every sample x compartment by the evidence rule; ``ON``, ``OFF`` or ``UNKNOWN``, indexed by `KEYS`."""
    states = {}
    for (sample, compartment), part in scores.groupby(KEYS, sort=True):
        rows = {row["axis"]: row for row in part.to_dict("records")}
        evidence = evidence_from_rows(compartment, rows, tumour_type, split_from_bulk=False)
        states[sample, compartment] = state_of(evidence, thresholds).value
    return pd.Series(states, dtype=object)


def guard_table(
    scores: pd.DataFrame, otherwise: pd.DataFrame, tumour_type: str, thresholds: Thresholds
) -> pd.DataFrame:
    """Compare the main scores with those of the guards.

    Parameters
    ----------
    scores
        ``activity/scores.tsv``.
    otherwise
        ``activity/guards.tsv`` (`stat3act.activity.guards.guard_scores`).
    tumour_type, thresholds
        As in `stat3act.profiles.states.evidence_from_rows` and ``state_of``.

    Returns
    -------
    pandas.DataFrame
        `GUARD_COLUMNS`, one row per guard and row that has a main score. ``activity_otherwise`` is without ambient RNA
        or with doublets, ``difference`` is otherwise less main, ``half_width`` half the interval of the main activity.
        ``flag`` is ``AMBIENT_SENSITIVE`` or ``DOUBLET_SENSITIVE`` where the other activity lies outside that interval
        or leads to another state; empty where neither is so, or the guard could not be applied (``reason``).
    """
    core = scores[(scores["axis"] == CORE_AXIS) & (scores["reason"].fillna("") == "")].set_index(KEYS)
    states = states_of(scores, tumour_type, thresholds)
    parts = [pd.DataFrame(columns=list(GUARD_COLUMNS))]
    for guard, rows in otherwise.groupby("guard", sort=True):
        table = rows[rows["axis"] == CORE_AXIS].set_index(KEYS).sort_index()
        table = table[table.index.isin(core.index)]
        main, other = core.loc[table.index], states_of(rows, tumour_type, thresholds).reindex(table.index)
        known = table["activity"].notna()
        outside = (table["activity"] < main["ci_low"]) | (table["activity"] > main["ci_high"])
        changed = states.reindex(table.index) != other
        table = table.assign(
            activity=main["activity"],
            activity_otherwise=table["activity"],
            difference=table["activity"] - main["activity"],
            half_width=(main["ci_high"] - main["ci_low"]) / 2,
            state=states.reindex(table.index),
            state_otherwise=other.where(known, ""),
            flag=np.where(known & (outside | changed), FLAGS[guard], ""),
            reason=table["reason"].fillna(""),
        )
        parts.append(table.reset_index()[list(GUARD_COLUMNS)])
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


def flags_by_sample(table: pd.DataFrame) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return sample -> compartment -> flags, of those that have any."""
    flags: dict[str, dict[str, tuple[str, ...]]] = {}
    for (sample, compartment), part in table[table["flag"] != ""].groupby(KEYS, sort=True):
        flags.setdefault(sample, {})[compartment] = tuple(sorted(part["flag"]))
    return flags
