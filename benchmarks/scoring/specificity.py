"""Does the score tell STAT3 from interferon? Cells treated with IL-22, interferon lambda or beta, and with neither."""

from pathlib import Path

import pandas as pd

from scoring.baselines import CALLED, baseline_values
from scoring.cohorts import (
    REGULON_FILE,
    Cohort,
    lay_out,
    load_axes,
    load_kang,
    load_t84,
    prepare_rows,
    score,
    states,
)

CORE = "stat3_core"
WITH_REGULON = "activity_with_collectri_panel"
GOALS = {"Mock": (0, "<= 0"), "IFNL": (1, "<= 1")}
ACTIVE = ("IL22", "IL22_IFNL")
ACTIVE_GROUP, ACTIVE_LEAST = "IL22 + IL22_IFNL", 23
# Fewer than `activity.min_targets`; see `kang_rows`.
FEW_TARGETS = 5


def core_scores(cohort: Cohort, axes: pd.DataFrame, tumour_type: str, **overrides) -> pd.DataFrame:
    """Score a cohort and return the core panel with its state, indexed like the rows of the cohort.

    Parameters
    ----------
    cohort, axes
        The cohort and the axes.
    tumour_type
        As in the config.
    **overrides
        Of the ``activity`` section.
    """
    scores = score(cohort, axes, **overrides)
    core = scores[scores["axis"] == CORE].set_index("sample")
    return core.assign(state=states(scores, tumour_type).droplevel(1)).loc[cohort.rows["sample"]]


def statistics(cohort: Cohort, core: pd.DataFrame, data: Path) -> pd.DataFrame:
    """Gather every method's statistic on the same standardised profiles, rows x methods.

    Parameters
    ----------
    cohort
        The cohort; its rows are compared with its controls.
    core
        From `core_scores`.
    data
        Folder of the public data.
    """
    baselines = baseline_values(prepare_rows(cohort, load_axes())[0].profiles, data)
    own = pd.DataFrame({"activity": core["activity"], "univariate": core["score"]}).set_axis(cohort.rows.index)
    return own.join(baselines)


def called(core: pd.DataFrame, values: pd.DataFrame) -> pd.DataFrame:
    """Say which rows each method calls active.

    The activity by the evidence rule (state ``ON``); every other method when its statistic on the standardised
    profile is above `CALLED`.
    """
    return (values > CALLED).assign(activity=core["state"].eq("ON").to_numpy())


def t84_counts(calls: pd.DataFrame, treatment: pd.Series) -> list[dict]:
    """Count the samples called active in each treatment, with the goals of the activity."""
    counts = calls.groupby(treatment).sum()
    counts.loc[ACTIVE_GROUP] = counts.loc[list(ACTIVE)].sum()
    sizes = treatment.value_counts()
    sizes[ACTIVE_GROUP] = sizes[list(ACTIVE)].sum()
    rows = []
    for group in counts.index:
        most, goal = GOALS.get(group, (None, ""))
        for method in counts:
            row = {"group": group, "method": method, "value": counts.loc[group, method], "n": sizes[group]}
            if method.startswith("activity") and group == ACTIVE_GROUP:
                row |= {"goal": f">= {ACTIVE_LEAST}", "met": "yes" if row["value"] >= ACTIVE_LEAST else "no"}
            elif method.startswith("activity") and goal:
                row |= {"goal": goal, "met": "yes" if row["value"] <= most else "no"}
            rows.append({"check": "specificity", "dataset": "T84", **row})
    return rows


def spread_rows(values: pd.DataFrame, group: pd.Series, dataset: str) -> list[dict]:
    """Give median, least and greatest value of each group and method."""
    found = values.groupby(group).agg(["median", "min", "max", "size"])
    return [
        {
            "check": "specificity_value",
            "dataset": dataset,
            "group": name,
            "method": method,
            "value": row["median"],
            "low": row["min"],
            "high": row["max"],
            "n": row["size"],
        }
        for method in values
        for name, row in found[method].iterrows()
    ]


def t84_rows(data: Path) -> list[dict]:
    """Count calls in T84 cells, each time against its own mocks, with and without the CollecTRI regulon as a panel."""
    cohort = load_t84(data)
    treatment, time = cohort.rows["treatment"], cohort.rows["time"]
    core = core_scores(cohort, load_axes(), "carcinoma")
    values = statistics(cohort, core, data)
    calls = called(core, values)
    regulon = core_scores(cohort, load_axes(data / REGULON_FILE), "carcinoma")
    calls.insert(1, WITH_REGULON, regulon["state"].eq("ON").to_numpy())
    return [*t84_counts(calls, treatment), *spread_rows(values, treatment + " " + time, cohort.name)]


def kang_rows(data: Path) -> list[dict]:
    """Count calls in blood cells with interferon beta, each cell type against its untreated rows.

    The data hold 1,257 genes, fewer of the core panel than `activity.min_targets` asks for: the rule says UNKNOWN, and
    "none called" says little. So the panel is also scored with what there is of it, and rows with an activity of at
    least 1.5 and p below 0.05 are counted, whatever their state.
    """
    cohort = load_kang(data)
    treated = cohort.rows["treatment"].eq("stim")
    axes = load_axes()
    core = core_scores(cohort, axes, "haematological")
    few = core_scores(cohort, axes, "haematological", min_targets=FEW_TARGETS)
    values = statistics(cohort, few, data)
    calls, size = called(core, values)[treated.to_numpy()].sum(), int(treated.sum())
    rows = [
        {"check": "specificity", "dataset": "Kang", "group": "IFN-beta", "method": method, "value": count, "n": size}
        for method, count in calls.items()
    ]
    rows[0] |= {"goal": "<= 0", "met": "yes" if rows[0]["value"] == 0 else "no"}
    numbers = {
        f"IFN-beta, panel scored with {FEW_TARGETS} genes or more": few["state"].eq("ON"),
        "IFN-beta, activity >= 1.5 and p < 0.05": few["activity"].ge(1.5) & few["p_value"].lt(0.05),
    }
    for group, hit in numbers.items():
        value = hit[treated.to_numpy()].sum()
        rows.append(
            {"check": "specificity", "dataset": "Kang", "group": group, "method": "activity", "value": value, "n": size}
        )
    measured = {"genes": cohort.expression.shape[1], "core genes": core["n_targets"].iloc[0]}
    names = {"check": "specificity_coverage", "dataset": "Kang", "method": "activity"}
    rows += [{**names, "group": group, "value": value} for group, value in measured.items()]
    group = cohort.rows["cell_type"].where(treated)
    return rows + spread_rows(values, group, cohort.name)


def check(data: Path) -> pd.DataFrame:
    """Count calls and lay out every method's statistic.

    Parameters
    ----------
    data
        Folder of the public data.

    Returns
    -------
    Rows of `cohorts.COLUMNS`: ``specificity`` (samples called active), ``specificity_value`` (median, least and
    greatest statistic of replicates) and ``specificity_coverage``.
    """
    return lay_out([*t84_rows(data), *kang_rows(data)])
