"""What the scores of all cells have in common: weights, rivals and strata, brought into the arrays of `kernel`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from stat3act.activity.prepare import rivals_of


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
    own
        Links, float64; the same, zero for a gene that a rival shares with a STAT3 panel.
    target
        Genes, bool; whether there is any link, which is quicker to look up.
    """

    start: np.ndarray
    axis: np.ndarray
    weight: np.ndarray
    own: np.ndarray
    target: np.ndarray


class Model(NamedTuple):
    """Everything of the axes model that does not depend on the cell.

    Axes are ordered by the set of rivals they are scored beside, so that the axes of a set are neighbours. Every axis
    that is a rival of any other has a slot.

    Attributes
    ----------
    gene
        Genes x 4, float64: one over scale, location over scale, standardised value of a zero, and its square.
    clip
        Largest absolute standardised value.
    stratum
        Genes, int32; stratum, or the number of strata for a gene outside the model.
    slot
        Axes, int32; slot of this axis, -1 for an axis that is no one's rival.
    zero_sum, zero_square
        Strata; sums over genes of the standardised value of a zero, and of its square.
    zero_axis
        Axes; sum of weight times standardised value of a zero.
    zero_own
        Slots; the same over the rival's own genes.
    zero_slot
        Slots x strata; the same over all its genes, per stratum.
    size
        Strata, float64; genes.
    first_axis
        Sets + 1, int64; axes of set s are ``first_axis[s]:first_axis[s + 1]``.
    inverse
        Sets x slots x (1 + slots); turns a cell's sum over all genes and its sums over the rivals' own genes into the
        levels of the rivals. Rivals that are not of the set have zeros.
    rival_weight
        Slots x strata; sum of weights.
    cross
        Slots x slots x strata; sum of products of weights.
    overlap
        Axes x slots; sum of products of weights over all genes.
    mean_weight, weight_variance
        Axes x strata; mean of the weights, and their squared deviations over genes - 1.
    """

    gene: np.ndarray
    clip: float
    stratum: np.ndarray
    slot: np.ndarray
    zero_sum: np.ndarray
    zero_square: np.ndarray
    zero_axis: np.ndarray
    zero_own: np.ndarray
    zero_slot: np.ndarray
    size: np.ndarray
    first_axis: np.ndarray
    inverse: np.ndarray
    rival_weight: np.ndarray
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
    """

    axes: list[str]
    weights: np.ndarray
    links: Links
    model: Model


def compile_links(weights: sparse.csr_array, own: np.ndarray | None = None) -> Links:
    """List, gene by gene, the axes it belongs to.

    Parameters
    ----------
    weights
        Genes x axes, signed.
    own
        The same without shared genes; by default no gene is shared.
    """
    start, axis = weights.indptr.astype(np.int64), weights.indices.astype(np.int32)
    data, count = weights.data.astype(float), np.diff(start)
    alone = data if own is None else own[np.repeat(np.arange(len(count)), count), axis]
    return Links(start, axis, data, alone, count > 0)


def sum_by_stratum(values: np.ndarray, stratum: np.ndarray, strata: int) -> np.ndarray:
    """Sum the rows of ``values`` by stratum: columns x strata."""
    sums = np.zeros((strata, values.shape[1]))
    np.add.at(sums, stratum, values)
    return np.ascontiguousarray(sums.T)


def cross_products(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return ``left.T @ right``, summed in the same order on any number of threads, which BLAS does not promise."""
    return np.einsum("gi,gj->ij", left, right)


def level_inverse(own: np.ndarray, members: list[list[int]]) -> np.ndarray:
    """Prepare the regression of a cell on a constant and the rivals' own genes, which tells the rivals' levels.

    Parameters
    ----------
    own
        Genes x slots.
    members
        For each set of rivals, their slots.

    Returns
    -------
    Sets x slots x (1 + slots), `Model.inverse`.
    """
    basis = np.column_stack([np.ones(len(own)), own])
    products = cross_products(basis, basis)
    inverse = np.zeros((len(members), own.shape[1], basis.shape[1]))
    for part, slots in zip(inverse, members, strict=True):
        used = [0, *(slot + 1 for slot in slots)]
        # The pseudo-inverse gives a rival without a measured gene the level zero.
        found = np.linalg.pinv(products[np.ix_(used, used)], rcond=1e-10, hermitian=True)
        part[np.ix_(slots, used)] = found[1:]
    return inverse


