"""Write the golden tables: what the two demo cohorts gave when somebody last looked at the numbers.

Run it from the root of the repository after a change that means to change results, look at the difference, and say in
the commit why: ``make golden``.
"""

import sys
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "workflow" / "scripts"))

from stat3act.tables import read_table, write_table

FOLDER = Path(__file__).resolve().parent
COHORTS = ("demo", "demo_bulk")
# The panels that vote and their strongest rival; other axes go through the same code.
AXES = ("stat3_core", "stat3_epithelial", "ifn_stat1")
COMPARTMENTS = ("tumour", "microenvironment", "bulk")
COLUMNS = ["sample", "compartment", "axis", "activity", "ci_low", "ci_high"]


def golden_tables(results: str | Path) -> dict[str, pd.DataFrame]:
    """Read what is kept of a cohort's results: all calls, and the activities of some axes."""
    profiles = read_table(Path(results) / "profiles/activation_profiles.tsv")
    kept = profiles["axis"].isin(AXES) & profiles["compartment"].isin(COMPARTMENTS)
    activities = profiles.loc[kept, COLUMNS].reset_index(drop=True)
    return {"calls": read_table(Path(results) / "profiles/calls.tsv"), "activities": activities}


def main(results: str) -> None:
    """Write the golden tables of both cohorts."""
    for cohort in COHORTS:
        for name, table in golden_tables(Path(results) / cohort).items():
            write_table(FOLDER / f"{cohort}_{name}.tsv", table)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
