"""What every rule needed of memory and time, beside what it asks for: the table of docs/cluster.md.

Run cohorts with ``snakemake --benchmark-extended``, then: python benchmarks/memory_of_rules.py <project folder> ...
"""

import argparse
import ast
import json
from pathlib import Path

import pandas as pd


def read_measurements(folders: list[Path]) -> pd.DataFrame:
    """Return one row per job: rule, MB of input, MB of peak memory, MB asked for, seconds, minutes asked for."""
    rows = []
    for path in sorted(path for folder in folders for path in folder.glob("benchmarks/*/**/*.tsv")):
        job = pd.read_csv(path, sep="\t").iloc[0]
        resources = parsed(job["resources"])
        rows.append(
            {
                "rule": job["rule_name"],
                "input_mb": sum(parsed(job["input_size_mb"]).values()),
                "peak_mb": job["max_rss"],
                "asked_mb": resources["mem_mb"],
                "seconds": job["s"],
                "asked_minutes": resources["runtime"],
            }
        )
    return pd.DataFrame(rows)


def parsed(text: str) -> dict:
    """Return a dict that Snakemake wrote as JSON or as Python."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return ast.literal_eval(text)


def summarise(jobs: pd.DataFrame) -> pd.DataFrame:
    """Return one row per rule: how many jobs, the largest input, the highest peak, the tightest request."""
    jobs = jobs.assign(share=jobs["peak_mb"] / jobs["asked_mb"])
    grouped = jobs.groupby("rule")
    tightest = jobs.loc[grouped["share"].idxmax()].set_index("rule")
    return pd.DataFrame(
        {
            "jobs": grouped.size(),
            "largest input, MB": grouped["input_mb"].max().round(1),
            "smallest peak, MB": grouped["peak_mb"].min().round().astype(int),
            "largest peak, MB": grouped["peak_mb"].max().round().astype(int),
            "tightest job: peak of request, MB": [
                f"{job.peak_mb:.0f} of {job.asked_mb:.0f}" for job in tightest.itertuples()
            ],
            "longest, s": grouped["seconds"].max().round().astype(int),
            "limit, min": grouped["asked_minutes"].min(),
        }
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", help="project folders in which cohorts were run")
    parser.add_argument("--jobs", action="store_true", help="every job, as TSV")
    arguments = parser.parse_args()
    jobs = read_measurements(arguments.folders)
    if arguments.jobs:
        print(jobs.to_csv(sep="\t", index=False))
        return
    table = summarise(jobs).reset_index()
    print("| " + " | ".join(table.columns) + " |\n|" + "---|" * len(table.columns))
    for row in table.itertuples(index=False):
        print("| " + " | ".join(map(str, row)) + " |")


if __name__ == "__main__":
    main()
