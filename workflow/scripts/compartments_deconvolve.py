"""Estimate the fractions of every bulk sample."""

import anndata as ad

from stat3act import logs, tables
from stat3act.compartments.bulk import deconvolve

logs.start(snakemake.log[0], snakemake.rule, dict(snakemake.wildcards))

fit, fractions, composition = deconvolve(
    ad.read_h5ad(snakemake.input.expression),
    snakemake.input.reference[0],
    tables.read_table(snakemake.input.axes),
    tables.read_table(snakemake.input.genes),
    snakemake.params.settings,
)
tables.write_h5ad(snakemake.output.fit, fit)
tables.write_table(snakemake.output.fractions, fractions)
tables.write_table(snakemake.output.composition, composition)
