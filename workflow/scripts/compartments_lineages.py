"""Cluster the cells of one sample, find their lineages, and choose the normal cells it lends to others."""

import anndata as ad

from stat3act import logs, tables
from stat3act.compartments.cells import find_lineages
from stat3act.compartments.celltypist_model import load_model

logs.start(snakemake)

settings, given = snakemake.params.settings, snakemake.input
genes = tables.read_text_table(given.genes)
model = load_model(given.model, settings["compartments"]["lineages"], genes) if given.model else None
lineages, lent = find_lineages(
    ad.read_h5ad(given.cells),
    settings["compartments"],
    settings["tumour_type"],
    tables.read_table(given.markers),
    settings["seed"],
    settings["scale"],
    snakemake.wildcards.sample,
    model,
)
tables.write_h5ad(snakemake.output.lineages, lineages)
tables.write_h5ad(snakemake.output.lent, lent)
