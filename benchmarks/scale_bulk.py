"""Ten thousand bulk samples of 20,000 genes, scored without a split: the real rules, and decoupler beside them.

    .venv/bin/python benchmarks/scale_bulk.py --data <folder of the public data>

Samples are made of real ones (TCGA uveal melanoma, RSEM): the geometric mean of two, and noise. The real workflow runs
on one matrix of all of them. Then our scoring and decoupler's `ulm` and `mlm` score the harmonised matrix, each in a
process of its own with one thread, on the same axes.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "workflow/scripts")]

from scaling.processes import run_limited  # noqa: E402
from scaling.runs import job_costs, markdown, rule_table, run_workflow  # noqa: E402

REAL = "bulk_pstat3/tcga_UVM_rnaseqv2_rsem_norm.parquet"
COHORT, NOISE, SEED, MOST_MB = "bulk_large", 0.3, 20260, 8192


def make_matrix(data: Path, samples: int) -> pd.DataFrame:
    """Return genes x samples, RSEM, float32, made of real samples."""
    real = pd.read_parquet(data / REAL)
    if not pd.api.types.is_numeric_dtype(real.iloc[:, 0]):
        real = real.set_index(real.columns[0])
    rng = np.random.default_rng(SEED)
    logged = np.log1p(real.to_numpy(np.float32))
    made = np.empty((len(real), samples), dtype=np.float32)
    for place in range(samples):
        one, other = rng.integers(logged.shape[1], size=2)
        mean = (logged[:, one] + logged[:, other]) / 2
        made[:, place] = np.expm1(mean) * rng.lognormal(0, NOISE, len(mean)).astype(np.float32)
    return pd.DataFrame(made, index=real.index, columns=[f"T{place:05d}" for place in range(samples)])


def write_cohort(data: Path, folder: Path, samples: int, form: str) -> Path:
    """Write the matrix (once), the sheet and the configuration, whose path is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    matrix = folder / f"matrix.{form}"
    if not matrix.exists():
        made = make_matrix(data, samples)
        if form == "parquet":
            made.rename_axis("gene").reset_index().to_parquet(matrix)
        elif form == "h5ad":
            ad.AnnData(
                np.ascontiguousarray(made.T), pd.DataFrame(index=made.columns), pd.DataFrame(index=made.index)
            ).write_h5ad(matrix, compression="gzip")
        else:
            made.rename_axis("gene").to_csv(matrix, sep="\t", float_format="%.4f")
    names = [f"T{place:05d}" for place in range(samples)]
    sheet = pd.DataFrame({"sample": names, "patient": names, "path": matrix.name})
    sheet.to_csv(folder / "samples.tsv", sep="\t", index=False)
    config = {
        "cohort": COHORT,
        "samples": "samples.tsv",
        "data_dir": ".",
        "tumour_type": "melanoma",
        "expression": {"type": "bulk", "scale": "rsem"},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder / "config.yaml"


def beside(folder: Path, most_gb: float) -> pd.DataFrame:
    """Score the harmonised matrix with ours and with decoupler: seconds and memory of each."""
    results = folder / "results" / COHORT
    rows, axes = results / "compartments/expression.h5ad", results / "networks/axes.tsv"
    net = pd.read_csv(axes, sep="\t").rename(columns={"axis": "source", "gene": "target"})
    net = net[["source", "target", "weight"]].drop_duplicates(["source", "target"])
    net.to_csv(folder / "network.tsv", sep="\t", index=False)
    matrix = folder / "harmonised.parquet"
    ad.read_h5ad(rows).to_df().to_parquet(matrix)
    found = {"ours": run_limited("ours", [rows, axes], folder / "ours.json", most_gb)}
    for how in ("ulm", "mlm"):
        given = [how, matrix, folder / "network.tsv"]
        found[f"decoupler {how}"] = run_limited("peer", given, folder / f"{how}.json", most_gb)
    table = pd.DataFrame(found).T.reindex(columns=["seconds", "peak", "failed"]).rename_axis("how").reset_index()
    for name in ("seconds", "peak"):
        table[name] = table[name].astype(float).round(1)
        table[f"{name}_ratio"] = (table[name] / table[name].iloc[0]).round(2)
    return table


def main() -> None:
    """Run it all and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, help="folder of the matrix and results; a temporary one by default")
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--form", choices=("parquet", "h5ad", "tsv"), default="parquet")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--most-gb", type=float, default=20.0, help="most memory of a scoring process")
    given = parser.parse_args()
    folder = (given.out or Path(tempfile.mkdtemp())).resolve()
    config = write_cohort(given.data.resolve(), folder, given.samples, given.form)
    for part in ("results", "benchmarks", "logs", ".snakemake"):
        shutil.rmtree(folder / part, ignore_errors=True)
    seconds = run_workflow(folder, config, given.cores)
    costs = job_costs(folder, COHORT)
    rules = rule_table(costs, f"{given.samples} bulk")
    rules.to_csv(folder / "rules.tsv", sep="\t", index=False)
    print(markdown(rules), f"\n\n{given.samples} samples: {seconds:.0f} s", flush=True)
    table = beside(folder, given.most_gb)
    table.to_csv(folder / "beside.tsv", sep="\t", index=False)
    print(markdown(table))
    peak = costs["peak"].max()
    sys.exit(f"a job of {peak:.0f} MB, more than {MOST_MB}" if peak > MOST_MB else 0)


if __name__ == "__main__":
    main()
