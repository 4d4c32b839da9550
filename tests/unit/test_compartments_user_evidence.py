"""Mutant reads and marker genes: heard where copy number is silent, never for lineages that may not be malignant."""

import numpy as np
import pandas as pd
import pytest

from cells_example import (
    COPY_NUMBER,
    EVENTS,
    MARKERS,
    NORMALS,
    SETTINGS,
    cells_of,
    known_lineages,
    reasons,
    share,
    simulate,
    tumour,
)
from stat3act.compartments.cells import label_cells
from stat3act.compartments.user_evidence import hear_user, marked_clusters, may_be_malignant

# Genes that the example's malignant cells make and its normal cells hardly do.
OWN = ["CHR1G5", "CHR8G70", "CHR14G20", "CHR20G100"]
LOUD = dict.fromkeys(OWN, 60.0)
SILENT = dict.fromkeys(OWN, 0.02)


def sample_with_markers(events=None) -> object:
    parts = [
        ("malignant", "epithelial", 40, {**LOUD, **(events or {})}),
        ("normal epithelium", "epithelial", 40, SILENT),
    ]
    return simulate([*parts, *[(name, state, cells, SILENT) for name, state, cells, _ in NORMALS]])


def label(adata, mutant=(), markers=(), tumour_type="carcinoma", lineages=None, **changes):
    """Label cells of known lineages; ``mutant`` names the truths whose cells show mutant reads."""
    adata = adata.copy()
    adata.obs["mutation"] = np.where(adata.obs["truth"].isin(list(mutant)), "p.G12D", "")
    settings = {
        **SETTINGS,
        "mutation_key": "call",
        "mutation_values": ["mutant", "p.G12D"],
        "malignant": {**COPY_NUMBER, "markers": list(markers), **changes},
    }
    lineages = known_lineages(adata) if lineages is None else lineages
    return label_cells(adata, lineages, None, settings, tumour_type, MARKERS, 1, sample="own")


def sources(labels, adata, name: str) -> set[str]:
    return set(labels.cells.loc[(adata.obs["truth"] == name).to_numpy(), "malignant_source"])


def test_a_diploid_tumour_is_called_by_mutant_reads_and_only_where_they_were_seen():
    adata = tumour({}, malignant=40, normal=20)
    found = label(adata, mutant=["malignant", "T"])
    assert share(found, adata, "malignant", "malignant") == 1
    assert share(found, adata, "normal epithelium", "uncertain") == 1
    assert share(found, adata, "T", "non-malignant") == 1
    assert sources(found, adata, "malignant") == {"mutation"}
    assert sources(found, adata, "normal epithelium") == {"none"}


def test_marker_genes_speak_for_their_cluster():
    adata = sample_with_markers()
    found = label(adata, markers=OWN)
    assert share(found, adata, "malignant", "malignant") == 1
    assert share(found, adata, "normal epithelium", "uncertain") == 1
    assert sources(found, adata, "malignant") == {"markers"}
    assert (found.cells["malignant_call"] != "malignant").sum() == 130


def test_markers_that_normal_lineages_make_say_nothing():
    """Genes of T cells named as markers of a carcinoma: T cells lead, no epithelial cluster does."""
    adata = sample_with_markers()
    genes = MARKERS.loc[(MARKERS["state"] == "T") & (MARKERS["sign"] == 1), "gene"]
    assert "malignant" not in set(label(adata, markers=genes).cells["malignant_call"])


@pytest.mark.parametrize("genes", [["NOGENE1", "NOGENE2"], [OWN[0]], [OWN[0], OWN[0]]])
def test_too_few_measured_markers_say_nothing(genes):
    adata = sample_with_markers()
    assert "malignant" not in set(label(adata, markers=genes).cells["malignant_call"])


def test_without_normal_cells_markers_have_nothing_to_lead_over():
    adata = simulate([("malignant", "epithelial", 40, LOUD), ("normal epithelium", "epithelial", 40, SILENT)])
    cells = cells_of(adata)
    assert marked_clusters(cells, np.full(80, True), OWN, 0.1) == []


