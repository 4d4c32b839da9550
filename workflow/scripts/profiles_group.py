"""Compare the groups of patients that columns of the sample sheet make."""

from stat3act import logs, tables
from stat3act.profiles.groups import group_table

logs.start(snakemake)

settings = snakemake.params.settings
scores = tables.read_table(snakemake.input.scores)
found = group_table(scores, snakemake.params.samples, settings["groups"], settings["confidence_level"])
tables.write_table(snakemake.output.groups, found)
