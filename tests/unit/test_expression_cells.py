"""Single cells: the same sample from every kind of file, quality control, and what is wrong with a file."""

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from expression_example import (
    SETTINGS,
    counts_of,
    symbols_of,
    table_of,
    two_samples,
    write_tenx_folder,
    write_tenx_h5,
)
from stat3act import tables
from stat3act.expression import h5ad
from stat3act.expression.cells import harmonise_sample
from stat3act.expression.quality import bounds, filter_cells, find_doublets, measure
from stat3act.problems import InputProblems

SYMBOLS = symbols_of(200)
GENES = table_of(SYMBOLS)
LENIENT = {
    **SETTINGS,
    "qc": {**SETTINGS["qc"], "mads": 1000, "mitochondrial_mads": 1000, "max_mitochondrial_percent": 100},
}


def settings(**changes) -> dict:
    return {**LENIENT, **changes}


def values_of(cells: ad.AnnData) -> np.ndarray:
    return cells[:, SYMBOLS].X.toarray()


@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
def test_only_the_rows_of_the_sample_are_taken_from_a_shared_file(tmp_path, layout, monkeypatch):
    # A small block makes the reader go through the file in many steps.
    monkeypatch.setattr(h5ad, "BLOCK", 500)
    both = two_samples()
    expected = both[both.obs["patient"] == "S2"].X.toarray()
    both.X = {"csr": both.X, "csc": both.X.tocsc(), "dense": both.X.toarray()}[layout]
    both.write(tmp_path / "both.h5ad")
    cells, _, quality = harmonise_sample(
        str(tmp_path / "both.h5ad"),
        "two",
        "S2",
        GENES,
        settings(sample_key="patient", cell_type_key="type", malignant_key="dead"),
    )
    assert (values_of(cells) == expected).all()
    assert list(cells.obs_names) == [f"cell{number}" for number in range(1, 60, 2)]
    assert sparse.issparse(cells.X)
    assert cells.X.dtype == np.float32
    assert cells.obs["cell_type"].tolist() == ["Mono", "T", ""] * 10
    assert set(cells.obs["malignant_label"]) == {"no"}
    assert cells.uns["scale"] == "counts"
    assert quality.loc[0, ["sample", "cells_in", "cells_kept", "genes_in"]].tolist() == ["two", 30, 30, 200]
    assert quality.loc[0, "library_size"] == expected.sum()
    assert cells.var.loc["GENE7", ["chromosome", "start", "end", "arm"]].tolist() == ["chr1", 7001.0, 7500.0, "1p"]


@pytest.mark.parametrize("kind", ["folder", "folder.gz", "antibody", "h5", "h5ad", "layer", "raw", "column"])
def test_every_kind_of_file_gives_the_same_cells(tmp_path, kind):
    values = counts_of(50, 200)
    changes, path = {}, tmp_path / "sample"
    if kind in ("folder", "folder.gz", "antibody"):
        write_tenx_folder(path, values, SYMBOLS, compressed=kind != "folder", antibody=kind == "antibody")
    elif kind == "h5":
        path = tmp_path / "sample.h5"
        write_tenx_h5(path, values, SYMBOLS)
    else:
        path = tmp_path / "sample.h5ad"
        names = [f"AAAC{number:04d}-1" for number in range(50)]
        cells = ad.AnnData(values, pd.DataFrame(index=names), pd.DataFrame(index=SYMBOLS))
        logged = values.log1p()
        if kind == "layer":
            cells.layers["umi"], cells.X, changes = values, logged, {"layer": "umi"}
        elif kind == "raw":
            cells.raw = cells.copy()
            cells.X, changes = logged, {"layer": "raw"}
            cells = cells[:, 20:].copy()
        elif kind == "column":
            cells.var["gene_id"] = [f"{name}.3" for name in GENES["ensembl"]]
            cells.var_names, changes = [f"probe{number}" for number in range(200)], {"gene_column": "gene_id"}
        cells.write(path)
    found, _, quality = harmonise_sample(str(path), "S", "S", GENES, settings(**changes))
    assert (values_of(found) == values.toarray()).all()
    assert list(found.obs_names)[:2] == ["AAAC0000-1", "AAAC0001-1"]
    assert quality.loc[0, "genes_kept"] == 200


