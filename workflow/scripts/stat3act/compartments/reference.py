"""Reference profiles of the bulk split: exported from a single-cell cohort, or read from a file."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from stat3act.named_files import map_path
from stat3act.problems import InputProblems, Problem, raise_if_any, shorten
from stat3act.user_tables import as_numbers, read_user_table

MIN_SHARED_GENES = 500
# See `_looks_logged`.
LOG_HIGHEST, LOG_PEAK, EQUAL_SUMS = 25.0, 150.0, 0.01

# Labels of published atlases. Tumour-associated and normal cells are no tumour cells.
TUMOUR_LABEL = re.compile(r"malig|cancer|tumou?r|melanoma|carcinoma|neoplas|glioma|leuka?emia", re.I)
NOT_TUMOUR_LABEL = re.compile(r"associated|normal|non.?malig|infiltrat|\bCAF|\bTAM", re.I)
LINEAGE_LABELS = (
    ("fibroblast", re.compile(r"fibroblast|\bCAFs?\b|stellate", re.I)),
    ("endothelial", re.compile(r"endotheli", re.I)),
    (
        "myeloid",
        re.compile(r"macroph|monocyt|myeloid|dendritic|\bc?p?DCs?\d?\b|mast|neutroph|granulocyt|\bTAM", re.I),
    ),
    (
        "lymphoid",
        re.compile(r"\bB[ ._-]?cell|\bT[ ._-]?cell|CD4|CD8|\bNK\b|natural killer|lymph|plasma|Treg", re.I),
    ),
    ("epithelial", re.compile(r"epitheli", re.I)),
    ("glial", re.compile(r"glia|oligodendro|astrocyt", re.I)),
    ("erythroid", re.compile(r"eryth", re.I)),
    ("progenitor", re.compile(r"\bHSC|progenitor|\bGMP\b", re.I)),
)


@dataclass(frozen=True)
class Reference:
    """Mean profiles of cell states.

    Attributes
    ----------
    profiles
        Genes x states, every column sums to 1.
    states
        By state: ``compartment`` (``tumour`` or ``microenvironment``), ``lineage`` (the patient, for tumour states),
        ``n_cells`` (0 where not known).
    """

    profiles: pd.DataFrame
    states: pd.DataFrame

    @property
    def is_tumour(self) -> np.ndarray:
        """Boolean mask over the states."""
        return (self.states["compartment"] == "tumour").to_numpy()


def lineage_of_label(label: str) -> str:
    """Return the lineage a cell-type label of a profiles file names, ``other`` where it names none."""
    return next((lineage for lineage, pattern in LINEAGE_LABELS if pattern.search(label)), "other")


def is_tumour_label(label: str, malignant_values: Sequence[str] = ()) -> bool:
    """Say whether a cell-type label means malignant cells: named in the config, or by its words."""
    if label in malignant_values:
        return True
    return bool(TUMOUR_LABEL.search(label)) and not NOT_TUMOUR_LABEL.search(label)


def export_reference(
    pseudobulk: Mapping[str, pd.DataFrame],
    units: pd.DataFrame,
    patients: Mapping[str, str],
    min_cells: int,
) -> pd.DataFrame:
    """Build the reference table of a single-cell cohort.

    Parameters
    ----------
    pseudobulk
        By sample: genes x units (``<compartment>|<lineage>``), sums over cells; asked for one at a time
        (`stat3act.tables.Matrices`).
    units
        ``sample compartment lineage n_cells`` of every sample and unit.
    patients
        Patient of each sample.
    min_cells
        A profile of fewer cells is left out.

    Returns
    -------
    pandas.DataFrame
        Genes (those measured in every sample) x states named
        ``<compartment>|<lineage or patient>|<n_cells>|<n_patients>``; every column sums to 1e6. Tumour: one state per
        patient, its samples and lineages summed, because tumours differ between patients. Microenvironment: one state
        per lineage, the mean of the samples' profiles, so that no patient with many cells speaks for all; samples with
        fewer than ``min_cells`` of a lineage count only where no sample has more. Cells that
        are uncertain, and those of unknown lineage, are in no state.
    """
    shared = None
    for sample in pseudobulk:
        index = pseudobulk[sample].index
        shared = set(index) if shared is None else shared.intersection(index)
    genes = sorted(shared or ())
    parts: dict[tuple[str, str], list[tuple[pd.Series, int, str]]] = {}
    known = units[units["compartment"].isin(["tumour", "microenvironment"])]
    for sample, rows in known.sort_values(["sample", "compartment", "lineage"]).groupby("sample", sort=True):
        sums, patient = pseudobulk[sample].loc[genes], patients[sample]
        for row in rows.itertuples():
            name = patient if row.compartment == "tumour" else row.lineage
            if name != "unknown" or row.compartment == "tumour":
                values = sums[f"{row.compartment}|{row.lineage}"].copy()
                parts.setdefault((row.compartment, name), []).append((values, int(row.n_cells), patient))
    columns = {}
    for (compartment, name), members in sorted(parts.items(), key=lambda item: (item[0][0] != "tumour", item[0][1])):
        if sum(counted for _, counted, _ in members) < min_cells:
            continue
        enough = [part for part in members if part[1] >= min_cells]
        pooled = compartment == "tumour" or not enough
        used = members if pooled else enough
        profile = _mean_profile([values for values, _, _ in used], pooled)
        if profile is not None:
            total, patients_behind = sum(counted for _, counted, _ in used), {patient for _, _, patient in used}
            columns[f"{compartment}|{name}|{total}|{len(patients_behind)}"] = profile
    return pd.DataFrame(columns, index=pd.Index(genes, name="gene"))


def _mean_profile(sums: list[pd.Series], pooled: bool) -> pd.Series | None:
    """Add the sums up, or average their profiles; sums to 1e6."""
    if pooled:
        total = sum(sums, start=0.0)
    else:
        total = sum((values / values.sum() for values in sums if values.sum() > 0), start=0.0 * sums[0])
    return total / total.sum() * 1e6 if total.sum() > 0 else None


def read_reference(
    path: str | Path,
    malignant_values: Sequence[str] = (),
    lineages: Mapping[str, Sequence[str]] | None = None,
) -> Reference:
    """Read reference profiles and find out which states are tumour.

    Parameters
    ----------
    path
        The ``reference.tsv`` of a single-cell cohort (states named
        ``<compartment>|<lineage or patient>|<n_cells>|<n_patients>``), or ``<name>_profiles.parquet`` (genes x states)
        with ``<name>_map.tsv`` (``cell_type cell_state``) beside it.
    malignant_values
        Cell types that mean malignant, beside those whose words say so (``Cancer Epithelial``, ``Melanoma cells``).
    lineages
        By lineage, the cell types that belong to it; other labels are placed by their words.

    Returns
    -------
    Reference
        Columns scaled to sum to 1, states in the order of the file.

    Raises
    ------
    InputProblems
        Missing map, states without a label, duplicate genes, negative or missing values, empty states, no tumour
        state, no microenvironment state.
    """
    path = Path(path)
    if path.suffix == ".parquet":
        profiles, states = _read_profiles_file(path, malignant_values, lineages or {})
    else:
        profiles, states = _read_export(path)
    raise_if_any(_problems_of(path, profiles, states))
    profiles = profiles.astype(np.float64)
    return Reference(profiles / profiles.sum(axis=0), states)


def _read_export(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the text table that `export_reference` made."""
    table = read_user_table(path, str(path))
    profiles = table.set_index(table.columns[0])
    expected = "a column per state named <compartment>|<lineage or patient>|<n_cells>|<n_patients>"
    rows, problems, seen = [], [], set()
    for column in profiles.columns:
        fields = column.split("|")
        if (
            len(fields) != 4
            or fields[0] not in ("tumour", "microenvironment")
            or not all(map(str.isdecimal, fields[2:]))
        ):
            mend = "use the compartments/reference.tsv of a single-cell cohort"
            problems.append(Problem(str(path), f"column {column!r}", column, expected, mend))
            continue
        if list(profiles.columns).count(column) > 1 and column not in seen:
            problems.append(
                Problem(str(path), f"column {column!r}", "a second time", "each state once", "leave one out")
            )
        seen.add(column)
        rows.append({"compartment": fields[0], "lineage": fields[1], "n_cells": int(fields[2])})
    values, text = as_numbers(table.iloc[:, 1:], str(path))
    raise_if_any([*shorten(problems), *text])
    profiles = values.set_axis(profiles.index)
    return profiles, pd.DataFrame(rows, index=profiles.columns, columns=["compartment", "lineage", "n_cells"])


