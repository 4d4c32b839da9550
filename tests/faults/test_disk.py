"""Disks: full, read-only; two runs in one folder; clocks that jump."""

import os
import re
import shutil
import subprocess
import time
from contextlib import contextmanager

import pytest

from faults.cohort import BULK, Running, attempt, expect_same

pytestmark = pytest.mark.faults
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")


@contextmanager
def mounted(folder, options):
    """A file system in memory on a folder."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def remount(folder, options):
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)


@as_root
def test_a_full_disk(project, bulk_done, record):
    results = project / "results"
    used = sum(path.stat().st_size for path in (bulk_done / "results/bulk").rglob("*") if path.is_file())
    shares, lost = (0.05, 0.3, 0.5, 0.7, 0.95), []
    with mounted(results, f"size={int(used * shares[0])}"):
        for share in shares:
            remount(results, f"size={int(used * share)}")
            run = attempt(project, *BULK)
            assert run.returncode != 0
            assert "no space left on the disk" in run.output, run.output[-4000:]
            assert "Traceback" not in run.output, run.output[-4000:]
            assert not list(results.rglob(".partial.*"))
            lost.append(len(run.lost))
        remount(results, "size=1g")
        run = attempt(project, *BULK)
        assert run.returncode == 0, run.output[-4000:]
        expect_same(project, bulk_done, "bulk")
    assert max(lost) <= 2
    words = "The rule ... could not go on: no space left on the disk"
    record("results on a full disk", len(shares), len(shares), max(lost), words)


@as_root
def test_a_disk_full_for_everything(fresh, bulk_done, tmp_path, record):
    folder = tmp_path / "project"
    with mounted(folder, "size=1g"):
        shutil.copytree(fresh, folder, dirs_exist_ok=True)
        filler = folder / "filler"
        subprocess.run(["fallocate", "-l", "2g", filler], check=False, capture_output=True)
        free = os.statvfs(folder)
        if free.f_bavail:
            with open(filler, "ab") as handle:
                handle.write(bytes(free.f_bavail * free.f_bsize))
        run = attempt(fresh, "--directory", str(folder), *BULK, "--configfile", str(folder / "bulk.yaml"))
        assert run.returncode != 0
        assert re.search("No space left on device|no space left on the disk", run.output), run.output[-4000:]
        filler.unlink()
        run = attempt(folder, *BULK, "--unlock")
        run = attempt(folder, *BULK)
        assert run.returncode == 0, run.output[-4000:]
        expect_same(folder, bulk_done, "bulk")
    record("the whole folder on a full disk", 1, 1, 0, "Snakemake: No space left on device")


@as_root
def test_a_read_only_results_folder(project, bulk_done, record):
    results = project / "results"
    with mounted(results, "size=1g"):
        remount(results, "ro")
        run = attempt(project, *BULK)
        assert run.returncode != 0 and "Read-only file system" in run.output, run.output[-3000:]
        remount(results, "rw")
        assert attempt(project, *BULK).returncode == 0
        # It turns read-only half-way.
        shutil.rmtree(results / "bulk/profiles")
        remount(results, "ro")
        again = attempt(project, *BULK)
        assert again.returncode != 0 and "Write-protected output files" in again.output, again.output[-3000:]
        remount(results, "rw")
        run = attempt(project, *BULK)
        assert run.returncode == 0, run.output[-3000:]
        expect_same(project, bulk_done, "bulk")
    record("read-only results folder", 2, 2, len(again.lost), "Read-only file system: results/bulk/...")


def test_two_runs_at_once(project, bulk_done, record):
    first = Running(project, *BULK)
    assert first.wait_until(first.jobs)
    second = subprocess.run(
        first.process.args, cwd=project, capture_output=True, text=True, check=False, env=os.environ
    )
    assert second.returncode != 0
    assert "Directory cannot be locked" in second.stderr and "--unlock" in second.stderr, second.stderr[-2000:]
    ended = first.end()
    assert ended.returncode == 0, ended.output[-3000:]
    expect_same(project, bulk_done, "bulk")
    record("two runs at once in one folder", 1, 1, 0, "second run: Directory cannot be locked; the first goes on")


YEAR = 365 * 24 * 3600


@pytest.mark.parametrize(
    ("words", "shift", "everything"),
    [("a year back", -YEAR, True), ("a year ahead", YEAR, True), ("an hour ahead for some", 3600, False)],
)
def test_a_clock_that_jumped(bulk_copy, bulk_done, record, words, shift, everything):
    """The results were written while the clock was wrong."""
    files = sorted(path for path in (bulk_copy / "results/bulk").rglob("*") if path.is_file())
    for number, path in enumerate(files):
        if everything or number % 3 == 0:
            when = path.stat().st_mtime + shift
            os.utime(path, (when, when))
    ended = attempt(bulk_copy, *BULK)
    assert ended.returncode == 0, ended.output[-3000:]
    expect_same(bulk_copy, bulk_done, "bulk")
    again = attempt(bulk_copy, *BULK)
    assert "Nothing to be done" in again.output, again.output[-3000:]
    said = [line for line in ended.output.splitlines() if "dated in the future" in line]
    assert bool(said) == (shift > 0)
    jobs = len(ended.finished)
    record(f"clock changed: results dated {words}", 1, 1, 0, (said or [f"{jobs} jobs ran again"])[0])


def test_inputs_from_the_future(bulk_copy, bulk_done, record):
    """Snakemake refuses, and says which file; it is not ours to date."""
    path = bulk_copy / "data/B01.tsv.gz"
    when = time.time() + YEAR
    os.utime(path, (when, when))
    run = attempt(bulk_copy, *BULK, "--forcerun", "expression_harmonise")
    assert run.returncode != 0 and "has older modification time" in run.output and path.name in run.output
    path.touch()
    run = attempt(bulk_copy, *BULK)
    assert run.returncode == 0, run.output[-3000:]
    expect_same(bulk_copy, bulk_done, "bulk")
    record(
        "clock changed: an input dated a year ahead", 1, 1, 1, "Snakemake: Output ... has older modification time than"
    )
