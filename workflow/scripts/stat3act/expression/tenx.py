"""The three files of a 10x folder: matrix.mtx, features.tsv (or genes.tsv), barcodes.tsv, each with or without .gz."""

import gzip
from pathlib import Path

PARTS = {
    "matrix.mtx": ("matrix.mtx", "matrix.mtx.gz"),
    "features.tsv": ("features.tsv", "features.tsv.gz", "genes.tsv", "genes.tsv.gz"),
    "barcodes.tsv": ("barcodes.tsv", "barcodes.tsv.gz"),
}


def folder_parts(folder: Path) -> tuple[list[str], dict[str, Path]]:
    """Return which of the three files a folder lacks, and the paths of the others."""
    found = {
        part: next((folder / name for name in names if (folder / name).is_file()), None)
        for part, names in PARTS.items()
    }
    return [part for part, path in found.items() if path is None], {part: path for part, path in found.items() if path}


def open_text(path: Path):
    """Open a text file, compressed or not."""
    return gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else open(path, encoding="utf-8")


def folder_shape(folder: Path) -> tuple[int, int, int]:
    """Return features, barcodes and stored values as the header of matrix.mtx says.

    Raises
    ------
    ValueError
        When the file is no MatrixMarket coordinate matrix.
    """
    _, parts = folder_parts(folder)
    with open_text(parts["matrix.mtx"]) as handle:
        if not handle.readline().startswith("%%MatrixMarket matrix coordinate"):
            raise ValueError("its first line is not '%%MatrixMarket matrix coordinate'")
        line = next((line for line in handle if not line.startswith("%")), "")
    sizes = line.split()
    if len(sizes) != 3 or not all(map(str.isdecimal, sizes)):
        raise ValueError(f"its sizes are {line.strip()[:80]!r}, not three whole numbers")
    features, barcodes, values = (int(size) for size in sizes)
    return features, barcodes, values
