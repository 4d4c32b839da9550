"""Patient-level expression of the compartments: sums over cells, gathered over the cohort."""

import numpy as np
import pandas as pd
from scipy import sparse

from stat3act.compartments import COMPARTMENTS, LINEAGE_COMPARTMENTS
from stat3act.compartments.malignant import NON_MALIGNANT
from stat3act.logs import log
from stat3act.problems import Problem, raise_if_any

META_COLUMNS = ("sample", "compartment", "n_cells", "n_genes", "total")
LOW_CELLS = "LOW_CELLS"


def compartment_members(labels: pd.DataFrame) -> dict[str, np.ndarray]:
    """Say which cells belong to which compartment.

    Parameters
    ----------
    labels
        Table of `stat3act.compartments.labels.label_cells`.

    Returns
    -------
    dict
        Boolean per cell for all seven compartments: tumour and microenvironment by the malignant call, the four
        lineages from non-malignant cells only, bulk from all cells, the uncertain ones included.
    """
    normal = (labels["malignant_call"] == NON_MALIGNANT).to_numpy()
    members = {name: (labels["compartment"] == name).to_numpy() for name in ("tumour", "microenvironment")}
    for lineage in LINEAGE_COMPARTMENTS:
        members[lineage] = normal & (labels["lineage"] == lineage).to_numpy()
    members["bulk"] = np.ones(len(labels), dtype=bool)
    return members


def sum_compartments(adata, labels: pd.DataFrame, sample: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sum the values of the cells of every compartment of one sample.

    Parameters
    ----------
    adata
        `anndata.AnnData`, linear values (counts, TPM-like), sparse or dense; unique gene names.
    labels
        Table of `stat3act.compartments.labels.label_cells` for the same cells, in any order.
    sample
        Name of the sample.

    Returns
    -------
    matrix : pandas.DataFrame
        Genes x compartments that have cells, float64.
    meta : pandas.DataFrame
        All seven compartments: ``sample compartment n_cells n_genes total``; ``n_genes`` counts genes above zero.

    Raises
    ------
    ValueError
        When labels and cells are not the same cells, or gene names repeat.
    """
    if not adata.var_names.is_unique:
        raise ValueError(f"{sample}: gene names repeat")
    labels = labels.set_index("cell")
    if not labels.index.is_unique or set(labels.index) != set(adata.obs_names):
        raise ValueError(f"{sample}: the labels are not those of its cells")
    members = compartment_members(labels.loc[adata.obs_names])
    indicator = sparse.csr_matrix(np.array([members[name] for name in COMPARTMENTS], dtype=np.float64))
    # float64 before summing: float32 sums of counts lose units above 16.7 million.
    sums = indicator @ sparse.csr_matrix(adata.X).astype(np.float64)
    matrix = pd.DataFrame(
        np.asarray(sums.todense()).T, index=adata.var_names.astype(str), columns=list(COMPARTMENTS)
    ).rename_axis("gene")
    cells = np.array([members[name].sum() for name in COMPARTMENTS])
    meta = pd.DataFrame(
        {
            "sample": sample,
            "compartment": COMPARTMENTS,
            "n_cells": cells,
            "n_genes": (matrix > 0).sum(axis=0).to_numpy(),
            "total": matrix.sum(axis=0).to_numpy(),
        },
        columns=META_COLUMNS,
    )
    return matrix.loc[:, cells > 0], meta


def shared_genes(matrices: dict[str, pd.DataFrame]) -> pd.Index:
    """Return the sorted genes that every sample measured; genes missing somewhere are not zero there.

    Raises
    ------
    InputProblems
        When the samples have no gene in common.
    """
    genes = [frame.index for frame in matrices.values()]
    shared, union = set(genes[0]).intersection(*genes[1:]), set().union(*genes)
    log.info("%d genes measured in all %d samples, %d left out", len(shared), len(genes), len(union) - len(shared))
    if not shared:
        raise_if_any(
            [
                Problem(
                    "cohort",
                    "genes",
                    f"{len(union)} genes, none of them in all of {', '.join(sorted(matrices))}",
                    "samples measured in the same genes",
                    "leave out the samples that differ",
                )
            ]
        )
    return pd.Index(sorted(shared), name="gene")


def log2_cpm(linear: np.ndarray) -> np.ndarray:
    """Return log2(CPM + 1) of rows of sums; a row without any value stays zero."""
    totals = linear.sum(axis=1, keepdims=True)
    return np.log2(1 + 1e6 * np.divide(linear, totals, out=np.zeros_like(linear), where=totals > 0))


def gather_pseudobulk(matrices: dict[str, pd.DataFrame], metas: list[pd.DataFrame], scale: str, min_cells: int):
    """Gather the compartments of all samples into one matrix.

    Parameters
    ----------
    matrices
        Genes x compartments of every sample (`sum_compartments`).
    metas
        Their tables.
    scale
        What the sums are of: ``counts`` or ``tpm``.
    min_cells
        Fewest cells for a per-sample value; a compartment with fewer gets the reason ``LOW_CELLS``.

    Returns
    -------
    adata : anndata.AnnData
        One row per sample and compartment with cells, named ``<sample>|<compartment>``; ``X`` log2(CPM + 1) in the
        genes that all samples measured, float32; ``layers["linear"]`` the sums, float64; ``obs`` has ``sample
        compartment n_cells reason``; ``uns["scale"]``.
    composition : pandas.DataFrame
        All samples x compartments: ``sample compartment n_cells fraction reason``; ``fraction`` of the sample's cells.

    Raises
    ------
    InputProblems
        When the samples have no gene in common.
    """
    import anndata as ad

    genes = shared_genes(matrices)
    meta = pd.concat(metas, ignore_index=True)
    meta["reason"] = np.where(meta["n_cells"] < min_cells, LOW_CELLS, "")
    meta["rank"] = meta["compartment"].map(COMPARTMENTS.index)
    meta = meta.sort_values(["sample", "rank"], kind="stable", ignore_index=True)
    every = meta.loc[meta["compartment"] == "bulk"].set_index("sample")["n_cells"]
    composition = meta[["sample", "compartment", "n_cells"]].assign(
        fraction=meta["n_cells"] / meta["sample"].map(every), reason=meta["reason"]
    )
    obs = meta.loc[meta["n_cells"] > 0, ["sample", "compartment", "n_cells", "reason"]]
    pairs = zip(obs["sample"], obs["compartment"], strict=True)
    linear = np.vstack([matrices[sample].loc[genes, name].to_numpy(dtype=float) for sample, name in pairs])
    obs.index = pd.Index(obs["sample"] + "|" + obs["compartment"])
    adata = ad.AnnData(log2_cpm(linear).astype(np.float32), obs=obs, var=pd.DataFrame(index=genes))
    adata.layers["linear"] = linear
    adata.uns["scale"] = scale
    return adata, composition
