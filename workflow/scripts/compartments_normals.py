"""Pool the normal cells that the samples lend."""

from stat3act import logs, tables
from stat3act.compartments.lent import read_pool

logs.start(snakemake)

tables.write_h5ad(snakemake.output.pool, read_pool(snakemake.input.lent))
