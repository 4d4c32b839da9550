"""Reference profiles: export of a single-cell cohort, reading, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from stat3act.compartments.reference import (
    check_against_bulk,
    export_reference,
    is_tumour_label,
    lineage_of_label,
    read_reference,
)
from stat3act.problems import InputProblems
from stat3act.tables import write_table

GENES = ["A", "B", "C"]


def pseudobulk():
    first = {"tumour": [8, 1, 1], "microenvironment": [3, 3, 14], "myeloid": [1, 1, 8], "fibroblast": [2, 2, 0]}
    second = {"tumour": [2, 2, 6], "microenvironment": [40, 0, 0], "myeloid": [40, 0, 0]}
    third = {"tumour": [0, 0, 30], "microenvironment": [0, 10, 0], "myeloid": [0, 10, 0]}
    tables = {"s1": first, "s2": second, "s3": third}
    return {name: pd.DataFrame(table, index=GENES, dtype=float) for name, table in tables.items()}


def cells():
    rows = [
        ("s1", "tumour", 30), ("s1", "microenvironment", 60), ("s1", "myeloid", 20), ("s1", "fibroblast", 20),
        ("s2", "tumour", 10), ("s2", "microenvironment", 50), ("s2", "myeloid", 50),
        ("s3", "tumour", 5), ("s3", "microenvironment", 5), ("s3", "myeloid", 5),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["sample", "compartment", "n_cells"])


def exported():
    return export_reference(pseudobulk(), cells(), {"s1": "p1", "s2": "p1", "s3": "p2"}, min_cells=20)


def test_export_by_hand():
    table = exported()
    assert list(table.columns) == [
        "tumour|p1|40",
        "microenvironment|fibroblast|20",
        "microenvironment|myeloid|75",
        "microenvironment|other|20",
    ]
    np.testing.assert_allclose(table.sum(), 1e6)
    # p1: both samples summed. p2 has 5 cells and is left out.
    np.testing.assert_allclose(table["tumour|p1|40"], np.array([10, 3, 7]) / 20 * 1e6)
    # Myeloid: mean of the profiles of s1 and s2, whatever their depth; s3 has too few cells.
    np.testing.assert_allclose(table["microenvironment|myeloid|75"], np.array([1.1, 0.1, 0.8]) / 2 * 1e6)
    # What the microenvironment holds beyond its lineages.
    np.testing.assert_allclose(table["microenvironment|other|20"], [0, 0, 1e6])


def test_export_does_not_depend_on_the_order_of_samples():
    turned = dict(reversed(pseudobulk().items()))
    again = export_reference(turned, cells()[::-1], {"s1": "p1", "s2": "p1", "s3": "p2"}, min_cells=20)
    pd.testing.assert_frame_equal(exported(), again)


def test_round_trip(tmp_path):
    write_table(tmp_path / "reference.tsv", exported().reset_index())
    reference = read_reference(tmp_path / "reference.tsv")
    np.testing.assert_allclose(reference.profiles, exported() / 1e6, rtol=1e-5)
    assert reference.states["compartment"].tolist() == ["tumour", *["microenvironment"] * 3]
    assert reference.states["lineage"].tolist() == ["p1", "fibroblast", "myeloid", "other"]
    assert reference.states["n_cells"].tolist() == [40, 20, 75, 20]


def profiles_file(folder, profiles=None, labels=("Cancer Epithelial", "CAFs", "T-cells")):
    profiles = pd.DataFrame(np.eye(3) + 0.1, index=GENES, columns=["x1", "x2", "x3"]) if profiles is None else profiles
    profiles.to_parquet(folder / "ref_profiles.parquet")
    write_table(folder / "ref_map.tsv", pd.DataFrame({"cell_type": labels, "cell_state": profiles.columns}))
    return folder / "ref_profiles.parquet"


def test_profiles_file_with_map(tmp_path):
    reference = read_reference(profiles_file(tmp_path))
    np.testing.assert_allclose(reference.profiles.sum(), 1)
    assert reference.states["compartment"].tolist() == ["tumour", "microenvironment", "microenvironment"]
    assert reference.states["lineage"].tolist() == ["x1", "fibroblast", "lymphoid"]


def test_names_of_the_config_decide_where_words_do_not(tmp_path):
    path = profiles_file(tmp_path, labels=("Clone 1", "CAFs", "weird"))
    reference = read_reference(path, malignant_values=["Clone 1"], lineages={"endothelial": ["weird"]})
    assert reference.states["compartment"].tolist() == ["tumour", "microenvironment", "microenvironment"]
    assert reference.states["lineage"].tolist()[1:] == ["fibroblast", "endothelial"]


@pytest.mark.parametrize(
    ("label", "tumour"),
    [
        ("Melanoma cells", True),
        ("Cancer Epithelial", True),
        ("malignant", True),
        ("Acute myeloid leukemia", True),
        ("Cancer associated fibroblasts", False),
        ("Normal Epithelial", False),
        ("non-malignant", False),
        ("Tumor-infiltrating lymphocytes", False),
        ("Leukocytes", False),
        ("Fibroblast cells", False),
    ],
)
def test_tumour_labels(label, tumour):
    assert is_tumour_label(label) is tumour


@pytest.mark.parametrize(
    ("label", "lineage"),
    [
        ("Macrophages/Monocytes", "myeloid"),
        ("Tcell", "lymphoid"),
        ("regulatory T cells", "lymphoid"),
        ("Natural killer cells", "lymphoid"),
        ("DC", "myeloid"),
        ("PVL", "other"),
        ("Endothelial", "endothelial"),
    ],
)
def test_lineage_labels(label, lineage):
    assert lineage_of_label(label) == lineage


def problems_of(call):
    with pytest.raises(InputProblems) as caught:
        call()
    return " | ".join(str(problem) for problem in caught.value.problems), len(caught.value.problems)


def test_everything_wrong_is_one_list(tmp_path):
    bad = pd.DataFrame({"x1": [-1.0, 1, 1], "x2": [0.0, 0, 0], "x3": [1.0, np.nan, 1]}, index=["A", "A", "B"])
    path = profiles_file(tmp_path, bad, labels=("B cells", "CAFs", "T-cells"))
    text, number = problems_of(lambda: read_reference(path))
    assert number == 5
    for words in ("more than one row", "negative", "missing or infinite", "all zero", "none of the tumour"):
        assert words in text


def test_only_tumour_is_refused(tmp_path):
    path = profiles_file(tmp_path, labels=("Cancer", "Melanoma", "Tumour"))
    assert "none of the microenvironment" in problems_of(lambda: read_reference(path))[0]


def test_wrong_column_names_are_refused(tmp_path):
    write_table(tmp_path / "reference.tsv", pd.DataFrame({"gene": GENES, "myeloid": 1.0, "tumour|p|x": 1.0}))
    assert problems_of(lambda: read_reference(tmp_path / "reference.tsv"))[1] == 2


def test_missing_map_is_refused(tmp_path):
    path = profiles_file(tmp_path)
    (tmp_path / "ref_map.tsv").unlink()
    assert "ref_map.tsv" in problems_of(lambda: read_reference(path))[0]


def test_no_shared_genes_is_refused(tmp_path):
    reference = read_reference(profiles_file(tmp_path))
    text, _ = problems_of(lambda: check_against_bulk(reference, pd.Index(["ENSG1", "ENSG2"]), "ref.parquet"))
    assert "0 genes shared" in text
    check_against_bulk(reference, pd.Index(GENES), "ref.parquet", min_shared=3)
