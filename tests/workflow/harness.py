"""Running the real workflow in a temporary copy."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
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


def tables(folder: Path, cohort: str) -> dict[str, bytes]:
    """Return the bytes of every table of a cohort, by path."""
    results = folder / "results" / cohort
    return {
        str(path.relative_to(results)): path.read_bytes()
        for path in sorted(results.rglob("*"))
        # The crate says when the results were made.
        if path.suffix in (".tsv", ".gz", ".json", ".md", ".yaml") and path.is_file() and "ro-crate" not in path.name
    }
