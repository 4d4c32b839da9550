"""Without a reference: does the activity of a cohort go with its tumour cells or with the others?

This is about the cohort. Nothing here says in which cells of one sample an axis is active.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from stat3act.compartments.purity import given_purity
from stat3act.logs import log

MIN_SAMPLES = 10
# Two purities that differ by less than this say nothing about ends that are 1 apart.
MIN_SPREAD = 0.05
FEW, ALIKE = "FEW_SAMPLES", "PURITY_ALIKE"
ESTIMATES = ("slope", "tumour_end", "microenvironment_end")
# Of intercept and slope.
WEIGHTS = {"slope": (0, 1), "tumour_end": (1, 1), "microenvironment_end": (1, 0)}
INTERACTION_COLUMNS = (
    "level",
    "axis",
    "n",
    "purity_low",
    "purity_high",
    *(f"{name}{part}" for name in ESTIMATES for part in ("", "_low", "_high")),
    "p_value",
    "q_value",
    "reason",
)


def robust_line(purity: np.ndarray, activity: np.ndarray, level: float) -> dict[str, float]:
    """Fit activity = a + b purity by least squares, with errors that need no equal variances.

    Parameters
    ----------
    purity, activity
        By sample.
    level
        Level of the intervals.

    Returns
    -------
    dict
        ``slope`` b, ``tumour_end`` a + b (the mean activity at purity 1) and ``microenvironment_end`` a (at purity 0),
        each with ``_low`` and ``_high``; ``p_value`` of the slope, two-sided.

    Notes
    -----
    Covariance HC3 (MacKinnon & White 1985, doi 10.1016/0304-4076(85)90158-7); t with n - 2 degrees of freedom.
    """
    # Slow to import, and only this function needs it.
    from statsmodels.api import OLS

    fit = OLS(activity, np.column_stack([np.ones(len(purity)), purity])).fit(cov_type="HC3", use_t=True)
    found = fit.t_test(np.array([WEIGHTS[name] for name in ESTIMATES]))
    ends = found.conf_int(alpha=1 - level)
    result = {}
    for number, name in enumerate(ESTIMATES):
        low, high = ends[number]
        result |= {name: found.effect[number], f"{name}_low": low, f"{name}_high": high}
    return result | {"p_value": float(fit.pvalues[1])}


def purity_interaction(
    scores: pd.DataFrame, samples: Sequence[Mapping[str, str]], column: str, level: float
) -> pd.DataFrame:
    """Relate the unsplit activity of every axis to the purity that the sample sheet gives.

    Parameters
    ----------
    scores
        ``activity/scores.tsv``; rows of the compartment ``bulk`` are used.
    samples
        Rows of the sheet with ``sample`` and the purity column.
    column
        Name of that column.
    level
        Level of the intervals.

    Returns
    -------
    pandas.DataFrame
        `INTERACTION_COLUMNS`, one row per axis, ``level`` always ``cohort``. The mean activity of a mixture is taken as
        the mean of its two ends by purity; both ends are extrapolated, further the narrower ``purity_low`` to
        ``purity_high`` (the range of the samples) is, and errors of purity draw them towards each other. No numbers and
        a ``reason`` with fewer than 10 samples, or purities that hardly differ. ``q_value``: Benjamini-Hochberg.
    """
    purity = given_purity(samples, column).dropna()
    bulk = scores[(scores["compartment"] == "bulk") & scores["activity"].notna() & scores["sample"].isin(purity.index)]
    rows = []
    for axis in sorted(scores["axis"].unique()):
        part = bulk[bulk["axis"] == axis]
        x, y = purity[part["sample"]].to_numpy(), part["activity"].to_numpy(dtype=float)
        row = {"level": "cohort", "axis": axis, "n": len(part), "reason": ""}
        if len(part):
            row |= {"purity_low": x.min(), "purity_high": x.max()}
        if len(part) < MIN_SAMPLES:
            row["reason"] = FEW
        elif x.std() < MIN_SPREAD:
            row["reason"] = ALIKE
        else:
            row |= robust_line(x, y, level)
        rows.append(row)
    table = pd.DataFrame(rows).reindex(columns=list(INTERACTION_COLUMNS))
    known = table["p_value"].notna()
    table.loc[known, "q_value"] = stats.false_discovery_control(table.loc[known, "p_value"]) if known.any() else np.nan
    log.info("Activity and purity: %d axes in %d samples with a purity", known.sum(), len(purity))
    return table
