"""How much of the demo's time goes into starting up: Python, imports, Snakemake.

    .venv/bin/python benchmarks/startup.py
    .venv/bin/python benchmarks/startup.py --project <another checkout>      for a comparison

The demo runs once, in a copy, with Python's own record of imports switched on (``PYTHONPROFILEIMPORTTIME``), which
costs a few percent. Imports are counted wherever they happen, at the top of a script or late inside a function, and
modules once per process. What a script does beside importing is its work.
"""

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]

from scaling.runs import markdown  # noqa: E402
from workflow import harness  # noqa: E402

IMPORT = re.compile(r"import time:\s+(\d+) \|")
BARE = "import time; print(time.process_time())"


def run_demo(project: Path, folder: Path, cores: int) -> tuple[dict[str, float], str]:
    """Run the demo of a checkout in a folder: wall and processor seconds, and what was printed."""
    harness.ROOT = project
    harness.copy_project(folder)
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    environment = os.environ | threads | {"XDG_CACHE_HOME": str(folder / ".cache"), "PYTHONPROFILEIMPORTTIME": "1"}
    command = [sys.executable, "-m", "snakemake", "--cores", str(cores), "--nocolor"]
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(done.stderr[-4000:])
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": time.monotonic() - begun, "processor": processor}, done.stderr


def measure(project: Path, cores: int) -> dict[str, float]:
    """Run the demo and take its time apart."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        found, printed = run_demo(project, folder, cores)
        walls = [pd.read_csv(path, sep="\t")["s"].iloc[0] for path in (folder / "benchmarks").rglob("*.tsv")]
    imports = sum(int(time) for time in IMPORT.findall(printed)) / 1e6
    bare = min(float(subprocess.check_output([sys.executable, "-c", BARE])) for _ in range(5))
    start = imports + bare * len(walls)
    return found | {
        "jobs": len(walls),
        "in_jobs": sum(walls),
        "imports": imports,
        "start": start,
        "start_share": start / found["processor"],
    }


def main() -> None:
    """Print the table of one checkout or two."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--project", type=Path, action="append", help="a checkout; this one by default")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--out", type=Path, help="folder for the table, startup.tsv")
    given = parser.parse_args()
    rows = []
    for project in given.project or [ROOT]:
        rows.append({"checkout": project.name, **measure(project.resolve(), given.cores)})
        print(rows[-1], flush=True)
    table = pd.DataFrame(rows).round(2)
    print(markdown(table))
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        table.to_csv(given.out / "startup.tsv", sep="\t", index=False)


if __name__ == "__main__":
    main()
