"""Present each bulk sample as the unsplit row."""

import anndata as ad

from stat3act import logs, tables
from stat3act.compartments.bulk import unsplit

logs.start(snakemake)

expression, composition = unsplit(ad.read_h5ad(snakemake.input.expression))
tables.write_h5ad(snakemake.output.expression, expression)
if "composition" in dict(snakemake.output.items()):
    tables.write_table(snakemake.output.composition, composition)
