"""The demo, run once per session; tests that change something work on a copy."""

import shutil
from pathlib import Path

import pytest

from workflow.harness import copy_project, snakemake


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> Path:
    """Return a folder in which both demo cohorts have run."""
    folder = copy_project(tmp_path_factory.mktemp("demo"))
    for arguments in ([], ["--configfile", "config/cohorts/demo_bulk/config.yaml"]):
        run = snakemake(folder, *arguments)
        assert run.returncode == 0, run.output[-6000:]
    return folder


@pytest.fixture
def copied_demo(demo, tmp_path) -> Path:
    """Return a copy of the finished demo, time stamps and all, to change at will."""
    folder = tmp_path / "demo"
    shutil.copytree(demo, folder, symlinks=True)
    return folder
