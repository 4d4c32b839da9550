"""The workflow on up to a million single cells, beside scanpy and decoupler on the same cells.

    .venv/bin/python benchmarks/scale_cells.py --data <folder of the public data>
    .venv/bin/python benchmarks/scale_cells.py --data <folder> --sizes 10k 100k      a first look

Cells are made of the marrow cohort's (`scaling.enlarge`) and written once per size. The real workflow then runs with
that cohort's configuration; what its jobs cost is read from Snakemake's benchmark files and from the logs. 100k and 1M
have samples of the same size, ten times as many of them: what grows between the two grows with the cohort.
"""

import argparse
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "workflow/scripts")]

from scaling.enlarge import write_cohort  # noqa: E402
from scaling.processes import run_limited  # noqa: E402
from scaling.runs import job_costs, markdown, rule_table, run_workflow  # noqa: E402

MOST_MB = 8192
COHORT = "large"


@dataclass(frozen=True)
class Size:
    """A cohort to make: number of samples, and cells in each."""

    samples: int
    cells: int


SIZES = {"10k": Size(10, 1000), "100k": Size(10, 10_000), "1M": Size(100, 10_000)}


def run_size(name: str, folder: Path, given: argparse.Namespace) -> tuple[pd.DataFrame, float]:
    """Run the workflow on one size: costs of its jobs, and seconds of the whole run."""
    size = SIZES[name]
    config = write_cohort(given.data, ROOT, folder, size.samples, size.cells, given.apart)
    for part in ("results", "benchmarks", "logs", ".snakemake"):
        shutil.rmtree(folder / part, ignore_errors=True)
    seconds = run_workflow(folder, config, given.cores)
    return job_costs(folder, COHORT), seconds


def peer_rows(given: argparse.Namespace, out: Path) -> pd.DataFrame:
    """Run the usual way on every size upward, each way until it fails."""
    axes = pd.read_csv(out / given.sizes[0] / "results" / COHORT / "networks/axes.tsv", sep="\t")
    # The table has a column `source` of its own: the papers.
    net = axes.loc[axes["axis"] == "stat3_core", ["axis", "gene", "weight"]].drop_duplicates("gene")
    net = net.rename(columns={"axis": "source", "gene": "target"})
    net.to_csv(out / "network.tsv", sep="\t", index=False)
    rows = []
    for how in ("backed", "memory"):
        for name in given.sizes:
            given_to = [how, out / name / "cells.h5ad", out / "network.tsv"]
            found = run_limited("peer", given_to, out / f"{how}_{name}.json", given.peer_gb)
            rows.append({"size": name, "how": how, "seconds": None, "peak": None, "failed": "", **found})
            print(rows[-1], flush=True)
            if "failed" in found:
                break
    return pd.DataFrame(rows).round(1)


def main() -> None:
    """Run all sizes, write the tables and say what was missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, help="folder of the cells and results; a temporary one by default")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--apart", action="store_true", help="one file per sample; the usual way is left out")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--peer-gb", type=float, default=20.0, help="most memory for the usual way; 0 leaves it out")
    given = parser.parse_args()
    given.data = given.data.resolve()
    out = (given.out or Path(tempfile.mkdtemp())).resolve()
    out.mkdir(parents=True, exist_ok=True)
    tables, whole = [], []
    for name in given.sizes:
        costs, seconds = run_size(name, out / name, given)
        tables.append(rule_table(costs, name))
        told = {"wall": round(seconds, 1), "cpu": round(costs["cpu"].sum(), 1), "peak_max": costs["peak"].max()}
        whole.append({"size": name, "jobs": len(costs), **told})
        tables[-1].to_csv(out / f"rules_{name}.tsv", sep="\t", index=False)
        pd.DataFrame(whole).to_csv(out / "whole.tsv", sep="\t", index=False)
        print(markdown(tables[-1]), f"\n\n{name}: {seconds:.0f} s", flush=True)
    print(markdown(pd.DataFrame(whole)))
    if given.peer_gb and not given.apart:
        peers = peer_rows(given, out)
        peers.to_csv(out / "peers.tsv", sep="\t", index=False)
        print(markdown(peers))
    large = [row for row in whole if row["peak_max"] > MOST_MB]
    sys.exit("\n".join(f"{row['size']}: a job of {row['peak_max']:.0f} MB, more than {MOST_MB}" for row in large))


if __name__ == "__main__":
    main()
