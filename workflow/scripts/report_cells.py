"""Draw the cells of one sample: lineages, malignant calls, STAT3 activity, gains and losses."""

import h5py
from anndata.io import read_elem

from stat3act import logs, tables
from stat3act.report.cells import draw_sample, with_activity, write_picture

logs.start(snakemake)

with h5py.File(snakemake.input.activity) as handle:
    scored = read_elem(handle["obs"])
text = {"dtype": {"cluster": str}}
cells = with_activity(tables.read_table(snakemake.input.labels, **text), scored)
clusters = tables.read_table(snakemake.input.clusters, **text)
groups = tables.read_table(snakemake.input.copy_number, **text)
write_picture(snakemake.output.picture, draw_sample(snakemake.wildcards.sample, cells, clusters, groups))
