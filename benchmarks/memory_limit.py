"""A sample of 50,000 cells on little memory: whether it gets through, or else says what was missing.

A cohort of one large sample, made of real AML cells (`single_cell.speed.enlarge`), and three real ones is run to its
calls while the kernel holds all its processes together to a limit (a control group, as containers and clusters do), or
each of them to so much address space (``ulimit -v``).

    python benchmarks/memory_limit.py --data <folder> --work <folder> [--cells 50000] [--gb 6] [--by group|ulimit]
"""

import argparse
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anndata as ad
import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "workflow/scripts")]

from single_cell.samples import SEED  # noqa: E402
from single_cell.speed import enlarge  # noqa: E402

AML = "single_cell/aml_vangalen_D0_multi_patient.h5ad"
CONFIG = ROOT / "config/cohorts/aml_vangalen/config.yaml"
REAL = ["AML1012-D0", "AML210A-D0", "AML328-D0"]
COLUMNS = ("CellType", "malignant")
SAID = re.compile(r"Out of memory in the rule \w+.*|The rule \w+ was killed before it could say why.*")


@contextmanager
def control_group(limit: int) -> Iterator[Path]:
    """Make a control group inside the current one that holds its processes to ``limit`` bytes; needs root.

    Yields
    ------
    The file that takes the number of a process; version 1 and 2 of control groups.
    """
    lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    first = next((group for _, controllers, group in lines if controllers == "memory"), None)
    if first is not None:
        folder, name = Path("/sys/fs/cgroup/memory") / first.strip("/"), "memory.limit_in_bytes"
    else:
        folder, name = Path("/sys/fs/cgroup") / lines[-1][2].strip("/"), "memory.max"
    folder = folder / f"stat3act_{os.getpid()}"
    folder.mkdir()
    try:
        (folder / name).write_text(str(limit))
        yield folder / "cgroup.procs"
    finally:
        while (folder / "cgroup.procs").read_text().split():
            time.sleep(0.2)
        folder.rmdir()


def write_cohort(data: Path, work: Path, number: int) -> Path:
    """Write the large sample, the sheet and the config; return the config's path."""
    cells = ad.read_h5ad(data / AML)
    large = enlarge(cells, cells.obs["CellType"].astype(str).to_numpy(), number, SEED)
    drawn = cells.obs.sample(number, replace=True, random_state=SEED)
    for column in COLUMNS:
        # Only the size matters here: the labels are those of cells drawn at random, and are found anew as well.
        large.obs[column] = drawn[column].to_numpy()
    large.obs["sample"] = "LARGE"
    large.write_h5ad(work / "large.h5ad")
    rows = [("LARGE", "large", str(work / "large.h5ad")), *((name, name, str(data / AML)) for name in REAL)]
    pd.DataFrame(rows, columns=["sample", "patient", "path"]).to_csv(work / "sheet.tsv", sep="\t", index=False)
    config = yaml.safe_load(CONFIG.read_text())
    config |= {"cohort": "memory", "samples": str(work / "sheet.tsv"), "data_dir": str(data)}
    (work / "config.yaml").write_text(yaml.safe_dump(config))
    return work / "config.yaml"


def run_limited(work: Path, config: Path, limit: int, by: str) -> subprocess.CompletedProcess:
    """Run the cohort, one job at a time, under the limit."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "1", "--nocolor"]
    command += ["--directory", str(work), "--configfile", str(config), "--profile", str(ROOT / "profiles/default")]

    def run(prepare):
        return subprocess.run(command, preexec_fn=prepare, capture_output=True, text=True, check=False)

    if by == "ulimit":
        return run(lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
    with control_group(limit) as processes:
        return run(lambda: processes.write_text(str(os.getpid())))


def highest(work: Path) -> pd.Series:
    """Return the highest resident memory of each job in GB, as Snakemake measured it."""
    found = {}
    for path in sorted((work / "benchmarks/memory").rglob("*.tsv")):
        value = pd.read_csv(path, sep="\t")["max_rss"].iloc[0]
        found[path.relative_to(work / "benchmarks/memory").with_suffix("").as_posix()] = value / 1024
    return pd.Series(found).sort_values(ascending=False)


def main() -> int:
    """Build, run, and print what came of it; 1 when it neither finished nor said what was missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--cells", type=int, default=50_000)
    parser.add_argument("--gb", type=float, default=6)
    parser.add_argument("--by", choices=["group", "ulimit"], default="group")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    work = given.work.resolve()
    config = work / "config.yaml"
    if not config.exists():
        config = write_cohort(given.data.resolve(), work, given.cells)
    started = time.monotonic()
    run = run_limited(work, config, int(given.gb * (1 << 30)), given.by)
    print(f"{given.cells} cells, {given.gb:g} GB by {given.by}: exit code {run.returncode}", end=" ")
    print(f"after {time.monotonic() - started:.0f} s")
    print(highest(work).head(6).round(2).to_string())
    if run.returncode == 0:
        return 0
    said = SAID.findall(run.stderr + run.stdout)
    print(*(said or [(run.stderr + run.stdout)[-4000:]]), sep="\n")
    return 0 if said and "mem_mb" in run.stderr + run.stdout else 1


if __name__ == "__main__":
    sys.exit(main())
