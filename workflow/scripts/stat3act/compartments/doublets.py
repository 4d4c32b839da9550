"""Doublets put back: sums as they would be, had the removed doublets stayed with the cells most like them."""

import numpy as np
import pandas as pd
from scipy import sparse

from stat3act.compartments.clusters import TARGET_SUM, log_normalise

# A doublet is placed by the genes that differ most between units; the others only add noise.
VARIABLE_GENES = 2000


def place_doublets(doublets, matrix: pd.DataFrame) -> pd.Series:
    """Name the unit of a sample that each doublet is most like.

    Pearson correlation of log-normalised counts with those of the units' sums, over the `VARIABLE_GENES` that vary
    most between units: the rule by which clustering would have placed the doublet, without clustering again.

    Parameters
    ----------
    doublets
        `anndata.AnnData` of the removed doublets, counts.
    matrix
        Genes x units of the sample (`stat3act.compartments.pseudobulk.sum_units`), the genes of ``doublets``.

    Returns
    -------
    pandas.Series
        Unit of every doublet, indexed by cell.
    """
    totals = matrix.sum()
    logged = np.log1p(TARGET_SUM["counts"] * matrix.loc[:, totals > 0] / totals[totals > 0])
    genes = logged.var(axis=1, ddof=0).sort_values(ascending=False, kind="stable").index[:VARIABLE_GENES]
    cells = log_normalise(doublets, "counts")[:, genes].X.toarray().astype(float)
    profiles = logged.loc[genes].to_numpy().T
    cells, profiles = (values - values.mean(axis=1, keepdims=True) for values in (cells, profiles))
    # Dividing by a cell's own spread would not change which unit is nearest.
    likeness = cells @ (profiles / np.maximum(np.linalg.norm(profiles, axis=1, keepdims=True), 1e-12)).T
    return pd.Series(logged.columns.to_numpy()[likeness.argmax(axis=1)], index=doublets.obs_names, dtype=object)


def add_doublets(doublets, matrix: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Add the doublets of a sample to the sums of the units they are placed in.

    Parameters
    ----------
    doublets, matrix
        As in `place_doublets`.

    Returns
    -------
    doubled : pandas.DataFrame
        Genes x those units that get doublets, doublets added.
    n_doublets : pandas.Series
        How many go to each unit of ``matrix``.
    """
    placed = place_doublets(doublets, matrix)
    counts = placed.value_counts().reindex(matrix.columns, fill_value=0)
    names = counts.index[counts > 0].to_numpy()
    member = sparse.csr_matrix((placed.to_numpy()[:, None] == names[None, :]).astype(np.float64))
    added = sparse.csr_matrix(doublets.X, dtype=np.float64).T @ member
    return matrix[names] + pd.DataFrame(added.toarray(), index=doublets.var_names, columns=names), counts
