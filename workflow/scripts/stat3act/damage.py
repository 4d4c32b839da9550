"""Results that were cut off after they were written: found before they are read.

Every output appears whole (`stat3act.tables.write_whole`), but a disk that failed, or a copy that broke off, may leave
less of it. Compressed files and HDF5 notice; a table that is cut off would just be read as a shorter one.
"""

import gzip
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from stat3act.problems import Problem

PARQUET = b"PAR1"


def damage(path: Path) -> str | None:
    """Say how a file that this workflow wrote is damaged; None when its end is as it should be.

    Parameters
    ----------
    path
        An existing file; looked at by its suffix.
    """
    if not path.stat().st_size:
        return "it is empty"
    if path.suffix in (".tsv", ".json", ".yaml", ".md"):
        return None if _tail(path, 1) == b"\n" else "it ends within a line"
    if path.suffix == ".parquet":
        return None if _tail(path, 4) == PARQUET else "it ends before its footer"
    if path.suffix == ".gz":
        return _gzip_damage(path)
    return _hdf5_damage(path) if path.suffix == ".h5ad" else None


def _tail(path: Path, length: int) -> bytes:
    with open(path, "rb") as handle:
        handle.seek(-min(length, path.stat().st_size), os.SEEK_END)
        return handle.read()


def _gzip_damage(path: Path) -> str | None:
    try:
        with gzip.open(path) as handle:
            while handle.read(1 << 20):
                pass
    except (EOFError, OSError, zlib.error) as error:
        return str(error)
    return None


def _hdf5_damage(path: Path) -> str | None:
    # Only jobs that read h5ad files pay for this import, and they need it anyway.
    import h5py

    try:
        with h5py.File(path, "r"):
            return None
    except OSError as error:
        return str(error)


def damaged_results(paths: Iterable[str], output: str) -> Iterator[Problem]:
    """Yield a problem for each result of an earlier rule that is damaged.

    Parameters
    ----------
    paths
        Inputs of a job. Those in the cohort's folder of results are looked at: users' own files have readers that
        check them.
    output
        An output of the job, which tells that folder: ``results/<cohort>``.
    """
    folder = Path(output).parts[:2]
    for path in sorted({Path(path) for path in paths}):
        if path.parts[:2] == folder and path.is_file() and (found := damage(path)):
            expected = "the file as an earlier rule wrote it, whole"
            yield Problem(str(path), "", found, expected, f"rm {path}  and run the same command again: it is made anew")
