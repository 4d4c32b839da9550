"""What the fractions say of real bulk, where something else is known of it.

Ten non-small-cell lung cancers with purity from copy number (ACE); primary tumours of TCGA with purity from DNA
(ABSOLUTE), from methylation (LUMP) and a consensus (CPE, Aran 2015, doi 10.1038/ncomms9971), or the leukocyte fraction
from methylation (Thorsson 2018, doi 10.1016/j.immuni.2018.03.023); blood cells counted by flow cytometry. Only two
references of solid tumours are there (skin melanoma and breast), so that for all cohorts but uveal melanoma the
reference is of **another tissue**. Our fractions are shares of mRNA, the others shares of cells or of DNA.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from bulk import methods
from bulk.cohorts import SEED
from bulk.data import reference_of, regulon_axes
from scoring.cohorts import SAMPLE_CHARACTERS, first_per_sample, gene_language, lay_out
from stat3act.compartments.genes_filter import filter_genes
from stat3act.compartments.mixture import fit_states
from stat3act.compartments.reference import Reference
from stat3act.compartments.reference_check import check_reference
from stat3act.expression.bulk import harmonise_cohort

CHECK, SAMPLE, FLAG, BLOOD = "real", "real_sample", "real_flag", "real_blood"
# Cohort, reference, and whether that is another tissue.
PAIRS = (
    ("NSCLC", "BRCA", True),
    ("NSCLC", "SKCM", True),
    ("UVM", "SKCM", False),
    ("ACC", "BRCA", True),
    ("CHOL", "BRCA", True),
)
PURITY_SOURCES = ("ABSOLUTE", "CPE", "LUMP")
LEUKOCYTES = ("lymphoid", "myeloid")
LEUKOCYTE_FRACTION = "leukocyte fraction"
GATES = {
    "T": ("T-cells", "Tcell"),
    "Mono": ("Macrophages/Monocytes", "Myeloid"),
    "B": ("B cells", "B-cells"),
    "DC": ("Dendritic cells", "DC"),
    "NK": ("Natural killer cells",),
}
# A state that the breast cancer map puts among the T cells.
NK_STATE = "T_cells_c9_NK_cells_AREG"


def lung(data: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the lung cancers: counts (samples x symbols), and ``ACE`` by sample."""
    table = pd.read_parquet(data / "deconvolution/oncoblade_tcga_nsclc10_counts.parquet").dropna(subset=["symbol"])
    linear = table.groupby("symbol").sum().T.astype(float)
    purity = pd.read_csv(data / "deconvolution/oncoblade_ACE_purity.tsv", sep="\t", index_col="sample")
    return linear, purity[~purity.index.duplicated()].reindex(linear.index)


