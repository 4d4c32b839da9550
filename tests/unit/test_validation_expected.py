"""Expected against found calls."""

import pandas as pd
import pytest

from stat3act.problems import InputProblems
from stat3act.validation.expected import EXPECTED_COLUMNS, compare_with_expected

FOUND = pd.DataFrame({"sample": ["a", "b", "c"], "call": ["INACTIVE", "STROMA_ACTIVE", "INDETERMINATE"]})


def sheet(*values):
    return [{"sample": name, "truth": value} for name, value in zip("cab", values, strict=True)]


def test_right_wrong_and_open():
    table = compare_with_expected(FOUND, sheet("", "INACTIVE|INDETERMINATE", "BOTH_ACTIVE"), "truth")
    assert list(table.columns) == EXPECTED_COLUMNS
    assert table.to_numpy().tolist() == [
        ["a", "INACTIVE|INDETERMINATE", "INACTIVE", True],
        ["b", "BOTH_ACTIVE", "STROMA_ACTIVE", False],
    ]


def test_all_wrong_names_are_told_together():
    with pytest.raises(InputProblems) as caught:
        compare_with_expected(FOUND, sheet("ON", "inactive", "INACTIVE"), "truth")
    assert [problem.value for problem in caught.value.problems] == ["inactive", "ON"]


def test_a_column_without_a_value_is_a_problem():
    with pytest.raises(InputProblems, match="no value"):
        compare_with_expected(FOUND, sheet("", "", ""), "truth")
