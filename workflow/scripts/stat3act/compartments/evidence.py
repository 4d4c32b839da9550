"""Copy number in expression profiles: segments against a null without genomic order, cells against a consensus."""

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd

AUTOSOMES = tuple(f"chr{number}" for number in range(1, 23))
# Expression ratios are clipped as infercnvpy does, so that one gene cannot make a segment.
CLIP = 3.0
EXPRESSION_BINS = 20
SHUFFLES = 200
# Scores of malignant and of normal cells must be this many standard deviations apart to call single cells.
SEPARATION = 2.0
MIN_SPREAD = 0.02
# Rearranged loci: one B- or T-cell clone expresses dozens of neighbouring genes there, and HLA follows activation.
REARRANGED = r"^(IG[HKL][VDJCAEGM]|IG[HKL]\d|TR[ABDG][VDJC]|HLA-)"


@dataclass(frozen=True)
class Genome:
    """Genes in genomic order and the smoothing over them.

    Attributes
    ----------
    genes
        Names of the genes with an autosomal position, ordered by chromosome and start.
    chromosomes
        Slice of ``genes`` for every chromosome.
    window_size
        Genes per window.
    step
        Genes between windows.
    """

    genes: tuple[str, ...]
    chromosomes: tuple[slice, ...]
    window_size: int
    step: int


def order_genes(var: pd.DataFrame, window_size: int, step: int) -> Genome:
    """Put the genes of a table into genomic order.

    Genes without an autosomal position are left out, and those of immune receptors and HLA.

    Parameters
    ----------
    var
        Columns ``chromosome`` (like ``chr1``) and ``start``, indexed by gene.
    window_size, step
        Genes per smoothing window and between windows.

    Returns
    -------
    Genome
    """
    placed = var[var["chromosome"].astype(object).isin(AUTOSOMES) & var["start"].notna()]
    placed = placed[~placed.index.astype(str).str.match(REARRANGED)]
    table = pd.DataFrame(
        {
            "chromosome": [AUTOSOMES.index(name) for name in placed["chromosome"]],
            "start": placed["start"].to_numpy(dtype=float),
            "gene": placed.index.astype(str).to_numpy(),
        }
    ).sort_values(["chromosome", "start", "gene"])
    bounds = np.searchsorted(table["chromosome"].to_numpy(), np.arange(len(AUTOSOMES) + 1))
    slices = tuple(slice(a, b) for a, b in itertools.pairwise(bounds) if b > a)
    return Genome(tuple(table["gene"]), slices, window_size, step)


