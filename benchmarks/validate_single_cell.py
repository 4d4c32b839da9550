"""Validate the single-cell compartments on public data: every check, one table, one page.

    .venv/bin/python benchmarks/validate_single_cell.py --data <folder>
    make validate-single-cell STAT3_DATA=<folder>

Writes ``results/validation/single-cell.tsv``, ``docs/validation/single_cell.md`` and its figures. The command ends well
whether goals are met or not. ``--skip speed`` leaves a check out of a quick run; its rows and section are then absent.
"""

import argparse
import logging
import sys
import warnings
from pathlib import Path

import pandas as pd

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "workflow" / "scripts"))

from scoring.cohorts import COLUMNS  # noqa: E402
from single_cell import agreement, ambient, lineages, malignant, marrow, odd, page, repeat, speed  # noqa: E402
from stat3act.tables import read_table, write_table  # noqa: E402

CHECKS = {
    "malignant": malignant,
    "marrow": marrow,
    "lineages": lineages,
    "agreement": agreement,
    "odd": odd,
    "ambient": ambient,
    "repeat": repeat,
    "speed": speed,
}
TABLE = "results/validation/single-cell.tsv"


def main() -> None:
    """Check the arguments, run, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the public data (its README lists them)")
    parser.add_argument("--table", type=Path, default=PROJECT / TABLE)
    parser.add_argument("--page", type=Path, default=PROJECT / "docs/validation", help="folder of the page")
    parser.add_argument("--skip", nargs="*", default=[], choices=list(CHECKS), help="checks to leave out")
    given = parser.parse_args()
    absent = [name for name in ("single_cell", "stimulation") if not (given.data / name).is_dir()]
    if absent:
        raise SystemExit(f"{given.data} is not the folder of the public data: it lacks {', '.join(absent)}")
    # Tools that are only compared with warn about every sample.
    warnings.simplefilter("ignore")
    logging.disable(logging.INFO)
    parts = []
    for name, check in CHECKS.items():
        if name not in given.skip:
            parts.append(check.check(given.data.resolve())[COLUMNS])
            met = parts[-1]["met"].dropna()
            print(f"{name}: {met.eq('yes').sum()} of {len(met)} goals met", file=sys.stderr)
    # Wilson's lower end of no cell at all is zero but for rounding.
    write_table(given.table, pd.concat(parts, ignore_index=True).round({"low": 12}))
    page.write_page(read_table(given.table), given.page, TABLE)
    print(f"{given.table}\n{given.page / 'single_cell.md'}", file=sys.stderr)


if __name__ == "__main__":
    main()
