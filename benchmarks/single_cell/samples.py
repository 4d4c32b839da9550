"""The single-cell data of the validation, read, filtered and labelled as a run of the workflow does it."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import yaml

from scoring.cohorts import PROJECT, RESOURCES, gene_language
from stat3act.compartments.cells import Labels, find_lineages, label_cells
from stat3act.compartments.lent import pool_cells
from stat3act.expression.cells import harmonise_sample
from stat3act.schema import fill_defaults
from stat3act.tables import read_table

SEED = 1
# The file has 184 cells that were chosen to be shown; one of its five patients has 11, and a run refuses fewer than 20.
KEEP_SMALL = {"qc": {"min_cells": 5}}
# 1,267 of a cell's genes, chosen by their variance, hold about a third of its counts: limits for whole cells do not
# apply.
NO_QC = {
    "qc": {"min_counts": 0, "min_genes": 0, "mads": 100, "mitochondrial_mads": 100},
    "doublets": {"method": "none"},
}
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
# The marker table has mature oligodendrocytes under `other`: they are no candidates for a glioma's malignant cells.
GLIOMA = {"Microglia/Macrophage": "myeloid", "Oligodendrocytes (non-malignant)": "other"}
AML_CANDIDATES = ("myeloid", "progenitor", "erythroid")


@dataclass(frozen=True)
class Study:
    """One file and what a user would write about it in the config.

    Attributes
    ----------
    name
        Name in the tables.
    file
        Relative to the folder of the public data.
    tumour_type, scale
        As in the config.
    truth
        ``.obs`` column with cell types or whatever is held to be true; it becomes ``obs["cell_type"]``, which nothing
        looks at unless the settings name it.
    malignant
        Column that becomes ``obs["malignant_label"]``; None without.
    sample_key
        Column that names the sample; None where the file is one sample.
    expression
        What differs from the defaults of the ``expression`` section.
    """

    name: str
    file: str
    tumour_type: str
    scale: str
    truth: str
    malignant: str | None = None
    sample_key: str | None = None
    expression: Mapping = field(default_factory=dict, hash=False)


GLIOMA_FILE = "single_cell/oligodendroglioma_infercnv.h5ad"
GLIOMA_WHOLE = Study("oligodendroglioma", GLIOMA_FILE, "glioma", "tpm", "annotation", "malignant")
GLIOMA_PATIENTS = Study(
    "oligodendroglioma", GLIOMA_FILE, "glioma", "tpm", "annotation", "malignant", "patient", KEEP_SMALL
)
AML = Study(
    "AML",
    "single_cell/aml_vangalen_D0_multi_patient.h5ad",
    "haematological",
    "counts",
    "CellType",
    "malignant",
    "sample",
)
COPYKAT = Study("copykat", "single_cell/copykat_example_302cells.h5ad", "carcinoma", "counts", "copykat.pred")
HEAD_NECK = Study("head and neck", "single_cell/puram_hnscc_TME_ref180.h5ad", "carcinoma", "tpm", "celltype")
BLOOD = Study(
    "Kang", "stimulation/kang_ifnb_subset.h5ad", "haematological", "counts", "cluster_id", None, "sample_id", NO_QC
)


@cache
def _schema() -> dict:
    return yaml.safe_load((PROJECT / "workflow/schemas/config.schema.yaml").read_text())


def compartment_settings(**changes) -> dict:
    """Return the ``compartments`` section of a config that sets nothing but ``changes``, lists and sections alike."""
    part = _schema()["properties"]["compartments"]
    return fill_defaults(changes, part)


def expression_settings(study: Study) -> dict:
    """Return what reading a sample of a study takes from the config: defaults, and what the study says."""
    given = {"type": "single_cell", "scale": study.scale, "sample_key": study.sample_key, **study.expression}
    keys = {"cell_type_key": study.truth, "malignant_key": study.malignant, "mutation_key": None}
    return {**fill_defaults(given, _schema()["properties"]["expression"]), **keys, "seed": SEED}


def aml_lineages() -> dict[str, list[str]]:
    """Return which labels of the AML data belong to which lineage, from the config of that cohort."""
    config = yaml.safe_load((PROJECT / "config/cohorts/aml_vangalen/config.yaml").read_text())
    return config["compartments"]["lineages"]


@cache
def markers() -> pd.DataFrame:
    """Return the bundled marker table."""
    return read_table(RESOURCES / "markers/lineages.tsv")


def read_samples(data: Path, study: Study, only: Sequence[str] = ()) -> dict[str, ad.AnnData]:
    """Read the samples of a study (`harmonise_sample`): genes in current symbols and placed, bad cells removed.

    Parameters
    ----------
    data
        Folder of the public data.
    study
        The study.
    only
        Names of the samples wanted; all of them where none is named.

    Returns
    -------
    Samples by name, sorted; ``obs`` has ``cell_type`` and, where the study names it, ``malignant_label``.
    """
    file = data / study.file
    with tempfile.TemporaryDirectory() as folder:
        if study is HEAD_NECK:
            # The file holds log2(TPM/10 + 1), which a run refuses as it asks for linear values.
            cells = ad.read_h5ad(file)
            cells.X.data = 10 * (2**cells.X.data - 1)
            file = Path(folder) / file.name
            cells.write_h5ad(file)
        names = [study.name]
        if study.sample_key:
            names = only or sorted(ad.read_h5ad(file, backed="r").obs[study.sample_key].astype(str).unique())
        table, settings = gene_language()[0], expression_settings(study)
        return {name: harmonise_sample(str(file), name, name, table, settings)[0] for name in names}


def label_cohort(samples: Mapping[str, ad.AnnData], study: Study, settings: Mapping) -> dict[str, Labels]:
    """Label the cells of a cohort as the workflow does: lineages of each sample, the pool, then the calls.

    Parameters
    ----------
    samples
        From `read_samples`, or made of those.
    study
        Says tumour type and scale.
    settings
        From `compartment_settings`.

    Returns
    -------
    Labels by sample.
    """
    given = {
        "settings": settings,
        "tumour_type": study.tumour_type,
        "markers": markers(),
        "seed": SEED,
        "scale": study.scale,
    }
    found = {name: find_lineages(cells, **given, sample=name) for name, cells in samples.items()}
    pool = pool_cells([lent for _, lent in found.values()]) if settings["malignant"]["reference"] == "cohort" else None
    return {name: label_cells(cells, found[name][0], pool, **given, sample=name) for name, cells in samples.items()}


@cache
def label_study(data: Path, study: Study) -> tuple[dict[str, ad.AnnData], dict[str, Labels]]:
    """Read the samples of a study and label them with a config that says nothing but where the data are.

    Parameters
    ----------
    data
        Folder of the public data.
    study
        The study.

    Returns
    -------
    Samples (`read_samples`) and labels (`label_cohort`).
    """
    samples = read_samples(data, study)
    return samples, label_cohort(samples, study, compartment_settings())


def truth_of(samples: Mapping[str, ad.AnnData], column: str) -> np.ndarray:
    """Return a column of ``obs`` of all samples, one after the other, as texts."""
    return np.concatenate([cells.obs[column].astype(str).to_numpy(dtype=object) for cells in samples.values()])


def cells_of(labels: Mapping[str, Labels]) -> pd.DataFrame:
    """Join the cells of all samples in the order of `truth_of`, with the ``sample`` of each."""
    return pd.concat([found.cells.assign(sample=name) for name, found in labels.items()], ignore_index=True)
