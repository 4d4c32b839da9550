"""The expression stage on public data: what is kept of each cohort, and that wrong declarations are refused."""

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from expression_example import SETTINGS
from stat3act.expression.bulk import harmonise_cohort
from stat3act.expression.cells import harmonise_sample
from stat3act.expression.headers import check_headers
from stat3act.expression.headers_bulk import available_samples
from stat3act.problems import InputProblems
from stat3act.tables import read_text_table

pytestmark = pytest.mark.real

T84 = "stimulation/T84_IL22_IFNL_counts.tsv.gz"
ACC = "bulk_pstat3/tcga_ACC_rnaseqv2_rsem_norm.parquet"
LUAD = "bulk_pstat3/tcga_LUAD_agilent_log2ratio.parquet"
LGG = "bulk_pstat3/tcga_LGG_agilent_log2ratio.parquet"
ONCOBLADE = "deconvolution/oncoblade_tcga_nsclc10_counts.parquet"
AML = "single_cell/aml_vangalen_D0_multi_patient.h5ad"
OLIGODENDROGLIOMA = "single_cell/oligodendroglioma_infercnv.h5ad"
QC = {"min_counts": 500, "min_genes": 200, "max_mitochondrial_percent": 25, "mads": 5, "mitochondrial_mads": 5}
DEFAULTS = {
    **SETTINGS,
    "qc": {**QC, "min_cells": 20},
    "doublets": {**SETTINGS["doublets"], "method": "scrublet"},
}


@pytest.fixture(scope="module")
def genes() -> pd.DataFrame:
    return read_text_table(Path(__file__).parents[2] / "resources" / "genes" / "genes.tsv")


def cohort(data_dir, genes, path, scale, gene_column=None):
    file = data_dir / path
    rows = [{"sample": name, "column": name, "matrix": 0} for name in available_samples(file, gene_column)]
    return harmonise_cohort([str(file)], rows, genes, scale, gene_column)


@pytest.mark.parametrize(
    ("path", "scale", "gene_column", "samples", "known"),
    [
        (T84, "counts", None, 48, 0.98),
        (ACC, "rsem", None, 79, 0.99),
        (LUAD, "log2_ratio", None, 32, 0.93),
        (LGG, "log2_ratio", None, 27, 0.94),
        ("deconvolution/hoek_pbmc8_tpm.tsv.gz", "tpm", None, 8, 0.99),
        (ONCOBLADE, "counts", "symbol", 10, 0.37),
    ],
)
def test_bulk_cohorts_keep_their_genes(data_dir, genes, path, scale, gene_column, samples, known):
    found, quality = cohort(data_dir, genes, path, scale, gene_column)
    assert found.n_obs == samples
    assert found.var_names.is_unique
    assert {"STAT3", "SOCS3", "IL6", "PIM1", "BCL3", "IRF1"} <= set(found.var_names)
    assert np.isfinite(found.X).all()
    assert found.n_vars / quality.loc[0, "genes_in"] > known
    parts = quality[["genes_kept", "genes_unmapped", "genes_merged", "genes_dropped"]].sum(axis=1)
    assert (parts == quality["genes_in"]).all()


def test_counts_keep_their_totals(data_dir, genes):
    found, quality = cohort(data_dir, genes, T84, "counts")
    raw = pd.read_csv(data_dir / T84, sep="\t", index_col=0)[found.obs_names]
    assert (quality["library_size"].to_numpy() / raw.sum().to_numpy() > 0.99).all()
    stat3 = raw.loc["STAT3"] / quality.set_index("sample")["library_size"] * 1e6
    assert found[:, "STAT3"].X.ravel() == pytest.approx(np.log2(stat3 + 1).to_numpy(), rel=1e-4)


@pytest.mark.parametrize(
    ("path", "scale", "mend"),
    [
        (T84, "tpm", "counts"),
        (ACC, "counts", "rsem"),
        (ACC, "log2", "rsem"),
        (LUAD, "log2", "log2_ratio"),
        ("deconvolution/hoek_pbmc8_tpm.tsv.gz", "counts", "tpm"),
    ],
)
def test_wrong_declarations_of_real_matrices_are_refused(data_dir, genes, path, scale, mend):
    with pytest.raises(InputProblems, match=rf"expression\.scale:.*{mend}"):
        cohort(data_dir, genes, path, scale)


