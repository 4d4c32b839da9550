"""The good cohorts, made once."""

from pathlib import Path

import pytest

from bad_inputs.good_cohorts import MAKERS


@pytest.fixture(scope="session")
def good(tmp_path_factory) -> Path:
    """Return a folder with one folder per good cohort."""
    folder = tmp_path_factory.mktemp("good")
    for name, make in MAKERS.items():
        (folder / name).mkdir()
        make(folder / name)
    return folder
