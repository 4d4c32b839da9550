"""What a sample is compared with: location and scale of every gene in a stated reference."""

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import digamma, polygamma

from stat3act.problems import InputProblems, Problem, raise_if_any, shorten
from stat3act.user_tables import as_numbers, read_user_table

TREND_BINS = 50
# Of a large cohort a part is brought to float64 at a time.
GENES_AT_ONCE, ROWS_AT_ONCE = 1000, 512
REFERENCE_COLUMNS = [
    "compartment",
    "stratum",
    "gene",
    "location",
    "scale",
    "n",
    "axis",
    "inflation",
    "fingerprint",
    "value_scale",
]
OF_THIS_VERSION = "name a reference.tsv that activity_reference of this version wrote"


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
    inflation
        Per axis; what co-expression adds to the spread of its null (`inflation.measure_inflation`).
    """

    location: pd.DataFrame
    scale: pd.Series
    n: pd.Series
    inflation: pd.Series


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
    The reference, without inflation factors; its scale pools the deviations from each stratum's own mean.
    """
    n = strata.loc[expression.index].groupby(strata, sort=True).size()
    df = len(expression) - len(n)
    locations, variances, means = [], [], []
    for start in range(0, expression.shape[1], GENES_AT_ONCE):
        part = expression.iloc[:, start : start + GENES_AT_ONCE].astype(float)
        location = part.groupby(strata, sort=True).mean()
        deviation = part.to_numpy() - location.loc[strata.loc[part.index]].to_numpy()
        locations.append(location)
        variances.append((deviation**2).sum(axis=0) / df)
        means.append(part.to_numpy().mean(axis=0))
    moderated = moderate_variance(np.concatenate(variances), np.concatenate(means), df)
    scale = pd.Series(np.sqrt(moderated + min_scale**2), index=expression.columns)
    return Reference(pd.concat(locations, axis=1), scale, n, pd.Series(dtype=float))


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
    location = reference.location[expression.columns].to_numpy(float)
    stratum = reference.location.index.get_indexer(strata.loc[expression.index])
    scale = reference.scale.loc[expression.columns].to_numpy(float)
    values, z = expression.to_numpy(), np.empty(expression.shape)
    for start in range(0, len(z), ROWS_AT_ONCE):
        block = slice(start, start + ROWS_AT_ONCE)
        part = (values[block].astype(float) - location[stratum[block]]) / scale / factor[block, None]
        np.clip(part, -clip, clip, out=z[block])
    return pd.DataFrame(z, index=expression.index, columns=expression.columns, copy=False)


def fingerprint(weights: pd.DataFrame, axis: str, rivals: list[str], clip: float, minimum: float) -> str:
    """Return a short digest of what an inflation factor holds for: an axis, its rivals, and the genes' treatment.

    Parameters
    ----------
    weights
        Genes x axes.
    axis, rivals
        The axis and the axes it is scored beside.
    clip, minimum
        ``activity.clip`` and ``activity.min_log2_cpm``.
    """
    columns = [axis, *sorted(rival for rival in rivals if rival in weights)]
    table = weights.loc[(weights[columns] != 0).any(axis=1), columns].sort_index()
    words = f"{clip:g} {minimum:g}\n" + table.to_csv(float_format="%.6g")
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def to_table(reference: Reference, compartment: str, value_scale: str, fingerprints: dict[str, str]) -> pd.DataFrame:
    """Return the reference of one compartment as rows of `REFERENCE_COLUMNS`.

    A row holds either a gene (its location in a stratum, its scale, the stratum's rows) or an axis (its inflation
    factor and fingerprint).

    Parameters
    ----------
    reference, compartment
        The reference, and the compartment it belongs to.
    value_scale
        Scale of the values it was measured on, such as ``counts`` or ``log2_ratio``.
    fingerprints
        By axis, from `fingerprint`.
    """
    genes = reference.location.rename_axis(index="stratum", columns="gene").stack().rename("location").reset_index()
    genes["scale"] = reference.scale.loc[genes["gene"]].to_numpy()
    genes["n"] = reference.n.loc[genes["stratum"]].to_numpy()
    axes = reference.inflation.rename_axis("axis").rename("inflation").reset_index()
    axes["fingerprint"] = axes["axis"].map(fingerprints)
    table = pd.concat([genes, axes], ignore_index=True)
    table["n"] = table["n"].astype("Int64")
    return table.assign(compartment=compartment, value_scale=value_scale)[REFERENCE_COLUMNS]


def from_table(table: pd.DataFrame) -> Reference:
    """Rebuild the reference of one compartment from rows written by `to_table`."""
    genes = table[table["gene"].notna()]
    genes = genes.assign(stratum=genes["stratum"].fillna("").astype(str))
    location = genes.pivot_table(index="stratum", columns="gene", values="location", aggfunc="first")
    scale = genes.drop_duplicates("gene").set_index("gene")["scale"].reindex(location.columns)
    axes = table[table["axis"].notna()].set_index("axis")
    return Reference(
        location, scale, genes.groupby("stratum")["n"].first().astype(int), axes["inflation"].astype(float)
    )


