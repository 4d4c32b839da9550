"""Reference profiles: export of a single-cell cohort, reading, and what is refused."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from stat3act.compartments.pseudobulk import sum_units
from stat3act.compartments.reference import (
    check_against_bulk,
    export_reference,
    is_tumour_label,
    lineage_of_label,
    read_reference,
)
from stat3act.problems import InputProblems
from stat3act.tables import read_table, write_matrix, write_table

GENES = ["A", "B", "C"]


PATIENTS = {"s1": "p1", "s2": "p1", "s3": "p2"}


def pseudobulk():
    """Return sums over the cells of every unit of three samples of two patients."""
    first = {
        "tumour|epithelial": [6, 1, 1],
        "tumour|unknown": [2, 0, 0],
        "microenvironment|myeloid": [1, 1, 8],
        "microenvironment|fibroblast": [2, 2, 0],
        "microenvironment|epithelial": [0, 0, 5],
        "microenvironment|unknown": [7, 0, 0],
        "uncertain|epithelial": [9, 9, 9],
        "uncertain|unknown": [9, 9, 9],
    }
    second = {"tumour|epithelial": [2, 2, 6], "microenvironment|myeloid": [40, 0, 0]}
    third = {"tumour|epithelial": [0, 0, 30], "microenvironment|myeloid": [0, 10, 0], "uncertain|lymphoid": [5, 5, 5]}
    tables = {"s1": first, "s2": second, "s3": third}
    return {name: pd.DataFrame(table, index=GENES, dtype=float) for name, table in tables.items()}


def units():
    rows = [
        ("s1", "tumour", "epithelial", 24), ("s1", "tumour", "unknown", 6), ("s1", "microenvironment", "myeloid", 20),
        ("s1", "microenvironment", "fibroblast", 20), ("s1", "microenvironment", "epithelial", 25),
        ("s1", "microenvironment", "unknown", 90), ("s1", "uncertain", "epithelial", 90),
        ("s1", "uncertain", "unknown", 90), ("s2", "tumour", "epithelial", 10),
        ("s2", "microenvironment", "myeloid", 50), ("s3", "tumour", "epithelial", 5),
        ("s3", "microenvironment", "myeloid", 5), ("s3", "uncertain", "lymphoid", 90),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["sample", "compartment", "lineage", "n_cells"])


def exported(min_cells: int = 20):
    return export_reference(pseudobulk(), units(), PATIENTS, min_cells)


def test_export_by_hand():
    table = exported()
    np.testing.assert_allclose(table.sum(), 1e6)
    found = {name.rsplit("|", 2)[0]: table[name] / 1e6 for name in table}
    # p1: both samples and both lineages summed. p2 has 5 cells and is left out.
    np.testing.assert_allclose(found["tumour|p1"], np.array([10, 3, 7]) / 20)
    # Myeloid: mean of the profiles of s1 and s2, whatever their depth; s3 has too few cells.
    np.testing.assert_allclose(found["microenvironment|myeloid"], np.array([1.1, 0.1, 0.8]) / 2)
    np.testing.assert_allclose(found["microenvironment|fibroblast"], [0.5, 0.5, 0])
    # Normal epithelium is a state of the microenvironment.
    np.testing.assert_allclose(found["microenvironment|epithelial"], [0, 0, 1])


def test_states_are_named_with_cells_and_patients_and_tumour_comes_first():
    table = exported()
    names = [name.split("|") for name in table]
    assert [tuple(name[:2]) for name in names] == [
        ("tumour", "p1"),
        ("microenvironment", "epithelial"),
        ("microenvironment", "fibroblast"),
        ("microenvironment", "myeloid"),
    ]
    numbers = {name[1]: (int(name[2]), int(name[3])) for name in names}
    assert numbers["p1"] == (40, 1) and numbers["fibroblast"] == (20, 1) and numbers["epithelial"] == (25, 1)


def test_numbers_count_the_cells_that_stand_behind_the_profile():
    """The five myeloid cells of s3 are too few to speak, and p2 has no others."""
    (name,) = [name for name in exported() if "myeloid" in name]
    assert name == "microenvironment|myeloid|70|1"


def test_lineages_with_few_cells_in_every_sample_are_summed():
    table = export_reference(pseudobulk(), units().assign(n_cells=8), PATIENTS, min_cells=20)
    # 8 + 8 + 8 cells of three samples of two patients: their sums, not the mean of noisy profiles.
    np.testing.assert_allclose(table["microenvironment|myeloid|24|2"], np.array([41, 11, 8]) / 60 * 1e6)
    np.testing.assert_allclose(table["tumour|p1|24|1"], np.array([10, 3, 7]) / 20 * 1e6)
    assert table.shape[1] == 2


def test_uncertain_cells_and_unknown_lineages_are_in_no_state():
    table = exported(min_cells=1)
    lineages = {name.split("|")[1] for name in table}
    assert lineages == {"p1", "p2", "epithelial", "fibroblast", "myeloid"}
    without = units()[units()["compartment"] != "uncertain"]
    pd.testing.assert_frame_equal(table, export_reference(pseudobulk(), without, PATIENTS, 1))


def test_genes_missing_in_a_sample_are_left_out():
    tables = pseudobulk()
    tables["s2"] = tables["s2"].drop(index="B")
    table = export_reference(tables, units(), PATIENTS, 20)
    assert table.index.tolist() == ["A", "C"]
    np.testing.assert_allclose(table.sum(), 1e6)


def test_depth_of_a_sample_does_not_matter_to_the_microenvironment():
    tables = pseudobulk()
    tables["s2"] *= 1000
    columns = [name for name in exported() if name.startswith("micro")]
    again = export_reference(tables, units(), PATIENTS, 20)
    pd.testing.assert_frame_equal(exported()[columns], again[columns])


def test_export_does_not_depend_on_the_order_of_samples():
    turned = dict(reversed(pseudobulk().items()))
    pd.testing.assert_frame_equal(exported(), export_reference(turned, units()[::-1], PATIENTS, min_cells=20))


def test_a_cohort_of_too_few_cells_has_no_states():
    assert exported(min_cells=1000).shape == (3, 0)


def test_round_trip(tmp_path):
    write_table(tmp_path / "reference.tsv", exported().reset_index())
    reference = read_reference(tmp_path / "reference.tsv")
    np.testing.assert_allclose(reference.profiles, exported() / 1e6, rtol=1e-5)
    assert reference.states["compartment"].tolist() == ["tumour", *["microenvironment"] * 3]
    assert reference.states["lineage"].tolist() == ["p1", "epithelial", "fibroblast", "myeloid"]
    assert reference.states["n_cells"].tolist()[:3] == [40, 25, 20]
    assert reference.is_tumour.tolist() == [True, False, False, False]


def test_the_units_of_a_sample_become_its_reference(tmp_path):
    """From cells to the reference of a bulk cohort, through the files of the workflow."""
    rng = np.random.default_rng(1)
    kinds = [("tumour", "epithelial"), ("microenvironment", "myeloid"), ("uncertain", "epithelial")]
    labels = pd.DataFrame([kinds[row % 3] for row in range(90)], columns=["compartment", "lineage"])
    labels["cell"] = [f"c{row}" for row in range(90)]
    obs = pd.DataFrame(index=labels["cell"])
    cells = ad.AnnData(rng.poisson(2.0, (90, 3)).astype(np.float32), obs=obs, var=pd.DataFrame(index=GENES))
    matrix, meta = sum_units(cells, labels, "s1")
    write_matrix(tmp_path / "s1.parquet", matrix)
    write_table(tmp_path / "s1.tsv", meta)
    read = pd.read_parquet(tmp_path / "s1.parquet"), read_table(tmp_path / "s1.tsv")
    table = export_reference({"s1": read[0]}, read[1], {"s1": "patient 1"}, 20)
    write_table(tmp_path / "reference.tsv", table.reset_index())
    reference = read_reference(tmp_path / "reference.tsv")
    assert reference.profiles.columns.tolist() == ["tumour|patient 1|30|1", "microenvironment|myeloid|30|1"]
    expected = cells.X[::3].sum(axis=0)
    np.testing.assert_allclose(reference.profiles.iloc[:, 0], expected / expected.sum(), rtol=1e-5)


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


@pytest.mark.parametrize(
    "name",
    [
        "myeloid",
        "tumour|p|x|1",
        "tumour|p|1",
        "tumour|p|12|",
        "tumour|p||1",
        "bulk|p|1|1",
        "uncertain|p|1|1",
        "a|b|c|1|1",
    ],
)
def test_wrong_column_names_are_refused(tmp_path, name):
    columns = {"tumour|p|1|1": 1.0, "microenvironment|myeloid|1|1": 1.0, name: 1.0}
    write_table(tmp_path / "reference.tsv", pd.DataFrame({"gene": GENES, **columns}))
    text, number = problems_of(lambda: read_reference(tmp_path / "reference.tsv"))
    assert number == 1 and name in text


def test_missing_map_is_refused(tmp_path):
    path = profiles_file(tmp_path)
    (tmp_path / "ref_map.tsv").unlink()
    assert "ref_map.tsv" in problems_of(lambda: read_reference(path))[0]


def test_no_shared_genes_is_refused(tmp_path):
    reference = read_reference(profiles_file(tmp_path))
    text, _ = problems_of(lambda: check_against_bulk(reference, pd.Index(["ENSG1", "ENSG2"]), "ref.parquet"))
    assert "0 genes shared" in text
    check_against_bulk(reference, pd.Index(GENES), "ref.parquet", min_shared=3)
