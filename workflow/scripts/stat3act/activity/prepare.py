"""Bring expression and axes onto the same genes: standardised profiles, weights and strata of one compartment."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stat3act.activity import model
from stat3act.activity.reference import Reference, standardise
from stat3act.networks import SHARED
from stat3act.problems import InputProblems, Problem

STAT3_AXIS = "stat3_core"
MIN_UNIVERSE = 200


def rivals_of(axis: str, rivals: Iterable[str]) -> list[str]:
    """Name the axes that share the model with ``axis``.

    A STAT3 panel or programme is scored beside the rivals; a rival beside the other rivals and `STAT3_AXIS`.
    """
    others = [rival for rival in rivals if rival != axis]
    return [*others, STAT3_AXIS] if axis in rivals else others


def own_weights(axes: pd.DataFrame, compartment: str, genes: pd.Index) -> pd.DataFrame:
    """Spread the genes that speak for one axis alone over the measured genes (`axis_weights` without shared genes)."""
    return axis_weights(axes[axes["panel"] != SHARED], compartment, genes)[0]


def axis_weights(axes: pd.DataFrame, compartment: str, genes: pd.Index) -> tuple[pd.DataFrame, pd.Series]:
    """Spread the axes table over the measured genes.

    Parameters
    ----------
    axes
        Columns ``axis gene weight compartments``.
    compartment
        Only genes that are meaningful in this compartment count.
    genes
        Measured genes.

    Returns
    -------
    Genes x axes of signed weights, and the number of genes each axis has in this compartment, measured or not.
    """
    meant = axes["compartments"].map(lambda names: names == "all" or compartment in names.split(";"))
    here = axes[meant]
    weights = (
        here.pivot_table(index="gene", columns="axis", values="weight", aggfunc="first").reindex(genes).fillna(0.0)
    )
    return weights, here.groupby("axis").size()


def is_panel(axis: str) -> bool:
    """Tell a panel or rival, which needs many targets, from a programme or module, which has few."""
    return not axis.startswith("programme:") and axis != "u_stat3"


def fewest_targets(axis: str, settings: dict) -> int:
    """Return how many measured genes an axis needs for a score."""
    return settings["min_targets"] if is_panel(axis) else settings["min_programme_targets"]


def measured_genes(reference: Reference, minimum: float | None, present: pd.Index, compartment: str) -> pd.Index:
    """Keep genes of the samples whose mean over the reference is high enough, on log2(CPM + 1) scales.

    Raises
    ------
    InputProblems
        When too few genes remain to have a null.
    """
    mean = reference.location.mean()
    genes = mean.index if minimum is None else mean.index[mean >= np.log2(1 + 2.0**minimum)]
    genes = genes.intersection(present).sort_values()
    if len(genes) < MIN_UNIVERSE:
        least = "" if minimum is None else f", with a mean there of at least {minimum:g} log2 CPM"
        mend = "check that samples and reference name genes alike"
        mend += "" if minimum is None else ", check the depth of the samples, or lower activity.min_log2_cpm"
        found = f"{len(genes)} of {len(present)} genes are in the reference{least}"
        expected = f"{MIN_UNIVERSE} or more, to compare the axes with"
        raise InputProblems(
            [Problem("compartments/expression.h5ad", f"compartment {compartment}", found, expected, mend)]
        )
    return genes


@dataclass(frozen=True)
class Prepared:
    """Rows of one compartment, ready to be scored.

    Attributes
    ----------
    profiles
        Rows x genes, standardised.
    weights
        Genes x axes.
    own
        The same without the genes that a rival shares with a STAT3 panel.
    sizes
        Genes of each axis in this compartment, measured or not.
    strata
        Stratum of each gene.
    """

    profiles: pd.DataFrame
    weights: pd.DataFrame
    own: pd.DataFrame
    sizes: pd.Series
    strata: np.ndarray

    def rivals(self, names: list[str]) -> model.Rivals:
        """Return the named rivals, those with a gene in this compartment."""
        own = self.own[[name for name in names if name in self.own]]
        return model.Rivals(own.to_numpy(float), self.weights[own.columns].to_numpy(float) - own.to_numpy(float))


def prepare(
    expression: pd.DataFrame,
    rows: pd.DataFrame,
    reference: Reference,
    members: set[str],
    axes: pd.DataFrame,
    minimum: float | None,
    settings: dict,
) -> Prepared:
    """Standardise the rows of one compartment and bring axes and strata onto their genes.

    Parameters
    ----------
    expression
        Rows x genes, log2 scale.
    rows
        Columns ``sample compartment stratum``, same index.
    reference
        What the rows are compared with.
    members
        Names of rows that are part of the reference.
    axes
        The prepared axes table.
    minimum
        Least mean log2 CPM of a gene in the reference; None on scales where that means nothing.
    settings
        The ``activity`` section of the config.
    """
    compartment = rows["compartment"].iloc[0]
    genes = measured_genes(reference, minimum, expression.columns, compartment)
    profiles = standardise(expression[genes], rows["stratum"], members, reference, settings["clip"])
    strata = model.assign_strata(
        reference.location[genes].mean().to_numpy(float), reference.scale[genes].to_numpy(float)
    )
    weights, sizes = axis_weights(axes, compartment, genes)
    return Prepared(profiles, weights, own_weights(axes, compartment, genes), sizes, strata)