def test_duplicate_genes_of_a_cell_are_summed(tmp_path):
    cells = two_samples()
    names = list(SYMBOLS)
    names[9] = GENES.loc[8, "ensembl"]
    cells.var_names = names
    cells.write(tmp_path / "d.h5ad")
    found, _, quality = harmonise_sample(str(tmp_path / "d.h5ad"), "S", "S", GENES, LENIENT)
    assert found.n_vars == 199
    assert (found[:, SYMBOLS[8]].X.toarray() == cells.X[:, [8, 9]].sum(axis=1)).all()
    assert quality.loc[0, "genes_merged"] == 1


def test_the_written_file_has_the_same_bytes_each_time(tmp_path):
    two_samples().write(tmp_path / "both.h5ad")
    for name in ("1.h5ad", "2.h5ad"):
        cells, _, _ = harmonise_sample(str(tmp_path / "both.h5ad"), "S", "S", GENES, LENIENT)
        tables.write_h5ad(tmp_path / name, cells)
    assert (tmp_path / "1.h5ad").read_bytes() == (tmp_path / "2.h5ad").read_bytes()


def write_with(path, change) -> str:
    cells = two_samples()
    changed = change(cells)
    (cells if changed is None else changed).write(path)
    return str(path)


def add_missing(cells):
    cells.X.data[3] = np.nan


def halve(cells):
    cells.X = cells.X * 0.5


def mouse(cells):
    cells.var_names = [f"Gene{name[4:]}" if name.startswith("GENE") else name for name in SYMBOLS]


def empty(cells):
    cells.X = cells.X * 0


def no_rows(cells):
    return cells[:0].copy()


def twice(cells):
    cells.obs_names = ["same", "same", *cells.obs_names[2:]]


@pytest.mark.filterwarnings("ignore:Observation names are not unique")
@pytest.mark.parametrize(
    ("change", "changes", "words"),
    [
        (add_missing, {}, ["missing values (NaN)", "gene ", "cell"]),
        (halve, {}, ["are not whole", "expression.layer"]),
        (mouse, {}, ["mouse or rat", "Gene10 is GENE10"]),
        (empty, {}, ["empty matrix"]),
        (no_rows, {}, ["empty matrix"]),
        (twice, {}, ["same", "obs_names_make_unique"]),
        (lambda cells: None, {"sample_key": "donor"}, ["no column 'donor' in .obs", "dead, patient, type"]),
        (lambda cells: None, {"sample_key": "patient"}, ["'S3'", "one of: S1, S2"]),
        (lambda cells: None, {"malignant_key": "cancer"}, ["no column 'cancer'", "compartments.malignant_key"]),
        (lambda cells: None, {"layer": "umi"}, ["no layer 'umi'", "expression.layer"]),
        (lambda cells: cells[:1].copy(), {}, ["1 cell", "at least 20 cells"]),
    ],
)
def test_wrong_files_are_named_with_the_mend(tmp_path, change, changes, words):
    path = write_with(tmp_path / "wrong.h5ad", change)
    with pytest.raises(InputProblems) as error:
        harmonise_sample(path, "S", "S3", GENES, settings(**changes))
    text = str(error.value)
    assert path in text
    assert all(word in text for word in words), text


def test_a_file_that_is_no_hdf5_is_a_problem(tmp_path):
    (tmp_path / "x.h5ad").write_text("not HDF5")
    with pytest.raises(InputProblems, match="no HDF5 file"):
        harmonise_sample(str(tmp_path / "x.h5ad"), "S", "S", GENES, LENIENT)


