"""What the headers of a sheet's files show before any job runs."""

import subprocess
import sys
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from expression_example import SETTINGS, counts_of, symbols_of, two_samples, write_tenx_folder, write_tenx_h5
from stat3act.expression.headers import check_headers

BULK = {"type": "bulk", "scale": "counts", "gene_column": None, "layer": None}
CELLS = {"type": "single_cell", "sample_key": None, "layer": None, "gene_column": None, "qc": SETTINGS["qc"]}
NO_LABELS = {"cell_type_key": None, "malignant_key": None, "mutation_key": None}


def sheet(*rows: tuple[str, str] | tuple[str, str, str]) -> list[dict]:
    return [dict(zip(("sample", "path", "column"), row, strict=False)) for row in rows]


def bulk(rows, folder, **changes):
    return check_headers(rows, {**BULK, **changes}, NO_LABELS, folder, "samples.tsv")


def cells(rows, folder, labels=NO_LABELS, **changes):
    return check_headers(rows, {**CELLS, **changes}, labels, folder, "samples.tsv")


@pytest.fixture
def matrix(tmp_path) -> Path:
    table = pd.DataFrame(np.ones((3, 3)), index=["STAT3", "SOCS3", "IL6"], columns=["TCGA-A1-01A-11R", "T2", "T3"])
    table.to_csv(tmp_path / "m.tsv", sep="\t", index_label="gene")
    table.to_csv(tmp_path / "m.csv.gz", index_label="gene")
    table.to_parquet(tmp_path / "m.parquet")
    table.reset_index(names="symbol").to_parquet(tmp_path / "plain.parquet")
    ad.AnnData(np.ones((3, 3)), pd.DataFrame(index=table.columns), pd.DataFrame(index=table.index)).write(
        tmp_path / "m.h5ad"
    )
    return tmp_path


@pytest.mark.parametrize("name", ["m.tsv", "m.csv.gz", "m.parquet", "plain.parquet", "m.h5ad"])
def test_samples_are_looked_for_in_every_kind_of_matrix(matrix, name):
    assert bulk(sheet(("T2", name), ("X", name, "T3")), matrix) == []
    missing, gene = bulk(sheet(("T2", name), ("TCGA-A1-01A", name), ("gene", name)), matrix)
    assert (missing.file, missing.where) == ("samples.tsv", "row 3, column 'sample'")
    assert "'TCGA-A1-01A', which is not among" in missing.value
    assert name in missing.value
    assert "T2, T3" in missing.expected
    assert "'TCGA-A1-01A-11R' into column `column`" in missing.mend
    assert gene.where == "row 4, column 'sample'"


def test_every_wrong_file_is_in_one_list(matrix):
    (matrix / "m.xlsx").write_text("x")
    (matrix / "zero.tsv").write_text("")
    (matrix / "head.tsv").write_text("gene\tA\n")
    (matrix / "semi.csv").write_text("gene;A\nSTAT3;1\n")
    (matrix / "bad.tsv.gz").write_text("no gzip")
    (matrix / "bad.parquet").write_text("no parquet")
    (matrix / "twice.tsv").write_text("gene\tA\tA\nSTAT3\t1\t2\n")
    names = ["mm.tsv", ".", "m.xlsx", "zero.tsv", "head.tsv", "semi.csv", "bad.tsv.gz", "bad.parquet", "twice.tsv"]
    problems = bulk(sheet(*((f"S{number}", name) for number, name in enumerate(names[:-1])), ("A", names[-1])), matrix)
    assert [problem.where.split(",")[0] for problem in problems] == [f"row {number}" for number in range(2, 11)]
    words = [
        "is it 'm.tsv'",
        "a folder",
        "unknown suffix",
        "empty file",
        "header without rows",
        "separated by commas",
        "not readable as text",
        "no Parquet",
        "2 times",
    ]
    assert all(word in str(problem) for word, problem in zip(words, problems, strict=True))
    assert all(name in str(problem) for name, problem in zip(names, problems, strict=True))


def test_a_shared_file_that_is_missing_is_one_problem(matrix):
    (problem,) = bulk(sheet(("A", "x.tsv"), ("B", "x.tsv"), ("C", "x.tsv")), matrix)
    assert problem.where == "row 2, column 'path' (and 2 more rows with this file)"


@pytest.mark.parametrize("name", ["m.tsv", "m.parquet", "m.h5ad"])
def test_a_gene_column_that_is_not_there(matrix, name):
    (problem,) = bulk(sheet(("T2", name)), matrix, gene_column="symbol")
    assert "no column 'symbol'" in problem.value
    assert "expression.gene_column" in str(problem)


def test_row_numbers_of_the_sheet_are_used_when_given(matrix):
    rows = [{"sample": "X", "path": "m.tsv", "row": "B"}]  # a sheet's own column of that name means nothing
    (problem,) = check_headers(rows, BULK, NO_LABELS, matrix, "samples.tsv", [7])
    assert problem.where == "row 7, column 'sample'"


