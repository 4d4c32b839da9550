"""Malignant calls: planted gains and losses are found, diploid tissue is left alone, doubt is said and reasoned."""

import numpy as np
import pandas as pd
import pytest

from cells_example import (
    CLUSTERING,
    COPY_NUMBER,
    EVENTS,
    GATES,
    HISTONES,
    MARKERS,
    NORMALS,
    SETTINGS,
    call,
    cells_of,
    donors,
    known_lineages,
    pool_of,
    reasons,
    share,
    simulate,
    tumour,
)
from stat3act.compartments import evidence
from stat3act.compartments.cells import label_cells
from stat3act.compartments.lent import borrow
from stat3act.compartments.lineages import LINEAGES
from stat3act.compartments.malignant import REASONS, call_malignant

OTHER_EVENTS = {"chr1": 1.5, "chr17": 1.5, "chr5": 0.5, "chr20": 0.5}
# Genes of a cycling cell: scattered ones, and the histones side by side.
CYCLE = {f"CHR{number}G{place}": 4.0 for number in range(1, 23) for place in (3, 70, 111)} | dict.fromkeys(
    HISTONES, 8.0
)


def code_of(labels, cells, name: str) -> set[str]:
    """Return the reasons of the cluster of these cells."""
    cluster = labels.cells.loc[(cells.obs["truth"] == name).to_numpy(), "cluster"].iloc[0]
    codes = labels.clusters.set_index("cluster").loc[cluster, "reason"]
    return {code for code in codes.split(";") if code}


@pytest.fixture(scope="module")
def mixed():
    """60 tumour cells with four altered chromosomes, 40 normal epithelial cells, 90 others."""
    return tumour(EVENTS, normal=40)


@pytest.fixture(scope="module")
def mixed_calls(mixed):
    return call(mixed)


@pytest.fixture(scope="module")
def pool():
    """Normal cells of three donors, each with a batch effect."""
    return pool_of(donors(3))


def test_altered_cells_are_malignant_and_normal_epithelium_is_not(mixed, mixed_calls):
    assert share(mixed_calls, mixed, "malignant", "malignant") >= 0.95
    assert share(mixed_calls, mixed, "normal epithelium", "non-malignant") >= 0.95
    for name, *_ in NORMALS:
        assert share(mixed_calls, mixed, name, "non-malignant") == 1
    tested = mixed_calls.cells[mixed_calls.cells["lineage"] == "epithelial"]
    assert set(tested["malignant_source"]) == {"copy_number"} and tested["malignant_probability"].between(0, 1).all()
    others = mixed_calls.cells[mixed_calls.cells["lineage"] != "epithelial"]
    assert set(others["malignant_source"]) == {"lineage"} and others["malignant_probability"].isna().all()


def test_calls_follow_the_probability(mixed_calls):
    tested = mixed_calls.cells[mixed_calls.cells["malignant_source"] == "copy_number"]
    limits = [tested["malignant_probability"] >= 0.8, tested["malignant_probability"] <= 0.2]
    expected = np.select(limits, ["malignant", "non-malignant"], "uncertain")
    assert (tested["malignant_call"] == expected).all()


def test_tumour_majority_does_not_invert_the_answer():
    cells = simulate([("malignant", "epithelial", 250, EVENTS), ("normal epithelium", "epithelial", 20, {}), *NORMALS])
    found = call(cells)
    assert share(found, cells, "malignant", "malignant") >= 0.95
    assert share(found, cells, "normal epithelium", "malignant") == 0


def test_order_of_cells_and_genes_and_storage_do_not_matter(mixed, mixed_calls):
    rng = np.random.default_rng(5)
    turned = mixed[rng.permutation(mixed.n_obs), rng.permutation(mixed.n_vars)].copy()
    turned.X = turned.X.toarray()
    found = call(turned).cells.set_index("cell")
    expected = mixed_calls.cells.set_index("cell").loc[found.index]
    assert (found["malignant_call"] == expected["malignant_call"]).all()
    assert (found["malignant_source"] == expected["malignant_source"]).all()
    np.testing.assert_allclose(found["malignant_probability"], expected["malignant_probability"], atol=1e-3)


def test_counts_of_a_cell_may_be_multiplied(mixed, mixed_calls):
    scaled = mixed.copy()
    factors = np.random.default_rng(0).integers(1, 9, mixed.n_obs)
    scaled.X = scaled.X.multiply(factors[:, None]).tocsr().astype(np.float32)
    found = call(scaled).cells
    assert (found["malignant_call"] == mixed_calls.cells["malignant_call"]).all()


def test_calls_are_the_same_twice_and_do_not_hang_on_the_seed(mixed, mixed_calls):
    pd.testing.assert_frame_equal(mixed_calls.cells, call(mixed).cells)
    assert (call(mixed, seed=9).cells["malignant_call"] == mixed_calls.cells["malignant_call"]).all()


