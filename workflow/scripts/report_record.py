"""Record what the results were made from."""

import json
from pathlib import Path

import yaml

from stat3act import logs, tables
from stat3act.report.provenance import record

logs.start(snakemake)

inputs = zip(snakemake.params.names, snakemake.input.files, strict=True)
network = json.loads(Path(snakemake.input.network).read_text(encoding="utf-8"))
settings = snakemake.params.settings
tables.write_json(snakemake.output.provenance, record(inputs, settings, network, snakemake.params.code))
tables.write_text(snakemake.output.config, yaml.safe_dump(settings, sort_keys=True, allow_unicode=True))
