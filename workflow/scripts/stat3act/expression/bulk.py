"""Bulk cohorts: from the matrices a sample sheet names to one matrix in one gene language and on one log2 scale."""

import csv
import gzip
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pyarrow as pa

from stat3act.expression import h5ad
from stat3act.expression.genes import GeneLanguage, GeneMap, keep_best, map_genes, sum_rows
from stat3act.expression.headers import (
    BULK_SUFFIXES,
    TableHeader,
    UnreadableFile,
    missing_sample,
    read_header,
    suffix_of,
)
from stat3act.expression.headers_bulk import available_samples
from stat3act.expression.scale import LINEAR, LOG, check_scale, offset_problems, to_linear, to_log2
from stat3act.logs import log
from stat3act.problems import InputProblems, Problem, raise_if_any, shorten

# Genes with a missing value are left out when they are fewer than this share, as in two-colour arrays with spots that
# could not be read; more of them say that something else is wrong.
MISSING_SHARE = 0.05
# Of a cohort of ten thousand samples one matrix in float64 is 1.6 GB: what follows from it is made part by part.
SAMPLES_AT_ONCE, ROWS_AT_ONCE = 512, 2000
QC_COLUMNS = (
    "sample",
    "genes_in",
    "genes_kept",
    "genes_unmapped",
    "genes_ambiguous",
    "genes_merged",
    "genes_dropped",
    "example_unmapped",
    "library_size",
)


def harmonise_cohort(
    files: Sequence[str],
    rows: Sequence[Mapping],
    genes: pd.DataFrame,
    scale: str,
    gene_column: str | None = None,
    layer: str | None = None,
    log_offset: float | None = None,
) -> tuple[ad.AnnData, pd.DataFrame]:
    """Bring the samples of a bulk cohort into one matrix.

    Parameters
    ----------
    files
        The matrices; each is read once, however many samples it holds.
    rows
        One mapping per sample: ``sample``, ``column`` (its name in the matrix) and ``matrix`` (position in ``files``).
    genes
        The gene table, all text.
    scale
        Declared scale, see `stat3act.expression.scale.check_scale`.
    gene_column
        Column of the gene ids; None: see `stat3act.expression.headers.read_header`.
    layer
        Layer of h5ad files; None is ``.X``.
    log_offset
        Scale ``log2``: what was added before the logarithm; None where that is not known.

    Returns
    -------
    cohort
        Samples (in the order of ``rows``) x symbols (sorted, those that all files have). ``X`` float32, log2 scale;
        ``layers["linear"]`` where there is one (`stat3act.expression.scale.to_log2`, ``to_linear``); ``var`` has hg38
        positions; ``uns["scale"]``.
    quality
        One row per sample: what became of the genes, and the total of the kept ones on linear scales.

    Raises
    ------
    InputProblems
        With everything that is wrong with all the files.
    """
    language = GeneLanguage(genes)
    parts = _harmonise_files(files, rows, language, scale, gene_column, layer)
    reports = [report for _, report in parts]
    samples = [row["sample"] for row in rows]
    joined, dropped = _join([part for part, _ in parts], samples)
    del parts
    raise_if_any(_empty_samples(joined, scale, files))
    totals = joined.sum(axis=0) if scale in LINEAR else pd.Series(np.nan, index=samples)
    quality = _quality(rows, reports, dropped, len(joined), totals)
    if log_offset is not None:
        raise_if_any(offset_problems(joined.to_numpy(), log_offset, joined.index, samples, ", ".join(files[:3])))
    return _assemble(joined, language, scale, log_offset), quality


