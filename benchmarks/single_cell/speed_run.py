"""One timed run in a process of its own: ``python -m single_cell.speed_run <method> <cells> <lineages> <times>``.

Our stages are timed where the workflow's own functions call them; seconds of a stage that runs inside another are taken
from that one. Modules are imported before the clock starts, for us and for infercnvpy alike.
"""

import json
import sys
import time
from collections import Counter
from pathlib import Path

import anndata as ad
import infercnvpy as cnv
import pandas as pd
import scanpy  # noqa: F401  imported late by the workflow, and no part of any stage

from single_cell.fresh import peak_memory, time_stage
from single_cell.samples import COPYKAT, SEED, compartment_settings, markers
from stat3act.compartments import cells as labelling
from stat3act.compartments import clusters
from stat3act.compartments.lent import pool_cells
from stat3act.compartments.malignant import GATES
from stat3act.compartments.pseudobulk import sum_units
from stat3act.tables import read_table, write_table

OURS, INFERCNV = "activity", "infercnvpy"
MEMORY, TOTAL, REST = "peak memory (GB)", "all stages", "reading, and the rest"
NORMALISE, CLUSTER, MAP, MARKERS = "normalise", "cluster", "UMAP", "markers"
COPY_NUMBER, PSEUDOBULK = "copy number", "pseudobulk"
STAGES = (NORMALISE, CLUSTER, MAP, MARKERS, COPY_NUMBER, PSEUDOBULK, REST)
# Functions of the workflow by the stage that they are; the map is drawn inside the clustering.
TIMED = (
    (labelling, "log_normalise", NORMALISE),
    (labelling, "cluster_cells", CLUSTER),
    (clusters, "draw_map", MAP),
    (labelling, "annotate_cells", MARKERS),
    (labelling, "revisit_unknown", MARKERS),
    (labelling, "call_malignant", COPY_NUMBER),
    (labelling, "group_profiles", COPY_NUMBER),
    (labelling, "arm_changes", COPY_NUMBER),
)


def label(file: Path, lineages: Path) -> dict[str, float]:
    """Label the cells of a file as the rules `compartments_lineages` and `compartments_label` do; seconds by stage."""
    seconds: Counter = Counter()
    for place in TIMED:
        time_stage(*place, seconds)
    start = time.perf_counter()
    cells = ad.read_h5ad(file)
    given = (compartment_settings(), COPYKAT.tumour_type, markers(), SEED, COPYKAT.scale, COPYKAT.name)
    found, lent = labelling.find_lineages(cells, *given)
    labels = labelling.label_cells(cells, found, pool_cells([lent]), *given)
    summing = time.perf_counter()
    sum_units(cells, labels.cells, COPYKAT.name)
    end = time.perf_counter()
    seconds[PSEUDOBULK] = end - summing
    seconds[CLUSTER] -= seconds[MAP]
    seconds[REST] = end - start - sum(seconds.values())
    write_table(lineages, labels.cells[["cell", "lineage"]])
    return {stage: seconds[stage] for stage in STAGES}


def infercnv(file: Path, lineages: Path) -> dict[str, float]:
    """Run `infercnvpy.tl.infercnv` against the normal lineages that we found; seconds of it and of normalising."""
    cells = ad.read_h5ad(file)
    start = time.perf_counter()
    logged = clusters.log_normalise(cells, COPYKAT.scale)
    logged = logged[:, (logged.var["chromosome"].astype(str) != "").to_numpy()].copy()
    del cells
    logged.obs["lineage"] = pd.Categorical(read_table(lineages)["lineage"])
    normal = sorted(set(logged.obs["lineage"]) - {*GATES[COPYKAT.tumour_type], "unknown"})
    begin = time.perf_counter()
    cnv.tl.infercnv(logged, reference_key="lineage", reference_cat=normal, n_jobs=1)
    return {NORMALISE: begin - start, COPY_NUMBER: time.perf_counter() - begin}


if __name__ == "__main__":
    method, cells_file, lineages_file, times_file = sys.argv[1:]
    run = {OURS: label, INFERCNV: infercnv}[method]
    times = run(Path(cells_file), Path(lineages_file))
    times[MEMORY] = peak_memory()
    Path(times_file).write_text(json.dumps(times))