def bounded_difference(profiles: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Return how far each value lies outside the range of the references, clipped at 3.

    The rule of inferCNV for several reference groups: what one normal lineage expresses is not a gain in another.

    Parameters
    ----------
    profiles
        Profiles x genes, natural log.
    references
        Reference profiles x genes.
    """
    low, high = references.min(axis=0), references.max(axis=0)
    outside = np.where(profiles > high, profiles - high, np.where(profiles < low, profiles - low, 0.0))
    return np.clip(outside, -CLIP, CLIP)


def smooth(values: np.ndarray, genome: Genome) -> list[np.ndarray]:
    """Return pyramidally weighted running means along every chromosome, as infercnvpy weighs them.

    Parameters
    ----------
    values
        Profiles x genes, genes as in ``genome``.
    genome
        Order of the genes.

    Returns
    -------
    list of numpy.ndarray
        Profiles x windows, one matrix per chromosome with at least ``window_size`` genes.
    """
    size = genome.window_size
    rising = np.arange(1, size + 1)
    pyramid = np.minimum(rising, rising[::-1]).astype(float)
    pyramid /= pyramid.sum()
    windows = []
    for chromosome in genome.chromosomes:
        part = values[:, chromosome]
        if part.shape[1] >= size:
            starts = np.arange(0, part.shape[1] - size + 1, genome.step)
            views = np.lib.stride_tricks.sliding_window_view(part, size, axis=1)[:, starts]
            windows.append(views @ pyramid)
    return windows


def segment_signal(values: np.ndarray, genome: Genome) -> np.ndarray:
    """Return the variance that windows without a common gene share along the chromosome.

    A gain or loss shifts neighbouring windows alike; a cluster of co-expressed genes shifts one. The statistic is the
    mean product of window means one window length apart, around the profile's median window.

    Parameters
    ----------
    values
        Profiles x genes: differences from the reference.
    genome
        Order of the genes.

    Returns
    -------
    numpy.ndarray
        One value per profile; zero when no chromosome holds two windows.
    """
    windows = smooth(values, genome)
    apart = max(1, -(-genome.window_size // genome.step))
    if not any(part.shape[1] > apart for part in windows):
        return np.zeros(len(values))
    centre = np.median(np.hstack(windows), axis=1, keepdims=True)
    products = [(part[:, apart:] - centre) * (part[:, :-apart] - centre) for part in windows]
    return np.hstack(products).mean(axis=1)


def segment_z(difference: np.ndarray, mean: np.ndarray, genome: Genome, seed: int) -> float:
    """Test one profile for segments: its signal against the same genes in random order.

    Parameters
    ----------
    difference
        Difference from the reference, per gene in genomic order.
    mean
        Mean expression per gene; genes change places only within bins of it.
    genome
        Order of the genes.
    seed
        Seed of the shuffles.

    Returns
    -------
    float
        Standard deviations above the shuffled profiles; zero when nothing differs.
    """
    rng = np.random.default_rng(seed)
    rank = np.argsort(np.argsort(mean, kind="stable"), kind="stable")
    bins = rank * EXPRESSION_BINS // len(rank)
    shuffled = np.empty((SHUFFLES, len(difference)))
    order = np.argsort(bins, kind="stable")
    for row in shuffled:
        # Sorting by bin, then by a random key, permutes within bins.
        row[order] = difference[np.lexsort((rng.random(len(bins)), bins))]
    null = segment_signal(shuffled, genome)
    spread = null.std()
    observed = segment_signal(difference[None, :], genome)[0]
    return float((observed - null.mean()) / spread) if spread > 0 else 0.0


def window_counts(genome: Genome) -> list[int]:
    """Return the number of windows that infercnvpy makes of every chromosome."""
    sizes = [part.stop - part.start for part in genome.chromosomes]
    return [1 if size <= genome.window_size else -(-(size - genome.window_size + 1) // genome.step) for size in sizes]


def segments(consensus: np.ndarray, genome: Genome) -> np.ndarray:
    """Keep of a profile what windows without a common gene agree on.

    A window keeps the smallest of its own and its neighbours' values (one window length to either
    side) when all have one sign, else zero. Bumps of single gene clusters go, which normal cells of the same
    lineage share: in simulated breast tumours normal epithelium then scores 0.1-0.3 where tumour cells score 1.3-1.5,
    against correlations with the whole profile of 0.2-0.5 and 0.97.

    Parameters
    ----------
    consensus
        Mean of window profiles made by infercnvpy.
    genome
        Order of the genes.
    """
    apart = max(1, -(-genome.window_size // genome.step))
    kept = np.zeros_like(consensus)
    start = 0
    for count in window_counts(genome):
        part = consensus[start : start + count]
        for row in range(count):
            near = [row + shift for shift in (-apart, apart) if 0 <= row + shift < count]
            values = part[[row, *near]]
            if near and len(set(np.sign(values))) == 1:
                kept[start + row] = np.sign(part[row]) * np.abs(values).min()
        start += count
    return kept


def project(profiles: np.ndarray, pattern: np.ndarray) -> np.ndarray:
    """Return how much of a pattern is in every row: 0 none, about 1 as much as the pattern; NaN for a flat pattern."""
    power = float(pattern @ pattern)
    return profiles @ pattern / power if power > 0 else np.full(len(profiles), np.nan)


def separation(malignant: np.ndarray, normal: np.ndarray) -> tuple[float, float, float]:
    """Return the midpoint, the distance and the common spread of two groups of scores, by medians."""
    centres = [float(np.median(part)) for part in (malignant, normal)]
    deviations = [np.abs(part - np.median(part)) for part in (malignant, normal)]
    # 1.4826 makes the median absolute deviation a standard deviation.
    spread = max(MIN_SPREAD, *(1.4826 * float(np.median(part)) for part in deviations))
    return sum(centres) / 2, centres[0] - centres[1], spread


def posterior(scores: np.ndarray, malignant: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Turn scores into probabilities of being malignant.

    Two normal distributions of one variance, located at the median of the consensus cells and at the median of the
    held-out reference cells, even prior odds. One variance keeps the probability monotone.

    Parameters
    ----------
    scores
        Score per cell; NaN stays NaN.
    malignant, normal
        Scores of the consensus cells and of the reference cells.

    Returns
    -------
    numpy.ndarray
        NaN everywhere when the two groups are less than two standard deviations apart.
    """
    middle, distance, spread = separation(malignant, normal)
    if not distance >= SEPARATION * spread:
        return np.full(len(scores), np.nan)
    odds = (scores - middle) * distance / spread**2
    return 1 / (1 + np.exp(-np.clip(odds, -50, 50)))
