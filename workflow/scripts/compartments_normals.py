"""Pool the normal cells that the samples lend."""

import anndata as ad

from stat3act import logs, tables
from stat3act.compartments.lent import pool_cells

logs.start(snakemake)

tables.write_h5ad(snakemake.output.pool, pool_cells([ad.read_h5ad(path) for path in snakemake.input.lent]))
