"""The checksums of a cohort's results, in the format of ``sha256sum -c``."""

import re
from collections.abc import Iterable
from pathlib import Path

from stat3act.tables import sha256_of_file

LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")


def checksum_lines(paths: Iterable[Path], folder: Path) -> str:
    """Return one line per file: its sha256, two spaces, its path below the folder; sorted by path.

    Parameters
    ----------
    paths
        Files below ``folder``; those that do not exist are left out.
    folder
        The cohort's folder of results.
    """
    names = sorted(path.relative_to(folder).as_posix() for path in paths if path.is_file())
    return "".join(f"{sha256_of_file(folder / name)}  {name}\n" for name in names)


def parse_checksums(text: str) -> tuple[dict[str, str], list[str]]:
    """Return path -> sha256, and the lines that are not as `checksum_lines` writes them.

    Parameters
    ----------
    text
        Content of ``checksums.sha256``; each path once, in order, and a line end after the last.
    """
    found, wrong = {}, []
    for number, line in enumerate(text.split("\n"), 1):
        matched = LINE.fullmatch(line)
        if matched and matched[2] > max(found, default=""):
            found[matched[2]] = matched[1]
        elif line or number <= text.count("\n"):
            wrong.append(f"line {number}")
    if found and not text.endswith("\n"):
        wrong.append("no line end after the last line")
    return found, wrong
