"""Write docs/validation/scale.md from what the benchmarks of large cohorts left in a folder.

    .venv/bin/python benchmarks/scale_dag.py --out <folder>
    .venv/bin/python benchmarks/startup.py --out <folder>
    .venv/bin/python benchmarks/scale_bulk.py --data <folder of the public data> --out <folder>/bulk
    .venv/bin/python benchmarks/scale_cells.py --data <folder of the public data> --out <folder>/cells
    .venv/bin/python benchmarks/scale_page.py <folder>

What was not measured is said to be missing.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

from scaling.runs import markdown  # noqa: E402

MOST_MB, MOST_SECONDS, MOST_RATIO = 8192, 20, 10.0
HEAD = """# Large cohorts

How much time and memory does the workflow take for a million cells, ten thousand bulk samples, a sheet of two thousand?
Every number comes from one folder of results; `benchmarks/scale_page.py` says which commands fill it and writes this
page. One thread per job. *start* is the time until a script has its modules, *cpu* what its process took of the
processor, *max_rss* Snakemake's benchmark (MB), *peak* the kernel's own record of the process (MB).
"""
CELLS = """## Single cells

Cells are made of those of 18 marrows (GSE116256): two cells of one type and sample are added, and half of their counts
are kept at random. One h5ad with a column of samples; the configuration of the cohort `aml_vangalen`; all results, from
reading to the page. 100k and 1M have samples of the same size, ten times as many of them: a job whose memory differs
between the two grows with the cohort.
"""
PEERS = """### The usual way

`scanpy` (normalize_total, log1p) with `decoupler.mt.ulm` of one STAT3 panel and `decoupler.pp.pseudobulk` on the same
file, read whole (memory) or kept on disk (backed, without the normalisation, which refuses a file on disk). At
`bsize=5000`: decoupler's default would make 250,000 cells dense. Tried upward until one fails, within 20 GB. *ours* are
the rules that do the same for all axes, each beside its rivals (`activity_cells`), and for all compartments
(`compartments_gather`): seconds of the processor in all their jobs, and memory of the largest.
"""
SAME_WORK = ["activity_cells", "compartments_gather"]
BULK = """## Bulk

One matrix, not split; made of the 80 samples of TCGA-UVM (RSEM): the geometric mean of two, and noise.
"""
BESIDE = """The same harmonised matrix scored in a process of its own, one thread. Ours: all axes, each beside its
rivals, with reference, null, interval, leading genes. decoupler: the same axes, t values and their p values.
"""
DAG = """## Planning

`snakemake -n`, nothing done yet.
"""
START = """## Starting up

The demo (12 samples) with Python's record of imports. *imports* are seconds of importing in all processes, *start* adds
the bare interpreter, *start_share* is its part of the processor time.
"""


def table(folder: Path, name: str) -> pd.DataFrame | None:
    """Read a table; None where that benchmark was not run."""
    path = folder / name
    return pd.read_csv(path, sep="\t") if path.exists() else None


def shown(found: pd.DataFrame | None) -> str:
    """Lay a table out, or say that there is none."""
    return "Not measured." if found is None else markdown(found)


def goal(words: str, value: float, most: float) -> str:
    """Say whether a goal was met."""
    return f"- {words}: {value:.1f}, goal at most {most:g}: **{'met' if value <= most else 'missed'}**."


def cell_goals(folder: Path, whole: pd.DataFrame | None) -> list[str]:
    """Say which goals of single cells were met."""
    if whole is None:
        return []
    by_size = whole.set_index("size")
    lines = [goal(f"{size}: largest job (MB)", row.peak_max, MOST_MB) for size, row in by_size.iterrows()]
    if {"100k", "1M"} <= set(by_size.index):
        # The clock also counts what else the machine does.
        ratio = by_size.at["1M", "cpu"] / by_size.at["100k", "cpu"]
        lines.append(goal("processor time of 1M over that of 100k", ratio, MOST_RATIO))
        small, large = (
            table(folder, f"cells/rules_{size}.tsv").set_index("rule")["peak_max"] for size in ("100k", "1M")
        )
        growth = (large / small).dropna().sort_values(ascending=False)
        lines.append(
            "- memory of 1M over that of 100k, by rule: " + ", ".join(f"{k} {v:.2f}" for k, v in growth.items())
        )
    return lines


def usual_way(folder: Path) -> pd.DataFrame | None:
    """Return what scanpy with decoupler cost, and the rules that do the same; None where it was not run."""
    peers = table(folder, "cells/peers.tsv")
    if peers is None:
        return None
    rows = []
    for size in peers["size"].unique():
        rules = table(folder, f"cells/rules_{size}.tsv").set_index("rule").loc[SAME_WORK]
        cost = {"seconds": rules["cpu_total"].sum().round(1), "peak": rules["peak_max"].max()}
        rows.append({"size": size, "how": "ours", **cost})
    return pd.concat([peers, pd.DataFrame(rows)])


def page(folder: Path, remark: str) -> str:
    """Put the page together."""
    whole, dag = table(folder, "cells/whole.tsv"), table(folder, "dag.tsv")
    parts = [HEAD, remark, CELLS, shown(whole), *cell_goals(folder, whole)]
    rules = [found for size in ("10k", "100k", "1M") if (found := table(folder, f"cells/rules_{size}.tsv")) is not None]
    parts += [shown(pd.concat(rules))] if rules else []
    parts += [PEERS, shown(usual_way(folder))]
    parts += [BULK, shown(table(folder, "bulk/rules.tsv")), BESIDE, shown(table(folder, "bulk/beside.tsv"))]
    parts += [DAG, shown(dag)]
    if dag is not None:
        parts += [goal(f"{row.cohort}, seconds", row.seconds, MOST_SECONDS) for row in dag.itertuples()]
    parts += [START, shown(table(folder, "startup.tsv"))]
    text = "\n".join(part if part.startswith("- ") else f"\n{part}" for part in parts if part)
    return text.strip().replace("\n\n\n", "\n\n") + "\n"


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--page", type=Path, default=ROOT / "docs/validation/scale.md")
    parser.add_argument("--remark", default="", help="a sentence on the machine and what else it did")
    given = parser.parse_args()
    given.page.write_text(page(given.folder, given.remark), encoding="utf-8")


if __name__ == "__main__":
    main()
