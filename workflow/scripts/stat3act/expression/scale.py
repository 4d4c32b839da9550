"""Are the values on the scale the user declared? And: onto the log2 scale that is scored.

The scale is declared (``expression.scale``) and checked, never guessed: what a value distribution suggests is only
used to tell the user which declaration would fit.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from stat3act.problems import Problem

LINEAR = ("counts", "tpm", "fpkm", "rsem")
LOG = ("log2", "log2_ratio")
MILLION = 1e6
# Counts stored as float32 or passed through text are whole within this.
WHOLE_TOLERANCE = 1e-3
# A TPM column adds up to a million; a matrix cut down to protein-coding genes keeps less, rounding adds little.
TPM_SUM = (2e5, 1.2e6)
# log2 of 2^25 = 33 million, more than any normalised value; linear values always exceed it, because some gene takes
# more than 30 per million.
LOG2_HIGHEST = 25.0
LINEAR_LEAST_MAXIMUM = 30.0
# log2(x + 0.001), the smallest offset in use (UCSC Xena), gives -9.97 for no expression.
LOG2_LOWEST = -10.0
EXAMPLES = 3
# Values looked at together: a cohort of ten thousand samples has 2e8 of them.
AT_ONCE = 1 << 23
# A thousand times the reads of the largest machines in one gene; float32 and sums stay far from their limits.
LARGEST = 1e15
# Of cells no logarithms are read.
RAW_COUNTS = "name the layer that holds the raw counts as `expression.layer` (`raw` for .raw), or give them in .X"
# Logarithms rounded to two decimals may fall short of that of the offset.
OFFSET_TOLERANCE = 0.01


@dataclass(frozen=True)
class Facts:
    """What the checks need to know of a matrix.

    Attributes
    ----------
    size
        Number of values looked at (of a sparse matrix the stored ones).
    lowest, highest, negative_share
        Of the finite values.
    quartiles
        Gives the three quartiles of the finite values, which takes a copy of all of them.
    sums
        Sum of each sample.
    samples
        Names of the samples.
    unit
        ``sample`` or ``cell``.
    find
        Gives the number of values that satisfy a condition, and the first few of them as (value, gene, sample).
    """

    size: int
    lowest: float
    highest: float
    negative_share: float
    quartiles: Callable
    sums: np.ndarray
    samples: Sequence[str]
    unit: str
    find: Callable


def facts_of(values, genes: Sequence[str], samples: Sequence[str]) -> Facts:
    """Gather the facts of a matrix.

    Parameters
    ----------
    values
        Dense: genes x samples (bulk). Sparse CSR: samples x genes (cells); its zeros are not looked at.
    genes, samples
        Names of the two sides.
    """
    if sparse.issparse(values):
        data, unit = values.data, "cell"
        # A product with ones is of float64; `sum` would add float32 up as such, whatever type it is asked for.
        sums = values @ np.ones(values.shape[1])

        def places(positions):
            rows = np.searchsorted(values.indptr, positions, side="right") - 1
            return [(genes[values.indices[at]], samples[row]) for at, row in zip(positions, rows, strict=True)]
    else:
        data, unit = values.reshape(-1), "sample"
        sums = values.sum(axis=0)

        def places(positions):
            return [(genes[at // len(samples)], samples[at % len(samples)]) for at in positions]

    starts = range(0, len(data), AT_ONCE)

    def find(condition):
        count, few = 0, np.arange(0)
        for start in starts:
            hits = np.flatnonzero(condition(data[start : start + AT_ONCE])) + start
            count, few = count + len(hits), np.concatenate([few, hits[: EXAMPLES - len(few)]])
        return count, [(data[at], *place) for at, place in zip(few, places(few), strict=True)]

    def quartiles():
        known = np.isfinite(data)
        return np.percentile(data if known.all() else data[known] if known.any() else np.zeros(1), [25, 50, 75])

    lowest, highest, negative, known = np.inf, -np.inf, 0, 0
    for start in starts:
        finite = data[start : start + AT_ONCE]
        finite = finite[np.isfinite(finite)]
        lowest, highest = finite.min(initial=lowest), finite.max(initial=highest)
        negative, known = negative + int((finite < 0).sum()), known + len(finite)
    if not known:
        lowest = highest = 0.0
    share = negative / max(known, 1)
    return Facts(len(data), float(lowest), float(highest), share, quartiles, sums, samples, unit, find)


def check_scale(values, scale: str, genes: Sequence[str], samples: Sequence[str], file: str) -> list[Problem]:
    """Return what in a matrix contradicts its declared scale.

    Parameters
    ----------
    values
        Dense: genes x samples. Sparse CSR: cells x genes.
    scale
        As declared: ``counts``, ``tpm``, ``fpkm``, ``rsem``, ``log2`` or ``log2_ratio``.
    genes, samples
        Names of the two sides.
    file
        Name of the matrix, for the messages.

    Returns
    -------
    Values that are no numbers, and at most one problem of the scale itself: the one that explains the most. FPKM, RSEM
    and TPM of a full matrix are not told apart beyond the sum of TPM: they are scaled to the same sum anyway.
    """
    facts = facts_of(values, genes, samples)
    if not facts.size:
        mend = "check how the matrix was written; every value of it is zero or it has no rows"
        return [Problem(file, "", "no values", "expression values", mend)]
    parts = list(_not_finite(facts, scale))
    checks = {"counts": _counts, "log2": _log2, "log2_ratio": _log2_ratio}.get(scale, _linear)
    if found := next(checks(facts, scale), None):
        parts.append(found)
    return [Problem(file, *part) for part in parts]


Parts = tuple[str, str, str, str]


def _declare(scale: str, *others: str) -> str:
    also = f" (or {', '.join(f'`{other}`' for other in others)})" if others else ""
    return f"set `expression.scale: {scale}`{also} in the config"


def _list(count: int, examples: list, what: str) -> tuple[str, str]:
    """Return where the first of several values is, and a text that counts them and gives a few."""
    where = f"gene {examples[0][1]}, {examples[0][2]}"
    text = ", ".join(f"{value:g} ({gene}, {sample})" for value, gene, sample in examples)
    return where, f"{count} {what}: {text}{', ...' if count > len(examples) else ''}"


def _not_finite(facts: Facts, scale: str) -> Iterator[Parts]:
    missing, examples = facts.find(np.isnan)
    if missing:
        where, value = _list(missing, examples, "missing values (NaN)")
        yield where, value, "a number for every gene and sample", "fill in or remove these genes or samples"
    infinite, examples = facts.find(np.isinf)
    if infinite:
        where, value = _list(infinite, examples, "infinite values")
        mend = "take the logarithm of x + 1, or give the linear values" if scale in LOG else "correct these values"
        yield where, value, "finite numbers", mend
    huge, examples = facts.find(lambda values: np.isfinite(values) & (np.abs(values) > LARGEST))
    if huge:
        where, value = _list(huge, examples, "values that no assay gives")
        yield where, value, f"numbers up to {LARGEST:g}", "correct these values"


def _not_whole(values: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.isfinite(values) & (np.abs(values - np.round(values)) > WHOLE_TOLERANCE)


def _looks_like_millions(facts: Facts) -> bool:
    return bool(np.all(np.abs(facts.sums / MILLION - 1) < 0.02))


def _below_zero(facts: Facts, scale: str) -> Iterator[Parts]:
    negative, examples = facts.find(lambda values: values < 0)
    if negative:
        where, value = _list(negative, examples, "negative values")
        mend = f"{_declare('log2', 'log2_ratio')} if these are logarithms; else give values without negative ones"
        mend = RAW_COUNTS if facts.unit == "cell" else mend
        yield where, value, f"no value below 0 (`expression.scale: {scale}`)", mend


def _looks_logged(facts: Facts, scale: str) -> Iterator[Parts]:
    fractions, _ = facts.find(_not_whole)
    if facts.highest < LINEAR_LEAST_MAXIMUM and fractions:
        mend = f"{_declare('log2')} if these are log2 values, or give the linear values"
        mend = RAW_COUNTS if facts.unit == "cell" else mend
        value = f"fractions with a maximum of {facts.highest:g}, which look like logarithms"
        yield "", value, f"linear values (`expression.scale: {scale}`), some of them above 30", mend


def _no_expression(facts: Facts, scale: str) -> Iterator[Parts]:
    """A bulk sample without expression; empty droplets among cells are the business of quality control."""
    empty = [name for name, total in zip(facts.samples, facts.sums, strict=True) if total == 0]
    if empty and facts.unit == "sample":
        mend = "remove it from the sample sheet, or correct the matrix"
        yield f"sample {empty[0]}", f"only zeros (in {len(empty)} samples)", "expressed genes in every sample", mend


def _counts(facts: Facts, scale: str) -> Iterator[Parts]:
    yield from _below_zero(facts, scale)
    yield from _looks_logged(facts, scale)
    fractions, examples = facts.find(_not_whole)
    if fractions:
        where, value = _list(fractions, examples, f"of {facts.size} values are not whole")
        if _looks_like_millions(facts):
            value += f"; every {facts.unit} adds up to a million, as TPM does"
            mend = f"{_declare('tpm')}, or give the raw counts"
        elif facts.unit == "cell":
            mend = f"{RAW_COUNTS}; or {_declare('tpm')}"
        else:
            mend = f"{_declare('rsem')} if these are expected counts (RSEM, salmon, kallisto), or give the raw counts"
        yield where, value, f"whole numbers (`expression.scale: {scale}`)", mend
    yield from _no_expression(facts, scale)


def _linear(facts: Facts, scale: str) -> Iterator[Parts]:
    yield from _below_zero(facts, scale)
    yield from _looks_logged(facts, scale)
    fractions, _ = facts.find(_not_whole)
    if not fractions and not _looks_like_millions(facts):
        value = f"whole numbers only (up to {facts.highest:g}), which look like raw counts"
        yield "", value, f"normalised values (`expression.scale: {scale}`)", _declare("counts")
    yield from _no_expression(facts, scale)
    if scale == "tpm":
        # Of single cells only the upper bound holds: TPM/10 and matrices of a few thousand genes are common.
        low, high = TPM_SUM if facts.unit == "sample" else (0.0, TPM_SUM[1])
        outside = np.flatnonzero(~((facts.sums >= low) & (facts.sums <= high)) & np.isfinite(facts.sums))
        if len(outside):
            first = outside[0]
            value = f"a sum of {facts.sums[first]:.6g} (and {len(outside) - 1} more outside of these bounds)"
            mend = f"{_declare('rsem', 'fpkm')} if that is what the values are, or scale each {facts.unit} to 1e6"
            yield f"{facts.unit} {facts.samples[first]}", value, f"a sum between {low:g} and {high:g}, as of TPM", mend


def _log2(facts: Facts, scale: str) -> Iterator[Parts]:
    fractions, _ = facts.find(_not_whole)
    if facts.highest > LOG2_HIGHEST:
        better = ("tpm", "fpkm", "rsem") if fractions else ("counts",)
        value = f"values up to {facts.highest:g}, which are not logarithms"
        yield "", value, f"log2 values between {LOG2_LOWEST:g} and {LOG2_HIGHEST:g}", _declare(*better)
    if not fractions:
        yield "", "whole numbers only", "log2 values", f"{_declare('counts')} if these are raw counts"
    low, median, high = facts.quartiles()
    if facts.negative_share > 0.2 and abs(median) < 1 and high - low < 3:
        value = f"{facts.negative_share:.0%} negative values around a median of {median:.2g}: ratios to a reference"
        yield "", value, "log2 of expression, where genes differ widely", _declare("log2_ratio")
    if facts.lowest < LOG2_LOWEST:
        mend = "take the logarithm of x + 1, or give the linear values"
        yield "", f"values down to {facts.lowest:g}", f"log2 values between {LOG2_LOWEST:g} and {LOG2_HIGHEST:g}", mend


def _log2_ratio(facts: Facts, scale: str) -> Iterator[Parts]:
    fractions, _ = facts.find(_not_whole)
    if max(abs(facts.lowest), abs(facts.highest)) > LOG2_HIGHEST:
        value = f"values between {facts.lowest:g} and {facts.highest:g}"
        better = ("tpm", "fpkm", "rsem") if fractions else ("counts",)
        yield "", value, f"log2 ratios, within plus or minus {LOG2_HIGHEST:g}", _declare(*better)
    if not fractions:
        yield "", "whole numbers only", "log2 ratios", f"{_declare('counts')} if these are raw counts"
    median = facts.quartiles()[1]
    if facts.negative_share < 0.05 or abs(median) > 1:
        value = f"{facts.negative_share:.0%} negative values and a median of {median:.3g}"
        yield "", value, "log2 ratios, about half of them negative with a median near 0", _declare("log2")


def to_linear(values: np.ndarray, offset: float) -> np.ndarray:
    """Bring log2(x + offset) back.

    Parameters
    ----------
    values
        Genes x samples, checked with `offset_problems`.
    offset
        What was added before the logarithm.

    Returns
    -------
    numpy.ndarray
        ``2^values - offset``, each sample scaled to 1e6.
    """
    linear = np.maximum(np.exp2(values) - offset, 0.0)
    return linear * (MILLION / linear.sum(axis=0))


def offset_problems(values: np.ndarray, offset: float, genes: Sequence[str], samples: Sequence[str], file: str):
    """Return the problem of values that no x of zero or more gives as log2(x + offset), as a list of at most one.

    Parameters
    ----------
    values
        Genes x samples.
    offset
        What was added before the logarithm, as declared.
    genes, samples, file
        As in `check_scale`.
    """
    facts = facts_of(values, genes, samples)
    lowest = np.log2(offset)
    count, examples = facts.find(lambda data: data < lowest - OFFSET_TOLERANCE)
    if not count:
        return []
    where, value = _list(count, examples, f"values below {lowest:.3g}")
    expected = f"log2(x + {offset:g}) of x from zero on, so {lowest:.3g} or more (`expression.log_offset`)"
    mend = "correct the offset; centred or batch-corrected values cannot be brought back: give counts, TPM or RSEM"
    return [Problem(file, where, value, expected, mend)]


def to_log2(values: np.ndarray, scale: str, totals: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray | None]:
    """Bring a matrix to the log2 scale that is scored.

    Parameters
    ----------
    values
        Genes x samples, checked.
    scale
        The declared scale.
    totals
        Sum of each sample, where it is known already.

    Returns
    -------
    log2 and linear
        Counts: log2(CPM + 1) and the counts, CPM by the total of the sample. TPM, FPKM, RSEM: each sample scaled
        to 1e6, log2(x + 1) and the scaled values. Logarithms: as they are, and None.
    """
    if scale in LOG:
        return values, None
    scaled = values * (MILLION / (values.sum(axis=0) if totals is None else totals))
    return np.log2(scaled + 1), values if scale == "counts" else scaled