def weight_sums(weights: np.ndarray, used: list[int], stratum: np.ndarray, size: np.ndarray) -> dict[str, np.ndarray]:
    r"""Sum what `model.adjusted_statistic` needs of the weights, and of no profile.

    With levels :math:`\ell` of the rivals, and :math:`B` their weights, own and shared, the rest of a profile is
    :math:`x = z - B \ell`. Its mean is not taken off: a constant changes neither :math:`T - E` nor the deviations
    within a stratum. Hence, with sums over all genes or over those of stratum :math:`b`,

    .. math::
        T = \sum w z - \ell^T B^T w, \quad
        n_b \bar x_b = \sum_b z - \ell^T \sum_b B, \quad
        SS^x_b = \sum_b z^2 - 2 \ell^T \sum_b B z + \ell^T (B^T B)_b \ell - n_b \bar x_b^2 .

    So a cell has to bring only, per stratum, its sums of z, of z squared and of z times each rival, per axis its sum
    of weight times z, and per rival that sum over its own genes. The moments of the permutation follow as in
    `model.adjusted_statistic`.

    Parameters
    ----------
    weights
        Genes x axes.
    used
        Axes that are rivals, one per slot.
    stratum
        Stratum of each gene.
    size
        Genes of each stratum.

    Returns
    -------
    Attributes of `Model` by name.
    """
    strata, slots = len(size), len(used)
    rivals = weights[:, used]
    products = (rivals[:, :, None] * rivals[:, None, :]).reshape(len(rivals), slots * slots)
    total = sum_by_stratum(weights, stratum, strata)
    squares = sum_by_stratum(weights**2, stratum, strata) - total**2 / size
    return {
        "rival_weight": total[used],
        "cross": sum_by_stratum(products, stratum, strata).reshape(slots, slots, strata),
        "overlap": cross_products(weights, rivals),
        "mean_weight": total / size,
        "weight_variance": squares / np.maximum(size - 1, 1),
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
    weights: pd.DataFrame, own: pd.DataFrame, rivals: Sequence[str], gene: np.ndarray, strata: np.ndarray, clip: float
) -> Plan:
    """Bring axes, rivals and strata into the arrays of the kernel.

    Parameters
    ----------
    weights
        Genes x axes, signed; zero where a gene is no target.
    own
        The same without the genes that a rival shares with a STAT3 panel; same columns.
    rivals
        Axes that compete with the others (`rivals_of`); those missing from ``weights`` are left out.
    gene
        From `standardised_genes`.
    strata
        Stratum of each gene inside the model, in order.
    clip
        Largest absolute standardised value.
    """
    together = [axis for axis in weights if axis not in rivals]
    groups = [group for group in (together, *([axis] for axis in weights if axis in rivals)) if group]
    axes = [axis for group in groups for axis in group]
    w, alone = weights[axes].to_numpy(float), own[axes].to_numpy(float)
    place = {axis: column for column, axis in enumerate(axes)}
    members = [[place[rival] for rival in rivals_of(group[0], rivals) if rival in place] for group in groups]
    used = sorted({column for columns in members for column in columns})
    slot = np.full(len(axes), -1, np.int32)
    slot[used] = np.arange(len(used))

    inside = gene[:, 0] > 0
    size, zero = np.bincount(strata).astype(float), gene[inside, 2]
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
        zero_own=cross_products(zero[:, None], alone[inside][:, used])[0],
        zero_slot=sum_by_stratum(zero[:, None] * w[inside][:, used], strata, len(size)),
        size=size,
        first_axis=np.concatenate([[0], np.cumsum([len(group) for group in groups])]).astype(np.int64),
        inverse=level_inverse(alone[inside][:, used], [slot[columns].tolist() for columns in members]),
        **weight_sums(w[inside], used, strata, size),
    )
    return Plan(axes, w, compile_links(sparse.csr_array(w), alone), compiled)