def test_a_10x_folder_of_two_runs_is_a_problem(tmp_path):
    write_tenx_folder(tmp_path / "s", counts_of(30, 200), SYMBOLS, compressed=False)
    (tmp_path / "s" / "barcodes.tsv").write_text("A\nB\n")
    with pytest.raises(InputProblems, match="200 x 30, 200 features, 2 barcodes"):
        harmonise_sample(str(tmp_path / "s"), "S", "S", GENES, LENIENT)


def test_text_columns_of_every_layout_read_as_text(tmp_path):
    obs = pd.DataFrame(
        {
            "text": ["a", "b", "c"],
            "category": pd.Categorical(["x", None, "x"]),
            "number": [1.0, np.nan, 2.5],
            "whole": [7, 8, 9],
            "flag": [True, False, True],
            "nullable": pd.array([1, None, 3], dtype="Int64"),
        },
        index=["c1", "c2", "c3"],
    )
    ad.AnnData(np.ones((3, 2)), obs=obs).write(tmp_path / "x.h5ad")
    with h5py.File(tmp_path / "x.h5ad") as file:
        node = h5ad.frame(file, "obs")
        assert h5ad.column_names(node) == sorted(obs)
        assert h5ad.read_index(node).tolist() == ["c1", "c2", "c3"]
        assert {name: h5ad.read_column(node, name).tolist() for name in obs} == {
            "text": ["a", "b", "c"],
            "category": ["x", "", "x"],
            "number": ["1", "", "2.5"],
            "whole": ["7", "8", "9"],
            "flag": ["True", "False", "True"],
            "nullable": ["1", "", "3"],
        }


# --- quality control -----------------------------------------------------------------------------------------


def sample_with(*, low: int = 0, dying: int = 0, huge: int = 0, cells: int = 120) -> ad.AnnData:
    """Return cells of one type, with some of few counts, of many mitochondrial counts and of many counts behind."""
    values = counts_of(cells + low + dying + huge, 200).toarray()
    values[cells : cells + low] = np.floor(values[cells : cells + low] / 10)
    values[cells + low : cells + low + dying, :5] += 400
    values[cells + low + dying :] *= 12
    return ad.AnnData(sparse.csr_matrix(values), var=pd.DataFrame(index=SYMBOLS))


def run_qc(cells, scale="counts", **changes):
    return filter_cells(cells, {**SETTINGS["qc"], **changes}, SETTINGS["doublets"], scale, 1)


def test_each_bad_cell_is_counted_once_and_the_good_ones_stay():
    kept, doublets, row = run_qc(sample_with(low=7, dying=9, huge=4))
    assert row["cells_in"] == 140
    assert row["cells_low_counts"] + row["cells_low_genes"] == 7
    assert row["cells_high_mitochondrial"] == 9
    assert row["cells_high_counts"] == 4
    assert row["cells_kept"] == kept.n_obs == 120
    assert row["cells_doublet"] == doublets.n_obs == 0
    assert row["median_mitochondrial_before"] > row["median_mitochondrial_after"]
    assert row["doublet_status"].startswith("not tested")


def test_metrics_by_hand():
    values = sparse.csr_matrix(np.array([[2.0, 0, 6], [0, 0, 5], [0, 0, 0]], dtype=np.float32))
    obs = measure(ad.AnnData(values, var=pd.DataFrame(index=["MT-X", "B", "C"]))).obs
    assert obs["n_counts"].tolist() == [8, 5, 0]
    assert obs["n_genes"].tolist() == [2, 1, 0]
    assert obs["mitochondrial_percent"].tolist() == [25, 0, 0]