def test_right_cells_have_no_problems(tmp_path):
    two_samples().write(tmp_path / "both.h5ad")
    write_tenx_folder(tmp_path / "run", counts_of(30, 50), symbols_of(50), compressed=True)
    write_tenx_h5(tmp_path / "run.h5", counts_of(30, 50), symbols_of(50))
    labels = {"cell_type_key": "type", "malignant_key": "dead", "mutation_key": "patient"}
    rows = sheet(("S1", "both.h5ad"), ("second", "both.h5ad", "S2"))
    assert cells(rows, tmp_path, labels, sample_key="patient") == []
    assert cells(sheet(("A", "run"), ("B", "run.h5"), ("C", "both.h5ad")), tmp_path) == []


def test_an_h5ad_without_the_named_things(tmp_path):
    two_samples().write(tmp_path / "both.h5ad")
    labels = {"cell_type_key": "cluster", "malignant_key": "cancer", "mutation_key": "mutant"}
    rows = sheet(("S1", "both.h5ad"))
    problems = cells(rows, tmp_path, labels, layer="umi", gene_column="gene_id", sample_key="donor")
    words = ["'umi'", "'gene_id'", "'cluster'", "'cancer'", "'mutant'", "'donor'"]
    assert all(word in problem.value for word, problem in zip(words, problems, strict=True))
    assert "one of its columns: dead, patient, type" in problems[5].expected
    assert problems[5].mend == "correct `expression.sample_key` in the config"


def test_samples_absent_from_the_key_and_samples_of_one_cell(tmp_path):
    both = two_samples()
    both.obs["patient"] = pd.Categorical(["S2", *["S1"] * 59], categories=["S1", "S2", "unused"])
    both.write(tmp_path / "both.h5ad")
    rows = sheet(("S1", "both.h5ad"), ("S2", "both.h5ad"), ("S-1", "both.h5ad"), ("unused", "both.h5ad"))
    problems = cells(rows, tmp_path, sample_key="patient")
    assert {problem.where for problem in problems} == {f"row {row}, column 'sample'" for row in (3, 4, 5)}
    assert "'S2' has 1 cell in both.h5ad" in problems[0].value
    assert "at least 20 cells" in problems[0].expected
    assert "not among the values of .obs['patient']" in problems[1].value
    assert "one of: S1, S2" in problems[2].expected


def test_two_rows_cannot_share_a_file_without_a_key(tmp_path):
    two_samples().write(tmp_path / "both.h5ad")
    (problem,) = cells(sheet(("S1", "both.h5ad"), ("S2", "both.h5ad")), tmp_path)
    assert problem.where == "row 3, column 'path'"
    assert "the file of row 2 again" in problem.value
    assert "expression.sample_key" in problem.mend


def test_empty_and_damaged_single_cell_files(tmp_path):
    two_samples()[:0].copy().write(tmp_path / "empty.h5ad")
    (tmp_path / "bad.h5ad").write_text("no HDF5")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "matrix.mtx").write_text("x")
    write_tenx_folder(tmp_path / "broken", counts_of(30, 50), symbols_of(50), compressed=False)
    (tmp_path / "broken" / "matrix.mtx").write_text("1 2 3\n")
    two_samples().write(tmp_path / "anndata.h5ad")
    (tmp_path / "anndata.h5ad").rename(tmp_path / "anndata.h5")
    write_tenx_folder(tmp_path / "small", counts_of(3, 50), symbols_of(50), compressed=True)
    names = ["empty.h5ad", "bad.h5ad", "folder", "broken", "anndata.h5", "small"]
    problems = cells(sheet(*((name, name) for name in names)), tmp_path)
    text = "\n".join(str(problem) for problem in problems)
    words = [
        "empty matrix",
        "no HDF5 file",
        "without features.tsv, barcodes.tsv",
        "MatrixMarket",
        "no 10x matrix",
        "3 cells",
    ]
    assert all(word in text for word in words)
    assert {problem.where.split(",")[0] for problem in problems} == {f"row {row}" for row in range(2, 8)}


@pytest.mark.parametrize("key", list(NO_LABELS))
def test_labels_need_an_h5ad(tmp_path, key):
    write_tenx_folder(tmp_path / "run", counts_of(30, 50), symbols_of(50), compressed=True)
    (problem,) = cells(sheet(("A", "run")), tmp_path, {**NO_LABELS, key: "type"})
    assert "which has no .obs" in problem.value
    assert f"compartments.{key}" in problem.mend


def test_the_checks_import_nothing_heavy(matrix):
    two_samples().write(matrix / "both.h5ad")
    code = (
        "import sys; sys.path[:0] = sys.argv[1:2]\n"
        "from stat3act.expression.headers import check_headers\n"
        "light = not {'h5py', 'pyarrow'} & set(sys.modules)\n"
        "bulk = {'type': 'bulk', 'gene_column': None, 'layer': None}\n"
        "cells = {**bulk, 'type': 'single_cell', 'sample_key': None, 'qc': {'min_cells': 1}}\n"
        "none = dict.fromkeys(['cell_type_key', 'malignant_key', 'mutation_key'])\n"
        "found = check_headers([{'sample': 'T2', 'path': 'm.parquet'}], bulk, none, sys.argv[2])\n"
        "found += check_headers([{'sample': 'S1', 'path': 'both.h5ad'}], cells, none, sys.argv[2])\n"
        "print(light, found, sorted({'anndata', 'scanpy', 'pandas'} & set(sys.modules)))\n"
    )
    scripts = Path(__file__).parents[2] / "workflow" / "scripts"
    run = subprocess.run([sys.executable, "-c", code, scripts, matrix], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "True [] []"
