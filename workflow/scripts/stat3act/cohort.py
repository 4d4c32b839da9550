"""A cohort's sample sheet: read as text, and everything wrong with it in one list.

Every Snakemake job parses this, so it imports little. Rows are numbered as a spreadsheet shows them: the
header is row 1.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from stat3act.config_file import repeated_keys
from stat3act.configuration import check_config
from stat3act.control_query import check_against_sheet
from stat3act.named_files import check_files
from stat3act.problems import InputProblems, Problem, raise_if_any, shorten
from stat3act.schema import nearest
from stat3act.user_tables import other_separator, read_text, split_rows

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
NAME_WORDS = "letters, digits, `_`, `.` and `-`, beginning with a letter or digit"
CALLS = ("TUMOUR_INTRINSIC_ACTIVE", "STROMA_ACTIVE", "BOTH_ACTIVE", "INACTIVE", "INDETERMINATE")
# Strengths that `expression.simulate` plants; 0 is off.
PLANTED = ("planted_tumour", "planted_microenvironment", "planted_interferon", "planted_nfkb")
# The default of `profiles.groups`: compared where the sheet has them, while any other name is asked for.
USUAL_GROUPS = ("subtype", "stage", "condition")
# Columns that the configuration names and that may be empty for a sample: purity and truth are not always known.
NAMED_COLUMNS = (("validation", "purity"), ("validation", "expected_call"), ("compartments", "purity_column"))
# File systems take 255 bytes; endings like .copy_number.tsv and the name of a partial file come on top.
LONGEST_NAME = 100


def open_cohort(
    config: Mapping[str, Any],
    schema: Mapping[str, Any],
    file: str,
    look_at_files: Callable[[dict[str, Any], pd.DataFrame], list[Problem]] | None = None,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Check a configuration together with its sample sheet and the other files it names.

    Parameters
    ----------
    config
        Configuration as read from YAML.
    schema
        JSON Schema of the configuration.
    file
        Name of the configuration file, for the messages.
    look_at_files
        Looks for problems in the files that sheet and configuration name, given the complete configuration and the
        sheet, which may lack paths.

    Returns
    -------
    The configuration with its defaults, and the sample sheet (all text).

    Raises
    ------
    InputProblems
        With everything that is wrong with all of them.
    """
    filled, problems = check_config(config, schema, file)
    problems += repeated_keys(file)
    if filled is None:
        raise_if_any(problems)
    problems += check_files(filled, file)
    try:
        sheet = read_sheet(filled["samples"])
    except InputProblems as error:
        raise_if_any([*problems, *error.problems])
    problems += check_sheet(sheet, filled, filled["samples"])
    if sheet.columns.is_unique and not sheet.empty:
        problems += check_against_sheet(filled, sheet, file)
        if look_at_files and "sample" in sheet:
            problems += look_at_files(filled, sheet)
    raise_if_any(problems)
    return filled, sheet


def read_sheet(path: str | Path) -> pd.DataFrame:
    """Read a sample sheet (tab-separated, UTF-8) with every cell as text.

    Parameters
    ----------
    path
        The sheet.

    Returns
    -------
    One row per sample, empty cells as empty strings, the index (``row``) as a spreadsheet numbers rows. Empty
    rows are left out. ``attrs["cells"]`` maps rows whose number of cells is not that of the header to it.

    Raises
    ------
    InputProblems
        When the file is missing, empty or not UTF-8 text, or has a quotation mark that is not closed.
    """
    file = str(path)
    mend = "correct `samples` in the configuration; it is relative to the folder Snakemake is started in"
    rows = split_rows(read_text(path, file, mend), file)
    if 1 not in rows:
        mend = "write the header in the first row: sample, patient, path"
        raise InputProblems([Problem(file, "row 1", "nothing", "the names of the columns", mend)])
    header = rows.pop(1)
    width = len(header)
    cells = [(row + [""] * width)[:width] for row in rows.values()]
    sheet = pd.DataFrame(cells, columns=header, index=pd.Index(rows, name="row", dtype=int), dtype=str)
    sheet.attrs["cells"] = {number: len(row) for number, row in rows.items() if len(row) != width}
    return sheet


def check_sheet(sheet: pd.DataFrame, config: Mapping[str, Any], file: str) -> list[Problem]:
    """Return everything that is wrong with a sample sheet.

    Parameters
    ----------
    sheet
        As `read_sheet` returns it.
    config
        Configuration with its defaults filled in.
    file
        Name of the sheet, for the messages.

    Returns
    -------
    The problems of header and cells, and of the columns the configuration names. The query for controls is
    checked by `stat3act.control_query.check_against_sheet`; whether the files exist by
    `stat3act.expression.headers`.
    """
    if found := list(_check_separator(sheet)):
        return [Problem(file, *parts) for parts in found]
    parts = list(_check_header(sheet, config))
    if not sheet.columns.is_unique:
        return [Problem(file, *part) for part in parts]
    if sheet.empty:
        parts.append(("row 2", "nothing", "at least one sample", "write one row per sample"))
    parts += _check_width(sheet)
    parts += _check_cells(sheet, config)
    parts += _check_duplicates(sheet)
    parts += _check_numbers(sheet, config)
    parts += _check_calls(sheet, config)
    return shorten(Problem(file, *part) for part in parts)


