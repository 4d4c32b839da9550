"""The checksums of a cohort's results, in the format of ``sha256sum -c``."""

import re
from collections.abc import Iterable
from pathlib import Path

from stat3act.tables import sha256_of_file

HEAD = "# {} results"
LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")


def checksum_lines(paths: Iterable[Path], folder: Path) -> str:
    """Return how many files there are, and a line for each: sha256, two spaces, its path below the folder; sorted.

    Parameters
    ----------
    paths
        Files below ``folder``, and folders of them, of which hidden files (Snakemake's time stamp) do not count.
    folder
        The cohort's folder of results.
    """
    files = [file for path in paths for file in (path.glob("[!.]*") if path.is_dir() else [path])]
    names = sorted(file.relative_to(folder).as_posix() for file in files)
    lines = [f"{sha256_of_file(folder / name)}  {name}" for name in names]
    return "\n".join([HEAD.format(len(lines)), *lines, ""])


def parse_checksums(text: str) -> tuple[dict[str, str], list[str]]:
    """Return path -> sha256, and what is not as `checksum_lines` writes it.

    Parameters
    ----------
    text
        Content of ``checksums.sha256``. Programs skip its first line; here it tells whether lines are missing.
    """
    head, *lines = text.split("\n")
    matched = [LINE.fullmatch(line) for line in lines[:-1]]
    found = {line[2]: line[1] for line in matched if line}
    wrong = [f"line {number}" for number, line in enumerate(matched, 2) if not line]
    if head != HEAD.format(len(matched)) or len(found) < len(matched):
        wrong.append("line 1, the number of results")
    if not lines or lines[-1]:
        wrong.append("the end of the last line")
    return found, wrong
