"""The lock, the conda environment and the project file name the same packages at the same versions."""

import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAKE = runpy.run_path(str(ROOT / "docs/make_environment.py"))


def test_conda_environment_is_in_step_with_the_lock():
    expected = MAKE["environment"]((ROOT / "pyproject.toml").read_text(), (ROOT / "requirements.lock").read_text())
    assert (ROOT / "workflow/envs/stat3act.yaml").read_text() == expected


def test_the_development_lock_adds_tools_and_changes_nothing():
    run = MAKE["locked_versions"]((ROOT / "requirements.lock").read_text())
    dev = MAKE["locked_versions"]((ROOT / "requirements-dev.lock").read_text())
    assert run.items() <= dev.items()
    assert {"pytest", "ruff", "snakefmt"} <= dev.keys()


def test_locks_are_pinned_by_hash_and_name_no_index():
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        packages = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
        assert len(packages) > 100 and all("==" in line for line in packages)
        assert text.count("--hash=sha256:") >= len(packages)
        assert "://" not in text and "--index" not in text and "--find-links" not in text
