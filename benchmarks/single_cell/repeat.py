"""Same input, same seed, same labels: with one and with two threads, and when it is run again.

As a module it labels the samples and writes their tables: ``python -m single_cell.repeat <data> <folder>``.
"""

import sys
import tempfile
from pathlib import Path

import pandas as pd

from scoring.calibration import with_goal
from scoring.cohorts import lay_out
from single_cell.fresh import run_fresh
from single_cell.samples import (
    AML,
    AML_CANDIDATES,
    COPYKAT,
    GLIOMA_PATIENTS,
    Study,
    compartment_settings,
    label_cohort,
    read_samples,
)
from stat3act.tables import read_table, write_table

# One patient of the leukaemia with and one without copy-number evidence, beside the two tumours.
STUDIES = {GLIOMA_PATIENTS: (), COPYKAT: (), AML: ("AML328-D0", "AML329-D0")}
WORDS = ["cell", "lineage", "state", "malignant_call", "compartment", "cluster"]
RUNS = {"first": 1, "again": 1, "two threads": 2}


def write_labels(data: Path, study: Study, folder: Path) -> None:
    """Label the samples of a study and write every table of them."""
    candidates = {"candidates": list(AML_CANDIDATES)} if study is AML else {}
    samples = read_samples(data, study, STUDIES[study])
    for name, found in label_cohort(samples, study, compartment_settings(malignant=candidates)).items():
        for part in ("cells", "clusters", "copy_number", "arms"):
            write_table(folder / f"{study.name}.{name}.{part}.tsv", getattr(found, part))


def same_labels(first: Path, second: Path) -> bool:
    """Tell whether two tables of cells say the same in words."""
    return read_table(first)[WORDS].astype(str).equals(read_table(second)[WORDS].astype(str))


def check(data: Path) -> pd.DataFrame:
    """Label in fresh processes and compare.

    Parameters
    ----------
    data
        Folder of the public data.

    Returns
    -------
    Rows of `COLUMNS`: ``repeat``, shares of samples with the same labels and with the same bytes in every table.
    """
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        places = {run: Path(folder) / run.replace(" ", "_") for run in RUNS}
        for run, threads in RUNS.items():
            places[run].mkdir()
            run_fresh("repeat", data, places[run], threads=threads)
        files = sorted(path.name for path in places["first"].iterdir())
        for run, place in list(places.items())[1:]:
            words = [same_labels(places["first"] / name, place / name) for name in files if ".cells." in name]
            equal = [(places["first"] / name).read_bytes() == (place / name).read_bytes() for name in files]
            for group, right in ((f"{run}: samples with the same labels", words), (f"{run}: tables equal", equal)):
                names = {"check": "repeat", "dataset": "3 data sets", "group": group, "method": "activity"}
                rows.append(with_goal(names | {"value": sum(right) / len(right), "n": len(right)}, ">= 1"))
    return lay_out(rows)


if __name__ == "__main__":
    for given in STUDIES:
        write_labels(Path(sys.argv[1]), given, Path(sys.argv[2]))
