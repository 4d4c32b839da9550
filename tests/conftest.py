"""Fixtures shared by all tests."""

import fcntl
import os
import shutil
from pathlib import Path

import hypothesis
import pytest

from workflow.harness import copy_project, snakemake

# The same cases every time: a test must not fail on one machine and pass on the next.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.load_profile("repeatable")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A headless Chromium for the tests of a module; they are skipped where there is none (`browsing.NO_BROWSER`)."""
    from browsing import start_browser

    driver = start_browser(tmp_path_factory.mktemp("profile"), tmp_path_factory.mktemp("downloads"))
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder with the public data; tests that ask for it are skipped when STAT3_DATA is not set."""
    folder = os.environ.get("STAT3_DATA")
    if not folder:
        pytest.skip("STAT3_DATA is not set: the public data are needed for this test")
    return Path(folder).resolve()


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> Path:
    """Return a folder in which both demo cohorts have run; the processes of pytest-xdist share one."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "demo"
    done = folder.with_suffix(".done")
    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Half a demo is there when another process could not finish it.
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            copy_project(folder)
            for arguments in ([], ["--configfile", "config/cohorts/demo_bulk/config.yaml"]):
                run = snakemake(folder, *arguments)
                assert run.returncode == 0, run.output[-6000:]
            done.touch()
    return folder
