"""Cells of a sample on one scale, their clusters, and a map of them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from stat3act.compartments.normal import count_detected, evenly

# Library size every cell is scaled to before log1p: scanpy's usual 1e4 for counts; for TPM-like values 1e5, about the
# number of transcripts of a cell (log2(TPM/10 + 1), https://jlaffy.github.io/scalop/reference/unlogtpm.html).
TARGET_SUM = {"counts": 1e4, "tpm": 1e5}
UMAP_EPOCHS = 200
CELLS_OF_VARIABILITY = 20_000


@dataclass(frozen=True)
class Clustering:
    """Clusters of a sample, its neighbour graph and its map.

    Attributes
    ----------
    labels
        One cluster name per cell, "0" being the largest.
    graph
        Cells x cells, CSR, weights of the neighbour graph.
    umap
        Cells x 2; NaN where there are too few cells for a map.
    """

    labels: np.ndarray
    graph: sparse.csr_matrix
    umap: np.ndarray


def log_normalise(adata, scale: str):
    """Return the cells scaled to the same library size and log1p-transformed.

    Parameters
    ----------
    adata
        `anndata.AnnData` with counts or linear TPM-like values in ``X``.
    scale
        ``counts`` (scaled to 1e4) or ``tpm`` (scaled to 1e5).

    Returns
    -------
    anndata.AnnData
        ``X`` CSR float32, natural log; names of the cells and ``var``, nothing else.

    Raises
    ------
    ValueError
        For any other scale.
    """
    import anndata as ad

    if scale not in TARGET_SUM:
        raise ValueError(f"scale {scale!r}: single cells come as {sorted(TARGET_SUM)}")
    linear = sparse.csr_matrix(adata.X)
    if not linear.has_sorted_indices or not linear.data.all():
        linear = linear.sorted_indices()
        linear.eliminate_zeros()
    totals = np.ravel(linear.sum(axis=1, dtype=np.float64))
    factors = np.divide(TARGET_SUM[scale], totals, out=np.ones_like(totals), where=totals > 0)
    # In place, and row and column numbers shared with the input: a large sample is gigabytes.
    values = np.repeat(factors.astype(np.float32), np.diff(linear.indptr))
    values *= linear.data
    np.log1p(values, out=values)
    logged = sparse.csr_matrix((values, linear.indices, linear.indptr), shape=linear.shape)
    return ad.AnnData(logged, obs=pd.DataFrame(index=adata.obs_names), var=adata.var)


def cluster_cells(logged, settings: dict, seed: int) -> Clustering:
    """Group the cells of a sample: variable genes, principal components, neighbours, Leiden, UMAP.

    Every number is limited by the sample, so that 30 cells work; neighbours are found exactly, and all steps are
    seeded.

    Parameters
    ----------
    logged
        Result of `log_normalise`.
    settings
        ``n_top_genes``, ``n_pcs``, ``n_neighbors``, ``resolution``.
    seed
        Seed of the decomposition, of Leiden and of UMAP.

    Returns
    -------
    Clustering
        Clusters named by falling size.
    """
    import scanpy as sc  # takes seconds to import, and this module is also read by jobs that only need the scale
    from sklearn.neighbors import KNeighborsTransformer

    work = logged[:, variable_genes(logged, settings["n_top_genes"])].copy()
    n_pcs = min(settings["n_pcs"], work.n_obs - 2, work.n_vars - 1)
    n_neighbors = min(settings["n_neighbors"], work.n_obs - 1)
    if n_pcs < 2 or n_neighbors < 2:
        alone = sparse.csr_matrix((work.n_obs, work.n_obs))
        return Clustering(np.full(work.n_obs, "0"), alone, np.full((work.n_obs, 2), np.nan))
    sc.pp.pca(work, n_comps=n_pcs, svd_solver="arpack", random_state=seed)
    sc.pp.neighbors(
        work,
        n_neighbors=n_neighbors,
        use_rep="X_pca",
        # Gaussian weights, as Haghverdi et al. 2016 (doi 10.1038/nmeth.3971): nothing has to be compiled for them.
        method="gauss",
        transformer=KNeighborsTransformer(n_neighbors=n_neighbors, n_jobs=1),
        random_state=seed,
    )
    sc.tl.leiden(
        work,
        flavor="igraph",
        n_iterations=2,
        directed=False,
        resolution=settings["resolution"],
        random_state=seed,
    )
    return Clustering(
        by_size(work.obs["leiden"].astype(str)), sparse.csr_matrix(work.obsp["connectivities"]), draw_map(work, seed)
    )


def variable_genes(logged, number: int) -> list[str]:
    """Name the most variable genes among those seen in at least two cells, in the order of the genes.

    In a sample of more than 20,000 cells variability is measured in 20,000 of them, evenly spread: scanpy copies what
    it measures, several times over.
    """
    import scanpy as sc

    seen = count_detected(logged.X, np.arange(logged.n_obs)) >= 2
    if seen.sum() <= number:
        return list(logged.var_names[seen])
    rows = evenly(logged.n_obs, CELLS_OF_VARIABILITY)
    found = sc.pp.highly_variable_genes(logged[rows, seen].copy(), n_top_genes=number, inplace=False)
    return list(logged.var_names[seen][found["highly_variable"].to_numpy()])


def draw_map(work, seed: int) -> np.ndarray:
    """Return UMAP coordinates of cells that have components and neighbours, to three decimals.

    The map starts from the first two principal components instead of a spectral layout, which fails for graphs of few
    cells or several parts.
    """
    import scanpy as sc

    # It warns that the graph's weights are not its own, which is meant so.
    sc.settings.verbosity = "error"
    start = work.obsm["X_pca"][:, :2]
    # UMAP expects a layout about ten units wide.
    work.obsm["start"] = (10 * start / np.abs(start).max()).astype(np.float32)
    sc.tl.umap(work, init_pos="start", maxiter=UMAP_EPOCHS, random_state=seed)
    return np.round(work.obsm["X_umap"].astype(float), 3)


def by_size(labels: pd.Series) -> np.ndarray:
    """Rename clusters "0", "1", ... by falling size, ties by first cell."""
    values = labels.to_numpy()
    names, first, counts = np.unique(values, return_index=True, return_counts=True)
    order = np.lexsort((first, -counts))
    new = {names[position]: str(rank) for rank, position in enumerate(order)}
    return np.array([new[value] for value in values])
