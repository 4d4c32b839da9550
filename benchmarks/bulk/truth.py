"""The score that a compartment's own profile has: what a split should find in the mixture."""

import numpy as np
import pandas as pd

from bulk.data import scored_axis

# Mean CPM below which a gene tells nothing about a compartment.
LEAST_CPM = 1.0


def own_score(profiles: pd.DataFrame, axes: pd.DataFrame) -> pd.Series:
    """Score profiles beside their rivals.

    On log2(CPM + 1), the departures of the genes from the mean of the cohort are regressed on the signs of the scored
    axis and the weights of its rivals together; the coefficient of the scored axis is the mean departure of its
    targets that the rivals do not explain.

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
    # A gene may be in one axis only once, in several axes as often as there are.
    weights = axes.pivot_table(index="gene", columns="axis", values="weight").reindex(profiles.columns).fillna(0.0)
    cpm = profiles.div(profiles.sum(axis=1), axis=0).to_numpy() * 1e6
    expressed = cpm.mean(axis=0) > LEAST_CPM
    logged = np.log2(cpm[:, expressed] + 1)
    scored = scored_axis(axes)
    columns = [np.sign(weights[scored]), *(weights[name] for name in weights if name != scored)]
    design = np.column_stack([np.ones(expressed.sum()), *(column.to_numpy()[expressed] for column in columns)])
    slopes = np.linalg.lstsq(design, (logged - logged.mean(axis=0)).T, rcond=None)[0][1]
    return pd.Series((slopes - slopes.mean()) / slopes.std(ddof=1), profiles.index)
