"""Sum the cells of every compartment of one sample."""

from stat3act import logs, tables
from stat3act.compartments.pseudobulk import sum_compartments

logs.start(snakemake.log[0], snakemake.rule, dict(snakemake.wildcards))
import anndata as ad

matrix, meta = sum_compartments(
    ad.read_h5ad(snakemake.input.cells),
    tables.read_table(snakemake.input.labels, dtype={"cell": str}),
    snakemake.wildcards.sample,
    snakemake.params.settings,
)
tables.write_matrix(snakemake.output.matrix, matrix)
tables.write_table(snakemake.output.meta, meta)
