"""Our own method as the checks call it: the one place that knows how the split is computed."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from bulk.data import scored_axis
from stat3act.activity.prepare import rivals_of
from stat3act.compartments.mixture import fit_states
from stat3act.compartments.reference import Reference
from stat3act.compartments.split import COMPARTMENTS, split_activity
from stat3act.validation.calibration import apply_selfcheck
from stat3act.validation.left_out import CohortFacts
from stat3act.validation.own_score import own_scores
from stat3act.validation.selfcheck import check_reference

LIMITS = (0.2, 0.95)
SETTINGS = {
    "min_targets": 10,
    "min_programme_targets": 4,
    "confidence_level": 0.9,
    "min_reference_samples": 3,
}


# A self-check takes about a minute: intervals are calibrated, and their coverage counted, in the cohorts of this seed.
CALIBRATED_SEEDS = range(1)
# Depth, range of purities and platform shift of the benchmark's cohorts, which the product measures on the bulk.
FACTS = CohortFacts(2e7, (0.05, 0.95), 0.5)
# The default of compartments.min_recovery.
LEAST_RECOVERY = 0.3


@dataclass(frozen=True)
class Calibration:
    """What the self-check of a reference found, without the cohort: its two tables."""

    selfcheck: pd.DataFrame
    calibration: pd.DataFrame


@dataclass(frozen=True)
class Split:
    """A cohort as the method leaves it.

    Attributes
    ----------
    scores
        One row per sample x compartment x axis, columns of ``compartments/split.tsv``.
    fractions
        Samples x states of the reference.
    """

    scores: pd.DataFrame
    fractions: pd.DataFrame


@dataclass(frozen=True)
class Estimates:
    """What the method says of every sample; NaN is unknown.

    Attributes
    ----------
    purity
        By sample, share of mRNA that is tumour.
    activity, ci_low, ci_high, scale, interval
        Samples x (tumour, microenvironment); `scale` is the unit of activity in log2, `interval` says whether the
        interval was calibrated.
    reason
        The same shape: why a value is unknown, ``""`` where it is not.
    """

    purity: pd.Series
    activity: pd.DataFrame
    ci_low: pd.DataFrame
    ci_high: pd.DataFrame
    scale: pd.DataFrame
    interval: pd.DataFrame
    reason: pd.DataFrame


def settings_of(axes: pd.DataFrame) -> dict:
    """Return the settings with which one axis (`scored_axis`) is scored beside all others."""
    return {**SETTINGS, "rivals": _rivals(axes)}


def calibrate(reference: Reference, axes: pd.DataFrame, seed: int, settings: Mapping | None = None) -> Calibration:
    """Learn the errors of the method on patients that are left out of a reference.

    Parameters
    ----------
    reference
        The reference that will be used, or another one.
    axes
        The axes.
    seed
        Source of chance.
    settings
        The ``activity`` section of the config; `settings_of` the axes where it is not given.

    Returns
    -------
    The tables of the self-check.
    """
    found = check_reference(reference, FACTS, axes, settings or settings_of(axes), LIMITS, seed)
    return Calibration(found.selfcheck, found.calibration)


def _rivals(axes: pd.DataFrame) -> list[str]:
    """Name the axes that the scored one competes with."""
    return [name for name in axes["axis"].unique() if name != scored_axis(axes)]


def truth(profiles: pd.DataFrame, axes: pd.DataFrame, scale: pd.Series, inside: pd.Series) -> pd.Series:
    """Return the activity that a compartment's own profile has, in the unit of the estimate.

    Parameters
    ----------
    profiles
        Samples x genes, the compartment's true profiles.
    axes
        The axes.
    scale
        Unit of activity of each sample, log2.
    inside
        Samples that make up the mean that estimates are relative to.
    """
    scored = scored_axis(axes)
    own = own_scores(profiles, axes, {scored: rivals_of(scored, _rivals(axes))})[scored]
    return (own - own[inside].mean()) / scale


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
    scores = split_activity(linear, reference, found, axes, settings, LIMITS, seed)
    tables = [] if calibration is None else [calibration.selfcheck, calibration.calibration]
    return Split(apply_selfcheck(scores, tables, LEAST_RECOVERY), found)


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
    run = split(linear, reference, axes, settings_of(axes), seed, calibration)
    rows = run.scores[run.scores["axis"] == scored].set_index("sample")
    sides = {name: rows[rows["compartment"] == name].loc[linear.index] for name in COMPARTMENTS}
    columns = {
        name: pd.DataFrame({side: part[name] for side, part in sides.items()})
        for name in ("activity", "ci_low", "ci_high", "scale", "interval", "reason")
    }
    purity = run.fractions.loc[linear.index, reference.is_tumour].sum(axis=1)
    return Estimates(purity, **columns)