def test_equal_cells_all_stay_and_a_slightly_different_one_too():
    values = np.tile(counts_of(1, 200).toarray(), (60, 1))
    values[0] = np.floor(values[0] * 1.3)
    kept, _, row = run_qc(ad.AnnData(sparse.csr_matrix(values), var=pd.DataFrame(index=SYMBOLS)), mads=5)
    assert kept.n_obs == 60
    assert row["cells_in"] == 60


def test_bounds_by_hand():
    assert bounds(np.array([1.0, 2, 3, 4, 100]), 2, 0.1) == (1, 5)
    assert bounds(np.array([5.0, 5, 5]), 5, 0.2) == (4, 6)
    assert bounds(np.array([]), 5, 0.2) == (-np.inf, np.inf)


def test_empty_droplets_do_not_set_the_medians():
    cells = sample_with()
    droplets = sparse.random(2000, 200, density=0.01, random_state=2, format="csr")
    droplets.data[:] = 1
    both = ad.AnnData(sparse.vstack([cells.X, droplets]).tocsr().astype(np.float32), var=cells.var)
    _, _, row = run_qc(both)
    assert row["cells_kept"] == 120
    assert row["cells_low_counts"] == 2000


def test_tpm_knows_no_limits_of_counts_and_no_doublets():
    cells = sample_with(huge=4)
    cells.X = cells.X / 100
    _, _, row = run_qc(cells, "tpm")
    assert row["cells_low_counts"] == row["cells_high_counts"] == 0
    assert row["doublet_status"] == "not tested: expression.doublets.method is none"
    _, scores, status = find_doublets(cells, {**SETTINGS["doublets"], "method": "scrublet"}, "tpm", 1)
    assert status == "not tested: scrublet needs counts, the scale is tpm"
    assert np.isnan(scores).all()


def test_without_mitochondrial_genes_the_percentage_is_unknown_and_no_cell_is_lost():
    cells = sample_with()
    cells.var_names = [f"G{number}" for number in range(200)]
    kept, _, row = run_qc(cells)
    assert kept.n_obs == 120
    assert kept.obs["mitochondrial_percent"].isna().all()
    assert np.isnan(row["median_mitochondrial_after"])


def test_too_few_good_cells_are_a_problem_that_says_where_they_went(tmp_path):
    cells = sample_with(low=100, cells=15)
    cells.write(tmp_path / "few.h5ad")
    with pytest.raises(InputProblems, match=r"15 of 115 cells left .* \(removed: .*100 low counts"):
        harmonise_sample(str(tmp_path / "few.h5ad"), "S", "S", GENES, SETTINGS)


# Above 2,730 cells scanpy would search neighbours in another way.
@pytest.mark.parametrize("number", [300, 3000])
def test_scrublet_finds_planted_doublets_and_repeats_itself(number):
    rng = np.random.default_rng(0)
    profiles = rng.gamma(0.3, size=(4, 400))
    profiles /= profiles.sum(axis=1, keepdims=True)
    kinds = rng.integers(0, 4, size=number)
    singles = rng.poisson(profiles[kinds] * 3000)
    left, right = rng.permutation(number)[: number // 15], rng.permutation(number)[: number // 15]
    mixed = kinds[left] != kinds[right]
    values = np.vstack([singles, singles[left] + singles[right]]).astype(np.float32)
    cells = ad.AnnData(sparse.csr_matrix(values))
    rules = {**SETTINGS["doublets"], "method": "scrublet"}
    called, scores, status = find_doublets(cells, rules, "counts", 7)
    assert status == f"tested, {called.sum()} called"
    assert called[number:][mixed].mean() > 0.8
    assert called[:number].mean() < 0.05
    again = find_doublets(cells, rules, "counts", 7)
    assert (again[1] == scores).all()
    refused = find_doublets(cells, {**rules, "max_rate": 0.01}, "counts", 7)
    assert not refused[0].any()
    assert "max_rate" in refused[2]
    few = find_doublets(cells[:99].copy(), rules, "counts", 7)
    assert few[2] == "not tested: 99 cells, fewer than 100"
