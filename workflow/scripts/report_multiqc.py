"""Write the QC table as custom content of MultiQC."""

from stat3act import logs, tables
from stat3act.report.multiqc import multiqc_text

logs.start(snakemake)

quality = tables.read_table(snakemake.input.quality)
tables.write_text(snakemake.output.quality, multiqc_text(quality, snakemake.params.cohort))
