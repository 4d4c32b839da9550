"""CellTypist models as that package writes them, trained on simulated cells."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from cells_example import simulate
from stat3act.compartments.clusters import log_normalise
from stat3act.problems import InputProblems


def simulate_cells():
    """Return cells of four types with a sixth of the genes; a gene makes up half of one cell."""
    adata = simulate(
        [("a", "T", 40, {}), ("b", "B", 30, {}), ("c", "macrophage or monocyte", 30, {}), ("d", "T", 20, {})]
    )
    adata = adata[:, ::6].copy()
    counts = adata.X.toarray()
    counts[3, 5] = counts.sum()
    adata.X = sparse.csr_matrix(counts)
    adata.obs.loc[adata.obs["truth"] == "d", "state"] = "fibroblast"
    return adata


def train(cells, classifier, labels=None, **scaler) -> dict:
    """Return what `celltypist.train` pickles, for the classifier given."""
    logged = log_normalise(cells, "counts").X.toarray()
    scaler = StandardScaler(**scaler)
    z = np.minimum(scaler.fit_transform(logged), 10)
    classifier.fit(z, np.array(cells.obs["state"] if labels is None else labels, dtype=object))
    classifier.features = np.array(cells.var_names, dtype=object)
    description = {"date": "2026-01-01", "details": "", "url": "", "source": "", "version": "v1", "number_celltypes": 4}
    return {"Model": classifier, "Scaler_": scaler, "description": description}


def write(content, path: Path, protocol: int = 4) -> Path:
    path.write_bytes(pickle.dumps(content, protocol))
    return path


def problem_of(call, *args):
    """Return the one problem that a call raises, which must say all a user needs."""
    with pytest.raises(InputProblems) as caught:
        call(*args)
    (problem,) = caught.value.problems
    assert all([problem.file, problem.value, problem.expected, problem.mend])
    return problem
