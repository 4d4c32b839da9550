"""Do 90 % intervals hold the truth in 90 % of cases? Shifts of known size, planted in real expression.

**What is planted.** A shift of 0, 0.5, 1 or 2 standard deviations of the reference on the targets of a panel. Targets
do not answer equally: each answers the shift times a gamma variable with mean 1 and standard deviation 0.5, never with
the other sign.

**Where.** Not on the core panel, whose true activity in a real sample nobody knows, but on random panels that match it
gene by gene, a quarter of their genes from one co-expression module (`calibration`): their truth before planting is
zero on average, and their genes vary together as real ones do. Modules come from one half of the reference, the rows
from the other.

**The truth.** What the shift alone adds to the row's activity: the statistic's numerator for the row with the shift in
every target alike, less that for the row without it, over the spread of the row's null and the inflation factor. The
unequal answers are not part of it, they are what makes the targets a sample: the interval is one of resampling
targets. ``realised`` holds the same intervals against the answers that were drawn; the interval allows for more than
that, so they are covered more often.

**Compartments by size.** Cells are drawn from one compartment of one leukaemia sample, summed, and compared with the
reference of whole compartments. The shift is planted twice. Once in log expression, as above. Once in the cells
(``in counts``): the expression of the whole compartment moves by the shift, and the drawn cells gain the Poisson
number of counts that goes with it. The truth is the same, so the second also has to bear what log2(CPM + 1) makes of
few counts.
"""

from collections.abc import Iterator
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
from scipy import sparse

from scoring.calibration import NORMAL_95, Place, place, with_goal
from scoring.cohorts import gene_language, lay_out
from stat3act.activity import inflation, model
from stat3act.activity.reference import standardise
from stat3act.expression.genes import map_genes, sum_rows

BULK = (("ACC", "bulk"), ("LGG", "bulk"), ("LUAD", "bulk"), ("DLBC", "bulk"))
CELLS = (("AML", "tumour"), ("AML", "microenvironment"))
CELLS_FILE = "single_cell/aml_vangalen_D0_multi_patient.h5ad"
LABELS = {"tumour": "malignant", "microenvironment": "non-malignant"}
SIZES = (20, 50, 200, 1000)
SHIFTS = (0.0, 0.5, 1.0, 2.0)
# Gamma with this shape has mean 1 after division by it, and a coefficient of variation of one half.
ANSWER_SHAPE = 4.0
PANELS = 60
ROWS_PER_PANEL = 8
GOAL = "0.85-0.95"
WIDE = 1e9


