"""Scores of decoupler's methods beside the activity: extra columns for comparison, which no call looks at.

They are unadjusted: none knows of rivals (mlm alone fits all axes together), of matched genes, of co-expression or of
the replicates. They are not calibrated: their units differ, their p values are not kept, and no threshold applies to
them.
"""

import math
from collections.abc import Mapping

import pandas as pd

from stat3act.activity.prepare import Prepared, fewest_targets
from stat3act.logs import log

# Methods that ignore weights: to them, a gene that falls with the axis would count as one that rises.
UNWEIGHTED = ("aucell", "gsea", "gsva", "ora")
# decoupler's methods that run on samples x genes without a further package and draw the same numbers each time.
METHODS = ("ulm", "mlm", "viper", "zscore", "waggr", *UNWEIGHTED)
TOP_SHARE = 0.05


def arguments(method: str, genes: int) -> dict:
    """Return what a method of decoupler 2.2 must be told for its documentation to hold.

    Parameters
    ----------
    method
        One of `METHODS`.
    genes
        Number of genes.
    """
    told = {
        # n_up counts the genes to leave out, not those to take, and the background is 20,000 genes, measured or not.
        "ora": {"n_up": genes - math.ceil(TOP_SHARE * genes), "n_bg": None},
        # The names of the flavours are swapped: this one subtracts the mean of all genes, as KSEA is said to do.
        "zscore": {"flavor": "RoKAI"},
        # The weighted mean itself; a null over all genes would say what ulm says.
        "waggr": {"fun": "wmean", "times": 0},
        "gsea": {"times": 1000, "seed": 42},
    }
    return told.get(method, {})


def network_of(prepared: Prepared, method: str, settings: Mapping) -> pd.DataFrame:
    """Write the axes that have enough genes as decoupler's network.

    Parameters
    ----------
    prepared
        Axes of one compartment.
    method
        Methods without weights get the genes that rise with the axis and speak for it alone.
    settings
        The ``activity`` section of the config.

    Returns
    -------
    Columns ``source target weight``; the largest weight of an axis is 1 in size, which viper needs and nothing else
    notices.
    """
    weights = prepared.own.where(prepared.own > 0, 0.0) if method in UNWEIGHTED else prepared.weights
    found = (weights != 0).sum()
    weights = weights[[axis for axis in sorted(weights) if found[axis] >= fewest_targets(axis, settings)]]
    scaled = weights / weights.abs().max()
    long = scaled.rename_axis(index="target", columns="source").stack(future_stack=True).rename("weight").reset_index()
    return long.loc[long["weight"] != 0, ["source", "target", "weight"]]


def run_method(method: str, profiles: pd.DataFrame, network: pd.DataFrame) -> pd.DataFrame:
    """Run one method of decoupler.

    Parameters
    ----------
    method
        One of `METHODS`.
    profiles
        Rows x genes, standardised.
    network
        From `network_of`.

    Returns
    -------
    Rows x axes; no number for a row in which no gene differs from another.
    """
    # Slow to import, and most cohorts do not ask for it.
    import decoupler

    # decoupler drops rows and genes of zeros; the genes here are those of the axes model.
    varied = profiles[profiles.ne(profiles.iloc[:, 0], axis=0).any(axis=1)].sort_index()
    if not len(varied) or not len(network):
        return pd.DataFrame(index=profiles.index)
    # viper takes a maximum over all rows it is given: alone, a row's score does not depend on the others.
    parts = [varied.iloc[[row]] for row in range(len(varied))] if method == "viper" else [varied]
    told = {"tmin": 1, "empty": False, **arguments(method, profiles.shape[1])}
    scores = [getattr(decoupler.mt, method)(part, network, **told)[0] for part in parts]
    return pd.concat(scores).reindex(profiles.index)


def also_scores(prepared: Prepared, rows: pd.DataFrame, settings: Mapping) -> pd.DataFrame:
    """Score the rows of one compartment with the methods of decoupler that the config asks for.

    All axes of the compartment make up the network, with the genes of the axes model and its least number of targets.
    The scores are unadjusted and not calibrated; they never enter a call. That of gsva depends on the other rows of
    the compartment as well, and that of mlm on the other axes.

    Parameters
    ----------
    prepared
        Rows and axes of one compartment.
    rows
        Columns ``sample compartment``, the index of the profiles.
    settings
        The ``activity`` section of the config; ``also`` names the methods.

    Returns
    -------
    ``sample compartment axis``, then one column per method, in its own units; a row per profile and axis, empty where
    an axis has too few genes for the method.
    """
    columns = []
    for method in settings["also"]:
        log.info("decoupler %s: %d rows", method, len(rows))
        scores = run_method(method, prepared.profiles, network_of(prepared, method, settings))
        scores = scores.reindex(columns=sorted(prepared.weights)).rename_axis(index=None, columns="axis")
        columns.append(scores.stack(future_stack=True).rename(method))
    table = pd.concat(columns, axis=1).rename_axis(index=["row", "axis"]).reset_index("axis")
    return rows[["sample", "compartment"]].join(table).reset_index(drop=True)
