"""Normal cells as reference: their groups, and each part of them held out."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import sparse

MIN_GROUP = 5
# A block of cells is copied at a time, never the sample.
CELLS_AT_ONCE = 2000


def group_means(expression: sparse.csr_matrix, groups: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Return the names of the groups and their mean profiles; cells with the group "" are in none."""
    names = sorted(set(groups) - {""})
    member = sparse.csr_matrix(np.array([(groups == name) / (groups == name).sum() for name in names]))
    return names, np.asarray((member @ expression).todense(), dtype=float)


def bulk_profiles(expression: sparse.csr_matrix, groups: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Return the names of the groups and the log of their mean linear expression.

    For sparse counts the log of the mean is less noisy than the mean of the logs.
    """
    names = sorted(set(groups) - {""})
    code = pd.Index(names).get_indexer(groups)
    sums = sum_groups(expression, code, len(names), np.expm1)
    return names, np.log1p(sums / np.bincount(code[code >= 0], minlength=len(names))[:, None])


def sum_groups(
    values: sparse.csr_matrix, code: np.ndarray, number: int, change: Callable[[np.ndarray], np.ndarray] | None = None
) -> np.ndarray:
    """Sum the cells of every group, a block of cells at a time.

    Parameters
    ----------
    values
        Cells x genes.
    code
        Number of the group of every cell; -1 for none.
    number
        How many groups there are.
    change
        Applied to the stored values first; keeps zero at zero.

    Returns
    -------
    numpy.ndarray
        Groups x genes, float64: float32 sums of counts lose units above 16.7 million.
    """
    rows, sums = np.flatnonzero(code >= 0), np.zeros((number, values.shape[1]))
    for start in range(0, len(rows), CELLS_AT_ONCE):
        block = rows[start : start + CELLS_AT_ONCE]
        part = values[block]
        if change is not None:
            part.data = change(part.data)
        member = sparse.csr_matrix((np.ones(len(block)), (code[block], np.arange(len(block)))), (number, len(block)))
        sums += (member @ part.astype(np.float64)).toarray()
    return sums


def evenly(count: int, wanted: int) -> np.ndarray:
    """Return the positions of at most ``wanted`` items spread evenly over ``count``."""
    return np.unique(np.linspace(0, count - 1, min(count, wanted)).round().astype(int)) if count else np.arange(0)


def count_detected(expression: sparse.csr_matrix, rows: np.ndarray) -> np.ndarray:
    """Return for every gene in how many of these cells it is seen."""
    found = np.zeros(expression.shape[1], dtype=np.int64)
    for start in range(0, len(rows), CELLS_AT_ONCE):
        found += expression[rows[start : start + CELLS_AT_ONCE]].getnnz(axis=0)
    return found


def reference_groups(lineage: np.ndarray, state: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Group the reference cells by lineage, or by state when there is one lineage; other cells are "".

    Groups of few cells join the largest: their means are noisy, and noise in a reference widens the range
    inside which nothing counts as gain or loss.

    Parameters
    ----------
    lineage, state
        One value per cell.
    reference
        Boolean, one value per cell.

    Returns
    -------
    numpy.ndarray
        Group of every cell.
    """
    single = len(set(lineage[reference])) == 1
    groups = np.where(reference, state if single else lineage, "").astype(object)
    counts = pd.Series(groups[reference]).value_counts()
    small = counts.index[counts < MIN_GROUP]
    groups[np.isin(groups, small)] = sorted(counts.index[counts == counts.max()])[0]
    return groups


def held_out(groups: np.ndarray, donor: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pair parts of the reference with the groups that remain without them.

    With cells of several donors a part is a group of one donor, and nothing of that donor remains: what differs
    between samples is then part of what normal cells show. With one donor a part is a group; a single group is split
    into two halves, each the other's reference.

    Parameters
    ----------
    groups
        Group of every cell, "" for cells outside the reference.
    donor
        Sample of every cell.

    Returns
    -------
    list of tuple
        Indices of the held-out cells; groups of all cells, "" for those held out.
    """
    members = np.flatnonzero(groups != "")
    donors, names = sorted(set(donor[members])), sorted(set(groups[members]))
    if len(donors) > 1:
        pairs = []
        for name in donors:
            rest = np.where(donor == name, "", groups).astype(object)
            own = (donor == name) & (groups != "")
            pairs += [(np.flatnonzero(own & (groups == group)), rest) for group in sorted(set(groups[own]))]
        return pairs
    if len(names) > 1:
        parts = [np.flatnonzero(groups == name) for name in names]
    else:
        parts = [members[fold::2] for fold in range(2)]
    pairs = []
    for part in parts:
        rest = groups.copy()
        rest[part] = ""
        pairs.append((part, rest))
    return pairs
