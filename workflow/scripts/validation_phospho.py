"""Set STAT3 activity against measured phospho-STAT3, beside baselines."""

from stat3act import logs, tables

logs.start(snakemake)

import anndata as ad

from stat3act.profiles.levels import gene_levels, measured_rows
from stat3act.validation.measurements import read_measurements
from stat3act.validation.phospho import MRNA, compare_with_phospho, unsigned_genes

table, file = read_measurements(snakemake.input.phospho), snakemake.input.phospho
axes, ligands = tables.read_table(snakemake.input.axes), tables.read_table(snakemake.input.ligands)
scores = tables.read_table(snakemake.input.scores)
cells = ad.read_h5ad(snakemake.input.expression, backed="r")
rows = measured_rows(cells)
rows = rows[rows["compartment"] == "bulk"]
levels = gene_levels(cells, rows.index, [*unsigned_genes(axes, ligands), *MRNA.values()])
levels.index = rows["sample"].to_numpy()
samples, settings = snakemake.params.samples, snakemake.params.settings
agreement, matched = compare_with_phospho(table, file, scores, levels, axes, ligands, samples, **settings)
tables.write_table(snakemake.output.agreement, agreement)
tables.write_table(snakemake.output.samples, matched)
