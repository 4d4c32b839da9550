"""Expression of a few genes in the measured rows (sample x compartment) of a cohort."""

from collections.abc import Iterable

import anndata as ad
import numpy as np
import pandas as pd


def measured_rows(adata: ad.AnnData) -> pd.DataFrame:
    """Return ``sample compartment`` of the rows that were measured well enough to be scored, as text.

    Parameters
    ----------
    adata
        ``compartments/expression.h5ad``: obs ``sample compartment reason``; rows with a reason are left out.
    """
    obs = adata.obs[["sample", "compartment", "reason"]].astype(object)
    obs = obs.where(obs.notna(), "").astype(str)
    return obs.loc[obs["reason"] == "", ["sample", "compartment"]]


def gene_levels(adata: ad.AnnData, rows: pd.Index, genes: Iterable[str], layer: str | None = None) -> pd.DataFrame:
    """Return rows x genes of ``X`` or a layer as float64; genes that were not measured are left out.

    Parameters
    ----------
    adata
        ``compartments/expression.h5ad``; may be backed by its file, then only these genes are read.
    rows
        Names of rows to return.
    genes
        Symbols.
    layer
        Name of the layer; None for ``X``.
    """
    present = adata.var_names.intersection(pd.Index(list(genes))).sort_values()
    block = adata[:, present].to_memory()
    values = block.X if layer is None else block.layers[layer]
    values = values.toarray() if hasattr(values, "toarray") else np.asarray(values)
    return pd.DataFrame(values, block.obs_names, present, dtype=float).loc[rows]
