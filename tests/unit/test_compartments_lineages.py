"""Lineages by markers: the bundled table, the score, the margin, small and one-sided samples."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cells_example import CLUSTERING, MARKERS, SETTINGS, simulate
from stat3act.compartments.labels import label_cells, label_lineages, label_malignant
from stat3act.compartments.lineages import (
    annotate_cells,
    by_size,
    call_cluster,
    check_markers,
    cluster_cells,
    log_normalise,
    score_states,
)
from stat3act.problems import InputProblems

NETWORKS = Path(__file__).parents[2] / "resources/networks"
STATES = {
    "T": "lymphoid",
    "B": "lymphoid",
    "plasma": "lymphoid",
    "macrophage or monocyte": "myeloid",
    "mast": "myeloid",
    "fibroblast": "fibroblast",
    "endothelial": "endothelial",
    "epithelial": "epithelial",
    "melanocyte": "melanocytic",
    "astrocyte": "glial",
    "mature oligodendrocyte": "other",
    "erythroid": "erythroid",
    "haematopoietic progenitor": "progenitor",
}


@pytest.fixture(scope="module")
def mixture():
    """25 cells of every state."""
    return simulate([(state, state, 25, {}) for state in STATES])


def annotate(adata, margin: float = 0.1) -> pd.DataFrame:
    logged = log_normalise(adata, "counts")
    return annotate_cells(logged, cluster_cells(logged, CLUSTERING, 1).labels, MARKERS, margin)


def test_bundled_markers_are_a_marker_table():
    check_markers(MARKERS)
    assert MARKERS["source"].str.contains("doi 10.").all()
    positive = MARKERS[MARKERS["sign"] == 1].groupby("state").size()
    assert positive.min() >= 5


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


def test_three_cells_make_one_cluster():
    logged = log_normalise(simulate([("a", "T", 3, {})]), "counts")
    assert set(cluster_cells(logged, CLUSTERING, 1).labels) == {"0"}


def test_tpm_gives_the_same_lineages(mixture):
    tpm = mixture.copy()
    tpm.X = tpm.X.multiply(1e6 / tpm.X.sum(axis=1)).tocsr()
    logged = log_normalise(tpm, "tpm")
    found = annotate_cells(logged, cluster_cells(logged, CLUSTERING, 1).labels, MARKERS, 0.1)["lineage"]
    assert (found.to_numpy() == mixture.obs["state"].map(STATES).to_numpy()).mean() > 0.99


def test_clusters_are_the_same_twice_and_dense_or_sparse(mixture):
    logged = log_normalise(mixture, "counts")
    first = cluster_cells(logged, CLUSTERING, 5).labels
    assert (first == cluster_cells(logged, CLUSTERING, 5).labels).all()
    dense = mixture.copy()
    dense.X = dense.X.toarray()
    assert (first == cluster_cells(log_normalise(dense, "counts"), CLUSTERING, 5).labels).all()


def test_clusters_are_named_by_size():
    assert list(by_size(pd.Series(list("abbcbc")))) == ["2", "0", "0", "1", "0", "1"]


def test_unknown_scale_is_refused(mixture):
    with pytest.raises(ValueError, match="scale 'log2'"):
        log_normalise(mixture, "log2")


def test_labels_are_translated():
    labels = pd.Series(["Mono", "CTL", "", "fibroblast"], index=list("abcd"))
    found = label_lineages(labels, {"myeloid": ["Mono"], "lymphoid": ["CTL"]}, "s")
    assert found.to_dict() == {"a": "myeloid", "b": "lymphoid", "c": "unknown", "d": "fibroblast"}


def test_every_wrong_label_is_listed_with_its_cells():
    labels = pd.Series(["Mono", "Mono", "CTL", "NK"])
    mapping = {"immune": ["X"], "myeloid": ["NK"], "lymphoid": ["NK"]}
    with pytest.raises(InputProblems) as caught:
        label_lineages(labels, mapping, "sample s")
    told = [(problem.file, problem.value) for problem in caught.value.problems]
    assert told == [
        ("config", "immune"),
        ("config", "'NK' under lymphoid and myeloid"),
        ("sample s", "'CTL' in 1 cells"),
        ("sample s", "'Mono' in 2 cells"),
    ]


def test_other_malignant_values_are_uncertain():
    found = label_malignant(pd.Series(["yes", "no", "", "?"]), ["yes"], ["no"], "s")
    assert found.tolist() == ["malignant", "non-malignant", "uncertain", "uncertain"]
    with pytest.raises(InputProblems, match="yes"):
        label_malignant(pd.Series(["yes"]), ["yes"], ["yes"], "s")


def test_users_labels_win_over_markers():
    cells = simulate([("a", "T", 10, {}), ("b", "fibroblast", 10, {})])
    cells.obs["cell_type"] = ["odd"] * 10 + ["T cell"] * 9 + [""]
    cells.obs["malignant_label"] = ["malignant"] * 10 + ["normal"] * 9 + ["?"]
    settings = {
        **SETTINGS,
        "cell_type_key": "x",
        "malignant_key": "y",
        "lineages": {"myeloid": ["odd"], "lymphoid": ["T cell"]},
    }
    found = label_cells(cells, settings, "carcinoma", MARKERS, 1)
    assert found["lineage"].tolist() == ["myeloid"] * 10 + ["lymphoid"] * 9 + ["unknown"]
    assert found["compartment"].tolist() == ["tumour"] * 10 + ["microenvironment"] * 9 + ["uncertain"]
    assert set(found["lineage_source"]) == set(found["malignant_source"]) == {"label"}
    assert found["malignant_probability"].isna().all() and (found["cluster"] == "").all()


def test_lineages_are_found_beside_malignant_labels():
    cells = simulate([("a", "T", 20, {}), ("b", "fibroblast", 20, {})])
    cells.obs["malignant_label"] = ["normal"] * 39 + ["malignant"]
    found = label_cells(cells, {**SETTINGS, "malignant_key": "y"}, "sarcoma", MARKERS, 1)
    assert found["lineage"].tolist() == ["lymphoid"] * 20 + ["fibroblast"] * 20
    assert found["malignant_call"].tolist() == ["non-malignant"] * 39 + ["malignant"]
