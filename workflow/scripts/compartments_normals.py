"""Pool the normal cells that the samples lend."""

from stat3act import logs, tables
from stat3act.compartments.lent import read_pool

logs.start(snakemake.log[0], snakemake.rule, dict(snakemake.wildcards))

tables.write_h5ad(snakemake.output.pool, read_pool(snakemake.input.lent))
