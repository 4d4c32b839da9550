"""A small cohort with files of its own, in a project folder that faults may hit."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import psutil
import yaml

from stat3act import tables
from stat3act.expression.simulate import build_design, simulate_sample
from workflow.harness import ROOT, copy_project

CELLS = ["--configfile", "cells.yaml"]
BULK = ["--configfile", "bulk.yaml"]
STARTED = re.compile(
    r"^(?:local)?rule (?P<rule>\w+):\n(?P<body>(?:    .*\n)+)",
    re.MULTILINE,
)
FINISHED = re.compile(r"^Finished jobid: (\d+)", re.MULTILINE)


def _design():
    """What the samples of both demos share."""
    resources = ROOT / "resources"
    parameters = yaml.safe_load((resources / "demo/carcinoma.yaml").read_text())
    axes = pd.concat([tables.read_text_table(resources / f"networks/{name}.tsv") for name in ("stat3", "rivals")])
    genes, markers = (tables.read_text_table(resources / name) for name in ("genes/genes.tsv", "markers/lineages.tsv"))
    return build_design(parameters, genes, markers, axes, 0)


def _write_cohort(folder: Path, name: str, sheet: str, samples: list[str], kind: str) -> None:
    """Simulate samples of a demo, and write a cohort that reads them as a user's files."""
    rows, design = tables.read_text_table(ROOT / sheet).set_index("sample", drop=False), _design()
    paths = {}
    for sample in samples:
        made = simulate_sample(design, sample, rows.loc[sample].to_dict(), kind, 0)
        paths[sample] = f"data/{sample}.h5ad" if kind == "single_cell" else f"data/{sample}.tsv.gz"
        write = tables.write_h5ad if kind == "single_cell" else tables.write_table
        write(folder / paths[sample], made)
    own = pd.DataFrame({"sample": samples, "patient": samples, "path": list(paths.values())})
    tables.write_table(folder / f"{name}.tsv", own)
    config = {"cohort": name, "samples": f"{name}.tsv", "tumour_type": "carcinoma"}
    config |= {"expression": {"type": kind, "scale": "counts"}, "networks": {"regulon": "config/demo/regulon.tsv"}}
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(config))


def build_project(folder: Path) -> Path:
    """Copy the workflow into ``folder`` and add two cohorts: three samples of cells, six of bulk."""
    copy_project(folder)
    _write_cohort(folder, "cells", "config/samples.tsv", ["P01", "P02", "P03"], "single_cell")
    bulk = [f"B{number:02d}" for number in range(1, 7)]
    _write_cohort(folder, "bulk", "config/cohorts/demo_bulk/samples.tsv", bulk, "bulk")
    return folder


def outputs(folder: Path, cohort: str) -> dict[str, bytes]:
    """Return the bytes of every result of a cohort, by path; of the checksums without the time in the crate."""
    results = folder / "results" / cohort
    found = {}
    for path in sorted(results.rglob("*")):
        # The crate says when the results were made.
        if path.is_file() and path.name != "ro-crate-metadata.json":
            content = path.read_bytes()
            if path.name == "checksums.sha256":
                content = b"\n".join(line for line in content.split(b"\n") if b"ro-crate" not in line)
            found[str(path.relative_to(results))] = content
    return found


def expect_same(folder: Path, undisturbed: Path, cohort: str) -> None:
    """Fail unless every result of a cohort has the bytes of an undisturbed run, and there are no others."""
    found, expected = outputs(folder, cohort), outputs(undisturbed, cohort)
    assert len(expected) > 20
    assert found.keys() == expected.keys(), f"only in one of the two runs: {sorted(found.keys() ^ expected.keys())}"
    differing = [name for name in expected if found[name] != expected[name]]
    assert not differing, f"other bytes: {differing}"


@dataclass
class Attempt:
    """One call of Snakemake: what it said, which jobs it started and which it finished."""

    output: str
    returncode: int
    started: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        for found in STARTED.finditer(self.output):
            number = re.search(r"jobid: (\d+)", found["body"])
            wildcards = re.search(r"wildcards: (.*)", found["body"])
            if number:
                self.started[number[1]] = f"{found['rule']} {wildcards[1] if wildcards else ''}".strip()

    @property
    def finished(self) -> list[str]:
        return [self.started[number] for number in FINISHED.findall(self.output) if number in self.started]

    @property
    def lost(self) -> set[str]:
        """Jobs that were started and not finished."""
        return set(self.started.values()) - set(self.finished) - {"default", "all"}


class Running:
    """Snakemake in its own process group, until it ends or is killed."""

    def __init__(self, folder: Path, *arguments: str, prepare=None, **environment: str):
        self.log = folder / ".attempt.log"
        command = [sys.executable, "-m", "snakemake", "--cores", "2", "--nocolor", *arguments]
        given = os.environ | {"XDG_CACHE_HOME": str(folder / ".cache"), "PYTHONWARNINGS": "ignore"} | environment
        with open(self.log, "wb") as handle:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=given,
                stdout=handle,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=prepare,
            )

    def jobs(self) -> list[psutil.Process]:
        """Return the scripts that are running."""
        try:
            children = psutil.Process(self.process.pid).children(recursive=True)
            return [child for child in children if _is_script(child)]
        except psutil.NoSuchProcess:
            return []

    def kill_job(self, number: int) -> bool:
        """Kill one of the running scripts; tell whether there was one."""
        found = self.jobs()
        if not found:
            return False
        found[number % len(found)].send_signal(signal.SIGKILL)
        return True

    def kill_all(self) -> bool:
        """Kill Snakemake and all it started; tell whether it was still running."""
        if self.process.poll() is not None:
            return False
        os.killpg(self.process.pid, signal.SIGKILL)
        return True

    def wait_until(self, condition, seconds: float = 300) -> bool:
        """Wait until a condition holds while Snakemake runs."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            if condition():
                return True
            time.sleep(0.02)
        return False

    def end(self) -> Attempt:
        code = self.process.wait(600)
        return Attempt(self.log.read_text(errors="replace"), code)


def _is_script(process: psutil.Process) -> bool:
    try:
        command = process.cmdline()
    except psutil.Error:
        return False
    return bool(command) and "python" in command[0] and any(".snakemake/scripts/" in part for part in command)


def attempt(folder: Path, *arguments: str, **kwargs) -> Attempt:
    """Run Snakemake to its end."""
    return Running(folder, *arguments, **kwargs).end()