def _read_profiles_file(
    path: Path, malignant_values: Sequence[str], lineages: Mapping[str, Sequence[str]]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read a Parquet profiles file and the map beside it."""
    map_file = map_path(path)
    if not map_file.exists():
        mend = "put the table with columns cell_type and cell_state there"
        raise_if_any([Problem(str(path), "", f"no {map_file.name} beside it", "a map of states to cell types", mend)])
    profiles = _read_parquet(path)
    table = read_user_table(map_file, str(map_file), ("cell_type", "cell_state"), "name the columns so")
    labels = table.drop_duplicates("cell_state").set_index("cell_state")["cell_type"].reindex(profiles.columns)
    unlabelled = ", ".join(map(str, labels.index[labels.isna() | (labels == "")][:5]))
    if unlabelled:
        mend = "add a row for each state"
        raise_if_any([Problem(str(map_file), "", f"no cell_type for {unlabelled}", "a row per state", mend)])
    chosen = {label: lineage for lineage, names in lineages.items() for label in names}
    tumour = [is_tumour_label(label, malignant_values) for label in labels]
    lineage = [
        state if malignant else chosen.get(label, lineage_of_label(label))
        for state, label, malignant in zip(labels.index, labels, tumour, strict=True)
    ]
    compartment = np.where(tumour, "tumour", "microenvironment")
    states = pd.DataFrame({"compartment": compartment, "lineage": lineage, "n_cells": 0}, index=profiles.columns)
    return profiles, states


def _read_parquet(path: Path) -> pd.DataFrame:
    """Read genes x states; raise `InputProblems` when it is no such file."""
    try:
        profiles = pd.read_parquet(path)
    # What pyarrow raises for a damaged file depends on where the damage is.
    except Exception as error:
        mend = "write it again, for example with pandas' `to_parquet`"
        found = f"not readable ({str(error).splitlines()[0][:200]})"
        raise InputProblems([Problem(str(path), "", found, "a Parquet file", mend)]) from error
    text = [name for name in profiles.columns if not pd.api.types.is_numeric_dtype(profiles[name])]
    mend = "make the genes the index (`set_index`), and leave out what is no state"
    raise_if_any(
        shorten(Problem(str(path), f"column '{name}'", "text", "numbers, a column per state", mend) for name in text)
    )
    if profiles.empty or isinstance(profiles.index, pd.RangeIndex):
        found = "no rows" if profiles.empty else "rows without names"
        raise_if_any([Problem(str(path), "", found, "one row per gene, named in the index", mend)])
    return profiles


def _problems_of(path: Path, profiles: pd.DataFrame, states: pd.DataFrame) -> list[Problem]:
    """List everything that is wrong with a reference."""
    file, problems = str(path), []
    if duplicated := sorted(set(profiles.index[profiles.index.duplicated()])):
        found = ", ".join(map(str, duplicated[:5]))
        problems.append(Problem(file, f"genes {found}", "more than one row", "one row per gene", "sum the rows"))
    values = profiles.to_numpy(dtype=np.float64)
    for bad, what in ((values < 0, "negative"), (~np.isfinite(values), "missing or infinite")):
        if bad.any():
            row, column = np.argwhere(bad)[0]
            where = f"gene {profiles.index[row]!r}, state {profiles.columns[column]!r}"
            expected = "mean profiles on a linear scale, zero or more"
            mend = "give mean counts, CPM or TPM per state, not log values"
            value = f"{values[row, column]:g} ({bad.sum()} values are {what})"
            problems.append(Problem(file, where, value, expected, mend))
    if _looks_logged(values):
        value = f"values up to {values.max():.3g}, spread like logarithms"
        mend = "bring them back (2^x - 1 or e^x - 1), or average the counts"
        problems.append(Problem(file, "", value, "mean profiles on a linear scale", mend))
    empty = profiles.columns[(np.nan_to_num(values) == 0).all(axis=0)]
    if len(empty):
        expected = "a positive sum in every state"
        problems.append(Problem(file, f"states {', '.join(empty[:5])}", "all zero", expected, "leave them out"))
    for compartment, mend in (
        ("tumour", "use a cohort with malignant cells, or name the malignant cell types in malignant_values"),
        ("microenvironment", "use a reference that also holds non-malignant cells"),
    ):
        if not (states["compartment"] == compartment).any():
            found = f"{len(states)} states, none of the {compartment}"
            expected = f"at least one {compartment} state"
            problems.append(Problem(file, "", found, expected, mend))
    return problems


def _looks_logged(values: np.ndarray) -> bool:
    """Tell profiles of logarithms by what those of reads never are: small, of unequal sums, and flat.

    In two published references the strongest gene of a state has 320 times the mean of the genes or more; after a
    logarithm 98 times or less. Mean counts of cells are small as well, and scaled profiles have equal sums.
    """
    if not np.isfinite(values).all() or values.shape[1] < 2 or not 0 < values.max() <= LOG_HIGHEST:
        return False
    sums = values.sum(axis=0)
    if np.ptp(sums) <= EQUAL_SUMS * sums.max():
        return False
    peak = values.max(axis=0)[sums > 0] / values.mean(axis=0)[sums > 0]
    return bool(len(values) >= MIN_SHARED_GENES and np.median(peak) < LOG_PEAK)


def check_against_bulk(reference: Reference, genes: pd.Index, file: str, min_shared: int = MIN_SHARED_GENES) -> None:
    """Stop when bulk and reference share too few genes to fit fractions.

    Parameters
    ----------
    reference
        The reference.
    genes
        Genes of the bulk cohort.
    file
        Name of the reference file, for the message.
    min_shared
        Fewest shared genes.

    Raises
    ------
    InputProblems
        Fewer than `min_shared` genes in common.
    """
    shared = int(genes.isin(reference.profiles.index).sum())
    if shared < min_shared:
        example = ", ".join(map(str, reference.profiles.index[:3]))
        found = f"{shared} genes shared with the bulk cohort (reference: {example} ...)"
        expected = f"at least {min_shared} shared gene symbols"
        mend = "use a reference of the same species whose genes are symbols"
        raise_if_any([Problem(file, "", found, expected, mend)])
