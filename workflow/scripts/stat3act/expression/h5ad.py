"""Parts of an h5ad file, read with h5py alone.

The headers of all files are looked at while the workflow starts, where importing anndata would cost more than the
work itself; and a sample's rows are read without the rest of the file. Layout: the on-disk format of anndata 0.7 and
later (https://anndata.readthedocs.io/en/stable/fileformat-prose.html).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
from scipy import sparse

from stat3act.expression.headers import Parts, UnreadableFile

# Stored values per block while reading a part of a matrix: 64 MB of values and indices.
BLOCK = 8_000_000
# Rows of a frame per block: names of a million cells would be a hundred megabytes of text.
BLOCK_ROWS = 100_000


CELL_RANGER = "give the filtered_feature_bc_matrix.h5 of Cell Ranger"
REWRITE = "read it with anndata and write it again (`anndata.read_h5ad(...).write_h5ad(...)`)"


@contextmanager
def open_file(path: Path, mend: str = REWRITE) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading; ``mend`` says what to do about a damaged one.

    Raises
    ------
    UnreadableFile
        When it is no HDF5 file; and inside the context, when something that is read from it is damaged, missing, or of
        another kind than anndata and Cell Ranger write.
    """
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise UnreadableFile(f"no HDF5 file ({error})", "an HDF5 file", "write or download it again") from None
    try:
        with file:
            yield file
    except UnreadableFile:
        raise
    # What h5py raises depends on where the damage is.
    except (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError) as error:
        found = f"damaged, or not what its name says ({type(error).__name__}: {error})"
        raise UnreadableFile(found, "a file that can be read to its end", mend) from error


def frame(file: h5py.File, name: str) -> h5py.Group:
    """Return ``obs``, ``var`` or ``raw/var``.

    Raises
    ------
    UnreadableFile
        When it is missing or of the layout before anndata 0.7.
    """
    node = file.get(name)
    if not isinstance(node, h5py.Group) or "_index" not in node.attrs:
        raise UnreadableFile(f"no .{name}", f"an h5ad with .{name}, as anndata 0.7 and later write it", REWRITE)
    return node


def column_names(node: h5py.Group) -> list[str]:
    """Return the names of the columns of a frame, without its index."""
    index = _text(node.attrs["_index"])
    return [name for name in node if name not in (index, "__categories")]


def read_index(node: h5py.Group, rows: np.ndarray | None = None) -> np.ndarray:
    """Return the index of a frame as text: all of it, or some rows (ascending)."""
    return read_column(node, _text(node.attrs["_index"]), rows)


def read_column(node: h5py.Group, name: str, rows: np.ndarray | None = None) -> np.ndarray:
    """Return a column of a frame as text, missing values as empty strings.

    Parameters
    ----------
    node
        The frame.
    name
        Column: text, numbers, booleans or categories.
    rows
        Positions of the rows, ascending; all of them when not given.
    """
    if rows is None:
        return _read_span(node, name, slice(None))
    parts = [np.array([], dtype=object)]
    for span in _spans(rows):
        wanted = rows[np.searchsorted(rows, span.start) : np.searchsorted(rows, span.stop)]
        if len(wanted):
            parts.append(_read_span(node, name, span)[wanted - span.start])
    return np.concatenate(parts)


def find_rows(node: h5py.Group, name: str, value: str) -> np.ndarray:
    """Return the positions of the rows of a frame that have this value in a column."""
    parts = [np.flatnonzero(values == value) + start for start, values in _column_blocks(node, name)]
    return np.concatenate(parts) if parts else np.arange(0)


def count_values(node: h5py.Group, name: str) -> Counter[str]:
    """Count every value of a column."""
    counts: Counter[str] = Counter()
    for _, values in _column_blocks(node, name):
        counts.update(values.tolist())
    return counts


def _spans(rows: np.ndarray) -> Iterator[slice]:
    """Cut the range that some rows lie in into spans of `BLOCK_ROWS`."""
    if len(rows):
        first, last = int(rows[0]), int(rows[-1]) + 1
        yield from (slice(start, min(start + BLOCK_ROWS, last)) for start in range(first, last, BLOCK_ROWS))


def _column_blocks(node: h5py.Group, name: str) -> Iterator[tuple[int, np.ndarray]]:
    """Yield a column part by part, each with the number of its first row."""
    for start in range(0, _length(node), BLOCK_ROWS):
        yield start, _read_span(node, name, slice(start, start + BLOCK_ROWS))


def _length(node: h5py.Group) -> int:
    item = node[_text(node.attrs["_index"])]
    if isinstance(item, h5py.Group):
        item = item["codes"] if "codes" in item else item["values"]
    return int(item.shape[0])


