"""Write the report page and the methods text of a cohort."""

import json
from pathlib import Path

from stat3act import logs, tables
from stat3act.report import code_names, methods_text, page, parts, pictures

logs.start(snakemake)
names = ("calls", "activation_profiles", "drivers", "lesions", "groups", "qc", "composition")
named = {name: snakemake.input[name] for name in names}
named |= {Path(path).stem: path for path in [*snakemake.input.validation, *snakemake.input.compartments]}
texts, sheet = parts.read_texts(named), snakemake.params.samples
provenance = json.loads(Path(snakemake.input.provenance).read_text(encoding="utf-8"))
settings = provenance["config"]
if snakemake.input.code_names:
    codes = code_names.read_code_names(snakemake.input.code_names)
    texts, sheet, provenance = code_names.coded(texts, sheet, provenance, codes)
page_parts, shown = parts.read_parts(snakemake.input.parts), pictures.read_pictures(snakemake.input.pictures)
html = page.render(texts, settings, provenance, sheet, page_parts, parts.vega_javascript(), shown)
tables.write_text(snakemake.output.html, html)
tables.write_text(snakemake.output.methods, methods_text.methods_markdown(settings, provenance))
