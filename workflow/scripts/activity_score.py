"""Score every axis in every compartment of the cohort."""

from stat3act import logs, tables
from stat3act.activity.assemble import assemble_scores
from stat3act.activity.score import score_cohort
from stat3act.validation.calibration import apply_selfcheck

logs.start(snakemake)

scores = score_cohort(
    tables.read_expression(snakemake.input.expression),
    tables.read_table(snakemake.input.axes),
    snakemake.params.samples,
    snakemake.params.settings,
    tables.read_table(snakemake.input.reference, dtype={"stratum": str}),
)
split = [tables.read_table(snakemake.input.split)] if snakemake.input.split else []
selfcheck = [tables.read_table(path) for path in snakemake.input.selfcheck]
split = [apply_selfcheck(table, selfcheck, snakemake.params.min_recovery) for table in split]
composition, also = tables.read_table(snakemake.input.composition), snakemake.params.settings["also"]
table = assemble_scores([scores, *split], composition, also)
tables.write_table(snakemake.output.scores, table)