def _assemble(joined: pd.DataFrame, language: GeneLanguage, scale: str, log_offset: float | None) -> ad.AnnData:
    """Return symbols x samples as the AnnData that is written."""
    values = joined.to_numpy()
    has_linear = scale in LINEAR or log_offset is not None
    totals = values.sum(axis=0) if scale in LINEAR else np.full(values.shape[1], np.nan)
    written = {name: np.empty(values.T.shape, dtype=np.float32) for name in ("logged", *["linear"] * has_linear)}
    for start in range(0, values.shape[1], SAMPLES_AT_ONCE):
        part = slice(start, start + SAMPLES_AT_ONCE)
        logged, linear = to_log2(values[:, part], scale, totals[part])
        if log_offset is not None:
            linear = to_linear(logged, log_offset)
        written["logged"][part] = logged.T
        if has_linear:
            written["linear"][part] = linear.T
    return ad.AnnData(
        X=written.pop("logged"),
        obs=pd.DataFrame(index=pd.Index(joined.columns, name="sample")),
        var=language.positions(joined.index),
        uns={"scale": scale},
        layers=written,
    )


def _harmonise_files(files, rows, language, scale, gene_column, layer) -> list[tuple[pd.DataFrame, dict]]:
    """Harmonise every file by itself, and gather the problems of all of them."""
    parts, problems = [], []
    for number, file in enumerate(files):
        users = [row for row in rows if int(row["matrix"]) == number]
        log.info("reading %d samples from %s", len(users), file)
        try:
            parts.append(_harmonise_file(file, users, language, scale, gene_column, layer))
        except InputProblems as error:
            problems += error.problems
    raise_if_any(problems)
    return parts


def _harmonise_file(file, users, language, scale, gene_column, layer) -> tuple[pd.DataFrame, dict]:
    """Read one matrix; return symbols x samples (float64) and what became of its genes."""
    names = [row["column"] for row in users]
    ids, values = read_bulk(file, names, gene_column, layer)
    ids, values, missing = _leave_out_missing(ids, values, scale)
    raise_if_any(check_scale(values, scale, ids, names, file))
    found = map_genes(ids, language, _strength(values, scale), file)
    report = dict(found.report)
    report["genes_in"] += missing
    report["genes_dropped"] = missing
    return _combine(values, found, scale, [row["sample"] for row in users]), report


def _strength(values: np.ndarray, scale: str) -> np.ndarray:
    means = values.mean(axis=1)
    # On a log scale every gene of the platform counts as expressed; the order still says which are strongest.
    return means - means.min() + 1 if scale in LOG else means


def _combine(values: np.ndarray, found: GeneMap, scale: str, samples: list[str]) -> pd.DataFrame:
    merged = keep_best(values, found) if scale in LOG else sum_rows(values, found)
    return pd.DataFrame(merged, index=found.symbols, columns=samples)


def _leave_out_missing(ids: np.ndarray, values: np.ndarray, scale: str) -> tuple[np.ndarray, np.ndarray, int]:
    """Leave out genes with missing values on log scales, when they are few; return how many they were."""
    missing = np.isnan(values).any(axis=1)
    if scale in LINEAR or not missing.any() or missing.mean() >= MISSING_SHARE:
        return ids, values, 0
    return ids[~missing], values[~missing], int(missing.sum())


def _join(parts: list[pd.DataFrame], samples: list[str]) -> tuple[pd.DataFrame, list[int]]:
    """Put files side by side in the order of the samples, with the symbols they share; and how many each file loses."""
    if len(parts) == 1 and list(parts[0].columns) == samples:
        return parts[0], [0]
    shared = sorted(set.intersection(*(set(part.index) for part in parts)))
    joined = pd.concat([part.loc[shared] for part in parts], axis=1)
    return joined[samples], [len(part) - len(shared) for part in parts]


def _empty_samples(joined: pd.DataFrame, scale: str, files: Sequence[str]) -> list[Problem]:
    """Name what has no gene left after harmonising: a cohort of unrelated matrices, or a sample of unknown genes."""
    holder = ", ".join(files[:3])
    if joined.empty:
        mend = "give matrices of the same platform, or make two cohorts of them"
        return [Problem(holder, "", "no gene that all matrices share", "one gene language", mend)]
    if scale in LOG:
        return []
    empty = joined.columns[joined.sum(axis=0) == 0]
    expected, mend = "expression of known genes", "remove it from the sample sheet, or correct the matrix"
    return [Problem(holder, f"sample {name}", "only zeros in known genes", expected, mend) for name in empty]


