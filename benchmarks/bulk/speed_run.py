"""One timed run in a process of its own: ``python -m bulk.speed_run <folder>``.

Reads the cohort that `speed` left in the folder and writes ``times.json`` beside it. Modules are imported before the
clock starts.
"""

import json
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from bulk import methods
from bulk.cohorts import SEED
from scoring.cohorts import activity_settings
from single_cell.fresh import peak_memory, time_stage
from stat3act.compartments.reference import Reference
from stat3act.tables import read_table

FRACTIONS, ACTIVITY, TOTAL, MEMORY = "fractions", "split activity", "fractions and split activity", "peak memory (GB)"


def run(folder: Path) -> dict[str, float]:
    """Time the whole split, and within it the fractions (`methods.fractions`); the rest of it is the activity."""
    profiles = pd.read_parquet(folder / "profiles.parquet")
    states = read_table(folder / "states.tsv").set_index("state")
    reference, axes = Reference(profiles, states), read_table(folder / "axes.tsv")
    linear = pd.DataFrame(np.load(folder / "linear.npy"), columns=profiles.index)
    linear.index = [f"S{number:04d}" for number in range(len(linear))]
    seconds: Counter = Counter()
    time_stage(methods, "fractions", FRACTIONS, seconds)
    begun = time.perf_counter()
    methods.split(linear, reference, axes, activity_settings(), SEED)
    total = time.perf_counter() - begun
    fitting = seconds[FRACTIONS]
    return {FRACTIONS: fitting, ACTIVITY: total - fitting, TOTAL: total, MEMORY: peak_memory()}


if __name__ == "__main__":
    place = Path(sys.argv[1])
    (place / "times.json").write_text(json.dumps(run(place)))
