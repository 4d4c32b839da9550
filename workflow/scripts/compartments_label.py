"""Label the cells of one sample with lineage, malignant call and compartment."""

from stat3act import logs, tables
from stat3act.compartments.labels import label_cells

logs.start(snakemake.log[0], snakemake.rule, dict(snakemake.wildcards))
import anndata as ad

settings = snakemake.params.settings
cells = ad.read_h5ad(snakemake.input.cells)
labels = label_cells(
    cells,
    settings["compartments"],
    settings["tumour_type"],
    tables.read_table(snakemake.input.markers),
    settings["seed"],
    scale=settings["scale"],
    file=f"sample {snakemake.wildcards.sample}",
)
tables.write_table(snakemake.output.labels, labels)
