"""Put the quality tables of all samples below each other."""

import pandas as pd

from stat3act import logs, tables

logs.start(snakemake.log[0], snakemake.rule, dict(snakemake.wildcards))

parts = [tables.read_text_table(path) for path in snakemake.input.quality]
tables.write_table(snakemake.output.quality, pd.concat(parts, ignore_index=True))
