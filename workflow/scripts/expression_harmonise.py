"""Bring the samples of a bulk cohort into one matrix, in one gene language and on one log2 scale."""

from stat3act import logs, tables
from stat3act.expression.bulk import harmonise_cohort

logs.start(snakemake)

cohort, quality = harmonise_cohort(
    list(snakemake.input.matrices),
    snakemake.params.samples,
    tables.read_text_table(snakemake.input.genes),
    **snakemake.params.settings,
)
tables.write_h5ad(snakemake.output.cohort, cohort)
tables.write_table(snakemake.output.quality, quality)
