"""What is wrong with the query that selects a cohort's control samples, given the sample sheet."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from stat3act.control_query import is_control
from stat3act.problems import Problem

# A stratum with one control has a location but says nothing about spread.
MIN_CONTROLS_PER_STRATUM = 2


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
