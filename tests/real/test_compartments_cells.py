"""Lineages and malignant calls on real single cells, without their labels."""

import time

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from cells_example import CLUSTERING, MARKERS, SETTINGS
from stat3act.compartments.labels import label_cells
from stat3act.compartments.pseudobulk import gather_pseudobulk, sum_compartments

pytestmark = pytest.mark.real

DEFAULTS = {
    **SETTINGS,
    "malignant": {"window_size": 100, "step": 10, "min_reference_cells": 20, "probability": 0.8},
    "clustering": CLUSTERING,
}
AML_LINEAGES = {
    "lymphoid": ["T", "CTL", "NK", "B", "Plasma", "ProB"],
    "myeloid": [f"{name}{like}" for name in ("Mono", "ProMono", "GMP", "cDC") for like in ("", "-like")] + ["pDC"],
    "progenitor": [f"{name}{like}" for name in ("HSC", "Prog") for like in ("", "-like")],
    "erythroid": ["earlyEry", "lateEry"],
}


@pytest.fixture(scope="module")
def positions(data_dir):
    """Gene positions in hg38."""
    path = data_dir / "annotation/org.Hs.eg_gene_annotation_hg38.tsv.gz"
    table = pd.read_csv(path, sep="\t", dtype=str, usecols=["symbol", "chrom", "start", "end"])
    table = table.dropna().drop_duplicates("symbol").set_index("symbol")
    first = table.apply(lambda column: column.str.split("|").str[0])
    return pd.DataFrame(
        {
            "chromosome": "chr" + first["chrom"],
            "start": first["start"].astype(float),
            "end": first["end"].astype(float),
        }
    )


@pytest.fixture(scope="module")
def read(data_dir, positions):
    """Return a reader of a file of the collection, genes placed."""

    def reader(path: str) -> ad.AnnData:
        adata = ad.read_h5ad(data_dir / path)
        adata.var_names_make_unique()
        adata.var = positions.reindex(adata.var_names)
        return adata

    return reader


def label(adata, tumour_type: str, scale: str, **changes) -> pd.DataFrame:
    start = time.perf_counter()
    found = label_cells(adata, {**DEFAULTS, **changes}, tumour_type, MARKERS, 1, scale=scale)
    print(f"{adata.n_obs} cells, {time.perf_counter() - start:.1f} s")
    return found


def f1(found: pd.Series, truth: pd.Series) -> float:
    called, malignant = found.to_numpy() == "malignant", truth.to_numpy() == "malignant"
    return 2 * (called & malignant).sum() / (called.sum() + malignant.sum())


def test_oligodendroglioma_without_labels(read):
    cells = read("single_cell/oligodendroglioma_infercnv.h5ad")
    found = label(cells, "glioma", "tpm")
    print(pd.crosstab(cells.obs["annotation"].to_numpy(), found["malignant_call"]))
    reached = f1(found["malignant_call"], cells.obs["malignant"])
    print(f"F1 {reached:.3f}")
    assert reached >= 0.95
    microglia = (cells.obs["annotation"] == "Microglia/Macrophage").to_numpy()
    assert not (found.loc[microglia, "malignant_call"] == "malignant").any()


def test_oligodendroglioma_patient_by_patient(read):
    """Two of four tumours brought no normal cells at all and one too few: they must be uncertain, not guessed."""
    cells = read("single_cell/oligodendroglioma_infercnv.h5ad")
    reached = {}
    for patient in ("MGH53", "MGH36", "MGH93", "MGH97"):
        part = cells[cells.obs["patient"] == patient].copy()
        found = label(part, "glioma", "tpm")
        normal = part.obs["malignant"].to_numpy() == "non-malignant"
        assert not (found.loc[normal, "malignant_call"] == "malignant").any()
        assert not (found.loc[~normal, "malignant_call"] == "non-malignant").any()
        reached[patient] = f1(found["malignant_call"], part.obs["malignant"])
    print({patient: round(value, 3) for patient, value in reached.items()})
    assert reached["MGH53"] >= 0.95
    assert reached["MGH93"] == reached["MGH97"] == 0


def test_carcinoma_agrees_with_another_tool(read):
    cells = read("single_cell/copykat_example_302cells.h5ad")
    found = label(cells, "carcinoma", "counts")
    table = pd.crosstab(cells.obs["copykat.pred"].to_numpy(), found["malignant_call"])
    print(table)
    assert table.loc["aneuploid", "malignant"] / table.loc["aneuploid"].sum() >= 0.95
    assert table.loc["diploid", "non-malignant"] / table.loc["diploid"].sum() >= 0.95


@pytest.fixture(scope="module")
def marrow(read):
    """AML marrows and healthy donors by sample."""
    cells = read("single_cell/aml_vangalen_D0_multi_patient.h5ad")
    return {sample: cells[cells.obs["sample"] == sample].copy() for sample in sorted(cells.obs["sample"].unique())}


