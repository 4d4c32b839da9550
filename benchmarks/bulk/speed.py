"""What a cohort costs: seconds and memory of fractions and split activity, and what changes them.

Mixtures of breast cancer states are split in a fresh process with one thread (the goal allows two cores; two threads
of linear algebra wait for each other where a machine is shared), with all axes of the workflow: 1,000 samples x 15,000
genes x 75 states, then fewer of each. Seconds do not include reading the files.
"""

import json
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from bulk import methods, peer
from bulk.data import panel_of, reference_of, regulon_axes, scored_axis
from bulk.rows import with_goal
from bulk.speed_run import ACTIVITY, FRACTIONS, MEMORY, TOTAL
from scoring.cohorts import lay_out, load_axes
from single_cell.fresh import run_fresh
from stat3act.compartments.reference import Reference
from stat3act.tables import write_table
from stat3act.validation.mixtures import mix

CHECK, COST, PEER = "speed", "speed_cost", "speed_peer"
WHOLE = {"samples": 1000, "genes": 15000, "states": 75}
FEWER = {"samples": (100, 300), "genes": (5000, 10000), "states": (15, 40)}
GOALS = {TOTAL: "<= 60", MEMORY: "<= 2"}
CALIBRATION_GOAL = "<= 20"
SEED = 1


def smaller(reference: Reference, genes: int, states: int, wanted: set[str]) -> Reference:
    """Keep some states, evenly over both compartments, and the scored and the most expressed genes."""
    order = np.argsort(~reference.is_tumour, kind="stable")
    kept = np.sort(order[np.linspace(0, len(order) - 1, states).round().astype(int)])
    profiles, table = reference.profiles.iloc[:, kept], reference.states.iloc[kept]
    rank = profiles.max(axis=1) + profiles.index.isin(wanted)
    chosen = rank.nlargest(genes).index
    profiles = profiles.loc[profiles.index.isin(chosen)]
    return Reference(profiles / profiles.sum(), table)


def run_size(data: Path, size: dict[str, int]) -> dict[str, float]:
    """Make a cohort of a size, split it in a process of its own, and return what that took."""
    axes = load_axes()
    reference = smaller(reference_of(data, "BRCA"), size["genes"], size["states"], set(axes["gene"]))
    regulon = regulon_axes(data)
    mixtures = mix(reference, panel_of(regulon, scored_axis(regulon)), size["samples"], SEED)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        np.save(place / "linear.npy", mixtures.linear.to_numpy(np.float32))
        del mixtures
        reference.profiles.to_parquet(place / "profiles.parquet")
        write_table(place / "states.tsv", reference.states.rename_axis("state").reset_index())
        write_table(place / "axes.tsv", axes)
        run_fresh("speed_run", place, package="bulk")
        return json.loads((place / "times.json").read_text())


def calibration_rows(data: Path) -> list[dict]:
    """Time what the method learns from a reference before its first cohort."""
    begun = time.perf_counter()
    methods.calibrate(reference_of(data, "BRCA"), regulon_axes(data), SEED)
    minutes = (time.perf_counter() - begun) / 60
    names = {"check": CHECK, "dataset": "BRCA", "group": "calibration (minutes)", "method": "activity", "n": 1}
    return [with_goal(names | {"value": minutes}, CALIBRATION_GOAL)]


def peer_rows(data: Path) -> list[dict]:
    """Time our fit beside the PyPI package (`peer.race`); no row where it is not installed."""
    if not peer.installed():
        return []
    race = peer.race(reference_of(data, "SKCM"))
    names = {"check": PEER, "dataset": race.title, "n": race.samples}
    rows = [names | {"group": "seconds", "method": method, "value": value} for method, value in race.seconds.items()]
    others = {
        f"times as fast as {peer.NAME}": race.ratio,
        "largest difference of fractions": race.difference,
        "correlation of log attributed tumour expression": race.correlation,
    }
    return rows + [names | {"group": group, "method": "activity", "value": value} for group, value in others.items()]


def check(data: Path) -> pd.DataFrame:
    """Time all sizes.

    Parameters
    ----------
    data
        Folder of the public data.

    Returns
    -------
    Rows of `COLUMNS`: ``speed`` (the whole size and the calibration), ``speed_cost`` (smaller sizes; ``n`` counts what
    varies) and ``speed_peer``.
    """
    rows = []
    whole = run_size(data, WHOLE)
    title = "{samples:,} samples x {genes:,} genes x {states} states".format(**WHOLE)
    for group, value in whole.items():
        names = {"check": CHECK, "dataset": title, "group": group, "method": "activity", "n": WHOLE["samples"]}
        rows.append(with_goal(names | {"value": value}, GOALS.get(group, "")))
    for what, sizes in FEWER.items():
        for size in (*sizes, WHOLE[what]):
            found = whole if size == WHOLE[what] else run_size(data, {**WHOLE, what: size})
            for group in (FRACTIONS, ACTIVITY, MEMORY):
                names = {"check": COST, "dataset": what, "group": group, "method": "activity", "n": size}
                rows.append(names | {"value": found[group]})
    return lay_out([*rows, *calibration_rows(data), *peer_rows(data)])
