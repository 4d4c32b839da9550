"""Calls that are known to be right, set against the calls that were found."""

import pandas as pd

from stat3act.problems import Problem, raise_if_any
from stat3act.profiles.calls import CALLS

EXPECTED_COLUMNS = ["sample", "expected", "found", "right"]
# A truth may leave something open, e.g. INACTIVE|INDETERMINATE: not to be called active.
ALTERNATIVE = "|"


def compare_with_expected(calls: pd.DataFrame, samples: list[dict], column: str) -> pd.DataFrame:
    """Compare calls with a column of the sample sheet.

    Parameters
    ----------
    calls
        ``profiles/calls.tsv``.
    samples
        Sheet rows with ``sample`` and ``column``.
    column
        Column with the expected call, or several joined with ``|``; empty where nothing is known.

    Returns
    -------
    `EXPECTED_COLUMNS`, sorted by sample; ``right`` is True or False.

    Raises
    ------
    InputProblems
        When the sheet lacks the column, a value is not a call, or no sample has one.
    """
    found = calls.set_index("sample")["call"]
    rows, problems = [], []
    for row in sorted(samples, key=lambda row: row["sample"]):
        sample, expected = row["sample"], str(row.get(column, "")).strip()
        names = [name.strip() for name in expected.split(ALTERNATIVE)]
        if not expected:
            continue
        where = f"sample {sample!r}, column {column!r}"
        if wrong := [name for name in names if name not in CALLS]:
            mend = "use one of these names, several joined with '|', or leave the cell empty"
            problems.append(Problem("sample sheet", where, ", ".join(wrong), f"one of {', '.join(CALLS)}", mend))
            continue
        rows.append((sample, expected, found[sample], found[sample] in names))
    if not rows and not problems:
        mend = "fill the column, or set validation.expected_call to null"
        problems.append(Problem("sample sheet", f"column {column!r}", "no value", "at least one expected call", mend))
    raise_if_any(problems)
    return pd.DataFrame(rows, columns=EXPECTED_COLUMNS)
