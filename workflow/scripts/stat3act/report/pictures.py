"""Pictures of cells on the page: inside it while they fit, else beside it."""

import base64
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from stat3act.tables import write_whole

# Together with the tables of 2,000 samples the page stays below 15 MB.
MOST_BYTES = 6_000_000


@dataclass(frozen=True)
class Pictures:
    """The pictures of a cohort.

    Attributes
    ----------
    embedded
        Sample to its PNG in base64.
    linked
        Sample to its path relative to the page.
    """

    embedded: dict[str, str] = field(default_factory=dict)
    linked: dict[str, str] = field(default_factory=dict)


def read_pictures(paths: Iterable[str | Path], most: int = MOST_BYTES) -> Pictures:
    """Read the pictures of a cohort.

    Parameters
    ----------
    paths
        Paths of PNGs named by their sample, or of one folder of them, beside the page.
    most
        Bytes of base64 that the page has room for.

    Returns
    -------
    All embedded where they fit, else all linked: every card of a page works the same way.
    """
    listed = [file for path in map(Path, paths) for file in (sorted(path.glob("*.png")) if path.is_dir() else [path])]
    files = {path.stem: path for path in listed}
    # Base64 makes four characters of three bytes.
    if sum(-(-path.stat().st_size // 3) * 4 for path in files.values()) <= most:
        return Pictures({sample: base64.b64encode(path.read_bytes()).decode() for sample, path in files.items()})
    return Pictures(linked={sample: f"{path.parent.name}/{path.name}" for sample, path in files.items()})


def copy_coded(paths: Iterable[str | Path], folder: str | Path, codes: Mapping[str, str]) -> None:
    """Copy the pictures ``<sample>.png`` into a folder as ``<code>.png``."""
    for path in map(Path, paths):
        write_whole(Path(folder) / f"{codes[path.stem]}.png", partial(shutil.copyfile, path))
