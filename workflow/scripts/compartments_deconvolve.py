"""Estimate the fractions of every bulk sample."""

import anndata as ad

from stat3act import logs, tables
from stat3act.compartments.bulk import deconvolve

logs.start(snakemake)

found = deconvolve(
    ad.read_h5ad(snakemake.input.expression),
    snakemake.input.reference[: snakemake.params.references],
    tables.read_table(snakemake.input.axes),
    tables.read_table(snakemake.input.genes),
    snakemake.params.samples,
    snakemake.params.settings,
    snakemake.params.settings["seed"],
)
tables.write_h5ad(snakemake.output.fit, found.fit)
for name in ("fractions", "composition", "platform", "reference_check"):
    tables.write_table(snakemake.output[name], getattr(found, name))
