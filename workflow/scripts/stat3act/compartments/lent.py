"""Normal cells that samples lend each other: the reference of a sample that has too few of its own."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from stat3act.compartments.lineages import BY_MARKERS, UNKNOWN, call_cluster, confident_lineages, score_states
from stat3act.compartments.copy_number import Cells
from stat3act.compartments.malignant import MALIGNANT, NON_MALIGNANT
from stat3act.compartments.normal import evenly
from stat3act.expression import h5ad
from stat3act.logs import log

# Enough for a steady mean of a lineage over several samples; more only makes the files larger.
PER_LINEAGE = 20
# More samples do not make a better mean, and each is held out once in the test of a borrowing sample.
DONORS = 20
# The pool holds the genes that all of its samples have: one small panel among them would leave nothing to compare.
GENES_OF_USUAL = 0.8
OBS_COLUMNS = ("sample", "lineage", "state")


def lend_cells(
    logged, lineages: pd.DataFrame, margin: float, candidates: Sequence[str], label: pd.Series | None, sample: str
):
    """Choose the normal cells that a sample lends: of every lineage that cannot be malignant, up to 20.

    Parameters
    ----------
    logged
        Result of `clusters.log_normalise`.
    lineages
        Columns ``lineage state lineage_margin lineage_source``, one row per cell.
    margin
        Smallest lead for a lineage.
    candidates
        Lineages that may hold malignant cells; they lend cells only where the user says that these are normal.
    label
        The user's calls, one per cell, or None.
    sample
        Name of the sample.

    Returns
    -------
    anndata.AnnData
        The chosen cells, log-normalised, ``obs`` with ``sample lineage state``.
    """
    by_markers = lineages["lineage_source"].isin(BY_MARKERS)
    lineage = confident_lineages(lineages["lineage"], lineages["lineage_margin"], by_markers, margin)
    normal = ~np.isin(lineage, [*candidates, UNKNOWN])
    if label is not None:
        normal = (label == NON_MALIGNANT).to_numpy() | (normal & (label != MALIGNANT).to_numpy())
    chosen = [
        np.flatnonzero(normal & (lineage == name))[evenly(int((normal & (lineage == name)).sum()), PER_LINEAGE)]
        for name in sorted(set(lineage[normal]))
    ]
    rows = np.sort(np.concatenate(chosen)) if chosen else np.arange(0)
    cells = logged[rows].copy()
    cells.obs = lineages[["lineage", "state"]].iloc[rows].astype(str).assign(sample=sample)[list(OBS_COLUMNS)]
    return cells


def choose_lenders(names: Sequence[str], cells: Sequence[int], genes: Sequence[int]) -> list[int]:
    """Choose the samples whose cells make the pool: at most 20, spread evenly over the sorted names of those that lend.

    Parameters
    ----------
    names, cells, genes
        Of every sample its name, and how many cells in how many genes it lends.

    Returns
    -------
    list of int
        Positions of the chosen ones. Where nobody lends a cell, of one sample: the pool has its genes.
    """
    usual = float(np.median(genes))
    wide = [place for place, count in enumerate(genes) if count >= GENES_OF_USUAL * usual]
    if len(wide) < len(names):
        log.info("%d samples were measured in far fewer genes than the others and lend nothing", len(names) - len(wide))
    lenders = sorted((place for place in wide if cells[place]), key=lambda place: names[place])
    return [lenders[place] for place in evenly(len(lenders), DONORS)] or wide[:1]


def pool_cells(lent: Sequence):
    """Join what all samples lend, in the genes that all of them measured.

    Parameters
    ----------
    lent
        One `anndata.AnnData` of `lend_cells` per sample, in any order.

    Returns
    -------
    anndata.AnnData
        Cells of the samples that `choose_lenders` chooses; ``obs_names`` are ``<sample>|<cell>``.
    """
    names = [str(cells.obs["sample"].iloc[0]) if cells.n_obs else "" for cells in lent]
    chosen = choose_lenders(names, [cells.n_obs for cells in lent], [cells.n_vars for cells in lent])
    return _join([lent[place] for place in chosen])


def read_pool(paths: Sequence[str | Path]):
    """Join what all samples lend (`pool_cells`), from files named after the samples; only the chosen ones are read."""
    import anndata as ad

    sizes = []
    for path in map(Path, paths):
        with h5ad.open_file(path) as file:
            sizes.append((path.stem, *h5ad.shape(h5ad.matrix(file, None))))
    return _join([ad.read_h5ad(paths[place]) for place in choose_lenders(*zip(*sizes, strict=True))])


def _join(lent: Sequence):
    import anndata as ad

    if not lent[0].n_obs:
        return lent[0][:0].copy()
    parts = [cells.copy() for cells in lent]
    for cells in parts:
        cells.obs = cells.obs.astype(str)
        cells.obs_names = cells.obs["sample"] + "|" + cells.obs_names
    pooled = ad.concat(parts, join="inner", merge="first")
    log.info("%d normal cells of %d samples, %d genes", pooled.n_obs, len(parts), pooled.n_vars)
    return pooled


def revisit_unknown(logged, lineages: pd.DataFrame, pool, markers: pd.DataFrame, margin: float, sample: str):
    """Look again at clusters without a lineage, or without another to lead over, beside cells of other samples.

    Marker scores are relative to the cells they are standardised over: in a sample of nothing but tumour no marker
    stands out. Here they are standardised over the borrowed cells and as many of the sample's own.

    Parameters
    ----------
    logged
        Result of `clusters.log_normalise`.
    lineages
        Columns ``lineage state lineage_margin lineage_source lineage_found cluster``, one row per cell.
    pool
        Result of `pool_cells`.
    markers
        Marker table.
    margin
        Smallest lead of the best lineage, in mean gene-z.
    sample
        Name of the sample.

    Returns
    -------
    pandas.DataFrame
        A new table; clusters that now have a lineage have the source ``cohort``.
    """
    import anndata as ad

    lineages = lineages.copy()
    again = (lineages["lineage_found"] == UNKNOWN) | lineages["lineage_margin"].isna()
    others = pool[(pool.obs["sample"] != sample).to_numpy()]
    if not again.any() or not others.n_obs:
        return lineages
    clusters = lineages["cluster"].to_numpy(dtype=object)
    genes = sorted(set(markers["gene"]) & set(logged.var_names) & set(others.var_names))
    joined = ad.concat([logged[:, genes], others[:, genes]])
    groups = np.concatenate([clusters, np.full(others.n_obs, "borrowed", dtype=object)])
    order = np.argsort(clusters.astype(str), kind="stable")
    standard = np.concatenate([order[evenly(len(order), others.n_obs)], np.arange(len(clusters), len(groups))])
    scores = score_states(joined, groups, markers, standard)
    for name in sorted(set(clusters[again])):
        lineage, state, lead = call_cluster(scores[scores["cluster"] == name], margin)
        if lineage == UNKNOWN:
            continue
        log.info("cluster %s beside normal cells of other samples: %s (%s), lead %.2f", name, lineage, state, lead)
        found = lineages["cluster"] == name
        lineages.loc[found, ["lineage_found", "lineage_margin"]] = [lineage, lead]
        own = found & (lineages["lineage_source"] == "markers")
        lineages.loc[own, ["lineage", "state", "lineage_source"]] = [lineage, state, "cohort"]
    return lineages


def borrow(cells: Cells, pool, sample: str) -> Cells:
    """Add the normal cells of other samples to the cells of a sample.

    Parameters
    ----------
    cells
        The sample.
    pool
        Result of `pool_cells`.
    sample
        Name of the sample, whose own cells it does not need to borrow.

    Returns
    -------
    Cells
        The sample's cells first, then the others', ``donor`` naming whose they are; in the genes that both have.
    """
    import anndata as ad

    others = pool[(pool.obs["sample"] != sample).to_numpy()]
    if not others.n_obs:
        return cells
    logged = ad.concat([cells.logged, others], join="inner", merge="first")
    count = others.n_obs
    empty = sparse.csr_matrix((count, count), dtype=cells.graph.dtype)
    return replace(
        cells,
        logged=logged,
        lineage=np.concatenate([cells.lineage, others.obs["lineage"].to_numpy(dtype=object)]),
        state=np.concatenate([cells.state, others.obs["state"].to_numpy(dtype=object)]),
        cluster=np.concatenate([cells.cluster, np.full(count, "", dtype=object)]),
        donor=np.concatenate([cells.donor, others.obs["sample"].to_numpy(dtype=object)]),
        graph=sparse.block_diag([cells.graph, empty], format="csr"),
    )