def test_diploid_epithelium_is_never_malignant():
    cells = tumour({}, normal=40)
    found = call(cells)
    assert share(found, cells, "malignant", "uncertain") == share(found, cells, "normal epithelium", "uncertain") == 1
    assert reasons(found) == {"NO_EVIDENCE"}


def test_cycling_normal_epithelium_is_never_malignant(monkeypatch):
    cells = simulate([("cycling", "epithelial", 40, CYCLE), ("resting", "epithelial", 40, {}), *NORMALS])
    found = call(cells)
    assert share(found, cells, "cycling", "uncertain") == share(found, cells, "resting", "uncertain") == 1
    # The histones side by side would pass for a gain if they were counted.
    monkeypatch.setattr(evidence, "CLUSTERED", "^no gene$")
    assert share(call(cells), cells, "cycling", "malignant") > 0.5


def test_cycling_normal_epithelium_beside_a_tumour_is_not_malignant():
    parts = [("malignant", "epithelial", 60, EVENTS), ("cycling", "epithelial", 30, CYCLE)]
    cells = simulate([*parts, *NORMALS])
    found = call(cells)
    assert share(found, cells, "malignant", "malignant") >= 0.95
    assert share(found, cells, "cycling", "malignant") == 0


def test_nested_clones_are_both_malignant():
    parts = [("first", "epithelial", 60, EVENTS), ("second", "epithelial", 20, {**EVENTS, "chr5": 0.5, "chr1": 1.5})]
    cells = simulate([*parts, ("normal epithelium", "epithelial", 20, {}), *NORMALS])
    found = call(cells)
    assert share(found, cells, "first", "malignant") >= 0.95 and share(found, cells, "second", "malignant") >= 0.95
    assert share(found, cells, "normal epithelium", "malignant") == 0


def test_equal_clones_without_a_common_event_are_both_malignant():
    parts = [("first", "epithelial", 60, EVENTS), ("second", "epithelial", 60, OTHER_EVENTS)]
    cells = simulate([*parts, *NORMALS])
    found = call(cells)
    assert share(found, cells, "first", "malignant") >= 0.9 and share(found, cells, "second", "malignant") >= 0.9


def test_a_small_clone_with_other_events_is_not_normal():
    """Its cluster has evidence of its own."""
    parts = [("first", "epithelial", 80, EVENTS), ("second", "epithelial", 20, OTHER_EVENTS)]
    cells = simulate([*parts, *NORMALS])
    found = call(cells)
    assert (found.clusters["evidence"] >= found.clusters["threshold"]).sum() == 2
    assert share(found, cells, "first", "malignant") >= 0.95
    assert share(found, cells, "second", "non-malignant") == 0


def test_tumour_cells_that_pass_for_normal_ones_leave_the_reference():
    cells = simulate([("malignant", "epithelial", 60, EVENTS), ("turned", "fibroblast", 30, EVENTS), *NORMALS])
    found = call(cells)
    assert share(found, cells, "malignant", "malignant") >= 0.95
    assert share(found, cells, "turned", "uncertain") == 1
    assert code_of(found, cells, "turned") == {"UNLIKE_NORMAL"}
    assert share(found, cells, "fibroblast", "non-malignant") == 1


def test_cells_of_unknown_lineage_may_join_the_tumour_and_never_the_microenvironment():
    parts = [("malignant", "epithelial", 60, EVENTS), ("odd", "no state", 20, EVENTS), ("plain", "not any", 20, {})]
    cells = simulate([*parts, *NORMALS])
    found = call(cells)
    assert share(found, cells, "odd", "malignant") >= 0.9
    assert share(found, cells, "plain", "uncertain") == 1 and code_of(found, cells, "plain") == {"NO_LINEAGE"}


def test_cells_whose_lineage_is_barely_supported_are_not_normal_by_it():
    """Tumour cells without their markers must not slip into the reference."""
    cells = simulate([("malignant", "epithelial", 60, EVENTS), ("weak", "fibroblast", 20, EVENTS), *NORMALS])
    lineages = known_lineages(cells)
    weak = (cells.obs["truth"] == "weak").to_numpy()
    lineages.obs.loc[weak, "lineage_margin"] = CLUSTERING["margin"]
    found = label_cells(cells, lineages, None, SETTINGS, "carcinoma", MARKERS, 1, sample="own")
    assert share(found, cells, "weak", "non-malignant") == 0
    assert share(found, cells, "malignant", "malignant") >= 0.95


def test_a_cluster_of_both_kinds_is_not_separated():
    """Most of its cells are normal: its median is theirs."""
    strong = {"chr3": 2, "chr7": 2, "chr10": 0.3, "chr13": 0.3, "chr20": 2}
    cells = simulate([("both", "epithelial", 40, strong), ("both", "epithelial", 60, {}), *NORMALS])
    found = call(cells)
    assert code_of(found, cells, "both") == {"NOT_SEPARATED"}
    assert share(found, cells, "both", "uncertain") == 1


