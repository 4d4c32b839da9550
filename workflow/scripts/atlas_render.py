"""Write the page of an atlas."""

import json
from pathlib import Path

from stat3act import logs, tables
from stat3act.atlas.page import render_atlas
from stat3act.report.columns_atlas import ATLAS_TABLES
from stat3act.report.parts import ATLAS_SCRIPTS, ATLAS_TEMPLATE, read_parts, read_texts, vega_javascript

logs.start(snakemake)

given, params = snakemake.input, snakemake.params
records = {
    name: json.loads(Path(path).read_text(encoding="utf-8"))
    for name, path in zip(params.cohorts, given.provenance, strict=True)
}
texts = read_texts({name: given[name] for name in ATLAS_TABLES})
parts = read_parts(given.parts, ATLAS_TEMPLATE, ATLAS_SCRIPTS)
html = render_atlas(texts, params.settings, records, parts, vega_javascript())
tables.write_text(snakemake.output.html, html)
