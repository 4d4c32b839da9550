"""The project's own files agree: one version, and container recipes that copy what is there."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "containers/Dockerfile").read_text()
DEFINITION = (ROOT / "containers/stat3act.def").read_text()


def test_the_version_is_the_same_everywhere():
    version = yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == version
    assert re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1] == version


def copied():
    """What the two recipes copy into the container."""
    docker = [name for line in re.findall(r"^COPY (.*)$", DOCKERFILE, re.MULTILINE) for name in line.split()[:-1]]
    section = DEFINITION.split("%files\n")[1].split("\n%")[0]
    pairs = [line.split() for line in section.splitlines() if line.strip()]
    assert all(target == f"/opt/stat3act/{source}" for source, target in pairs)
    return docker, [source for source, _ in pairs]


def test_both_recipes_copy_the_same_files_and_all_are_in_the_repository():
    docker, apptainer = copied()
    assert sorted(docker) == sorted(apptainer) and len(docker) == len(set(docker))
    assert all((ROOT / name).exists() for name in docker)
    # Nothing that the workflow reads is kept out of the image.
    ignored = {line.removeprefix("**/") for line in (ROOT / ".dockerignore").read_text().splitlines()}
    inside = {part for name in docker for path in (ROOT / name).rglob("*") for part in path.relative_to(ROOT).parts}
    assert not (ignored - {"__pycache__"}) & inside


@pytest.mark.parametrize("recipe", [DOCKERFILE, DEFINITION], ids=["Dockerfile", "stat3act.def"])
def test_both_recipes_start_from_the_python_of_the_conda_environment(recipe):
    environment = yaml.safe_load((ROOT / "workflow/envs/stat3act.yaml").read_text())
    (python,) = [name for name in environment["dependencies"] if name.startswith("python=")]
    assert re.findall(r"^F(?:ROM|rom:) (\S+)$", recipe, re.MULTILINE) == [f"python:{python[7:]}-slim-bookworm"]
    assert "containers/install.sh /opt/venv" in recipe and "containers/smoke.sh" in recipe


def test_the_catalog_is_told_of_nothing_that_is_not_tested():
    claims = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    # A demo in a virtual environment and the report of Snakemake are what tests/workflow runs.
    assert {name for name, claimed in claims["software-stack-deployment"].items() if claimed} == {"report"}
    readme = (ROOT / "README.md").read_text().lower()
    assert "snakemake" in readme and "workflow" in readme
