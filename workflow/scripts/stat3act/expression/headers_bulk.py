"""Headers of bulk matrices: are the samples in them?"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from stat3act.expression import h5ad
from stat3act.expression.headers import Parts, UnreadableFile, missing_samples, read_header, suffix_of


def available_samples(path: Path, gene_column: str | None, layer: str | None = None) -> list[str]:
    """Return the names of the samples in a bulk matrix.

    Raises
    ------
    UnreadableFile
        When the file cannot be read or is empty.
    """
    if suffix_of(path, (".h5ad",)):
        with h5ad.open_file(path) as file:
            h5ad.check_structure(file, layer, gene_column)
            return list(h5ad.read_index(h5ad.frame(file, "obs")))
    return read_header(path, gene_column).samples


def check_bulk(
    path: Path, users: Sequence[tuple[int, Mapping[str, str]]], expression: Mapping, compartments: Mapping
) -> Iterator[tuple[int, str, Parts]]:
    """Yield row, column and what is wrong, for one matrix and the rows of the sheet that use it."""
    try:
        available = available_samples(path, expression["gene_column"], expression["layer"])
    except UnreadableFile as error:
        yield users[0][0], "path", error.parts
        return
    yield from missing_samples(users, available, f"samples of {users[0][1]['path']}")
