"""Mixtures of tumours that were left out of a bulk reference, at the depth, purity and platform shift of a cohort."""

from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
import pandas as pd

from stat3act.compartments.expected import prepare_cohort
from stat3act.compartments.reconstruct import FIRST_VARIANCES, linearise
from stat3act.compartments.reference import Reference
from stat3act.profiles.states import PANELS
from stat3act.validation.mixtures import Mixtures, mix

PLANTED, NATURAL = "planted", "natural"
# Up to this many patients each is left out alone; beyond, a fold holds several, which costs less and varies more.
LEAVE_ONE_OUT, FOLDS = 6, 4
MIXTURES = 90
# True purities of the mixtures, and how far beyond the cohort's own range they go: its estimates have errors too.
MIXED = (0.05, 0.2, 0.4, 0.6, 0.8, 0.95)
MARGIN = 0.1
LEVELS = (-1.0, 0.0, 1.0)
# Natural log fold change per unit of response. Half of the STAT3 targets are silent and its levels have a standard
# deviation of 0.82, so that its targets move by 0.33 on average: each rival moves its own as much.
STRENGTH, RIVAL_STRENGTH = 0.8, 0.33
# The shift between platforms where the cohort is too small to tell it from what its samples are: that of the project's
# own validation.
PLATFORM, PLATFORM_SAMPLES = 0.5, 8


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
        zero, rest = np.zeros_like(cohort.bulk), cohort.rest_shares @ cohort.rest_states
        ratio = linearise(cohort, rest, (zero, zero), zero[0], FIRST_VARIANCES).y
        shift = np.median(ratio, axis=0)
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
) -> Mixtures:
    """Mix the tumours that were left out.

    Parameters
    ----------
    source
        Profiles of these tumours and of the microenvironment.
    axes, rivals
        The axes and which of them are rivals of STAT3.
    kind
        `PLANTED`: STAT3 of both compartments at the levels of the grid, and every rival at random, come on top of what
        the tumour has. `NATURAL`: the tumour as it is.
    facts
        Of the bulk cohort.
    seed
        Source of chance.
    """
    low, high, a, b = grid(facts.purity)
    genes, others = source.profiles.index, []
    if kind == PLANTED:
        # Not the numbers that `mix` draws from the same seed: rivals would go with purity.
        rng = np.random.default_rng([seed, 1])
        for rival in rivals:
            others.append((union_panel(axes, (rival,), genes), RIVAL_STRENGTH * rng.standard_normal((len(a), 2))))
    return mix(
        source,
        union_panel(axes, PANELS, genes),
        len(a),
        seed,
        strength=STRENGTH if kind == PLANTED else 0.0,
        others=others,
        purity=(low, high),
        depth=facts.depth,
        platform=facts.platform,
        on=(a, b),
        one_patient=True,
    )
