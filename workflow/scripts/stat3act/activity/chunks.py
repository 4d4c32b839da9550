"""Blocks of cells from a matrix in memory or from an h5ad on disk, without ever holding more than two of them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
from scipy import sparse

from stat3act.logs import log

BLOCK_ROWS = 5000
READ_FORMATS = ("csr_matrix", "csc_matrix", "array")


@dataclass(frozen=True)
class Block:
    """Some consecutive cells in compressed sparse rows.

    Attributes
    ----------
    start
        Number of the first cell.
    indptr
        int64; may start anywhere. ``indices`` and ``values`` start at its first value.
    indices
        int32; gene of each stored value.
    values
        float32 or float64.
    """

    start: int
    indptr: np.ndarray
    indices: np.ndarray
    values: np.ndarray

    @property
    def stop(self) -> int:
        """Number of the cell after the last one."""
        return self.start + len(self.indptr) - 1


def value_type(dtype: np.dtype) -> np.dtype:
    """Return the float type that holds values of ``dtype``: float32 for what fits it exactly, else float64."""
    return np.dtype(np.float32 if np.can_cast(dtype, np.float32, "safe") else np.float64)


@dataclass(frozen=True)
class MemoryCells:
    """Cells of a matrix in memory.

    Attributes
    ----------
    matrix
        Cells x genes, CSR.
    """

    matrix: sparse.csr_matrix

    @property
    def shape(self) -> tuple[int, int]:
        """Cells and genes."""
        return self.matrix.shape

    def read(self, start: int, stop: int) -> Block:
        """Return a block; its arrays are views of the matrix where types allow."""
        indptr = self.matrix.indptr[start : stop + 1].astype(np.int64)
        part = slice(indptr[0], indptr[-1])
        values = self.matrix.data[part]
        return Block(
            start,
            indptr,
            self.matrix.indices[part].astype(np.int32, copy=False),
            values.astype(value_type(values.dtype), copy=False),
        )


@dataclass(frozen=True)
class DiskCells:
    """Cells of a CSR group of an open h5ad.

    Two sets of buffers take turns, because filling fresh memory costs as much as reading it. A block is therefore
    valid until the next but one is read.
    """

    indptr: np.ndarray
    indices: h5py.Dataset
    values: h5py.Dataset
    genes: int
    buffers: list = field(default_factory=lambda: [None, None])

    @property
    def shape(self) -> tuple[int, int]:
        """Cells and genes."""
        return len(self.indptr) - 1, self.genes

    def buffer(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return room for ``count`` indices and values, in the set that was not used last."""
        room = self.buffers.pop(0)
        if room is None or len(room[0]) < count:
            room = np.empty(count, np.int32), np.empty(count, value_type(self.values.dtype))
        self.buffers.append(room)
        return room[0][:count], room[1][:count]

    def read(self, start: int, stop: int) -> Block:
        """Read a block from disk."""
        indptr = self.indptr[start : stop + 1]
        part = slice(int(indptr[0]), int(indptr[-1]))
        indices, values = self.buffer(part.stop - part.start)
        if len(indices):
            self.indices.read_direct(indices, part)
            self.values.read_direct(values, part)
        return Block(start, indptr, indices, values)


Cells = MemoryCells | DiskCells


def from_matrix(matrix) -> MemoryCells:
    """Take a matrix in memory; anything but CSR is converted once.

    Parameters
    ----------
    matrix
        Cells x genes: CSR, another sparse format or a dense array.
    """
    if not (sparse.issparse(matrix) and matrix.format == "csr"):
        kind = matrix.format if sparse.issparse(matrix) else "dense"
        log.info("converting the %s matrix of %d cells x %d genes to CSR, once", kind, *matrix.shape)
        matrix = sparse.csr_matrix(matrix)
    return MemoryCells(matrix)


def dense_to_csr(dataset: h5py.Dataset) -> sparse.csr_matrix:
    """Read a dense matrix block by block and keep its non-zero values."""
    parts = [sparse.csr_matrix(dataset[start : start + BLOCK_ROWS]) for start in range(0, dataset.shape[0], BLOCK_ROWS)]
    return sparse.vstack(parts, format="csr") if parts else sparse.csr_matrix(dataset.shape, dtype=dataset.dtype)


def from_h5ad(handle: h5py.File, path: str | Path) -> Cells:
    """Take ``X`` of an open h5ad; CSR is read block by block, anything else is converted once.

    Parameters
    ----------
    handle
        The file, open for reading for as long as the cells are used.
    path
        Its name, for messages.

    Raises
    ------
    ValueError
        When ``X`` is in a format this cannot read.
    """
    x = handle["X"]
    kind = x.attrs.get("encoding-type", "array")
    if kind not in READ_FORMATS:
        raise ValueError(f"{path}: X is stored as {kind!r}, expected one of {', '.join(READ_FORMATS)}")
    if kind == "csr_matrix":
        return DiskCells(x["indptr"][:].astype(np.int64), x["indices"], x["data"], int(x.attrs["shape"][1]))
    log.info("%s: X is stored as %s; reading it whole and converting it to CSR, once", path, kind)
    if kind == "array":
        return MemoryCells(dense_to_csr(x))
    columns = sparse.csc_matrix((x["data"][:], x["indices"][:], x["indptr"][:]), shape=tuple(x.attrs["shape"]))
    return MemoryCells(columns.tocsr())


def blocks(cells: Cells, spans: list[tuple[int, int]] | None = None, prefetch: bool = False) -> Iterator[Block]:
    """Go through the cells block by block.

    Parameters
    ----------
    cells
        Where they are.
    spans
        First and last-plus-one cell of each block; by default all cells, `BLOCK_ROWS` at a time.
    prefetch
        Read the next block in a second thread while the caller works on this one.

    Yields
    ------
    Blocks, valid until the next is asked for.
    """
    if spans is None:
        rows = cells.shape[0]
        spans = [(start, min(start + BLOCK_ROWS, rows)) for start in range(0, rows, BLOCK_ROWS)]
    if not prefetch or len(spans) < 2:
        yield from (cells.read(*span) for span in spans)
        return
    with ThreadPoolExecutor(1) as reader:
        ahead = reader.submit(cells.read, *spans[0])
        for span in [*spans[1:], None]:
            block = ahead.result()
            if span is not None:
                ahead = reader.submit(cells.read, *span)
            yield block
