"""A user's text table: read as text, and everything that is wrong with its form in one list.

What a spreadsheet or R writes is taken as it comes: a byte order mark, Windows line ends, quoted cells, comment lines
before the header, and a header without the name of the first column. Every Snakemake job parses this, so it imports
little.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from stat3act.named_files import NO_TEXT
from stat3act.problems import Problem, raise_if_any, shorten

SEPARATORS = {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "vertical bars"}
# What stands for a missing number, in small letters.
MISSING = ("", "na", "nan", "n/a", "null")
AS_TEXT = "save it as plain text in UTF-8"


def read_text(path: str | Path, name: str, mend: str = "check the name and the rights of the file") -> str:
    """Return the text of a user's file, without byte order mark; one that ends in ``.gz`` is decompressed.

    Parameters
    ----------
    path
        The file.
    name
        What the user calls it, for the messages.
    mend
        What to do when it cannot be opened.

    Raises
    ------
    InputProblems
        When it cannot be opened, is cut off, or is no UTF-8 text.
    """
    try:
        # A pipe would wait for ever, and a device never end.
        if Path(path).exists() and not Path(path).is_file():
            raise IsADirectoryError(0, "a folder" if Path(path).is_dir() else "no regular file")
        content = Path(path).read_bytes()
        if str(path).lower().endswith(".gz"):
            content = gzip.decompress(content)
        text = content.decode("utf-8-sig")
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        found, expected = f"not readable as gzip ({error})", "a whole gzip file"
        raise_if_any([Problem(name, "", found, expected, "write or download it again; .gz only for gzip")])
    except UnicodeDecodeError as error:
        known = next((words for start, words in NO_TEXT.items() if content.startswith(start)), None)
        found = known or f"bytes that are not UTF-8 (at position {error.start})"
        raise_if_any([Problem(name, "", found, "UTF-8 text", f"{AS_TEXT} (not as a workbook, not as UTF-16)")])
    except (OSError, ValueError) as error:
        raise_if_any([Problem(name, "", getattr(error, "strerror", None) or str(error), "a text file", mend)])
    if "\0" in text:
        row = text[: text.index("\0")].count("\n") + 1
        raise_if_any([Problem(name, f"row {row}", "a NUL byte, which no text has", "UTF-8 text", AS_TEXT)])
    return text


def split_rows(text: str, name: str, separator: str = "\t") -> dict[int, list[str]]:
    """Return the cells of each row that has any, by the number a spreadsheet gives it.

    Raises
    ------
    InputProblems
        For a quotation mark that is not closed, and for cells that are longer than any table has.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows, number, line = {}, 0, 1
    try:
        for number, cells in enumerate(reader, 1):
            if any(cell.strip() for cell in cells):
                rows[number] = cells
            line = reader.line_num + 1
    except csv.Error as error:
        mend = "close the quotation mark, or remove it"
        found = f"a cell that cannot be read ({error}) from line {line} of the file on"
        raise_if_any([Problem(name, f"row {number + 1}", found, 'cells without ", or between two of them', mend)])
    return rows


def read_user_table(
    path: str | Path, name: str, columns: Sequence[str] = (), mend: str = "add the column", separator: str = "\t"
) -> pd.DataFrame:
    """Read a table with a header, every cell as text.

    Parameters
    ----------
    path, name
        As in `read_text`.
    columns
        Columns that it must have, each once; others may be there, under any name.
    mend
        What to do when one is missing.
    separator
        Between cells.

    Returns
    -------
    The rows, with the numbers a spreadsheet gives them as index.

    Raises
    ------
    InputProblems
        When it cannot be read, has no row below its header, is separated otherwise, lacks a column or has it twice, and
        for every row whose number of cells is not that of the header.
    """
    rows = split_rows(read_text(path, name), name, separator)
    while rows and next(iter(rows.values()))[0].startswith("#"):
        del rows[next(iter(rows))]
    if not rows:
        raise_if_any([Problem(name, "", "an empty file", "a header and rows below it", "check how it was written")])
    number, header = next(iter(rows.items()))
    del rows[number]
    header = [cell.strip() for cell in header]
    if rows and all(len(cells) == len(header) + 1 for cells in rows.values()):
        header = ["", *header]
    raise_if_any(shorten(_form_problems(rows, header, number, name, columns, mend, separator)))
    return pd.DataFrame(list(rows.values()), index=pd.Index(rows, name="row"), columns=header, dtype=str)


def _form_problems(rows, header, number, name, columns, mend, separator) -> Iterator[Problem]:
    first = f"row {number}"
    if found := other_separator(header, separator):
        expected = f"columns separated by {SEPARATORS[separator]}"
        yield Problem(name, first, f"columns separated by {found}", expected, _separated(separator))
        return
    for column in columns:
        if column not in header:
            yield Problem(name, first, f"the columns {', '.join(header[:20])}", f"a column '{column}'", mend)
        elif header.count(column) > 1:
            found = f"'{column}' {header.count(column)} times"
            yield Problem(name, first, found, "the column once", "rename or remove the others")
    if not rows:
        yield Problem(name, "", "a header without rows", "rows below the header", "check how it was written")
    for row, cells in rows.items():
        if len(cells) != len(header):
            wanted = f"{len(header)} cells, as in the header"
            words = f"mind the {SEPARATORS[separator]}: one between two cells, also where a cell is empty"
            yield Problem(name, f"row {row}", f"{len(cells)} cells", wanted, words)


def _separated(separator: str) -> str:
    words = "tab-separated text" if separator == "\t" else f"text with {SEPARATORS[separator]}"
    return f"save it as {words}, or correct the suffix: .csv has commas, all others have tabs"


def other_separator(header: Sequence[str], separator: str) -> str:
    """Return the name of what separates the columns of a header that was read as a single cell; else nothing."""
    if len(header) > 1:
        return ""
    return next((words for mark, words in SEPARATORS.items() if mark != separator and mark in header[0]), "")


def as_numbers(table: pd.DataFrame, name: str) -> tuple[pd.DataFrame, list[Problem]]:
    """Turn text into numbers.

    Parameters
    ----------
    table
        Columns of `read_user_table`.
    name
        Name of the file, for the messages.

    Returns
    -------
    The numbers, NaN for a cell that is empty or `MISSING` and for one that holds text; and a problem for each of the
    latter, at most as many as `stat3act.problems.shorten` keeps.
    """
    numbers = table.apply(pd.to_numeric, errors="coerce").astype(np.float64)
    empty = table.apply(lambda column: column.str.strip().str.lower().isin(MISSING)).astype(bool)
    places = np.argwhere((numbers.isna() & ~empty).to_numpy())
    mend = "write it with a decimal point and without separators of thousands, or leave the cell empty"

    def problem(row: int, column: int) -> Problem:
        where = f"row {table.index[row]}, column '{table.columns[column]}'"
        return Problem(name, where, repr(table.iloc[row, column]), "a number", mend)

    return numbers, shorten(problem(row, column) for row, column in places)
