"""Purity that is known from elsewhere beside the purity that the mixture shows."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from stat3act.logs import log

# Error of the fitted purity, as a standard deviation, where no self-check of the reference says more: the mean absolute
# error of held-out mixtures with a platform shift was 0.03 to 0.06, and a normal error has 1.25 times that.
FIT_SD = 0.07
# The same for a sample that the reference does not explain: ten lung cancers fitted with breast profiles differ by 0.17
# on average from their purity by copy number.
MISFIT_SD = 0.2
# With fewer samples that have both, the mean of their differences is no better known than one of them.
MIN_RATIO_SAMPLES = 10
# Nothing is sure: 0 and 1 have no logit.
EDGE = 0.01
PURITY_COLUMNS = ("purity_fitted", "purity_given", "mrna_ratio", "purity", "purity_sd")


def logit(share):
    """Return the log odds of a share, which is kept off 0 and 1."""
    inside = np.clip(share, EDGE, 1 - EDGE)
    return np.log(inside / (1 - inside))


def expit(log_odds):
    """Return the share that has these log odds."""
    return 1 / (1 + np.exp(-log_odds))


def fitted_error(misfit: pd.Series) -> pd.Series:
    """Return the standard deviation of the fitted purity of each sample, given which ones the reference misfits."""
    return misfit.map({True: MISFIT_SD, False: FIT_SD}).astype(float)


def mrna_ratio(fitted: pd.Series, given: pd.Series) -> float:
    """Estimate how much more mRNA a tumour cell of the cohort has than another cell.

    Parameters
    ----------
    fitted
        By sample, share of the mRNA that is tumour.
    given
        By sample, share of the cells (or of the DNA) that is tumour; NaN where it is not known.

    Returns
    -------
    float
        With r times the mRNA per cell, a share c of cells is a share m = r c / (r c + 1 - c) of mRNA, so that
        logit m = logit c + log r: the exponential of the median difference of the logits, or 1 where fewer than
        `MIN_RATIO_SAMPLES` samples have both. What the fit gets wrong in the whole cohort is in this factor, too.
    """
    difference = (logit(fitted) - logit(given)).dropna()
    return float(np.exp(difference.median())) if len(difference) >= MIN_RATIO_SAMPLES else 1.0


def combine_purity(
    fitted: pd.Series,
    given: pd.Series,
    given_sd: float,
    fitted_sd: pd.Series | float = FIT_SD,
    misfit: pd.Series | None = None,
) -> pd.DataFrame:
    """Combine fitted and given purity, each with its own error.

    Parameters
    ----------
    fitted
        By sample, share of the mRNA that is tumour.
    given
        By sample, share of the cells (or of the DNA) that is tumour; NaN where it is not known.
    given_sd, fitted_sd
        Standard deviations of the two, on the scale of shares.
    misfit
        By sample: the reference does not explain it, so that it says nothing of the ratio of mRNA.

    Returns
    -------
    pandas.DataFrame
        By sample `PURITY_COLUMNS`; ``purity`` is the fitted one where none is given.

    Notes
    -----
    Both errors are taken as normal on the logit scale. An error of a share becomes one of its logit through the
    derivative 1 / (p (1 - p)), taken at the same point p for both: the weights of the two are then those of their
    errors, and a value near 0 or 1 does not lose its say for being there. The posterior's mode is the weighted mean of
    the logits (log-likelihood of the fit, quadratic there, with the given value as penalty).
    """
    given = given.reindex(fitted.index).astype(float)
    ratio = mrna_ratio(fitted, given if misfit is None else given.where(~misfit))
    spread = pd.Series(fitted_sd, index=fitted.index, dtype=float)
    known = given.notna()
    weights = 1 / spread**2, pd.Series(1 / given_sd**2, fitted.index).where(known, 0.0)
    as_mrna = (logit(given) + np.log(ratio)).where(known, 0.0)
    both = expit((weights[0] * logit(fitted) + weights[1] * as_mrna) / (weights[0] + weights[1]))
    if known.any():
        log.info("purity is given for %d of %d samples; tumour mRNA per cell x %.2f", known.sum(), len(known), ratio)
    return pd.DataFrame(
        {
            "purity_fitted": fitted,
            "purity_given": given,
            "mrna_ratio": np.where(known, ratio, np.nan),
            "purity": both.where(known, fitted),
            "purity_sd": np.where(known, 1 / np.sqrt(weights[0] + weights[1]), spread),
        }
    )


def given_purity(samples: Sequence[Mapping[str, str]], column: str | None) -> pd.Series:
    """Return the purity that the sample sheet gives, NaN where a cell is empty; nothing without a column."""
    if column is None:
        return pd.Series(dtype=float)
    return pd.Series({row["sample"]: float(row[column]) if row[column].strip() else np.nan for row in samples})
