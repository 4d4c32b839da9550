"""Changes to a copied project, each a function of its folder: what a user, an editor or git may do to it."""

import os

import yaml

from workflow.harness import PARTS

CONFIG, BULK_CONFIG = "config/config.yaml", "config/cohorts/demo_bulk/config.yaml"
SHEET, BULK_SHEET = "config/samples.tsv", "config/cohorts/demo_bulk/samples.tsv"


def nothing(folder):
    """Change nothing."""


def write(path, text):
    """Write a file anew: it may be a hard link."""
    path.unlink()
    path.write_text(text)


def edit(name, *changes):
    """Replace pieces of a file, each of which must be there once."""

    def change(folder):
        text = (folder / name).read_text()
        for old, new in changes:
            assert text.count(old) == 1, (name, old)
            text = text.replace(old, new)
        write(folder / name, text)

    return change


def lines(name, rewrite):
    """Rewrite the lines of a file."""
    return lambda folder: write(folder / name, "\n".join(rewrite((folder / name).read_text().splitlines())) + "\n")


def cell(name, sample, column, value):
    """Set one cell of a sample sheet."""

    def rewrite(rows):
        place = rows[0].split("\t").index(column)
        table = [row.split("\t") for row in rows]
        (row,) = [row for row in table if row[0] == sample]
        assert row[place] != value
        row[place] = value
        return ["\t".join(row) for row in table]

    return lines(name, rewrite)


def set_keys(config, values):
    """Set keys of a config, by their dotted names."""
    for key, value in values.items():
        *sections, last = key.split(".")
        place = config
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = value
    return config


def setting(values, name=CONFIG):
    """Set keys of a config file."""

    def change(folder):
        config = set_keys(yaml.safe_load((folder / name).read_text()), values)
        write(folder / name, yaml.safe_dump(config, sort_keys=False))

    return change


def reverse(value):
    """Reverse the keys of nested dicts."""
    return {key: reverse(value[key]) for key in reversed(value)} if isinstance(value, dict) else value


def reorder(folder):
    config = reverse(yaml.safe_load((folder / CONFIG).read_text()))
    write(folder / CONFIG, yaml.safe_dump(config, sort_keys=False))


def touch(folder):
    for part in PARTS:
        for path in [folder / part, *(folder / part).rglob("*")]:
            os.utime(path)


def clone(folder):
    """Write every file of the project anew, the folders as well; results and their records stay."""
    for part in PARTS:
        files = [path for path in [folder / part, *(folder / part).rglob("*")] if path.is_file()]
        for path in files:
            content = path.read_bytes()
            path.unlink()
            path.write_bytes(content)


def swap_cells(name, first, second):
    """Swap what follows the patient in two rows of a sample sheet."""

    def rewrite(rows):
        old = {row.split("\t")[0]: row for row in rows}
        head = {name: "\t".join(old[name].split("\t")[:2]) for name in (first, second)}
        tail = {name: old[name].removeprefix(head[name]) for name in (first, second)}
        old |= {first: head[first] + tail[second], second: head[second] + tail[first]}
        return list(old.values())

    return lines(name, rewrite)