def _read_span(node: h5py.Group, name: str, span: slice) -> np.ndarray:
    item = node[name]
    if isinstance(item, h5py.Group):
        if "codes" in item:
            return _decode(item["codes"][span], _read_values(item["categories"]))
        values = _read_values(item["values"], span)
        values[np.asarray(item["mask"][span], dtype=bool)] = ""
        return values
    if "categories" in item.attrs:
        return _decode(item[span], _read_values(node.file[item.attrs["categories"]]))
    return _read_values(item, span)


def _decode(codes: np.ndarray, categories: np.ndarray) -> np.ndarray:
    # Code -1 is a missing value and finds the empty string at the end.
    return np.append(categories, "")[codes]


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _read_values(item: h5py.Dataset, span: slice = slice(None)) -> np.ndarray:
    values = item[span]
    if values.dtype.kind == "f":
        return np.array(["" if np.isnan(value) else f"{value:g}" for value in values], dtype=object)
    return np.array([_text(value) for value in values], dtype=object)


def matrix(file: h5py.File, layer: str | None):
    """Return the node of ``.X`` (layer None), of a layer, or of ``.raw.X`` (``raw``, when no layer is called so)."""
    if layer is None:
        return file.get("X")
    if f"layers/{layer}" in file:
        return file[f"layers/{layer}"]
    return file.get("raw/X") if layer == "raw" else None


def var_name(file: h5py.File, layer: str | None) -> str:
    """Return the frame that names the columns of `matrix`: ``var``, or ``raw/var``."""
    return "raw/var" if layer == "raw" and "layers/raw" not in file else "var"


def layer_names(file: h5py.File) -> list[str]:
    """Return the layers, and ``raw`` when there is a ``.raw``."""
    return [*file.get("layers", {}), *(["raw"] if "raw/X" in file else [])]


def shape(node) -> tuple[int, int]:
    """Return rows and columns of a matrix, dense or sparse."""
    if isinstance(node, h5py.Dataset):
        return tuple(node.shape)
    rows, columns = node.attrs["shape"] if "shape" in node.attrs else node.attrs["h5sparse_shape"]
    return int(rows), int(columns)


def stored(node) -> int:
    """Return how many values a matrix stores."""
    return int(np.prod(node.shape)) if isinstance(node, h5py.Dataset) else int(node["data"].shape[0])


def structure_problems(file: h5py.File, expression: Mapping) -> Iterator[Parts]:
    """Yield what is wrong with the matrix of an h5ad and the names of its genes.

    Parameters
    ----------
    file
        The open file.
    expression
        This section of the config: ``layer`` and ``gene_column`` are looked at.

    Raises
    ------
    UnreadableFile
        When the file lacks the frames of an h5ad.
    """
    layer, gene_column = expression["layer"], expression["gene_column"]
    frame(file, "obs")
    var = frame(file, var_name(file, layer))
    names = column_names(var)
    node = matrix(file, layer)
    if node is None:
        if layer is None:
            yield "no .X", "a matrix in .X", "name the layer with the values as `expression.layer`"
        else:
            expected = f"one of its layers: {', '.join(layer_names(file)) or 'none'}"
            yield f"no layer '{layer}'", expected, "correct `expression.layer`, or remove it to use .X"
    elif 0 in shape(node) or not stored(node):
        rows, columns = shape(node)
        value = f"an empty matrix ({rows} x {columns}, {stored(node)} values)"
        yield value, "cells or samples with expression", "check how the file was written"
    else:
        yield from _misfits(node, read_cell_number(file), _length(var))
    if gene_column and gene_column not in names:
        expected = f"one of its columns: {', '.join(names) or 'none'}"
        yield f"no column '{gene_column}' in .var", expected, "correct `expression.gene_column`, or remove it"


def _misfits(node, rows: int, columns: int) -> Iterator[Parts]:
    """Yield what is wrong with a matrix: its kind of values, and its size."""
    values = node if isinstance(node, h5py.Dataset) else node["data"]
    if values.dtype.kind not in "iufb":
        expected = "numbers; nothing else is read, and no object is made"
        yield f"a matrix of values of the type {values.dtype.name}", expected, "store the values as numbers"
    if shape(node) != (rows, columns):
        found = f"a matrix of {' x '.join(map(str, shape(node)))}, {rows} names in .obs, {columns} in .var"
        yield found, "one row per name in .obs, one column per name in .var", REWRITE


