"""Copy number in expression profiles: segments against a null without genomic order, cells against a consensus."""

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

AUTOSOMES = tuple(f"chr{number}" for number in range(1, 23))
# Expression ratios are clipped as infercnvpy does, so that one gene cannot make a segment.
CLIP = 3.0
EXPRESSION_BINS = 20
SHUFFLES = 200
# Scores of malignant and of normal cells must be this many standard deviations apart to call single cells.
SEPARATION = 2.0
ROUNDS = 10
# Neighbours never decide alone.
PRIORS = (0.02, 0.98)
MIN_SPREAD = 0.02
# Neighbouring genes that cells switch together without any gain: immune receptors (one B- or T-cell clone expresses
# dozens), HLA (follows activation) and the histone clusters (follow the cell cycle).
CLUSTERED = r"^(IG[HKL][VDJCAEGM]|IG[HKL]\d|TR[ABDG][VDJC]|HLA-|HIST\d|H[1-4]-\d|H2[AB]C\d|H[34]C\d)"


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

    Genes without an autosomal position are left out, and those of immune receptors, HLA and histones.

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
    placed = placed[~placed.index.astype(str).str.match(CLUSTERED)]
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


def window_counts(genome: Genome) -> list[int]:
    """Return the number of windows of every chromosome: one where it has no more genes than a window."""
    sizes = [part.stop - part.start for part in genome.chromosomes]
    return [max(1, -(-(size - genome.window_size + 1) // genome.step)) for size in sizes]


def window_matrix(genome: Genome) -> sparse.csr_matrix:
    """Return the weights that turn gene values into windows: infercnvpy's pyramidally weighted running means.

    Parameters
    ----------
    genome
        Order of the genes.

    Returns
    -------
    scipy.sparse.csr_matrix
        Genes x windows, columns sum to 1. A window holds ``window_size`` genes of one chromosome, weighted 1, 2, ...,
        2, 1; a chromosome with no more genes than that is one window of equal weights.
    """
    blocks = []
    for chromosome, count in zip(genome.chromosomes, window_counts(genome), strict=True):
        genes = chromosome.stop - chromosome.start
        size = min(genes, genome.window_size)
        rising = np.arange(1, size + 1)
        weights = np.minimum(rising, rising[::-1]) if genes > genome.window_size else np.ones(size)
        rows = (np.arange(count) * genome.step)[:, None] + np.arange(size)
        columns = np.repeat(np.arange(count), size)
        values = np.tile(weights / weights.sum(), count)
        blocks.append(sparse.csr_matrix((values, (rows.ravel(), columns)), shape=(genes, count)))
    return sparse.block_diag(blocks, format="csr")


def smooth(values: np.ndarray, windows: sparse.csr_matrix) -> np.ndarray:
    """Return profiles x windows, each profile around its own median window."""
    smoothed = np.asarray(values @ windows)
    return smoothed - np.median(smoothed, axis=1, keepdims=True)


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
    windows = smooth(values, window_matrix(genome))
    apart = max(1, -(-genome.window_size // genome.step))
    ends = np.cumsum(window_counts(genome))
    parts = [windows[:, end - count : end] for end, count in zip(ends, window_counts(genome), strict=True)]
    products = [part[:, apart:] * part[:, :-apart] for part in parts if part.shape[1] > apart]
    return np.hstack(products).mean(axis=1) if products else np.zeros(len(values))


def draw_shuffles(mean: np.ndarray, seed: int) -> np.ndarray:
    """Draw the null: 200 random orders of the genes, which change places only within bins of mean expression.

    Parameters
    ----------
    mean
        Mean expression per gene, in genomic order.
    seed
        Seed of the shuffles.

    Returns
    -------
    numpy.ndarray
        Shuffles x genes: which gene stands in each place.
    """
    rng = np.random.default_rng(seed)
    rank = np.argsort(np.argsort(mean, kind="stable"), kind="stable")
    bins = rank * EXPRESSION_BINS // len(rank)
    order = np.argsort(bins, kind="stable")
    shuffles = np.empty((SHUFFLES, len(mean)), dtype=np.int32)
    for row in shuffles:
        # Sorting by bin, then by a random key, permutes within bins.
        row[order] = np.lexsort((rng.random(len(bins)), bins))
    return shuffles


def segment_z(difference: np.ndarray, shuffles: np.ndarray, genome: Genome) -> float:
    """Test one profile for segments: its signal against the same genes in random order.

    Parameters
    ----------
    difference
        Difference from the reference, per gene in genomic order.
    shuffles
        Result of `draw_shuffles`.
    genome
        Order of the genes.

    Returns
    -------
    float
        Standard deviations above the shuffled profiles; zero when nothing differs.
    """
    observed, *null = segment_signal(np.vstack([difference, difference[shuffles]]), genome)
    spread = np.std(null)
    return float((observed - np.mean(null)) / spread) if spread > 0 else 0.0


def segments(consensus: np.ndarray, genome: Genome) -> np.ndarray:
    """Keep of a profile what windows without a common gene agree on.

    A window keeps the smallest of its own and its neighbours' values (one window length to either
    side) when all have one sign, else zero. Bumps of single gene clusters go, which normal cells of the same
    lineage share: in simulated breast tumours normal epithelium then scores 0.1-0.3 where tumour cells score 1.3-1.5,
    against correlations with the whole profile of 0.2-0.5 and 0.97.

    Parameters
    ----------
    consensus
        Mean of window profiles.
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


def similarity(first: np.ndarray, second: np.ndarray) -> float:
    """Return the cosine of two patterns; zero when one is flat."""
    size = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / size if size > 0 else 0.0


def separation(malignant: np.ndarray, normal: np.ndarray) -> tuple[float, float, float]:
    """Return the midpoint, the distance and the common spread of two groups of scores, by medians."""
    centres = [float(np.median(part)) for part in (malignant, normal)]
    deviations = [np.abs(part - np.median(part)) for part in (malignant, normal)]
    # 1.4826 makes the median absolute deviation a standard deviation.
    spread = max(MIN_SPREAD, *(1.4826 * float(np.median(part)) for part in deviations))
    return sum(centres) / 2, centres[0] - centres[1], spread


def posterior(
    scores: np.ndarray, consensus: np.ndarray, reference: np.ndarray, neighbours: sparse.csr_matrix
) -> np.ndarray:
    """Turn scores into probabilities of being malignant.

    Two normal distributions of one variance, located at the median of the consensus cells and at the median of the
    held-out reference cells; one variance keeps the probability monotone. The prior odds of a cell are those of its
    neighbours' mean probability, found by going round ten times from even odds: a mean field, as image segmentation
    uses it (Zhang, Brady, Smith 2001, doi 10.1109/42.906424).

    Parameters
    ----------
    scores
        Score per cell; NaN stays NaN.
    consensus, reference
        Boolean, one value per cell: where the two distributions are learned.
    neighbours
        Cells x cells, rows sum to 1, or to 0 for a cell without any, which keeps even odds.

    Returns
    -------
    numpy.ndarray
        NaN everywhere when the two groups are less than two standard deviations apart.
    """
    middle, distance, spread = separation(scores[consensus], scores[reference])
    if not distance >= SEPARATION * spread:
        return np.full(len(scores), np.nan)
    own = np.clip((scores - middle) * distance / spread**2, -50, 50)
    alone = np.asarray(neighbours.sum(axis=1)).ravel() == 0
    prior = np.full(len(scores), 0.5)
    for _ in range(ROUNDS):
        odds = own + np.log(prior / (1 - prior))
        probability = 1 / (1 + np.exp(-odds))
        prior = np.where(alone, 0.5, neighbours @ np.nan_to_num(probability, nan=0.5))
        prior = np.clip(prior, *PRIORS)
    return probability
