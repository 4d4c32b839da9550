"""Score the compartments once more without ambient RNA, and with the doublets that were removed."""

import anndata as ad

from stat3act import logs, tables
from stat3act.activity.guards import guard_scores

logs.start(snakemake)

table = guard_scores(
    ad.read_h5ad(snakemake.input.expression),
    tables.read_table(snakemake.input.axes),
    snakemake.params.samples,
    snakemake.params.settings,
    tables.read_table(snakemake.input.reference, dtype={"stratum": str}),
)
tables.write_table(snakemake.output.scores, table)
