"""A SLURM for the session."""

import shutil
import tempfile
from pathlib import Path

import pytest

from slurm.cluster import own_cluster, running_cluster, why_not


def pytest_addoption(parser):
    parser.addoption("--samples", type=int, help="run the first so many samples of the demo, not all of them")


@pytest.fixture(scope="session")
def samples(request) -> int | None:
    """How many samples of the demo are run; None for all."""
    return request.config.getoption("--samples")


@pytest.fixture(scope="session")
def cluster():
    """The SLURM that runs here, or else one of our own; without either the tests are skipped."""
    running = running_cluster()
    if running:
        yield running
        return
    if why_not():
        pytest.skip(why_not())
    # Not below pytest's own folder: munge wants a path that every user may enter.
    folder = Path(tempfile.mkdtemp(prefix="stat3act-slurm-"))
    folder.chmod(0o755)
    try:
        with own_cluster(folder) as own:
            yield own
    finally:
        shutil.rmtree(folder)