def test_evidence_against_copy_number_is_a_conflict():
    adata = sample_with_markers(EVENTS)
    by_mutation = label(adata, mutant=["normal epithelium"])
    assert share(by_mutation, adata, "malignant", "malignant") >= 0.95
    assert share(by_mutation, adata, "normal epithelium", "uncertain") == 1
    assert "CONFLICT" in reasons(by_mutation)
    parts = [("malignant", "epithelial", 40, {**EVENTS, **SILENT}), ("normal epithelium", "epithelial", 40, LOUD)]
    turned = simulate([*parts, *[(name, state, cells, SILENT) for name, state, cells, _ in NORMALS]])
    by_markers = label(turned, markers=OWN)
    assert share(by_markers, turned, "malignant", "malignant") >= 0.95
    assert share(by_markers, turned, "normal epithelium", "uncertain") == 1
    assert "CONFLICT" in reasons(by_markers)


def test_both_agreeing_with_copy_number_change_nothing_but_fill_gaps():
    adata = sample_with_markers(EVENTS)
    alone, heard = label(adata), label(adata, mutant=["malignant"], markers=OWN)
    called = (alone.cells["malignant_call"] == "malignant").to_numpy()
    assert (heard.cells.loc[called, "malignant_call"] == "malignant").all()
    assert (heard.cells.loc[called, "malignant_source"] == "copy_number").all()
    pd.testing.assert_series_equal(heard.cells["malignant_probability"], alone.cells["malignant_probability"])


def test_unknown_lineages_may_be_malignant_others_not():
    adata = simulate([("odd", "no state", 20, {}), *NORMALS])
    found = label(adata, mutant=["odd", "T", "fibroblast"])
    assert share(found, adata, "odd", "malignant") == 1
    assert share(found, adata, "T", "malignant") == share(found, adata, "fibroblast", "malignant") == 0
    assert may_be_malignant(np.array(["epithelial", "unknown", "lymphoid"]), ["epithelial"]).tolist() == [
        True,
        True,
        False,
    ]


def test_mutant_reads_decide_in_blood():
    adata = simulate([("blast", "haematopoietic progenitor", 30, {}), ("T", "T", 30, {})])
    found = label(adata, mutant=["blast"], tumour_type="haematological")
    assert share(found, adata, "blast", "malignant") == 1 and share(found, adata, "T", "uncertain") == 1
    assert reasons(found) == {"BLOOD"}


def test_what_each_source_does_to_each_call():
    calls = ["malignant", "uncertain", "non-malignant"] * 2
    table = pd.DataFrame(
        {"call": calls, "probability": 0.5, "source": "copy_number", "reason": ["", "BETWEEN", ""] * 2}
    )
    candidate = np.array([True] * 3 + [False] * 3)
    cluster = np.array(["0"] * 6)
    before = table.copy()
    for marked, mutated, source in (
        (["0"], np.zeros(6, dtype=bool), "markers"),
        ([], np.ones(6, dtype=bool), "mutation"),
    ):
        found = hear_user(table, candidate, cluster, marked, mutated)
        assert found["call"].tolist() == ["malignant", "malignant", "uncertain", *calls[3:]]
        assert found["source"].tolist() == ["copy_number", source, *["copy_number"] * 4]
        assert found["reason"].tolist() == ["", "", "CONFLICT", "", "BETWEEN", ""]
        assert table.equals(before)
    assert hear_user(table, candidate, cluster, [], np.zeros(6, dtype=bool)).equals(table)


def test_a_second_source_does_not_overrule_a_conflict():
    table = pd.DataFrame({"call": ["non-malignant"], "probability": 0.02, "source": "copy_number", "reason": ""})
    found = hear_user(table, np.array([True]), np.array(["0"]), ["0"], np.array([True]))
    assert found.loc[0, ["call", "source", "reason"]].tolist() == ["uncertain", "copy_number", "CONFLICT"]


def test_a_mutant_read_does_not_make_a_weakly_supported_macrophage_malignant():
    """Enough of a lead for the lineage, too little to be normal by it: still no cell of a carcinoma."""
    adata = tumour({}, malignant=40, normal=20)
    lineages = known_lineages(adata)
    lineages.obs.loc[adata.obs["truth"] == "macrophage", "lineage_margin"] = 0.12
    found = label(adata, mutant=["malignant", "macrophage"], lineages=lineages)
    assert share(found, adata, "malignant", "malignant") == 1
    assert share(found, adata, "macrophage", "uncertain") == 1
    assert set(found.cells.loc[(adata.obs["truth"] == "macrophage").to_numpy(), "lineage"]) == {"myeloid"}
