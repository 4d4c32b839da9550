"""Our own method as the checks call it: the one place that knows how the split is computed."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from bulk.data import scored_axis
from stat3act.compartments.mixture import fit_states
from stat3act.compartments.reference import Reference
from stat3act.compartments.split import COMPARTMENTS, split_activity

LIMITS = (0.2, 0.95)
SETTINGS = {
    "min_targets": 10,
    "min_programme_targets": 4,
    "confidence_level": 0.9,
    "min_reference_samples": 3,
}


@dataclass(frozen=True)
class Calibration:
    """What a method learned about its own errors on a reference before it saw the cohort; nothing so far."""


@dataclass(frozen=True)
class Split:
    """A cohort as the method leaves it.

    Attributes
    ----------
    scores
        One row per sample x compartment x axis, columns of ``compartments/split.tsv``.
    fractions
        Samples x states of the reference.
    flags
        What the method says about the cohort as a whole (another tissue, platform shift).
    """

    scores: pd.DataFrame
    fractions: pd.DataFrame
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Estimates:
    """What the method says of every sample; NaN is unknown.

    Attributes
    ----------
    purity
        By sample, share of mRNA that is tumour.
    activity, ci_low, ci_high
        Samples x (tumour, microenvironment).
    reason
        The same shape: why a value is unknown, ``""`` where it is not.
    flags
        As in `Split`.
    """

    purity: pd.Series
    activity: pd.DataFrame
    ci_low: pd.DataFrame
    ci_high: pd.DataFrame
    reason: pd.DataFrame
    flags: tuple[str, ...] = ()


def calibrate(reference: Reference, axes: pd.DataFrame, seed: int) -> Calibration | None:
    """Learn the errors of the method on patients that are left out of a reference.

    Parameters
    ----------
    reference
        The reference that will be used, or another one.
    axes
        The axes.
    seed
        Source of chance.

    Returns
    -------
    None: the method in use has no calibration.
    """
    return None


def fractions(linear: pd.DataFrame, reference: Reference, genes: set[str]) -> pd.DataFrame:
    """Return the share of every state in every sample; `genes` take no part."""
    return fit_states(linear, reference, genes).fractions


def split(
    linear: pd.DataFrame,
    reference: Reference,
    axes: pd.DataFrame,
    settings: Mapping,
    seed: int,
    calibration: Calibration | None = None,
) -> Split:
    """Run the method on a cohort.

    Parameters
    ----------
    linear
        Samples x genes, counts or TPM-like.
    reference
        Profiles of states.
    axes
        ``axis gene weight compartments``.
    settings
        The ``activity`` section of the config.
    seed
        Source of chance.
    calibration
        From `calibrate`; what the method does without, where it is None.
    """
    found = fractions(linear, reference, set(axes["gene"]))
    return Split(split_activity(linear, reference, found, axes, settings, LIMITS, seed), found)


def activity(
    linear: pd.DataFrame,
    reference: Reference,
    axes: pd.DataFrame,
    seed: int,
    calibration: Calibration | None = None,
) -> Estimates:
    """Estimate purity and the activity of the scored axis (`scored_axis`) beside all others.

    Parameters
    ----------
    linear, reference, axes, seed, calibration
        As in `split`.
    """
    scored = scored_axis(axes)
    rivals = [name for name in axes["axis"].unique() if name != scored]
    run = split(linear, reference, axes, {**SETTINGS, "rivals": rivals}, seed, calibration)
    rows = run.scores[run.scores["axis"] == scored].set_index("sample")
    sides = {name: rows[rows["compartment"] == name].loc[linear.index] for name in COMPARTMENTS}
    columns = {
        name: pd.DataFrame({side: part[name] for side, part in sides.items()})
        for name in ("activity", "ci_low", "ci_high", "reason")
    }
    purity = run.fractions.loc[linear.index, reference.is_tumour].sum(axis=1)
    return Estimates(purity, **columns, flags=run.flags)
