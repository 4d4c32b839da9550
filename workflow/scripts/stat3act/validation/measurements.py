"""A table of phospho measurements: read, checked, and matched with the samples of the cohort."""

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from stat3act.problems import InputProblems, Problem, raise_if_any
from stat3act.user_tables import MISSING, read_user_table

MIN_SAMPLES = 8
NO_MATCH = "no phospho measurement"
SAME_KEY = "another sample with the same name start is used"
SAME_PATIENT = "another sample of the patient is used"


def read_measurements(path: str | Path) -> pd.DataFrame:
    """Read a phospho table as text, first column sample names."""
    return read_user_table(path, str(path))


def match_samples(samples: pd.DataFrame, measured: Iterable[str], characters: int | None) -> pd.DataFrame:
    """Find the phospho measurement of each sample, one sample per patient.

    Names are compared on their first ``characters``. Where several aliquots share a start, and where a patient has
    several matched samples, the first in alphabetical order is used (in TCGA the primary tumour, ``-01``, comes before
    the normal, ``-11``), so that no patient counts twice.

    Parameters
    ----------
    samples
        Columns ``sample patient``.
    measured
        Sample names of the phospho table that have a value.
    characters
        Length of the start that must agree; None for the whole name.

    Returns
    -------
    ``sample patient phospho_sample note``, sorted by sample; ``note`` says why a sample is left out.
    """
    aliquots: dict[str, str] = {}
    for name in sorted(measured):
        aliquots.setdefault(name[:characters], name)
    table = samples[["sample", "patient"]].sort_values("sample", ignore_index=True)
    key = table["sample"].str.slice(0, characters)
    found = key.map(aliquots)
    note = pd.Series("", table.index).mask(found.isna(), NO_MATCH)
    note = note.mask(note.eq("") & key.duplicated(), SAME_KEY)
    open_rows = note.eq("")
    repeated = table.loc[open_rows, "patient"].duplicated()
    note.loc[repeated.index[repeated]] = SAME_PATIENT
    return table.assign(phospho_sample=found.where(note.eq(""), ""), note=note)


def phospho_values(table: pd.DataFrame, column: str, file: str) -> pd.Series:
    """Return the phospho column as numbers, indexed by sample name, without missing values.

    Parameters
    ----------
    table
        First column sample names, other columns sites or antibodies, as text or numbers.
    column
        Name of the phospho-STAT3 column.
    file
        Name of the table's file, for messages.

    Raises
    ------
    InputProblems
        When the column is missing (near matches are named), holds text or infinite numbers, or a sample name is there
        twice.
    """
    if column not in table.columns[1:]:
        near = difflib.get_close_matches(column, [str(name) for name in table.columns[1:]], n=5, cutoff=0.4)
        found = f"no column {column!r}; nearest: {', '.join(near)}" if near else f"no column {column!r}, none like it"
        mend = "set validation.phospho_column (or phospho_s727_column) to one of the table's columns"
        raise_if_any([Problem(file, f"column {column!r}", found, "a column of phospho-STAT3 values", mend)])
    if (times := list(table.columns).count(column)) > 1:
        mend = "rename or remove the others"
        raise_if_any([Problem(file, f"column {column!r}", f"{times} columns of this name", "one", mend)])
    names = table.iloc[:, 0].astype(str)
    values = pd.to_numeric(table[column], errors="coerce")
    problems = []
    text = values.isna() & ~table[column].astype(str).str.strip().str.lower().isin(MISSING) | np.isinf(values)
    if text.any():
        example = f"{table.loc[text, column].iloc[0]!r} for {names[text].iloc[0]} ({int(text.sum())} such cells)"
        problems.append(Problem(file, f"column {column!r}", example, "numbers or empty cells", "correct the cells"))
    if names.duplicated().any():
        twice = sorted(set(names[names.duplicated()]))
        mend = "keep one row per sample name"
        problems.append(Problem(file, "first column", f"{', '.join(twice[:5])} twice", "each sample name once", mend))
    raise_if_any(problems)
    return pd.Series(values.to_numpy(float), index=names.to_numpy()).dropna()


def too_few_matches(matched: pd.DataFrame, phospho: pd.Series, file: str) -> list[Problem]:
    """Say so when fewer than `MIN_SAMPLES` samples have a measurement.

    Parameters
    ----------
    matched
        From `match_samples`.
    phospho
        From `phospho_values`.
    file
        Name of the phospho table, for the message.
    """
    used = int(matched["note"].eq("").sum())
    if used >= MIN_SAMPLES:
        return []
    names = f"{used} of {len(matched)} samples match (e.g. sample {matched['sample'].iloc[0]!r}, "
    names += f"phospho {phospho.index[0]!r})" if len(phospho) else "the phospho table is empty)"
    mend = "check the names, or set validation.phospho_sample_characters (15 for TCGA barcodes)"
    return [Problem(file, "first column", names, f"{MIN_SAMPLES} or more matched samples", mend)]


def phospho_problems(config: Mapping, sheet: pd.DataFrame) -> list[Problem]:
    """Return everything that is wrong with the phospho table that a configuration names.

    Parameters
    ----------
    config
        Configuration with its defaults. A file that does not exist is the business of `stat3act.named_files`.
    sheet
        Sample sheet, columns ``sample patient``.
    """
    validation = config["validation"]
    name = validation["phospho"]
    path = Path(config["data_dir"]) / name if name else None
    if path is None or not path.is_file():
        return []
    problems: list[Problem] = []
    try:
        table = read_measurements(path)
        for column in filter(None, (validation["phospho_s727_column"], validation["phospho_column"])):
            try:
                values = phospho_values(table, column, str(path))
            except InputProblems as error:
                problems += error.problems
    except InputProblems as error:
        return list(error.problems)
    if not problems:
        matched = match_samples(sheet, values.index, validation["phospho_sample_characters"])
        problems += too_few_matches(matched, values, str(path))
    return problems
