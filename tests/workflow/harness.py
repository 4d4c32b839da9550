"""Running the real workflow in a temporary copy."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = ["Snakefile", "CITATION.cff", "workflow", "config", "profiles", "resources"]
# In jobs too: a number that is not one, or a feature about to go, fails the test that runs into it. All other warnings
# are in the logs.
WARNINGS = "default,error::RuntimeWarning,error::FutureWarning"
JOB = re.compile(r"^(?:local)?rule (\w+):|^checkpoint (\w+):", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """What one call of Snakemake did."""

    returncode: int
    output: str

    @property
    def jobs(self) -> Counter:
        """Number of jobs of each rule, target rules left out."""
        names = Counter(first or second for first, second in JOB.findall(self.output))
        for target in ("default", "all"):
            names.pop(target, None)
        return names

    @property
    def reasons(self) -> dict[str, str]:
        """Why each rule has jobs, by rule: the reasons of all its jobs, target rules left out."""
        found = {}
        for block in re.split(r"\n(?=(?:local)?rule \w+:)", self.output):
            name, reason = JOB.match(block), re.search(r"^    reason: (.*)$", block, re.MULTILINE)
            if name and reason and name[1] not in ("default", "all"):
                found[name[1]] = f"{found.get(name[1], '')}{reason[1]}; "
        return found

    @property
    def idle(self) -> bool:
        """Whether there was nothing to do."""
        return "Nothing to be done" in self.output


def copy_project(folder: Path) -> Path:
    """Copy what a user deploys into ``folder``."""
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / part)
    return folder


def snakemake(folder: Path, *arguments: str, cores: int = 2, hash_seed: str = "0") -> Run:
    """Run Snakemake in ``folder`` and return what it printed."""
    environment = os.environ | {"XDG_CACHE_HOME": str(folder / ".cache"), "PYTHONWARNINGS": WARNINGS}
    environment["PYTHONHASHSEED"] = hash_seed
    command = [sys.executable, "-m", "snakemake", "--cores", str(cores), "--nocolor", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return Run(done.returncode, done.stdout + done.stderr)


def linked_copy(finished: Path, folder: Path) -> Path:
    """Copy a finished project, its results as hard links: they may be removed, but not changed."""
    for part in finished.iterdir():
        copy: Callable = os.link if part.name in ("results", "logs", "benchmarks") else shutil.copy2
        if part.is_dir():
            shutil.copytree(part, folder / part.name, symlinks=True, copy_function=copy)
        else:
            shutil.copy2(part, folder)
    return folder


def dry_runs(jobs: Sequence[tuple[Path, Sequence[str]]]) -> list[Run]:
    """Dry-run many folders, each with its arguments, side by side."""
    script = Path(__file__).with_name("dry_runs.py")
    done = subprocess.run(
        [sys.executable, str(script)],
        input=json.dumps([[str(folder), list(arguments)] for folder, arguments in jobs]),
        capture_output=True,
        text=True,
        check=True,
    )
    return [Run(*run) for run in json.loads(done.stdout)]


def tables(folder: Path, cohort: str) -> dict[str, bytes]:
    """Return the bytes of every table of a cohort, by path."""
    results = folder / "results" / cohort
    return {
        str(path.relative_to(results)): path.read_bytes()
        for path in sorted(results.rglob("*"))
        # The crate says when the results were made.
        if path.suffix in (".tsv", ".gz", ".json", ".md", ".yaml") and path.is_file() and "ro-crate" not in path.name
    }


def rerun_table(title: str) -> list[list[str]]:
    """Return the rows of the table under a heading of docs/reruns.md, as lists of cells."""
    text = (ROOT / "docs/reruns.md").read_text()
    section = text.split(f"\n## {title}\n")[1].split("\n## ")[0]
    rows = [[part.strip() for part in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return rows[2:]
