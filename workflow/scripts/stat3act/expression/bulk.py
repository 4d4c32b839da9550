"""Bulk cohorts: from the matrices a sample sheet names to one matrix in one gene language and on one log2 scale."""

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd

from stat3act.expression import h5ad
from stat3act.expression.genes import GeneLanguage, GeneMap, keep_best, map_genes, sum_rows
from stat3act.expression.headers import BULK_SUFFIXES, UnreadableFile, missing_sample, read_header, suffix_of
from stat3act.expression.headers_bulk import available_samples
from stat3act.expression.scale import LINEAR, LOG, check_scale, offset_problems, to_linear, to_log2
from stat3act.logs import log
from stat3act.problems import InputProblems, Problem, raise_if_any

# What reading a file that was cut off, or has a wrong byte, can end in.
DAMAGED = (OSError, EOFError, zlib.error, UnicodeDecodeError, pd.errors.ParserError)
# Genes with a missing value are left out when they are fewer than this share, as in two-colour arrays with spots that
# could not be read; more of them say that something else is wrong.
MISSING_SHARE = 0.05
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
    joined, dropped = _join([part for part, _ in parts])
    samples = [row["sample"] for row in rows]
    joined = joined[samples]
    raise_if_any(_empty_samples(joined, scale, files))
    totals = joined.sum(axis=0) if scale in LINEAR else pd.Series(np.nan, index=samples)
    quality = _quality(rows, [report for _, report in parts], dropped, len(joined), totals)
    if log_offset is not None:
        raise_if_any(offset_problems(joined.to_numpy(), log_offset, joined.index, samples, ", ".join(files[:3])))
    return _assemble(joined, language, scale, log_offset), quality


def _assemble(joined: pd.DataFrame, language: GeneLanguage, scale: str, log_offset: float | None) -> ad.AnnData:
    """Return symbols x samples as the AnnData that is written."""
    logged, linear = to_log2(joined.to_numpy(), scale)
    if log_offset is not None:
        linear = to_linear(logged, log_offset)
    cohort = ad.AnnData(
        X=np.ascontiguousarray(logged.T, dtype=np.float32),
        obs=pd.DataFrame(index=pd.Index(joined.columns, name="sample")),
        var=language.positions(joined.index),
        uns={"scale": scale},
    )
    if linear is not None:
        cohort.layers["linear"] = np.ascontiguousarray(linear.T, dtype=np.float32)
    return cohort


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


def _join(parts: list[pd.DataFrame]) -> tuple[pd.DataFrame, list[int]]:
    """Put files side by side, keeping the symbols they share; return how many each file loses."""
    shared = sorted(set.intersection(*(set(part.index) for part in parts)))
    return pd.concat([part.loc[shared] for part in parts], axis=1), [len(part) - len(shared) for part in parts]


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
    except DAMAGED as error:
        mend = "write or download it again"
        raise InputProblems([Problem(file, "", f"a damaged file ({error})", "a whole file", mend)]) from None
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
        values[:, order] = h5ad.read_rows(h5ad.matrix(file, layer), rows[order]).toarray().T
    return ids, values


def _read_parquet(path, names, gene_column, layer):
    import pyarrow.parquet as pq

    header = read_header(path, gene_column)
    table = pq.read_table(path, columns=[header.gene_column, *names]).to_pandas(ignore_metadata=True)
    return _as_text(table[header.gene_column]), _as_numbers(table[names], table[header.gene_column], str(path))


def _read_text(path, names, gene_column, layer):
    header = read_header(path, gene_column)
    columns = [header.columns.index(name) for name in (header.gene_column, *names)]
    table = pd.read_csv(
        path,
        sep=header.separator,
        # By position: names may repeat among the columns that nobody asks for.
        header=None,
        skiprows=header.skip + 1,
        usecols=sorted(columns),
        dtype={columns[0]: str},
        low_memory=False,
    )
    values = table[columns[1:]].set_axis(names, axis=1)
    return _as_text(table[columns[0]]), _as_numbers(values, table[columns[0]], str(path))


def _as_text(ids: pd.Series) -> np.ndarray:
    """Return gene ids as text; Entrez ids that a missing one has turned into floats are whole again."""
    if pd.api.types.is_float_dtype(ids):
        return np.array(["" if np.isnan(name) else f"{name:.0f}" for name in ids], dtype=object)
    return ids.fillna("").astype(str).to_numpy(dtype=object)


def _as_numbers(table: pd.DataFrame, ids: pd.Series, file: str) -> np.ndarray:
    """Return values as float64; text among them is a problem that says where."""
    numbers = table.apply(pd.to_numeric, errors="coerce")
    text = (numbers.isna() & table.notna()).to_numpy()
    if text.any():
        row, column = np.argwhere(text)[0]
        where = f"gene {ids.iloc[row]}, sample {table.columns[column]}"
        value = f"'{table.iloc[row, column]}' ({int(text.sum())} such cells)"
        mend = "write numbers with a decimal point and without separators of thousands; leave unknown cells empty"
        raise InputProblems([Problem(file, where, value, "a number", mend)])
    return numbers.to_numpy(dtype=np.float64)
