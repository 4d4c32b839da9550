"""The self-check of a bulk reference: does the split find what is in mixtures of tumours the reference has not seen?

Tumours are left out of the reference, mixed with its microenvironment at known purity, and split with what is left.
Planted mixtures also get STAT3 and rival programmes of known size; natural ones are as the tumours are. The
microenvironment cannot be left out, because a reference has one profile of each lineage: its figures are the better
case.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
import pandas as pd

from stat3act.activity.prepare import rivals_of
from stat3act.compartments.expected import prepare_cohort
from stat3act.compartments.mixture import fit_states
from stat3act.compartments.reference import Reference
from stat3act.compartments.split import COMPARTMENTS, split_activity
from stat3act.logs import log
from stat3act.profiles.states import PANELS
from stat3act.validation.calibration import BIN, EDGES, KEYS, bin_low, calibration_table, conformal_quantile, in_log2
from stat3act.validation.mixtures import Mixtures, loadings, mix
from stat3act.validation.own_score import own_scores

PLANTED, NATURAL = "planted", "natural"
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
]
# Up to this many patients each is left out alone; beyond, a fold holds several, which costs less and varies more.
LEAVE_ONE_OUT, FOLDS = 6, 4
MIXTURES = 90
# True purities of the mixtures, and how far beyond the cohort's own range they go: its estimates have errors too.
MIXED = (0.05, 0.2, 0.4, 0.6, 0.8, 0.95)
MARGIN = 0.1
LEVELS = (-1.0, 0.0, 1.0)
RIVAL_STRENGTH = 0.5
# The shift between platforms where the cohort is too small to tell it from what its samples are: that of the project's
# own validation.
PLATFORM, PLATFORM_SAMPLES = 0.5, 8
NEVER_SCORED = ("NOT_MEANINGFUL", "LOW_COVERAGE")
OUTSIDE = ("LOW_PURITY", "HIGH_PURITY")
# Fewest values of a rank correlation.
FEWEST = 10


@dataclass(frozen=True)
class CohortFacts:
    """What the mixtures take from the bulk cohort.

    Attributes
    ----------
    depth
        Median sum of the shared genes.
    purity
        Lowest and highest estimated purity.
    platform
        Standard deviation over genes of the log shift between bulk and reference.
    """

    depth: float
    purity: tuple[float, float]
    platform: float


def cohort_facts(
    linear: pd.DataFrame,
    reference: Reference,
    fractions: pd.DataFrame,
    scoring_genes: set[str],
    chromosomes: pd.Series | None = None,
) -> CohortFacts:
    """Measure depth, purity and platform shift of a bulk cohort.

    The shift of a gene is its median departure from what the fractions predict. Its spread over genes is taken from
    the median absolute deviation, so that genes that truly differ between bulk and reference do not decide it.
    """
    shared = linear.columns.isin(reference.profiles.index)
    purity = fractions.loc[linear.index, reference.is_tumour].sum(axis=1)
    platform = PLATFORM
    if len(linear) >= PLATFORM_SAMPLES:
        cohort = prepare_cohort(linear, reference, fractions, scoring_genes, chromosomes)
        shift = np.median(cohort.data.y, axis=0)
        platform = float(1.4826 * np.median(np.abs(shift - np.median(shift))))
    depth = float(linear.loc[:, shared].sum(axis=1).median())
    return CohortFacts(depth, (float(purity.min()), float(purity.max())), platform)


def folds(reference: Reference, seed: int) -> list[tuple[Reference, Reference]]:
    """Leave tumour patients out, each once.

    Parameters
    ----------
    reference
        The reference; the lineage of a tumour state is its patient.
    seed
        Decides which patients go together.

    Returns
    -------
    list
        By fold: the reference of the patients left out, and the reference without them; both keep the
        microenvironment. Empty where there are not two patients: nothing could be left out.
    """
    patients = reference.states["lineage"].where(reference.is_tumour)
    names = np.random.default_rng(seed).permutation(sorted(patients.dropna().unique()))
    if len(names) < 2:
        return []
    parts = []
    for out in np.array_split(names, len(names) if len(names) <= LEAVE_ONE_OUT else FOLDS):
        left, known = patients.isin(out) | ~reference.is_tumour, ~patients.isin(out)
        parts.append(
            tuple(Reference(reference.profiles.loc[:, keep], reference.states[keep]) for keep in (left, known))
        )
    return parts


def union_panel(axes: pd.DataFrame, names: tuple[str, ...], genes: pd.Index) -> pd.Series:
    """Return the signs of the genes of some axes; a gene of several counts as in the first of them."""
    parts = [axes.loc[axes["axis"] == name, ["gene", "weight"]] for name in names]
    table = pd.concat(parts).drop_duplicates("gene").set_index("gene")["weight"]
    return np.sign(table[table.index.isin(genes)].astype(float))


def grid(purity: tuple[float, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Lay out purity x tumour STAT3 x microenvironment STAT3 for a cohort of about `MIXTURES`.

    Parameters
    ----------
    purity
        Range of the bulk cohort's purity; bins far outside it are left out.

    Returns
    -------
    tuple of numpy.ndarray
        By mixture: lower and upper edge of its purity, and the two levels.
    """
    low, high = purity[0] - MARGIN, purity[1] + MARGIN
    bins = [(start, end) for start, end in pairwise(MIXED) if end >= low and start <= high]
    repeats = max(1, round(MIXTURES / (len(bins) * len(LEVELS) ** 2)))
    rows = np.array([(*edges, a, b) for edges, a, b in product(bins, LEVELS, LEVELS)] * repeats)
    return rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3]


