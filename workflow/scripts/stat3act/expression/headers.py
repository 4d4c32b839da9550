"""What the files of a sample sheet hold, seen from their headers alone, and what is wrong with them.

This runs while the workflow starts: the first lines of a table, the schema of a Parquet file, the structure of an HDF5
file. h5py and pyarrow are imported where they are needed, because every job parses the workflow again.
"""

import csv
import difflib
import gzip
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stat3act.expression.tenx import folder_parts
from stat3act.problems import Problem

SEPARATORS = {".tsv": "\t", ".txt": "\t", ".tab": "\t", ".csv": ","}
BULK_SUFFIXES = (*SEPARATORS, *(f"{suffix}.gz" for suffix in SEPARATORS), ".parquet", ".h5ad")
CELL_SUFFIXES = (".h5ad", ".h5")
SHOWN = 8

Parts = tuple[str, str, str]


class UnreadableFile(ValueError):
    """A file that cannot be read as what its name says.

    Parameters
    ----------
    value, expected, mend
        As in `stat3act.problems.Problem`.
    """

    def __init__(self, value: str, expected: str, mend: str):
        self.parts = (value, expected, mend)
        super().__init__(f"{value}; expected {expected}")


@dataclass(frozen=True)
class TableHeader:
    """Where a bulk table (text or Parquet) holds what.

    Attributes
    ----------
    columns
        Names of all columns in order; of a text file whose header is one cell shorter than its rows (as R writes
        it) the first is empty.
    gene_column
        Name of the column with the gene ids.
    separator
        Of a text file; empty for Parquet.
    skip
        Lines before the header that begin with ``#``.
    """

    columns: tuple[str, ...]
    gene_column: str
    separator: str = ""
    skip: int = 0

    @property
    def samples(self) -> list[str]:
        """Columns that may be samples."""
        return [name for name in self.columns if name != self.gene_column]


def suffix_of(path: str | Path, known: Sequence[str]) -> str:
    """Return which of the known suffixes a path has, or an empty string."""
    return max((suffix for suffix in known if str(path).lower().endswith(suffix)), key=len, default="")


def shown(names: Sequence[str]) -> str:
    """Return the first few names, and how many there are."""
    few = ", ".join(str(name) for name in names[:SHOWN])
    return f"{few}, ... ({len(names)} in all)" if len(names) > SHOWN else few or "none"


def near(word: str, names: Sequence[str]) -> list[str]:
    """Return up to three names that resemble a word: first those that contain it or are contained in it."""
    low = word.lower()
    inside = [name for name in names if name and (low in name.lower() or name.lower() in low)]
    close = difflib.get_close_matches(word, names, n=3, cutoff=0.7)
    return list(dict.fromkeys([*inside[:3], *close]))[:3]


def read_header(path: str | Path, gene_column: str | None) -> TableHeader:
    """Read the header of a bulk table.

    Parameters
    ----------
    path
        Text (.tsv, .txt, .tab, .csv, each with or without .gz) or Parquet.
    gene_column
        Column of the gene ids; None means the index of a Parquet file that has one, else the first column.

    Raises
    ------
    UnreadableFile
        When the file is not such a table or lacks the gene column.
    """
    suffix = suffix_of(path, BULK_SUFFIXES)
    if suffix == ".parquet":
        columns, default, separator, skip = (*_parquet_columns(path), "", 0)
    else:
        columns, separator, skip = _text_columns(path, SEPARATORS[suffix.removesuffix(".gz")])
        default = columns[0]
    wanted = default if gene_column is None else gene_column
    if wanted not in columns:
        found = near(wanted, columns)
        mend = f"set `expression.gene_column` to {' or '.join(map(repr, found))}" if found else "correct or remove it"
        expected = f"the column '{wanted}' (`expression.gene_column`) among: {shown(columns)}"
        raise UnreadableFile(f"no column '{wanted}'", expected, mend)
    return TableHeader(tuple(columns), wanted, separator, skip)


def _parquet_columns(path: str | Path) -> tuple[list[str], str]:
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
    except (OSError, ValueError) as error:
        mend = "write it again, for example with pandas' `to_parquet`"
        raise UnreadableFile(f"no Parquet file ({error})", "a Parquet file", mend) from None
    columns = [str(name) for name in schema.names]
    if not columns:
        raise UnreadableFile("no columns", "a column of gene ids and one column per sample", "check the matrix")
    index = [name for name in (schema.pandas_metadata or {}).get("index_columns", []) if isinstance(name, str)]
    return columns, index[0] if index else columns[0]


