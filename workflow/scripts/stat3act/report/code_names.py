"""Codes instead of the names of samples and patients in the report, for those who pass it on.

A code must say nothing of its name. Numbers in the order of the sheet, which is mostly the alphabet's, would; so would
a plain hash, by which whoever has a list of names finds each. Codes are numbered in the order of a keyed hash
(BLAKE2b, RFC 7693) instead, whose key is made from the contents of the inputs and is not in the report. Whoever has the
inputs could compute the activities again and find each sample by them: the key gives them nothing more.
"""

import hashlib
import io
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from stat3act.problems import Problem
from stat3act.schema import lookup
from stat3act.tables import read_text_table

COLUMNS = ["kind", "name", "code"]
LETTERS = {"sample": "S", "patient": "P"}
# What a user words freely and the page shows.
SHOWN_KEYS = (
    "cohort",
    "report.title",
    "report.source",
    "activity.controls",
    "activity.reference",
    "networks.regulon",
    "compartments.reference",
    "compartments.cell_type_key",
    "compartments.malignant_key",
)
# Columns of the sheet that the page does not show.
HIDDEN_COLUMNS = ("sample", "patient", "path", "column")
# A shorter name, or one of digits alone, is found in any text.
SHORTEST_WORD = 3


@dataclass(frozen=True)
class CodeNames:
    """Code of every name, of samples and of patients: ``code_names.tsv``."""

    sample: Mapping[str, str]
    patient: Mapping[str, str]


def read_code_names(path: str | Path) -> CodeNames:
    """Read ``code_names.tsv``."""
    table = read_text_table(path)
    return CodeNames(**{kind: dict(table.loc[table["kind"] == kind, ["name", "code"]].values) for kind in LETTERS})


def secret_of(provenance: Mapping) -> bytes:
    """Make the key of the hash from the contents of all inputs.

    Parameters
    ----------
    provenance
        ``provenance.json``; the sha256 of its ``inputs`` is used.
    """
    contents = json.dumps([entry["sha256"] for entry in provenance["inputs"]])
    return hashlib.blake2b(contents.encode(), digest_size=64, person=b"code names").digest()


def assign_codes(names: Mapping[str, Iterable[str]], secret: bytes, known: pd.DataFrame | None = None) -> pd.DataFrame:
    """Give every name a code.

    Parameters
    ----------
    names
        ``sample`` and ``patient`` to their names; each may come more than once.
    secret
        Key of the hash, 64 bytes.
    known
        An earlier result, whose codes stay and are given to no other name. New names follow it.

    Returns
    -------
    Columns `COLUMNS`, one row for each name, in the order of the codes: ``S001`` and on for samples, ``P001`` and on
    for patients. A code that is the name of a sample or patient is left out.
    """
    known = pd.DataFrame(columns=COLUMNS) if known is None else known
    taken = {name for kind in LETTERS for name in names[kind]} | set(known["name"])
    tables = []
    for kind, letter in LETTERS.items():
        old = known[known["kind"] == kind]
        new = sorted(set(names[kind]) - set(old["name"]), key=lambda name: _keyed_hash(name, secret))
        number = max((int(code[1:]) for code in old["code"]), default=0)
        codes = []
        while len(codes) < len(new):
            number += 1
            if (code := f"{letter}{number:03d}") not in taken:
                codes.append(code)
        tables += [old, pd.DataFrame({"kind": kind, "name": new, "code": codes}, columns=COLUMNS)]
    return pd.concat([table for table in tables if not table.empty], ignore_index=True)


def _keyed_hash(name: str, secret: bytes) -> bytes:
    return hashlib.blake2b(name.encode(), key=secret).digest()


def coded_rows(table: pd.DataFrame, code_names: CodeNames) -> pd.DataFrame:
    """Put codes for names in the columns ``sample`` and ``patient``, and rows in the order of the codes.

    Rows that stayed in the order of the sheet would tell which code is whose.
    """
    table = table.copy()
    for kind in LETTERS:
        if kind in table:
            # A name without a code ends the job: it must neither be shown nor vanish.
            table[kind] = table[kind].astype(str).map(getattr(code_names, kind).__getitem__)
    if "sample" in table:
        table = table.sort_values("sample", key=lambda codes: codes.str[1:].astype(int), kind="stable")
    return table.reset_index(drop=True)


def coded(
    texts: Mapping[str, str], sheet: Sequence[Mapping[str, str]], provenance: Mapping, code_names: CodeNames
) -> tuple[dict[str, str], list[dict[str, str]], dict]:
    """Return what the page is made of with codes instead of names.

    Parameters
    ----------
    texts
        Name of each table to the text of its file. Cells other than names stay as they are written.
    sheet
        Rows of the sample sheet.
    provenance
        ``provenance.json``. Its inputs are left out: their paths name samples, and the key of the hash is made from
        their contents.
    code_names
        Code of every name.
    """
    tables = {name: coded_rows(read_text_table(io.StringIO(text)), code_names) for name, text in texts.items()}
    written = {name: table.to_csv(sep="\t", index=False, lineterminator="\n") for name, table in tables.items()}
    rows = coded_rows(pd.DataFrame(list(sheet)), code_names).to_dict("records")
    return written, rows, {**provenance, "inputs": []}


# --- names that would be shown all the same --------------------------------------------------------------------------


def names_in(text: str, names: Collection[str]) -> list[str]:
    """List the names that stand in a text as whole words, in any case; those too short to tell are not looked for."""
    words = [name for name in names if len(name) >= SHORTEST_WORD and re.search(r"[^\W\d_]", name)]
    found = [name for name in words if re.search(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", text, re.IGNORECASE)]
    return sorted(found)


def naming_problems(config: Mapping[str, Any], sheet: pd.DataFrame, file: str) -> list[Problem]:
    """Return where a report with codes would show a name all the same.

    Parameters
    ----------
    config
        Configuration with its defaults.
    sheet
        Sample sheet as `stat3act.cohort.read_sheet` returns it.
    file
        Name of the configuration file, for the messages.
    """
    if not config["report"]["code_names"] or not {"sample", "patient"} <= set(sheet.columns):
        return []
    names = set(sheet["sample"]) | set(sheet["patient"])
    problems = []
    for key in SHOWN_KEYS:
        value = lookup(config, key)
        if found := names_in(json.dumps(value, ensure_ascii=False), names):
            mend = "word it without the name, or set `report.code_names: false`"
            expected = "no name of a sample or patient, because `report.code_names` is on and the report shows this"
            problems.append(Problem(file, f"key `{key}`", f"{value!r}, which names {found[0]}", expected, mend))
    return problems + _columns_that_name(sheet, names, config["samples"])


def _columns_that_name(sheet: pd.DataFrame, names: Collection[str], file: str) -> list[Problem]:
    """Return one problem for each further column of the sheet in which names stand."""
    problems = []
    for column in sheet.columns.difference(HIDDEN_COLUMNS, sort=False):
        cells = sheet[column]
        naming = cells.map(lambda cell: bool(names_in(cell, names)))
        # Short names and numbers are no words; a column that repeats them throughout is found by that.
        if any((cells == sheet[kind]).all() for kind in LETTERS):
            naming[:] = True
        if naming.any():
            first = naming.index[naming][0]
            place = f"row {first}, column '{column}'"
            value = f"{cells[first]!r}, which names a sample or patient ({naming.sum()} of {len(sheet)} rows do)"
            expected = "no such name, because `report.code_names` is on and the report shows this column"
            mend = "leave the column out, word it otherwise, or set `report.code_names: false`"
            problems.append(Problem(file, place, value, expected, mend))
    return problems
