"""Measure what the samples of this cohort are compared with."""

from stat3act import logs, tables
from stat3act.activity.measure import measure_cohort

logs.start(snakemake)

reference = measure_cohort(
    tables.read_expression(snakemake.input.expression),
    tables.read_table(snakemake.input.axes),
    snakemake.params.samples,
    snakemake.params.settings,
)
tables.write_table(snakemake.output.reference, reference)
