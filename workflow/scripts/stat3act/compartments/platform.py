"""The platform shift: how much more of a gene the bulk assay shows than the reference leads one to expect."""

import numpy as np
import pandas as pd

from stat3act.logs import log

# One sample cannot tell the platform from itself: its shift would explain away whatever it differs in.
MIN_SAMPLES = 2
# A shift estimated from N samples is taken at N / (N + SHRINK).
SHRINK = 2.0
HALF_READ = 0.5
GENES_AT_ONCE = 2000
PLATFORM_COLUMNS = ("gene", "log2_shift", "used")


def gene_shift(counts: np.ndarray, theta: np.ndarray, phi: np.ndarray, shrink: float = SHRINK) -> np.ndarray:
    """Estimate the log shift of each gene between bulk and reference.

    Parameters
    ----------
    counts
        Samples x genes, linear values.
    theta
        Samples x states, fitted shares of the genes given.
    phi
        States x genes, profiles of the reference (before any shift).
    shrink
        Number of samples that weigh as much as the belief that there is no shift.

    Returns
    -------
    numpy.ndarray
        By gene, natural log: ``N / (N + shrink)`` times the median over the N samples of
        ``log((x + 0.5) / (d + 0.5))``, ``x`` the values and ``d`` what theta and phi lead to expect at the sample's
        depth. The median of all genes is zero: what all share is depth.

    Notes
    -----
    For normal residuals of spread s the median of N of them has variance (pi / 2) s^2 / N, so that against shifts of
    spread t the best linear weight is ``N / (N + (pi / 2) s^2 / t^2)``. With s about as large as t, as in mixtures of
    real profiles with a shift of 0.5, the constant is 1.6; 2 is on the safe side.
    """
    scaled = phi / phi.sum(axis=1, keepdims=True)
    depth = counts.sum(axis=1, dtype=np.float64, keepdims=True)
    shift = np.empty(counts.shape[1])
    for start in range(0, counts.shape[1], GENES_AT_ONCE):
        genes = slice(start, start + GENES_AT_ONCE)
        expected = theta @ scaled[:, genes] * depth
        shift[genes] = np.median(np.log((counts[:, genes] + HALF_READ) / (expected + HALF_READ)), axis=0)
    # Genes that neither side shows have a shift of zero and would hide what the others share.
    shown = (theta.mean(axis=0) @ scaled) * depth.mean() > 1
    shift -= np.median(shift[shown]) if shown.any() else 0.0
    return shift * len(counts) / (len(counts) + shrink)


def platform_table(filtered: pd.Series, shift: pd.Series) -> pd.DataFrame:
    """List the platform shift of every shared gene.

    Parameters
    ----------
    filtered
        By shared gene: why it was left out of the fit.
    shift
        By gene of the fit, natural log.

    Returns
    -------
    pandas.DataFrame
        `PLATFORM_COLUMNS`, the furthest shifts first: ``log2_shift`` is missing, and ``used`` the reason, for genes
        that were left out of the fit; ``used`` is ``yes`` for the others.
    """
    table = pd.DataFrame({"gene": filtered.index, "log2_shift": shift.reindex(filtered.index) / np.log(2)})
    table["used"] = filtered.to_numpy()
    table["used"] = table["used"].where(table["used"] != "", "yes")
    order = np.lexsort((table["gene"].to_numpy(dtype=str), -table["log2_shift"].abs().fillna(-1).to_numpy()))
    return table.iloc[order].reset_index(drop=True)[list(PLATFORM_COLUMNS)]


def log_platform(table: pd.DataFrame, sd: float, shown: int = 10) -> None:
    """Write the spread of the platform shift, and the genes that are furthest off, into the log."""
    if np.isnan(sd):
        log.info("No platform shift: at least %d samples are needed", MIN_SAMPLES)
        return
    worst = ", ".join(f"{gene} {shift:+.1f}" for gene, shift in table[["gene", "log2_shift"]].head(shown).to_numpy())
    log.info(
        "Platform shift: sd %.2f (log2 units) over %d genes; furthest: %s",
        sd / np.log(2),
        table["log2_shift"].notna().sum(),
        worst,
    )
