"""Does ambient RNA move the tumour's STAT3 activity? A tenth of the sample's own mean profile in every cell.

Every cell of a leukaemia sample loses a tenth of its counts at random and gains as many that are drawn from the sum
of all cells of the sample. Cells have the authors' labels, so that nothing but the counts changes. The spiked sample is
scored against the cohort as it was. The activity should move by less than half the width of its interval, or the
guard should flag the row.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from scoring.cohorts import lay_out
from scoring.planted import rate_row
from single_cell.cohort_run import Run, finish, sum_cohort
from single_cell.samples import AML, SEED, aml_lineages, compartment_settings, label_cohort, read_samples
from stat3act.compartments.ambient import soup_profile
from stat3act.profiles.states import CORE_AXIS

CHECK = "ambient"
SPIKE = 0.1
TUMOUR = "tumour"


def spike(sums: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Put a tenth of the sample's mean profile into every cell, in the sums of its cells.

    Each count stays with probability 0.9; in each cell a Poisson number with mean 0.1 of its counts is added, spread
    over the genes like the counts of the whole sample. Binomial and Poisson numbers add up over cells, so drawing them
    for the sums is the same as drawing them cell by cell.

    Parameters
    ----------
    sums
        Genes x units, counts; together the units hold every cell once.
    rng
        Source of chance.
    """
    counts = sums.to_numpy().round().astype(np.int64)
    added = np.outer(soup_profile(sums).to_numpy(), SPIKE * counts.sum(axis=0))
    return pd.DataFrame(
        rng.binomial(counts, 1 - SPIKE) + rng.poisson(added), index=sums.index, columns=sums.columns, dtype=float
    )


def tumour_activity(run: Run) -> pd.DataFrame:
    """Return the core panel's row of every tumour that was scored, indexed by sample."""
    scores = run.scores[(run.scores["axis"] == CORE_AXIS) & (run.scores["compartment"] == TUMOUR)]
    return scores[scores["activity"].notna()].set_index("sample")


def measure(sums: dict[str, tuple[pd.DataFrame, pd.DataFrame]]) -> pd.DataFrame:
    """Spike every sample of a cohort and score it against the cohort as it was.

    Parameters
    ----------
    sums
        From `sum_cohort`.

    Returns
    -------
    By sample with a tumour: ``activity`` and ``half_width`` of its interval before, ``spiked``, ``corrected`` (spiked,
    ambient counts removed as the guard does), ``flag`` of the guard, and the ambient share ``before`` and ``after``.
    """
    settings = compartment_settings()
    clean = finish(sums, AML, settings)
    spiked = {}
    for number, (name, (matrix, units)) in enumerate(sorted(sums.items())):
        changed = spike(matrix, np.random.default_rng([SEED, number]))
        totals = {"n_genes": (changed > 0).sum().to_numpy(), "total": changed.sum().to_numpy()}
        spiked[name] = changed, units.assign(**totals)
    dirty = finish(spiked, AML, settings, clean.references)
    first, then = tumour_activity(clean), tumour_activity(dirty)
    told = {
        key: run.guards[(run.guards["guard"] == "ambient") & (run.guards["compartment"] == TUMOUR)].set_index("sample")
        for key, run in (("before", clean), ("after", dirty))
    }
    columns = {
        "activity": first["activity"],
        "half_width": (first["ci_high"] - first["ci_low"]) / 2,
        "spiked": then["activity"],
        "corrected": told["after"]["activity_otherwise"],
        "flag": told["after"]["flag"],
        **{key: part["contamination"] for key, part in told.items()},
    }
    return pd.DataFrame(columns).loc[first.index]


def report(found: pd.DataFrame) -> list[dict]:
    """Turn the rows of `measure` into rows of the table."""
    names = {"check": CHECK, "dataset": "AML", "method": "activity"}
    moved = (found["spiked"] - found["activity"]).abs()
    kept, flagged = moved < found["half_width"], found["flag"] != ""
    rows = [
        rate_row(kept | flagged, ">= 1", group="moves less than half its interval, or is flagged", **names),
        rate_row(kept, "", group="moves less than half its interval", **names),
        rate_row(flagged, "", group="flagged", **names),
    ]
    numbers = {
        "largest move": moved.max(),
        "median move": moved.median(),
        "largest move in half-widths": (moved / found["half_width"]).max(),
        "median ambient share before": found["before"].median(),
        "median ambient share after": found["after"].median(),
    }
    rows += [names | {"group": group, "value": value, "n": len(found)} for group, value in numbers.items()]
    restored = (found["corrected"] - found["activity"]).abs().median()
    other = {"group": "median move", "method": "activity, ambient counts removed", "value": restored, "n": len(found)}
    rows.append(names | other)
    shown = {
        "activity": "activity",
        "spiked": "spiked",
        "corrected": "spiked, ambient removed",
        "half_width": "half-width",
        "before": "ambient share",
        "after": "ambient share, spiked",
    }
    return rows + [
        names | {"check": "ambient_sample", "group": f"{sample}: {title}", "value": row[column], "n": 1}
        for sample, row in found.iterrows()
        for column, title in shown.items()
    ]


def labelled_sums(data: Path) -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """Sum the leukaemia samples by the authors' labels."""
    settings = compartment_settings(
        cell_type_key=AML.truth, malignant_key=AML.malignant, lineages=aml_lineages(), compare_labels=False
    )
    samples = read_samples(data, AML)
    return sum_cohort(samples, label_cohort(samples, AML, settings))


def check(data: Path) -> pd.DataFrame:
    """Spike every patient that has a tumour compartment.

    Parameters
    ----------
    data
        Folder of the public data.

    Returns
    -------
    Rows of `COLUMNS`: ``ambient`` and ``ambient_sample``.
    """
    return lay_out(report(measure(labelled_sums(data))))