def test_cells_between_are_uncertain():
    events = [{name: 1 + part * (factor - 1) for name, factor in EVENTS.items()} for part in (0.3, 0.45, 0.6)]
    steps = [("between", "epithelial", 12, each) for each in events]
    cells = simulate([("malignant", "epithelial", 60, EVENTS), *steps, *NORMALS], depth=4000)
    found = call(cells)
    assert "BETWEEN" in reasons(found) and share(found, cells, "between", "uncertain") > 0
    probability = found.cells["malignant_probability"]
    unsure = (found.cells["malignant_call"] == "uncertain") & (found.cells["malignant_source"] == "copy_number")
    # The rest looks unlike the clone, in a cluster half-way to evidence of its own.
    assert probability[unsure].between(0.2, 0.8).any() and (probability[unsure] <= 0.8).all()
    assert code_of(found, cells, "between") <= {"BETWEEN", "WEAK_EVIDENCE", ""}


def test_small_clusters_are_judged_beside_a_tumour_and_not_alone():
    small = ("small", "epithelial", 8, EVENTS)
    alone, beside = simulate([small, *NORMALS]), simulate([("malignant", "epithelial", 60, EVENTS), small, *NORMALS])
    found = call(alone)
    assert share(found, alone, "small", "uncertain") == 1 and code_of(found, alone, "small") == {"FEW_CELLS"}
    assert share(call(beside), beside, "small", "malignant") >= 0.7


@pytest.mark.parametrize(
    ("change", "code"),
    [({"min_reference_cells": 91}, "FEW_NORMAL_CELLS"), ({"window_size": 900}, "FEW_GENES")],
)
def test_what_cannot_be_compared_is_uncertain(mixed, change, code):
    found = call(mixed, **change)
    assert share(found, mixed, "malignant", "uncertain") == share(found, mixed, "normal epithelium", "uncertain") == 1
    assert share(found, mixed, "T", "non-malignant") == 1
    assert reasons(found) == {code} and found.copy_number.empty and found.clusters["evidence"].isna().all()


def test_genes_without_position_are_too_few(mixed):
    cells = mixed.copy()
    cells.var["chromosome"] = ""
    assert reasons(call(cells)) == {"FEW_GENES"}


def test_tumour_type_decides_who_may_be_malignant():
    cells = simulate([("tumour", "fibroblast", 60, EVENTS), *NORMALS[1:]])
    as_sarcoma, as_carcinoma = call(cells, "sarcoma"), call(cells, "carcinoma")
    assert share(as_sarcoma, cells, "tumour", "malignant") >= 0.95
    # In a carcinoma fibroblasts are normal by their lineage, but not when they carry gains and losses.
    assert share(as_carcinoma, cells, "tumour", "uncertain") == 1
    assert code_of(as_carcinoma, cells, "tumour") == {"UNLIKE_NORMAL"}
    assert not (as_carcinoma.cells["malignant_call"] == "malignant").any()


def test_gates_and_candidates_are_lineages():
    assert {lineage for gate in GATES.values() for lineage in gate} <= set(LINEAGES)


def test_blood_is_uncertain_without_candidates_and_called_with_them():
    parts = [("blast", "haematopoietic progenitor", 60, EVENTS), ("red", "erythroid", 20, {}), *NORMALS[1:]]
    cells = simulate(parts)
    blind = call(cells, "haematological")
    assert set(blind.cells["malignant_call"]) == {"uncertain"} and reasons(blind) == {"BLOOD"}
    told = call(cells, "haematological", candidates=["progenitor", "myeloid"])
    assert share(told, cells, "blast", "malignant") >= 0.95
    assert share(told, cells, "macrophage", "malignant") == 0
    assert share(told, cells, "T", "non-malignant") == share(told, cells, "red", "non-malignant") == 1


def test_candidates_replace_the_lineages_of_the_tumour_type(mixed):
    found = call(mixed, candidates=["fibroblast"])
    assert share(found, mixed, "malignant", "malignant") == 0
    assert share(found, mixed, "fibroblast", "uncertain") == 1


def test_only_tumour_needs_the_pool(pool):
    cells = simulate([("malignant", "epithelial", 80, EVENTS)], batch=20)
    alone, beside = call(cells), call(cells, pool=pool)
    assert share(alone, cells, "malignant", "uncertain") == 1 and reasons(alone) == {"FEW_NORMAL_CELLS"}
    assert share(beside, cells, "malignant", "malignant") >= 0.95
    assert len(beside.cells) == 80 and beside.copy_number["n_cells"].sum() == 80
    only_own = pool[pool.obs["sample"] == "donor0"].copy()
    only_own.obs["sample"] = "own"
    assert reasons(call(cells, pool=only_own)) == {"FEW_NORMAL_CELLS"}


