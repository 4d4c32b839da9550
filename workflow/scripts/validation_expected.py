"""Set the calls against those that are known to be right."""

from stat3act import logs, tables
from stat3act.validation.expected import compare_with_expected

logs.start(snakemake)

calls = tables.read_table(snakemake.input.calls, dtype={"sample": str})
found = compare_with_expected(calls, snakemake.params.samples, snakemake.params.column)
tables.write_table(snakemake.output.expected, found)
