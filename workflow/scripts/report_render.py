"""Write the report page and the methods text of a cohort."""

import json
from pathlib import Path

from stat3act import logs, tables
from stat3act.report import methods_text, page, parts, pictures

logs.start(snakemake)
names = ("calls", "activation_profiles", "drivers", "lesions", "groups", "qc", "composition")
named = {name: snakemake.input[name] for name in names}
named |= {Path(path).stem: path for path in [*snakemake.input.validation, *snakemake.input.compartments]}
provenance = json.loads(Path(snakemake.input.provenance).read_text(encoding="utf-8"))
settings = provenance["config"]
html = page.render(
    parts.read_texts(named),
    settings,
    provenance,
    snakemake.params.samples,
    parts.read_parts(snakemake.input.parts),
    parts.vega_javascript(),
    pictures.read_pictures({Path(path).stem: path for path in snakemake.input.pictures}),
)
tables.write_text(snakemake.output.html, html)
tables.write_text(snakemake.output.methods, methods_text.methods_markdown(settings, provenance))
