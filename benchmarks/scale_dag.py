"""How long Snakemake takes to plan a cohort of 2,000 samples: ``snakemake -n``, seconds and memory.

    .venv/bin/python benchmarks/scale_dag.py [--samples 2000]

Single cells from one h5ad and from one file each, and bulk from one matrix. The files hold a few cells or genes only:
planning reads their headers and never their values.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import yaml
from scipy import sparse

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

from scaling.runs import markdown  # noqa: E402

MOST_SECONDS = 20.0
CELLS = 30


def write_files(folder: Path, kind: str, names: list[str]) -> list[str]:
    """Write the input files of a cohort; return the path of each sample."""
    genes = pd.DataFrame(index=["STAT3", "SOCS3", "TP53"])
    if kind == "bulk":
        values = pd.DataFrame(np.ones((len(genes), len(names)), int), index=genes.index, columns=names)
        values.rename_axis("gene").to_csv(folder / "matrix.tsv", sep="\t")
        return ["matrix.tsv"] * len(names)
    if kind == "one h5ad":
        obs = pd.DataFrame({"sample": np.repeat(names, CELLS)}).astype("category")
        obs.index = obs.index.astype(str)
        cells = ad.AnnData(sparse.csr_matrix(np.ones((len(obs), len(genes)), np.float32)), obs=obs, var=genes)
        cells.write_h5ad(folder / "cells.h5ad")
        return ["cells.h5ad"] * len(names)
    cells = ad.AnnData(sparse.csr_matrix(np.ones((CELLS, len(genes)), np.float32)), var=genes)
    cells.write_h5ad(folder / "first.h5ad")
    for name in names:
        os.link(folder / "first.h5ad", folder / f"{name}.h5ad")
    return [f"{name}.h5ad" for name in names]


@dataclass(frozen=True)
class Plan:
    """What planning cost: seconds on the clock and of the processor, MB; and how many jobs Snakemake counts."""

    seconds: float
    processor: float
    memory: float
    jobs: int


def plan(kind: str, samples: int) -> Plan:
    """Plan a cohort with ``snakemake -n``."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        names = [f"P{number:05d}" for number in range(samples)]
        sheet = pd.DataFrame({"sample": names, "patient": names, "path": write_files(folder, kind, names)})
        sheet.to_csv(folder / "samples.tsv", sep="\t", index=False)
        expression = {"type": "bulk" if kind == "bulk" else "single_cell", "scale": "counts"}
        if kind == "one h5ad":
            expression["sample_key"] = "sample"
        config = {"cohort": "plan", "samples": "samples.tsv", "tumour_type": "carcinoma", "expression": expression}
        (folder / "config.yaml").write_text(yaml.safe_dump(config | {"data_dir": "."}))
        command = [sys.executable, "-m", "snakemake", "-n", "--quiet", "rules", "--nocolor", "--cores", "2"]
        command += ["--snakefile", str(ROOT / "Snakefile"), "--configfile", "config.yaml"]
        begun = time.monotonic()
        with subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            printed = process.stdout.read()
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - begun
        if process.returncode:
            sys.exit(printed[-4000:])
        total = next(line.split()[1] for line in printed.splitlines() if line.startswith("total"))
        return Plan(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6, int(total))


def main() -> None:
    """Plan the three kinds of cohorts and say which took too long."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--out", type=Path, help="folder for the table, dag.tsv")
    given = parser.parse_args()
    rows, slow = [], []
    for kind in ("one h5ad", "one h5ad each", "bulk"):
        found = plan(kind, given.samples)
        rows.append({"cohort": kind, "samples": given.samples, **asdict(found)})
        print(rows[-1], flush=True)
        if found.seconds > MOST_SECONDS:
            slow.append(f"{kind}: {found.seconds:.1f} s, more than {MOST_SECONDS:g}")
    table = pd.DataFrame(rows).round(1)
    print(markdown(table))
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        table.to_csv(given.out / "dag.tsv", sep="\t", index=False)
    sys.exit("\n".join(slow))


if __name__ == "__main__":
    main()
