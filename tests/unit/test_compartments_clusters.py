"""One scale for all cells, their clusters and their map: an independent oracle, and what must not matter."""

import itertools

import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy import sparse

from cells_example import CLUSTERING, simulate
from stat3act.compartments.clusters import by_size, cluster_cells, log_normalise

STATES = ("T", "macrophage or monocyte", "fibroblast", "endothelial", "epithelial", "melanocyte")


@pytest.fixture(scope="module")
def mixture():
    """25 cells of each of six states."""
    return simulate([(state, state, 25, {}) for state in STATES])


@pytest.fixture(scope="module")
def clustering(mixture):
    return cluster_cells(log_normalise(mixture, "counts"), CLUSTERING, 5)


def partition(labels, names) -> set[frozenset]:
    """Return groups of cells, whatever they are called."""
    return {frozenset(part) for part in pd.Series(names).groupby(np.asarray(labels)).agg(list)}


@pytest.mark.parametrize(("scale", "total"), [("counts", 1e4), ("tpm", 1e5)])
def test_scale_is_that_of_scanpy(mixture, scale, total):
    expected = mixture.copy()
    sc.pp.normalize_total(expected, target_sum=total)
    sc.pp.log1p(expected)
    found = log_normalise(mixture, scale)
    np.testing.assert_allclose(found.X.toarray(), expected.X.toarray(), rtol=1e-5)
    assert found.X.dtype == np.float32 and sparse.isspmatrix_csr(found.X)
    assert found.obs_names.equals(mixture.obs_names) and found.var.equals(mixture.var)


def test_counts_of_a_cell_may_be_multiplied_and_an_empty_cell_stays_zero(mixture):
    factors = np.random.default_rng(0).integers(1, 9, mixture.n_obs).astype(float)
    factors[3] = 0
    scaled = mixture.copy()
    scaled.X = sparse.csr_matrix(mixture.X.multiply(factors[:, None]), dtype=np.float32)
    found, expected = (log_normalise(cells, "counts").X.toarray() for cells in (scaled, mixture))
    assert not found[3].any()
    np.testing.assert_allclose(np.delete(found, 3, 0), np.delete(expected, 3, 0), rtol=1e-6)


def test_other_scales_are_refused(mixture):
    with pytest.raises(ValueError, match="scale 'log2'"):
        log_normalise(mixture, "log2")


def test_input_is_left_alone(mixture):
    """Also where the columns of a row come in no order, as files may store them."""
    values, rng = mixture.X, np.random.default_rng(0)
    order = np.concatenate([a + rng.permutation(b - a) for a, b in itertools.pairwise(values.indptr)])
    cells = mixture.copy()
    cells.X = sparse.csr_matrix((values.data[order], values.indices[order], values.indptr.copy()), values.shape)
    assert not cells.X.has_sorted_indices
    cluster_cells(log_normalise(cells, "counts"), CLUSTERING, 5)
    assert (cells.X.toarray() == values.toarray()).all()


def test_states_are_clusters_and_neighbours_are_of_one_state(mixture, clustering):
    assert partition(clustering.labels, mixture.obs_names) == partition(mixture.obs["state"], mixture.obs_names)
    graph, state = clustering.graph.tocoo(), mixture.obs["state"].to_numpy()
    assert (state[graph.row] == state[graph.col]).mean() > 0.9


def test_map_has_a_place_for_every_cell_and_keeps_states_together(mixture, clustering):
    places, state = clustering.umap, mixture.obs["state"].to_numpy()
    assert places.shape == (150, 2) and np.isfinite(places).all()
    assert (places == places.round(3)).all()
    distance = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    assert (state[distance.argmin(axis=1)] == state).mean() > 0.95


def test_same_seed_same_bytes_whether_dense_or_sparse(mixture, clustering):
    dense = mixture.copy()
    dense.X = mixture.X.toarray()
    again = cluster_cells(log_normalise(dense, "counts"), CLUSTERING, 5)
    assert (again.labels == clustering.labels).all()
    assert (again.umap == clustering.umap).all() and (again.graph != clustering.graph).nnz == 0


def test_order_of_cells_and_genes_does_not_matter(mixture, clustering):
    rng = np.random.default_rng(1)
    turned = mixture[rng.permutation(mixture.n_obs), rng.permutation(mixture.n_vars)].copy()
    found = cluster_cells(log_normalise(turned, "counts"), CLUSTERING, 5)
    assert partition(found.labels, turned.obs_names) == partition(clustering.labels, mixture.obs_names)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_very_few_cells_are_one_cluster_without_map(count):
    found = cluster_cells(log_normalise(simulate([("a", "T", count, {})]), "counts"), CLUSTERING, 1)
    assert found.labels.tolist() == ["0"] * count
    assert found.graph.shape == (count, count) and found.umap.shape == (count, 2)
    assert np.isnan(found.umap).all()


def test_clusters_are_named_by_size():
    assert list(by_size(pd.Series(list("abbcbc")))) == ["2", "0", "0", "1", "0", "1"]
    # Of two of one size the one that comes first.
    assert list(by_size(pd.Series(list("xaax")))) == ["0", "1", "1", "0"]
