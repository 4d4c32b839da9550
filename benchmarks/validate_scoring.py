"""Validate the STAT3 score on public data: every check, one table, one page.

    .venv/bin/python benchmarks/validate_scoring.py --data <folder>    or    make validate-scoring STAT3_DATA=<folder>

Writes ``results/validation/scoring.tsv``, ``docs/validation/scoring.md`` and its figures. The command ends well whether
goals are met or not: a goal that is missed is a finding, and stands in the table and on the page.
"""

import argparse
import sys
import time
from pathlib import Path

import pandas as pd

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "workflow" / "scripts"))

from scoring import calibration, coverage, invariance, page, phospho, planted, specificity, study  # noqa: E402
from scoring.cohorts import COLUMNS  # noqa: E402
from stat3act.tables import read_table, write_table  # noqa: E402

CHECKS = (specificity, phospho, calibration, planted, coverage, invariance, study)
NEEDED = ("networks", "stimulation", "bulk_pstat3", "single_cell", "deconvolution")


def run_checks(data: Path) -> pd.DataFrame:
    """Run every check and join their rows, with a line of progress for each."""
    parts = []
    for check in CHECKS:
        name = check.__name__.rsplit(".", 1)[-1]
        print(f"{name} ...", end="", flush=True, file=sys.stderr)
        start = time.perf_counter()
        parts.append(check.check(data)[COLUMNS])
        goals = parts[-1]["met"].dropna()
        seconds = time.perf_counter() - start
        print(f" {seconds:.0f} s, {goals.eq('yes').sum()} of {len(goals)} goals met", file=sys.stderr)
    return pd.concat(parts, ignore_index=True)


def main() -> None:
    """Check the arguments, run, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the public data (its README lists them)")
    parser.add_argument("--table", type=Path, default=PROJECT / "results/validation/scoring.tsv")
    parser.add_argument("--page", type=Path, default=PROJECT / "docs/validation", help="folder of the page")
    given = parser.parse_args()
    absent = [name for name in NEEDED if not (given.data / name).is_dir()]
    if absent:
        raise SystemExit(f"{given.data} is not the folder of the public data: it lacks {', '.join(absent)}")
    write_table(given.table, run_checks(given.data.resolve()))
    page.write_page(read_table(given.table), given.page, "results/validation/scoring.tsv")
    print(f"{given.table}\n{given.page / 'scoring.md'}", file=sys.stderr)


if __name__ == "__main__":
    main()
