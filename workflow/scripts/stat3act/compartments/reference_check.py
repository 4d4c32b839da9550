"""Does the reference fit the cohort? How well it explains each sample, against what tumours it does not hold reach."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from stat3act.compartments.mixture import MixtureFit, expectation_maximisation
from stat3act.compartments.reference import Reference
from stat3act.logs import log

MISFIT = "REFERENCE_MISFIT"
ONE_PATIENT = "ONE_PATIENT_REFERENCE"
FEW_CELLS = "FEW_CELLS_REFERENCE"
FLAGS = (ONE_PATIENT, MISFIT, FEW_CELLS)
# Tumour states of fewer cells together: at 2,000 reads a cell, a gene of 10 per million is then seen twice. A choice.
FEWEST_CELLS = 100
# Left-out tumours are mixed as the validation of the split does: at these purities, with noise of genes and a platform
# shift (standard deviations, natural log): genes that all states of a reference have are off by 0.8 to 1.0 in five TCGA
# cohorts, and by 0.5 in blood.
PURITIES = (0.2, 0.4, 0.6, 0.8)
GENE_NOISE, PLATFORM = 0.3, 0.85
CONCENTRATION = 0.5
MOST_LEFT_OUT = 16
USUAL_DEPTH = 2e7
CHECK_COLUMNS = (
    "sample",
    "fit_correlation",
    "fit_limit",
    "purity_fitted",
    "purity_given",
    "mrna_ratio",
    "purity",
    "purity_sd",
    "platform_sd",
    "flags",
)


def log_cpm(values: np.ndarray) -> np.ndarray:
    """Return log2(CPM + 1) of each row."""
    return np.log2(values / values.sum(axis=1, keepdims=True) * 1e6 + 1)


def fit_correlation(counts: np.ndarray, fractions: np.ndarray, profiles: np.ndarray) -> np.ndarray:
    """Correlate each sample's log expression with the mixture of profiles that was fitted to it.

    Parameters
    ----------
    counts
        Samples x genes of the fit.
    fractions
        Samples x states.
    profiles
        States x genes, as the reference has them: without the platform shift, which in a cohort of another tissue would
        hold the tissue's own genes.

    Returns
    -------
    numpy.ndarray
        Pearson's correlation of log2(CPM + 1) by sample.
    """
    found, expected = log_cpm(counts), log_cpm(fractions @ profiles)
    found -= found.mean(axis=1, keepdims=True)
    expected -= expected.mean(axis=1, keepdims=True)
    return (found * expected).sum(axis=1) / np.sqrt((found**2).sum(axis=1) * (expected**2).sum(axis=1))


def left_out_correlations(reference: Reference, genes: Sequence[str], depth: float, seed: int) -> np.ndarray:
    """Measure how well the reference explains mixtures with a tumour that it does not hold.

    Parameters
    ----------
    reference
        The reference; each tumour state in turn (at most `MOST_LEFT_OUT`, evenly chosen) is mixed with a random mixture
        of the other lineages at `PURITIES`, and the fit does not know it.
    genes
        Genes of the fit.
    depth
        Reads of a mixture in these genes.
    seed
        Source of chance.

    Returns
    -------
    numpy.ndarray
        `fit_correlation` of every mixture; empty when there is no second tumour state.
    """
    rng, found = np.random.default_rng(seed), [np.empty(0)]
    tumours = np.flatnonzero(reference.is_tumour)
    profiles = reference.profiles.loc[genes].to_numpy(dtype=np.float64).T
    rest, shares = profiles[~reference.is_tumour], np.array(PURITIES)[:, None]
    if len(tumours) < 2:
        return found[0]
    chosen = np.unique(np.linspace(0, len(tumours) - 1, min(len(tumours), MOST_LEFT_OUT)).round().astype(int))
    for out in tumours[chosen]:
        around = rng.dirichlet(np.full(len(rest), CONCENTRATION), len(shares)) @ rest
        mixed = shares * profiles[out] + (1 - shares) * around
        shift = rng.normal(0, PLATFORM, mixed.shape[1]) + rng.normal(0, GENE_NOISE, mixed.shape)
        mixed = mixed * np.exp(shift)
        counts = rng.poisson(mixed / mixed.sum(axis=1, keepdims=True) * depth).astype(np.float32)
        known = np.delete(profiles, out, axis=0)
        theta, _ = expectation_maximisation(counts, known)
        found.append(fit_correlation(counts, theta / known.sum(axis=1), known))
    return np.concatenate(found)


@dataclass(frozen=True)
class ReferenceCheck:
    """Result of `check_reference`.

    Attributes
    ----------
    correlation
        By sample, see `fit_correlation`.
    limit
        The lowest correlation of a left-out tumour; NaN where none can be left out.
    flags
        By sample: codes of `FLAGS`.
    """

    correlation: pd.Series
    limit: float
    flags: pd.Series

    @property
    def misfit(self) -> pd.Series:
        """By sample: it, or more than half of the cohort, is explained less well than any left-out tumour."""
        below = self.correlation < self.limit
        # Another tissue is so for all: one sample that comes close by chance does not make it the right one.
        return below | (below.mean() > 0.5)


def check_reference(
    linear: pd.DataFrame, reference: Reference, fit: MixtureFit, scale: str, seed: int
) -> ReferenceCheck:
    """Compare what the reference explains of each sample with what it explains of tumours it does not hold.

    Parameters
    ----------
    linear
        Samples x genes.
    reference
        The reference, without platform shift.
    fit
        The fractions found with it.
    scale
        Declared scale of the cohort: only counts have a depth, others are taken as 20 million reads.
    seed
        Source of chance of the left-out mixtures.

    Returns
    -------
    ReferenceCheck
        ``REFERENCE_MISFIT``: the sample, or more than half of the cohort, is explained less well than every mixture
        of a left-out tumour.
        ``ONE_PATIENT_REFERENCE``: one tumour state, so that nothing says how far another tumour lies from it.
        ``FEW_CELLS_REFERENCE``: the numbers of cells are known and the tumour states have few.
    """
    genes = fit.filtered.index[fit.filtered == ""]
    counts = linear[genes].to_numpy(dtype=np.float64)
    profiles = reference.profiles.loc[genes].to_numpy(dtype=np.float64).T
    correlation = pd.Series(fit_correlation(counts, fit.fractions.to_numpy(), profiles), linear.index)
    depth = float(np.median(counts.sum(axis=1))) if scale == "counts" else USUAL_DEPTH
    left_out = left_out_correlations(reference, genes, depth, seed)
    limit = float(left_out.min()) if len(left_out) else np.nan
    cells = reference.states.loc[reference.is_tumour, "n_cells"].sum()
    general = [ONE_PATIENT] if reference.is_tumour.sum() == 1 else []
    general += [FEW_CELLS] if 0 < cells < FEWEST_CELLS else []
    check = ReferenceCheck(correlation, limit, pd.Series(dtype=object))
    flags = check.misfit.map({own: ";".join([*general, *([MISFIT] if own else [])]) for own in (True, False)})
    log.info("Fit of the reference: correlation %.3f (median), limit %.3f", correlation.median(), limit)
    below = int((correlation < limit).sum())
    log.info("%d of %d samples are not explained like tumours of the reference", below, len(linear))
    if general:
        log.warning("The reference: %s", ", ".join(general))
    return replace(check, flags=flags)


def check_table(check: ReferenceCheck, purity: pd.DataFrame, platform_sd: float) -> pd.DataFrame:
    """Lay out the check of a reference, and where each sample's purity comes from.

    Parameters
    ----------
    check
        Result of `check_reference`.
    purity
        Result of `stat3act.compartments.purity.combine_purity`.
    platform_sd
        Standard deviation of the platform shift, natural log; NaN where none was estimated.

    Returns
    -------
    pandas.DataFrame
        `CHECK_COLUMNS`, one row per sample; ``platform_sd`` in log2 units.
    """
    table = purity.assign(
        fit_correlation=check.correlation,
        fit_limit=check.limit,
        platform_sd=platform_sd / np.log(2),
        flags=check.flags,
    )
    return table.rename_axis("sample").reset_index()[list(CHECK_COLUMNS)]


def flags_by_compartment(table: pd.DataFrame) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return sample -> compartment -> flags of a check table; a reference bears on both compartments alike."""
    flags = table.set_index("sample")["flags"].fillna("").astype(str)
    split = {sample: tuple(text.split(";")) for sample, text in flags.items() if text}
    return {sample: dict.fromkeys(("tumour", "microenvironment"), codes) for sample, codes in split.items()}
