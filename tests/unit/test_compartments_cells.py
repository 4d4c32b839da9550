"""The cells of a sample from counts to compartments: what wins, what is told beside it, and odd samples."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from cells_example import (
    COPY_NUMBER,
    EVENTS,
    MARKERS,
    NORMALS,
    SETTINGS,
    call,
    donors,
    find_and_call,
    known_lineages,
    pool_of,
    reasons,
    share,
    simulate,
    tumour,
)
from stat3act.compartments import cells as stage
from stat3act.compartments.cells import (
    AGREEMENT_COLUMNS,
    CELL_COLUMNS,
    CLUSTER_COLUMNS,
    LINEAGE_COLUMNS,
    find_lineages,
    label_cells,
)
from stat3act.compartments.lent import pool_cells
from stat3act.problems import InputProblems
from stat3act.tables import read_table, write_h5ad, write_table

TABLES = ("cells", "clusters", "agreement", "copy_number", "arms")
BOTH_KEYS = {"cell_type_key": "x", "malignant_key": "y"}
PLACED = {"epithelial": ["malignant", "normal epithelium"], "myeloid": ["macrophage"], "lymphoid": ["T"]}


@pytest.fixture(scope="module")
def sample():
    """40 tumour cells, 30 of normal epithelium, 90 others."""
    return tumour(EVENTS, malignant=40, normal=30)


@pytest.fixture(scope="module")
def found(sample):
    return find_and_call(sample)


@pytest.fixture(scope="module")
def pool():
    return pool_of(donors(2))


def labelled(cells: ad.AnnData, types=None, calls=None) -> ad.AnnData:
    """Return the cells with the labels that the expression stage would have written."""
    cells = cells.copy()
    if types is not None:
        cells.obs["cell_type"] = np.asarray(types, dtype=object)
    if calls is not None:
        cells.obs["malignant_label"] = np.asarray(calls, dtype=object)
    return cells


def test_from_counts_to_compartments(sample, found):
    cells = found.cells
    assert cells.columns.tolist() == list(CELL_COLUMNS) and cells["cell"].tolist() == sample.obs_names.tolist()
    for name, lineage in {"malignant": "epithelial", "T": "lymphoid", "macrophage": "myeloid"}.items():
        assert (cells.loc[(sample.obs["truth"] == name).to_numpy(), "lineage"] == lineage).mean() > 0.95
    assert share(found, sample, "malignant", "malignant") >= 0.95
    assert share(found, sample, "normal epithelium", "malignant") == 0
    assert (cells["malignant_found"] == cells["malignant_call"]).all()
    assert (cells["lineage_found"] == cells["lineage"]).all()
    where = {"malignant": "tumour", "non-malignant": "microenvironment", "uncertain": "uncertain"}
    assert (cells["compartment"] == cells["malignant_call"].map(where)).all()
    assert np.isfinite(cells[["umap1", "umap2"]].to_numpy()).all()
    assert found.agreement.empty and found.agreement.columns.tolist() == list(AGREEMENT_COLUMNS)


def test_clusters_count_their_cells(found):
    clusters = found.clusters
    assert clusters.columns.tolist() == list(CLUSTER_COLUMNS) and clusters["n_cells"].is_monotonic_decreasing
    numbers = pd.crosstab(found.cells["cluster"], found.cells["malignant_call"])
    for column, value in {"n_malignant": "malignant", "n_non_malignant": "non-malignant"}.items():
        assert clusters[column].tolist() == numbers[value].reindex(clusters["cluster"]).tolist()
    parts = clusters[["n_malignant", "n_non_malignant", "n_uncertain"]]
    assert parts.sum(axis=1).tolist() == clusters["n_cells"].tolist()
    tested = clusters["evidence"].notna()
    assert (clusters.loc[tested, "lineage"] == "epithelial").all() and tested.any()


def test_order_of_cells_and_genes_and_storage_do_not_matter(sample, found):
    rng = np.random.default_rng(8)
    turned = sample[rng.permutation(sample.n_obs), rng.permutation(sample.n_vars)].copy()
    turned.X = turned.X.toarray()
    columns = ["lineage", "malignant_call", "compartment", "malignant_source"]
    again = find_and_call(turned).cells.set_index("cell").loc[found.cells["cell"]]
    assert (again[columns].to_numpy() == found.cells[columns].to_numpy()).all()
    pairs = pd.DataFrame({"one": found.cells["cluster"].to_numpy(), "two": again["cluster"].to_numpy()})
    assert len(pairs.drop_duplicates()) == pairs["one"].nunique() == pairs["two"].nunique()


def test_same_seed_same_tables(sample, found):
    again = find_and_call(sample)
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(again, name), getattr(found, name))


def test_input_is_left_alone(sample):
    cells = sample.copy()
    find_and_call(cells)
    assert (cells.X != sample.X).nnz == 0
    assert cells.obs.equals(sample.obs) and cells.var.equals(sample.var)


def test_lineages_read_from_disk_give_the_same_tables(tmp_path, pool):
    """With a cluster that gets its lineage only beside the pool, and labels to agree with."""
    adata = simulate([("malignant", "epithelial", 40, EVENTS), ("T", "T", 12, {}), ("macrophage", "mast", 8, {})])
    lineages = known_lineages(adata)
    unknown = (adata.obs["truth"] == "malignant").to_numpy()
    lineages.obs.loc[unknown, ["lineage", "state", "lineage_found"]] = "unknown"
    settings = {**SETTINGS, **BOTH_KEYS}
    adata = labelled(adata, ["x"] * adata.n_obs, np.where(unknown, "malignant", "normal"))
    write_h5ad(tmp_path / "lineages.h5ad", lineages)
    read = ad.read_h5ad(tmp_path / "lineages.h5ad")
    one, two = (label_cells(adata, x, pool, settings, "carcinoma", MARKERS, 1, sample="own") for x in (lineages, read))
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name))
    assert set(one.cells.loc[unknown, "lineage"]) == {"epithelial"}
    assert set(one.cells.loc[unknown, "lineage_source"]) == {"cohort"}
    assert (one.agreement["n_cells"] > 0).all()


def test_users_labels_win_and_the_difference_is_counted(sample):
    """Half of the tumour cells labelled normal fibroblasts, and the T cells malignant."""
    truth = sample.obs["truth"].to_numpy()
    wrong = (truth == "malignant") & (np.arange(len(truth)) % 2 == 0)
    types = np.where(wrong, "fibroblast", truth)
    types[-1] = ""
    calls = np.select(
        [wrong, truth == "T", truth == "malignant", truth == "fibroblast"],
        ["normal", "malignant", "malignant", "?"],
        "normal",
    )
    adata = labelled(sample, types, calls)
    settings = {**SETTINGS, **BOTH_KEYS, "lineages": PLACED}
    result = find_and_call(adata, settings)
    cells = result.cells
    assert set(cells["lineage_source"]) == set(cells["malignant_source"]) == {"label"}
    expected = np.select(
        [types == "fibroblast", np.isin(types, PLACED["epithelial"])], ["fibroblast", "epithelial"], ""
    )
    placed = expected != ""
    assert (cells.loc[placed, "lineage"] == expected[placed]).all() and cells["lineage"].iloc[-1] == "unknown"
    assert (cells["state"] == types).all()
    assert (
        cells["malignant_call"]
        == np.select([calls == "malignant", calls == "normal"], ["malignant", "non-malignant"], "uncertain")
    ).all()
    assert reasons(result) == {"LABEL"}
    assert (cells.loc[truth == "T", "malignant_found"] == "non-malignant").all()
    counted = result.agreement.groupby(["kind", "label", "found"])["n_cells"].sum()
    assert counted["malignant", "malignant", "non-malignant"] == 30
    assert counted["lineage", "fibroblast", "epithelial"] == wrong.sum()
    assert counted.groupby("kind").sum().to_dict() == {"lineage": sample.n_obs, "malignant": sample.n_obs}
    lineage = pd.crosstab(cells["lineage"], cells["lineage_found"]).stack()
    assert counted["lineage"].to_dict() == lineage[lineage > 0].to_dict()


def test_cell_types_of_the_user_gate_the_copy_number_calls(sample):
    adata = labelled(sample, sample.obs["truth"].replace({"normal epithelium": "fibroblast"}))
    result = find_and_call(adata, {**SETTINGS, "cell_type_key": "x", "lineages": PLACED})
    assert set(result.cells["lineage_source"]) == {"label"}
    assert share(result, sample, "malignant", "malignant") >= 0.95
    assert share(result, sample, "normal epithelium", "non-malignant") == 1
    assert (result.cells.loc[(sample.obs["truth"] == "malignant").to_numpy(), "state"] == "malignant").all()


def test_what_is_found_beside_labels_does_not_know_them():
    """Without copy number evidence epithelium stays uncertain, also where the user calls it fibroblasts or T cells."""
    cells = tumour({}, malignant=20, normal=20)
    truth = cells.obs["truth"]
    calls = np.where(truth == "malignant", "malignant", "normal")
    alone = find_and_call(labelled(cells, calls=calls), {**SETTINGS, "malignant_key": "y"}).cells["malignant_found"]
    assert set(alone[(cells.obs["state"] == "epithelial").to_numpy()]) == {"uncertain"}
    for types in (truth, truth.replace({"normal epithelium": "fibroblast", "malignant": "T", "T": "malignant"})):
        result = find_and_call(labelled(cells, types, calls), {**SETTINGS, **BOTH_KEYS, "lineages": PLACED})
        pd.testing.assert_series_equal(result.cells["malignant_found"], alone)


def test_clusters_that_a_celltypist_model_leaves_unknown_stay_so(pool):
    """The model takes the place of the markers, also beside cells of other samples."""
    adata = simulate([("malignant", "epithelial", 40, EVENTS), ("T", "T", 30, {})])
    lineages = known_lineages(adata)
    unknown = (adata.obs["truth"] == "malignant").to_numpy()
    lineages.obs["lineage_source"], lineages.obs["lineage_margin"] = "celltypist", np.nan
    lineages.obs.loc[unknown, ["lineage", "state", "lineage_found"]] = "unknown"
    settings = {**SETTINGS, "celltypist_model": "model.pkl"}
    cells = label_cells(adata, lineages, pool, settings, "carcinoma", MARKERS, 1, sample="own").cells
    assert set(cells.loc[unknown, "lineage_found"]) == set(cells.loc[unknown, "lineage"]) == {"unknown"}
    assert set(cells["lineage_source"]) == {"celltypist"} and cells["lineage_margin"].isna().all()


def test_calls_of_the_user_stand_beside_lineages_that_were_found(sample):
    calls = np.where(sample.obs["truth"] == "malignant", "malignant", "normal")
    result = find_and_call(labelled(sample, calls=calls), {**SETTINGS, "malignant_key": "y"})
    assert set(result.cells["lineage_source"]) == {"markers"} and set(result.cells["malignant_source"]) == {"label"}
    assert share(result, sample, "malignant", "malignant") == 1
    assert result.arms["arm"].iloc[0][:-1] in {"10", "13"}


def test_without_comparison_nothing_is_computed_and_compartments_are_the_same(sample, monkeypatch):
    truth = sample.obs["truth"].to_numpy()
    adata = labelled(sample, truth, np.where(truth == "malignant", "malignant", "normal"))
    settings = {**SETTINGS, **BOTH_KEYS, "lineages": PLACED}
    compared = find_and_call(adata, settings)

    def forbidden(*_, **__):
        raise AssertionError("computed although the user asked for no comparison")

    for name in ("cluster_cells", "annotate_cells", "call_malignant", "revisit_unknown", "marked_clusters"):
        monkeypatch.setattr(stage, name, forbidden)
    lineages, lent = find_lineages(adata, {**settings, "compare_labels": False}, "carcinoma", MARKERS, 1, sample="own")
    result = label_cells(
        adata, lineages, None, {**settings, "compare_labels": False}, "carcinoma", MARKERS, 1, sample="own"
    )
    same = ["cell", "lineage", "state", "malignant_call", "compartment", "lineage_source", "malignant_source"]
    pd.testing.assert_frame_equal(result.cells[same], compared.cells[same])
    assert result.agreement.empty and result.copy_number.empty and result.arms.empty
    empty = ["lineage_found", "malignant_found", "cluster"]
    assert (result.cells[empty] == "").all(axis=None)
    assert result.cells[["malignant_probability", "umap1", "umap2", "lineage_margin"]].isna().all(axis=None)
    assert result.clusters["n_cells"].tolist() == [sample.n_obs]
    # It still lends its normal cells, epithelial ones among them.
    assert set(lent.obs["lineage"]) == {"epithelial", "fibroblast", "myeloid", "lymphoid"}


def test_labels_without_a_lineage_are_refused(sample):
    adata = labelled(sample, ["nobody knows"] * sample.n_obs)
    with pytest.raises(InputProblems, match="nobody knows"):
        find_lineages(adata, {**SETTINGS, "cell_type_key": "x"}, "carcinoma", MARKERS, 1, sample="own")


def test_a_cohort_of_tumours_helps_itself():
    """One sample brings normal cells, the other only tumour: the way the workflow goes."""
    samples = {
        "rich": tumour(EVENTS, malignant=30, seed=11),
        "poor": simulate([("malignant", "epithelial", 60, EVENTS)], batch=5),
    }
    passes = {
        name: find_lineages(cells, SETTINGS, "carcinoma", MARKERS, 1, sample=name) for name, cells in samples.items()
    }
    pool = pool_cells([lent for _, lent in passes.values()])
    assert set(pool.obs["sample"]) == {"rich"}
    poor = label_cells(samples["poor"], passes["poor"][0], pool, SETTINGS, "carcinoma", MARKERS, 1, sample="poor")
    assert share(poor, samples["poor"], "malignant", "malignant") >= 0.95
    alone = label_cells(samples["poor"], passes["poor"][0], None, SETTINGS, "carcinoma", MARKERS, 1, sample="poor")
    assert set(alone.cells["malignant_call"]) == {"uncertain"}


ODD = {
    "thirty cells": [("malignant", "epithelial", 15, EVENTS), ("T", "T", 15, {})],
    "no immune cell": [
        ("malignant", "epithelial", 40, EVENTS),
        ("f", "fibroblast", 20, {}),
        ("e", "endothelial", 20, {}),
    ],
    "only normal cells": [("T", "T", 30, {}), ("f", "fibroblast", 20, {}), ("n", "epithelial", 20, {})],
    "only normal epithelium": [("n", "epithelial", 40, {})],
    "only tumour": [("malignant", "epithelial", 40, EVENTS)],
    "only T cells": [("T", "T", 40, {})],
    "five cells": [("T", "T", 2, {}), ("malignant", "epithelial", 3, EVENTS)],
    "one cell": [("T", "T", 1, {})],
    "cells of no kind": [("x", "no state", 40, {})],
}


LONELY = ("only tumour", "only normal epithelium", "thirty cells", "one cell")
WITH_POOL = [(name, False) for name in ODD] + [(name, True) for name in LONELY]


@pytest.mark.parametrize(("name", "borrows"), WITH_POOL)
def test_odd_samples_say_what_is_unknown_and_never_guess(name, borrows, pool, tmp_path):
    cells = simulate(ODD[name], seed=3)
    result = find_and_call(cells, pool=pool if borrows else None)
    calls, truth = result.cells["malignant_call"].to_numpy(), cells.obs["truth"].to_numpy()
    assert not (calls[truth != "malignant"] == "malignant").any()
    assert not (calls[truth == "malignant"] == "non-malignant").any()
    # Who is uncertain has a reason.
    for row in result.clusters.itertuples():
        assert (row.reason != "") == (row.n_uncertain > 0)
    # Tables survive the disk.
    write_table(tmp_path / "cells.tsv.gz", result.cells)
    assert read_table(tmp_path / "cells.tsv.gz")["malignant_call"].tolist() == calls.tolist()


def test_a_tumour_without_immune_cells_is_called():
    cells = simulate(ODD["no immune cell"], seed=3)
    result = call(cells)
    assert share(result, cells, "malignant", "malignant") >= 0.95
    assert share(result, cells, "f", "non-malignant") == share(result, cells, "e", "non-malignant") == 1


def test_lineages_keep_their_form(sample):
    lineages, lent = find_lineages(sample, SETTINGS, "carcinoma", MARKERS, 1, sample="own")
    assert lineages.obs.columns.tolist() == list(LINEAGE_COLUMNS) and lineages.n_vars == 0
    assert lineages.obs_names.equals(sample.obs_names) and lineages.obsp["connectivities"].shape == (160, 160)
    assert set(lent.obs["lineage"]) == {"fibroblast", "myeloid", "lymphoid"} and set(lent.obs["sample"]) == {"own"}


def test_a_normal_sample_beside_a_pool_with_another_batch_is_not_malignant(pool):
    cells = simulate([(*part[:2], 5, {}) for part in NORMALS] + [("n", "epithelial", 50, {})], batch=77)
    result = call(cells, pool=pool)
    assert "malignant" not in set(result.cells["malignant_call"])
    assert COPY_NUMBER["min_reference_cells"] > 15
