"""Lineage of every cell from marker genes: clusters of a sample, scored against a bundled marker table."""

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
# Sources of a lineage that marker genes gave: in the sample alone, or beside normal cells of other samples.
BY_MARKERS = ("markers", "cohort")
MARKER_COLUMNS = ("lineage", "state", "gene", "sign", "source")
# A marker counts as present in a cluster when at least this share of its cells shows it, and a state may be called only
# when this share of its measured markers, at least two, is present: a relative score alone would find T cells in a
# sample that has none.
DETECTED_IN_CELLS = 0.1
DETECTED_MARKERS = 0.3
FEWEST_MARKERS = 2
# In a sample of one lineage small differences between its clusters are all the contrast there is. A state is therefore
# not called when its markers are seen in less than half as many cells as those of another lineage.
DETECTED_OF_BEST = 0.5
# A cell is normal because of its lineage only where that leads by 1.5 times the margin: of the cells of 18 marrows (doi
# 10.1016/j.cell.2019.01.031) half have the right lineage where it leads by 0.10 to 0.15, nine in ten above.
CONFIDENT = 1.5


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


def score_states(
    logged, clusters: np.ndarray, markers: pd.DataFrame, standard: np.ndarray | None = None
) -> pd.DataFrame:
    """Score every cluster against every state of the marker table.

    Each marker is standardised over the cells of the sample; the score is the sum of positive minus negative
    markers over the square root of their number (the form that was most accurate of seven compared on simulated
    cells of two tumour types; the idea is that of ScType, doi 10.1038/s41467-022-28803-w).

    Parameters
    ----------
    logged
        Result of `clusters.log_normalise`.
    clusters
        Cluster of every cell.
    markers
        Marker table.
    standard
        Cells that markers are standardised over; all of them when not given.

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
    over = values if standard is None else values[standard]
    spread = over.std(axis=0)
    z = np.divide(values - over.mean(axis=0), spread, out=np.zeros_like(values), where=spread > 0)
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
        Lineage (``unknown`` below the margin, when no state is present, or when markers of another lineage are seen far
        more often), state, lead in mean gene-z. In a sample of one lineage nothing stands out: it is named when the
        mean detection of its markers reaches the margin, and the lead is NaN.
    """
    present = scores[scores["present"]]
    if present.empty:
        return UNKNOWN, UNKNOWN, 0.0
    best = present.sort_values(["score", "state"], ascending=[False, True], kind="stable").iloc[0]
    rivals = present[present["lineage"] != best["lineage"]]
    # Where no other lineage is present its absent states are still there to be led over.
    others = rivals if len(rivals) else scores[scores["lineage"] != best["lineage"]]
    lead = float(best["score"] - others["score"].max()) / np.sqrt(best["n_markers"])
    if lead >= margin and not best["detection"] < DETECTED_OF_BEST * rivals["detection"].max():
        return best["lineage"], best["state"], lead
    if rivals.empty and best["detection"] >= margin:
        return best["lineage"], best["state"], np.nan
    return UNKNOWN, UNKNOWN, max(lead, 0.0)


def annotate_cells(logged, clusters: np.ndarray, markers: pd.DataFrame, margin: float) -> pd.DataFrame:
    """Give every cell the lineage of its cluster.

    Parameters
    ----------
    logged
        Result of `clusters.log_normalise`.
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


def confident_lineages(lineage: pd.Series, lead: pd.Series, by_markers: pd.Series, margin: float) -> np.ndarray:
    """Return the lineage of every cell, ``unknown`` where markers support it too weakly to call the cell normal by it.

    Parameters
    ----------
    lineage, lead
        Lineage and its lead; NaN where there was no other lineage to lead over.
    by_markers
        Boolean: found by markers. Lineages by label or model are taken as they are.
    margin
        Smallest lead for a lineage.
    """
    weak = by_markers & ~(lead.astype(float) >= CONFIDENT * margin)
    return lineage.astype(str).where(~weak, UNKNOWN).to_numpy(dtype=object)
