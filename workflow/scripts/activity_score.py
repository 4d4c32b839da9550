"""Score every axis in every compartment of the cohort."""

import anndata as ad

from stat3act import logs, tables
from stat3act.activity.assemble import assemble_scores
from stat3act.activity.score import score_expression

logs.start(snakemake.log[0], snakemake.rule, dict(snakemake.wildcards))

scores, reference = score_expression(
    ad.read_h5ad(snakemake.input.expression),
    tables.read_table(snakemake.input.axes),
    snakemake.params.samples,
    snakemake.params.settings,
    tables.read_table(snakemake.input.frozen) if snakemake.input.frozen else None,
)
split = [tables.read_table(snakemake.input.split)] if snakemake.input.split else []
table = assemble_scores([scores, *split], tables.read_table(snakemake.input.composition))
tables.write_table(snakemake.output.scores, table)
tables.write_table(snakemake.output.reference, reference)