@pytest.mark.parametrize("number", range(2))
def test_only_normal_epithelium_stays_uncertain_beside_the_pool(pool, number):
    """A batch effect of its own does not make it malignant."""
    parts = [("normal epithelium", "epithelial", 60, {}), ("cycling", "epithelial", 20, CYCLE)]
    cells = simulate(parts, seed=30 + number, batch=30 + number)
    found = call(cells, pool=pool)
    assert set(found.cells["malignant_call"]) == {"uncertain"} and reasons(found) == {"NO_EVIDENCE"}


def test_tumour_and_normal_epithelium_are_told_apart_beside_the_pool(pool):
    parts = [("malignant", "epithelial", 60, EVENTS), ("normal epithelium", "epithelial", 30, {}), ("T", "T", 5, {})]
    cells = simulate(parts, batch=40)
    found = call(cells, pool=pool)
    assert share(found, cells, "malignant", "malignant") >= 0.95
    assert share(found, cells, "normal epithelium", "malignant") == 0
    assert share(found, cells, "T", "non-malignant") == 1


def test_donors_that_look_altered_are_no_reference():
    """Donors that differ by whole chromosomes (aged blood, tumour cells in disguise) neither make nor hide a tumour."""
    events = [{"chr2": 1.5, "chr8": 0.6}, {"chr4": 1.5, "chr11": 0.6}, {}]
    samples = {f"d{n}": simulate([(*part[:3], each) for part in NORMALS], 60 + n) for n, each in enumerate(events)}
    cells = simulate([("normal epithelium", "epithelial", 60, {"chr6": 1.4})])
    found = call(cells, pool=pool_of(samples))
    assert share(found, cells, "normal epithelium", "malignant") == 0
    tumour = simulate([("malignant", "epithelial", 60, EVENTS)])
    assert share(call(tumour, pool=pool_of(samples)), tumour, "malignant", "malignant") >= 0.95


def test_a_group_of_tumour_cells_among_normal_lineages_is_told_without_any_candidate():
    cells = simulate([("turned", "fibroblast", 60, EVENTS), *NORMALS[1:]])
    found = call(cells)
    assert share(found, cells, "turned", "uncertain") == 1 and code_of(found, cells, "turned") == {"UNLIKE_NORMAL"}
    assert share(found, cells, "T", "non-malignant") == 1


def test_a_weak_second_clone_is_not_normal():
    weak = {"chr1": 1.25, "chr5": 0.75, "chr9": 1.25}
    cells = simulate([("A", "epithelial", 80, EVENTS), ("B", "epithelial", 60, weak), *NORMALS])
    found = call(cells)
    assert share(found, cells, "A", "malignant") >= 0.95
    assert share(found, cells, "B", "non-malignant") == 0


def test_enough_own_cells_borrow_nothing(mixed, mixed_calls, pool):
    beside = call(mixed, pool=pool)
    for name in ("cells", "clusters", "copy_number", "arms", "agreement"):
        pd.testing.assert_frame_equal(getattr(beside, name), getattr(mixed_calls, name))


@pytest.mark.parametrize("lineage", ["T", "epithelial", "no state"])
def test_every_cell_of_one_lineage(lineage):
    cells = simulate([("all", lineage, 60, {})])
    found = call(cells)
    expected = {"T": "non-malignant"}.get(lineage, "uncertain")
    assert share(found, cells, "all", expected) == 1
    assert reasons(found) == {"T": set(), "epithelial": {"FEW_NORMAL_CELLS"}, "no state": {"NO_LINEAGE"}}[lineage]


def test_borrowed_cells_are_in_no_table(pool):
    adata = simulate([("malignant", "epithelial", 40, EVENTS)])
    cells = borrow(cells_of(adata), pool, "own")
    found = call_malignant(cells, "carcinoma", COPY_NUMBER, 1)
    assert found.table.index.equals(adata.obs_names) and len(found.windows) == 40
    assert len(found.trial.candidate) == cells.logged.n_obs > 40


def test_every_uncertain_cell_has_a_reason_and_no_other(mixed_calls):
    assert set(mixed_calls.clusters.loc[mixed_calls.clusters["n_uncertain"] == 0, "reason"]) == {""}
    cells = simulate([("malignant", "epithelial", 60, {}), ("odd", "no state", 15, {}), *NORMALS])
    found = call(cells)
    with_reason = found.clusters["reason"] != ""
    assert (with_reason == (found.clusters["n_uncertain"] > 0)).all()
    assert reasons(found) <= set(REASONS)
    assert known_lineages(cells).obs["cluster"].nunique() == len(found.clusters)
