"""How often the calls are right: STAT3 on or off in tumour and microenvironment, and other pathways with neither on.

Cohorts of 148 mixtures: 8 with STAT3 on in the tumour, 8 in the microenvironment, 8 in both, 92 in neither, and 8 each
with interferon or NF-kB up in one of the two while STAT3 is off. Few are on because samples are compared with the
cohort. Everything else is as in `planted`. On means a change of 2 (natural log) times the response of each target, of
which half are silent; `oracle` is the call from the true profiles of the compartments, which is what so large a change
allows. Decoys move all genes of the Hallmark sets by as much as an average responding target, targets of STAT3 among
them.

A call is **right** if it is the one of the corner. It is **opposite** if it says tumour-intrinsic where only the
microenvironment is on, stroma where only the tumour is on, any kind of active where nothing is on, or inactive where
anything is on. What is neither is in part right (one compartment too many or too few). Shares of right and opposite
calls are of the calls that are not indeterminate; as most samples are inactive, the mean over the four corners is
shown too.
"""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from bulk import runs
from bulk.data import REFERENCES, reference_of
from bulk.rows import with_goal
from scoring.baselines import gene_sets
from scoring.cohorts import lay_out
from scoring.planted import DECOYS, rate_row
from stat3act.profiles.calls import BOTH, INACTIVE, INDETERMINATE, INTRINSIC, STROMA
from stat3act.profiles.states import voting_panels
from stat3act.validation.mixtures import Mixtures, hold_out, mix

CHECK, CONFUSION = "corners", "corners_call"
# Each cohort has a self-check of its own, which takes minutes.
SEEDS = range(2)
STRENGTH = 2.0
DEPTH = 2e7
TUMOUR_TYPES = {"SKCM": "melanoma", "BRCA": "carcinoma"}
CORNERS = {INTRINSIC: (1, 0), STROMA: (0, 1), BOTH: (1, 1), INACTIVE: (0, 0)}
SIZES = {INTRINSIC: 8, STROMA: 8, BOTH: 8, INACTIVE: 92}
DECOY_NAMES = ("interferon", "nfkb")
DECOY_SIZE = 8
ACTIVE = (INTRINSIC, STROMA, BOTH)
RIGHT_GOAL, OPPOSITE_GOAL = ">= 0.90", "<= 0.02"
METHODS = {"activity": True, "oracle": False}


def design() -> pd.DataFrame:
    """Lay out the samples of a cohort: ``group``, ``expected``, ``tumour`` and ``rest`` on, and each decoy's places."""
    rows = [(name, name, *CORNERS[name]) for name, size in SIZES.items() for _ in range(size)]
    for decoy in DECOY_NAMES:
        for place in ("tumour", "microenvironment"):
            rows += [(f"{decoy} in {place}", INACTIVE, 0, 0)] * DECOY_SIZE
    return pd.DataFrame(rows, columns=["group", "expected", "tumour", "rest"])


def opposite(call: str, expected: str) -> bool:
    """Tell whether a call is opposite to what was planted (see above)."""
    if expected == INACTIVE:
        return call in ACTIVE
    if call == INACTIVE:
        return True
    return (call, expected) in ((INTRINSIC, STROMA), (STROMA, INTRINSIC))


def make(data: Path, dataset: str, seed: int) -> tuple[Mixtures, object]:
    """Make one cohort and the reference without its tumours."""
    plan = design()
    source, known = hold_out(reference_of(data, dataset), seed)
    axes = runs.rule_axes()
    voters = axes[axes["axis"].isin(voting_panels(TUMOUR_TYPES[dataset]))]
    panel = voters.drop_duplicates("gene").set_index("gene")["weight"]
    others = []
    for decoy in DECOY_NAMES:
        genes = sorted(set().union(*(gene_sets(data)[name] for name in DECOYS[decoy])))
        places = [(plan["group"] == f"{decoy} in {side}").to_numpy() for side in ("tumour", "microenvironment")]
        others.append((pd.Series(1.0, genes), STRENGTH * np.column_stack(places)))
    on = plan["tumour"].to_numpy(float), plan["rest"].to_numpy(float)
    given = {"strength": STRENGTH, "on": on, "others": others, "depth": DEPTH}
    return mix(source, panel, len(plan), seed, **given), known


