"""Rows of the validation table made of many cohorts."""

import numpy as np
import pandas as pd

from scoring.calibration import meets

RANGE = (0.05, 0.95)


def size_goal(limit: float) -> str:
    """Write the goal of a number that should be near zero."""
    return f"-{limit:.2f} to {limit:.2f}"


def reached(value: float, goal: str) -> bool:
    """Tell whether a value is as a goal wants it; a range with a sign is written ``-0.10 to 0.10``, else as `meets`."""
    if " to " in goal:
        low, high = map(float, goal.split(" to "))
        return low <= value <= high
    return meets(value, goal)


def with_goal(row: dict, goal: str) -> dict:
    """Add ``goal`` and ``met`` where there is a goal; a number that could not be computed does not meet it."""
    return row | {"goal": goal, "met": "yes" if reached(row["value"], goal) else "no"} if goal else row


def mean_row(values: pd.Series, goal: str = "", **names: str) -> dict:
    """Summarise one number per cohort: mean, 5-95 % range over cohorts, number of cohorts.

    Parameters
    ----------
    values
        By cohort; missing ones do not count.
    goal
        The goal of the mean, or nothing.
    **names
        ``check dataset group method``.
    """
    values = values.dropna()
    low, high = np.quantile(values, RANGE) if len(values) else (np.nan, np.nan)
    return with_goal(names | {"value": float(values.mean()), "low": low, "high": high, "n": len(values)}, goal)