def uncovered(table: pd.DataFrame, file: str, rows: pd.DataFrame) -> list[Problem]:
    """Say so when a frozen reference has no compartment, or no stratum, of any row that is to be scored."""
    known = table[table["gene"].notna()]
    have = set(zip(known["compartment"], known["stratum"].fillna("").astype(str), strict=True))
    want = set(zip(rows["compartment"], rows["stratum"], strict=True))
    if have & want or not want:
        return []

    def words(pairs: set[tuple[str, str]]) -> str:
        names = sorted(f"{compartment} ({stratum})" if stratum else compartment for compartment, stratum in pairs)
        return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")

    mend = "name the reference of a cohort that was split likewise, with the same activity.strata"
    return [Problem(file, "compartments (strata)", words(have), f"any of {words(want)}", mend)]


def frozen_problems(path: str | Path, value_scale: str, strata: Collection[str]) -> list[Problem]:
    """Return what is wrong with a frozen reference that can be seen before anything is scored.

    Parameters
    ----------
    path
        The file.
    value_scale
        Scale of the cohort's values.
    strata
        Strata of the cohort's samples; ``""`` where there is one only.
    """
    file = str(path)
    try:
        table = read_user_table(path, file, REFERENCE_COLUMNS, OF_THIS_VERSION)
    except InputProblems as error:
        return list(error.problems)
    numbers, problems = as_numbers(table[["location", "scale", "n", "inflation"]], file)
    if problems:
        return problems
    genes = table["gene"] != ""
    if not genes.any():
        return [Problem(file, "column 'gene'", "no gene", "a row per compartment and gene", OF_THIS_VERSION)]
    sound = np.isfinite(numbers["location"]) & (numbers["scale"] > 0) & (numbers["n"] >= 1)
    lacking = numbers[genes & ~sound]
    problems = [
        Problem(
            file,
            f"row {row.Index}",
            f"location {row.location:g}, scale {row.scale:g}, n {row.n:g}",
            "a number, one above 0, and 1 or more",
            OF_THIS_VERSION,
        )
        for row in lacking.itertuples()
    ]
    have = set(table.loc[genes, "stratum"])
    if not have & set(strata):
        found = ", ".join(repr(name) for name in sorted(have)[:8])
        wanted = ", ".join(repr(name) for name in sorted(strata)[:8])
        mend = "name the reference of a cohort with the same activity.strata"
        problems.append(Problem(file, "column 'stratum'", found, f"any of {wanted}", mend))
    return shorten([*problems, *_other_scales(table, file, value_scale)])


def _other_scales(table: pd.DataFrame, file: str, value_scale: str) -> list[Problem]:
    mend, expected = (
        "compare with a reference of the same kind of measurement",
        f"{value_scale}, the scale of this cohort",
    )
    others = sorted(set(table["value_scale"].dropna()) - {value_scale})
    return [Problem(file, "column 'value_scale'", found, expected, mend) for found in others]


def check_frozen(
    table: pd.DataFrame,
    file: str,
    rows: pd.DataFrame,
    value_scale: str,
    fingerprints: Callable[[str], dict[str, str]],
) -> None:
    """Refuse a frozen reference that cannot be compared with.

    Parameters
    ----------
    table
        The reference, all compartments.
    file
        Its path, for messages.
    rows
        Columns ``compartment stratum reason`` of the rows that are to be scored.
    value_scale
        Scale of their values.
    fingerprints
        Returns, for a compartment, the fingerprint of each axis in use.

    Raises
    ------
    InputProblems
        Everything that differs, in one list: header, scale, axes that both have with other genes, rivals or
        treatment; or that it covers no row.
    """
    absent = [name for name in REFERENCE_COLUMNS if name not in table]
    if absent:
        found, expected = f"no {', '.join(absent)}", "all columns of a reference"
        raise_if_any([Problem(file, "header", found, expected, OF_THIS_VERSION)])
    problems = uncovered(table, file, rows[rows["reason"] == ""])
    problems += _other_scales(table, file, value_scale)
    in_use = {compartment: fingerprints(compartment) for compartment in sorted(set(table["compartment"]))}
    for row in table[table["axis"].notna()].itertuples():
        wanted = in_use[row.compartment].get(row.axis)
        if wanted is not None and row.fingerprint != wanted:
            mend = "use the networks, activity.rivals, clip and min_log2_cpm of the cohort that wrote the reference"
            where = f"compartment {row.compartment}, axis {row.axis}"
            problems.append(Problem(file, where, row.fingerprint, f"{wanted}, the axis and rivals in use", mend))
    raise_if_any(problems)