def test_no_marrow_cell_is_malignant_without_evidence(marrow):
    accuracy = {}
    for sample, cells in marrow.items():
        found = label(cells, "haematological", "counts")
        if sample.startswith("BM"):
            assert (found["malignant_call"] == "malignant").mean() <= 0.02
        truth = cells.obs["CellType"].astype(str).map({x: k for k, names in AML_LINEAGES.items() for x in names})
        known = (found["lineage"] != "unknown").to_numpy()
        right = (found["lineage"].to_numpy() == truth.to_numpy())[known]
        accuracy[sample] = (right.mean() if known.any() else np.nan, known.mean())
        normal = cells.obs["malignant"].to_numpy() == "non-malignant"
        assert not ((found["malignant_call"] == "malignant").to_numpy() & normal).any()
    for sample, (right, known) in accuracy.items():
        print(f"{sample}: lineage right {right:.2f} of the {known:.2f} that have one")
    healthy = [accuracy[sample][0] for sample in ("BM1", "BM2", "BM3")]
    assert np.mean(healthy) >= 0.75


def test_labelled_marrow_gives_both_compartments(marrow):
    """Every patient with at least 20 cells of each gets a tumour and a microenvironment, others say LOW_CELLS."""
    matrices, metas = {}, []
    settings = {
        "cell_type_key": "CellType",
        "malignant_key": "malignant",
        "lineages": AML_LINEAGES,
        "non_malignant_values": ["non-malignant"],
    }
    for sample, cells in marrow.items():
        part = cells.copy()
        part.obs["cell_type"] = part.obs["CellType"].astype(str)
        part.obs["malignant_label"] = part.obs["malignant"].astype(str)
        found = label_cells(part, {**DEFAULTS, **settings}, "haematological", MARKERS, 1)
        matrices[sample], meta = sum_compartments(part, found, sample)
        metas.append(meta)
    adata, composition = gather_pseudobulk(matrices, metas, "counts", 20)
    for sample, cells in marrow.items():
        numbers = cells.obs["malignant"].value_counts()
        for compartment, value in {"tumour": "malignant", "microenvironment": "non-malignant"}.items():
            row = composition[(composition["sample"] == sample) & (composition["compartment"] == compartment)].iloc[0]
            assert row["n_cells"] == numbers.get(value, 0)
            assert (row["reason"] == "") == (row["n_cells"] >= 20)
            assert (f"{sample}|{compartment}" in adata.obs_names) == (row["n_cells"] > 0)
    bulk = adata[adata.obs["compartment"] == "bulk"].layers["linear"].sum()
    assert bulk == pytest.approx(sum(cells.X.sum(dtype=float) for cells in marrow.values()))


KANG = {
    "B cells": "lymphoid",
    "CD4 T cells": "lymphoid",
    "CD8 T cells": "lymphoid",
    "CD14+ Monocytes": "myeloid",
    "FCGR3A+ Monocytes": "myeloid",
}
PURAM = {
    **dict.fromkeys(["B cell", "CD4 T cell", "CD8 T cell", "reg. T cell"], "lymphoid"),
    **dict.fromkeys(["Dendritic", "Macrophage", "Mast"], "myeloid"),
    "Endothelial": "endothelial",
    "Fibroblast": "fibroblast",
}


def test_blood_with_and_without_interferon(read):
    """1,267 genes, among them one B-cell marker: B cells may stay unknown but must not be taken for others."""
    cells = read("stimulation/kang_ifnb_subset.h5ad")
    found = []
    for sample in sorted(cells.obs["sample_id"].unique()):
        part = cells[cells.obs["sample_id"] == sample].copy()
        truth = part.obs["cluster_id"].astype(str).to_numpy()
        found.append(label(part, "haematological", "counts")[["lineage"]].assign(truth=truth))
    table = pd.concat(found)
    print(pd.crosstab(table["truth"], table["lineage"]))
    right = table["lineage"] == table["truth"].map(KANG)
    known = table["lineage"] != "unknown"
    print(f"right {right[known].mean():.3f} of the {known.mean():.3f} that have a lineage")
    assert right[known].mean() >= 0.98
    assert right[table["truth"] != "B cells"].mean() >= 0.95


def test_microenvironment_of_head_and_neck_cancer(read):
    """Log values turned back; the file lacks nearly all mast-cell markers."""
    cells = read("single_cell/puram_hnscc_TME_ref180.h5ad")
    cells.X.data = 10 * (2**cells.X.data - 1)
    found = label(cells, "carcinoma", "tpm")
    truth = cells.obs["celltype"].astype(str).map(PURAM).to_numpy()
    print(pd.crosstab(cells.obs["celltype"].to_numpy(), found["lineage"]))
    right, known = found["lineage"].to_numpy() == truth, (found["lineage"] != "unknown").to_numpy()
    print(f"right {right[known].mean():.3f} of the {known.mean():.3f} that have a lineage")
    assert right[known].mean() >= 0.95 and known.mean() >= 0.85
    assert not (found["malignant_call"] == "malignant").any()