def _text_columns(path: str | Path, separator: str) -> tuple[list[str], str, int]:
    opener = gzip.open if str(path).endswith(".gz") else open
    skip, lines = 0, []
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline="") as handle:
            for line in handle:
                if not lines and line.startswith("#"):
                    skip += 1
                    continue
                lines.append(line)
                if len(lines) == 2:
                    break
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        mend = "write it again as UTF-8 text; .gz only when it is compressed with gzip"
        raise UnreadableFile(f"not readable as text ({error})", "a text table", mend) from None
    if len(lines) < 2:
        found = "an empty file" if not lines else "a header without rows"
        raise UnreadableFile(found, "a header and one row per gene", "check how the matrix was written")
    header, first = (next(csv.reader([line], delimiter=separator)) for line in lines)
    if len(first) == len(header) + 1:
        header = ["", *header]
    if len(header) < 2:
        word = "tabs" if separator == "\t" else "commas"
        mend = "the suffix decides the separator: .csv has commas; .tsv, .txt and .tab have tabs"
        raise UnreadableFile("a single column", f"columns separated by {word}", mend)
    return header, separator, skip


def missing_sample(name: str, available: Sequence[str], holder: str, key: str) -> Parts | None:
    """Return what is wrong when a sample is not, or twice, among the names a matrix offers.

    Parameters
    ----------
    name
        What the sheet says.
    available
        Names in the matrix.
    holder
        What holds them, for the message: ``columns`` or ``values of .obs['sample']``.
    key
        Sheet column to correct.
    """
    times = list(available).count(name)
    if times == 1:
        return None
    if times > 1:
        return f"'{name}' {times} times among the {holder}", "each sample once", "rename one of them in the matrix"
    close = near(name, available)
    mend = f"write {' or '.join(map(repr, close))} into column `{key}`" if close else f"correct column `{key}`"
    if key == "column":
        mend += " of the sample sheet; it holds the matrix's name of the sample"
    return f"'{name}', which is not among the {holder}", f"one of: {shown(available)}", mend


def check_headers(
    rows: Sequence[Mapping[str, str]],
    expression: Mapping,
    compartments: Mapping,
    data_dir: str | Path,
    sheet_file: str = "sample sheet",
    numbers: Sequence[int] | None = None,
) -> list[Problem]:
    """Return everything wrong with the files of a sample sheet that their headers show.

    Parameters
    ----------
    rows
        Rows of the sample sheet: ``sample``, ``path``, optionally ``column`` (the sample's name in the matrix).
    expression, compartments
        These sections of the config, complete with defaults.
    data_dir
        Folder that relative paths start from.
    sheet_file
        Name of the sheet, for the messages.
    numbers
        Number of each row in the sheet; without it the first is row 2, after the header.

    Returns
    -------
    One problem per file or sample and thing; a file shared by many samples is opened once.
    """
    by_path: dict[str, list[tuple[int, Mapping[str, str]]]] = {}
    for number, row in zip(numbers or range(2, len(rows) + 2), rows, strict=True):
        by_path.setdefault(row["path"], []).append((int(number), row))
    if expression["type"] == "bulk":
        from stat3act.expression.headers_bulk import check_bulk as check
    else:
        from stat3act.expression.headers_cells import check_cells as check
    problems = []
    for path, users in by_path.items():
        known = BULK_SUFFIXES if expression["type"] == "bulk" else CELL_SUFFIXES
        found = _check_path(Path(data_dir) / path, known)
        if found:
            found = [(users[0][0], "path", found)]
        else:
            found = check(Path(data_dir) / path, users, expression, compartments)
        for row, column, (value, expected, mend) in found:
            # What holds for the file is said once, at the first row that names it.
            others = len(users) - 1 if column == "path" and row == users[0][0] else 0
            shared = f" (and {others} more rows with this file)" if others else ""
            where = f"row {row}, column '{column}'{shared}"
            text = f"{path}: {value}" if column == "path" or path not in value else value
            problems.append(Problem(sheet_file, where, text, expected, mend))
    return problems


def _check_path(path: Path, known: Sequence[str]) -> Parts | None:
    """Return what is wrong with a path before anything is opened."""
    if not path.exists():
        close = near(path.name, [item.name for item in path.parent.iterdir()]) if path.parent.is_dir() else []
        start = "it is relative to `data_dir`"
        mend = f"is it {' or '.join(map(repr, close))}? {start}" if close else f"correct the path; {start}"
        return "no such file", "a file or folder that exists", mend
    if path.is_dir():
        if known is BULK_SUFFIXES:
            return "a folder", f"a file ({', '.join(known)})", "name the matrix in it"
        missing, _ = folder_parts(path)
        if missing:
            expected = "a 10x folder: matrix.mtx, features.tsv (or genes.tsv) and barcodes.tsv, each may end in .gz"
            return f"a folder without {', '.join(missing)}", expected, "name the folder that holds these three files"
        return None
    if not suffix_of(path, known):
        kind = "bulk" if known is BULK_SUFFIXES else "single_cell"
        expected = f"one of {', '.join(known)}{'' if kind == 'bulk' else ' or a 10x folder'}"
        mend = f"convert it, or rename it if only the suffix is wrong (`expression.type` is {kind})"
        return "an unknown suffix", expected, mend
    if path.stat().st_size == 0:
        return "an empty file", "a matrix", "check how the matrix was written"
    return None
