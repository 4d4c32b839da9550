"""The files that a configuration names: which they are, and whether they are there.

Every Snakemake job parses this, so it imports little.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stat3act.problems import Problem

# To Snakemake a path with them has wildcards.
BRACES = "{}"
# How files begin that are given in place of text.
NO_TEXT = {
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"PK\x03\x04": "a workbook, or another zip archive",
    b"\x1f\x8b": "a gzip file whose name does not end in .gz",
    b"\x89HDF": "an HDF5 file",
    b"PAR1": "a Parquet file",
}


def map_path(path: Path) -> Path:
    """Return where the map of a Parquet profiles file (``cell_type cell_state``) is: ``<name>_map.tsv`` beside it."""
    return path.with_name(path.name.removesuffix(".parquet").removesuffix("_profiles") + "_map.tsv")


def reference_files(config: Mapping[str, Any]) -> dict[str, Path]:
    """Return the files of the bulk split's references, by the names the configuration gives them.

    Parameters
    ----------
    config
        Configuration with its defaults.

    Returns
    -------
    First the references, then the maps of those that are Parquet profiles files. A name is looked for in the folder
    Snakemake is started in, as results of other cohorts are, and then in ``data_dir``.
    """
    reference, data_dir = config["compartments"]["reference"], Path(config["data_dir"])
    names = [reference] if isinstance(reference, str) else list(reference or [])
    names += [str(map_path(Path(name))) for name in names if name.endswith(".parquet")]
    return {name: found_at(Path(name), data_dir) for name in names}


def found_at(path: Path, data_dir: Path) -> Path:
    """Return the path itself, or in ``data_dir`` where it is only there."""
    return data_dir / path if not is_file(path) and is_file(data_dir / path) else path


def is_file(path: Path) -> bool:
    """Tell whether a path is a file; one that the system refuses (too long, no rights) is none."""
    return os.path.isfile(path)


def regulon_file(config: Mapping[str, Any]) -> Path | None:
    """Return the path of the user's own regulon, if there is one."""
    name = config["networks"]["regulon"]
    return None if name in ("none", "collectri") else Path(config["data_dir"]) / name


def frozen_reference(config: Mapping[str, Any]) -> Path | None:
    """Return the path of the frozen reference that activity is compared with, if there is one."""
    name = config["activity"]["reference"]
    return None if name in ("cohort", "controls") else Path(name)


def config_files(config: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    """Yield each key of a filled-in configuration that names an existing file, with that file's path."""
    data_dir = Path(config["data_dir"])
    if regulon := regulon_file(config):
        yield "networks.regulon", regulon
    for section, key in (("validation", "phospho"), ("profiles", "lesions")):
        if name := config[section][key]:
            yield f"{section}.{key}", data_dir / name
    references = reference_files(config)
    for name, path in references.items():
        # Of a profiles file that is not there, the map is no news.
        profiles = [other for other in references if str(map_path(Path(other))) == name and other != name]
        if all(is_file(references[other]) for other in profiles):
            yield "compartments.reference", path
    if config["compartments"]["celltypist_model"]:
        yield "compartments.celltypist_model", Path(config["compartments"]["celltypist_model"])
    if reference := frozen_reference(config):
        yield "activity.reference", reference


def check_files(config: Mapping[str, Any], file: str) -> list[Problem]:
    """Return one problem for each file that the configuration names and that does not exist.

    Parameters
    ----------
    config
        Configuration with its defaults.
    file
        Name of the configuration file, for the messages.
    """
    problems = []
    for key, path in config_files(config):
        if set(str(path)) & set(BRACES):
            mend = "rename the file, or its folder: to Snakemake these are wildcards"
            problems.append(Problem(file, f"key `{key}`", str(path), "a path without { and }", mend))
            continue
        if is_file(path):
            continue
        parts = path.parts
        if key.endswith("reference") and len(parts) > 2 and parts[0] == "results":
            mend = f"run the cohort `{parts[1]}` first: it writes this file"
        elif key == "compartments.reference" and path.name.endswith("_map.tsv"):
            mend = "put the map beside the profiles file: a table with columns cell_type and cell_state"
        elif key in ("networks.regulon", "validation.phospho", "profiles.lesions"):
            mend = f"correct the name, or `data_dir` (now `{config['data_dir']}`), from which it is relative"
        elif key == "compartments.reference":
            mend = "correct the name; it is relative to the folder Snakemake is started in, or to `data_dir`"
        else:
            mend = "correct the name; it is relative to the folder Snakemake is started in"
        found = f"{path}, a folder" if os.path.isdir(path) else str(path)
        problems.append(Problem(file, f"key `{key}`", found, "a file that exists", mend))
    return problems