def fold_mixtures(
    source: Reference, axes: pd.DataFrame, rivals: list[str], kind: str, facts: CohortFacts, seed: int
) -> tuple[Mixtures, dict[str, np.ndarray]]:
    """Mix the tumours that were left out.

    Parameters
    ----------
    source
        Profiles of these tumours and of the microenvironment.
    axes, rivals
        The axes and which of them are rivals of STAT3.
    kind
        `PLANTED` or `NATURAL`.
    facts
        Of the bulk cohort.
    seed
        Source of chance.

    Returns
    -------
    tuple
        The mixtures, and by planted axis what was planted (samples x tumour, microenvironment).
    """
    low, high, a, b = grid(facts.purity)
    genes, planted, others = source.profiles.index, {}, []
    panel = union_panel(axes, PANELS, genes)
    if kind == PLANTED:
        planted = dict.fromkeys((name for name in PANELS if (axes["axis"] == name).any()), np.column_stack([a, b]))
        for number, rival in enumerate(name for name in rivals if (axes["axis"] == name).any()):
            planted[rival] = RIVAL_STRENGTH * np.random.default_rng([seed, number]).standard_normal((len(a), 2))
            others.append((union_panel(axes, (rival,), genes), planted[rival]))
    mixtures = mix(
        source,
        panel,
        len(a),
        seed,
        strength=0.8 if kind == PLANTED else 0.0,
        others=others,
        purity=(low, high),
        depth=facts.depth,
        platform=facts.platform,
        on=(a, b),
        one_patient=True,
    )
    return mixtures, planted


def score_fold(
    mixtures: Mixtures,
    planted: Mapping[str, np.ndarray],
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
        ``compartment axis purity purity_true estimate own planted planted_other reason``, a row per mixture,
        compartment and axis.
    """
    fractions = fit_states(mixtures.linear, known, set(axes["gene"]), chromosomes).fractions
    table = split_activity(mixtures.linear, known, fractions, axes, settings, limits, seed, chromosomes)
    names = sorted(axes["axis"].unique())
    rivals = {name: rivals_of(name, settings["rivals"]) for name in names}
    profiles = (mixtures.tumour_profiles, mixtures.microenvironment_profiles)
    truths = []
    for side, compartment in enumerate(COMPARTMENTS):
        own = own_scores(profiles[side], axes, rivals, compartment).rename_axis("sample").reset_index()
        truth = own.melt("sample", var_name="axis", value_name="own").assign(compartment=compartment)
        nothing = np.full((len(own), 2), np.nan)
        values = np.concatenate([planted.get(name, nothing) for name in names])
        truths.append(truth.assign(planted=values[:, side], planted_other=values[:, 1 - side]))
    table["estimate"], _ = in_log2(table)
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
            mixtures, planted = fold_mixtures(source, axes, settings["rivals"], kind, facts, chance)
            scored = score_fold(mixtures, planted, known, axes, settings, limits, seed, chromosomes)
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
    truths = known[["planted", "planted_other"]]
    if len(known) >= FEWEST and truths.nunique().min() > 1:
        row["loading"], row["leak"] = loadings(known["estimate"], truths["planted"], truths["planted_other"])
    row["coverage"], row["share_unknown"] = part["held"].mean(), 1 - len(known) / len(part)
    row["purity_error"] = (part["purity"] - part["purity_true"]).abs().mean()
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
) -> tuple[pd.DataFrame, pd.DataFrame]:
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
    tuple of pandas.DataFrame
        ``validation/selfcheck.tsv`` (`SELFCHECK_COLUMNS`) and ``validation/calibration.tsv``, by bin of estimated
        purity; both without rows where the reference has tumours of fewer than two patients. ``coverage`` is that of
        intervals calibrated on the other folds.
    """
    parts = list(score_folds(reference, facts, axes, settings, limits, seed, chromosomes))
    if not parts:
        log.warning("The reference holds tumours of fewer than two patients: it cannot be tested")
        return pd.DataFrame(columns=SELFCHECK_COLUMNS), calibration_table(_no_errors(), settings["confidence_level"])
    table = pd.concat(parts, ignore_index=True)
    scored = ~table["reason"].isin(NEVER_SCORED) & table["own"].notna()
    table = table[scored].reset_index(drop=True)
    known = table["reason"] == ""
    table["error"] = (table["estimate"] - table["own"]).where(known)
    table["purity_low"] = bin_low(table["purity"])
    table["held"] = held_out_coverage(table, settings["confidence_level"])
    keys = ["kind", *KEYS, "purity_low"]
    rows = [dict(zip(keys, key, strict=True)) | recovery_row(part) for key, part in table.groupby(keys, sort=True)]
    upper = dict(pairwise(EDGES))
    found = pd.DataFrame(rows, columns=[column for column in SELFCHECK_COLUMNS if column not in ("reference",)])
    found = found.assign(reference=name, purity_high=found["purity_low"].map(upper))
    return found[SELFCHECK_COLUMNS], calibration_table(table, settings["confidence_level"])


def _no_errors() -> pd.DataFrame:
    """Return a table of errors without rows."""
    return pd.DataFrame({"compartment": [], "axis": [], "purity": [], "error": []})
