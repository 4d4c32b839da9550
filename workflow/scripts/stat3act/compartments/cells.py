"""The cells of one sample in two passes: lineages, then malignant calls beside the cohort's normal cells.

Two passes because a sample without enough normal cells of its own borrows those of other samples.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse

from stat3act.compartments.arms import ARM_COLUMNS, GROUP_COLUMNS, arm_changes, group_profiles
from stat3act.compartments.celltypist_model import CellTypistModel, vote_lineages
from stat3act.compartments.clusters import cluster_cells, log_normalise
from stat3act.compartments.copy_number import Cells
from stat3act.compartments.labels import label_lineages, label_malignant
from stat3act.compartments.lent import borrow, lend_cells, revisit_unknown
from stat3act.compartments.lineages import BY_MARKERS, annotate_cells, confident_lineages
from stat3act.compartments.malignant import (
    GATES,
    MALIGNANT,
    NON_MALIGNANT,
    UNCERTAIN,
    Calls,
    call_malignant,
)
from stat3act.compartments.user_evidence import hear_user, marked_clusters, may_be_malignant

LINEAGE_COLUMNS = ("lineage", "state", "lineage_margin", "lineage_source", "lineage_found", "cluster")
CELL_COLUMNS = (
    "cell",
    "lineage",
    "state",
    "lineage_margin",
    "malignant_call",
    "malignant_probability",
    "compartment",
    "cluster",
    "lineage_source",
    "malignant_source",
    "lineage_found",
    "malignant_found",
    "umap1",
    "umap2",
)
CLUSTER_COLUMNS = (
    "sample",
    "cluster",
    "n_cells",
    "lineage",
    "state",
    "lineage_margin",
    "n_malignant",
    "n_non_malignant",
    "n_uncertain",
    "evidence",
    "threshold",
    "reason",
)
AGREEMENT_COLUMNS = ("sample", "kind", "label", "found", "n_cells")
COMPARTMENT_OF = {MALIGNANT: "tumour", NON_MALIGNANT: "microenvironment", UNCERTAIN: "uncertain"}


@dataclass(frozen=True)
class Labels:
    """What is known of the cells of a sample.

    Attributes
    ----------
    cells
        `CELL_COLUMNS`, in the order of the cells.
    clusters
        `CLUSTER_COLUMNS`, one row per cluster.
    agreement
        `AGREEMENT_COLUMNS`: the user's labels against what was found without them; empty where there are none.
    copy_number
        Copy-number profiles of small groups of cells (`arms.group_profiles`).
    arms
        Gains and losses of the malignant cells by chromosome arm (`arms.arm_changes`).
    """

    cells: pd.DataFrame
    clusters: pd.DataFrame
    agreement: pd.DataFrame
    copy_number: pd.DataFrame
    arms: pd.DataFrame


def candidate_lineages(settings: Mapping, tumour_type: str) -> tuple[str, ...]:
    """Return the lineages that may hold malignant cells: the user's, or those of the tumour type."""
    return tuple(settings["malignant"]["candidates"] or GATES[tumour_type])


def has_own_labels(settings: Mapping) -> bool:
    """Tell whether the user gives all labels and asks for no comparison, so that nothing has to be computed."""
    both = settings["cell_type_key"] is not None and settings["malignant_key"] is not None
    return both and not settings["compare_labels"]


def find_lineages(
    adata,
    settings: Mapping,
    tumour_type: str,
    markers: pd.DataFrame,
    seed: int,
    scale: str = "counts",
    sample: str = "",
    model: CellTypistModel | None = None,
):
    """Cluster the cells of a sample and give each its lineage.

    The user's label where there is one, else what a CellTypist model or, without one, marker genes say of its cluster.

    Parameters
    ----------
    adata
        `anndata.AnnData` of one sample, linear values, ``var`` with gene positions.
    settings
        Config section ``compartments``.
    tumour_type
        Decides which lineages may hold malignant cells.
    markers
        Marker table.
    seed
        Seed of the clustering.
    scale
        ``counts`` or ``tpm``.
    sample
        Name of the sample.
    model
        A CellTypist model that takes the place of the marker genes.

    Returns
    -------
    lineages : anndata.AnnData
        The cells without genes: ``obs`` has `LINEAGE_COLUMNS`, ``obsm["X_umap"]`` the map, ``obsp["connectivities"]``
        the neighbour graph.
    lent : anndata.AnnData
        The normal cells that the sample lends to others (`lent.lend_cells`).

    Raises
    ------
    InputProblems
        For labels that the config does not place.
    """
    import anndata as ad

    file = f"sample {sample}"
    obs = pd.DataFrame(index=adata.obs_names, columns=list(LINEAGE_COLUMNS), dtype=object).fillna("")
    obs["lineage_margin"] = np.nan
    count = adata.n_obs
    graph, umap = sparse.csr_matrix((count, count), dtype=np.float32), np.full((count, 2), np.nan)
    logged = log_normalise(adata, scale)
    if not has_own_labels(settings):
        clustering = cluster_cells(logged, settings["clustering"], seed)
        graph, umap, obs["cluster"] = clustering.graph, clustering.umap, clustering.labels
        if model is None:
            found = annotate_cells(logged, clustering.labels, markers, settings["clustering"]["margin"])
            obs["lineage_source"], obs["lineage_margin"] = "markers", found["margin"]
        else:
            found = vote_lineages(model, logged, clustering.labels, settings["lineages"], file)
            obs["lineage_source"] = "celltypist"
        obs["lineage"] = obs["lineage_found"] = found["lineage"]
        obs["state"] = found["state"]
    if settings["cell_type_key"] is not None:
        # The user's own cell types are the finest groups a reference can have.
        obs["state"] = adata.obs["cell_type"].astype(str)
        obs["lineage"], obs["lineage_source"] = label_lineages(obs["state"], settings["lineages"], file), "label"
    label = user_calls(adata, settings, file)
    lineages = ad.AnnData(sparse.csr_matrix((count, 0), dtype=np.float32), obs=obs)
    lineages.obsm["X_umap"], lineages.obsp["connectivities"] = umap, graph
    margin, candidates = settings["clustering"]["margin"], candidate_lineages(settings, tumour_type)
    return lineages, lend_cells(logged, obs, margin, candidates, label, sample)