def tcga(data: Path, cohort: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the primary tumours of a TCGA cohort: RSEM values as a run reads them, and what is known of each."""
    folder = data / "bulk_pstat3"
    file = folder / f"tcga_{cohort}_rnaseqv2_rsem_norm.parquet"
    columns = first_per_sample(name for name in pd.read_parquet(file).columns if str(name).startswith("TCGA"))
    rows = [{"sample": sample, "column": column, "matrix": 0} for sample, column in columns.items()]
    bulk, _ = harmonise_cohort([str(file)], rows, gene_language()[0], "rsem")
    linear = pd.DataFrame(np.asarray(bulk.layers["linear"], float), bulk.obs_names, bulk.var_names).rename_axis(None)
    purity = pd.read_csv(folder / "tcga_purity_aran2015.tsv.gz", sep="\t", index_col=0)[list(PURITY_SOURCES)]
    immune = pd.read_csv(folder / "tcga_leukocyte_fraction.tsv.gz", sep="\t", index_col="barcode")
    parts = [purity, immune["leukocyte_fraction"].rename(LEUKOCYTE_FRACTION)]
    known = [part.groupby(part.index.str[:SAMPLE_CHARACTERS]).first().reindex(linear.index) for part in parts]
    return linear, pd.concat(known, axis=1).dropna(axis=1, how="all")


def correlate(found: pd.Series, known: pd.Series) -> float:
    """Return Pearson's correlation; NaN where a method finds none of a cell type in any sample."""
    return float(found.corr(known)) if found.std() > 0 else np.nan


def agreement(found: pd.Series, known: pd.Series) -> dict[str, float]:
    """Compare two measurements: Spearman's correlation, mean absolute error, and mean difference."""
    difference = (found - known).dropna()
    return {
        "Spearman": float(found.corr(known, method="spearman")),
        "mean absolute error": float(difference.abs().mean()),
        "mean difference": float(difference.mean()),
    }


def cohort_rows(data: Path, cohort: str, reference_name: str, other: bool) -> list[dict]:
    """Report one cohort with one reference."""
    linear, known = lung(data) if cohort == "NSCLC" else tcga(data, cohort)
    reference = reference_of(data, reference_name)
    axes = regulon_axes(data)
    ours = methods.activity(linear, reference, axes, SEED)
    immune = reference.states.index[reference.states["lineage"].isin(LEUKOCYTES)]
    fit = fit_states(linear, reference, set(axes["gene"]))
    share = fit.fractions[immune].sum(axis=1)
    dataset = f"{cohort} with {reference_name}" + (" (another tissue)" if other else "")
    names, rows = {"dataset": dataset, "method": "activity"}, []
    for source in known:
        found = share if source == LEUKOCYTE_FRACTION else ours.purity
        what = source if source == LEUKOCYTE_FRACTION else f"purity, {source}"
        count = int(known[source].notna().sum())
        for title, value in agreement(found, known[source]).items():
            rows.append(names | {"check": CHECK, "group": f"{what}: {title}", "value": value, "n": count})
        for sample, truth in known[source].dropna().items():
            shown = {"check": SAMPLE, "dataset": dataset, "group": f"{what}: {sample}", "n": 1}
            rows += [shown | {"method": "activity", "value": found[sample]}, shown | {"method": source, "value": truth}]
    for compartment in ours.activity:
        unknown = float(ours.activity[compartment].isna().mean())
        group = f"{compartment} unknown"
        rows.append(names | {"check": CHECK, "group": group, "value": unknown, "n": len(linear)})
    flags = check_reference(linear, reference, fit, "counts" if cohort == "NSCLC" else "rsem", SEED).flags
    shares = flags.replace("", "none").value_counts(normalize=True)
    return [
        *rows,
        *(names | {"check": FLAG, "group": name, "value": share, "n": len(linear)} for name, share in shares.items()),
    ]


def gate_of(reference_map: pd.DataFrame) -> pd.Series:
    """Name the gate of flow cytometry to which each state belongs; other states have none."""
    labels = {label: gate for gate, names in GATES.items() for label in names}
    gates = reference_map.drop_duplicates("cell_state").set_index("cell_state")["cell_type"].map(labels)
    if NK_STATE in gates.index:
        gates[NK_STATE] = "NK"
    return gates.dropna()


def plain_fractions(linear: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    """Fit fractions by non-negative least squares on the genes that the filter leaves."""
    reason = filter_genes(linear, reference.profiles)
    used = reason.index[reason == ""]
    phi = reference.profiles.loc[used].to_numpy()
    found = [nnls(phi, row)[0] for row in linear[used].to_numpy(float)]
    table = pd.DataFrame(found, index=linear.index, columns=reference.profiles.columns)
    return table.div(table.sum(axis=1), axis=0)


def blood_rows(data: Path, reference_name: str) -> list[dict]:
    """Report eight blood samples against flow cytometry, with the microenvironment states of one reference."""
    folder = data / "deconvolution"
    bulk = pd.read_csv(folder / "hoek_pbmc8_tpm.tsv.gz", sep="\t", index_col=0).T
    facs = pd.read_csv(folder / "hoek_pbmc8_fractions_FACS.tsv", sep="\t", index_col=0)
    bulk = bulk.loc[facs.index, ~bulk.columns.duplicated()]
    whole = reference_of(data, reference_name)
    states = whole.states[~whole.is_tumour]
    reference = Reference(whole.profiles[states.index], states)
    gates = gate_of(pd.read_csv(folder / f"refPhi_{reference_name}_map.tsv", sep="\t"))
    fits = {"activity": methods.fractions(bulk, reference, set()), "NNLS": plain_fractions(bulk, reference)}
    rows = []
    for method, fit in fits.items():
        by_gate = fit[[name for name in fit if name in gates]].T.groupby(gates).sum().T
        # Only what both know: shares of the gated cells.
        ours, theirs = (part[list(GATES)].div(part[list(GATES)].sum(axis=1), axis=0) for part in (by_gate, facs))
        for gate in GATES:
            names = {"check": BLOOD, "dataset": f"blood with {reference_name}", "method": method, "n": len(bulk)}
            correlation, error = correlate(ours[gate], theirs[gate]), (ours[gate] - theirs[gate]).abs().mean()
            rows.append(names | {"group": f"{gate}: correlation", "value": correlation})
            rows.append(names | {"group": f"{gate}: mean absolute error", "value": float(error)})
    return rows


def check(data: Path) -> pd.DataFrame:
    """Compare fractions with what is known of real bulk.

    Parameters
    ----------
    data
        Folder of the public data.

    Returns
    -------
    Rows of `COLUMNS`: ``real``, ``real_sample`` (ours, and the other measurement by its name), ``real_flag``
    (share of the samples with a flag) and ``real_blood``. Nothing here has a goal.
    """
    rows = [row for pair in PAIRS for row in cohort_rows(data, *pair)]
    return lay_out([*rows, *(row for name in ("SKCM", "BRCA") for row in blood_rows(data, name))])
