"""Gains and losses by chromosome arm, by hand; profiles of groups of cells that add up to those of their cells."""

import numpy as np
import pandas as pd
import pytest

from cells_example import COPY_NUMBER, EVENTS, call, cells_of, donors, pool_of, simulate, tumour
from stat3act.compartments.arms import ROWS, arm_changes, group_profiles, window_names
from stat3act.compartments.copy_number import compare_cells, find_evidence
from stat3act.compartments.evidence import window_counts
from stat3act.compartments.lent import borrow


@pytest.fixture(scope="module")
def adata():
    return tumour({"2q": 0.5, "chr5": 0.5, "9p": 2.0}, normal=20)


@pytest.fixture(scope="module")
def sample(adata):
    """Return the cells and the reading of a carcinoma."""
    cells = cells_of(adata)
    candidate = cells.lineage == "epithelial"
    return cells, find_evidence(cells, candidate, ~candidate, COPY_NUMBER, 1)


@pytest.fixture(scope="module")
def malignant(adata):
    return (adata.obs["truth"] == "malignant").to_numpy()


def test_arm_means_by_hand(adata, sample, malignant):
    cells, trial = sample
    found = arm_changes(cells, trial, malignant).set_index("arm")
    genes = list(trial.genome.genes)
    scaled = adata.X.toarray().astype(float)
    scaled *= 1e4 / scaled.sum(axis=1, keepdims=True)
    linear = pd.DataFrame(scaled, columns=adata.var_names)[genes]
    of_lineage = [np.log1p(linear[(cells.lineage == name)].mean()) for name in ("fibroblast", "myeloid", "lymphoid")]
    ratio = (np.log1p(linear[malignant].mean()) - sum(of_lineage) / 3) / np.log(2)
    expected = (ratio - ratio.median()).groupby(adata.var.loc[genes, "arm"]).agg(["mean", "size"])
    assert set(found.index) == set(expected.index)
    np.testing.assert_allclose(found["log2_ratio"], expected.loc[found.index, "mean"], atol=1e-4)
    assert (found["n_genes"] == expected.loc[found.index, "size"]).all()


def test_planted_losses_come_first_and_gains_last(sample, malignant):
    found = arm_changes(*sample, malignant)
    assert set(found["arm"].head(3)) == {"2q", "5p", "5q"}
    assert found["arm"].iloc[-1] == "9p"
    assert found["log2_ratio"].is_monotonic_increasing
    assert found["log2_ratio"].iloc[2] < -0.3 < 0.3 < found["log2_ratio"].iloc[-1]
    assert found["log2_ratio"].iloc[3:-1].abs().max() < 0.25


def test_small_arms_and_genes_without_arm_are_left_out(adata, malignant):
    few = adata.copy()
    few.var.loc[few.var["arm"] == "9p", "arm"] = ["9p"] * 19 + [""] * 51
    cells = cells_of(few)
    candidate = cells.lineage == "epithelial"
    found = arm_changes(cells, find_evidence(cells, candidate, ~candidate, COPY_NUMBER, 1), malignant)
    assert not {"9p", ""} & set(found["arm"]) and len(found) == 43


def test_no_malignant_cells_no_arms(sample):
    assert arm_changes(*sample, np.zeros(170, dtype=bool)).columns.tolist() == ["arm", "n_genes", "log2_ratio"]
    assert arm_changes(None, None, np.zeros(0, dtype=bool)).empty


def test_borrowed_cells_count_as_reference():
    adata = simulate([("malignant", "epithelial", 60, {"2q": 0.5, "9p": 2.0})])
    cells = borrow(cells_of(adata), pool_of(donors(2, spread=0.1)), "own")
    candidate = cells.lineage == "epithelial"
    found = arm_changes(cells, find_evidence(cells, candidate, ~candidate, COPY_NUMBER, 1), candidate)
    assert found["arm"].iloc[0] == "2q" and found["arm"].iloc[-1] == "9p"


def test_windows_are_named_by_their_first_gene(adata, sample):
    names = window_names(sample[1], adata.var)
    assert len(names) == len(set(names)) == sum(window_counts(sample[1].genome))
    assert names[:3] == ["chr1:0", "chr1:50000", "chr1:100000"]
    genes = adata.var.loc[list(sample[1].genome.genes)]
    assert set(names) <= set(genes["chromosome"] + ":" + genes["start"].astype(int).astype(str))


def test_groups_hold_every_cell_once_and_average_its_profile(adata, sample, malignant):
    cells, trial = sample
    windows = compare_cells(cells, trial)
    says = np.where(malignant, "malignant", "non-malignant").astype(object)
    called = pd.DataFrame({"cluster": cells.cluster, "lineage": cells.lineage, "call": says})
    found = group_profiles(called, trial, windows, adata.var)
    assert found["n_cells"].sum() == adata.n_obs and found["group"].tolist() == list(range(1, len(found) + 1))
    assert 0.6 * ROWS < len(found) <= ROWS + found["cluster"].nunique()
    names = window_names(trial, adata.var)
    assert found.columns.tolist() == ["group", "cluster", "lineage", "call", "n_cells", *names]
    keys = ["cluster", "lineage", "call"]
    weighted = found[names].mul(found["n_cells"], axis=0).groupby([found[key] for key in keys]).sum()
    table = pd.DataFrame(windows, columns=names)
    of_cells = table.groupby([cells.cluster, cells.lineage, says]).sum()
    np.testing.assert_allclose(weighted, of_cells.set_axis(weighted.index), atol=0.01)


def test_the_tables_of_a_sample(adata, malignant):
    found = call(adata)
    assert found.arms.columns.tolist() == ["sample", "arm", "n_genes", "log2_ratio"]
    assert set(found.arms["sample"]) == {"own"} and set(found.arms["arm"].head(3)) == {"2q", "5p", "5q"}
    assert found.copy_number.groupby("call")["n_cells"].sum().to_dict() == {"malignant": 60, "non-malignant": 110}
    lonely = call(simulate([("malignant", "epithelial", 40, EVENTS)]))
    assert lonely.arms.empty and lonely.copy_number.empty
    assert lonely.copy_number.columns.tolist() == ["group", "cluster", "lineage", "call", "n_cells"]
