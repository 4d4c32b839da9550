"""Lineages by markers: the bundled table, the score, the margin, small and one-sided samples."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cells_example import CLUSTERING, MARKERS, simulate
from stat3act.compartments.clusters import cluster_cells, log_normalise
from stat3act.compartments.lineages import annotate_cells, call_cluster, check_markers, confident_lineages, score_states

NETWORKS = Path(__file__).parents[2] / "resources/networks"
STATES = {
    "B": "lymphoid",
    "NK or cytotoxic T": "lymphoid",
    "T": "lymphoid",
    "astrocyte": "glial",
    "dendritic": "myeloid",
    "endothelial": "endothelial",
    "epithelial": "epithelial",
    "erythroid": "erythroid",
    "fibroblast": "fibroblast",
    "granulocyte precursor": "myeloid",
    "haematopoietic progenitor": "progenitor",
    "hepatocyte": "epithelial",
    "macrophage or monocyte": "myeloid",
    "mast": "myeloid",
    "mature oligodendrocyte": "other",
    "megakaryocyte or platelet": "other",
    "melanocyte": "melanocytic",
    "mesothelial": "other",
    "microglia": "myeloid",
    "monocyte or neutrophil": "myeloid",
    "neuron": "other",
    "oligodendrocyte progenitor": "glial",
    "pericyte": "fibroblast",
    "plasma": "lymphoid",
    "plasmacytoid dendritic": "myeloid",
    "smooth muscle": "fibroblast",
}


@pytest.fixture(scope="module")
def mixture():
    """Sixteen cells of every state."""
    return simulate([(state, state, 16, {}) for state in STATES])


def annotate(adata, margin: float = 0.1) -> pd.DataFrame:
    logged = log_normalise(adata, "counts")
    return annotate_cells(logged, cluster_cells(logged, CLUSTERING, 1).labels, MARKERS, margin)


def test_bundled_markers_are_a_marker_table():
    check_markers(MARKERS)
    assert MARKERS["source"].str.contains("doi 10.").all()
    positive = MARKERS[MARKERS["sign"] == 1].groupby("state").size()
    assert positive.min() >= 5
    assert MARKERS.groupby("state")["lineage"].first().to_dict() == STATES


@pytest.mark.parametrize("table", ["stat3", "rivals", "programmes"])
def test_markers_share_no_gene_with_a_score(table):
    scored = pd.read_csv(NETWORKS / f"{table}.tsv", sep="\t")["gene"]
    assert sorted(set(scored) & set(MARKERS["gene"])) == []


def test_markers_are_no_ligands():
    ligands = pd.read_csv(NETWORKS / "ligands.tsv", sep="\t")["ligand"].dropna()
    assert sorted(set(";".join(ligands).split(";")) & set(MARKERS["gene"])) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sign": 2}, "signs other"),
        ({"lineage": "neuron"}, "unknown lineages"),
        ({"source": ""}, "without source"),
        ({"state": "B", "lineage": "myeloid"}, "in two lineages"),
    ],
)
def test_broken_marker_table_is_refused(change, said):
    broken = pd.concat([MARKERS, MARKERS.head(1).assign(gene="NEW", **change)])
    with pytest.raises(ValueError, match=said):
        check_markers(broken)


def test_every_state_gets_its_lineage(mixture):
    found = annotate(mixture)["lineage"].to_numpy()
    assert (found == mixture.obs["state"].map(STATES).to_numpy()).mean() > 0.99


def test_score_is_signed_sum_of_z_over_root_n():
    values = np.array([[5, 0, 0], [4, 0, 1], [0, 3, 2], [0, 6, 0]], dtype=float)
    cells = simulate([("a", "T", 4, {})])[:, :3].copy()
    cells.X = values
    cells.var_names = ["P1", "P2", "N1"]
    rows = [("myeloid", "m", "P1", 1), ("myeloid", "m", "P2", 1), ("myeloid", "m", "N1", -1)]
    markers = pd.DataFrame([(*row, "s") for row in rows], columns=["lineage", "state", "gene", "sign", "source"])
    found = score_states(cells, np.array(["0", "0", "1", "1"]), markers).set_index("cluster")
    z = (values - values.mean(axis=0)) / values.std(axis=0)
    expected = (z[:2, 0].mean() + z[:2, 1].mean() - z[:2, 2].mean()) / np.sqrt(3)
    assert found.loc["0", "score"] == pytest.approx(expected)
    assert found.loc["0", "detection"] == pytest.approx(0.5)


@pytest.mark.parametrize(("shown", "markers", "present"), [(2, 6, True), (2, 7, False), (3, 10, True), (1, 2, False)])
def test_a_state_is_present_when_three_of_ten_markers_and_at_least_two_are_seen(shown, markers, present):
    values = np.zeros((20, markers))
    values[:2, :shown] = 1  # in a tenth of the cells
    cells = simulate([("a", "T", 20, {})])[:, :markers].copy()
    cells.X, cells.var_names = values, [f"P{number}" for number in range(markers)]
    rows = [("myeloid", "m", gene, 1, "s") for gene in cells.var_names]
    table = pd.DataFrame(rows, columns=["lineage", "state", "gene", "sign", "source"])
    assert score_states(cells, np.full(20, "0"), table)["present"].tolist() == [present]
    cells.X[0] = 0
    assert not score_states(cells, np.full(20, "0"), table)["present"].any()


def test_margin_leaves_a_cluster_unknown():
    columns = ["state", "lineage", "score", "n_markers", "detection", "present"]
    scores = pd.DataFrame(
        [("T", "lymphoid", 1.0, 4, 0.5, True), ("mast", "myeloid", 0.9, 4, 0.5, True)], columns=columns
    )
    assert call_cluster(scores, 0.1)[0] == "unknown"
    assert call_cluster(scores, 0.04) == ("lymphoid", "T", pytest.approx(0.05))
    rival_in_lineage = scores.assign(lineage="lymphoid")
    assert call_cluster(rival_in_lineage, 0.1)[0] == "lymphoid"
    assert call_cluster(scores.assign(present=False), 0.0) == ("unknown", "unknown", 0.0)


def test_absent_lineage_is_not_found_in_noise():
    found = annotate(simulate([("a", "epithelial", 120, {})]))
    assert set(found["lineage"]) <= {"epithelial", "unknown"}
    assert (found["lineage"] == "epithelial").all()


def test_thirty_cells_are_enough():
    cells = simulate([("a", "T", 15, {}), ("b", "fibroblast", 15, {})])
    found = annotate(cells)["lineage"]
    assert (found.to_numpy() == np.repeat(["lymphoid", "fibroblast"], 15)).all()


def test_tpm_gives_the_same_lineages(mixture):
    tpm = mixture.copy()
    tpm.X = tpm.X.multiply(1e6 / tpm.X.sum(axis=1)).tocsr()
    logged = log_normalise(tpm, "tpm")
    found = annotate_cells(logged, cluster_cells(logged, CLUSTERING, 1).labels, MARKERS, 0.1)["lineage"]
    assert (found.to_numpy() == mixture.obs["state"].map(STATES).to_numpy()).mean() > 0.99


def test_confidence_asks_for_more_than_the_margin_of_markers_only():
    rows = [("myeloid", 0.14, "markers"), ("myeloid", 0.16, "markers"), ("glial", 0.1, "cohort")]
    rows += [("glial", np.nan, "label"), ("other", 0.0, "celltypist")]
    table = pd.DataFrame(rows, columns=["lineage", "lineage_margin", "lineage_source"])
    by_markers = table["lineage_source"].isin(["markers", "cohort"])
    found = confident_lineages(table["lineage"], table["lineage_margin"], by_markers, 0.1).tolist()
    assert found == ["unknown", "myeloid", "unknown", "glial", "other"]
    # Nothing to lead over is no lead.
    alone = confident_lineages(pd.Series(["myeloid"]), pd.Series([np.nan]), pd.Series([True]), 0.1)
    assert alone.tolist() == ["unknown"]
