"""The score that a compartment's own profile has, in standard deviations: what a split should find in the mixture."""

import pandas as pd

from bulk.data import scored_axis
from stat3act.validation.own_score import own_scores


def own_score(profiles: pd.DataFrame, axes: pd.DataFrame) -> pd.Series:
    """Score profiles on the scored axis beside all others (`own_scores`).

    Parameters
    ----------
    profiles
        Samples x genes, linear.
    axes
        ``axis gene weight``; the first axis is scored (`scored_axis`).

    Returns
    -------
    By sample, in standard deviations over the samples.
    """
    scored = scored_axis(axes)
    rivals = [name for name in axes["axis"].unique() if name != scored]
    slopes = own_scores(profiles, axes, {scored: rivals})[scored]
    return (slopes - slopes.mean()) / slopes.std(ddof=1)