def check_structure(file: h5py.File, layer: str | None, gene_column: str | None) -> None:
    """Raise the first of `structure_problems` as `UnreadableFile`."""
    for parts in structure_problems(file, {"layer": layer, "gene_column": gene_column}):
        raise UnreadableFile(*parts)


def read_cell_number(file: h5py.File) -> int:
    """Return the number of rows of ``.obs``."""
    return _length(frame(file, "obs"))


def tenx_barcodes(path: Path) -> int:
    """Return the number of barcodes of a 10x h5 file (Cell Ranger 2 has one group per genome, 3 and later `matrix`).

    Raises
    ------
    UnreadableFile
        When it is no such file.
    """
    with open_file(path, CELL_RANGER) as file:
        group = next((node for node in file.values() if isinstance(node, h5py.Group) and "barcodes" in node), None)
        if group is None:
            mend = f"{CELL_RANGER}; an AnnData file must end in .h5ad"
            raise UnreadableFile("no 10x matrix", "an h5 file with a group `matrix`", mend)
        return int(group["barcodes"].shape[0])


def check_tenx(path: Path) -> None:
    """Raise `UnreadableFile` where the matrix of a 10x h5 file points outside of itself, or lacks a part."""
    with open_file(path, CELL_RANGER) as file:
        for group in [node for node in file.values() if "barcodes" in node]:
            features, barcodes = (int(size) for size in group["shape"][:])
            parts = tuple(group[name][:] for name in ("data", "indices", "indptr"))
            sparse.csr_matrix(parts, shape=(barcodes, features)).check_format(full_check=True)


def _format(node) -> str:
    if isinstance(node, h5py.Dataset):
        return "dense"
    return _text(node.attrs.get("encoding-type", node.attrs.get("h5sparse_format", "")))[:3]


def reads_by_row(node) -> bool:
    """Tell whether a few rows of a matrix can be read without the others."""
    return _format(node) != "csc"


def read_rows(node, rows: np.ndarray) -> sparse.csr_matrix:
    """Read some rows of a matrix as CSR, in memory bounded by these rows and a block.

    Parameters
    ----------
    node
        As `matrix` returns it: CSR, CSC or dense.
    rows
        Positions of the rows, ascending.
    """
    total, columns = shape(node)
    if not len(rows):
        return sparse.csr_matrix((0, columns), dtype=np.float32)
    kind = _format(node)
    if kind == "csr":
        return sparse.vstack(list(_csr_blocks(node, rows, columns)), format="csr")
    if kind == "csc":
        return sparse.hstack(list(_csc_blocks(node, rows, total)), format="csr")
    if kind == "dense":
        step = max(1, BLOCK // max(1, columns))
        blocks = [sparse.csr_matrix(node[rows[at : at + step]]) for at in range(0, len(rows), step)]
        return sparse.vstack(blocks, format="csr")
    raise UnreadableFile(f"a matrix stored as {kind!r}", "a CSR, CSC or dense matrix", REWRITE)


def _steps(indptr: np.ndarray, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Cut ``first:last`` into runs that each hold at most a block of stored values (or one row or column)."""
    while first < last:
        until = int(np.searchsorted(indptr, indptr[first] + BLOCK, side="right")) - 1
        until = min(max(until, first + 1), last)
        yield first, until
        first = until


def _csr_blocks(node, rows: np.ndarray, columns: int) -> Iterator[sparse.csr_matrix]:
    start = int(rows[0])
    indptr, rows = node["indptr"][start : int(rows[-1]) + 2].astype(np.int64), rows - start
    for first, until in _steps(indptr, 0, len(indptr) - 1):
        wanted = rows[np.searchsorted(rows, first) : np.searchsorted(rows, until)]
        if len(wanted):
            low, high = int(wanted[0]), int(wanted[-1]) + 1
            yield _read_block(node, indptr, low, high, columns, sparse.csr_matrix)[wanted - low]


def _csc_blocks(node, rows: np.ndarray, total: int) -> Iterator[sparse.csr_matrix]:
    indptr = node["indptr"][:].astype(np.int64)
    for first, until in _steps(indptr, 0, len(indptr) - 1):
        yield _read_block(node, indptr, first, until, total, sparse.csc_matrix).tocsr()[rows]


def _read_block(node, indptr, first: int, until: int, other: int, kind):
    low, high = indptr[first], indptr[until]
    lines = until - first
    size = (lines, other) if kind is sparse.csr_matrix else (other, lines)
    parts = (node["data"][low:high], node["indices"][low:high], indptr[first : until + 1] - low)
    block = kind(parts, shape=size)
    # Positions outside of the matrix would be read from, and written to, wherever they point.
    block.check_format(full_check=True)
    return block
