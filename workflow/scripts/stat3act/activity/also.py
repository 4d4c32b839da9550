"""Other methods of decoupler beside the activity: extra columns to compare with, never part of a call."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from stat3act.logs import log

PREFIX = "also_"
# Methods whose default in decoupler 2.2 is not what its documentation says, with what is needed instead
# (tests/unit/test_activity_decoupler_guards.py pins each of these behaviours).
TOP_SHARE = 0.05
METHODS = ("aucell", "gsea", "gsva", "mlm", "ora", "viper", "waggr", "zscore")


def arguments(method: str, genes: int, seed: int) -> dict:
    """Return what a method has to be told, beyond its defaults.

    Parameters
    ----------
    method
        One of `METHODS`.
    genes
        Number of genes.
    seed
        Seed of methods that permute.
    """
    if method == "ora":
        # decoupler takes the genes ranked above n_up from below: to have the top 5 %, 95 % have to be left out.
        return {"n_up": genes - int(np.ceil(TOP_SHARE * genes))}
    if method == "zscore":
        # The flavour that subtracts the mean of all genes; its documentation calls that one KSEA.
        return {"flavor": "RoKAI"}
    if method == "waggr":
        # Without permutations: the plain weighted mean.
        return {"times": 0}
    if method == "gsea":
        return {"seed": seed}
    return {}


def also_scores(profiles: pd.DataFrame, weights: pd.DataFrame, methods: Sequence[str], seed: int) -> pd.DataFrame:
    """Score every axis by other methods of decoupler (Badia-i-Mompel 2022, doi 10.1093/bioadv/vbac016).

    Their p values are left out: they treat genes as independent, and decoupler corrects them over the axes of a row,
    not over rows.

    Parameters
    ----------
    profiles
        Rows x genes, standardised expression.
    weights
        Genes x axes, signed; zero where a gene is no target.
    methods
        Among `METHODS`.
    seed
        Seed of methods that permute.

    Returns
    -------
    One row per row of ``profiles`` and axis: columns ``row axis`` and one ``also_<method>`` per method.

    Raises
    ------
    ValueError
        When a method is not among `METHODS`.
    """
    if unknown := sorted(set(methods) - set(METHODS)):
        raise ValueError(f"unknown decoupler methods: {', '.join(unknown)}; known: {', '.join(METHODS)}")
    # Heavy, and needed by those cohorts only that ask for it.
    import decoupler as dc

    gene, axis = np.nonzero(weights.to_numpy())
    net = pd.DataFrame(
        {
            "source": weights.columns[axis],
            "target": weights.index[gene],
            "weight": weights.to_numpy(float)[gene, axis],
        }
    )
    rows = pd.MultiIndex.from_product([profiles.index, weights.columns], names=["row", "axis"])
    result = pd.DataFrame(index=rows)
    for method in sorted(methods):
        log.info("scoring %d rows by decoupler's %s as well", len(profiles), method)
        told = arguments(method, profiles.shape[1], seed)
        # Rows are never empty here, and dropping one silently would put its numbers on another.
        scores = getattr(dc.mt, method)(profiles, net, tmin=1, empty=False, **told)[0]
        stacked = scores.reindex(index=profiles.index, columns=weights.columns).to_numpy(float).ravel()
        result[PREFIX + method] = stacked
    return result.reset_index()
