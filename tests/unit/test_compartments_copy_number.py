"""Copy-number profiles against infercnvpy, and evidence that is there only where it was planted."""

import infercnvpy
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from cells_example import COPY_NUMBER, EVENTS, NORMALS, cells_of, donors, pool_of, simulate, tumour
from stat3act.compartments.copy_number import Cells, Trial, compare_cells, find_evidence, window_profiles
from stat3act.compartments.evidence import order_genes
from stat3act.compartments.lent import borrow
from stat3act.compartments.normal import group_means

SIZES = {"chr1": 130, "chr2": 25, "chr3": 26, "chr4": 24, "chr10": 61, "chr21": 3, "chr22": 1, "chrX": 40, "chrY": 5}
THRESHOLD = 8.0


def placed_cells(sizes: dict[str, int], seed: int):
    """Return log values of 40 cells in four groups, the genes in no order."""
    import anndata as ad

    rng = np.random.default_rng(seed)
    names = [(chromosome, place) for chromosome, size in sizes.items() for place in range(size)]
    var = pd.DataFrame(
        {
            "chromosome": [chromosome for chromosome, _ in names],
            "start": [10 * place + 1 for _, place in names],
            "end": [10 * place + 5 for _, place in names],
        },
        index=[f"{chromosome}g{place}" for chromosome, place in names],
    )
    values = rng.poisson(1.2, (40, len(var))) * rng.gamma(1, 1, len(var))
    values[:10] *= np.where(var["chromosome"] == "chr1", 2, 1)
    obs = pd.DataFrame({"group": np.repeat(["tumour", "T", "myeloid", "fibroblast"], 10)}, index=map(str, range(40)))
    order = rng.permutation(len(var))
    return ad.AnnData(sparse.csr_matrix(np.log1p(values[:, order]).astype(np.float32)), obs=obs, var=var.iloc[order])


@pytest.mark.parametrize(
    ("references", "window", "step", "seed"),
    [(["T", "myeloid", "fibroblast"], 25, 5, 1), (["T", "myeloid"], 20, 7, 2), (["T"], 30, 1, 3)],
)
def test_windows_are_those_of_infercnvpy(references, window, step, seed):
    cells = placed_cells(SIZES, seed)
    genome = order_genes(cells.var, window, step)
    group = cells.obs["group"].to_numpy(dtype=object)
    reference = np.isin(group, references)
    expression = sparse.csr_matrix(cells[:, list(genome.genes)].X)
    trial = Trial(~reference, reference, {}, np.nan, expression, genome)
    means = group_means(expression, np.where(reference, group, ""))[1]
    found = window_profiles(trial, np.arange(40), means)
    _, expected, _ = infercnvpy.tl.infercnv(
        cells,
        reference_key="group",
        reference_cat=references,
        window_size=window,
        step=step,
        dynamic_threshold=None,
        n_jobs=1,
        inplace=False,
    )
    assert found.shape == expected.shape and found.dtype == np.float32
    assert np.abs(expected.toarray()).max() > 0.1
    assert np.abs(found - expected.toarray()).max() < 1e-5


def roles(cells: Cells) -> tuple[np.ndarray, np.ndarray]:
    candidate = (cells.lineage == "epithelial") & (cells.cluster != "")
    return candidate, ~candidate & (cells.lineage != "unknown")


def evidence_of(adata, seed: int = 1) -> Trial:
    cells = cells_of(adata)
    return find_evidence(cells, *roles(cells), COPY_NUMBER, seed)


def test_only_the_altered_cluster_has_evidence():
    adata = tumour(EVENTS, normal=40)
    trial = evidence_of(adata)
    assert trial.threshold == THRESHOLD
    assert trial.evidence["0"] > 2 * THRESHOLD and abs(trial.evidence["1"]) < THRESHOLD / 2
    assert trial.clusters == ["0"]


def test_order_of_cells_and_genes_does_not_matter():
    adata = tumour(EVENTS, normal=40)
    rng = np.random.default_rng(2)
    turned = evidence_of(adata[rng.permutation(adata.n_obs), rng.permutation(adata.n_vars)].copy())
    trial = evidence_of(adata)
    assert turned.genome == trial.genome and turned.threshold == trial.threshold
    assert turned.evidence == pytest.approx(trial.evidence, rel=1e-3, abs=1e-3)


