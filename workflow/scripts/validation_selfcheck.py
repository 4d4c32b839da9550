"""Test the reference of a bulk cohort on mixtures of its own tumours, and calibrate the intervals."""

import anndata as ad

from stat3act import logs, tables
from stat3act.validation.selfcheck import check_cohort

logs.start(snakemake)

selfcheck, calibration, purity = check_cohort(
    ad.read_h5ad(snakemake.input.expression),
    ad.read_h5ad(snakemake.input.fit),
    tables.read_table(snakemake.input.axes),
    tables.read_table(snakemake.input.genes),
    snakemake.params.settings,
    snakemake.params.reference,
)
tables.write_table(snakemake.output.selfcheck, selfcheck)
tables.write_table(snakemake.output.calibration, calibration)
tables.write_table(snakemake.output.purity, purity)
