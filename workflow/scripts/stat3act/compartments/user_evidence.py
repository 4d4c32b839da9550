"""What a user knows of single cells beyond labels: mutant reads, and genes that only the malignant cells make."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from stat3act.compartments.copy_number import Cells
from stat3act.compartments.lineages import UNKNOWN, score_states
from stat3act.compartments.malignant import MALIGNANT, NON_MALIGNANT, UNCERTAIN
from stat3act.logs import log


def marked_clusters(cells: Cells, candidate: np.ndarray, genes: Sequence[str], margin: float) -> list[str]:
    """Return the candidate clusters that make the user's marker genes of malignant cells.

    Parameters
    ----------
    cells
        The sample.
    candidate
        Boolean, one value per own cell: its lineage may be malignant.
    genes
        The user's markers.
    margin
        Smallest lead over every cluster that cannot be malignant, in mean gene-z.

    Returns
    -------
    list of str
        Clusters in which enough of the markers are present (`lineages.score_states`) and that lead. A sample whose
        cells may all be malignant has nothing to lead over, and none.
    """
    own = cells.cluster[: cells.own]
    markers = pd.DataFrame({"lineage": MALIGNANT, "state": MALIGNANT, "gene": sorted(set(genes)), "sign": 1})
    scores = score_states(cells.logged[: cells.own], own, markers).set_index("cluster")
    share = pd.Series(candidate).groupby(own).mean()
    normal = scores.loc[share.reindex(scores.index) == 0, "score"]
    if scores.empty or normal.empty:
        log.info("marker genes of malignant cells: too few measured, or no cells to compare with")
        return []
    lead = (scores["score"] - normal.max()) / np.sqrt(scores["n_markers"])
    marked = sorted(
        scores.index[scores["present"].astype(bool) & (lead >= margin) & (share[scores.index] > 0.5)], key=int
    )
    log.info("marker genes of malignant cells lead in clusters %s", marked)
    return marked


def hear_user(
    table: pd.DataFrame, candidate: np.ndarray, cluster: np.ndarray, marked: Sequence[str], mutated: np.ndarray
) -> pd.DataFrame:
    """Let mutations and marker genes speak for cells that copy number left uncertain.

    A mutant read makes a cell malignant where its lineage may be; a missing one says nothing, because most transcripts
    of a cell are not read. Marker genes speak for whole clusters.

    Parameters
    ----------
    table
        Table of `malignant.Calls`.
    candidate
        Boolean per cell: its lineage may be malignant.
    cluster
        Cluster of every cell.
    marked
        Result of `marked_clusters`.
    mutated
        Boolean per cell: a mutant read was seen.

    Returns
    -------
    pandas.DataFrame
        A new table. A cell that copy number calls non-malignant and the user's evidence malignant is uncertain.
    """
    table = table.copy()
    normal, uncertain = ((table["call"] == call).to_numpy() for call in (NON_MALIGNANT, UNCERTAIN))
    for source, says in (("markers", np.isin(cluster, list(marked))), ("mutation", mutated)):
        table.loc[says & candidate & normal, ["call", "reason"]] = [UNCERTAIN, "CONFLICT"]
        table.loc[says & candidate & uncertain, ["call", "source", "reason"]] = [MALIGNANT, source, ""]
    return table


def may_be_malignant(lineage: np.ndarray, candidates: Sequence[str]) -> np.ndarray:
    """Return which cells user evidence may call: those of a candidate lineage, and those of none."""
    return np.isin(lineage, [*candidates, UNKNOWN])
