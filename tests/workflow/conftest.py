"""Tests that change something work on a copy of the demo."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def copied_demo(demo, tmp_path) -> Path:
    """Return a copy of the finished demo, time stamps and all, to change at will."""
    folder = tmp_path / "demo"
    shutil.copytree(demo, folder, symlinks=True)
    return folder
