"""Score every axis in every cell of a sample, for pictures."""

import h5py
from anndata.io import read_elem

from stat3act import logs, tables
from stat3act.activity.cells import score_sample
from stat3act.activity.chunks import from_h5ad

logs.start(snakemake)

with h5py.File(snakemake.input.expression) as handle:
    cells = score_sample(
        from_h5ad(handle, snakemake.input.expression),
        read_elem(handle["obs"]).index,
        read_elem(handle["var"]).index,
        tables.read_table(snakemake.input.labels),
        tables.read_table(snakemake.input.axes),
        snakemake.params.settings,
        snakemake.threads,
    )
tables.write_h5ad(snakemake.output.cells, cells)
