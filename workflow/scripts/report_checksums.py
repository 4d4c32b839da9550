"""Write the sha256 of every result of the cohort."""

from pathlib import Path

from stat3act import logs, tables
from stat3act.report.checksums import checksum_lines

logs.start(snakemake)

output = Path(snakemake.output.checksums)
tables.write_text(output, checksum_lines(map(Path, snakemake.input.results), output.parent))
