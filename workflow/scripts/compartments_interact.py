"""Relate the activity of unsplit bulk samples to their purity, cohort by cohort."""

from stat3act import logs, tables
from stat3act.compartments.interaction import purity_interaction

logs.start(snakemake)

interaction = purity_interaction(
    tables.read_table(snakemake.input.scores),
    snakemake.params.samples,
    snakemake.params.settings["purity_column"],
    snakemake.params.settings["confidence_level"],
)
tables.write_table(snakemake.output.interaction, interaction)
