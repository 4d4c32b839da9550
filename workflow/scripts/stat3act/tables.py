"""Reading and writing: every output appears whole or not at all, and with the same bytes each time."""

import gzip
import hashlib
import io
import json
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd

FLOAT_FORMAT = "%.6g"


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


def write_table(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table as TSV (gzip by suffix), without its index, floats with six significant digits."""
    text = table.to_csv(None, sep="\t", index=False, float_format=FLOAT_FORMAT, na_rep="", lineterminator="\n")

    def write(partial: Path) -> None:
        # A fixed time stamp keeps the bytes of a gzip file equal between runs.
        content = gzip.compress(text.encode(), mtime=0) if partial.suffix == ".gz" else text.encode()
        partial.write_bytes(content)

    write_whole(path, write)


def read_table(path: str | Path, **kwargs) -> pd.DataFrame:
    """Read a TSV written by `write_table`; only empty cells are missing values, and a sample named 001 stays 001."""
    kwargs["dtype"] = {"sample": str, "patient": str, "cell": str} | kwargs.get("dtype", {})
    return pd.read_csv(path, sep="\t", keep_default_na=False, na_values=[""], **kwargs)


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


def write_h5ad(path: str | Path, adata) -> None:
    """Write an `anndata.AnnData` as h5ad, lightly compressed."""
    write_whole(path, lambda partial: adata.write_h5ad(partial, compression="gzip", compression_opts=1))


def sha256_of_file(path: str | Path) -> str:
    """Return the sha256 of a file's bytes, read in chunks."""
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        while chunk := handle.read(io.DEFAULT_BUFFER_SIZE * 128):
            digest.update(chunk)
    return digest.hexdigest()
