"""Normal cells lent and borrowed: who lends, what a pool holds, and clusters that get a lineage beside it."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cells_example import EVENTS, MARKERS, NORMALS, cells_of, donors, known_lineages, pool_of, simulate, tumour
from stat3act.compartments.clusters import log_normalise
from stat3act.compartments.lent import (
    DONORS,
    PER_LINEAGE,
    borrow,
    lend_cells,
    pool_cells,
    revisit_unknown,
)
from stat3act.compartments.normal import evenly


@given(st.integers(0, 300), st.integers(2, 60))
def test_positions_are_spread_over_all(count, wanted):
    found = evenly(count, wanted)
    assert len(found) == min(count, wanted)
    if count:
        assert found[0] == 0 and found[-1] == count - 1
        steps = np.diff(found)
        assert (steps > 0).all() and np.ptp(steps) <= 1 if len(steps) else count == 1


def lend(cells: ad.AnnData, label=None, candidates=("epithelial",), **changes) -> ad.AnnData:
    lineages = known_lineages(cells).obs.assign(**changes)
    return lend_cells(log_normalise(cells, "counts"), lineages, 0.1, candidates, label, "s")


def test_only_lineages_that_cannot_be_malignant_lend_and_few_cells_each():
    cells = simulate([("malignant", "epithelial", 60, EVENTS), ("odd", "no state", 20, {}), *NORMALS])
    lent = lend(cells)
    assert lent.obs["lineage"].value_counts().to_dict() == dict.fromkeys(
        ["fibroblast", "lymphoid", "myeloid"], PER_LINEAGE
    )
    assert set(lent.obs["sample"]) == {"s"}
    own = log_normalise(cells, "counts")[lent.obs_names]
    assert (lent.X != own.X).nnz == 0
    assert (lent.obs["state"] == cells.obs.loc[lent.obs_names, "state"]).all()


def test_the_users_word_decides_who_is_normal():
    cells = tumour(EVENTS, malignant=30, normal=30)
    truth = cells.obs["truth"]
    says = truth.map({"malignant": "malignant", "T": "malignant", "fibroblast": "uncertain"}).fillna("non-malignant")
    lent = lend(cells, says)
    assert set(truth[lent.obs_names]) == {"normal epithelium", "macrophage", "fibroblast"}
    assert "epithelial" not in set(lend(cells).obs["lineage"])
    assert "fibroblast" not in set(lend(cells, candidates=("fibroblast", "epithelial")).obs["lineage"])


def test_clusters_that_barely_have_a_lineage_do_not_lend():
    cells = simulate(NORMALS)
    lead = np.where(cells.obs["truth"] == "T", 0.12, 1.0)
    assert set(lend(cells, lineage_margin=lead).obs["lineage"]) == {"fibroblast", "myeloid"}
    assert set(lend(cells, lineage_margin=np.nan, lineage_source="label").obs["lineage"]) == {
        "fibroblast",
        "lymphoid",
        "myeloid",
    }


def test_a_sample_without_normal_cells_lends_none_and_a_cohort_of_these_has_an_empty_pool():
    cells = simulate([("malignant", "epithelial", 20, EVENTS)])
    assert lend(cells).n_obs == 0
    pool = pool_cells([lend(cells), lend(cells)])
    assert pool.n_obs == 0 and pool.n_vars == cells.n_vars
    own = cells_of(cells)
    assert borrow(own, pool, "own") is own


def test_the_pool_does_not_depend_on_the_order_of_samples():
    samples = donors(3)
    one, two = pool_of(samples), pool_of(dict(reversed(samples.items())))
    assert one.obs_names.equals(two.obs_names) and (one.X != two.X).nnz == 0
    assert one.obs.equals(two.obs) and one.var.equals(two.var)
    assert one.obs_names[0].startswith("donor0|") and one.obs_names.is_unique


def test_the_pool_holds_shared_genes_and_positions():
    first, second = donors(2).values()
    gone = second.var_names[[5, 700]]
    pool = pool_of({"a": first, "b": second[:, ~second.var_names.isin(gone)].copy()})
    assert set(first.var_names) - set(pool.var_names) == set(gone)
    assert pool.var[["chromosome", "start", "arm"]].equals(
        first.var.loc[pool.var_names, ["chromosome", "start", "arm"]]
    )


def test_many_samples_are_thinned_evenly():
    one = lend(simulate([("T", "T", 3, {})]))
    lent = []
    for number in range(3 * DONORS):
        cells = one.copy()
        cells.obs["sample"] = f"s{number:02d}"
        lent.append(cells)
    used = sorted(set(pool_cells(lent).obs["sample"]))
    assert len(used) == DONORS and used[0] == "s00" and used[-1] == f"s{3 * DONORS - 1}"


def test_borrowed_cells_follow_and_own_ones_are_never_borrowed():
    samples = donors(2)
    pool, cells = pool_of(samples), cells_of(samples["donor1"], "donor1")
    found = borrow(cells, pool, "donor1")
    assert cells.own == found.own == 90
    assert found.donor.tolist() == ["donor1"] * 90 + ["donor0"] * 60
    assert found.cluster[90:].tolist() == [""] * 60 and (found.cluster[:90] == cells.cluster).all()
    assert (found.logged.X[:90] != cells.logged[:, found.logged.var_names].X).nnz == 0
    assert (found.graph[:90, :90] != cells.graph).nnz == 0 and found.graph[90:].nnz == found.graph[:, 90:].nnz == 0
    assert len(found.lineage) == len(found.state) == found.logged.n_obs == 150
    assert found.logged.var["chromosome"].equals(cells.logged.var.loc[found.logged.var_names, "chromosome"])


def test_a_pool_read_from_disk_is_the_same(tmp_path):
    pool = pool_of(donors(2))
    pool.write_h5ad(tmp_path / "pool.h5ad")
    cells = cells_of(simulate([("malignant", "epithelial", 20, EVENTS)]))
    one, two = borrow(cells, pool, "own"), borrow(cells, ad.read_h5ad(tmp_path / "pool.h5ad"), "own")
    assert (one.logged.X != two.logged.X).nnz == 0
    for name in ("lineage", "state", "cluster", "donor"):
        assert (getattr(one, name) == getattr(two, name)).all()


@pytest.fixture(scope="module")
def contrast():
    return pool_of(donors(2))


def unknown(cells: ad.AnnData, **changes) -> pd.DataFrame:
    """Return lineages of which none was found."""
    return known_lineages(cells).obs.assign(lineage="unknown", state="unknown", lineage_found="unknown", **changes)


def revisit(cells: ad.AnnData, lineages: pd.DataFrame, pool: ad.AnnData) -> pd.DataFrame:
    return revisit_unknown(log_normalise(cells, "counts"), lineages, pool, MARKERS, 0.1, "own")


def test_unknown_clusters_get_a_lineage_beside_normal_cells(contrast):
    cells = simulate([("malignant", "epithelial", 80, EVENTS), ("other", "endothelial", 20, {}), ("x", "no", 20, {})])
    given_lineages = unknown(cells)
    before = given_lineages.copy()
    found = revisit(cells, given_lineages, contrast)
    expected = cells.obs["truth"].map({"malignant": "epithelial", "other": "endothelial", "x": "unknown"})
    assert (found["lineage"] == expected).all() and (found["lineage_found"] == expected).all()
    assert (found["lineage_source"] == np.where(expected == "unknown", "markers", "cohort")).all()
    assert given_lineages.equals(before)


def test_known_clusters_and_labels_are_not_revisited(contrast):
    cells = simulate([("malignant", "epithelial", 40, EVENTS), ("T", "T", 20, {})])
    known = known_lineages(cells).obs
    assert revisit(cells, known, contrast).equals(known)
    labelled = unknown(cells).assign(lineage="glial", lineage_source="label")
    found = revisit(cells, labelled, contrast)
    assert set(found["lineage"]) == {"glial"} and set(found["lineage_source"]) == {"label"}
    assert set(found["lineage_found"]) == {"epithelial", "lymphoid"}


def test_without_other_samples_nothing_is_revisited(contrast):
    cells = simulate([("malignant", "epithelial", 40, EVENTS)])
    alone = contrast[:0].copy()
    assert revisit(cells, unknown(cells), alone).equals(unknown(cells))


def test_one_odd_cell_does_not_name_its_cluster(contrast):
    """Far more own cells than borrowed ones: a cluster is judged by all of its cells, not by those in the contrast."""
    parts = [("odd", "macrophage or monocyte", 1, {}), ("x", "no state", 199, {})]
    cells = simulate([*parts, ("T", "T", 150, {}), ("fibroblast", "fibroblast", 150, {})])
    cells.obs.loc["cell0", ["truth", "state"]] = ["x", "no state"]
    lineages = known_lineages(cells).obs
    assert (lineages["lineage_found"] == "unknown").sum() == 200
    few = contrast[::20].copy()
    assert set(few.obs["lineage"]) == {"fibroblast", "lymphoid", "myeloid"}
    assert revisit(cells, lineages, few).equals(lineages)


def test_clusters_that_had_nothing_to_lead_over_are_revisited(contrast):
    cells = simulate([("malignant", "epithelial", 40, EVENTS), ("T", "T", 20, {})])
    lonely = cells.obs["truth"] == "malignant"
    found = revisit(cells, known_lineages(cells).obs.assign(lineage_margin=np.where(lonely, np.nan, 1.0)), contrast)
    assert set(found.loc[lonely, "lineage"]) == {"epithelial"}
    assert (found["lineage_source"] == np.where(lonely, "cohort", "markers")).all()
    assert (found.loc[lonely, "lineage_margin"] >= 0.1).all() and (found.loc[~lonely, "lineage_margin"] == 1).all()


def test_a_sample_of_few_genes_lends_nothing_and_costs_the_pool_none():
    samples = donors(3)
    panel = samples["donor1"][:, ::10].copy()
    pool = pool_of({**samples, "donor1": panel})
    assert set(pool.obs["sample"]) == {"donor0", "donor2"}
    assert set(pool.var_names) == set(samples["donor0"].var_names)
    # Where all samples are small none is smaller than usual.
    assert set(pool_of({"one": panel, "two": panel}).obs["sample"]) == {"one", "two"}
