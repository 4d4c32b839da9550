"""Lineage of every cell from marker genes: clusters of a sample, scored against a bundled marker table."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from stat3act.logs import log

LINEAGES = (
    "endothelial",
    "epithelial",
    "erythroid",
    "fibroblast",
    "glial",
    "lymphoid",
    "melanocytic",
    "myeloid",
    "other",
    "progenitor",
)
UNKNOWN = "unknown"
MARKER_COLUMNS = ("lineage", "state", "gene", "sign", "source")

# Library size every cell is scaled to before log1p: scanpy's usual 1e4 for counts; for TPM-like values 1e5, about the
# number of transcripts of a cell (log2(TPM/10 + 1), https://jlaffy.github.io/scalop/reference/unlogtpm.html).
TARGET_SUM = {"counts": 1e4, "tpm": 1e5}
# A marker counts as present in a cluster when at least this share of its cells shows it, and a state may be called only
# when this share of its measured markers, at least two, is present: a relative score alone would find T cells in a
# sample that has none.
DETECTED_IN_CELLS = 0.1
DETECTED_MARKERS = 0.3
FEWEST_MARKERS = 2


@dataclass(frozen=True)
class Clustering:
    """Clusters of a sample and its neighbour graph.

    Attributes
    ----------
    labels
        One cluster name per cell, "0" being the largest.
    graph
        Cells x cells, CSR, weights of the neighbour graph.
    """

    labels: np.ndarray
    graph: sparse.csr_matrix


def check_markers(markers: pd.DataFrame) -> None:
    """Raise `ValueError` when a marker table is not one.

    Parameters
    ----------
    markers
        Columns ``lineage state gene sign source``; sign is 1 or -1, a gene stands once per state.
    """
    missing = [column for column in MARKER_COLUMNS if column not in markers]
    if missing:
        raise ValueError(f"marker table: missing columns {missing}")
    pairs = markers[["state", "lineage"]].drop_duplicates().set_index("state")
    findings = [
        ("unknown lineages", sorted(set(markers["lineage"]) - set(LINEAGES))),
        ("signs other than 1 and -1", sorted(set(markers["sign"]) - {1, -1})),
        (
            "states in two lineages",
            sorted(pairs.index[pairs.index.duplicated()]),
        ),
        (
            "genes given twice for a state",
            markers.loc[markers.duplicated(["state", "gene"]), "gene"].tolist(),
        ),
        ("rows without source", markers.loc[markers["source"].fillna("") == "", "gene"].tolist()),
    ]
    for what, found in findings:
        if found:
            raise ValueError(f"marker table: {what}: {found}")


def log_normalise(adata, scale: str):
    """Return a copy with every cell scaled to the same library size and log1p-transformed.

    Parameters
    ----------
    adata
        `anndata.AnnData` with counts or linear TPM-like values in ``X``.
    scale
        ``counts`` (scaled to 1e4) or ``tpm`` (scaled to 1e5).

    Returns
    -------
    anndata.AnnData
        ``X`` CSR float32, natural log.

    Raises
    ------
    ValueError
        For any other scale.
    """
    import scanpy as sc  # takes seconds to import, and this module is also read by jobs that only need names

    if scale not in TARGET_SUM:
        raise ValueError(f"scale {scale!r}: single cells come as {sorted(TARGET_SUM)}")
    logged = adata.copy()
    logged.X = sparse.csr_matrix(logged.X, dtype=np.float32)
    sc.pp.normalize_total(logged, target_sum=TARGET_SUM[scale])
    sc.pp.log1p(logged)
    return logged


def cluster_cells(logged, settings: dict, seed: int) -> Clustering:
    """Group the cells of a sample: variable genes, principal components, neighbours, Leiden.

    Every number is limited by the sample, so that 30 cells work; neighbours are found exactly, and all steps are
    seeded.

    Parameters
    ----------
    logged
        Result of `log_normalise`.
    settings
        ``n_top_genes``, ``n_pcs``, ``n_neighbors``, ``resolution``.
    seed
        Seed of the decomposition and of Leiden.

    Returns
    -------
    Clustering
        Clusters named by falling size.
    """
    import scanpy as sc
    from sklearn.neighbors import KNeighborsTransformer

    work = logged[:, np.asarray((logged.X > 0).sum(axis=0)).ravel() >= 2].copy()
    if work.n_vars > settings["n_top_genes"]:
        sc.pp.highly_variable_genes(work, n_top_genes=settings["n_top_genes"])
        work = work[:, work.var["highly_variable"]].copy()
    n_pcs = min(settings["n_pcs"], work.n_obs - 2, work.n_vars - 1)
    n_neighbors = min(settings["n_neighbors"], work.n_obs - 1)
    if n_pcs < 2 or n_neighbors < 2:
        return Clustering(np.full(work.n_obs, "0"), sparse.csr_matrix((work.n_obs, work.n_obs)))
    sc.pp.pca(work, n_comps=n_pcs, svd_solver="arpack", random_state=seed)
    sc.pp.neighbors(
        work,
        n_neighbors=n_neighbors,
        use_rep="X_pca",
        # Gaussian weights instead of scanpy's default: compiling umap costs ten seconds in every job.
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
    return Clustering(by_size(work.obs["leiden"].astype(str)), sparse.csr_matrix(work.obsp["connectivities"]))


def by_size(labels: pd.Series) -> np.ndarray:
    """Rename clusters "0", "1", ... by falling size, ties by first cell."""
    values = labels.to_numpy()
    names, first, counts = np.unique(values, return_index=True, return_counts=True)
    order = np.lexsort((first, -counts))
    new = {names[position]: str(rank) for rank, position in enumerate(order)}
    return np.array([new[value] for value in values])


def score_states(logged, clusters: np.ndarray, markers: pd.DataFrame) -> pd.DataFrame:
    """Score every cluster against every state of the marker table.

    Each marker is standardised over the cells of the sample; the score is the sum of positive minus negative
    markers over the square root of their number (the form that was most accurate of seven compared on simulated
    cells of two tumour types; the idea is that of ScType, doi 10.1038/s41467-022-28803-w).

    Parameters
    ----------
    logged
        Result of `log_normalise`.
    clusters
        Cluster of every cell.
    markers
        Marker table.

    Returns
    -------
    pandas.DataFrame
        One row per cluster x state: ``cluster state lineage score n_markers detection present``; ``detection`` is the
        mean share of cells showing a positive marker, ``present`` whether enough of them are there to call the state.
        States with fewer than two measured positive markers are left out.
    """
    known = markers[markers["gene"].isin(logged.var_names)]
    genes = sorted(known["gene"].unique())
    values = sparse.csr_matrix(logged[:, genes].X).toarray().astype(float)
    spread = values.std(axis=0)
    z = np.divide(values - values.mean(axis=0), spread, out=np.zeros_like(values), where=spread > 0)
    names, codes = np.unique(clusters, return_inverse=True)
    member = np.eye(len(names))[codes] / np.bincount(codes)[codes][:, None]
    mean_z, detected = member.T @ z, member.T @ (values > 0)
    rows = []
    for (lineage, state), part in known.groupby(["lineage", "state"], sort=True):
        columns = np.searchsorted(genes, part["gene"])
        positive = columns[(part["sign"] == 1).to_numpy()]
        if len(positive) < FEWEST_MARKERS:
            continue
        score = mean_z[:, columns] @ part["sign"].to_numpy(dtype=float) / np.sqrt(len(columns))
        found = (detected[:, positive] >= DETECTED_IN_CELLS).sum(axis=1)
        needed = max(FEWEST_MARKERS, DETECTED_MARKERS * len(positive))
        for row, name in enumerate(names):
            detection = detected[row, positive].mean()
            rows.append((name, state, lineage, score[row], len(columns), detection, found[row] >= needed))
    columns = ["cluster", "state", "lineage", "score", "n_markers", "detection", "present"]
    return pd.DataFrame(rows, columns=columns)


def call_cluster(scores: pd.DataFrame, margin: float) -> tuple[str, str, float]:
    """Choose the lineage of one cluster.

    Parameters
    ----------
    scores
        Rows of `score_states` of one cluster.
    margin
        Smallest lead over the best present state of any other lineage, in mean gene-z of the winner's markers.

    Returns
    -------
    tuple
        Lineage (``unknown`` below the margin or when no state is present), state, lead. When all states
        present belong to one lineage the lead is the mean detection of the winner's markers: a sample of
        one lineage has no contrast to be standardised against.
    """
    present = scores[scores["present"]]
    if present.empty:
        return UNKNOWN, UNKNOWN, 0.0
    best = present.sort_values(["score", "state"], ascending=[False, True], kind="stable").iloc[0]
    rivals = present.loc[present["lineage"] != best["lineage"], "score"]
    if rivals.empty:
        lead = float(best["detection"])
    else:
        lead = float(best["score"] - rivals.max()) / np.sqrt(best["n_markers"])
    if lead < margin:
        return UNKNOWN, UNKNOWN, max(lead, 0.0)
    return best["lineage"], best["state"], lead


def annotate_cells(logged, clusters: np.ndarray, markers: pd.DataFrame, margin: float) -> pd.DataFrame:
    """Give every cell the lineage of its cluster.

    Parameters
    ----------
    logged
        Result of `log_normalise`.
    clusters
        Cluster of every cell.
    markers
        Marker table.
    margin
        Smallest lead of the best lineage, in mean gene-z.

    Returns
    -------
    pandas.DataFrame
        Indexed by cell: ``lineage state margin``.
    """
    check_markers(markers)
    scores = score_states(logged, clusters, markers)
    calls = {name: call_cluster(scores[scores["cluster"] == name], margin) for name in sorted(set(clusters), key=int)}
    for name, (lineage, state, lead) in calls.items():
        cells = int((clusters == name).sum())
        log.info("cluster %s, %d cells: %s (%s), lead %.2f", name, cells, lineage, state, lead)
    table = pd.DataFrame([calls[name] for name in clusters], columns=["lineage", "state", "margin"])
    return table.set_index(logged.obs_names)
