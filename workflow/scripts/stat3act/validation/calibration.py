"""Intervals and limits of the bulk split as they were measured on tumours that the reference does not hold."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

KEYS = ["compartment", "axis"]
BIN = ["purity_low", "purity_high"]
CALIBRATION_COLUMNS = [*KEYS, *BIN, "n", "half_width", "bias", "borrowed"]
PURITY_INTERVAL_COLUMNS = ["sample", "purity", "low", "high"]
# Bins of estimated purity: what is known of a sample, and of a mixture alike.
EDGES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
# With fewer mixtures a quantile or a rank correlation is mostly chance.
MIN_MIXTURES = 20
CALIBRATED, UNCALIBRATED, NOT_RECOVERED = "calibrated", "uncalibrated", "NOT_RECOVERED"
EMPTIED = ["score", "activity", "ci_low", "ci_high", "p_value", "activity_without_top_gene"]


def conformal_quantile(errors: np.ndarray, level: float) -> float:
    r"""Return the half width that holds a new error of the same kind with at least this probability.

    Parameters
    ----------
    errors
        Absolute errors, exchangeable with the new one.
    level
        Probability.

    Returns
    -------
    float
        The :math:`\lceil (n + 1) level \rceil`-th smallest error; infinite when there are too few for the level.

    Notes
    -----
    Split-conformal prediction, Lei et al. 2018, doi 10.1080/01621459.2017.1307116: whatever the distribution of the
    errors, the coverage is at least ``level`` and, without ties, at most ``level + 1 / (n + 1)``.
    """
    errors = np.sort(np.asarray(errors, dtype=float))
    # A product such as 20 * 0.95 may end a hair above the integer it is.
    rank = math.ceil((len(errors) + 1) * level - 1e-9)
    return float(errors[rank - 1]) if rank <= len(errors) else math.inf


def bin_low(purity: pd.Series | np.ndarray) -> np.ndarray:
    """Return the lower edge of the bin of each purity."""
    return np.asarray(EDGES)[np.digitize(np.asarray(purity, dtype=float), EDGES[1:-1])]


def nearest_measured(values: Sequence[float], worse: str) -> np.ndarray:
    """Fill what was not measured in a bin from the nearest bin in which it was.

    Parameters
    ----------
    values
        One per bin, in the order of purity; NaN where nothing was measured.
    worse
        ``max`` or ``min``: which of two neighbours that are equally near is taken.

    Returns
    -------
    numpy.ndarray
        All NaN where no bin was measured.
    """
    values = np.asarray(values, dtype=float)
    measured = np.flatnonzero(~np.isnan(values))
    if not len(measured):
        return values
    filled = values.copy()
    for place in np.flatnonzero(np.isnan(values)):
        distance = np.abs(measured - place)
        filled[place] = getattr(np, worse)(values[measured[distance == distance.min()]])
    return filled


def calibration_table(errors: pd.DataFrame, level: float) -> pd.DataFrame:
    """Turn the errors on mixtures of known truth into half widths of intervals.

    Parameters
    ----------
    errors
        Mixtures: ``compartment axis purity error``; estimated purity, and estimate less own score in log2 units, NaN
        where the compartment was left unknown.
    level
        Level of the intervals.

    Returns
    -------
    pandas.DataFrame
        `CALIBRATION_COLUMNS`, every bin of every compartment and axis: ``n`` mixtures that got a value, ``half_width``
        and ``bias`` (mean error) in log2 units. A bin with fewer than `MIN_MIXTURES`, or too few for
        the level, has the half width of the nearest bin with enough, the wider of two (``borrowed``); where no bin has
        enough it is empty.
    """
    parts = []
    errors = errors.assign(purity_low=bin_low(errors["purity"]))
    for (compartment, axis), part in errors.groupby(KEYS, sort=True):
        groups = [part.loc[part["purity_low"] == low, "error"].dropna().to_numpy() for low in EDGES[:-1]]
        own = [conformal_quantile(np.abs(group), level) if len(group) >= MIN_MIXTURES else np.nan for group in groups]
        own = np.where(np.isinf(own), np.nan, own)
        rows = {"compartment": compartment, "axis": axis, "purity_low": EDGES[:-1], "purity_high": EDGES[1:]}
        rows |= {"n": [len(group) for group in groups], "half_width": nearest_measured(own, "max")}
        rows |= {"bias": [group.mean() if len(group) else np.nan for group in groups], "borrowed": np.isnan(own)}
        parts.append(pd.DataFrame(rows))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=CALIBRATION_COLUMNS)


def purity_intervals(purity: pd.Series, errors: pd.DataFrame) -> pd.DataFrame:
    """Put an interval around the purity of every sample.

    Parameters
    ----------
    purity
        By sample, fitted share of the mRNA that is tumour; that of the microenvironment is the rest.
    errors
        Rows of a `calibration_table` of purity; without rows where the reference could not be tested.

    Returns
    -------
    pandas.DataFrame
        `PURITY_INTERVAL_COLUMNS`: the purity less and plus the half width of its bin, within 0 and 1; empty without
        errors. Resampling genes would say how much the fit scatters, and covers the truth in 3 to 91 % of held-out
        mixtures where it should in 90 %.
    """
    table = pd.DataFrame({"sample": purity.index, "purity": purity.to_numpy(float)})
    half = errors.set_index("purity_low")["half_width"].reindex(bin_low(table["purity"])).to_numpy(float)
    ends = {"low": (table["purity"] - half).clip(0, 1), "high": (table["purity"] + half).clip(0, 1)}
    return table.assign(**ends)[PURITY_INTERVAL_COLUMNS]


def measured_limits(selfcheck: pd.DataFrame, least: float) -> pd.DataFrame:
    """Say in which bins of purity the split follows a compartment's own score.

    Parameters
    ----------
    selfcheck
        ``validation/selfcheck.tsv``: ``compartment axis purity_low purity_high spearman``, a row per kind of mixture.
    least
        Least Spearman correlation with the own score, mean over the kinds.

    Returns
    -------
    pandas.DataFrame
        ``compartment axis purity_low recovered``. A bin without a correlation takes that of the nearest bin that has
        one, the lower of two; where no bin has one nothing is recovered.
    """
    mean = selfcheck.groupby([*KEYS, "purity_low"])["spearman"].mean()
    table = mean.unstack("purity_low").reindex(columns=EDGES[:-1])  # noqa: PD010
    filled = table.apply(nearest_measured, axis=1, raw=True, worse="min") if len(table) else table
    return (filled.stack(future_stack=True) >= least).rename("recovered").reset_index()


def calibrated(split: pd.DataFrame, calibration: pd.DataFrame, limits: pd.DataFrame) -> pd.DataFrame:
    """Give the rows of a split the intervals and limits that its reference was measured to have.

    Parameters
    ----------
    split
        ``compartments/split.tsv``; of a compartment's row ``fraction`` is its share of the sample.
    calibration
        `calibration_table`; without rows where the reference could not be tested.
    limits
        `measured_limits`.

    Returns
    -------
    pandas.DataFrame
        A copy. Intervals are the estimate plus and minus the half width of the sample's purity bin, in units of
        activity, and ``interval`` says ``calibrated``; rows in whose bin the own score was not recovered lose their
        numbers (``NOT_RECOVERED``). Without a calibration nothing changes but ``interval``, ``uncalibrated``.
    """
    known = split["activity"].notna()
    table = split.assign(interval=pd.Series(np.where(known, UNCALIBRATED, ""), split.index, dtype=object))
    if calibration.empty:
        return table
    purity = table["fraction"].where(table["compartment"] == "tumour", 1 - table["fraction"])
    place = pd.MultiIndex.from_arrays([table["compartment"], table["axis"], bin_low(purity)])
    keys = [*KEYS, "purity_low"]
    half = calibration.set_index(keys)["half_width"].reindex(place).to_numpy(float)
    recovered = limits.set_index(keys)["recovered"].reindex(place).eq(True).to_numpy() & ~np.isnan(half)
    scale = table["scale"]
    trusted, lost = known & recovered, known & ~recovered
    table.loc[trusted, "ci_low"] = (table["activity"] - half / scale)[trusted]
    table.loc[trusted, "ci_high"] = (table["activity"] + half / scale)[trusted]
    table.loc[trusted, "interval"] = CALIBRATED
    table.loc[lost, EMPTIED] = np.nan
    table.loc[lost, ["leading_genes", "interval"]] = ""
    table.loc[lost, "reason"] = NOT_RECOVERED
    return table


def apply_selfcheck(split: pd.DataFrame, selfcheck: Sequence[pd.DataFrame], least: float) -> pd.DataFrame:
    """Calibrate a split (`calibrated`) with the tables of the self-check, ``selfcheck`` and ``calibration``, if any."""
    if not selfcheck:
        return calibrated(split, pd.DataFrame(columns=CALIBRATION_COLUMNS), pd.DataFrame())
    table, calibration = selfcheck
    return calibrated(split, calibration, measured_limits(table, least))
