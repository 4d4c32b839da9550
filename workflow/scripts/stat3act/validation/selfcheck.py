"""The self-check of a bulk reference: does the split find what is in mixtures of tumours the reference has not seen?

Tumours are left out of the reference, mixed with its microenvironment at known purity, and split with what is left.
Planted mixtures also get STAT3 and rival programmes of known size; natural ones are as the tumours are. The
microenvironment cannot be left out, because a reference has one profile of each lineage: its figures are the better
case.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import anndata as ad
import numpy as np
import pandas as pd

from stat3act.activity.prepare import rivals_of
from stat3act.compartments.bulk import chromosome_by_symbol, linear_values, unpack_fit
from stat3act.compartments.mixture import fit_states
from stat3act.compartments.reference import Reference
from stat3act.compartments.split import COMPARTMENTS, split_activity
from stat3act.logs import log
from stat3act.validation.calibration import (
    BIN,
    EDGES,
    KEYS,
    bin_low,
    calibration_table,
    conformal_quantile,
    purity_intervals,
)
from stat3act.validation.left_out import NATURAL, PLANTED, CohortFacts, cohort_facts, fold_mixtures, folds
from stat3act.validation.mixtures import Mixtures, loadings
from stat3act.validation.own_score import own_scores

SELFCHECK_COLUMNS = [
    "reference",
    "kind",
    *KEYS,
    *BIN,
    "n",
    "spearman",
    "loading",
    "leak",
    "coverage",
    "share_unknown",
    "purity_error",
    "purity_coverage",
]
NEVER_SCORED = ("NOT_MEANINGFUL", "LOW_COVERAGE")
# Names a mixture.
MIXTURE = ["fold", "kind", "sample"]
OUTSIDE = ("LOW_PURITY", "HIGH_PURITY")
# Fewest values of a rank correlation.
FEWEST = 10


@dataclass(frozen=True)
class SelfCheck:
    """What the check of a reference found.

    Attributes
    ----------
    selfcheck
        ``validation/selfcheck.tsv``, `SELFCHECK_COLUMNS`.
    calibration
        ``validation/calibration.tsv``, `CALIBRATION_COLUMNS`: intervals of the activities.
    purity
        The same for the purity: axis ``purity`` of the tumour, half widths as shares.
    """

    selfcheck: pd.DataFrame
    calibration: pd.DataFrame
    purity: pd.DataFrame


def score_fold(
    mixtures: Mixtures,
    known: Reference,
    axes: pd.DataFrame,
    settings: Mapping,
    limits: tuple[float, float],
    seed: int,
    chromosomes: pd.Series | None,
) -> pd.DataFrame:
    """Split a cohort of mixtures and set every value beside the truth.

    Returns
    -------
    pandas.DataFrame
        ``sample compartment axis purity purity_true estimate own own_other reason``, a row per mixture, compartment
        and axis; ``own_other`` is the own score of the other compartment.
    """
    fractions = fit_states(mixtures.linear, known, set(axes["gene"]), chromosomes).fractions
    table = split_activity(mixtures.linear, known, fractions, axes, settings, limits, seed, chromosomes)
    names = sorted(axes["axis"].unique())
    rivals = {name: rivals_of(name, settings["rivals"]) for name in names}
    profiles = dict(zip(COMPARTMENTS, (mixtures.tumour_profiles, mixtures.microenvironment_profiles), strict=True))
    own = {side: own_scores(profiles[side], axes, rivals, side).stack(future_stack=True) for side in COMPARTMENTS}
    truths = [
        pd.DataFrame({"own": own[side], "own_other": own[other]})
        .rename_axis(["sample", "axis"])
        .reset_index()
        .assign(compartment=side)
        for side, other in zip(COMPARTMENTS, COMPARTMENTS[::-1], strict=True)
    ]
    table = table[["sample", *KEYS, "estimate", "reason"]].merge(pd.concat(truths), on=["sample", *KEYS])
    # Both are relative to the samples that make up the location of the compartment.
    inside = table["own"].mask(table["reason"].isin(OUTSIDE))
    table["own"] -= inside.groupby([table[key] for key in KEYS]).transform("mean")
    purity = fractions.loc[:, known.is_tumour].sum(axis=1)
    return table.assign(purity=table["sample"].map(purity), purity_true=table["sample"].map(mixtures.purity))


def score_folds(
    reference: Reference,
    facts: CohortFacts,
    axes: pd.DataFrame,
    settings: Mapping,
    limits: tuple[float, float],
    seed: int,
    chromosomes: pd.Series | None = None,
) -> Iterator[pd.DataFrame]:
    """Score the mixtures of every fold and kind; the rows of `score_fold` with ``fold`` and ``kind``."""
    for fold, (source, known) in enumerate(folds(reference, seed)):
        log.info("Self-check, fold %d: tumours %s", fold, ", ".join(source.states.index[source.is_tumour]))
        for number, kind in enumerate((PLANTED, NATURAL)):
            chance = seed + 1000 * fold + number
            mixtures = fold_mixtures(source, axes, settings["rivals"], kind, facts, chance)
            scored = score_fold(mixtures, known, axes, settings, limits, seed, chromosomes)
            yield scored.assign(fold=fold, kind=kind)


def held_out_coverage(table: pd.DataFrame, level: float) -> pd.Series:
    """Tell of each error whether an interval calibrated on the other folds holds it; NaN where there is no error.

    Parameters
    ----------
    table
        ``compartment axis purity_low fold error``.
    level
        Level of the intervals.
    """
    held = pd.Series(np.nan, table.index)
    for _, part in table.dropna(subset=["error"]).groupby([*KEYS, "purity_low"]):
        size = part["error"].abs()
        for fold, rows in part.groupby("fold").groups.items():
            others = size[part["fold"] != fold]
            if np.isfinite(half := conformal_quantile(others, level)):
                held[rows] = (size[rows] <= half).astype(float)
    return held


def recovery_row(part: pd.DataFrame) -> dict[str, float]:
    """Measure one kind, compartment, axis and bin of purity."""
    known = part[part["error"].notna()]
    row = {"n": len(part), "spearman": np.nan, "loading": np.nan, "leak": np.nan}
    if len(known) >= FEWEST and known[["estimate", "own"]].nunique().min() > 1:
        row["spearman"] = known["estimate"].corr(known["own"], method="spearman")
    both = known.dropna(subset=["own_other"])
    # Only what is planted is independent between the compartments; what goes together by nature cannot be told apart.
    if (
        part["kind"].iloc[0] == PLANTED
        and len(both) >= FEWEST
        and both[["estimate", "own", "own_other"]].std().min() > 0
    ):
        row["loading"], row["leak"] = loadings(both["estimate"], both["own"], both["own_other"])
    row["coverage"], row["share_unknown"] = part["held"].mean(), 1 - len(known) / len(part)
    row["purity_error"] = (part["purity"] - part["purity_true"]).abs().mean()
    row["purity_coverage"] = part["purity_held"].mean()
    return row


def check_reference(
    reference: Reference,
    facts: CohortFacts,
    axes: pd.DataFrame,
    settings: Mapping,
    limits: tuple[float, float],
    seed: int,
    chromosomes: pd.Series | None = None,
    name: str = "",
) -> SelfCheck:
    """Test a reference on mixtures of its own tumours, and calibrate the intervals of the split.

    Parameters
    ----------
    reference
        The reference.
    facts
        What the mixtures take from the bulk cohort.
    axes
        ``axis gene weight compartments``.
    settings
        The ``activity`` section, as `split_activity` needs it.
    limits
        Least purity for a tumour value, highest for a microenvironment value.
    seed
        Source of chance.
    chromosomes
        Chromosome by symbol.
    name
        Name of the reference, for the table.

    Returns
    -------
    SelfCheck
        All without rows where the reference has tumours of fewer than two patients. ``coverage`` and
        ``purity_coverage`` are those of intervals calibrated on the other folds.
    """
    parts = list(score_folds(reference, facts, axes, settings, limits, seed, chromosomes))
    level = settings["confidence_level"]
    if not parts:
        log.warning("The reference holds tumours of fewer than two patients: it cannot be tested")
        none = calibration_table(_no_errors(), level)
        return SelfCheck(pd.DataFrame(columns=SELFCHECK_COLUMNS), none, none)
    table = pd.concat(parts, ignore_index=True)
    table["purity_low"] = bin_low(table["purity"])
    mixtures = purity_errors(table)
    table["purity_held"] = table[MIXTURE].merge(
        mixtures.assign(held=held_out_coverage(mixtures, level)), on=MIXTURE, how="left"
    )["held"]
    scored = ~table["reason"].isin(NEVER_SCORED) & table["own"].notna()
    table = table[scored].reset_index(drop=True)
    known = table["reason"] == ""
    table["error"] = (table["estimate"] - table["own"]).where(known)
    table["held"] = held_out_coverage(table, level)
    return SelfCheck(recovery_table(table, name), calibration_table(table, level), calibration_table(mixtures, level))


def purity_errors(table: pd.DataFrame) -> pd.DataFrame:
    """Return every mixture once, with the error of its purity, in the form of `calibration_table`."""
    mixtures = table.drop_duplicates(MIXTURE)
    error = mixtures["purity"] - mixtures["purity_true"]
    return mixtures.assign(compartment="tumour", axis="purity", error=error).reset_index(drop=True)


def recovery_table(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Measure every kind, compartment, axis and bin of purity (`recovery_row`); columns `SELFCHECK_COLUMNS`."""
    keys = ["kind", *KEYS, "purity_low"]
    rows = [dict(zip(keys, key, strict=True)) | recovery_row(part) for key, part in table.groupby(keys, sort=True)]
    upper = dict(pairwise(EDGES))
    return pd.DataFrame([row | {"reference": name, "purity_high": upper[row["purity_low"]]} for row in rows])[
        SELFCHECK_COLUMNS
    ]


