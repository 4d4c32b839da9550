"""Write the RO-Crate metadata of the run."""

import json
from pathlib import Path

from stat3act import logs, tables
from stat3act.report.crate import crate

logs.start(snakemake)

provenance = json.loads(Path(snakemake.input.provenance).read_text(encoding="utf-8"))
output = Path(snakemake.output.crate)
paths = [Path(path) for path in snakemake.input.results]
tables.write_json(output, crate(paths, output.parent, provenance, snakemake.params.version))
