"""Pictures of cells on the page: inside it while they fit, else beside it."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

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


def read_pictures(paths: Mapping[str, str | Path], most: int = MOST_BYTES) -> Pictures:
    """Read the pictures of a cohort.

    Parameters
    ----------
    paths
        Sample to the path of its PNG, in a folder beside the page.
    most
        Bytes of base64 that the page has room for.

    Returns
    -------
    All embedded where they fit, else all linked: every card of a page works the same way.
    """
    files = {sample: Path(path) for sample, path in paths.items()}
    # Base64 makes four characters of three bytes.
    if sum(-(-path.stat().st_size // 3) * 4 for path in files.values()) <= most:
        return Pictures({sample: base64.b64encode(path.read_bytes()).decode() for sample, path in files.items()})
    return Pictures(linked={sample: f"{path.parent.name}/{path.name}" for sample, path in files.items()})
