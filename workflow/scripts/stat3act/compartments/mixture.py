"""Fractions of a bulk sample: maximum likelihood of a multinomial mixture with fixed components."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from stat3act.compartments.genes_filter import filter_genes
from stat3act.compartments.platform import MIN_SAMPLES, gene_shift
from stat3act.compartments.reference import Reference
from stat3act.logs import log

# 64 samples x 15,000 genes in float32 stay in the cache of one core.
BLOCK = 64
TOLERANCE = 1e-5
MAX_ITERATIONS = 300
# Floor of a profile: a read of a gene that no state shows is unlikely, not impossible.
FLOOR = 1e-8
# Error of purity in mixtures of held-out tumours after 0, 1, 2, 3 and 4 rounds: melanoma .070 .055 .047 .043 .041,
# breast .076 .057 .051 .049 .048, and the same with a planted shift.
PLATFORM_ROUNDS = 4
# Fits that only serve the next shift need not be as close.
ROUGH_TOLERANCE = 1e-4
# A median of so many samples is known to within a tenth of their spread.
MOST_FOR_SHIFT = 256
# A fraction that starts at zero stays there; a second fit starts from the first, but not from nothing.
LEAST_START = 1e-4


@dataclass(frozen=True)
class MixtureFit:
    """Result of `fit_states`.

    Attributes
    ----------
    fractions
        Samples x states; shares of the sample's mRNA, rows sum to 1.
    filtered
        By shared gene: why it was left out of the fit, ``""`` where it was used.
    iterations
        By sample: EM iterations of its block in the last fit, and in the one with purity held.
    shift
        By gene of the fit: natural log of what the bulk shows over what the reference expects, as it was applied;
        zeros where the cohort is too small to estimate one.
    """

    fractions: pd.DataFrame
    filtered: pd.Series
    iterations: pd.Series
    shift: pd.Series = field(default_factory=lambda: pd.Series(dtype=float))

    def purity(self, is_tumour: np.ndarray) -> pd.Series:
        """Return the sum of the tumour states by sample."""
        return self.fractions.loc[:, is_tumour].sum(axis=1)

    @property
    def shift_sd(self) -> float:
        """Standard deviation of the platform shift over the genes; NaN where none was estimated."""
        return float(self.shift.std()) if self.shift.any() else np.nan


def expectation_maximisation(
    counts: np.ndarray,
    profiles: np.ndarray,
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
    start: np.ndarray | None = None,
    held: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Maximise the likelihood of ``counts[n] ~ Multinomial(depth, theta[n] @ profiles)`` over ``theta``.

    Parameters
    ----------
    counts
        Samples x genes, not negative, every row with a positive sum.
    profiles
        States x genes; rows are scaled to sum to 1 here.
    tolerance
        A block stops when no fraction moved more than this in one iteration.
    max_iterations
        Upper limit of iterations.
    start
        Samples x states to start from; without it all states are equal.
    held
        Mask over the states, and by sample the sum that their fractions are held at (NaN: not held).

    Returns
    -------
    tuple of numpy.ndarray
        ``theta`` (samples x states, rows sum to 1) and the iterations used per sample.

    Notes
    -----
    ``D = theta profiles; theta <- theta * ((counts / D) profiles') / depth``. The log-likelihood is concave in
    theta, so that the fixed point is the global maximum. It is also the fixed point of InstaPrism (Hu and Chikina
    2024, doi 10.1093/bioinformatics/btae440) and the mode that BayesPrism samples around (Chu et al. 2022,
    doi 10.1038/s43018-022-00356-3). The matrix of reads per state and gene is never built. Where a sum is held, each
    of the two parts is brought to its sum after every step: the M step of the likelihood under that constraint.
    """
    phi = np.asarray(profiles, dtype=np.float64)
    phi = phi / phi.sum(axis=1, keepdims=True)
    phi = (phi * (1 - phi.shape[1] * FLOOR) + FLOOR).astype(np.float32)
    phi_transposed = np.ascontiguousarray(phi.T)
    theta = np.full((len(counts), len(phi)), 1 / len(phi), dtype=np.float64)
    if start is not None:
        theta = np.maximum(start, LEAST_START)
        theta /= theta.sum(axis=1, keepdims=True)
    iterations = np.zeros(len(counts), dtype=np.int64)
    for start in range(0, len(counts), BLOCK):
        rows = slice(start, start + BLOCK)
        shares = np.asarray(counts[rows], dtype=np.float64)
        shares = (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
        current = theta[rows].astype(np.float32)
        ratio = np.empty_like(shares)
        for _ in range(max_iterations):
            iterations[rows] += 1
            np.matmul(current, phi, out=ratio)
            np.divide(shares, ratio, out=ratio)
            updated = current * (ratio @ phi_transposed)
            if held is not None:
                updated = hold(updated, held[0], held[1][rows].astype(np.float32))
            moved = float(np.abs(updated - current).max())
            current = updated
            if moved < tolerance:
                break
        final = current.astype(np.float64)
        theta[rows] = final / final.sum(axis=1, keepdims=True)
    return theta, iterations


def hold(theta: np.ndarray, mask: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Bring the fractions of the states in ``mask`` to a sum, and the others to the rest of 1; NaN leaves a sample."""
    own = theta[:, mask].sum(axis=1)
    wanted = np.where(np.isnan(sums), own, sums)
    tiny = np.finfo(theta.dtype).tiny
    scaled = theta * np.where(mask, (wanted / (own + tiny))[:, None], ((1 - wanted) / (1 - own + tiny))[:, None])
    return np.where(np.isnan(sums)[:, None], theta, scaled).astype(theta.dtype)


def fit_states(
    linear: pd.DataFrame,
    reference: Reference,
    scoring_genes: frozenset[str] | set[str],
    chromosomes: pd.Series | None = None,
    *,
    platform_rounds: int = PLATFORM_ROUNDS,
    purity: pd.Series | None = None,
) -> MixtureFit:
    """Estimate the share of every reference state in every bulk sample.

    The genes that are scored later take no part, so that a driven STAT3 target cannot decide how much tumour a
    sample holds (and then be judged against that).

    Parameters
    ----------
    linear
        Samples x genes, counts or TPM-like values.
    reference
        Profiles of the states.
    scoring_genes
        Genes of every axis.
    chromosomes
        Chromosome by symbol, see `filter_genes`.
    platform_rounds
        How often the shift of each gene between bulk and reference (`platform.gene_shift`) is estimated and the
        fractions fitted again; 0 for never.
    purity
        By sample: hold the sum of the tumour states at this share of mRNA; NaN (or absent) leaves a sample free.

    Returns
    -------
    MixtureFit
        Fractions are shares of mRNA (a cell with twice the mRNA counts twice).
    """
    # Scored genes go first: which genes dominate a sample must not depend on them either.
    others = linear.loc[:, ~linear.columns.isin(scoring_genes)]
    reason = filter_genes(others, reference.profiles, chromosomes)
    shared = linear.columns[linear.columns.isin(reference.profiles.index)]
    reason = reason.reindex(shared, fill_value="scored")
    used = reason.index[reason == ""]
    log.info("Fractions from %d of %d shared genes, %d states", len(used), len(reason), reference.profiles.shape[1])
    # The fit sees only part of each profile; a state with much of its mRNA in the genes left out has a larger
    # share of the whole sample than of the genes that were used.
    phi = reference.profiles.loc[used].to_numpy(dtype=np.float64).T
    seen = phi.sum(axis=1)
    counts = linear[used].to_numpy(dtype=np.float32)
    shift = np.zeros(len(used))
    if len(linear) >= MIN_SAMPLES and platform_rounds > 0:
        # In the order of their names, so that the same samples are chosen however the cohort is sorted.
        by_name = np.argsort(linear.index.to_numpy(dtype=str), kind="stable")
        some = by_name[np.unique(np.linspace(0, len(linear) - 1, MOST_FOR_SHIFT).round().astype(int))]
        shift = _platform_shift(counts[some], phi, platform_rounds)
    theta, iterations = expectation_maximisation(counts, phi * np.exp(shift))
    if purity is not None:
        held = purity.reindex(linear.index).to_numpy(dtype=float)
        theta, more = _refit(counts, phi * np.exp(shift), theta, seen, reference.is_tumour, held)
        iterations += more
    fractions = pd.DataFrame(_of_whole(theta, seen), index=linear.index, columns=reference.profiles.columns)
    iterations = pd.Series(iterations, index=linear.index)
    return MixtureFit(fractions, reason, iterations, pd.Series(shift, index=used))


def _platform_shift(counts: np.ndarray, phi: np.ndarray, rounds: int) -> np.ndarray:
    """Estimate fractions and the shift of each gene in turn."""
    theta, _ = expectation_maximisation(counts, phi, ROUGH_TOLERANCE)
    for left in range(rounds - 1, -1, -1):
        shift = gene_shift(counts, theta, phi)
        if left:
            theta, _ = expectation_maximisation(counts, phi * np.exp(shift), ROUGH_TOLERANCE, start=theta)
    return shift


def _of_whole(theta: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Turn shares of the genes of the fit into shares of all genes; ``seen`` is what each state has in the fit."""
    whole = theta / seen
    return whole / whole.sum(axis=1, keepdims=True)


def _refit(
    counts: np.ndarray, phi: np.ndarray, theta: np.ndarray, seen: np.ndarray, mask: np.ndarray, purity: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Fit again with the tumour's share of all mRNA held; the fit itself knows shares of its genes only."""
    iterations = np.zeros(len(theta), dtype=np.int64)
    wanted = hold(_of_whole(theta, seen), mask, purity)
    for _ in range(2):
        of_fit = wanted * seen
        of_fit /= of_fit.sum(axis=1, keepdims=True)
        sums = np.where(np.isnan(purity), np.nan, of_fit[:, mask].sum(axis=1))
        theta, more = expectation_maximisation(counts, phi, start=of_fit, held=(mask, sums))
        wanted = hold(_of_whole(theta, seen), mask, purity)
        iterations += more
    of_fit = wanted * seen
    return of_fit / of_fit.sum(axis=1, keepdims=True), iterations


def fraction_table(fractions: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    """Sum state fractions to lineages and compartments.

    Parameters
    ----------
    fractions
        Samples x states.
    reference
        Says which compartment and lineage each state belongs to.

    Returns
    -------
    pandas.DataFrame
        ``sample compartment lineage fraction``: one row for the tumour (lineage ``all``), one for the whole
        microenvironment (lineage ``all``), one per lineage of it; fractions of the sample's mRNA.
    """
    states = reference.states.loc[fractions.columns]
    parts = {}
    for compartment in ("tumour", "microenvironment"):
        of_compartment = (states["compartment"] == compartment).to_numpy()
        parts[(compartment, "all")] = fractions.loc[:, of_compartment].sum(axis=1)
        if compartment == "microenvironment":
            for lineage in sorted(set(states.loc[of_compartment, "lineage"])):
                chosen = of_compartment & (states["lineage"] == lineage).to_numpy()
                parts[(compartment, lineage)] = fractions.loc[:, chosen].sum(axis=1)
    table = pd.concat(parts, names=["compartment", "lineage"]).rename("fraction").reset_index()
    table = table.rename(columns={table.columns[2]: "sample"})[["sample", "compartment", "lineage", "fraction"]]
    order = pd.Categorical(table["sample"], categories=list(fractions.index), ordered=True)
    return table.assign(order=order).sort_values("order", kind="stable").drop(columns="order").reset_index(drop=True)
