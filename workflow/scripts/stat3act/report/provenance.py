"""What a result was made from: inputs, configuration, network, code, versions. Nothing in it changes between runs."""

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path

from stat3act.tables import sha256_of_file

PACKAGES = (
    "altair",
    "anndata",
    "decoupler",
    "h5py",
    "igraph",
    "jinja2",
    "jsonschema",
    "matplotlib",
    "numba",
    "numpy",
    "pandas",
    "pillow",
    "pyarrow",
    "pyyaml",
    "scanpy",
    "scikit-image",
    "scikit-learn",
    "scipy",
    "snakemake",
    "snakemake-executor-plugin-slurm",
    "statsmodels",
    "vl-convert-python",
)


def describe_input(name: str, path: str | Path) -> list[dict]:
    """Describe a file, or every file of a folder, by size and sha256.

    Parameters
    ----------
    name
        What the user calls it; a file of a folder is named below it.
    path
        Where it is.

    Returns
    -------
    Dicts with ``path``, ``bytes`` and ``sha256``, sorted by path.

    Raises
    ------
    FileNotFoundError
        When there is nothing at ``path``.
    """
    path = Path(path)
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        named = [(f"{name.rstrip('/')}/{file.relative_to(path).as_posix()}", file) for file in files]
    else:
        named = [(name, path)]
    return [
        {"path": shown, "bytes": file.stat().st_size, "sha256": sha256_of_file(file)} for shown, file in sorted(named)
    ]


def describe_inputs(inputs: Iterable[tuple[str, str]]) -> list[dict]:
    """Describe every input once, however many samples share it; see `describe_input`."""
    described = []
    for name, path in sorted(set(inputs)):
        described += describe_input(name, path)
    return described


def installed_version(package: str) -> str:
    """Return the version of a package; ``absent`` where it is not installed (an executor that is not used)."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"


def record(inputs: Iterable[tuple[str, str]], config: Mapping, network: Mapping, code: Mapping[str, str]) -> dict:
    """Gather the provenance of a cohort's results.

    Parameters
    ----------
    inputs
        Name (as the user wrote it) and path of every input file or folder.
    config
        The effective configuration: every default filled in.
    network
        What the networks stage recorded (``networks/network.json``).
    code
        Rule to the fingerprint of the code it runs.

    Returns
    -------
    Plain values only; the same inputs, configuration, code and packages give the same record.
    """
    return {
        "cohort": config["cohort"],
        "seed": config["seed"],
        "config": dict(config),
        "code": dict(code),
        "code_sha256": hashlib.sha256(json.dumps(dict(code), sort_keys=True).encode()).hexdigest(),
        "network_sha256": network["sha256"],
        "network": dict(network),
        "python": platform.python_version(),
        "packages": {name: installed_version(name) for name in PACKAGES},
        "inputs": describe_inputs(inputs),
    }
