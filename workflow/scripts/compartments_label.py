"""Label the cells of one sample with malignant call and compartment, and sum each compartment and lineage."""

import anndata as ad

from stat3act import logs, tables
from stat3act.compartments.ambient import contamination_table
from stat3act.compartments.cells import candidate_lineages, label_cells
from stat3act.compartments.doublets import add_doublets
from stat3act.compartments.pseudobulk import sum_units

logs.start(snakemake)
sample, settings, given, out = snakemake.wildcards.sample, snakemake.params.settings, snakemake.input, snakemake.output
cells, lineages, doublets = (ad.read_h5ad(given[name]) for name in ("cells", "lineages", "doublets"))
pool, markers = ad.read_h5ad(given.pool) if given.pool else None, tables.read_table(given.markers)
tumour_type, seed, scale = (settings[key] for key in ("tumour_type", "seed", "scale"))
found = label_cells(cells, lineages, pool, settings["compartments"], tumour_type, markers, seed, scale, sample)
matrix, units = sum_units(cells, found.cells, sample)
candidates = candidate_lineages(settings["compartments"], tumour_type)
tables.write_table(out.contamination, contamination_table(matrix, units, markers, candidates, scale))
doubled, n_doublets = add_doublets(doublets, matrix)
for name in ("cells", "clusters", "agreement", "copy_number", "arms"):
    tables.write_table(out[name], getattr(found, name))
for path, sums in ((out.matrix, matrix), (out.doubled, doubled)):
    tables.write_matrix(path, sums)
tables.write_table(out.units, units.assign(n_doublets=n_doublets.to_numpy()))