@cache
def study(data: Path) -> pd.DataFrame:
    """Make and call all cohorts: ``dataset cohort group expected purity`` and the call of each method."""
    plan, parts = design(), []
    for dataset, tumour_type in TUMOUR_TYPES.items():
        for seed in SEEDS:
            mixtures, known = make(data, dataset, seed)
            ours = runs.call_bulk(mixtures.linear, known, tumour_type)
            profiles = mixtures.tumour_profiles, mixtures.microenvironment_profiles
            true = runs.call_profiles(*profiles, DEPTH, tumour_type)
            index = mixtures.linear.index
            calls = {"activity": ours.loc[index, "call"], "oracle": true.loc[index, "call"]}
            calls = {name: call.to_numpy() for name, call in calls.items()}
            parts.append(plan.assign(dataset=dataset, cohort=seed, purity=mixtures.purity.to_numpy(), **calls))
    return pd.concat(parts, ignore_index=True)


def rate(found: pd.DataFrame, method: str, dataset: str, group: str) -> list[dict]:
    """Report shares of indeterminate, right and opposite calls; the goals hold for ours on all samples together."""
    call = found[method]
    decided = found[call != INDETERMINATE]
    right = decided[method] == decided["expected"]
    wrong = pd.Series([opposite(*pair) for pair in zip(decided[method], decided["expected"], strict=True)], dtype=bool)
    goals = (RIGHT_GOAL, OPPOSITE_GOAL) if METHODS[method] and (dataset, group) == ("all", "all") else ("", "")
    names = {"check": CHECK, "dataset": dataset, "method": method}
    rows = [rate_row(call == INDETERMINATE, "", group=f"{group}: indeterminate", **names)]
    for what, hits, goal in (("right", right, goals[0]), ("opposite", wrong, goals[1])):
        if len(hits):
            rows.append(rate_row(hits, goal, group=f"{group}: {what}", **names))
        else:
            rows.append(with_goal(names | {"group": f"{group}: {what}", "value": np.nan, "n": 0}, goal))
    return rows


def balanced(found: pd.DataFrame, method: str) -> list[dict]:
    """Report the mean over the four corners of the shares of right and of opposite calls, decoys left out."""
    parts = [rate(found[found["group"] == corner], method, "all", corner)[1:] for corner in CORNERS]
    names = {"check": CHECK, "dataset": "all", "method": method, "n": len(CORNERS)}
    return [
        names
        | {"group": f"mean of the corners: {what}", "value": float(np.mean([part[place]["value"] for part in parts]))}
        for place, what in enumerate(("right", "opposite"))
    ]


def confusion(found: pd.DataFrame, method: str) -> list[dict]:
    """Count the calls of every group of samples."""
    rows = []
    for group, part in found.groupby("group", sort=False):
        for name in (*CORNERS, INDETERMINATE):
            count = int((part[method] == name).sum())
            names = {"check": CONFUSION, "dataset": "all", "group": f"{group} -> {name}", "method": method}
            rows.append(names | {"value": count / len(part), "n": count})
    return rows


def check(data: Path) -> pd.DataFrame:
    """Count right, opposite and indeterminate calls.

    Parameters
    ----------
    data
        Folder of the public data.

    Returns
    -------
    Rows of `COLUMNS`: ``corners`` (shares with Wilson's 95 % interval) and ``corners_call``.
    """
    table, rows = study(data), []
    for method in METHODS:
        for dataset in ("all", *REFERENCES):
            here = table if dataset == "all" else table[table["dataset"] == dataset]
            rows += rate(here, method, dataset, "all")
        for group, part in table.groupby("group", sort=False):
            rows += rate(part, method, "all", group)
        rows += [*balanced(table, method), *confusion(table, method)]
    return lay_out(rows)
