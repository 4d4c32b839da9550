"""Read one single-cell sample, harmonise its genes and keep its good cells."""

from stat3act import logs, tables
from stat3act.expression.cells import harmonise_sample

logs.start(snakemake)

sample = snakemake.wildcards.sample
cells, doublets, quality = harmonise_sample(
    snakemake.input.matrix,
    sample,
    # An empty cell, and a sheet without this column, mean that the file calls the sample as the sheet does.
    snakemake.params.sample.get("column") or sample,
    tables.read_text_table(snakemake.input.genes),
    snakemake.params.settings,
)
tables.write_h5ad(snakemake.output.cells, cells)
tables.write_h5ad(snakemake.output.doublets, doublets)
tables.write_table(snakemake.output.quality, quality)
