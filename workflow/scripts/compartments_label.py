"""Label the cells of one sample with lineage, malignant call and compartment, and sum each compartment."""

import anndata as ad

from stat3act import logs, tables
from stat3act.compartments.labels import label_cells
from stat3act.compartments.pseudobulk import sum_compartments

logs.start(snakemake.log[0], snakemake.rule, dict(snakemake.wildcards))

sample, settings = snakemake.wildcards.sample, snakemake.params.settings
cells = ad.read_h5ad(snakemake.input.cells)
markers = tables.read_table(snakemake.input.markers)
seed, tumour_type, scale = (settings[key] for key in ("seed", "tumour_type", "scale"))
labels = label_cells(cells, settings["compartments"], tumour_type, markers, seed, scale=scale, file=f"sample {sample}")
matrix, meta = sum_compartments(cells, labels, sample)
tables.write_table(snakemake.output.labels, labels)
tables.write_matrix(snakemake.output.matrix, matrix)
tables.write_table(snakemake.output.meta, meta)
