"""Write workflow/envs/stat3act.yaml with the versions of requirements.lock: conda and pip users run the same."""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Packages that go by another name on conda-forge.
CONDA_NAMES = {"igraph": "python-igraph", "matplotlib": "matplotlib-base"}
# Rules run inside the environment; Snakemake and its executors run outside it.
OUTSIDE = {"snakemake", "snakemake-executor-plugin-slurm"}


def locked_versions(lock: str) -> dict[str, str]:
    """Return the version of every package of a lock."""
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", lock, flags=re.MULTILINE))


def environment(pyproject: str, lock: str) -> str:
    """Return the text of the conda environment: the direct dependencies at their locked versions."""
    versions = locked_versions(lock)
    names = [
        re.match(r"[a-z0-9._-]+", dependency)[0] for dependency in tomllib.loads(pyproject)["project"]["dependencies"]
    ]
    lines = [f"  - {CONDA_NAMES.get(name, name)}={versions[name]}" for name in names if name not in OUTSIDE]
    head = "# Made by `make lock` from requirements.lock; do not edit.\nchannels:\n  - conda-forge\n  - nodefaults\n"
    return f"{head}dependencies:\n  - python=3.11\n" + "\n".join(lines) + "\n"


def main() -> None:
    """Write the environment."""
    text = environment((ROOT / "pyproject.toml").read_text(), (ROOT / "requirements.lock").read_text())
    (ROOT / "workflow/envs/stat3act.yaml").write_text(text)


if __name__ == "__main__":
    sys.exit(main())
