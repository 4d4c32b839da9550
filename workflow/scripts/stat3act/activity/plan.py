"""What the scores of all cells have in common: weights, rivals and strata, brought into the arrays of `kernel`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from stat3act.activity.score import rivals_of


class Links(NamedTuple):
    """Which axes each gene belongs to, gene by gene.

    Attributes
    ----------
    start
        Genes + 1, int64; links of gene g are ``start[g]:start[g + 1]``.
    axis
        Links, int32; number of the axis.
    weight
        Links, float64; signed weight.
    target
        Genes, bool; whether there is any link, which is quicker to look up.
    """

    start: np.ndarray
    axis: np.ndarray
    weight: np.ndarray
    target: np.ndarray


class Model(NamedTuple):
    """Everything of the axes model that does not depend on the cell.

    Axes are ordered by the set of rivals they are adjusted for, so that the axes of a set are neighbours.
    ``K`` is one (the constant) plus the most rivals of any set; unused places hold zeros.

    Attributes
    ----------
    gene
        Genes x 4, float64: one over scale, location over scale, standardised value of a zero, and its square.
    clip
        Largest absolute standardised value.
    stratum
        Genes, int32; stratum, or the number of strata for a gene outside the model.
    slot
        Axes, int32; row of this axis in the per-stratum sums of rivals, -1 for an axis that is no one's rival.
    zero_sum, zero_square
        Strata; sums over genes of the standardised value of a zero, and of its square.
    zero_axis
        Axes; sum of weight times standardised value of a zero.
    zero_slot
        Slots x strata; the same per stratum, for rivals.
    size
        Strata, float64; genes.
    first_axis
        Sets + 1, int64; axes of set s are ``first_axis[s]:first_axis[s + 1]``.
    rivals
        Sets, int64; rivals of the set.
    member
        Sets x K, int32; axis of each rival, from place 1 on.
    inverse
        Sets x K x K; inverse of the cross-products of constant and rivals.
    cross
        Sets x K x K x strata; those cross-products within each stratum.
    overlap
        Axes x K; cross-products of the axis with constant and rivals.
    mean_weight, weight_variance
        Axes x strata; mean of the residual weights, and their sum of squares over genes - 1.
    """

    gene: np.ndarray
    clip: float
    stratum: np.ndarray
    slot: np.ndarray
    zero_sum: np.ndarray
    zero_square: np.ndarray
    zero_axis: np.ndarray
    zero_slot: np.ndarray
    size: np.ndarray
    first_axis: np.ndarray
    rivals: np.ndarray
    member: np.ndarray
    inverse: np.ndarray
    cross: np.ndarray
    overlap: np.ndarray
    mean_weight: np.ndarray
    weight_variance: np.ndarray


@dataclass(frozen=True)
class Plan:
    """Axes ready for the kernel.

    Attributes
    ----------
    axes
        Names, in the kernel's order.
    weights
        Genes x axes, in that order.
    links, model
        For the kernel.
    distinct
        Per axis; whether anything of it is left beside its rivals.
    """

    axes: list[str]
    weights: np.ndarray
    links: Links
    model: Model
    distinct: np.ndarray


@dataclass(frozen=True)
class RivalSet:
    """Axes that share their rivals, and what the model needs of them.

    Attributes
    ----------
    inverse
        K x K, of the constant and the rivals.
    cross
        K x K x strata.
    overlap
        Axes x K.
    mean_weight, weight_variance
        Axes x strata.
    distinct
        Per axis.
    """

    inverse: np.ndarray
    cross: np.ndarray
    overlap: np.ndarray
    mean_weight: np.ndarray
    weight_variance: np.ndarray
    distinct: np.ndarray


def compile_links(weights: sparse.csr_array) -> Links:
    """List, gene by gene, the axes it belongs to.

    Parameters
    ----------
    weights
        Genes x axes, signed.
    """
    start = weights.indptr.astype(np.int64)
    return Links(start, weights.indices.astype(np.int32), weights.data.astype(float), np.diff(start) > 0)


def sum_by_stratum(values: np.ndarray, stratum: np.ndarray, strata: int) -> np.ndarray:
    """Sum the rows of ``values`` by stratum: strata x columns."""
    sums = np.zeros((strata, values.shape[1]))
    np.add.at(sums, stratum, values)
    return sums


def cross_products(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return ``left.T @ right``, summed in the same order on any number of threads, which BLAS does not promise."""
    return np.einsum("gi,gj->ij", left, right)