def required_columns(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the columns a sheet must have under this configuration, each with the reason."""
    columns = {"sample": "every sheet has it", "patient": "every sheet has it"}
    if config["expression"]["simulate"]:
        columns |= {name: "`expression.simulate` plants this strength" for name in PLANTED}
        if config["expression"]["type"] == "bulk":
            columns["purity"] = "`expression.simulate` mixes the sample with it"
    else:
        columns["path"] = "it names the file with the sample's expression"
    for column in config["activity"]["strata"]:
        columns.setdefault(column, "`activity.strata` names it")
    for column in config["profiles"]["groups"]:
        if column not in USUAL_GROUPS:
            columns.setdefault(column, "`profiles.groups` names it")
    for section, key in NAMED_COLUMNS:
        if column := config[section][key]:
            columns.setdefault(column, f"`{section}.{key}` names it")
    return columns


Parts = tuple[str, str, str, str]


def _cell(row: int, column: str) -> str:
    return f"row {row}, column '{column}'"


def _check_separator(sheet: pd.DataFrame) -> Iterator[Parts]:
    if found := other_separator(list(sheet.columns), "\t"):
        mend = "save it as tab-separated text (.tsv)"
        yield "row 1", f"columns separated by {found}", "columns separated by tabs", mend


def _check_header(sheet: pd.DataFrame, config: Mapping[str, Any]) -> Iterator[Parts]:
    names = [str(name) for name in sheet.columns]
    clean = [name.strip() for name in names]
    for number, name in enumerate(names, 1):
        where = f"row 1, column {number}"
        if not name.strip():
            yield where, "an empty name", "a name for each column", "name the column or remove it"
        elif name != name.strip():
            yield where, repr(name), f"'{name.strip()}'", "remove the blanks around the name"
        if clean[number - 1] and clean[number - 1] in clean[: number - 1]:
            mend = "rename or remove one of the two"
            yield where, f"'{clean[number - 1]}' a second time", "each column once", mend
    for column, reason in required_columns(config).items():
        if column not in clean:
            found = nearest(column, [name for name in clean if name not in required_columns(config)])
            mend = f"rename '{found}', if that is it, or add the column" if found else "add the column"
            yield "row 1", f"no column '{column}'", f"a column '{column}': {reason}", mend


def _check_width(sheet: pd.DataFrame) -> Iterator[Parts]:
    width = len(sheet.columns)
    for row, cells in sheet.attrs.get("cells", {}).items():
        mend = "mind the tabs: one between two cells, also where a cell is empty"
        yield f"row {row}", f"{cells} cells", f"{width} cells, as in the header", mend


def _check_cells(sheet: pd.DataFrame, config: Mapping[str, Any]) -> Iterator[Parts]:
    needed = set(required_columns(config))
    # Purity, truth and group may be unknown for a sample; a simulation cannot do without the purity.
    optional = {*(config[section][key] for section, key in NAMED_COLUMNS), *config["profiles"]["groups"]}
    optional -= {"sample", "patient", "path", *config["activity"]["strata"]}
    needed -= optional - ({"purity"} if config["expression"]["simulate"] else set())
    for column in sheet.columns:
        for row, value in sheet[column].items():
            where = _cell(row, column)
            if value != value.strip():
                yield where, repr(value), f"'{value.strip()}'", "remove the blanks around it"
            elif not value and column in needed:
                yield where, "an empty cell", f"a value: {required_columns(config)[column]}", "fill it in"
            elif value and column in ("sample", "patient") and not NAME.fullmatch(value):
                yield where, repr(value), NAME_WORDS, "rename it; names become parts of file names"
            elif column in ("sample", "patient") and len(value) > LONGEST_NAME:
                found = f"a name of {len(value)} characters"
                yield where, found, f"at most {LONGEST_NAME}", "shorten it; names become parts of file names"


def _check_duplicates(sheet: pd.DataFrame) -> Iterator[Parts]:
    keys = {"sample": ["sample"]}
    if {"path", "column"} <= set(sheet.columns):
        keys["column"] = ["path", "column"]
    for column, names in keys.items():
        if not set(names) <= set(sheet.columns):
            continue
        first: dict[tuple[str, ...], int] = {}
        for row, *values in sheet[names].itertuples():
            key = tuple(values)
            if all(key) and key in first:
                found = " with ".join(f"'{value}'" for value in reversed(key))
                mend = "rename one of the two, or remove the row" if column == "sample" else "correct one of them"
                yield _cell(row, column), f"{found}, as in row {first[key]}", "each one once", mend
            first.setdefault(key, row)


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _check_numbers(sheet: pd.DataFrame, config: Mapping[str, Any]) -> Iterator[Parts]:
    named = config["validation"]["purity"], config["compartments"]["purity_column"]
    purity = {"purity", *named} & set(sheet.columns)
    for column in sorted(purity):
        for row, value in sheet[column].items():
            number = _number(value) if value.strip() else 0.5
            if number is None or not 0 <= number <= 1:
                mend = "write the fraction with a decimal point, or leave the cell empty where it is unknown"
                if number is not None and 1 < number <= 100:
                    mend = f"write {number / 100:g}, if this is a percentage"
                yield _cell(row, column), repr(value), "a fraction between 0 and 1", mend
    if config["expression"]["simulate"]:
        for column in [name for name in PLANTED if name in sheet.columns]:
            for row, value in sheet[column].items():
                number = _number(value) if value.strip() else 0.0
                if number is None or not 0 <= number <= 5:
                    yield _cell(row, column), repr(value), "a strength between 0 (off) and 5", "correct it"


def _check_calls(sheet: pd.DataFrame, config: Mapping[str, Any]) -> Iterator[Parts]:
    column = config["validation"]["expected_call"]
    if column not in sheet.columns:
        return
    for row, value in sheet[column].items():
        if value.strip() and not set(value.split("|")) <= set(CALLS):
            found = nearest(value.upper(), CALLS)
            mend = f"write {found}, if that is what is meant" if found else "choose one, or leave the cell empty"
            yield _cell(row, column), repr(value), "one of " + ", ".join(CALLS) + ", or several joined by |", mend