def user_calls(adata, settings: Mapping, file: str) -> pd.Series | None:
    """Return the user's malignant calls, one per cell; None without labels."""
    if settings["malignant_key"] is None:
        return None
    labels = adata.obs["malignant_label"].astype(str)
    return label_malignant(labels, settings["malignant_values"], settings["non_malignant_values"], file)


def mutant_cells(adata, settings: Mapping) -> np.ndarray:
    """Return in which cells the user saw a mutant read; none without that column."""
    if settings["mutation_key"] is None:
        return np.zeros(adata.n_obs, dtype=bool)
    return adata.obs["mutation"].astype(str).isin(settings["mutation_values"]).to_numpy()


def find_malignant(
    logged,
    lineages: pd.DataFrame,
    graph: sparse.csr_matrix,
    mutated: np.ndarray,
    pool,
    settings: Mapping,
    tumour_type: str,
    seed: int,
    sample: str,
) -> tuple[Cells, Calls]:
    """Call the cells of a sample without the user's labels of malignant cells.

    Copy number first (`malignant.call_malignant`), against the sample's own normal cells or, where these are too few,
    those of the pool as well; then mutations and marker genes (`user_evidence.hear_user`).

    Parameters
    ----------
    logged, lineages, graph, mutated
        Expression, lineage table, neighbours and mutant reads of the sample's cells.
    pool, settings, tumour_type, seed, sample
        As in `label_cells`.

    Returns
    -------
    cells : Cells
        The sample, and what it borrowed.
    calls : Calls
        Of its own cells.
    """
    given, candidates = settings["malignant"], candidate_lineages(settings, tumour_type)
    margin = settings["clustering"]["margin"]
    # Beside labels of malignant cells nothing of the user's may enter what is found without them.
    column = "lineage" if settings["malignant_key"] is None else "lineage_found"
    by_markers = lineages["lineage_source"].isin(BY_MARKERS)
    if column == "lineage_found":
        by_markers = pd.Series(settings["celltypist_model"] is None, index=lineages.index)
    lineage = lineages[column].astype(str)
    confident = confident_lineages(lineage, lineages["lineage_margin"], by_markers, margin)
    state = lineages["state" if column == "lineage" else column].astype(str).to_numpy(dtype=object)
    cells = Cells(
        logged,
        np.where(lineage.isin(candidates), lineage, confident),
        state,
        lineages["cluster"].astype(str).to_numpy(dtype=object),
        graph,
        np.full(logged.n_obs, sample, dtype=object),
    )
    if pool is not None and (~may_be_malignant(cells.lineage, candidates)).sum() < given["min_reference_cells"]:
        cells = borrow(cells, pool, sample)
    calls = call_malignant(cells, tumour_type, given, seed)
    # A read of a mutant gene floats about like any other: it does not make a macrophage malignant.
    may_be = may_be_malignant(lineage.to_numpy(), candidates)
    marked = marked_clusters(cells, may_be, given["markers"], margin) if given["markers"] else []
    table = hear_user(calls.table, may_be, cells.cluster[: cells.own], marked, mutated)
    return cells, replace(calls, table=table)


