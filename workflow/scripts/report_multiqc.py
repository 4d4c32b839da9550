"""Write the QC table as custom content of MultiQC."""

from stat3act import logs, tables
from stat3act.report.code_names import coded_rows, read_code_names
from stat3act.report.multiqc import multiqc_text

logs.start(snakemake)

quality = tables.read_table(snakemake.input.quality)
if snakemake.input.code_names:
    quality = coded_rows(quality, read_code_names(snakemake.input.code_names))
tables.write_text(snakemake.output.quality, multiqc_text(quality, snakemake.params.cohort))