def test_normal_lineages_that_look_altered_leave_the_reference():
    """T cells with a gain of their own are no reference, and do not silence the tumour."""
    odd = [(*part[:3], {"chr5": 2.0} if part[0] == "T" else {}) for part in NORMALS]
    trial = evidence_of(simulate([("malignant", "epithelial", 60, EVENTS), *odd]))
    assert trial.threshold == THRESHOLD


def test_pieces_of_one_clone_are_tested_together():
    """Each shows it half-way, together they show it clearly."""
    parts = [(f"piece{number}", "epithelial", 14, {"chr7": 1.35, "chr10": 0.7}) for number in range(10)]
    pieces = evidence_of(simulate([*parts, *NORMALS], depth=3000))
    alone = evidence_of(simulate([parts[0], *NORMALS], depth=3000))
    assert THRESHOLD / 2 < alone.evidence["3"] < THRESHOLD
    assert len(pieces.clusters) >= 5 and len({pieces.evidence[name] for name in pieces.clusters}) == 1


def test_small_clusters_are_not_tested_and_few_genes_not_compared():
    adata = simulate([("malignant", "epithelial", 60, EVENTS), ("few", "epithelial", 9, EVENTS), *NORMALS])
    assert len(evidence_of(adata).evidence) == 1
    adata.var["chromosome"] = ""
    trial = evidence_of(adata)
    assert np.isnan(trial.threshold) and trial.evidence == {} and trial.clusters == []


def test_profiles_show_the_planted_chromosomes_and_normal_cells_none():
    adata = tumour(EVENTS, normal=40)
    cells = cells_of(adata)
    trial = find_evidence(cells, *roles(cells), COPY_NUMBER, 1)
    profiles = compare_cells(cells, trial)
    assert profiles.shape == (190, 22 * 26) and profiles.dtype == np.float32
    truth = adata.obs["truth"].to_numpy()
    chromosome = np.repeat([f"chr{number}" for number in range(1, 23)], 26)
    mean = {name: profiles[truth == name].mean(axis=0) for name in set(truth)}
    for name, factor in EVENTS.items():
        own = mean["malignant"][chromosome == name].mean()
        assert np.sign(own) == np.sign(factor - 1) and abs(own) > 0.1
    for name in ("normal epithelium", "T", "fibroblast", "macrophage"):
        shown = [mean[name][chromosome == other].mean() for other in set(chromosome)]
        assert max(map(abs, shown)) < 0.08


def test_reference_cells_are_compared_with_others_only():
    """T cells with macrophages and fibroblasts, the tumour cells with all three."""
    adata = tumour(EVENTS)
    cells = cells_of(adata)
    trial = find_evidence(cells, *roles(cells), COPY_NUMBER, 1)
    profiles = compare_cells(cells, trial)
    for name, others in (
        ("lymphoid", ["fibroblast", "myeloid"]),
        ("epithelial", ["fibroblast", "lymphoid", "myeloid"]),
    ):
        rows = np.flatnonzero(cells.lineage == name)
        known = np.where(np.isin(cells.lineage, others), cells.lineage, "")
        expected = window_profiles(trial, rows, group_means(trial.expression, known)[1])
        np.testing.assert_allclose(profiles[rows], expected, atol=1e-5)


def test_cells_of_no_role_have_no_profile_and_unknown_ones_have():
    adata = simulate([("malignant", "epithelial", 60, EVENTS), ("odd", "no state", 12, EVENTS), *NORMALS])
    cells = cells_of(adata)
    candidate, reference = roles(cells)
    reference &= adata.obs["truth"].to_numpy() != "T"
    profiles = compare_cells(cells, find_evidence(cells, candidate, reference, COPY_NUMBER, 1))
    missing = np.isnan(profiles).all(axis=1)
    assert set(adata.obs["truth"][missing]) == {"T"} and not np.isnan(profiles[~missing]).any()


def test_borrowed_cells_of_a_batch_are_no_evidence():
    """Donors differ in every gene; a normal sample compared with them stays below what donors show of each other."""
    adata = simulate([("normal epithelium", "epithelial", 80, {})], batch=9)
    cells = borrow(cells_of(adata), pool_of(donors(2)), "own")
    trial = find_evidence(cells, *roles(cells), COPY_NUMBER, 1)
    assert trial.evidence["0"] < trial.threshold / 2
