"""Declared scales: accepted when right, refused with the fitting declaration when wrong; log2 by hand."""

import numpy as np
import pytest
from scipy import sparse

from stat3act.expression.scale import check_scale, to_log2

RNG = np.random.default_rng(7)
GENES = [f"G{number}" for number in range(2000)]
SAMPLES = ["A", "B", "C"]


def example(scale: str) -> np.ndarray:
    """Return 2,000 genes x 3 samples as such a platform gives them."""
    abundance = np.random.default_rng(7).lognormal(0, 2.5, size=(2000, 1)) * np.ones((1, 3))
    tpm = abundance / abundance.sum(axis=0) * 1e6
    return {
        "counts": np.random.default_rng(8).poisson(tpm * 20).astype(float),
        "tpm": tpm,
        "fpkm": tpm * 0.41,
        "rsem": tpm * 17.3,
        "log2": np.log2(tpm + 1),
        "log2_ratio": np.random.default_rng(9).normal(0, 1.1, size=(2000, 3)),
    }[scale]


def problems(values, scale):
    return check_scale(values, scale, GENES, SAMPLES, "m.tsv")


@pytest.mark.parametrize("scale", ["counts", "tpm", "fpkm", "rsem", "log2", "log2_ratio"])
def test_the_right_declaration_is_accepted(scale):
    assert problems(example(scale), scale) == []


@pytest.mark.parametrize(
    ("found", "declared", "mend"),
    [
        ("tpm", "counts", "expression.scale: tpm"),
        ("rsem", "counts", "expression.scale: rsem"),
        ("log2", "counts", "expression.scale: log2"),
        ("log2_ratio", "counts", "log2_ratio"),
        ("counts", "tpm", "expression.scale: counts"),
        ("rsem", "tpm", "expression.scale: rsem"),
        ("log2", "tpm", "expression.scale: log2"),
        ("log2_ratio", "tpm", "log2_ratio"),
        ("counts", "rsem", "expression.scale: counts"),
        ("counts", "fpkm", "expression.scale: counts"),
        ("log2", "fpkm", "expression.scale: log2"),
        ("log2", "rsem", "expression.scale: log2"),
        ("counts", "log2", "expression.scale: counts"),
        ("tpm", "log2", "expression.scale: tpm"),
        ("log2_ratio", "log2", "expression.scale: log2_ratio"),
        ("counts", "log2_ratio", "expression.scale: counts"),
        ("rsem", "log2_ratio", "expression.scale: tpm` (or `fpkm`, `rsem`)"),
        ("log2", "log2_ratio", "expression.scale: log2"),
    ],
)
def test_a_wrong_declaration_is_one_problem_that_names_the_right_one(found, declared, mend):
    (problem,) = problems(example(found), declared)
    assert problem.file == "m.tsv"
    assert mend in problem.mend
    assert problem.value
    assert problem.expected


def test_tpm_declared_as_counts_says_what_was_seen():
    (problem,) = problems(example("tpm"), "counts")
    assert problem.where.startswith("gene G0, A")
    assert "adds up to a million, as TPM does" in problem.value
    assert "whole numbers" in problem.expected


def test_tpm_of_a_part_of_the_genes_is_still_tpm():
    values = example("tpm")
    values[0] = 0
    values *= 0.35
    assert problems(values, "tpm") == []


def test_log2_with_a_small_offset_is_log2():
    values = example("tpm")
    values[::2] = 0
    assert problems(np.log2(values + 0.001), "log2") == []


def test_missing_and_infinite_values_are_counted_and_named():
    values = example("counts")
    values[5, 1] = np.nan
    values[[7, 8, 9, 10], 2] = np.inf
    missing, infinite = problems(values, "counts")
    assert missing.where == "gene G5, B"
    assert missing.value.startswith("1 missing values (NaN)")
    assert infinite.where == "gene G7, C"
    assert infinite.value.startswith("4 infinite values")
    assert infinite.value.endswith(", ...")


def test_the_logarithm_of_zero_gets_its_own_mend():
    values = example("tpm")
    values[3] = 0
    with np.errstate(divide="ignore"):
        (problem,) = problems(np.log2(values), "log2")
    assert "x + 1" in problem.mend


def test_negative_values_are_named():
    values = example("rsem")
    values[4, 0] = -0.5
    (problem,) = problems(values, "rsem")
    assert problem.where == "gene G4, A"
    assert "-0.5" in problem.value


def test_a_sample_without_expression_is_named():
    values = example("counts")
    values[:, 1] = 0
    (problem,) = problems(values, "counts")
    assert problem.where == "sample B"


def test_rounding_within_the_tolerance_is_whole():
    assert problems(example("counts") + 1e-5, "counts") == []


def test_cells_are_checked_through_their_stored_values():
    cells = sparse.random(40, 2000, density=0.1, random_state=1, format="csr")
    cells.data = np.floor(cells.data * 50) + 1
    names = [f"cell{number}" for number in range(40)]
    assert check_scale(cells, "counts", GENES, names, "c.h5ad") == []
    (problem,) = check_scale(cells, "tpm", GENES, names, "c.h5ad")
    assert "expression.scale: counts" in problem.mend
    cells.data[cells.indptr[3]] = 0.25
    (problem,) = check_scale(cells, "counts", GENES, names, "c.h5ad")
    assert problem.where == f"gene G{cells.indices[cells.indptr[3]]}, cell3"
    assert "expression.layer" in problem.mend
    cells.data[cells.indptr[5]] = np.nan
    assert "missing" in check_scale(cells, "counts", GENES, names, "c.h5ad")[0].value


def test_cells_of_tpm_over_ten_are_tpm():
    cells = sparse.csr_matrix(example("tpm").T / 10)
    assert check_scale(cells, "tpm", GENES, SAMPLES, "c.h5ad") == []


def test_log2_by_hand():
    counts = np.array([[1.0, 0], [3, 500_000], [0, 500_000]])
    log2, linear = to_log2(counts, "counts")
    assert linear is counts
    assert log2[0, 0] == pytest.approx(np.log2(250_001))
    assert log2[1].tolist() == pytest.approx([np.log2(750_001), np.log2(500_001)])
    assert log2[2, 0] == 0
    log2, linear = to_log2(counts, "tpm")
    assert linear.sum(axis=0).tolist() == pytest.approx([1e6, 1e6])
    assert log2[1, 0] == pytest.approx(np.log2(750_001))
    log2, linear = to_log2(counts, "log2")
    assert log2 is counts
    assert linear is None


def test_the_scale_of_a_sample_does_not_matter_on_linear_scales():
    values = example("rsem")
    one, _ = to_log2(values, "rsem")
    two, _ = to_log2(values * np.array([1, 7, 0.3]), "rsem")
    assert one == pytest.approx(two)
