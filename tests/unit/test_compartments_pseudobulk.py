"""Pseudobulk: sums by hand and by pandas, order and storage do not matter, and how samples come together."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from stat3act import tables
from stat3act.compartments import COMPARTMENTS, LINEAGE_COMPARTMENTS
from stat3act.compartments.pseudobulk import (
    META_COLUMNS,
    count_compartments,
    gather_pseudobulk,
    log2_cpm,
    sum_compartments,
    sum_units,
)
from stat3act.problems import InputProblems

SMALL = [
    ("epithelial", "tumour"),
    ("myeloid", "tumour"),
    ("myeloid", "microenvironment"),
    ("lymphoid", "microenvironment"),
    ("lymphoid", "uncertain"),
]
VALUES = [[1, 0, 2], [3, 0, 0], [0, 5, 0], [0, 7, 1], [9, 9, 9]]


def cells_of(values, genes=None) -> ad.AnnData:
    values = np.asarray(values, dtype=np.float32)
    names = genes or [f"G{column}" for column in range(values.shape[1])]
    obs = pd.DataFrame(index=[f"c{row}" for row in range(len(values))])
    return ad.AnnData(sparse.csr_matrix(values), obs=obs, var=pd.DataFrame(index=names))


def labels_of(pairs: list[tuple[str, str]]) -> pd.DataFrame:
    table = pd.DataFrame(pairs, columns=["lineage", "compartment"])
    return table.assign(cell=[f"c{row}" for row in range(len(table))])


def units_of(pairs: list[tuple[str, str]], values=None, genes=None, sample: str = "s"):
    return sum_units(cells_of(VALUES[: len(pairs)] if values is None else values, genes), labels_of(pairs), sample)


def counted(pairs: dict[tuple[str, str], int], min_cells: int = 20) -> dict[str, str]:
    """Return the reason of every compartment of a sample with these numbers of cells."""
    meta = pd.DataFrame(
        [(*pair, number) for pair, number in pairs.items()], columns=["lineage", "compartment", "n_cells"]
    )
    return count_compartments(meta.assign(sample="s"), min_cells).set_index("compartment")["reason"].to_dict()


@pytest.fixture(scope="module")
def random_sample():
    """80 cells of eight kinds."""
    rng = np.random.default_rng(4)
    kinds = [("fibroblast", "microenvironment"), ("endothelial", "microenvironment"), ("unknown", "uncertain"), *SMALL]
    pairs = [kinds[row] for row in rng.integers(len(kinds), size=80)]
    return cells_of(rng.poisson(1.0, (80, 12))), labels_of(pairs)


def test_sums_by_hand():
    matrix, meta = units_of(SMALL)
    assert matrix.columns.tolist() == [
        "microenvironment|lymphoid",
        "microenvironment|myeloid",
        "tumour|epithelial",
        "tumour|myeloid",
        "uncertain|lymphoid",
    ]
    assert matrix.T.to_numpy().tolist() == [[0, 7, 1], [0, 5, 0], [1, 0, 2], [3, 0, 0], [9, 9, 9]]
    assert (matrix.dtypes == np.float64).all() and matrix.index.name == "gene"
    assert meta.columns.tolist() == list(META_COLUMNS)
    assert meta["n_cells"].tolist() == [1] * 5 and set(meta["sample"]) == {"s"}
    assert meta["n_genes"].tolist() == [2, 1, 2, 1, 3] and meta["total"].tolist() == [8, 5, 3, 3, 27]


def test_compartments_by_hand():
    found = sum_compartments(*units_of(SMALL))
    assert found["tumour"].tolist() == [4, 0, 2]
    assert found["microenvironment"].tolist() == [0, 12, 1]
    assert found["myeloid"].tolist() == [0, 5, 0]  # the malignant myeloid cell is not in it
    assert found["lymphoid"].tolist() == [0, 7, 1]  # nor the uncertain lymphoid one
    assert found["bulk"].tolist() == [13, 21, 12]
    assert found.columns.tolist() == ["tumour", "microenvironment", "myeloid", "lymphoid", "bulk"]


def test_units_are_those_of_pandas(random_sample):
    cells, labels = random_sample
    matrix, meta = sum_units(cells, labels, "s")
    table = pd.DataFrame(cells.X.toarray(), index=cells.obs_names, columns=cells.var_names)
    keys = labels.set_index("cell").loc[table.index]
    grouped = table.groupby([keys["compartment"] + "|" + keys["lineage"]])
    assert (matrix == grouped.sum().T.astype(float)).all(axis=None)
    assert meta["n_cells"].tolist() == grouped.size().tolist()
    assert (meta["compartment"] + "|" + meta["lineage"]).tolist() == matrix.columns.tolist()


def test_units_add_up_to_compartments_and_to_bulk(random_sample):
    cells, labels = random_sample
    matrix, meta = sum_units(cells, labels, "s")
    found = sum_compartments(matrix, meta)
    everything = np.asarray(cells.X.sum(axis=0)).ravel()
    assert (found["bulk"].to_numpy() == everything).all() and (matrix.sum(axis=1) == found["bulk"]).all()
    uncertain = matrix.filter(like="uncertain|").sum(axis=1)
    assert (found["tumour"] + found["microenvironment"] + uncertain == found["bulk"]).all()
    assert (found[list(LINEAGE_COMPARTMENTS)].sum(axis=1) == found["microenvironment"]).all()
    numbers = count_compartments(meta, 1).set_index("compartment")["n_cells"]
    assert numbers["bulk"] == meta["n_cells"].sum() == 80
    assert numbers["tumour"] + numbers["microenvironment"] == (labels["compartment"] != "uncertain").sum()


def test_order_of_cells_and_storage_do_not_matter(random_sample):
    cells, labels = random_sample
    matrix, meta = sum_units(cells, labels, "s")
    order = np.random.default_rng(0).permutation(len(labels))
    dense = cells.copy()
    dense.X = cells.X.toarray()
    for other in ((cells[order].copy(), labels), (cells, labels.iloc[order]), (dense, labels)):
        again = sum_units(*other, "s")
        pd.testing.assert_frame_equal(matrix, again[0])
        pd.testing.assert_frame_equal(meta, again[1])


def test_duplicated_cells_double_sums_and_keep_expression(random_sample):
    cells, labels = random_sample
    twice = ad.concat([cells, cells], keys=["a", "b"], index_unique="-")
    both = pd.concat([labels.assign(cell=labels["cell"] + "-" + key) for key in "ab"])
    one, meta_one = sum_units(cells, labels, "s")
    two, meta_two = sum_units(twice, both, "s")
    pd.testing.assert_frame_equal(2 * one, two)
    first, _ = gather_pseudobulk({"s": one}, {"s": meta_one}, "counts", 2)
    second, _ = gather_pseudobulk({"s": two}, {"s": meta_two}, "counts", 2)
    np.testing.assert_allclose(first.X, second.X)


def test_large_counts_lose_no_unit():
    matrix, _ = units_of([("myeloid", "microenvironment")] * 2, [[2**24], [1]])
    assert matrix.loc["G0", "microenvironment|myeloid"] == 2**24 + 1


@pytest.mark.filterwarnings("ignore:Variable names are not unique:UserWarning")
def test_labels_of_other_cells_are_refused():
    with pytest.raises(ValueError, match="not those of its cells"):
        sum_units(cells_of(VALUES), labels_of(SMALL[:-1]), "s")
    with pytest.raises(ValueError, match="not those of its cells"):
        sum_units(cells_of(VALUES), labels_of(SMALL).assign(cell="c0"), "s")
    with pytest.raises(ValueError, match="gene names repeat"):
        units_of(SMALL, genes=["A", "A", "B"])


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ({("epithelial", "uncertain"): 50, ("myeloid", "microenvironment"): 5}, "UNCERTAIN_CELLS"),
        ({("unknown", "uncertain"): 20}, "UNCERTAIN_CELLS"),
        ({("epithelial", "uncertain"): 19, ("myeloid", "microenvironment"): 50}, "LOW_CELLS"),
        ({("myeloid", "microenvironment"): 50}, "LOW_CELLS"),
        ({("epithelial", "tumour"): 19}, "LOW_CELLS"),
        ({("epithelial", "tumour"): 20, ("epithelial", "uncertain"): 50}, ""),
    ],
)
def test_a_tumour_that_was_not_called_is_not_a_tumour_that_is_not_there(pairs, expected):
    assert counted(pairs)["tumour"] == expected


def test_reasons_of_a_lineage_look_at_its_own_uncertain_cells():
    found = counted(
        {("lymphoid", "uncertain"): 30, ("lymphoid", "microenvironment"): 3, ("myeloid", "microenvironment"): 3}
    )
    assert found["lymphoid"] == "UNCERTAIN_CELLS"
    assert found["myeloid"] == found["fibroblast"] == "LOW_CELLS"
    assert found["microenvironment"] == found["tumour"] == "UNCERTAIN_CELLS"
    assert found["bulk"] == "" and list(found) == list(COMPARTMENTS)
    assert counted({("lymphoid", "uncertain"): 5})["bulk"] == "LOW_CELLS"


def gathered():
    first, second = (
        units_of(SMALL, genes=["A", "B", "C"], sample="s1"),
        units_of(SMALL, genes=["C", "B", "D"], sample="s0"),
    )
    return gather_pseudobulk({"s1": first[0], "s0": second[0]}, {"s1": first[1], "s0": second[1]}, "counts", 2)


def test_genes_missing_in_a_sample_are_left_out_and_never_zero():
    adata, _ = gathered()
    assert adata.var_names.tolist() == ["B", "C"]
    tumour = adata["s1|tumour"]
    assert tumour.layers["linear"].tolist() == [[0, 2]]
    assert tumour.X.tolist() == [[0, pytest.approx(np.log2(1e6 + 1))]]
    assert adata["s0|tumour"].layers["linear"].tolist() == [[0, 4]]


def test_gathered_rows_and_composition():
    adata, composition = gathered()
    assert adata.obs_names[0] == "s0|tumour" and adata.n_obs == 10
    assert adata.obs.columns.tolist() == ["sample", "compartment", "n_cells", "reason"]
    assert adata.obs.loc["s1|myeloid", "reason"] == "LOW_CELLS"
    assert adata.X.dtype == np.float32 and adata.uns["scale"] == "counts"
    assert composition.columns.tolist() == ["sample", "compartment", "n_cells", "fraction", "reason"]
    assert len(composition) == 2 * len(COMPARTMENTS)
    rows = composition.set_index(["sample", "compartment"])
    assert rows.loc[("s1", "tumour"), "fraction"] == pytest.approx(0.4) and rows.loc[("s1", "tumour"), "reason"] == ""
    assert (rows.xs("bulk", level="compartment")["fraction"] == 1).all()
    # One cell of five is uncertain.
    parts = rows.loc["s1"].loc[["tumour", "microenvironment"], "fraction"]
    assert parts.sum() == pytest.approx(0.8)


def test_the_order_of_samples_does_not_matter():
    first, second = units_of(SMALL, sample="a"), units_of(SMALL[:3], sample="b")
    one, table = gather_pseudobulk({"a": first[0], "b": second[0]}, {"a": first[1], "b": second[1]}, "counts", 2)
    two, same = gather_pseudobulk({"b": second[0], "a": first[0]}, {"b": second[1], "a": first[1]}, "counts", 2)
    assert one.obs.equals(two.obs) and (one.X == two.X).all()
    pd.testing.assert_frame_equal(table, same)


def test_reasons_survive_a_table_on_disk(tmp_path):
    matrix, meta = units_of(SMALL, sample="7")
    tables.write_table(tmp_path / "meta.tsv", meta)
    tables.write_matrix(tmp_path / "matrix.parquet", matrix)
    read = tables.read_table(tmp_path / "meta.tsv")
    adata, composition = gather_pseudobulk({"7": pd.read_parquet(tmp_path / "matrix.parquet")}, {"7": read}, "tpm", 2)
    assert adata.obs["reason"].tolist() == ["", "", "LOW_CELLS", "LOW_CELLS", ""]
    assert composition["reason"].notna().all() and set(composition["sample"]) == {"7"}
    tables.write_h5ad(tmp_path / "all.h5ad", adata)
    assert ad.read_h5ad(tmp_path / "all.h5ad").obs_names[0] == "7|tumour"


def test_samples_without_a_common_gene_are_reported():
    one, two = units_of(SMALL[:1], [[1]], ["A"], "a"), units_of(SMALL[:1], [[1]], ["B"], "b")
    with pytest.raises(InputProblems, match="none of them in all of a, b"):
        gather_pseudobulk({"a": one[0], "b": two[0]}, {"a": one[1], "b": two[1]}, "counts", 2)


def test_log2_cpm_of_an_empty_row_is_zero():
    assert log2_cpm(np.array([[0.0, 0.0], [1.0, 3.0]])).tolist() == [
        [0, 0],
        [pytest.approx(np.log2(250_001)), pytest.approx(np.log2(750_001))],
    ]
