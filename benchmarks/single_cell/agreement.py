"""Do we agree with copykat on its own example? Its prediction is another tool's opinion, not the truth.

Every cell on which the two differ is listed with what is known of it, so that a reader can judge who is right.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.decomposition import TruncatedSVD
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from scoring.cohorts import lay_out
from scoring.planted import rate_row
from single_cell import baselines
from single_cell.malignant import probability_of
from single_cell.samples import COPYKAT, SEED, cells_of, label_study, markers, truth_of
from stat3act.compartments.clusters import log_normalise
from stat3act.compartments.malignant import GATES, MALIGNANT, NON_MALIGNANT, UNCERTAIN

ANEUPLOID = "aneuploid"
NEIGHBOURS, COMPONENTS = 15, 20


def neighbour_share(logged, mark: np.ndarray) -> np.ndarray:
    """Return for each cell which share of its nearest neighbours in expression (not itself) is marked."""
    near = TruncatedSVD(COMPONENTS, random_state=SEED).fit_transform(logged.X)
    found = NearestNeighbors(n_neighbors=NEIGHBOURS + 1).fit(near).kneighbors(near, return_distance=False)[:, 1:]
    return mark[found].mean(axis=1)


def shown_markers(sample, lineage: str) -> np.ndarray:
    """Return for each cell which share of the measured positive markers of a lineage it shows."""
    table = markers()
    genes = table.loc[(table["lineage"] == lineage) & (table["sign"] == 1), "gene"].unique()
    return np.asarray((sample[:, sample.var_names.isin(genes)].X > 0).mean(axis=1)).ravel()


def known_of(sample, cells: pd.DataFrame, aneuploid: np.ndarray, consensus: np.ndarray) -> pd.DataFrame:
    """Gather numbers on each cell: ours, how much was measured, its copy number, its markers and its neighbours.

    Parameters
    ----------
    sample
        Cells x genes, counts.
    cells
        Our table of them.
    aneuploid
        copykat's call.
    consensus
        Correlation of the cell's copy-number profile with that of the strongest cells (`baselines.CONSENSUS`).

    Returns
    -------
    Cells x numbers. ``copy number above ... of aneuploid cells`` ranks the correlation among copykat's aneuploid cells.
    """
    counts, logged = sparse.csr_matrix(sample.X), log_normalise(sample, COPYKAT.scale)
    own = np.zeros(len(cells))
    for lineage, places in cells.groupby("lineage").indices.items():
        own[places] = shown_markers(sample, lineage)[places]
    rank = np.searchsorted(np.sort(consensus[aneuploid]), consensus) / aneuploid.sum()
    return pd.DataFrame(
        {
            "probability": cells["malignant_probability"].astype(float),
            "lineage margin of its cluster": cells["lineage_margin"].astype(float),
            "counts": np.ravel(counts.sum(axis=1)),
            "genes": np.diff(counts.indptr),
            "doublet score": sample.obs["doublet_score"].to_numpy(float),
            "markers of its lineage shown": own,
            "epithelial markers shown": shown_markers(sample, GATES[COPYKAT.tumour_type][0]),
            "correlation to consensus": consensus,
            "correlation above this share of aneuploid cells": rank,
            "neighbours aneuploid (copykat)": neighbour_share(logged, aneuploid),
        }
    )


def disagreement_rows(cells: pd.DataFrame, known: pd.DataFrame, aneuploid: np.ndarray) -> list[dict]:
    """List the cells on which the two differ, a row per number of `known_of`, with the medians of both kinds."""
    wanted = np.where(aneuploid, MALIGNANT, NON_MALIGNANT)
    differ = np.flatnonzero(cells["malignant_call"].to_numpy() != wanted)
    kinds = {"median of aneuploid cells": known[aneuploid], "median of diploid cells": known[~aneuploid]}
    described = {title: (part.median(), len(part)) for title, part in kinds.items()}
    for number, place in enumerate(differ, start=1):
        cell, what = cells.iloc[place], "aneuploid" if aneuploid[place] else "diploid"
        described[f"cell {number}, {what} -> {cell['malignant_call']}, {cell['lineage']}"] = known.iloc[place], 1
    return [
        {"check": "copykat_cell", "dataset": title, "group": name, "method": "activity", "value": value, "n": count}
        for title, (numbers, count) in described.items()
        for name, value in numbers.dropna().items()
    ]


def check(data: Path) -> pd.DataFrame:
    """Compare our calls with copykat's, and infercnvpy's scores with them as well.

    Parameters
    ----------
    data
        Folder of the public data.

    Returns
    -------
    Rows of `COLUMNS`: ``copykat`` and ``copykat_cell``.
    """
    samples, labels = label_study(data, COPYKAT)
    sample, cells = samples[COPYKAT.name], cells_of(labels)
    aneuploid = truth_of(samples, "cell_type") == ANEUPLOID
    call = cells["malignant_call"].to_numpy()
    names = {"check": "copykat", "dataset": COPYKAT.name}
    parts = {
        "agreement": call == np.where(aneuploid, MALIGNANT, NON_MALIGNANT),
        "aneuploid called malignant": call[aneuploid] == MALIGNANT,
        "diploid called malignant": call[~aneuploid] == MALIGNANT,
        "uncertain": call == UNCERTAIN,
    }
    rows = [rate_row(pd.Series(part), "", group=group, method="activity", **names) for group, part in parts.items()]
    auc = roc_auc_score(aneuploid, probability_of(cells))
    rows.append(names | {"group": "AUC", "method": "activity", "value": auc, "n": len(call)})
    lineage = cells["lineage"].to_numpy()
    normal = sorted(set(lineage) - set(GATES[COPYKAT.tumour_type]) - {"unknown"})
    scores = baselines.malignant_scores(log_normalise(sample, COPYKAT.scale), lineage, normal)
    calls = {name: baselines.best_calls(scores[name].to_numpy(), aneuploid) for name in scores}
    calls[baselines.MIXTURE] = baselines.mixture_calls(scores[baselines.MEAN_ABS].to_numpy())
    for method, called in calls.items():
        rows.append(rate_row(pd.Series(called == aneuploid), "", group="agreement", method=method, **names))
        if method in scores:
            auc = roc_auc_score(aneuploid, scores[method])
            rows.append(names | {"group": "AUC", "method": method, "value": auc, "n": len(call)})
    known = known_of(sample, cells, aneuploid, scores[baselines.CONSENSUS].to_numpy())
    return lay_out([*rows, *disagreement_rows(cells, known, aneuploid)])
