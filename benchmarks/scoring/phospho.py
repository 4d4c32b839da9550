"""Does the score follow phospho-STAT3? Rank correlation with RPPA STAT3 pY705 in six TCGA cohorts."""

from pathlib import Path

import numpy as np
import pandas as pd

from scoring.baselines import NETWORKS, baseline_values
from scoring.cohorts import PHOSPHO_COHORTS, REGULON_FILE, Cohort, lay_out, load_axes, load_tcga, prepare_rows, score
from stat3act.validation.phospho import rank_correlation

DRAWS = 2000
LEVEL = 0.95
SEED = 20181
GOAL = 0.45
MEAN = "TCGA"
PANELS = {
    "stat3_core": "activity",
    "stat3_epithelial": "activity_epithelial_panel",
    "stat3_regulon": "activity_collectri_panel",
}


def measures(cohort: Cohort, data: Path) -> pd.DataFrame:
    """Score the samples of a cohort that have pY705, by every method.

    Baselines are computed on log2 expression, as users of these tools do; those that the standardised profile changes
    are given on it as well (``..._standardised``).

    Parameters
    ----------
    cohort
        A TCGA cohort.
    data
        Folder of the public data.

    Returns
    -------
    Samples with pY705 x methods; a method that a cohort lacks is NaN.
    """
    axes = load_axes(data / REGULON_FILE)
    scores = score(cohort, axes)
    activity = scores.pivot_table(index="sample", columns="axis", values="activity").reindex(columns=list(PANELS))
    activity = activity.rename(columns=PANELS)
    univariate = scores[scores["axis"] == "stat3_core"].set_index("sample")["score"].rename("univariate")
    profiles = prepare_rows(cohort, axes)[0].profiles
    standardised = baseline_values(profiles, data)[list(NETWORKS)].add_suffix("_standardised")
    found = pd.concat([activity, univariate, baseline_values(cohort.expression, data), standardised], axis=1)
    return found.assign(purity=cohort.purity)[cohort.truth.notna().reindex(found.index)]


def correlations(values: pd.DataFrame, truth: pd.Series, seed: int) -> tuple[pd.Series, pd.DataFrame, pd.Series]:
    """Correlate every method with the truth, and again in bootstrap draws of the patients.

    Parameters
    ----------
    values
        Samples x methods, one sample per patient.
    truth
        pY705 of the same samples.
    seed
        Seed of the draws; all methods that are known for the same samples see the same draws.

    Returns
    -------
    Spearman's correlation by method, draws x methods, and the number of samples by method.
    """
    y = truth.loc[values.index].to_numpy(float)
    point, drawn, size = {}, {}, {}
    for method, column in values.items():
        known = np.flatnonzero(np.isfinite(column.to_numpy(float)))
        size[method] = len(known)
        if not len(known):
            continue
        numbers = known[np.random.default_rng(seed).integers(len(known), size=(DRAWS, len(known)))]
        x = column.to_numpy(float)
        point[method] = rank_correlation(x[None, known], y[None, known])[0]
        drawn[method] = rank_correlation(x[numbers], y[numbers])
    return pd.Series(point, dtype=float), pd.DataFrame(drawn), pd.Series(size)


def interval(draws: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Return the ends of the percentile interval of each column."""
    return draws.quantile((1 - LEVEL) / 2), draws.quantile((1 + LEVEL) / 2)


def rows_of(dataset: str, point: pd.Series, draws: pd.DataFrame, size: pd.Series, check: str = "phospho") -> list[dict]:
    """Lay out the correlations of one data set."""
    low, high = interval(draws)
    return [
        {
            "check": check,
            "dataset": dataset,
            "group": "pY705",
            "method": method,
            "value": point[method],
            "low": low[method],
            "high": high[method],
            "n": size[method],
        }
        for method in point.index
    ]


def check(data: Path) -> pd.DataFrame:
    """Correlate every method with pY705 in each cohort, and average over the cohorts (``TCGA``), weighted by samples.

    Parameters
    ----------
    data
        Folder of the public data.

    Returns
    -------
    Rows of `cohorts.COLUMNS`: ``phospho`` (Spearman, 95 % bootstrap interval over patients) and
    ``phospho_difference`` (activity minus the method, mean over cohorts).
    """
    rows, points, draws, sizes = [], {}, {}, {}
    for number, name in enumerate(PHOSPHO_COHORTS):
        cohort = load_tcga(data, name)
        found = correlations(measures(cohort, data), cohort.truth, SEED + number)
        points[name], draws[name], sizes[name] = found
        rows += rows_of(cohort.name, *found)
    size = pd.DataFrame(sizes)
    mean = ((pd.DataFrame(points) * size).sum(axis=1) / size.sum(axis=1)).loc[size.index]
    # A draw in which a method is constant in a cohort has no correlation there; the cohort then has no weight in it.
    drawn = [draws[name].reindex(columns=mean.index) for name in draws]
    weights = [part.notna() * size[name] for name, part in zip(draws, drawn, strict=True)]
    drawn = sum(part.fillna(0) * weight for part, weight in zip(drawn, weights, strict=True)) / sum(weights)
    total = rows_of(MEAN, mean, drawn, size.sum(axis=1))
    own = next(row for row in total if row["method"] == "activity")
    own |= {"goal": f">= {GOAL}", "met": "yes" if own["value"] >= GOAL else "no"}
    # Purity is no rival readout: it correlates the other way.
    others = [method for method in mean.index if method not in ("activity", "purity")]
    gain, gains = mean["activity"] - mean[others], drawn[others].rsub(drawn["activity"], axis=0)
    return lay_out([*rows, *total, *rows_of(MEAN, gain, gains, size.sum(axis=1)[others], "phospho_difference")])