def answers(shifts: np.ndarray, weights: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw what every gene answers to the shifts.

    Parameters
    ----------
    shifts
        Size of the shift in each row, in standard deviations.
    weights
        Weights of the panel; genes with a negative one answer downwards.
    rng
        Generator.

    Returns
    -------
    Two arrays, rows x genes: the shift alike in every target, and the answers drawn around it.
    """
    alike = shifts[:, None] * np.sign(weights)[None, :]
    drawn = np.zeros_like(alike)
    targets = np.flatnonzero(weights)
    drawn[:, targets] = rng.gamma(ANSWER_SHAPE, 1 / ANSWER_SHAPE, (len(shifts), len(targets)))
    return alike, alike * drawn


def numerators(
    profiles: np.ndarray, weights: np.ndarray, rivals: model.Rivals, strata: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the statistic less its expectation, and the standard deviation of its null, for every row."""
    residual = model.remove_rivals(profiles, rivals)
    expected, variance = model.permutation_moments(
        model.by_strata(residual, strata), sparse.csr_array(weights[:, None])
    )
    return residual @ weights - expected[:, 0], np.sqrt(variance[:, 0])


def planted_truth(
    base: np.ndarray,
    observed: np.ndarray,
    shifts: list[np.ndarray],
    weights: np.ndarray,
    rivals: model.Rivals,
    strata: np.ndarray,
    factor: float,
) -> list[np.ndarray]:
    """Return what each shift alone adds to the activity of every row.

    Parameters
    ----------
    base
        Rows x genes, standardised; before planting.
    observed
        After planting, as it was scored: its null gives the units.
    shifts
        Arrays of rows x genes, in standard deviations.
    weights, rivals, strata
        As in `model.adjusted_statistic`.
    factor
        Inflation factor.

    Returns
    -------
    One array per shift, a number per row, in units of the activity.
    """
    stacked = np.vstack([base, observed, *(base + shift for shift in shifts)])
    found, spread = numerators(stacked, weights, rivals, strata)
    parts, unit = found.reshape(-1, len(base)), factor * spread[len(base) : 2 * len(base)]
    return [(part - parts[0]) / unit for part in parts[2:]]


def judge(
    here: Place, weights: np.ndarray, base: np.ndarray, observed: np.ndarray, planted: tuple[np.ndarray, np.ndarray]
) -> pd.DataFrame:
    """Score planted rows, and tell whether their intervals hold the truth.

    Returns
    -------
    Per row, ``covered`` (the shift alike in every target) and ``realised`` (the answers that were drawn).
    """
    clip, level = here.settings["clip"], here.settings["confidence_level"]
    base, observed = np.clip(base, -clip, clip), np.clip(observed, -clip, clip)
    factor = here.reference.inflation["stat3_core"]
    common = (weights, here.rivals, here.prepared.strata, factor)
    truths = planted_truth(base, observed, list(planted), *common)
    found = model.adjusted_statistic(observed, *common)
    low, high = model.interval(found.activity, found.error, np.count_nonzero(weights), level)
    return pd.DataFrame(
        {name: (low <= truth) & (truth <= high) for name, truth in zip(("covered", "realised"), truths, strict=True)}
    )


def panels_by_half(here: Place) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield, for each half of the reference, its row numbers and panels (genes x panels) with modules of the other."""
    for train, rows in inflation.halves(here.rows["stratum"].to_numpy()):
        seed = f"coverage {train[0]}"
        modules = inflation.find_modules(here.profiles[train], here.rivals, here.prepared.strata, here.candidates, seed)
        sets = inflation.control_sets(here.weights, here.prepared.strata, modules, seed)
        yield rows, sets[:, :PANELS].toarray()


def unclipped(here: Place, expression: pd.DataFrame, members: set[str]) -> np.ndarray:
    """Standardise expression against the reference without limiting it."""
    genes = here.prepared.profiles.columns
    stratum = pd.Series(here.reference.n.index[0], index=expression.index)
    return standardise(expression[genes], stratum, members, here.reference, WIDE).to_numpy(float)


def whole_rows(here: Place) -> pd.DataFrame:
    """Plant shifts in the log expression of whole compartments.

    Returns
    -------
    One row per planted profile: ``panel shift covered realised``.
    """
    rng, parts = inflation.rng_of("coverage", here.name), []
    profiles = unclipped(here, here.cohort.expression.loc[here.rows.index], set(here.rows.index[here.members]))
    for half, (rows, panels) in enumerate(panels_by_half(here)):
        for number, weights in enumerate(panels.T):
            base = profiles[rng.choice(rows, ROWS_PER_PANEL)]
            shifts = np.resize(SHIFTS, ROWS_PER_PANEL)
            planted = answers(shifts, weights, rng)
            judged = judge(here, weights, base, base + planted[1], planted)
            parts.append(judged.assign(panel=f"{half} {number}", shift=shifts))
    return pd.concat(parts, ignore_index=True)


class Marrow:
    """The cells of the leukaemia cohort.

    Attributes
    ----------
    counts
        Cells x genes of the file.
    obs
        One row per cell.
    genes
        Which symbol each gene of the file has.
    """

    def __init__(self, data: Path):
        cells = ad.read_h5ad(data / CELLS_FILE)
        self.counts = sparse.csr_matrix(cells.X).astype(float)
        self.obs = cells.obs
        strength = np.asarray(self.counts.sum(axis=0)).ravel()
        self.genes = map_genes(cells.var_names, gene_language()[1], strength, CELLS_FILE)

    def members(self, sample: str, compartment: str) -> np.ndarray:
        """Return the numbers of the cells of one compartment of one sample."""
        return np.flatnonzero(self.obs["sample"].eq(sample) & self.obs["malignant"].eq(LABELS[compartment]))

    def sums(self, groups: list[np.ndarray]) -> pd.DataFrame:
        """Sum the counts of groups of cells, groups x symbols; a cell counts as often as it is named."""
        lengths = [len(group) for group in groups]
        columns = np.concatenate(groups)
        rows = np.repeat(np.arange(len(groups)), lengths)
        member = sparse.csr_matrix((np.ones(len(columns)), (rows, columns)), shape=(len(groups), self.counts.shape[0]))
        linear = sum_rows((member @ self.counts).T.tocsr(), self.genes).T
        return pd.DataFrame(linear.toarray(), columns=self.genes.symbols)


def move_counts(
    counts: np.ndarray, totals: np.ndarray, level: np.ndarray, change: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Move the counts of rows as if the expression behind them had moved.

    Parameters
    ----------
    counts
        Rows x genes.
    totals
        Total count of each row.
    level
        Rows x genes; expression of the whole compartment, log2(CPM + 1).
    change
        Rows x genes; what is added to it.
    rng
        Generator.

    Returns
    -------
    Rows x genes: a Poisson number of counts is added where expression rises, a binomial part is kept where it falls.
    """
    before, after = 2.0**level - 1, np.maximum(2.0 ** (level + change) - 1, 0)
    more = counts + rng.poisson(np.maximum(after - before, 0) * totals[:, None] / 1e6)
    kept = np.divide(after, before, out=np.ones_like(before), where=before > after)
    return np.where(change < 0, rng.binomial(counts.astype(np.int64), kept), more)


def log2_cpm_of(counts: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Return log2(CPM + 1) of some genes of rows with these totals."""
    return np.log2(1 + 1e6 * counts / totals[:, None])


def draw_cells(here: Place, marrow: Marrow, rows: np.ndarray, size: int, draws: int, rng: np.random.Generator):
    """Draw cells of one sample, ``draws`` times.

    Returns
    -------
    tuple or None
        Counts (draws x genes), totals, and log2(CPM + 1) of the whole compartments they are from; None when no sample
        among ``rows`` has so many cells.
    """
    genes = here.prepared.profiles.columns
    pools = {row: marrow.members(here.rows["sample"].iloc[row], here.rows["compartment"].iloc[row]) for row in rows}
    pools = {row: pool for row, pool in pools.items() if len(pool) >= size}
    if not pools:
        return None
    chosen = rng.choice(list(pools), draws)
    sums = marrow.sums([rng.choice(pools[row], size, replace=False) for row in chosen])
    level = here.cohort.expression.loc[here.rows.index[chosen], genes].to_numpy(float)
    return sums[genes].to_numpy(), sums.sum(axis=1).to_numpy(), level


def drawn_rows(here: Place, marrow: Marrow, size: int) -> dict[str, pd.DataFrame]:
    """Plant shifts in sums of ``size`` cells.

    Returns
    -------
    By where the shift was planted (``log``, ``counts``), as `whole_rows`; empty when no sample has so many cells.
    """
    rng, parts = inflation.rng_of("cells", here.name, size), {"log": [], "counts": []}
    genes, shifts = here.prepared.profiles.columns, np.array(SHIFTS)
    # One standard deviation of a row that is no member of the reference, in log2 units.
    unit = here.reference.scale[genes].to_numpy(float) * np.sqrt(1 + 1 / here.reference.n.iloc[0])
    for half, (rows, panels) in enumerate(panels_by_half(here)):
        drawn = draw_cells(here, marrow, rows, size, panels.shape[1] * len(shifts), rng)
        for number, weights in enumerate(panels.T if drawn else []):
            counts, totals, level = (part[number * len(shifts) : (number + 1) * len(shifts)] for part in drawn)
            planted = answers(shifts, weights, rng)
            base = unclipped(here, pd.DataFrame(log2_cpm_of(counts, totals), columns=genes), set())
            moved = move_counts(counts, totals, level, planted[1] * unit, rng)
            deeper = totals + (moved - counts).sum(axis=1)
            in_counts = unclipped(here, pd.DataFrame(log2_cpm_of(moved, deeper), columns=genes), set())
            for where, observed in (("log", base + planted[1]), ("counts", in_counts)):
                judged = judge(here, weights, base, observed, planted)
                parts[where].append(judged.assign(panel=f"{half} {number}", shift=shifts))
    return {where: pd.concat(found, ignore_index=True) for where, found in parts.items() if found}


def coverage_row(covered: pd.Series, panel: pd.Series, goal: str = "", **names: str) -> dict:
    """Summarise coverage with a 95 % interval from its spread between panels, whose rows are no independent trials."""
    by_panel = covered.groupby(panel).mean()
    value, half = float(covered.mean()), NORMAL_95 * by_panel.std(ddof=1) / np.sqrt(len(by_panel))
    limits = {"low": max(0.0, value - half), "high": min(1.0, value + half)}
    return with_goal(names | {"value": value, **limits, "n": len(covered), "method": "activity"}, goal)


def coverage_rows(found: pd.DataFrame, dataset: str, group: str) -> list[dict]:
    """Report the coverage over all shifts, which has the goal, of the answers drawn, and of each shift."""
    names = {"check": "coverage", "dataset": dataset}
    rows = [
        coverage_row(found["covered"], found["panel"], GOAL, group=group, **names),
        coverage_row(found["realised"], found["panel"], group=f"{group}, realised", **names),
    ]
    for shift, part in found.groupby("shift"):
        rows.append(coverage_row(part["covered"], part["panel"], group=f"{group}, shift {shift:g} SD", **names))
    return rows


def check(data: Path) -> pd.DataFrame:
    """Measure the coverage of the intervals of bulk, of whole compartments and of compartments by size.

    Parameters
    ----------
    data
        Folder of the public data.

    Returns
    -------
    Rows of `cohorts.COLUMNS`, check ``coverage``.
    """
    result = []
    for name, compartment in (*BULK, *CELLS):
        here = place(data, name, compartment)
        result += coverage_rows(whole_rows(here), here.name, "bulk" if compartment == "bulk" else "whole compartment")
    marrow = Marrow(data)
    for name, compartment in CELLS:
        here = place(data, name, compartment)
        for size in SIZES:
            for where, found in drawn_rows(here, marrow, size).items():
                group = f"{size} cells" + (", in counts" if where == "counts" else "")
                result += coverage_rows(found, here.name, group)
    return lay_out(result)
