"""The query that selects the control samples of the sheet: it may compare columns and do nothing else.

`pandas.DataFrame.eval` reaches every attribute and every variable around it: ``sample.map(@pd.io.common.os.system)``
runs each name in a shell. A configuration that a colleague sends is data, so what a query may contain is listed here.
"""

import ast
import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from stat3act.problems import Problem

NODES = (
    ast.Expression,
    ast.BoolOp,
    ast.And,
    ast.Or,
    ast.UnaryOp,
    ast.Not,
    ast.Invert,
    ast.BinOp,
    ast.BitAnd,
    ast.BitOr,
    ast.Compare,
    ast.cmpop,
    ast.Name,
    ast.Load,
    ast.Constant,
    ast.List,
    ast.Tuple,
    ast.Call,
    ast.Attribute,
    ast.keyword,
)
METHODS = ("isin", "contains", "startswith", "endswith", "match", "fullmatch", "lower", "upper")
# A column whose name is no word stands between backticks.
QUOTED_COLUMN = re.compile(r"`[^`]*`")
# A stratum with one control has a location but says nothing about spread.
MIN_CONTROLS_PER_STRATUM = 2


def refuse_code(query: str) -> None:
    """Raise `ValueError` when a query holds more than comparisons of columns."""
    try:
        tree = ast.parse(QUOTED_COLUMN.sub("column", query.strip()), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"it cannot be read: {getattr(error, 'msg', error)}") from None
    for node in ast.walk(tree):
        if not isinstance(node, NODES):
            raise ValueError(f"it may only compare columns, and it holds a {type(node).__name__}")
        if isinstance(node, ast.Attribute) and node.attr not in ("str", *METHODS):
            raise ValueError(f"it may not use `.{node.attr}`, only {', '.join(METHODS)}")
        if isinstance(node, ast.Call) and not isinstance(node.func, ast.Attribute):
            raise ValueError("it may not call a function")


def is_control(sheet: pd.DataFrame, query: str) -> pd.Series:
    """Return which samples are controls.

    Parameters
    ----------
    sheet
        Sample sheet, all text.
    query
        Comparisons of its columns, as of `pandas.DataFrame.query`, joined by ``and``, ``or`` and ``not``; of methods
        those of `METHODS`. Every value is text.

    Returns
    -------
    Boolean series on the index of the sheet.

    Raises
    ------
    ValueError
        When the query holds anything else, names an unknown column or does not say yes or no for each row.
    """
    refuse_code(query)
    try:
        # The python engine knows every text operation and spares the import of numexpr.
        answer = sheet.eval(query, engine="python", local_dict={}, global_dict={})
    except Exception as error:
        raise ValueError(str(error) or type(error).__name__) from error
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
