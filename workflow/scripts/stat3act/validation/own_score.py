"""The score that a compartment's own profile has: what a split of bulk should find in a mixture."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from stat3act.activity.prepare import axis_weights
from stat3act.compartments.axis import LEAST_CPM
from stat3act.networks import STAT3_PANELS


def own_scores(
    profiles: pd.DataFrame, axes: pd.DataFrame, rivals: Mapping[str, Sequence[str]], compartment: str | None = None
) -> pd.DataFrame:
    """Score profiles, every axis beside its rivals.

    On log2(CPM + 1), the departures of the genes from the mean of the cohort are regressed on the scored axis (signs
    of a STAT3 panel, weights of another axis) and the weights of its rivals together. The coefficient of the scored
    axis is the mean departure of its targets that the rivals do not explain.

    Parameters
    ----------
    profiles
        Samples x genes, linear.
    axes
        ``axis gene weight compartments``.
    rivals
        By axis to score: the axes that compete with it.
    compartment
        Only genes that are meaningful in it count; None for all genes.

    Returns
    -------
    Samples x axes, log2 units relative to the mean of the cohort; NaN where no gene of the axis is expressed.
    """
    meant = axes.assign(compartments="all") if compartment is None else axes
    weights, _ = axis_weights(meant, compartment or "all", profiles.columns)
    cpm = profiles.div(profiles.sum(axis=1), axis=0).to_numpy() * 1e6
    expressed = cpm.mean(axis=0) > LEAST_CPM
    logged, weights = np.log2(cpm[:, expressed] + 1), weights[expressed]
    departure = (logged - logged.mean(axis=0)).T
    scores = {}
    for axis, others in rivals.items():
        if axis not in weights or not weights[axis].any():
            scores[axis] = np.full(len(profiles), np.nan)
            continue
        own = np.sign(weights[axis]) if axis in STAT3_PANELS else weights[axis]
        columns = [own, *(weights[name] for name in others if name in weights)]
        design = np.column_stack([np.ones(len(weights)), *columns])
        scores[axis] = np.linalg.lstsq(design, departure, rcond=None)[0][1]
    return pd.DataFrame(scores, index=profiles.index)
