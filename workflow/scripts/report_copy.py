"""Copy the pictures of the cells into the report, named by the codes of the samples."""

from pathlib import Path

from stat3act import logs
from stat3act.report.code_names import read_code_names
from stat3act.report.pictures import copy_coded

logs.start(snakemake)

codes = read_code_names(snakemake.input.code_names).sample
Path(snakemake.output.pictures).mkdir(parents=True)
copy_coded(snakemake.input.pictures, snakemake.output.pictures, codes)
