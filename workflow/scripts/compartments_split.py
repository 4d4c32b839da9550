"""Score tumour and microenvironment of every bulk sample by split regression."""

import anndata as ad

from stat3act import logs, tables
from stat3act.compartments.bulk import split_cohort

logs.start(snakemake)

scores = split_cohort(
    ad.read_h5ad(snakemake.input.expression),
    ad.read_h5ad(snakemake.input.fit),
    tables.read_table(snakemake.input.axes),
    tables.read_table(snakemake.input.genes),
    {name: snakemake.params.settings[name] for name in ("activity", "compartments")},
    snakemake.params.settings["seed"],
)
tables.write_table(snakemake.output.split, scores)
