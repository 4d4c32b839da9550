"""The sample's own normal cells as reference: their groups, and each group held out."""

import numpy as np
import pandas as pd
from scipy import sparse

MIN_GROUP = 5


def group_means(expression: sparse.csr_matrix, groups: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Return the names of the groups and their mean profiles; cells with the group "" are in none."""
    names = sorted(set(groups) - {""})
    member = sparse.csr_matrix(np.array([(groups == name) / (groups == name).sum() for name in names]))
    return names, np.asarray((member @ expression).todense(), dtype=float)


def bulk_profiles(expression: sparse.csr_matrix, groups: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Return the names of the groups and the log of their mean linear expression.

    For sparse counts the log of the mean is less noisy than the mean of the logs.
    """
    linear = expression.copy()
    np.expm1(linear.data, out=linear.data)
    names, means = group_means(linear, groups)
    return names, np.log1p(means)


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


def held_out(groups: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pair the cells of every reference group with the groups that remain without them.

    A single group is split into two halves, each the other's reference.

    Returns
    -------
    list of tuple
        Indices of the held-out cells; groups of all cells, "" for those held out.
    """
    names = sorted(set(groups) - {""})
    members = np.flatnonzero(groups != "")
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