def label_cells(
    adata,
    lineages,
    pool,
    settings: Mapping,
    tumour_type: str,
    markers: pd.DataFrame,
    seed: int,
    scale: str = "counts",
    sample: str = "",
) -> Labels:
    """Label every cell of a sample with lineage, malignant call and compartment.

    The user's labels win: ``obs["malignant_label"]`` gives the calls when the config names its column. What was found
    without them is told beside them.

    Parameters
    ----------
    adata
        `anndata.AnnData` of one sample, linear values, ``var`` with chromosome, start, end and arm.
    lineages
        Result of `find_lineages` for the same cells.
    pool
        Normal cells of the cohort (`lent.pool_cells`); None when samples do not borrow.
    settings, tumour_type, markers, seed, scale, sample
        As in `find_lineages`.

    Returns
    -------
    Labels
        Lineage sources: ``label``, ``markers``, ``cohort`` (markers, beside normal cells of other samples),
        ``celltypist``. Malignant sources: ``label``, ``lineage`` (its lineage cannot be malignant in this tumour type),
        ``copy_number``, ``mutation``, ``markers``, ``none`` (not decidable). Numbers are empty where nothing was
        computed.
    """
    # Text comes back from h5ad as categories, which refuse new values and count absent ones.
    table = lineages.obs.astype({name: str for name in LINEAGE_COLUMNS} | {"lineage_margin": float})
    for place, column in enumerate(("umap1", "umap2")):
        table[column] = np.asarray(lineages.obsm["X_umap"])[:, place]
    table["malignant_found"], table["malignant_probability"], table["reason"] = "", np.nan, ""
    calls, cells = None, None
    if not has_own_labels(settings):
        logged, margin = log_normalise(adata, scale), settings["clustering"]["margin"]
        if pool is not None and settings["celltypist_model"] is None:
            table = revisit_unknown(logged, table, pool, markers, margin, sample)
        graph = sparse.csr_matrix(lineages.obsp["connectivities"])
        mutated = mutant_cells(adata, settings)
        cells, calls = find_malignant(logged, table, graph, mutated, pool, settings, tumour_type, seed, sample)
        table["malignant_call"] = table["malignant_found"] = calls.table["call"]
        table["malignant_probability"], table["malignant_source"] = calls.table["probability"], calls.table["source"]
        table["reason"] = calls.table["reason"]
    label = user_calls(adata, settings, f"sample {sample}")
    if label is not None:
        table["malignant_call"], table["malignant_source"] = label, "label"
        table["reason"] = np.where(label == UNCERTAIN, "LABEL", "")
    table["compartment"] = table["malignant_call"].map(COMPARTMENT_OF)
    copy_number, arms = describe_genome(cells, calls, table)
    return Labels(
        table.rename_axis("cell").reset_index()[list(CELL_COLUMNS)],
        describe_clusters(table, calls, sample),
        compare_labels(table, settings, sample),
        copy_number,
        arms.assign(sample=sample)[["sample", *ARM_COLUMNS]],
    )


def describe_genome(cells: Cells | None, calls: Calls | None, table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return copy-number profiles to draw and the arms of the malignant cells; empty where nothing was compared."""
    if calls is None or calls.trial is None:
        return pd.DataFrame(columns=GROUP_COLUMNS), pd.DataFrame(columns=ARM_COLUMNS)
    malignant = np.zeros(len(cells.lineage), dtype=bool)
    malignant[: cells.own] = calls.trial.candidate[: cells.own] & (table["malignant_call"] == MALIGNANT)
    names = table[["cluster", "lineage", "malignant_call"]].set_axis(["cluster", "lineage", "call"], axis=1)
    return group_profiles(names, calls.trial, calls.windows, cells.logged.var), arm_changes(
        cells, calls.trial, malignant
    )


def describe_clusters(table: pd.DataFrame, calls: Calls | None, sample: str) -> pd.DataFrame:
    """Tell what every cluster was taken for and why: `CLUSTER_COLUMNS`, the largest cluster first."""
    rows = []
    for name, part in sorted(table.groupby("cluster"), key=lambda item: int(item[0] or 0)):
        number = part["malignant_call"].value_counts()
        reasons = part.loc[part["reason"] != "", "reason"].value_counts()
        rows.append(
            {
                "sample": sample,
                "cluster": name,
                "n_cells": len(part),
                **{column: part[column].mode().iloc[0] for column in ("lineage", "state")},
                "lineage_margin": part["lineage_margin"].iloc[0],
                "n_malignant": number.get(MALIGNANT, 0),
                "n_non_malignant": number.get(NON_MALIGNANT, 0),
                "n_uncertain": number.get(UNCERTAIN, 0),
                "evidence": np.nan if calls is None else calls.evidence.get(name, np.nan),
                "threshold": np.nan if calls is None else calls.threshold,
                "reason": ";".join(sorted(reasons.index, key=lambda code: (-reasons[code], code))),
            }
        )
    return pd.DataFrame(rows, columns=list(CLUSTER_COLUMNS))


def compare_labels(table: pd.DataFrame, settings: Mapping, sample: str) -> pd.DataFrame:
    """Count how the user's labels and what was found without them go together: `AGREEMENT_COLUMNS`."""
    parts = [pd.DataFrame(columns=list(AGREEMENT_COLUMNS))]
    for kind, key, label, found in (
        ("lineage", "cell_type_key", "lineage", "lineage_found"),
        ("malignant", "malignant_key", "malignant_call", "malignant_found"),
    ):
        if settings[key] is not None and (table[found] != "").all():
            counts = table.groupby([label, found], sort=True).size().rename("n_cells").reset_index()
            counts = counts.set_axis(["label", "found", "n_cells"], axis=1).assign(sample=sample, kind=kind)
            parts.append(counts[list(AGREEMENT_COLUMNS)])
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)
