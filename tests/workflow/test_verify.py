"""Single wrong bytes, anywhere in results and inputs, are found by `make verify`."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from stat3act.report.checksums import checksum_lines
from stat3act.verify import main, result_differences
from workflow.harness import ROOT

COHORTS = ["demo", "demo_bulk"]


@pytest.fixture
def verify(monkeypatch, capsys):
    """Do in a folder what `make verify` does; return its exit code and its lines."""

    def run(folder, cohort):
        monkeypatch.chdir(folder)
        monkeypatch.setattr("stat3act.verify.WORKFLOW", folder)
        code = main(Path("results") / cohort)
        return code, capsys.readouterr().out.splitlines()

    return run


def files(folder, cohort):
    """Return all results, and all inputs, as paths."""
    results = [path for path in sorted((folder / "results" / cohort).rglob("*")) if path.is_file()]
    record = json.loads((folder / f"results/{cohort}/provenance.json").read_text())
    roots = (folder, folder / "resources")
    inputs = [
        next(root / entry["path"] for root in roots if (root / entry["path"]).is_file()) for entry in record["inputs"]
    ]
    return [path for path in results if "simulated" not in path.parts], inputs


def flip(path: Path, chance: random.Random) -> bytes:
    """Change one bit of one byte; return what was there."""
    whole = path.read_bytes()
    content = bytearray(whole)
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)
    return whole


@pytest.mark.parametrize("cohort", COHORTS)
def test_untouched_results_are_as_recorded_and_sha256sum_agrees(demo, verify, cohort):
    code, lines = verify(demo, cohort)
    assert code == 0 and len(lines) == 1 and lines[0].startswith("OK: "), lines
    folder = demo / "results" / cohort
    checked = subprocess.run(["sha256sum", "--check", "--strict", "checksums.sha256"], cwd=folder, capture_output=True)
    assert checked.returncode == 0
    listed = {line.split("  ")[1] for line in (folder / "checksums.sha256").read_text().splitlines()[1:]}
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert listed == there - {"checksums.sha256"}


@pytest.mark.parametrize("cohort", COHORTS)
def test_every_single_wrong_byte_is_found(copied_demo, verify, cohort):
    chance = random.Random(8)
    results, inputs = files(copied_demo, cohort)
    kinds = {path.name.split(".", 1)[1] for path in results}
    assert kinds >= {"tsv", "json", "h5ad", "html", "md", "yaml", "sha256"} and len(inputs) >= 3
    # One file of every kind, the records of the run, every input, and any five.
    chosen = [chance.choice([path for path in results if path.name.endswith(kind)]) for kind in sorted(kinds)]
    chosen += [copied_demo / f"results/{cohort}/provenance.json", *inputs, *chance.sample(results, 5)]
    assert len(chosen) >= 15
    for path in chosen:
        whole = flip(path, chance)
        code, lines = verify(copied_demo, cohort)
        assert code == 1, path
        if path.name != "checksums.sha256":
            assert any(str(path.relative_to(copied_demo)) in line for line in lines), (path, lines)
        path.write_bytes(whole)
    assert verify(copied_demo, cohort)[0] == 0


def test_no_wrong_byte_of_the_list_of_checksums_passes(tmp_path):
    """Every byte of a short list, each changed in three ways, and every cut; the files it lists are as they were."""
    names = [tmp_path / name for name in ("a.tsv", "b.tsv")]
    for name in names:
        name.write_text(name.name)
    path = tmp_path / "checksums.sha256"
    path.write_text(checksum_lines(names, tmp_path))
    whole = path.read_bytes()
    assert not list(result_differences(tmp_path))
    for place in range(len(whole)):
        for bit in (0, 3, 7):
            content = bytearray(whole)
            content[place] ^= 1 << bit
            path.write_bytes(content)
            assert list(result_differences(tmp_path)), (place, bit)
    for share in range(len(whole)):
        path.write_bytes(whole[:share])
        assert list(result_differences(tmp_path)), share


def test_missing_files_another_network_and_another_config_are_named(copied_demo, verify):
    folder = copied_demo / "results/demo"
    record = json.loads((folder / "provenance.json").read_text())
    (folder / "profiles/calls.tsv").unlink()
    sheet = copied_demo / "config/samples.tsv"
    sheet.write_text(sheet.read_text() + "\n")
    record["network_sha256"], record["config"]["seed"] = "0" * 64, 12345
    (folder / "provenance.json").write_text(json.dumps(record))
    # A run that was stopped has no list of checksums; the record is compared all the same.
    (folder / "checksums.sha256").unlink()
    code, lines = verify(copied_demo, "demo")
    text = "\n".join(lines)
    assert code == 1 and "checksums.sha256: expected a list of checksums, found no such file" in text
    for words in ("config/samples.tsv: expected", "config.yaml, key `seed`", "networks/axes.tsv (its content)"):
        assert words in text, text


def test_the_command_says_what_differs_and_asks_which_results(copied_demo):
    (copied_demo / "results/demo/profiles/calls.tsv").unlink()
    command = [sys.executable, "-m", "stat3act.verify", "results/demo"]
    environment = os.environ | {"PYTHONPATH": "workflow/scripts"}
    done = subprocess.run(command, cwd=copied_demo, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "profiles/calls.tsv: expected" in done.stdout and not done.stderr
    done = subprocess.run(["make", "-n", "verify"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "RESULTS=results/<cohort>" in done.stderr
