"""Export the mean profiles of a single-cell cohort as the reference of bulk cohorts."""

from stat3act import logs, tables
from stat3act.compartments.bulk import export_cohort

logs.start(snakemake)

reference = export_cohort(
    snakemake.input.pseudobulk,
    snakemake.input.units,
    snakemake.params.samples,
    snakemake.params.settings,
)
tables.write_table(snakemake.output.reference, reference)
