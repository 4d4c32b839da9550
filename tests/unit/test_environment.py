"""The lock, the conda environment and the project file name the same packages at the same versions."""

import json
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"
MAKE = runpy.run_path(str(ROOT / "docs/make_environment.py"))


def test_conda_environment_is_in_step_with_the_lock():
    expected = MAKE["environment"]((ROOT / "pyproject.toml").read_text(), (ROOT / "requirements.lock").read_text())
    assert (ROOT / "workflow/envs/stat3act.yaml").read_text() == expected


def test_the_development_lock_adds_tools_and_changes_nothing():
    run = MAKE["locked_versions"]((ROOT / "requirements.lock").read_text())
    dev = MAKE["locked_versions"]((ROOT / "requirements-dev.lock").read_text())
    assert run.items() <= dev.items()
    assert {"pytest", "ruff", "snakefmt"} <= dev.keys()


def test_the_oldest_lock_holds_every_lower_bound():
    oldest = MAKE["locked_versions"]((ROOT / "requirements-oldest.lock").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for dependency in project["project"]["dependencies"]:
        name, bound = re.match(r"([a-z0-9-]+)>=([\d.]+)", dependency).groups()
        assert Version(oldest[name]) == Version(bound), "a lower bound that no test runs on"


def test_the_bill_of_materials_lists_every_package_with_its_hashes(tmp_path):
    # What `make sbom` runs; its output was validated against the schema of CycloneDX by the tool itself.
    command = re.search(
        r"^\t\$\(BIN\)/(cyclonedx-py .*) -o sbom\.json$", (ROOT / "Makefile").read_text(), re.MULTILINE
    )[1]
    tool = Path(sys.executable).with_name("cyclonedx-py")
    subprocess.run(
        [tool, *command.split()[1:], "-o", tmp_path / "sbom.json"], cwd=ROOT, check=True, capture_output=True
    )
    bill = json.loads((tmp_path / "sbom.json").read_text())
    assert bill["bomFormat"] == "CycloneDX" and bill["metadata"]["component"]["name"] == "stat3act"
    listed = {
        (part["name"], part["version"]): {
            entry["content"] for source in part["externalReferences"] for entry in source.get("hashes", [])
        }
        for part in bill["components"]
    }
    assert all(part["purl"].startswith(f"pkg:pypi/{part['name']}@") for part in bill["components"])
    locked = re.findall(r"^([a-z0-9._-]+)==(\S+)[^\n]*\\\n((?:    --hash=.*\n?)+)", LOCK.read_text(), re.MULTILINE)
    assert len(locked) > 100
    expected = {(name, version): set(re.findall(r"sha256:(\w{64})", hashes)) for name, version, hashes in locked}
    assert listed == expected


def test_locks_are_pinned_by_hash_and_name_no_index():
    for name in ("requirements.lock", "requirements-dev.lock", "requirements-oldest.lock"):
        text = (ROOT / name).read_text()
        packages = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
        assert len(packages) > 100 and all("==" in line for line in packages)
        assert text.count("--hash=sha256:") >= len(packages)
        assert "://" not in text and "--index" not in text and "--find-links" not in text


def test_no_checker_of_web_addresses_slows_every_call_of_snakemake_down():
    # pyproject.toml says why; an update of a tool must not bring it back.
    for name in ("requirements.lock", "requirements-dev.lock"):
        assert "rfc3987-syntax" not in MAKE["locked_versions"]((ROOT / name).read_text())
