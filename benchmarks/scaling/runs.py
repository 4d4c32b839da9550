"""The real workflow on a cohort in a folder of its own, and what each of its jobs cost."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

PROJECT = Path(__file__).resolve().parents[2]
COST = re.compile(
    r"ended: (?P<start>\S+) s start, (?P<work>\S+) s work, (?P<cpu>\S+) s processor, peak memory (?P<peak>\d+) MB"
)
COLUMNS = ["size", "rule", "jobs", "wall_total", "wall_max", "start_total", "cpu_total", "max_rss_max", "peak_max"]


def run_workflow(folder: Path, config: Path, cores: int, targets: Sequence[str] = ()) -> float:
    """Run Snakemake in a folder and return its seconds.

    Raises
    ------
    subprocess.CalledProcessError
        When it fails; what it printed is in ``snakemake.log`` of the folder.
    """
    command = [sys.executable, "-m", "snakemake", "--cores", str(cores), "--nocolor"]
    command += ["--snakefile", str(PROJECT / "Snakefile"), "--directory", str(folder), *targets]
    command += ["--configfile", str(config)]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    begun = time.monotonic()
    with open(folder / "snakemake.log", "w", encoding="utf-8") as log:
        subprocess.run(command, env=os.environ | threads, stdout=log, stderr=log, check=True, cwd=folder)
    return time.monotonic() - begun


def job_costs(folder: Path, cohort: str) -> pd.DataFrame:
    """Return what every job of a finished run cost.

    Returns
    -------
    ``rule job wall max_rss`` (seconds and MB, from Snakemake's benchmark files) and ``start work cpu peak`` (seconds
    until the script had its modules, after, and of the processor; the kernel's record of its memory in MB), from the
    last line of the log.
    """
    rows = []
    root = folder / "benchmarks" / cohort
    for path in sorted(root.rglob("*.tsv")):
        job = path.relative_to(root).with_suffix("")
        found = pd.read_csv(path, sep="\t").iloc[0]
        log = folder / "logs" / cohort / f"{job}.log"
        cost = COST.search(log.read_text(encoding="utf-8", errors="replace"))
        told = {name: float(value) for name, value in cost.groupdict().items()} if cost else {}
        max_rss = pd.to_numeric(found["max_rss"], errors="coerce")
        rows.append({"rule": job.parts[0], "job": str(job), "wall": float(found["s"]), "max_rss": max_rss, **told})
    return pd.DataFrame(rows)


def rule_table(costs: pd.DataFrame, size: str) -> pd.DataFrame:
    """Sum the jobs of each rule up: `COLUMNS`, the costliest rule first."""
    table = costs.groupby("rule").agg(
        jobs=("wall", "size"),
        wall_total=("wall", "sum"),
        wall_max=("wall", "max"),
        start_total=("start", "sum"),
        cpu_total=("cpu", "sum"),
        max_rss_max=("max_rss", "max"),
        peak_max=("peak", "max"),
    )
    table = table.sort_values("wall_total", ascending=False).reset_index().assign(size=size)
    return table[COLUMNS].round(1)


def markdown(table: pd.DataFrame) -> str:
    """Lay a table out as Markdown."""
    lines = [" | ".join(map(str, table.columns)), " | ".join("---" for _ in table.columns)]
    lines += [" | ".join("" if pd.isna(value) else f"{value}" for value in row) for row in table.to_numpy()]
    return "\n".join(f"| {line} |" for line in lines)
