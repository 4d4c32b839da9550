"""Doublets put back: cells go to the unit they are like, and nothing is lost or made."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from stat3act.compartments.doublets import add_doublets, place_doublets

GENES = [f"g{i:03d}" for i in range(300)]
UNITS = ["microenvironment|lymphoid", "microenvironment|myeloid", "tumour|epithelial"]


def units_and_cells(per_unit=15):
    rng = np.random.default_rng(0)
    profiles = rng.lognormal(0, 1, (len(UNITS), len(GENES)))
    profiles /= profiles.sum(axis=1, keepdims=True)
    matrix = pd.DataFrame(rng.poisson(1e5 * profiles).T.astype(float), index=GENES, columns=UNITS)
    truth = np.repeat(np.arange(len(UNITS)), per_unit)
    return matrix, cells_of(rng.poisson(rng.uniform(800, 5000, len(truth))[:, None] * profiles[truth])), truth, profiles


def cells_of(values, genes=GENES) -> ad.AnnData:
    obs = pd.DataFrame(index=[f"c{row}" for row in range(len(values))])
    return ad.AnnData(sparse.csr_matrix(values.astype(np.float32)), obs=obs, var=pd.DataFrame(index=genes))


def test_cells_go_to_the_unit_they_are_like_whatever_their_depth():
    matrix, cells, truth, _ = units_and_cells()
    placed = place_doublets(cells, matrix * [1.0, 50.0, 0.1])
    assert placed.tolist() == [UNITS[unit] for unit in truth]
    assert placed.index.tolist() == cells.obs_names.tolist()


@pytest.mark.parametrize("number", [len(GENES), 40])
def test_likeness_is_the_correlation_with_the_logged_sums(monkeypatch, number):
    """Cells of any mixture, and units of which one is much flatter than the others: every part of the rule counts."""
    monkeypatch.setattr("stat3act.compartments.doublets.VARIABLE_GENES", number)
    rng = np.random.default_rng(2)
    profiles = rng.lognormal(0, [[1.1], [0.6], [0.9]], (len(UNITS), len(GENES)))
    profiles /= profiles.sum(axis=1, keepdims=True)
    matrix = pd.DataFrame(1e5 * profiles.T, index=GENES, columns=UNITS)
    cells = cells_of(rng.poisson(3000 * (rng.dirichlet(np.ones(3), 150) @ profiles)))
    logged = np.log1p(1e4 * matrix / matrix.sum())
    top = logged.var(axis=1).nlargest(number).index
    own = np.log1p(1e4 * cells.to_df().T / cells.to_df().sum(axis=1))
    expected = [logged.loc[top].corrwith(own.loc[top, cell]).idxmax() for cell in cells.obs_names]
    assert place_doublets(cells, matrix).tolist() == expected
    assert len(set(expected)) == 3 and pd.Series(expected).value_counts().min() > 9


def test_a_doublet_goes_to_its_larger_half():
    matrix, _, _, profiles = units_and_cells()
    mixed = np.random.default_rng(1).poisson(3000 * (0.75 * profiles[2] + 0.25 * profiles[1]), (20, len(GENES)))
    assert set(place_doublets(cells_of(mixed), matrix)) == {"tumour|epithelial"}


def test_no_count_is_lost_or_made():
    matrix, cells, truth, _ = units_and_cells()
    after, counts = add_doublets(cells, matrix)
    assert counts.to_dict() == dict.fromkeys(UNITS, 15)
    for number, unit in enumerate(UNITS):
        expected = matrix[unit] + cells.X[truth == number].toarray().sum(axis=0)
        np.testing.assert_allclose(after[unit], expected)


@given(st.lists(st.integers(0, 44), unique=True))
@settings(max_examples=30)
def test_only_units_with_doublets_come_back(chosen):
    matrix, cells, truth, _ = units_and_cells()
    after, counts = add_doublets(cells[chosen], matrix)
    got = {UNITS[unit] for unit in truth[chosen]}
    assert set(after.columns) == got and after.columns.is_unique
    assert counts.index.tolist() == UNITS and counts.sum() == len(chosen)
    assert set(counts.index[counts > 0]) == got
    added = (after - matrix[list(after.columns)]).sum(axis=1) if got else pd.Series(0.0, index=GENES)
    np.testing.assert_allclose(added, np.asarray(cells.X[chosen].sum(axis=0)).ravel(), atol=1e-6)


def test_without_doublets_no_unit_comes_back():
    matrix, cells, _, _ = units_and_cells()
    after, counts = add_doublets(cells[:0], matrix)
    assert after.shape == (300, 0) and after.index.tolist() == GENES
    assert counts.to_dict() == dict.fromkeys(UNITS, 0)
    assert counts.dtype.kind == "i"


def test_order_of_units_does_not_matter():
    matrix, cells, _, _ = units_and_cells()
    first, second = add_doublets(cells, matrix), add_doublets(cells, matrix[UNITS[::-1]])
    pd.testing.assert_frame_equal(first[0], second[0][UNITS])
    pd.testing.assert_series_equal(first[1], second[1][UNITS])


@pytest.mark.filterwarnings("error")
def test_empty_units_and_empty_doublets_are_no_obstacle():
    matrix, cells, truth, _ = units_and_cells()
    empty = matrix.assign(**{"uncertain|unknown": 0.0})
    assert place_doublets(cells, empty).tolist() == [UNITS[unit] for unit in truth]
    _, counts = add_doublets(cells, empty)
    assert counts["uncertain|unknown"] == 0
    nothing = cells_of(np.zeros((1, len(GENES))))
    after, counts = add_doublets(nothing, matrix)
    assert counts.sum() == 1
    pd.testing.assert_frame_equal(after, matrix[list(after.columns)])


def test_what_was_given_stays_as_it_was():
    matrix, cells, _, _ = units_and_cells()
    before = matrix.copy()
    add_doublets(cells, matrix)
    pd.testing.assert_frame_equal(matrix, before)
