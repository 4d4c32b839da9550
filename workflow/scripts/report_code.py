"""Give every sample and patient a code; codes that were given stay."""

import json
from pathlib import Path

from stat3act import logs, tables
from stat3act.report.code_names import assign_codes, secret_of

logs.start(snakemake)

output = Path(snakemake.output.code_names)
known = tables.read_text_table(output) if output.exists() else None
provenance = json.loads(Path(snakemake.input.provenance).read_text(encoding="utf-8"))
names = {kind: [row[kind] for row in snakemake.params.samples] for kind in ("sample", "patient")}
tables.write_table(output, assign_codes(names, secret_of(provenance), known))
