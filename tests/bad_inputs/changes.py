"""What a case changes in a good cohort.

A case is a record of one of the YAML files beside this one::

    wrong: what is wrong, in words
    config: {activity.clip: -1}           # keys of cohort.yaml to set; null removes one
    change: {samples.tsv: <change>, ...}  # of files
    message: |                            # all of it; [...] stands for the words of a library
      1 problem with the input; ...

A change is the new text of the file, or one of `CHANGES` with its argument, or a list of these.
"""

import gzip
from collections.abc import Callable
from pathlib import Path

import yaml

from bad_inputs.builders import BUILDERS


def replace(path: Path, pair: list[str]) -> None:
    old, new = (str(part).encode() for part in pair)
    content = path.read_bytes()
    assert old in content, f"{old!r} is not in {path.name}"
    path.write_bytes(content.replace(old, new))


def cell(path: Path, place: list) -> None:
    """Set a cell: the row a spreadsheet shows, the number of the column from 1 on, the text."""
    row, column, text = place
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    lines[row - 1][column - 1] = str(text)
    path.write_text("\n".join("\t".join(line) for line in lines) + "\n")


def remove(path: Path, _) -> None:
    path.unlink()


def make_folder(path: Path, _) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


CHANGES: dict[str, Callable] = {
    "append": lambda path, text: path.write_bytes(path.read_bytes() + text.encode()),
    "build": lambda path, name: BUILDERS[name](path),
    "bytes": lambda path, content: path.write_bytes(content.encode("latin-1")),
    "cell": cell,
    "copy": lambda path, name: path.write_bytes((path.parent / name).read_bytes()),
    "cut": lambda path, size: path.write_bytes(path.read_bytes()[:size]),
    "encode": lambda path, name: path.write_bytes(path.read_text().encode(name)),
    "folder": make_folder,
    "gzip": lambda path, _: path.write_bytes(gzip.compress(path.read_bytes(), mtime=0)),
    "remove": remove,
    "replace": replace,
    "rows": lambda path, count: path.write_text("".join(path.read_text().splitlines(keepends=True)[:count])),
}


def apply_change(path: Path, change) -> None:
    """Change one file."""
    if isinstance(change, str):
        path.write_text(change)
    elif isinstance(change, list):
        for part in change:
            apply_change(path, part)
    else:
        for name, argument in change.items():
            CHANGES[name](path, argument)


def apply_case(folder: Path, case: dict) -> None:
    """Change the cohort in a folder as a case says."""
    if keys := case.get("config"):
        file = folder / "cohort.yaml"
        config = yaml.safe_load(file.read_text())
        for dotted, value in keys.items():
            *sections, key = dotted.split(".")
            section = config
            for name in sections:
                section = section.setdefault(name, {})
            section[key] = value
            if value is None:
                del section[key]
        file.write_text(yaml.safe_dump(config, sort_keys=False))
    for name, change in case.get("change", {}).items():
        apply_change(folder / name, change)
