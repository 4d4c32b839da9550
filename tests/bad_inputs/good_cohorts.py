"""Two small cohorts with nothing wrong, of every kind of file a configuration can name, for cases that change one."""

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import yaml
from sklearn.linear_model import LogisticRegression

from celltypist_example import train, write
from expression_example import write_tenx_folder, write_tenx_h5

ROOT = Path(__file__).resolve().parents[2]
GENES = pd.read_csv(ROOT / "resources/genes/genes.tsv", sep="\t", dtype=str, usecols=["symbol"])["symbol"].tolist()
SAMPLES = [f"S{number}" for number in range(1, 11)]
STATES = ["tumour|P1|500|1", "tumour|P2|400|1", "microenvironment|myeloid|300|2", "microenvironment|fibroblast|200|2"]

BULK = {
    "cohort": "wrong",
    "samples": "samples.tsv",
    "expression": {"type": "bulk", "scale": "counts"},
    "networks": {"regulon": "regulon.tsv"},
    "compartments": {"reference": "reference.tsv", "purity_column": "purity"},
    "profiles": {"lesions": "lesions.tsv"},
    "validation": {"phospho": "phospho.tsv"},
}
CELLS = {
    "cohort": "wrong",
    "samples": "samples.tsv",
    "expression": {"type": "single_cell", "scale": "counts", "sample_key": "donor"},
    "compartments": {
        "cell_type_key": "kind",
        "lineages": {"lymphoid": ["T"], "myeloid": ["Mono"]},
        "malignant_key": "cancer",
    },
}
TENX = {"cohort": "wrong", "samples": "samples.tsv", "expression": {"type": "single_cell", "scale": "counts"}}


def write_tsv(path: Path, table: pd.DataFrame, index: str | None = None) -> None:
    table.to_csv(path, sep="\t", index=index is not None, index_label=index, lineterminator="\n")


def make_bulk(folder: Path) -> None:
    """Write a bulk cohort: counts, regulon, references, phospho, lesions, purity, and a frozen reference beside it."""
    rng = np.random.default_rng(0)
    genes = GENES[:900]
    counts = pd.DataFrame(rng.negative_binomial(2, 0.01, (900, 10)), index=genes, columns=SAMPLES)
    write_tsv(folder / "matrix.tsv", counts, "gene")
    sheet = {"sample": SAMPLES, "patient": [f"P{number}" for number in range(1, 11)], "path": "matrix.tsv"}
    write_tsv(folder / "samples.tsv", pd.DataFrame(sheet).assign(purity="0.5", condition=["Mock", "IL6"] * 5))
    edges = [("STAT3", gene, "1", "CollecTRI:1;CollecTRI:2") for gene in ("PIM1", "BCL2L1", "MYC", "CCND1")]
    write_tsv(folder / "regulon.tsv", pd.DataFrame(edges, columns=["source", "target", "weight", "references"]))
    profiles = pd.DataFrame(rng.lognormal(0, 2, (900, 4)), index=genes, columns=STATES).round(3)
    write_tsv(folder / "reference.tsv", profiles, "gene")
    profiles.set_axis(["c1", "c2", "m1", "f1"], axis=1).to_parquet(folder / "some_profiles.parquet")
    types = ["Cancer cells", "Cancer cells", "Macrophage", "Fibroblasts"]
    states = pd.DataFrame({"cell_type": types, "cell_state": ["c1", "c2", "m1", "f1"]})
    write_tsv(folder / "some_map.tsv", states)
    write_tsv(folder / "phospho.tsv", pd.DataFrame({"STAT3_pY705": rng.normal(size=10).round(3)}, SAMPLES), "sample")
    lesions = [("S1", "STAT3", "p.Y640F"), ("S2", "JAK2", "V617F"), ("S9", "KRAS", "any")]
    write_tsv(folder / "lesions.tsv", pd.DataFrame(lesions, columns=["sample", "gene", "alteration"]))
    frozen = {"compartment": "bulk", "stratum": "", "gene": genes[:300], "location": 5.0, "scale": 1.0, "n": 9}
    frozen |= {"axis": "", "inflation": "", "fingerprint": "", "value_scale": "counts"}
    write_tsv(folder / "frozen.tsv", pd.DataFrame(frozen))
    (folder / "cohort.yaml").write_text(yaml.safe_dump(BULK, sort_keys=False))


def cells_of(count: int = 60, genes: int = 600, seed: int = 0) -> ad.AnnData:
    """Return cells of two donors with labels."""
    values = np.random.default_rng(seed).poisson(2, (count, genes)).astype(np.float32)
    obs = pd.DataFrame(
        {
            "donor": pd.Categorical((["S1", "S2"] * count)[:count]),
            "kind": pd.Categorical((["T", "Mono", "T"] * count)[:count]),
            "cancer": pd.Categorical((["malignant", "normal"] * count)[:count]),
        },
        index=[f"cell{number}" for number in range(count)],
    )
    return ad.AnnData(values, obs=obs, var=pd.DataFrame({"id": GENES[:genes]}, index=GENES[:genes]))


def make_cells(folder: Path) -> None:
    """Write a single-cell cohort of two donors in one h5ad, and a CellTypist model beside it."""
    adata = cells_of()
    adata.write_h5ad(folder / "cells.h5ad")
    write_tsv(folder / "samples.tsv", pd.DataFrame({"sample": ["S1", "S2"], "patient": "P1", "path": "cells.h5ad"}))
    (folder / "cohort.yaml").write_text(yaml.safe_dump(CELLS, sort_keys=False))
    adata.obs["state"] = adata.obs["kind"].astype(str)
    write(train(adata, LogisticRegression()), folder / "model.pkl")


def make_tenx(folder: Path) -> None:
    """Write a single-cell cohort of a 10x folder, a compressed one, and a 10x h5."""
    for name, compressed in (("run1", False), ("run2", True)):
        write_tenx_folder(folder / name, as_sparse(cells_of(40, 600, 1)), GENES[:600], compressed)
    write_tenx_h5(folder / "run3.h5", as_sparse(cells_of(40, 600, 2)), GENES[:600])
    paths = ["run1", "run2", "run3.h5"]
    write_tsv(folder / "samples.tsv", pd.DataFrame({"sample": ["S1", "S2", "S3"], "patient": "P1", "path": paths}))
    (folder / "cohort.yaml").write_text(yaml.safe_dump(TENX, sort_keys=False))


def as_sparse(adata: ad.AnnData):
    from scipy import sparse

    return sparse.csr_matrix(adata.X)


MAKERS = {"bulk": make_bulk, "cells": make_cells, "tenx": make_tenx}