@pytest.mark.parametrize("sample", ["AML1012-D0", "AML722B-D0", "BM1"])
def test_aml_samples_are_read_from_the_shared_file(data_dir, genes, sample):
    labels = {"sample_key": "sample", "cell_type_key": "CellType", "malignant_key": "malignant"}
    cells, _, quality = harmonise_sample(str(data_dir / AML), sample, sample, genes, {**DEFAULTS, **labels})
    row = quality.iloc[0]
    assert row["genes_kept"] / row["genes_in"] > 0.96
    assert cells.obs_names.str.startswith(sample).all()
    assert row["cells_kept"] == cells.n_obs >= 0.8 * row["cells_in"]
    removed = [name for name in quality if name.startswith("cells_") and name not in ("cells_in", "cells_kept")]
    assert row["cells_in"] - row[removed].sum() == row["cells_kept"]
    assert set(cells.obs["malignant_label"]) <= {"malignant", "non-malignant", "unknown"}
    assert row["median_mitochondrial_before"] > 0.5
    assert (cells.X.data == np.round(cells.X.data)).all()
    assert row["doublet_status"].startswith("tested" if cells.n_obs + row["cells_doublet"] >= 100 else "not tested")


def test_tpm_cells_of_the_oligodendroglioma_all_stay(data_dir, genes):
    keys = {"scale": "tpm", "sample_key": "patient", "malignant_key": "malignant"}
    path = str(data_dir / OLIGODENDROGLIOMA)
    _, _, quality = harmonise_sample(path, "MGH36", "MGH36", genes, {**DEFAULTS, **keys})
    assert quality.loc[0, ["cells_in", "cells_kept"]].tolist() == [41, 41]
    assert quality.loc[0, "doublet_status"].startswith("not tested")
    with pytest.raises(InputProblems, match=r"expression\.scale: tpm"):
        harmonise_sample(path, "MGH36", "MGH36", genes, {**DEFAULTS, **keys, "scale": "counts"})


def test_gene_ids_with_both_names_and_a_10x_vocabulary(data_dir, genes):
    kang = data_dir / "stimulation" / "kang_ifnb_subset.h5ad"
    settings = {**DEFAULTS, "sample_key": "sample_id"}
    _, _, quality = harmonise_sample(str(kang), "stim101", "stim101", genes, settings)
    assert quality.loc[0, "genes_kept"] / quality.loc[0, "genes_in"] > 0.95
    copykat = data_dir / "single_cell" / "copykat_example_302cells.h5ad"
    _, _, quality = harmonise_sample(str(copykat), "tumour", "tumour", genes, DEFAULTS)
    assert quality.loc[0, "genes_kept"] / quality.loc[0, "genes_in"] > 0.6
    # What is lost are clone names (RP11-...), which hardly any count falls on.
    assert quality.loc[0, "library_size"] / ad.read_h5ad(copykat).X.sum() > 0.95


def test_a_log_normalised_matrix_is_not_taken_for_counts_or_tpm(data_dir, genes):
    path = str(data_dir / "single_cell" / "puram_hnscc_TME_ref180.h5ad")
    for scale in ("counts", "tpm"):
        with pytest.raises(InputProblems, match="look like logarithms"):
            harmonise_sample(path, "P", "P", genes, {**DEFAULTS, "scale": scale})


def test_headers_of_real_files(data_dir):
    rows = [{"sample": "AML1012-D0", "path": AML}, {"sample": "AML1012-D9", "path": AML}]
    single = {"type": "single_cell", "sample_key": "sample", "layer": None, "gene_column": None, "qc": DEFAULTS["qc"]}
    labels = {"cell_type_key": "CellType", "malignant_key": "malignant", "mutation_key": None}
    (problem,) = check_headers(rows, single, labels, data_dir, "samples.tsv")
    assert problem.where == "row 3, column 'sample'"
    assert "'AML1012-D0'" in problem.mend
    bulk = {"type": "bulk", "gene_column": None, "layer": None}
    rows = [{"sample": "TCGA-OR-A5J1-01A", "path": ACC}]
    (problem,) = check_headers(rows, bulk, {}, data_dir, "samples.tsv")
    assert "'TCGA-OR-A5J1-01A-11R-A29S-07'" in problem.mend
