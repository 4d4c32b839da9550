"""References, axes and bulk cohorts of the validation."""

import tempfile
from functools import cache
from pathlib import Path

import anndata as ad
import pandas as pd
import yaml
from scipy import sparse

from scoring.baselines import gene_sets
from scoring.cohorts import PROJECT, REGULON_FILE, load_axes
from stat3act.compartments.reference import Reference, export_reference, read_reference
from stat3act.profiles.states import CORE_AXIS, REGULON_AXIS
from stat3act.tables import write_table

REFERENCES = ("SKCM", "BRCA")
# Ligands and STAT3 itself are never in a score.
NEVER = {"STAT3", "IL6", "LIF", "OSM", "IL11", "IL10", "IL21", "IL22", "IL23A", "IL17A", "IFNG"}
LEAST_PAPERS = 3
RIVALS = {"ifn": "HALLMARK_INTERFERON_ALPHA_RESPONSE", "nfkb": "HALLMARK_TNFA_SIGNALING_VIA_NFKB"}
CORE_RIVALS = ("ifn_stat1", "nfkb", "hypoxia", "proliferation")
AML_FILE = "single_cell/aml_vangalen_D0_multi_patient.h5ad"
AML_CONFIG = "config/cohorts/aml_vangalen/config.yaml"
COMPARTMENT = {"malignant": "tumour", "non-malignant": "microenvironment"}
MIN_CELLS = 20


def scored_axis(axes: pd.DataFrame) -> str:
    """Return the axis that is measured: the first of the table; the others are its rivals."""
    return axes["axis"].iloc[0]


def panel_of(axes: pd.DataFrame, name: str) -> pd.Series:
    """Return the weights of an axis by gene."""
    return axes[axes["axis"] == name].set_index("gene")["weight"]


@cache
def regulon_axes(data: Path) -> pd.DataFrame:
    """Lay out CollecTRI's STAT3 targets with at least three papers, interferon and NF-kB beside them.

    Parameters
    ----------
    data
        Folder of the public data.

    Returns
    -------
    ``axis gene weight compartments``; no gene of the regulon is in a rival.
    """
    network = pd.read_csv(data / REGULON_FILE, sep="\t")
    papers = network["PMID"].astype(str).str.count(";") + 1
    known = network[(network["source"] == "STAT3") & (papers >= LEAST_PAPERS) & ~network["target"].isin(NEVER)]
    panel = known.drop_duplicates("target").set_index("target")["weight"].astype(float)
    parts = {REGULON_AXIS: panel}
    for axis, name in RIVALS.items():
        parts[axis] = pd.Series(1.0, sorted(set(gene_sets(data)[name]) - set(panel.index)))
    tables = [
        pd.DataFrame({"axis": axis, "gene": part.index, "weight": part.to_numpy(), "compartments": "all"})
        for axis, part in parts.items()
    ]
    return pd.concat(tables, ignore_index=True)


@cache
def core_axes() -> pd.DataFrame:
    """Return the product's own core panel and the rivals that any bulk cohort has."""
    axes = load_axes()
    return pd.concat([axes[axes["axis"] == name] for name in (CORE_AXIS, *CORE_RIVALS)], ignore_index=True)


@cache
def reference_of(data: Path, name: str) -> Reference:
    """Read the reference profiles of melanoma (``SKCM``) or breast cancer (``BRCA``)."""
    return read_reference(data / f"deconvolution/refPhi_{name}_profiles.parquet")


@cache
def aml_sums(data: Path) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Sum the leukaemia's cells by patient, compartment and lineage, as labelled by the authors.

    Parameters
    ----------
    data
        Folder of the public data.

    Returns
    -------
    By patient with at least 20 malignant and 20 other cells: genes x units (``<compartment>|<lineage>``); and
    ``sample compartment lineage n_cells`` of every unit. Lineages are those of the cohort's config.
    """
    lineages = yaml.safe_load((PROJECT / AML_CONFIG).read_text())["compartments"]["lineages"]
    lineage_of = {label: lineage for lineage, labels in lineages.items() for label in labels}
    cells = ad.read_h5ad(data / AML_FILE)
    obs = pd.DataFrame(
        {
            "patient": cells.obs["patient"].astype(str),
            "compartment": cells.obs["malignant"].astype(str).map(COMPARTMENT),
            "lineage": cells.obs["CellType"].astype(str).map(lineage_of).fillna("unknown"),
        }
    )
    counts = sparse.csr_matrix(cells.X).astype(float)
    sums, units = {}, []
    for patient, places in obs.dropna().groupby("patient").indices.items():
        part = obs.dropna().iloc[places]
        sizes = part["compartment"].value_counts().reindex(list(COMPARTMENT.values()), fill_value=0)
        if sizes.min() < MIN_CELLS:
            continue
        unit = part["compartment"] + "|" + part["lineage"]
        member = pd.get_dummies(unit, dtype=float)
        rows = obs.index.get_indexer(part.index)
        matrix = counts[rows].T @ member.to_numpy()
        sums[patient] = pd.DataFrame(matrix, index=cells.var_names, columns=member.columns)
        for name, number in unit.value_counts().sort_index().items():
            compartment, lineage = name.split("|")
            units.append((patient, compartment, lineage, number))
    return sums, pd.DataFrame(units, columns=["sample", "compartment", "lineage", "n_cells"])


def aml_reference(data: Path, patients: list[str]) -> Reference:
    """Make the reference of some leukaemia patients as a single-cell cohort exports it."""
    sums, units = aml_sums(data)
    chosen = {name: sums[name] for name in patients}
    table = export_reference(
        chosen, units[units["sample"].isin(patients)], {name: name for name in patients}, MIN_CELLS
    )
    with tempfile.TemporaryDirectory() as folder:
        write_table(Path(folder) / "reference.tsv", table.reset_index())
        return read_reference(Path(folder) / "reference.tsv")


def aml_profiles(data: Path, patients: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the sum of malignant and the sum of other cells of each patient, patients x genes."""
    sums, _ = aml_sums(data)
    parts = [
        pd.DataFrame({name: sums[name].filter(like=f"{part}|").sum(axis=1) for name in patients}).T
        for part in COMPARTMENT.values()
    ]
    return parts[0], parts[1]
