"""Validate the bulk split on mixtures of known truth and on real bulk: every check, one table, one page.

    .venv/bin/python benchmarks/validate_bulk.py --data <folder>
    make validate-bulk STAT3_DATA=<folder>

Writes ``results/validation/bulk.tsv``, ``docs/validation/bulk.md`` and its figures. The command ends well whether goals
are met or not. Every check's rows are kept in ``results/validation/bulk/`` as soon as it has ended; ``--skip speed``
leaves a check out and shows its rows of an earlier run, if there are any. The comparison with the PyPI package is left
out, with a message, where pybayesprism is not installed.
"""

import argparse
import logging
import sys
import time
import warnings
from pathlib import Path

import pandas as pd

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "workflow" / "scripts"))

from bulk import corners, coverage, natural, page, peer, planted, real, speed  # noqa: E402
from scoring.cohorts import COLUMNS  # noqa: E402
from stat3act.tables import read_table, write_table  # noqa: E402

CHECKS = {
    "planted": planted,
    "natural": natural,
    "coverage": coverage,
    "corners": corners,
    "real": real,
    "speed": speed,
}
TABLE = "results/validation/bulk.tsv"
FOLDERS = ("deconvolution", "bulk_pstat3", "single_cell", "networks")


def main() -> None:
    """Check the arguments, run, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the public data (its README lists them)")
    parser.add_argument("--table", type=Path, default=PROJECT / TABLE)
    parser.add_argument("--page", type=Path, default=PROJECT / "docs/validation", help="folder of the page")
    parser.add_argument("--skip", nargs="*", default=[], choices=list(CHECKS), help="checks to leave out")
    given = parser.parse_args()
    absent = [name for name in FOLDERS if not (given.data / name).is_dir()]
    if absent:
        raise SystemExit(f"{given.data} is not the folder of the public data: it lacks {', '.join(absent)}")
    if not peer.installed():
        print(f"{peer.NAME} is not installed: the comparison with it is left out", file=sys.stderr)
    warnings.simplefilter("ignore")
    logging.disable(logging.INFO)
    kept = {name: given.table.with_suffix("") / f"{name}.tsv" for name in CHECKS}
    for name, check in CHECKS.items():
        if name not in given.skip:
            begun = time.perf_counter()
            found = check.check(given.data.resolve())[COLUMNS]
            write_table(kept[name], found)
            met, minutes = found["met"].dropna(), (time.perf_counter() - begun) / 60
            print(f"{name}: {met.eq('yes').sum()} of {len(met)} goals met, {minutes:.1f} min", file=sys.stderr)
    write_table(given.table, pd.concat([read_table(path) for path in kept.values() if path.exists()]))
    page.write_page(read_table(given.table), given.page, TABLE)
    print(f"{given.table}\n{given.page / 'bulk.md'}", file=sys.stderr)


if __name__ == "__main__":
    main()
