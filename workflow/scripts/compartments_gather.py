"""Gather the compartments of all samples into one expression matrix."""

import pandas as pd

from stat3act import logs, tables
from stat3act.compartments.pseudobulk import gather_pseudobulk

logs.start(snakemake.log[0], snakemake.rule, dict(snakemake.wildcards))
files = zip(snakemake.params.samples, snakemake.input.matrices, strict=True)
adata, composition = gather_pseudobulk(
    {sample: pd.read_parquet(file) for sample, file in files},
    [tables.read_table(file) for file in snakemake.input.metas],
    **snakemake.params.settings,
)
tables.write_h5ad(snakemake.output.expression, adata)
tables.write_table(snakemake.output.composition, composition)
