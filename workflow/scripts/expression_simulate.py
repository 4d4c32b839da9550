"""Simulate one sample of a demo cohort with the states its row of the sheet plants."""

import pandas as pd
import yaml

from stat3act import logs, tables
from stat3act.expression.simulate import build_design, simulate_sample

logs.start(snakemake)

with open(snakemake.input.parameters, encoding="utf-8") as handle:
    parameters = yaml.safe_load(handle)
genes, markers = (tables.read_text_table(snakemake.input[name]) for name in ("genes", "markers"))
axes = pd.concat([tables.read_text_table(path) for path in snakemake.input.axes])
settings = snakemake.params.settings
design = build_design(parameters, genes, markers, axes, settings["seed"])
result = simulate_sample(design, snakemake.wildcards.sample, snakemake.params.sample, **settings)
write = tables.write_h5ad if settings["type"] == "single_cell" else tables.write_table
write(snakemake.output.expression, result)