def compile_set(weights: np.ndarray, rivals: np.ndarray, stratum: np.ndarray, size: np.ndarray) -> RivalSet:
    r"""Prepare what `model.adjusted_statistic` does to the weights, and to no profile.

    With the basis :math:`B` of a constant and the rivals, a profile's coefficients are
    :math:`\beta = (B^T B)^{-1} B^T z` and its residual is :math:`z - B \beta`. Hence, with sums over all genes or over
    those of stratum :math:`b`,

    .. math::
        T = \sum w z - \beta^T B^T w, \quad
        n_b \bar x_b = \sum_b z - \beta^T \sum_b B, \quad
        SS^x_b = \sum_b z^2 - 2 \beta^T \sum_b B z + \beta^T (B^T B)_b \beta - n_b \bar x_b^2 .

    So a cell has to bring only, per stratum, its sums of z, of z squared and of z times each rival, and per axis its
    sum of weight times z. The moments of the permutation follow as in `model.adjusted_statistic`.

    Parameters
    ----------
    weights
        Genes x axes that share these rivals.
    rivals
        Genes x rivals.
    stratum
        Stratum of each gene.
    size
        Genes of each stratum.
    """
    basis = np.column_stack([np.ones(len(weights)), rivals])
    # The pseudo-inverse leaves out a rival without a measured gene, and one made of other rivals.
    inverse = np.linalg.pinv(cross_products(basis, basis), rcond=1e-10, hermitian=True)
    overlap = cross_products(weights, basis)
    residual = weights - cross_products(basis.T, inverse @ overlap.T)
    total = sum_by_stratum(residual, stratum, len(size))
    squares = sum_by_stratum(residual**2, stratum, len(size)) - total**2 / size[:, None]
    return RivalSet(
        inverse,
        np.stack([sum_by_stratum(basis * column[:, None], stratum, len(size)).T for column in basis.T]),
        overlap,
        np.ascontiguousarray((total / size[:, None]).T),
        np.ascontiguousarray((squares / np.maximum(size - 1, 1)[:, None]).T),
        (residual**2).sum(axis=0) > 1e-9 * (weights**2).sum(axis=0),
    )


def stack_sets(sets: list[RivalSet]) -> dict[str, np.ndarray]:
    """Stack the arrays of all rival sets, those with fewer rivals filled up with zeros."""
    places = max(len(one.inverse) for one in sets)

    def filled(array, *sides):
        wide = np.zeros([places if side in sides else length for side, length in enumerate(array.shape)])
        wide[tuple(slice(length) for length in array.shape)] = array
        return wide

    return {
        "inverse": np.stack([filled(one.inverse, 0, 1) for one in sets]),
        "cross": np.stack([filled(one.cross, 0, 1) for one in sets]),
        "overlap": np.concatenate([filled(one.overlap, 1) for one in sets]),
        "mean_weight": np.concatenate([one.mean_weight for one in sets]),
        "weight_variance": np.concatenate([one.weight_variance for one in sets]),
    }


def standardised_genes(location: np.ndarray, scale: np.ndarray, inside: np.ndarray, clip: float) -> np.ndarray:
    """Return, per gene, the constants of its standardised value (`Model`); zeros outside the model."""
    gene = np.zeros((len(location), 4))
    gene[inside, 0] = 1 / scale[inside]
    gene[inside, 1] = location[inside] / scale[inside]
    gene[inside, 2] = np.clip(-gene[inside, 1], -clip, clip)
    gene[:, 3] = gene[:, 2] ** 2
    return gene


def compile_plan(
    weights: pd.DataFrame, rivals: Sequence[str], gene: np.ndarray, strata: np.ndarray, clip: float
) -> Plan:
    """Bring axes, rivals and strata into the arrays of the kernel.

    Parameters
    ----------
    weights
        Genes x axes, signed; zero where a gene is no target.
    rivals
        Axes that compete with the others (`rivals_of`); those missing from ``weights`` are left out.
    gene
        From `standardised_genes`.
    strata
        Stratum of each gene inside the model, in order.
    clip
        Largest absolute standardised value.
    """
    shared = [axis for axis in weights if axis not in rivals]
    groups = [group for group in (shared, *([axis] for axis in weights if axis in rivals)) if group]
    axes = [axis for group in groups for axis in group]
    w = weights[axes].to_numpy(float)
    place = {axis: column for column, axis in enumerate(axes)}
    members = [[place[rival] for rival in rivals_of(group[0], rivals) if rival in place] for group in groups]
    used = sorted({column for columns in members for column in columns})
    slot = np.full(len(axes), -1, np.int32)
    slot[used] = np.arange(len(used))

    inside = gene[:, 0] > 0
    size = np.bincount(strata).astype(float)
    sets = [
        compile_set(w[inside][:, [place[axis] for axis in group]], w[inside][:, columns], strata, size)
        for group, columns in zip(groups, members, strict=True)
    ]
    stacked = stack_sets(sets)
    member = np.zeros((len(sets), stacked["inverse"].shape[1]), np.int32)
    for row, columns in zip(member, members, strict=True):
        row[1 : 1 + len(columns)] = columns
    zero = gene[inside, 2]
    stratum = np.full(len(gene), len(size), np.int32)
    stratum[inside] = strata
    compiled = Model(
        gene=gene,
        clip=float(clip),
        stratum=stratum,
        slot=slot,
        zero_sum=np.bincount(strata, zero, len(size)),
        zero_square=np.bincount(strata, zero**2, len(size)),
        zero_axis=cross_products(zero[:, None], w[inside])[0],
        zero_slot=np.ascontiguousarray(sum_by_stratum(zero[:, None] * w[inside][:, used], strata, len(size)).T),
        size=size,
        first_axis=np.concatenate([[0], np.cumsum([len(group) for group in groups])]).astype(np.int64),
        rivals=np.array([len(columns) for columns in members], np.int64),
        member=member,
        **stacked,
    )
    return Plan(axes, w, compile_links(sparse.csr_array(w)), compiled, np.concatenate([one.distinct for one in sets]))
