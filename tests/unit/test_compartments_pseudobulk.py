"""Pseudobulk: sums by hand, order and storage do not matter, and how samples come together."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from stat3act.compartments.labels import CELL_COLUMNS
from stat3act.compartments.pseudobulk import COMPARTMENTS, gather_pseudobulk, log2_cpm, sum_compartments
from stat3act.problems import InputProblems

COMPARTMENT = {"malignant": "tumour", "non-malignant": "microenvironment", "uncertain": "uncertain"}


def cells_of(values, genes=None) -> ad.AnnData:
    values = np.asarray(values, dtype=np.float32)
    names = genes or [f"G{column}" for column in range(values.shape[1])]
    obs = pd.DataFrame(index=[f"c{row}" for row in range(len(values))])
    return ad.AnnData(sparse.csr_matrix(values), obs=obs, var=pd.DataFrame(index=names))


def labels_of(pairs: list[tuple[str, str]]) -> pd.DataFrame:
    table = pd.DataFrame(pairs, columns=["lineage", "malignant_call"])
    table["cell"] = [f"c{row}" for row in range(len(table))]
    table["compartment"] = table["malignant_call"].map(COMPARTMENT)
    return table.reindex(columns=list(CELL_COLUMNS))


SMALL = [
    ("epithelial", "malignant"),
    ("myeloid", "malignant"),
    ("myeloid", "non-malignant"),
    ("lymphoid", "non-malignant"),
    ("lymphoid", "uncertain"),
]
VALUES = [[1, 0, 2], [3, 0, 0], [0, 5, 0], [0, 7, 1], [9, 9, 9]]


@pytest.fixture
def random_sample():
    rng = np.random.default_rng(4)
    kinds = [("fibroblast", "non-malignant"), ("endothelial", "non-malignant"), *SMALL]
    pairs = [kinds[row] for row in rng.integers(len(kinds), size=80)]
    return cells_of(rng.poisson(1.0, (80, 12))), labels_of(pairs)


def test_sums_by_hand():
    matrix, meta = sum_compartments(cells_of(VALUES), labels_of(SMALL), "s")
    assert matrix["tumour"].tolist() == [4, 0, 2]
    assert matrix["microenvironment"].tolist() == [0, 12, 1]
    assert matrix["myeloid"].tolist() == [0, 5, 0]  # the malignant myeloid cell is not in it
    assert matrix["lymphoid"].tolist() == [0, 7, 1]
    assert matrix["bulk"].tolist() == [13, 21, 12]
    assert "fibroblast" not in matrix
    meta = meta.set_index("compartment")
    assert meta.index.tolist() == list(COMPARTMENTS)
    assert meta["n_cells"].tolist() == [2, 2, 0, 0, 1, 1, 5]
    assert meta.loc["tumour", ["n_genes", "total"]].tolist() == [2, 6]
    assert (matrix.dtypes == np.float64).all()


def test_order_of_cells_and_storage_do_not_matter(random_sample):
    cells, labels = random_sample
    matrix, meta = sum_compartments(cells, labels, "s")
    order = np.random.default_rng(0).permutation(len(labels))
    shuffled, _ = sum_compartments(cells[order].copy(), labels, "s")
    relabelled, _ = sum_compartments(cells, labels.iloc[order], "s")
    dense = cells.copy()
    dense.X = cells.X.toarray()
    as_dense, meta_dense = sum_compartments(dense, labels, "s")
    for other in (shuffled, relabelled, as_dense):
        pd.testing.assert_frame_equal(matrix, other)
    pd.testing.assert_frame_equal(meta, meta_dense)


def test_lineages_and_calls_add_up(random_sample):
    cells, labels = random_sample
    matrix, meta = sum_compartments(cells, labels, "s")
    uncertain = cells.X.toarray()[(labels["compartment"] == "uncertain").to_numpy()].sum(axis=0)
    assert (matrix["bulk"] - matrix["tumour"] - matrix["microenvironment"]).tolist() == uncertain.tolist()
    lineages = matrix[["fibroblast", "endothelial", "myeloid", "lymphoid"]].sum(axis=1)
    assert lineages.tolist() == matrix["microenvironment"].tolist()
    assert meta.set_index("compartment").loc["bulk", "n_cells"] == 80


def test_duplicated_cells_double_sums_and_keep_expression(random_sample):
    cells, labels = random_sample
    twice = ad.concat([cells, cells], keys=["a", "b"], index_unique="-")
    both = pd.concat([labels.assign(cell=labels["cell"] + "-" + key) for key in "ab"])
    one, meta_one = sum_compartments(cells, labels, "s")
    two, meta_two = sum_compartments(twice, both, "s")
    pd.testing.assert_frame_equal(2 * one, two)
    first, _ = gather_pseudobulk({"s": one}, [meta_one], "counts", 2)
    second, _ = gather_pseudobulk({"s": two}, [meta_two], "counts", 2)
    assert np.allclose(first.X, second.X)


def test_large_counts_lose_no_unit():
    matrix, _ = sum_compartments(cells_of([[2**24], [1]]), labels_of([("myeloid", "non-malignant")] * 2), "s")
    assert matrix.loc["G0", "bulk"] == 2**24 + 1


def test_labels_of_other_cells_are_refused():
    with pytest.raises(ValueError, match="not those of its cells"):
        sum_compartments(cells_of(VALUES), labels_of(SMALL[:-1]), "s")
    with pytest.raises(ValueError, match="gene names repeat"):
        sum_compartments(cells_of(VALUES, ["A", "A", "B"]), labels_of(SMALL), "s")


def gathered():
    first = sum_compartments(cells_of(VALUES, ["A", "B", "C"]), labels_of(SMALL), "s1")
    second = sum_compartments(cells_of(VALUES, ["C", "B", "D"]), labels_of(SMALL), "s0")
    return gather_pseudobulk({"s1": first[0], "s0": second[0]}, [first[1], second[1]], "counts", 2)


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
    assert len(composition) == 14
    row = composition.set_index(["sample", "compartment"]).loc[("s1", "tumour")]
    assert row["fraction"] == pytest.approx(0.4) and row["reason"] == ""


def test_reasons_survive_a_table_on_disk(tmp_path):
    from stat3act import tables

    matrix, meta = sum_compartments(cells_of(VALUES), labels_of(SMALL), "7")
    tables.write_table(tmp_path / "meta.tsv", meta)
    tables.write_matrix(tmp_path / "matrix.parquet", matrix)
    read = tables.read_table(tmp_path / "meta.tsv", dtype={"sample": str})
    adata, composition = gather_pseudobulk({"7": pd.read_parquet(tmp_path / "matrix.parquet")}, [read], "tpm", 2)
    assert adata.obs["reason"].tolist() == ["", "", "LOW_CELLS", "LOW_CELLS", ""]
    assert composition["reason"].notna().all()
    tables.write_h5ad(tmp_path / "all.h5ad", adata)
    assert ad.read_h5ad(tmp_path / "all.h5ad").obs_names[0] == "7|tumour"


def test_samples_without_a_common_gene_are_reported():
    first = sum_compartments(cells_of([[1]], ["A"]), labels_of(SMALL[:1]), "a")
    second = sum_compartments(cells_of([[1]], ["B"]), labels_of(SMALL[:1]), "b")
    with pytest.raises(InputProblems, match="none of them in all of a, b"):
        gather_pseudobulk({"a": first[0], "b": second[0]}, [first[1], second[1]], "counts", 2)


def test_log2_cpm_of_an_empty_row_is_zero():
    assert log2_cpm(np.array([[0.0, 0.0], [1.0, 3.0]])).tolist() == [
        [0, 0],
        [pytest.approx(np.log2(250_001)), pytest.approx(np.log2(750_001))],
    ]