def check_cohort(
    bulk: ad.AnnData, packed: ad.AnnData, axes: pd.DataFrame, genes: pd.DataFrame, settings: Mapping, name: str
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Test the reference of a bulk cohort as its rule does; see `check_reference`.

    Parameters
    ----------
    bulk
        ``expression/bulk.h5ad``.
    packed
        ``compartments/fit.h5ad``: fractions, and the reference on the genes of the bulk.
    axes, genes
        Axes and gene table.
    settings
        ``activity``, ``compartments`` and ``seed`` of the config.
    name
        Name of the reference.

    Returns
    -------
    tuple of pandas.DataFrame
        ``validation/selfcheck.tsv``, ``validation/calibration.tsv`` and ``validation/purity.tsv``
        (`purity_intervals` of the cohort).
    """
    linear, chromosomes = linear_values(bulk), chromosome_by_symbol(genes)
    reference, fractions = unpack_fit(packed)
    facts = cohort_facts(linear, reference, fractions, set(axes["gene"]), chromosomes)
    log.info(
        "Self-check at depth %.3g, purity %.2f to %.2f, platform shift %.2f", facts.depth, *facts.purity, facts.platform
    )
    limits = settings["compartments"]["min_purity"], settings["compartments"]["max_purity"]
    given = facts, axes, settings["activity"], limits, settings["seed"], chromosomes, name
    found = check_reference(reference, *given)
    purity = fractions.loc[:, reference.is_tumour].sum(axis=1)
    return found.selfcheck, found.calibration, purity_intervals(purity, found.purity)


def _no_errors() -> pd.DataFrame:
    """Return a table of errors without rows."""
    return pd.DataFrame({"compartment": [], "axis": [], "purity": [], "error": []})
