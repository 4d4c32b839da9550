"""Our scoring of a bulk cohort, in a process of its own: ``python -m scaling.ours <bulk.h5ad> <axes.tsv> <result>``.

All axes, each beside its rivals, with its null, interval and leading genes; the reference is measured first. Modules
are imported before the clock starts, as for the usual way (`peer`); reading the file counts for both.
"""

import json
import sys
import time
from pathlib import Path

import anndata as ad

from scoring.cohorts import activity_settings
from single_cell.fresh import peak_memory
from stat3act.activity.measure import measure_cohort
from stat3act.activity.score import score_cohort
from stat3act.tables import read_table

if __name__ == "__main__":
    file, network, result = sys.argv[1:]
    axes, settings = read_table(network), activity_settings()
    begun = time.perf_counter()
    rows = ad.read_h5ad(file)
    samples = [
        {"sample": name, "stratum": "", "control": False} for name in dict.fromkeys(rows.obs["sample"].astype(str))
    ]
    reference = measure_cohort(rows, axes, samples, settings)
    score_cohort(rows, axes, samples, settings, reference)
    found = {"seconds": time.perf_counter() - begun, "peak": peak_memory() * 1000}
    Path(result).write_text(json.dumps(found))
