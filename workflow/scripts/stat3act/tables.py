"""Reading and writing: every output appears whole or not at all, and with the same bytes each time."""

import gzip
import hashlib
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import pandas as pd

FLOAT_FORMAT = "%.6g"
# Text that a spreadsheet would run (OWASP, CSV injection). A number is none, nor is one sign by itself.
FORMULA = re.compile(r"(?:[=@\t\n]|[+-](?!(?:[\d.]+(?:[eE][+-]?\d+)?|inf|nan)$))(?=.)", re.DOTALL)
GUARD = "'"


def write_whole(path: str | Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then move it into place.

    What a killed job left of an earlier try is removed. The file is on the disk before it gets its name, so that
    neither a power cut nor a full disk that reports late leaves an empty file that counts as done.

    Parameters
    ----------
    path
        Final path; its folder is made when missing.
    write
        Called with the temporary path, which keeps the suffixes of ``path``.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial.{os.getpid()}.{path.name}")
    left = re.compile(rf"\.partial\.\d+\.{re.escape(path.name)}")
    for file in [file for file in path.parent.iterdir() if left.fullmatch(file.name)]:
        file.unlink(missing_ok=True)
    try:
        write(partial)
        with open(partial, "rb+") as handle:
            os.fsync(handle.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text with Unix line ends."""
    write_whole(path, lambda partial: partial.write_bytes(text.encode()))


def guard_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """Put an apostrophe before text that a spreadsheet would run as a formula; numbers stay as they are.

    A carriage return becomes a line feed: the former would end a row, in which what follows could begin a formula.
    """

    def guard(text: str) -> str:
        text = text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
        return GUARD + text if FORMULA.match(text) else text

    return _map_text(table, guard)


def unguard_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """Take the apostrophes of `guard_formulas` away."""
    return _map_text(table, lambda text: text[1:] if text[:1] == GUARD and FORMULA.match(text, 1) else text)


def _map_text(table: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    """Change the cells that are text; a table in which nothing changes comes back as it is."""
    changed = {}
    for place in range(table.shape[1]):
        column = table.iloc[:, place]
        if pd.api.types.is_numeric_dtype(column):
            continue
        # Text repeats: a look at each different value is enough.
        words = {word: change(word) for word in column.unique() if isinstance(word, str)}
        if words := {word: new for word, new in words.items() if new != word}:
            changed[place] = column.astype(object).map(lambda cell, words=words: words.get(cell, cell))
    if not changed:
        return table
    return pd.concat([changed.get(place, table.iloc[:, place]) for place in range(table.shape[1])], axis=1)


def write_table(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table as TSV (gzip by suffix), without its index, floats with six significant digits.

    Text that a spreadsheet would run as a formula gets an apostrophe, which `read_table` takes away again.
    """
    table = guard_formulas(table)
    text = table.to_csv(None, sep="\t", index=False, float_format=FLOAT_FORMAT, na_rep="", lineterminator="\n")

    def write(partial: Path) -> None:
        # A fixed time stamp keeps the bytes of a gzip file equal between runs.
        content = gzip.compress(text.encode(), mtime=0) if partial.suffix == ".gz" else text.encode()
        partial.write_bytes(content)

    write_whole(path, write)


def read_table(path: str | Path, **kwargs) -> pd.DataFrame:
    """Read a TSV written by `write_table`; only empty cells are missing values, and a sample named 001 stays 001."""
    kwargs["dtype"] = {"sample": str, "patient": str, "cell": str} | kwargs.get("dtype", {})
    return unguard_formulas(pd.read_csv(path, sep="\t", keep_default_na=False, na_values=[""], **kwargs))


def read_text_table(path: str | Path) -> pd.DataFrame:
    """Read a TSV with every cell as text; empty cells are empty strings."""
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)


def join_tables(paths: Iterable[str | Path]) -> pd.DataFrame:
    """Put tables of the same columns below each other, every cell as the text it is in its file."""
    return pd.concat([read_text_table(path) for path in paths], ignore_index=True)


def write_json(path: str | Path, value: object) -> None:
    """Write JSON with sorted keys."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def write_matrix(path: str | Path, matrix: pd.DataFrame) -> None:
    """Write a numeric table with its index as Parquet."""
    write_whole(path, lambda partial: matrix.to_parquet(partial, compression="zstd"))


class Matrices(Mapping):
    """Matrices of samples written by `write_matrix`, read each time one is asked for and never kept.

    Parameters
    ----------
    paths
        By sample.
    """

    def __init__(self, paths: Mapping[str, str | Path]):
        self.paths = paths

    def __getitem__(self, sample: str) -> pd.DataFrame:
        """Read the matrix of a sample."""
        return pd.read_parquet(self.paths[sample])

    def __iter__(self) -> Iterator[str]:
        """Go through the names of the samples."""
        return iter(self.paths)

    def __len__(self) -> int:
        """Count the samples."""
        return len(self.paths)


def write_h5ad(path: str | Path, adata) -> None:
    """Write an `anndata.AnnData` as h5ad, lightly compressed."""
    write_whole(path, lambda partial: adata.write_h5ad(partial, compression="gzip", compression_opts=1))


def read_expression(path: str | Path, layers: Iterable[str] = ()):
    """Read ``compartments/expression.h5ad`` without the layers that are not asked for; of a large cohort, gigabytes.

    Parameters
    ----------
    path
        The file.
    layers
        Layers to read where the file has them.

    Returns
    -------
    anndata.AnnData
    """
    import anndata as ad
    import h5py
    from anndata.io import read_elem

    with h5py.File(path) as file:
        parts = {name: read_elem(file[name]) for name in ("obs", "var", "uns")}
        found = {name: read_elem(file[f"layers/{name}"]) for name in layers if f"layers/{name}" in file}
        return ad.AnnData(read_elem(file["X"]), layers=found, **parts)


def sha256_of_file(path: str | Path) -> str:
    """Return the sha256 of a file's bytes, read in chunks."""
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        while chunk := handle.read(io.DEFAULT_BUFFER_SIZE * 128):
            digest.update(chunk)
    return digest.hexdigest()
