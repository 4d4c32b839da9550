"""Lineages and malignant calls on real single cells, without their labels; genes harmonised as the workflow does."""

import time

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from cells_example import DEFAULTS, MARKERS, ROOT, reasons
from single_cell.samples import KANG, PURAM
from stat3act.compartments.cells import Labels, find_lineages, label_cells
from stat3act.compartments.lent import pool_cells
from stat3act.compartments.pseudobulk import gather_pseudobulk, sum_units
from stat3act.expression.genes import GeneLanguage, map_genes, sum_rows
from stat3act.tables import read_text_table

pytestmark = pytest.mark.real

AML_LINEAGES = {
    "lymphoid": ["T", "CTL", "NK", "B", "Plasma", "ProB"],
    "myeloid": [f"{name}{like}" for name in ("Mono", "ProMono", "GMP", "cDC") for like in ("", "-like")] + ["pDC"],
    "progenitor": [f"{name}{like}" for name in ("HSC", "Prog") for like in ("", "-like")],
    "erythroid": ["earlyEry", "lateEry"],
}


@pytest.fixture(scope="session")
def language():
    return GeneLanguage(read_text_table(ROOT / "resources/genes/genes.tsv"))


@pytest.fixture(scope="session")
def read(data_dir, language):
    """Return a reader of a file of the collection: current symbols, rows of one symbol summed, genes placed."""

    def reader(path: str, unlog=None) -> ad.AnnData:
        given = ad.read_h5ad(data_dir / path)
        values = given.X.tocsr().astype(np.float32)
        if unlog is not None:
            values.data = unlog(values.data)
        genes = map_genes(given.var_names, language, np.asarray(values.sum(axis=0)).ravel(), path)
        summed = sum_rows(values.T.tocsr(), genes).T.tocsr()
        summed.sort_indices()
        return ad.AnnData(summed, obs=given.obs, var=language.positions(genes.symbols))

    return reader


def label_cohort(samples: dict[str, ad.AnnData], tumour_type: str, scale: str, **changes) -> dict[str, Labels]:
    """Label the samples of a cohort as the workflow does: lineages, the pool of normal cells, calls."""
    settings, start = {**DEFAULTS, **changes}, time.perf_counter()
    passes = {
        name: find_lineages(cells, settings, tumour_type, MARKERS, 1, scale, name) for name, cells in samples.items()
    }
    pool = pool_cells([lent for _, lent in passes.values()])
    found = {
        name: label_cells(cells, passes[name][0], pool, settings, tumour_type, MARKERS, 1, scale, name)
        for name, cells in samples.items()
    }
    count = sum(cells.n_obs for cells in samples.values())
    print(f"{len(samples)} samples, {count} cells, {time.perf_counter() - start:.1f} s")
    return found


def f1(found: Labels, truth: pd.Series) -> float:
    called, malignant = (np.asarray(x) == "malignant" for x in (found.cells["malignant_call"], truth))
    return 2 * (called & malignant).sum() / (called.sum() + malignant.sum())


@pytest.fixture(scope="module")
def oligodendroglioma(read):
    return read("single_cell/oligodendroglioma_infercnv.h5ad")


def test_oligodendroglioma_without_labels(oligodendroglioma):
    cells = oligodendroglioma
    found = label_cohort({"all": cells}, "glioma", "tpm")["all"]
    print(pd.crosstab(cells.obs["annotation"].to_numpy(), found.cells["malignant_call"]))
    print(found.arms.head(5).to_string())
    reached = f1(found, cells.obs["malignant"])
    print(f"F1 {reached:.3f}")
    assert reached >= 0.95
    microglia = (cells.obs["annotation"] == "Microglia/Macrophage").to_numpy()
    assert not (found.cells.loc[microglia, "malignant_call"] == "malignant").any()
    assert set(found.arms["arm"].head(2)) == {"1p", "19q"}


def test_oligodendroglioma_patient_by_patient_with_the_pool(oligodendroglioma):
    """Two of four tumours brought no normal cells: they borrow those of the others."""
    cells = oligodendroglioma
    samples = {name: cells[cells.obs["patient"] == name].copy() for name in sorted(cells.obs["patient"].unique())}
    found = label_cohort(samples, "glioma", "tpm")
    reached = {}
    for name, part in samples.items():
        calls, normal = found[name].cells["malignant_call"], (part.obs["malignant"] == "non-malignant").to_numpy()
        print(name, dict(calls[~normal].value_counts()), "normal", dict(calls[normal].value_counts()))
        print(found[name].arms.head(3).to_string(), reasons(found[name]))
        if not normal.all():
            reached[name] = f1(found[name], part.obs["malignant"])
        assert not (calls[normal] == "malignant").any()
        # Uncertain at the worst.
        assert not (calls[~normal] == "non-malignant").any()
        if (calls == "malignant").sum() >= 10:
            # Beside a further arm of its own: 12p in MGH36, 13q in MGH53.
            assert {"1p", "19q"} <= set(found[name].arms["arm"].head(3))
    print({name: round(value, 3) for name, value in reached.items()})
    assert len(reached) == 4 and min(reached.values()) >= 0.95


def test_without_the_pool_tumours_without_normal_cells_are_uncertain(oligodendroglioma):
    cells = oligodendroglioma
    for name in ("MGH93", "MGH97"):
        part = cells[cells.obs["patient"] == name].copy()
        lineages, _ = find_lineages(part, DEFAULTS, "glioma", MARKERS, 1, "tpm", name)
        found = label_cells(part, lineages, None, DEFAULTS, "glioma", MARKERS, 1, "tpm", name)
        assert set(found.cells["malignant_call"]) == {"uncertain"}
        assert reasons(found) <= {"FEW_NORMAL_CELLS", "NO_LINEAGE"}


