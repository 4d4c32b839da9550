"""Write config/README.md from the schemas, so that it always lists every key with its default.

Run it from the root of the repository after a change of a schema: ``python docs/make_config_readme.py``.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "config" / "README.md"
HEAD = """\
# Configuration

This page is generated from `workflow/schemas/` by `docs/make_config_readme.py`; do not edit it by hand.

One YAML file and one sample sheet describe one cohort. `config/config.yaml` is the demo; cohorts of your own go to
`config/cohorts/<name>/`.

## A cohort of your own

1. Copy `config/config.yaml` to `config/cohorts/<name>/config.yaml` and remove the lines that are marked as demo only
   (`expression.simulate`, and the demo's `networks.regulon`, `profiles.lesions` and `validation.expected_call`).
2. Write `config/cohorts/<name>/samples.tsv`: tab-separated, one row per sample, the columns below.
3. Fill in `cohort`, `samples`, `tumour_type`, and what was measured (`expression.type`, `expression.scale`). Every
   other key has a default.
4. Look at what would run, then run it; `data_dir` can be given here or in the file:

   ```bash
   snakemake -n --configfile config/cohorts/<name>/config.yaml --config data_dir=<folder>
   snakemake --cores 2 --configfile config/cohorts/<name>/config.yaml --config data_dir=<folder>
   ```

Everything that is wrong with the configuration, the sheet and the headers of the files is printed as one list before
any job starts, each line with the file, the place, what was found, what was expected, and how to mend it. A cohort's
file replaces the demo's and is never merged with it.
"""
SHEET_HEAD = """\
## Sample sheet

{description}

| column | needed | description |
| --- | --- | --- |
"""
ATLAS_HEAD = """\

## An atlas: cohorts compared

{description} `config/atlas.yaml` is an example; `make atlas ATLAS=<your file>` runs it. Cohorts that were scored
against themselves are refused, with what to change.

"""


def default_text(part: Mapping[str, Any], required: bool) -> str:
    """Return the default of a key as the table shows it."""
    if "default" in part:
        return f"`{json.dumps(part['default'], ensure_ascii=False)}`"
    return "**required**" if required else ""


def type_text(part: Mapping[str, Any]) -> str:
    """Return the type of a key with its allowed values or bounds."""
    if "enum" in part:
        return " ".join(f"`{value}`" for value in part["enum"])
    kinds = part["type"] if isinstance(part["type"], list) else [part["type"]]
    text = " or ".join(f"list of {part['items']['type']}" if kind == "array" else kind for kind in kinds)
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = ", ".join(f"{sign} {part[key]}" for key, sign in signs.items() if key in part)
    return f"{text}, {bounds}" if bounds else text


def cell(text: str) -> str:
    """Return a text fit for a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")


def key_rows(schema: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield a table row for each key below a section, keys of subsections by their dotted names."""
    for key, part in schema["properties"].items():
        if "properties" in part:
            yield from key_rows(part, f"{prefix}{key}.")
        else:
            default = default_text(part, key in schema.get("required", []))
            yield f"| `{prefix}{key}` | {type_text(part)} | {default} | {cell(part['description'])} |"


def readme(config_schema: Mapping[str, Any], sheet_schema: Mapping[str, Any], atlas_schema: Mapping[str, Any]) -> str:
    """Return the text of config/README.md.

    Parameters
    ----------
    config_schema, sheet_schema, atlas_schema
        The JSON Schemas of a configuration, of a row of the sample sheet, and of an atlas.
    """
    lines = [HEAD, SHEET_HEAD.format(description=sheet_schema["description"].strip())]
    for column, part in sheet_schema["properties"].items():
        needed = "yes" if column in sheet_schema["required"] else "with files" if column == "path" else ""
        lines.append(f"| `{column}` | {needed} | {cell(part['description'])} |\n")
    table = "| key | type | default | description |\n| --- | --- | --- | --- |\n"
    sections = {key: part for key, part in config_schema["properties"].items() if "properties" in part}
    top = {
        "properties": {key: part for key, part in config_schema["properties"].items() if key not in sections},
        "required": config_schema["required"],
    }
    lines += ["\n## Cohort\n\n", table, "\n".join(key_rows(top)) + "\n"]
    for key, part in sections.items():
        lines += [f"\n## `{key}`\n\n{part['description']}\n\n", table, "\n".join(key_rows(part, f"{key}.")) + "\n"]
    lines += [
        ATLAS_HEAD.format(description=atlas_schema["description"]),
        table,
        "\n".join(key_rows(atlas_schema)) + "\n",
    ]
    return "\n".join(lines[:2]) + "".join(lines[2:])


def load_schema(name: str) -> dict[str, Any]:
    """Return the schema ``workflow/schemas/<name>.schema.yaml``."""
    return yaml.safe_load((ROOT / "workflow" / "schemas" / f"{name}.schema.yaml").read_text(encoding="utf-8"))


if __name__ == "__main__":
    README.write_text(readme(load_schema("config"), load_schema("samples"), load_schema("atlas")), encoding="utf-8")
