"""Gather the compartments of all samples: one expression matrix, and one table of each kind."""

from stat3act import logs, tables
from stat3act.compartments.guarded import guard_expression
from stat3act.compartments.pseudobulk import gather_pseudobulk

logs.start(snakemake)

names, given, out = snakemake.params.samples, snakemake.input, snakemake.output
units, ambient = (
    {sample: tables.read_table(path) for sample, path in zip(names, paths, strict=True)}
    for paths in (given.units, given.contamination)
)
matrices, doubled = (tables.Matrices(dict(zip(names, paths, strict=True))) for paths in (given.matrices, given.doubled))
adata, composition = gather_pseudobulk(matrices, units, **snakemake.params.settings)
tables.write_h5ad(out.expression, guard_expression(adata, matrices, units, doubled, ambient))
tables.write_table(out.composition, composition)
for name in ("units", "clusters", "agreement", "arms", "contamination"):
    tables.write_table(out[name], tables.join_tables(given[name]))