def test_carcinoma_agrees_with_another_tool(read):
    cells = read("single_cell/copykat_example_302cells.h5ad")
    found = label_cohort({"all": cells}, "carcinoma", "counts")["all"]
    table = pd.crosstab(cells.obs["copykat.pred"].to_numpy(), found.cells["malignant_call"])
    print(table, found.clusters[["n_cells", "lineage", "evidence", "threshold", "reason"]], sep="\n")
    assert table.loc["aneuploid", "malignant"] / table.loc["aneuploid"].sum() >= 0.95
    assert table.loc["diploid", "non-malignant"] / table.loc["diploid"].sum() >= 0.95


@pytest.fixture(scope="module")
def marrow(read):
    """AML marrows and healthy donors by sample."""
    cells = read("single_cell/aml_vangalen_D0_multi_patient.h5ad")
    return {sample: cells[cells.obs["sample"] == sample].copy() for sample in sorted(cells.obs["sample"].unique())}


def test_no_marrow_cell_is_malignant_without_evidence(marrow):
    found, rows = label_cohort(marrow, "haematological", "counts"), []
    truth_of = {label: lineage for lineage, labels in AML_LINEAGES.items() for label in labels}
    for sample, cells in marrow.items():
        calls = found[sample].cells["malignant_call"].to_numpy()
        if sample.startswith("BM"):
            assert (calls == "malignant").mean() <= 0.02
        normal = (cells.obs["malignant"] == "non-malignant").to_numpy()
        assert (calls[normal] == "malignant").sum() <= 0.05 * normal.sum()
        lineage = found[sample].cells["lineage"].to_numpy()
        right = lineage == cells.obs["CellType"].astype(str).map(truth_of).to_numpy()
        known = lineage != "unknown"
        rows.append((sample, len(calls), (calls == "uncertain").mean(), known.mean(), right[known].mean()))
    table = pd.DataFrame(rows, columns=["sample", "cells", "uncertain", "known", "right_of_known"]).set_index("sample")
    print(table.round(3).to_string())
    assert table.loc[["BM1", "BM2", "BM3"], "right_of_known"].mean() >= 0.75


def test_labelled_marrow_gives_both_compartments(marrow):
    """Every patient's compartments as labelled; fewer than 20 cells say LOW_CELLS or UNCERTAIN_CELLS."""
    settings = {
        "cell_type_key": "CellType",
        "malignant_key": "malignant",
        "lineages": AML_LINEAGES,
        "non_malignant_values": ["non-malignant"],
        "compare_labels": False,
    }
    samples = {sample: cells.copy() for sample, cells in marrow.items()}
    for cells in samples.values():
        cells.obs["cell_type"] = cells.obs["CellType"].astype(str)
        cells.obs["malignant_label"] = cells.obs["malignant"].astype(str)
    found = label_cohort(samples, "haematological", "counts", **settings)
    units = {sample: sum_units(samples[sample], found[sample].cells, sample) for sample in samples}
    matrices, metas = ({sample: pair[place] for sample, pair in units.items()} for place in (0, 1))
    adata, composition = gather_pseudobulk(matrices, metas, "counts", 20)
    rows = composition.set_index(["sample", "compartment"])
    for sample, cells in marrow.items():
        numbers = cells.obs["malignant"].value_counts()
        for compartment, value in {"tumour": "malignant", "microenvironment": "non-malignant"}.items():
            row = rows.loc[(sample, compartment)]
            assert row["n_cells"] == numbers.get(value, 0)
            assert (row["reason"] == "") == (row["n_cells"] >= 20)
            assert (f"{sample}|{compartment}" in adata.obs_names) == (row["n_cells"] > 0)
    bulk = adata[adata.obs["compartment"] == "bulk"].layers["linear"].sum()
    assert bulk == pytest.approx(sum(cells.X.sum(dtype=float) for cells in marrow.values()))


def lineage_accuracy(found: Labels, labels: np.ndarray, lineages: dict[str, str]) -> float:
    """Print the confusion table and return the share of cells of the right lineage, ``unknown`` being wrong."""
    print(pd.crosstab(labels, found.cells["lineage"].to_numpy()))
    return float((found.cells["lineage"].to_numpy() == pd.Series(labels).map(lineages).to_numpy()).mean())


def test_blood_with_and_without_interferon(read):
    """Gene names carry a suffix in this file: without harmonising most B-cell markers are lost."""
    cells = read("stimulation/kang_ifnb_subset.h5ad")
    samples = {name: cells[cells.obs["sample_id"] == name].copy() for name in sorted(cells.obs["sample_id"].unique())}
    found = label_cohort(samples, "haematological", "counts")
    right = [
        lineage_accuracy(found[name], part.obs["cluster_id"].astype(str).to_numpy(), KANG)
        for name, part in samples.items()
    ]
    total = float(np.average(right, weights=[part.n_obs for part in samples.values()]))
    print(f"accuracy {total:.3f}, by sample {np.round(right, 3)}")
    assert total >= 0.95


def test_microenvironment_of_head_and_neck_cancer(read):
    """Log values turned back; the file lacks nearly all mast-cell markers."""
    cells = read("single_cell/puram_hnscc_TME_ref180.h5ad", unlog=lambda values: 10 * (2**values - 1))
    found = label_cohort({"all": cells}, "carcinoma", "tpm")["all"]
    reached = lineage_accuracy(found, cells.obs["celltype"].astype(str).to_numpy(), PURAM)
    print(f"accuracy {reached:.3f}")
    assert reached >= 0.95
    assert not (found.cells["malignant_call"] == "malignant").any()
