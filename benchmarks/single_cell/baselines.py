"""What others would use to find malignant cells and lineages, computed by these tools themselves.

Malignant cells
    infercnvpy 0.6 gives a copy-number profile of every cell and no calls. Its users look at the mean absolute value of
    the profile, or at that of Leiden clusters of the profiles (``cnv_score``), and set a threshold by eye. Here the
    threshold is the best one in hindsight, the one with the largest F1, which no user has. What a user without
    labels can do is a mixture of two normal distributions, the one with the higher mean being malignant. Unless
    another reference is named, infercnvpy is given the one that our method finds: the cells of lineages that cannot be
    malignant, lineage by lineage.
Lineages
    The same markers on the same clusters: scanpy's ``score_genes`` and decoupler's ``ulm``, averaged over the cells of
    a cluster; the state with the highest score gives the lineage.
"""

import decoupler as dc
import infercnvpy as cnv
import numpy as np
import pandas as pd
import scanpy as sc
from sklearn.mixture import GaussianMixture

from single_cell.samples import SEED, markers
from stat3act.compartments.lineages import FEWEST_MARKERS

WINDOW, STEP = 100, 10
MEAN_ABS, CNV_SCORE = "infercnvpy mean abs cnv", "infercnvpy leiden cnv_score"
CONSENSUS, NO_REFERENCE = (
    "correlation to consensus, unsmoothed",
    "infercnvpy mean abs cnv, mean of all cells as reference",
)
MIXTURE, SCORE_MIXTURE = "mixture of two on mean abs cnv", "mixture of two on leiden cnv_score"
SCORE_GENES, ULM = "scanpy score_genes", "decoupler ulm"
# The consensus is the mean profile of the cells with the strongest profiles.
TOP_SHARE = 0.1


def infercnv(logged, lineage: np.ndarray, reference: list[str] | None):
    """Run infercnvpy with its defaults.

    Parameters
    ----------
    logged
        Cells, log-normalised, genes placed.
    lineage
        One per cell.
    reference
        Lineages to compare with; None for the mean of all cells, which is what infercnvpy does when none is named.

    Returns
    -------
    A copy with the profiles in ``obsm["X_cnv"]``.
    """
    cells = logged[:, (logged.var["chromosome"].astype(str) != "").to_numpy()].copy()
    cells.obs["lineage"] = lineage
    named = {"reference_key": "lineage", "reference_cat": reference} if reference else {}
    cnv.tl.infercnv(cells, **named, window_size=WINDOW, step=STEP, n_jobs=1)
    return cells


def malignant_scores(logged, lineage: np.ndarray, reference: list[str] | None) -> pd.DataFrame:
    """Score every cell by the baselines that need no labels.

    Parameters
    ----------
    logged, lineage, reference
        As in `infercnv`.

    Returns
    -------
    Cells x (`MEAN_ABS`, `CNV_SCORE`, `CONSENSUS`); higher is more malignant.
    """
    cells = infercnv(logged, lineage, reference)
    profiles = np.asarray(cells.obsm["X_cnv"].todense())
    strength = np.abs(profiles).mean(axis=1)
    cnv.tl.pca(cells, n_comps=min(50, *(size - 1 for size in profiles.shape)))
    cnv.pp.neighbors(cells, random_state=SEED)
    cnv.tl.leiden(cells, random_state=SEED, flavor="igraph", n_iterations=2, directed=False)
    cnv.tl.cnv_score(cells)
    top = profiles[np.argsort(-strength, kind="stable")[: max(1, int(TOP_SHARE * len(profiles)))]].mean(axis=0)
    centred, wanted = profiles - profiles.mean(axis=1, keepdims=True), top - top.mean()
    norm = np.linalg.norm(centred, axis=1) * np.linalg.norm(wanted)
    correlation = np.divide(centred @ wanted, norm, out=np.zeros(len(profiles)), where=norm > 0)
    columns = {MEAN_ABS: strength, CNV_SCORE: cells.obs["cnv_score"].to_numpy(float), CONSENSUS: correlation}
    return pd.DataFrame(columns, index=logged.obs_names)


def best_calls(score: np.ndarray, malignant: np.ndarray) -> np.ndarray:
    """Call cells by the threshold with the largest F1 in hindsight, boolean per cell."""
    thresholds = np.unique(score)
    called = score[None, :] >= thresholds[:, None]
    f1 = 2 * (called & malignant).sum(axis=1) / (called.sum(axis=1) + malignant.sum())
    return called[np.argmax(f1)]


def mixture_calls(score: np.ndarray) -> np.ndarray:
    """Split cells into two by a mixture of two normal distributions, boolean per cell: the higher one."""
    model = GaussianMixture(2, random_state=SEED, n_init=5).fit(score[:, None])
    return model.predict(score[:, None]) == int(np.argmax(model.means_[:, 0]))


def baseline_lineages(logged, clusters: np.ndarray) -> pd.DataFrame:
    """Give every cell the lineage that scanpy's and decoupler's scores find for its cluster.

    Parameters
    ----------
    logged
        Cells, log-normalised.
    clusters
        Cluster of every cell.

    Returns
    -------
    Cells x (`SCORE_GENES`, `ULM`): lineages. None of them abstains.
    """
    table = markers()
    table = table[table["gene"].isin(logged.var_names)]
    positive = table[table["sign"] == 1].groupby("state")["gene"].agg(list)
    positive = positive[positive.map(len) >= FEWEST_MARKERS]
    cells = logged.copy()
    for state, genes in positive.items():
        sc.tl.score_genes(cells, genes, score_name=state, random_state=SEED)
    scored = table[table["state"].isin(positive.index)]
    network = pd.DataFrame(
        {"source": scored["state"], "target": scored["gene"], "weight": scored["sign"].astype(float)}
    )
    dc.mt.ulm(cells, network, tmin=FEWEST_MARKERS)
    lineage_of = table.drop_duplicates("state").set_index("state")["lineage"]
    found = {}
    for method, scores in {SCORE_GENES: cells.obs[list(positive.index)], ULM: cells.obsm["score_ulm"]}.items():
        best = pd.DataFrame(scores).groupby(clusters).mean().idxmax(axis=1)
        found[method] = lineage_of[best[clusters]].to_numpy()
    return pd.DataFrame(found, index=logged.obs_names)
