"""How well a compartment's score follows what was planted in it, and how much what was planted in the other.

Twelve cohorts of 100 mixtures from each reference. Half of the tumour states (patients) are mixed, the reference has
the other half. STAT3 activities of tumour and microenvironment are independent; half of the targets are silent and
half of the responses differ between the compartments; interferon varies in both compartments; ten latent factors
correlate the genes; the platform of the bulk shifts each gene. A score is regressed on both truths, all three
standardised: the coefficient on its own truth should be one, that on the other (the leak) zero.
"""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from bulk import methods, peer
from bulk.cohorts import score_mixtures
from bulk.data import REFERENCES, panel_of, reference_of, regulon_axes, scored_axis
from bulk.rows import mean_row, size_goal
from scoring.cohorts import lay_out
from stat3act.compartments.split import COMPARTMENTS
from stat3act.validation.mixtures import hold_out, loadings, mix

CHECK, EVERY, SMALL = "planted", "planted_every_sample", "planted_small"
SEEDS = range(12)
SAMPLES = 100
LOW_PURITY = 0.4
FEWEST = 10
OWN, LEAK = "own truth", "leak"
PARTS = ("", f", purity below {LOW_PURITY:.0%}".replace("%", " %"))
METHODS = ("activity", "oracle", "bulk", "bulk_purity", "attribution", "updated_attribution")
GOALS = {
    ("tumour", PARTS[0]): (0.75, 0.10),
    ("tumour", PARTS[1]): (0.55, 0.15),
    ("microenvironment", PARTS[0]): (0.90, 0.12),
}


@cache
def study(data: Path) -> pd.DataFrame:
    """Make and score all cohorts.

    Parameters
    ----------
    data
        Folder of the public data.

    Returns
    -------
    Rows of `score_mixtures` with ``dataset`` and ``cohort``.
    """
    axes = regulon_axes(data)
    panel, rival = panel_of(axes, scored_axis(axes)), panel_of(axes, "ifn")
    parts = []
    for name in REFERENCES:
        for seed in SEEDS:
            source, known = hold_out(reference_of(data, name), seed)
            mixtures = mix(source, panel, SAMPLES, seed, rival=rival)
            # On what is left of the reference: the tumours of the mixtures must not calibrate their own intervals.
            calibration = methods.calibrate(known, axes, 0) if seed in methods.CALIBRATED_SEEDS else None
            found = score_mixtures(mixtures, known, axes, attribute=True, calibration=calibration)
            names = {"dataset": name, "cohort": f"{name} {seed}", "cohort_calibrated": calibration is not None}
            parts.append(found.assign(**names))
    return pd.concat(parts, ignore_index=True)


def by_cohort(table: pd.DataFrame, method: str, known_only: bool) -> pd.DataFrame:
    """Regress the scores of a method on both truths, cohort by cohort.

    Parameters
    ----------
    table
        From `study`.
    method
        Column of the score.
    known_only
        Leave out samples whose activity is unknown to our method, whatever the method.

    Returns
    -------
    ``dataset cohort compartment part own leak``; cohorts with fewer than ten samples are left out.
    """
    rows = []
    used = table[table["activity"].notna()] if known_only else table
    for (dataset, cohort, compartment), found in used.groupby(["dataset", "cohort", "compartment"], sort=False):
        for part, chosen in zip(PARTS, (found, found[found["purity"] < LOW_PURITY]), strict=True):
            chosen = chosen[chosen[method].notna()]
            if len(chosen) >= FEWEST:
                own, leak = loadings(*(chosen[column] for column in (method, "planted", "planted_other")))
                rows.append((dataset, cohort, compartment, part, own, leak))
    return pd.DataFrame(rows, columns=["dataset", "cohort", "compartment", "part", OWN, LEAK])


def loading_rows(table: pd.DataFrame, check: str, known_only: bool, methods_of: tuple[str, ...]) -> list[dict]:
    """Report the loadings of every method: all cohorts together and by reference; the goals hold for ours on all."""
    rows = []
    for method in methods_of:
        found = by_cohort(table, method, known_only)
        for compartment in COMPARTMENTS:
            for part in PARTS:
                chosen = found[(found["compartment"] == compartment) & (found["part"] == part)]
                for dataset in ("all", *dict.fromkeys(table["dataset"])):
                    here = chosen if dataset == "all" else chosen[chosen["dataset"] == dataset]
                    has_goal = check == CHECK and method == "activity" and dataset == "all"
                    goals = GOALS.get((compartment, part)) if has_goal else None
                    texts = (f">= {goals[0]:.2f}", size_goal(goals[1])) if goals else ("", "")
                    names = {"check": check, "dataset": dataset, "method": method}
                    rows += [
                        mean_row(here[what], goal, group=f"{compartment}{part}: {what}", **names)
                        for what, goal in zip((OWN, LEAK), texts, strict=True)
                    ]
    return rows


def unknown_rows(table: pd.DataFrame, check: str) -> list[dict]:
    """Report which share of the samples our method does not know, by compartment."""
    rows = []
    for compartment in COMPARTMENTS:
        found = table[table["compartment"] == compartment]
        for part, chosen in zip(PARTS, (found, found[found["purity"] < LOW_PURITY]), strict=True):
            share = float(chosen["activity"].isna().mean())
            names = {"check": check, "dataset": "all", "group": f"{compartment}{part}: unknown", "method": "activity"}
            rows.append(names | {"value": share, "n": len(chosen)})
    return rows


def small_rows(data: Path) -> list[dict]:
    """Compare with the PyPI package on cohorts small enough for it (`peer`); no row where it is not installed."""
    axes = regulon_axes(data)
    parts = []
    for name in REFERENCES if peer.installed() else ():
        source, known = hold_out(reference_of(data, name), SEEDS[0])
        rng = np.random.default_rng(SEEDS[0])
        source, known = peer.fewer_genes((source, known), set(axes["gene"]), rng)
        rival = panel_of(axes, "ifn")
        mixtures = mix(source, panel_of(axes, scored_axis(axes)), peer.SAMPLES, SEEDS[0], rival=rival, depth=peer.DEPTH)
        found = score_mixtures(mixtures, known, axes, attribute=True)
        theirs = peer.scores(mixtures.linear, known, axes)
        for compartment, score in theirs.items():
            found.loc[found["compartment"] == compartment, peer.NAME] = score.to_numpy()
        parts.append(found.assign(dataset=name, cohort=name))
    if not parts:
        return []
    table = pd.concat(parts, ignore_index=True)
    rows = loading_rows(table, SMALL, True, (*METHODS, peer.NAME))
    return [row for row in rows if row["n"] and not any(part and part in row["group"] for part in PARTS)]


def check(data: Path) -> pd.DataFrame:
    """Measure loadings and leaks.

    Parameters
    ----------
    data
        Folder of the public data.

    Returns
    -------
    Rows of `COLUMNS`: ``planted`` on the samples that our method knows, ``planted_every_sample`` on all (baselines
    only), and ``planted_small`` beside the PyPI package. ``low`` and ``high`` are the 5-95 % range over cohorts.
    """
    table = study(data)
    return lay_out(
        [
            *loading_rows(table, CHECK, True, METHODS),
            *unknown_rows(table, CHECK),
            *loading_rows(table, EVERY, False, METHODS[1:]),
            *small_rows(data),
        ]
    )
