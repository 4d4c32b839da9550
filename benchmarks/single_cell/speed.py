"""How long and how large? 5,000, 20,000 and 50,000 cells, beside infercnvpy alone on the same cells.

Cells are made of copykat's 302: each is another mixture of one of them and its neighbours of the same lineage, with
counts drawn anew. So they are no copies, and have as many counts as real cells. Stages are timed inside the functions
that the rules of the workflow call (`speed_run`), in a fresh process with one thread; memory is the highest of that
process.
"""

import json
import tempfile
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.decomposition import TruncatedSVD
from sklearn.neighbors import NearestNeighbors

from scoring.calibration import with_goal
from scoring.cohorts import lay_out
from single_cell.fresh import run_fresh
from single_cell.samples import COPYKAT, SEED, cells_of, label_study
from single_cell.speed_run import INFERCNV, MEMORY, OURS, TOTAL
from stat3act.compartments.clusters import log_normalise

SIZES = (5000, 20000, 50000)
MOST_MEMORY = "<= 8"
NEIGHBOURS, COMPONENTS, CONCENTRATION, AT_ONCE = 15, 20, 0.5, 2000


def mixing(groups: np.ndarray, near: np.ndarray, number: int, rng: np.random.Generator) -> sparse.csr_matrix:
    """Draw of which real cells each new one is mixed: one at random and its nearest neighbours of the same lineage.

    Parameters
    ----------
    groups
        Lineage of every real cell.
    near
        Real cells x components, where they are near each other.
    number
        How many new cells.
    rng
        Source of chance.

    Returns
    -------
    New cells x real cells, weights from a Dirichlet distribution that adds up to one and favours few of them.
    """
    neighbours = {}
    for group in np.unique(groups):
        own = np.flatnonzero(groups == group)
        size = min(NEIGHBOURS, len(own))
        found = NearestNeighbors(n_neighbors=size).fit(near[own]).kneighbors(near[own], return_distance=False)
        neighbours |= dict(zip(own, own[found], strict=True))
    parts = [neighbours[cell] for cell in rng.integers(len(groups), size=number)]
    weights = [rng.dirichlet(np.full(len(part), CONCENTRATION)) for part in parts]
    starts = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
    return sparse.csr_matrix((np.concatenate(weights), np.concatenate(parts), starts), shape=(number, len(groups)))


def enlarge(cells: ad.AnnData, groups: np.ndarray, number: int, seed: int) -> ad.AnnData:
    """Make many cells of few.

    Parameters
    ----------
    cells
        Real cells, counts.
    groups
        Lineage of each; only cells of one lineage are mixed.
    number
        How many are wanted.
    seed
        Source of chance.

    Returns
    -------
    Cells x genes, counts: Poisson numbers around a mixture (`mixing`) of the shares of real cells, times
    the same mixture of their library sizes.
    """
    rng = np.random.default_rng(seed)
    counts = sparse.csr_matrix(cells.X, dtype=float)
    totals = np.ravel(counts.sum(axis=1))
    share = sparse.diags(1 / totals) @ counts
    near = TruncatedSVD(COMPONENTS, random_state=seed).fit_transform(log_normalise(cells, COPYKAT.scale).X)
    weights = mixing(groups, near, number, rng)
    sizes = weights @ totals
    parts = []
    for start in range(0, number, AT_ONCE):
        rows = slice(start, start + AT_ONCE)
        drawn = sparse.csr_matrix(sparse.diags(sizes[rows]) @ (weights[rows] @ share))
        drawn.data = rng.poisson(drawn.data).astype(np.float32)
        drawn.eliminate_zeros()
        parts.append(sparse.csr_matrix(drawn, dtype=np.float32))
    counts = sparse.vstack(parts, format="csr")
    # As `harmonise_sample` leaves them; later stages copy a matrix that is not sorted.
    counts.sort_indices()
    names = pd.DataFrame(index=[f"cell{place}" for place in range(number)])
    return ad.AnnData(counts, obs=names, var=cells.var.copy())


def size_rows(cells: ad.AnnData, groups: np.ndarray, number: int, folder: Path) -> list[dict]:
    """Time one size: ours first, whose lineages are then infercnvpy's reference.

    Parameters
    ----------
    cells, groups
        Real cells and their lineages.
    number
        How many are made of them.
    folder
        Where the files go.
    """
    large = enlarge(cells, groups, number, SEED)
    genes = float(np.median(np.diff(large.X.indptr)))
    large.write_h5ad(folder / "cells.h5ad")
    del large
    names = {"dataset": f"{number:,} cells", "n": number}
    rows = [names | {"check": "speed_cells", "group": "median genes per cell", "method": "data", "value": genes}]
    for method in (OURS, INFERCNV):
        run_fresh("speed_run", method, folder / "cells.h5ad", folder / "lineages.tsv", folder / "times.json")
        found = json.loads((folder / "times.json").read_text())
        memory = found.pop(MEMORY)
        goal = MOST_MEMORY if method == OURS and number == max(SIZES) else ""
        rows.append(with_goal(names | {"check": "speed", "group": MEMORY, "method": method, "value": memory}, goal))
        rows += [
            names | {"check": "speed", "group": stage, "method": method, "value": seconds}
            for stage, seconds in {**found, TOTAL: sum(found.values())}.items()
        ]
    return rows


def check(data: Path) -> pd.DataFrame:
    """Time all sizes.

    Parameters
    ----------
    data
        Folder of the public data.

    Returns
    -------
    Rows of `COLUMNS`: ``speed`` (seconds by stage, memory in GB) and ``speed_cells``.
    """
    samples, labels = label_study(data, COPYKAT)
    groups = cells_of(labels)["lineage"].to_numpy(dtype=str)
    rows = []
    for number in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            rows += size_rows(samples[COPYKAT.name], groups, number, Path(folder))
    return lay_out(rows)
