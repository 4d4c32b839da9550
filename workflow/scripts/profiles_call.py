"""Turn the scores of a cohort into one activation profile and one call per sample."""

from stat3act import logs, tables

logs.start(snakemake.log[0], snakemake.rule, dict(snakemake.wildcards))

import anndata as ad

from stat3act.profiles.drivers import LINEAR_SCALES, genes_of
from stat3act.profiles.levels import gene_levels, measured_rows
from stat3act.profiles.noncanonical import read_phospho
from stat3act.profiles.tables import build_profiles, profiles_matrix

scores = tables.read_table(snakemake.input.scores)
composition = tables.read_table(snakemake.input.composition)
ligands = tables.read_table(snakemake.input.ligands)
cells = ad.read_h5ad(snakemake.input.expression, backed="r")
rows = measured_rows(cells)
linear = cells.uns["scale"] in LINEAR_SCALES
levels = gene_levels(cells, rows.index, genes_of(ligands)) if linear else None
samples, settings = snakemake.params.samples, snakemake.params.settings
phospho = read_phospho(snakemake.input.phospho, samples, snakemake.params.phospho)
profiles, calls, drivers = build_profiles(scores, levels, rows, composition, ligands, samples, phospho, **settings)
tables.write_table(snakemake.output.profiles, profiles)
tables.write_table(snakemake.output.calls, calls)
tables.write_table(snakemake.output.drivers, drivers)
tables.write_h5ad(snakemake.output.matrix, profiles_matrix(profiles))
