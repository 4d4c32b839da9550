"""What a sample is compared with: location and scale of every gene in a stated reference."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import digamma, polygamma

TREND_BINS = 50


@dataclass(frozen=True)
class Reference:
    """Location and scale of each gene in the reference rows of one compartment.

    Attributes
    ----------
    location
        Strata x genes; mean log2 expression of the reference rows of each stratum. One stratum, ``""``, where
        the reference is not stratified.
    scale
        Per gene; standard deviation within strata, moderated towards the genes of like expression.
    n
        Reference rows of each stratum.
    """

    location: pd.DataFrame
    scale: pd.Series
    n: pd.Series


def inverse_trigamma(y: float) -> float:
    """Solve ``trigamma(x) = y`` for ``y > 0`` by Newton's method (Smyth 2004, appendix)."""
    if y > 1e7:
        return 1 / np.sqrt(y)
    x = 0.5 + 1 / y
    for _ in range(50):
        trigamma = polygamma(1, x)
        step = trigamma * (1 - trigamma / y) / polygamma(2, x)
        x += step
        if -step / x < 1e-8:
            break
    return float(x)


def moderate_variance(variance: np.ndarray, mean: np.ndarray, df: int) -> np.ndarray:
    """Draw per-gene variances towards those of genes with like mean.

    Empirical-Bayes moderation of Smyth 2004 (doi 10.2202/1544-6115.1027) with the prior variance following the
    mean: a few reference samples do not make a gene look constant by luck.

    Parameters
    ----------
    variance
        Sample variance of each gene.
    mean
        Mean log2 expression of each gene, along which the prior variance may change.
    df
        Degrees of freedom of each variance.

    Returns
    -------
    Moderated variance of each gene, above zero.
    """
    floor = max(1e-8, 1e-4 * float(np.median(variance)))
    # Log sample variance, freed of the bias of the log of a chi-square variable (Smyth 2004, section 6.2).
    log_variance = np.log(np.maximum(variance, floor)) - digamma(df / 2) + np.log(df / 2)
    order = np.argsort(mean, kind="stable")
    trend = np.empty_like(log_variance)
    # The median of neighbours in mean is a trend that a few responding genes do not move.
    for block in np.array_split(order, max(1, min(TREND_BINS, len(order) // 40))):
        trend[block] = np.median(log_variance[block])
    spread = float(np.mean((log_variance - trend) ** 2) - polygamma(1, df / 2))
    if spread <= 0:
        return np.exp(trend)
    prior_df = 2 * inverse_trigamma(spread)
    prior = np.exp(trend + digamma(prior_df / 2) - np.log(prior_df / 2))
    return (prior_df * prior + df * np.maximum(variance, floor)) / (prior_df + df)


def fit_reference(expression: pd.DataFrame, strata: pd.Series, min_scale: float) -> Reference:
    """Measure location and scale of every gene over the reference rows.

    Parameters
    ----------
    expression
        Reference rows x genes, log2 scale.
    strata
        Stratum of each row (same index); ``""`` where there is one stratum only.
    min_scale
        Added to the standard deviation in quadrature, in log2 units. Like the constant of SAM (Tusher 2001, doi
        10.1073/pnas.091062498) it keeps a small but very repeatable change, as replicates of a cell line show
        it, from counting as much as a large one.

    Returns
    -------
    The reference; its scale pools the deviations from each stratum's own mean.
    """
    groups = expression.groupby(strata, sort=True)
    location = groups.mean()
    n = groups.size()
    df = len(expression) - len(n)
    deviation = expression.to_numpy(float) - location.loc[strata.loc[expression.index]].to_numpy(float)
    variance = (deviation**2).sum(axis=0) / df
    moderated = moderate_variance(variance, expression.to_numpy(float).mean(axis=0), df)
    return Reference(location, pd.Series(np.sqrt(moderated + min_scale**2), index=expression.columns), n)


def standardise(
    expression: pd.DataFrame, strata: pd.Series, members: set[str], reference: Reference, clip: float
) -> pd.DataFrame:
    """Express each value in standard deviations from the reference of its stratum.

    A row's deviation from a mean of n rows has variance ``s^2 (1 - 1/n)`` when the row is one of the n and
    ``s^2 (1 + 1/n)`` when it is not; dividing by its root makes both comparable, and equals the leave-one-out
    mean for members.

    Parameters
    ----------
    expression
        Rows x genes, log2 scale; genes of the reference only.
    strata
        Stratum of each row.
    members
        Names of the rows that belong to the reference.
    reference
        Location and scale.
    clip
        Largest absolute value returned, in standard deviations.

    Returns
    -------
    Rows x genes.
    """
    n = reference.n.loc[strata.loc[expression.index]].to_numpy(float)
    is_member = expression.index.isin(members)
    factor = np.sqrt(np.where(is_member, 1 - 1 / n, 1 + 1 / n))
    location = reference.location.loc[strata.loc[expression.index], expression.columns].to_numpy(float)
    scale = reference.scale.loc[expression.columns].to_numpy(float)
    z = (expression.to_numpy(float) - location) / scale / factor[:, None]
    return pd.DataFrame(np.clip(z, -clip, clip), index=expression.index, columns=expression.columns)


def to_table(reference: Reference, compartment: str) -> pd.DataFrame:
    """Return the reference of one compartment as rows ``compartment stratum gene location scale n``."""
    table = reference.location.rename_axis(index="stratum", columns="gene").stack().rename("location").reset_index()
    table["scale"] = reference.scale.loc[table["gene"]].to_numpy()
    table["n"] = reference.n.loc[table["stratum"]].to_numpy()
    table.insert(0, "compartment", compartment)
    return table


def from_table(table: pd.DataFrame) -> Reference:
    """Rebuild the reference of one compartment from rows written by `to_table`."""
    stratum = table["stratum"].fillna("")
    location = table.assign(stratum=stratum).pivot_table(
        index="stratum", columns="gene", values="location", aggfunc="first"
    )
    first = table.assign(stratum=stratum).drop_duplicates("gene").set_index("gene")
    return Reference(
        location,
        first["scale"].reindex(location.columns),
        table.assign(stratum=stratum).groupby("stratum")["n"].first(),
    )
