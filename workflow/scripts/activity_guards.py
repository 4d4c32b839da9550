"""Score the compartments once more without ambient RNA, and with the doublets that were removed."""

from stat3act import logs, tables
from stat3act.activity.guards import GUARDS, guard_scores

logs.start(snakemake)

table = guard_scores(
    tables.read_expression(snakemake.input.expression, GUARDS.values()),
    tables.read_table(snakemake.input.axes),
    snakemake.params.samples,
    snakemake.params.settings,
    tables.read_table(snakemake.input.reference, dtype={"stratum": str}),
)
tables.write_table(snakemake.output.scores, table)
