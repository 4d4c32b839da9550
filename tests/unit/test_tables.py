"""Tables come back as they were written, and a spreadsheet runs nothing in them."""

import csv
import io
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stat3act.tables import join_tables, read_table, write_table

# https://owasp.org/www-community/attacks/CSV_Injection
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")
FORMULAS = [
    "=1+1",
    "=1",
    "@SUM(A1)",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "\t=1",
    "\n=1",
    '=HYPERLINK("http://x")',
    "--",
    "-A",
]
HARMLESS = ["-1", "+5", "-0.25", "-1e-05", "-inf", "-", "+", "CD4+", "a=b", "'quoted'", "5'-end", ""]


def cells_of(path):
    """Read the first column of a table as a spreadsheet does, knowing nothing of the workflow."""
    return [(row or [""])[0] for row in csv.reader(io.StringIO(path.read_text(), newline=""), delimiter="\t")][1:]


@pytest.mark.parametrize("suffix", ["tsv", "tsv.gz"])
def test_formulas_are_text_in_the_file_and_whole_when_read_again(tmp_path, suffix):
    path = tmp_path / f"table.{suffix}"
    table = pd.DataFrame({"group": FORMULAS + HARMLESS[:-1], "value": -1.5})
    write_table(path, table)
    pd.testing.assert_frame_equal(read_table(path), table)
    if suffix == "tsv":
        assert cells_of(path) == [f"'{text}" for text in FORMULAS] + HARMLESS[:-1]


def test_a_carriage_return_does_not_begin_a_row(tmp_path):
    write_table(tmp_path / "t.tsv", pd.DataFrame({"group": ["a\r=1+1", "\r\n=1"]}))
    assert cells_of(tmp_path / "t.tsv") == ["a\n=1+1", "'\n=1"]


def test_numbers_are_not_touched(tmp_path):
    table = pd.DataFrame({"a": [-1.0, np.nan, -1e-9], "b": [-3, 2, 1], "c": ["-1", "+2", "-3e5"]})
    write_table(tmp_path / "n.tsv", table)
    assert (tmp_path / "n.tsv").read_text() == "a\tb\tc\n-1\t-3\t-1\n\t2\t+2\n-1e-09\t1\t-3e5\n"


def test_categories_and_repeated_columns(tmp_path):
    table = pd.DataFrame([["=a", "=b"], ["c", "=b"]], columns=["x", "x"]).astype("category")
    write_table(tmp_path / "t.tsv", table)
    assert (tmp_path / "t.tsv").read_text() == "x\tx\n'=a\t'=b\nc\t'=b\n"


def test_joined_tables_are_guarded_once(tmp_path):
    write_table(tmp_path / "a.tsv", pd.DataFrame({"group": ["=1+1", "b"]}))
    write_table(tmp_path / "joined.tsv", join_tables([tmp_path / "a.tsv", tmp_path / "a.tsv"]))
    assert cells_of(tmp_path / "joined.tsv") == ["'=1+1", "b"] * 2


@given(st.lists(st.text(alphabet="=+-@'\"\t\r\n aZ0.e", min_size=1, max_size=8), min_size=1, max_size=5))
def test_no_text_begins_as_a_formula(tmp_path_factory, words):
    path = tmp_path_factory.getbasetemp() / "any.tsv"
    write_table(path, pd.DataFrame({"group": words}))
    cells = cells_of(path)
    assert len(cells) == len(words)
    for cell in cells:
        number = re.fullmatch(r"[+-][\d.]+(e[+-]?\d+)?", cell)
        assert len(cell) < 2 or cell[0] not in DANGEROUS or number, repr(cell)
