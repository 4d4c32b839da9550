"""A cohort of mixtures, scored by every method: one row per sample and compartment."""

from itertools import pairwise

import pandas as pd

from bulk import baselines, methods
from bulk.truth import own_score
from stat3act.compartments.reference import Reference
from stat3act.compartments.split import COMPARTMENTS
from stat3act.validation.mixtures import Mixtures

SEED = 1
# Edges of the bins of true purity.
EDGES = (0.05, 0.2, 0.4, 0.6, 0.8, 0.95)
BINS = tuple(f"{low:g}-{high:g}" for low, high in pairwise(EDGES))


def purity_bin(purity: pd.Series) -> pd.Series:
    """Name the bin of each purity."""
    return pd.cut(purity, EDGES, labels=list(BINS), include_lowest=True).astype(str)


OURS = ("activity", "ci_low", "ci_high", "interval", "reason")


def score_mixtures(
    mixtures: Mixtures,
    known: Reference,
    axes: pd.DataFrame,
    *,
    attribute: bool,
    calibration: methods.Calibration | None = None,
) -> pd.DataFrame:
    """Score a cohort of mixtures by every method.

    Parameters
    ----------
    mixtures
        Counts and truth.
    known
        The reference, which holds none of the tumours.
    axes
        The axes.
    attribute
        Whether attributed expression is wanted too, which needs a second fit.
    calibration
        From `methods.calibrate`.

    Returns
    -------
    ``sample compartment purity purity_found planted planted_other oracle truth``, `OURS` and a column per baseline.
    ``oracle`` is the score of the compartment's true profile, ``truth`` the same in the unit of our activity,
    ``planted`` the activity put into it, ``planted_other`` that of the other compartment.
    """
    ours = methods.activity(mixtures.linear, known, axes, SEED, calibration)
    whole = methods.fractions(mixtures.linear, known, set()) if attribute else None
    others = baselines.scores(mixtures.linear, known, axes, ours.purity, whole)
    planted = mixtures.tumour, mixtures.microenvironment
    profiles = mixtures.tumour_profiles, mixtures.microenvironment_profiles
    inside = ours.purity >= methods.LIMITS[0], ours.purity <= methods.LIMITS[1]
    parts = []
    for side, compartment in enumerate(COMPARTMENTS):
        columns = {
            "compartment": compartment,
            "purity": mixtures.purity,
            "purity_found": ours.purity,
            "planted": planted[side],
            "planted_other": planted[1 - side],
            "oracle": own_score(profiles[side], axes),
            "truth": methods.truth(profiles[side], axes, ours.scale[compartment], inside[side]),
            **{name: getattr(ours, name)[compartment] for name in OURS},
            **{name: found[side] for name, found in others.items()},
        }
        parts.append(pd.DataFrame(columns, index=mixtures.linear.index).rename_axis("sample").reset_index())
    return pd.concat(parts, ignore_index=True)
