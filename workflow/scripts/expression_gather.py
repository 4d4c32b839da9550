"""Put the quality tables of all samples below each other."""

from stat3act import logs, tables

logs.start(snakemake)

tables.write_table(snakemake.output.quality, tables.join_tables(snakemake.input.quality))