def _quality(rows, reports, dropped, kept, totals) -> pd.DataFrame:
    table = []
    for row in rows:
        number = int(row["matrix"])
        report = dict(reports[number])
        report["genes_dropped"] += dropped[number]
        report["genes_kept"] = kept
        total = totals[row["sample"]]
        table.append({"sample": row["sample"], "library_size": pd.NA if np.isnan(total) else round(total), **report})
    return pd.DataFrame(table, columns=list(QC_COLUMNS)).astype({"library_size": "Int64"})


def read_bulk(
    file: str, names: Sequence[str], gene_column: str | None = None, layer: str | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Read some samples of a bulk matrix.

    Parameters
    ----------
    file
        Text table, Parquet (genes in rows) or h5ad (samples in rows).
    names
        Names of the samples in the matrix.
    gene_column, layer
        As in `harmonise_cohort`.

    Returns
    -------
    Gene ids as text, and values genes x samples (float64).

    Raises
    ------
    InputProblems
        When the file cannot be read, lacks samples or holds text instead of numbers.
    """
    path = Path(file)
    try:
        available = available_samples(path, gene_column, layer)
        found = [missing_sample(name, available, "samples of the matrix", "column") for name in names]
        raise_if_any(
            Problem(file, f"sample {name}", *part) for name, part in zip(names, found, strict=True) if part is not None
        )
        suffix = suffix_of(path, BULK_SUFFIXES)
        read = {".h5ad": _read_h5ad, ".parquet": _read_parquet}.get(suffix, _read_text)
        ids, values = read(path, list(names), gene_column, layer)
    except UnreadableFile as error:
        raise InputProblems([Problem(file, "", *error.parts)]) from None
    except (OSError, EOFError, ValueError, zlib.error, pa.ArrowException) as error:
        found = f"not readable to its end ({str(error).strip().splitlines()[0]})"
        raise InputProblems([Problem(file, "", found, "a whole matrix", "write or download it again")]) from error
    if not len(ids):
        mend = "check how the matrix was written"
        raise InputProblems([Problem(file, "", "an empty matrix: no rows", "one row per gene", mend)])
    return ids, values


def _read_h5ad(path, names, gene_column, layer):
    with h5ad.open_file(path) as file:
        var = h5ad.frame(file, h5ad.var_name(file, layer))
        ids = h5ad.read_column(var, gene_column) if gene_column else h5ad.read_index(var)
        position = {name: row for row, name in enumerate(h5ad.read_index(h5ad.frame(file, "obs")))}
        rows = np.array([position[name] for name in names])
        order = np.argsort(rows)
        values = np.empty((len(ids), len(names)))
        for start in range(0, len(order), SAMPLES_AT_ONCE):
            part = order[start : start + SAMPLES_AT_ONCE]
            values[:, part] = h5ad.read_rows(h5ad.matrix(file, layer), rows[part]).toarray().T
    return ids, values


def _read_parquet(path, names, gene_column, layer):
    import pyarrow.parquet as pq

    gene_column = read_header(path, gene_column).gene_column
    with pq.ParquetFile(path) as file:
        ids = file.read(columns=[gene_column]).to_pandas(ignore_metadata=True)[gene_column]
        parts = []
        for start in range(0, len(names), SAMPLES_AT_ONCE):
            part = names[start : start + SAMPLES_AT_ONCE]
            table = file.read(columns=part).to_pandas(ignore_metadata=True)[part]
            parts.append(_floats(table, column=start))
    return _as_text(ids), _as_numbers(parts, ids, names, str(path))


def _read_text(path, names, gene_column, layer):
    header = read_header(path, gene_column)
    raise_if_any(shorten(_ragged_rows(path, header)))
    columns = [header.columns.index(name) for name in (header.gene_column, *names)]
    chunks = pd.read_csv(
        path,
        sep=header.separator,
        # By position: names may repeat among the columns that nobody asks for.
        header=None,
        skiprows=header.skip + 1,
        usecols=sorted(columns),
        dtype={columns[0]: str},
        low_memory=False,
        chunksize=ROWS_AT_ONCE,
    )
    ids, parts, start = [], [], 0
    for table in chunks:
        ids.append(table[columns[0]])
        parts.append(_floats(table[columns[1:]].set_axis(names, axis=1), row=start))
        start += len(table)
    ids = pd.concat(ids) if ids else pd.Series(dtype=object)
    return _as_text(ids), _as_numbers(parts, ids, names, str(path))


def _ragged_rows(path: Path, header: TableHeader) -> Iterator[Problem]:
    """Yield rows whose number of cells is not that of the header: values behind the mistake are of other samples."""
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    width, separator = len(header.columns), header.separator
    with opener(path, "rt", encoding="utf-8-sig", newline="") as handle:
        for number, line in enumerate(islice(handle, header.skip + 1, None), header.skip + 2):
            cells = line.count(separator) + 1
            # A quoted cell may hold separators.
            if cells != width and '"' in line:
                cells = len(next(csv.reader([line], delimiter=separator)))
            if cells != width and line.strip():
                expected = f"{width} cells, as in the header"
                mend = "one separator between two cells, also where a cell is empty"
                yield Problem(str(path), f"row {number}", f"{cells} cells", expected, mend)


def _as_text(ids: pd.Series) -> np.ndarray:
    """Return gene ids as text; Entrez ids that a missing one has turned into floats are whole again."""
    if pd.api.types.is_float_dtype(ids):
        return np.array(["" if np.isnan(name) else f"{name:.0f}" for name in ids], dtype=object)
    return ids.fillna("").astype(str).to_numpy(dtype=object)


@dataclass(frozen=True)
class _Floats:
    """A part of a table: its values, where it begins, how many cells are text, and the first of them."""

    values: np.ndarray
    row: int
    column: int
    text: int = 0
    # Row and column in the whole table, and what stands there.
    first: tuple[int, int, str] = (0, 0, "")


def _floats(table: pd.DataFrame, row: int = 0, column: int = 0) -> _Floats:
    """Return the values of a part that begins at a row and column as float64, text among them as missing values."""
    if all(_is_number(kind) for kind in table.dtypes):
        return _Floats(table.to_numpy(dtype=np.float64), row, column)
    numbers = table.apply(lambda values: pd.to_numeric(_readable(values), errors="coerce")).astype(np.float64)
    text = (numbers.isna() & table.notna()).to_numpy()
    down, right = np.argwhere(text)[0] if text.any() else (0, 0)
    first = (row + down, column + right, str(table.iloc[down, right]))
    return _Floats(numbers.to_numpy(dtype=np.float64), row, column, int(text.sum()), first)


def _as_numbers(parts: list[_Floats], ids: pd.Series, names: list[str], file: str) -> np.ndarray:
    """Put the parts of a table together, one let go after the other; text is a problem that says where."""
    values = np.empty((len(ids), len(names)))
    text, first = 0, []
    while parts:
        part = parts.pop(0)
        rows, columns = part.values.shape
        values[part.row : part.row + rows, part.column : part.column + columns] = part.values
        text += part.text
        first += [part.first] if part.text else []
    if text:
        row, column, word = min(first)
        where = f"gene {ids.iloc[row]}, sample {names[column]}"
        mend = "write numbers with a decimal point and without separators of thousands; leave unknown cells empty"
        raise InputProblems([Problem(file, where, f"'{word}' ({text} such cells)", "a number", mend)])
    return values


def _is_number(kind) -> bool:
    """Tell whether a type holds numbers; truth values would pass as such."""
    return pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind)


def _readable(column: pd.Series) -> pd.Series:
    """Return a column as it is when it holds numbers, else as text: truth values and dates would pass as numbers."""
    return column if _is_number(column.dtype) else column.astype(object).where(column.isna(), column.astype(str))
