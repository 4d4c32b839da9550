"""Texts, numbers and tables of the validation page, as Markdown."""

import textwrap
from collections.abc import Iterable

import pandas as pd

from scoring.figures import LABELS

WIDTH = 119
NAMES = {
    **LABELS,
    "activity_with_collectri_panel": "activity, CollecTRI as third panel",
    "activity_epithelial_panel": "activity of the epithelial panel",
    "activity_collectri_panel": "activity of the CollecTRI panel",
    "activity_all_samples": "activity, all samples",
    "activity_p": "activity, p < 0.05 alone",
    "IFNL": "interferon λ",
    "IL22": "IL-22",
    "IL22_IFNL": "IL-22 + interferon λ",
    "IL22 + IL22_IFNL": "all with IL-22",
    "IFN-beta": "interferon β",
    "without_inflation": "activity without inflation factor",
    "matched_coexpressed": "matched, a quarter from one module",
    "matched_independent": "matched, no module",
    "module_share_0.10": "matched, a tenth from one module",
    "module_share_0.50": "matched, half from one module",
    "other_regulons": "regulons of other factors",
    "mean_weighted_20_genes": "20 genes",
    "mean_weighted_100_genes": "100 genes",
}


def label(name: str) -> str:
    """Name a method or a group for readers."""
    base = name.removesuffix("_standardised")
    return NAMES.get(base, base) + (", on standardised profiles" if base != name else "")


def number(value: float) -> str:
    """Write a number: whole ones as such, others with two digits behind the point, very small ones with an exponent."""
    if pd.isna(value):
        return ""
    if float(value).is_integer() and abs(value) < 1e6:
        return f"{value:.0f}"
    return f"{value:.2f}" if abs(value) >= 0.005 else f"{value:.1g}"


def with_interval(row: pd.Series) -> str:
    """Write a value with its interval, where it has one."""
    if pd.isna(row["low"]):
        return number(row["value"])
    return f"{number(row['value'])} ({number(row['low'])} to {number(row['high'])})"


def paragraph(text: str) -> str:
    """Wrap a paragraph."""
    return textwrap.fill(" ".join(text.split()), WIDTH, break_long_words=False, break_on_hyphens=False)


def listing(items: Iterable[str]) -> str:
    """Write a list."""
    return "\n".join(textwrap.fill(f"- {item}", WIDTH, subsequent_indent="  ") for item in items)


def markdown(table: pd.DataFrame) -> str:
    """Write a table of texts."""
    lines = [list(table.columns), ["---"] * table.shape[1], *table.fillna("").astype(str).to_numpy().tolist()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def grid(rows: pd.DataFrame, index: str, columns: str, write=lambda row: number(row["value"])) -> str:
    """Lay rows out as a table, in the order in which they come.

    Parameters
    ----------
    rows
        Rows of the validation table, one for each cell.
    index, columns
        Which columns of ``rows`` name the lines and the columns.
    write
        Writes a cell.
    """
    cells = {(row[index], row[columns]): write(row) for _, row in rows.iterrows()}
    lines, heads = dict.fromkeys(rows[index]), dict.fromkeys(rows[columns])
    table = pd.DataFrame([[label(line), *(cells.get((line, head), "") for head in heads)] for line in lines])
    return markdown(table.set_axis(["", *(label(head) for head in heads)], axis=1))
