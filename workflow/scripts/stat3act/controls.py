"""The query that selects a cohort's control samples: what it may say, and which samples it selects.

Every Snakemake job parses this, so it imports little.
"""

import ast
import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from stat3act.problems import Problem

# A stratum with one control has a location but says nothing about spread.
MIN_CONTROLS_PER_STRATUM = 2
COMPARING = (
    *(ast.Expression, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Compare, ast.Name, ast.Constant, ast.List, ast.Tuple),
    *(ast.And, ast.Or, ast.Not, ast.Invert, ast.BitAnd, ast.BitOr, ast.Load, ast.cmpop),
    *(ast.Call, ast.Attribute, ast.keyword),
)
# Attributes of a column; those of `.str` are all of them about text.
COLUMN_METHODS = ("str", "isin")


def refuse_foreign_code(query: str) -> None:
    """Raise `ValueError` where a query could do anything but compare columns of the sheet.

    A query comes in a file, and pandas would run whatever it can reach from a column or through ``@``.
    """
    # Names in backticks are columns that are no Python names.
    tree = ast.parse(re.sub(r"`[^`]*`", "column", query.strip()), mode="eval")
    for node in ast.walk(tree):
        if not isinstance(node, COMPARING):
            raise ValueError(f"a query compares columns with values; {type(node).__name__} does not belong into it")
        if isinstance(node, ast.Attribute):
            of_text = isinstance(node.value, ast.Attribute) and node.value.attr == "str"
            if node.attr.startswith("_") or not (of_text or node.attr in COLUMN_METHODS):
                raise ValueError(f"of a column only `.str` and `.isin` may be used, not `.{node.attr}`")
        if isinstance(node, ast.Call) and not isinstance(node.func, ast.Attribute):
            raise ValueError("only methods of `.str`, and `.isin`, may be called")


def is_control(sheet: pd.DataFrame, query: str) -> pd.Series:
    """Return which samples are controls.

    Parameters
    ----------
    sheet
        Sample sheet, all text.
    query
        Expression over its columns as of `pandas.DataFrame.query`; every value is text.

    Returns
    -------
    Boolean series on the index of the sheet.

    Raises
    ------
    ValueError
        When the query cannot be read, would do anything but compare, names an unknown column or does not say yes or no
        for each row.
    """
    try:
        refuse_foreign_code(query)
        # The python engine knows every text operation and spares the import of numexpr.
        answer = sheet.eval(query, engine="python")
    except Exception as error:
        raise ValueError(getattr(error, "msg", None) or str(error) or type(error).__name__) from error
    if not isinstance(answer, pd.Series) or answer.dtype != bool or len(answer) != len(sheet):
        raise ValueError("it does not say true or false for each sample")
    return answer


def check_against_sheet(config: Mapping[str, Any], sheet: pd.DataFrame, file: str) -> list[Problem]:
    """Return what is wrong with the configuration's query for controls, given the sample sheet.

    Parameters
    ----------
    config
        Configuration with its defaults.
    sheet
        Sample sheet, all text.
    file
        Name of the configuration file, for the messages.
    """
    section = config["activity"]
    if section["reference"] != "controls" or not section["controls"]:
        return []
    query, where = section["controls"], "key `activity.controls`"
    try:
        control = is_control(sheet, query)
    except ValueError as error:
        expected = f"a query on the columns {', '.join(map(str, sheet.columns))}"
        return [Problem(file, where, repr(query), expected, f"correct it: {error}")]
    fewest = section["min_reference_samples"]
    if control.sum() < fewest:
        mend = "correct the query; values of the sheet are text, so numbers are quoted too: `time == '3'`"
        found = f"{query!r} selects {control.sum()} of {len(sheet)} samples"
        return [Problem(file, where, found, f"at least {fewest} control samples", mend)]
    strata = section["strata"]
    if not strata or not set(strata) <= set(sheet.columns):
        return []
    problems = []
    counts = control.groupby([sheet[column] for column in strata], sort=True).sum()
    for stratum, count in counts[counts < MIN_CONTROLS_PER_STRATUM].items():
        values = stratum if isinstance(stratum, tuple) else (stratum,)
        name = ", ".join(f"{column} = '{value}'" for column, value in zip(strata, values, strict=True))
        mend = "add controls of this stratum, leave its samples out, or take the column from `activity.strata`"
        expected = f"at least {MIN_CONTROLS_PER_STRATUM} in each stratum"
        problems.append(Problem(file, where, f"{count} control samples with {name}", expected, mend))
    return problems
