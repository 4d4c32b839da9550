"""Write docs/tables.md: what each column of each result table means, as the report page says it too.

Run it from the root of the repository after a change of a table: ``make readme``.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from stat3act.report.columns import ALSO, TABLES  # noqa: E402
from stat3act.report.columns_atlas import ATLAS_TABLES  # noqa: E402

PAGE = ROOT / "docs" / "tables.md"
HEAD = """\
# The result tables

This page is generated from `stat3act.report.columns` by `docs/make_tables_page.py`; do not edit it by hand. The report
page holds the same descriptions under *What each column means*.

Tables are tab-separated UTF-8 text, below `results/<cohort>/`. An empty cell is a missing value, never zero; numbers
have six significant digits. In R: `read.delim("calls.tsv", na.strings = "", check.names = FALSE)`; in Python:
`pandas.read_csv("calls.tsv", sep="\\t")`.

Text of your input that a spreadsheet would run as a formula (it begins with `=`, `+`, `-`, `@`, a tab or a line end,
and is no number) has an apostrophe before it, as in `'=1+1`.

A value in z is an activity over the standard deviation of its null; 0 is the reference that the row names.
"""
STAGES = ("profiles", "activity", "compartments", "expression", "networks", "validation")
ALSO_HEAD = """\
## Further columns of `activity/scores.tsv` and `profiles/activation_profiles.tsv`

Only where `activity.also` of the config asks for them.
"""
ATLAS_HEAD = """\
# The tables of an atlas

Below `atlas/<atlas>/`; only values on the scale of the frozen reference that all its cohorts share.
"""


def cell(text: str) -> str:
    """Return a text fit for a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def rows(columns: dict[str, tuple[str, str]]) -> Iterator[str]:
    """Yield the lines of a table of columns."""
    yield "| column | meaning | unit |"
    yield "| --- | --- | --- |"
    for name, (meaning, unit) in columns.items():
        yield f"| `{name}` | {cell(meaning)} | {cell(unit)} |"


def page() -> str:
    """Return the text of docs/tables.md, tables in the order in which a reader needs them."""
    lines = [HEAD]
    for stage in STAGES:
        for table in TABLES.values():
            if table.path.startswith(f"{stage}/"):
                lines += [f"## `{table.path}`\n", f"One row is {table.row}.\n", *rows(table.columns), ""]
    lines += [ALSO_HEAD, *rows(ALSO), "", ATLAS_HEAD]
    for table in ATLAS_TABLES.values():
        lines += [f"## `atlas/<atlas>/{table.path}`\n", f"One row is {table.row}.\n", *rows(table.columns), ""]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
