"""The score table of a cohort: scores of all compartments with their composition and q values."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

# What the column `reference` says: "controls (n=3, late)".
REFERENCE_NAME = r"^(?P<kind>.*) \(n=(?P<n>\d+)(?:, (?P<stratum>.*))?\)$"
SCORE_COLUMNS = [
    "sample",
    "compartment",
    "axis",
    "score",
    "activity",
    "ci_low",
    "ci_high",
    "interval",
    "p_value",
    "q_value",
    "n_targets",
    "coverage",
    "n_cells",
    "fraction",
    "reliability",
    "leading_genes",
    "activity_without_top_gene",
    "reference",
    "inflation",
    "reason",
]


def benjamini_hochberg(scores: pd.DataFrame) -> pd.Series:
    """Return q values per axis over samples x compartments (Benjamini & Hochberg 1995)."""
    # scipy.stats takes half a second to import, and most modules that need this one only read its column names.
    from scipy.stats import false_discovery_control

    q = pd.Series(np.nan, index=scores.index)
    for _, p in scores["p_value"].dropna().groupby(scores["axis"]):
        q.loc[p.index] = false_discovery_control(p.to_numpy())
    return q


def missing_rows(table: pd.DataFrame, composition: pd.DataFrame) -> pd.DataFrame:
    """List the compartments that nothing was scored in, with the reason the composition gives, for every axis."""
    keys = ["sample", "compartment"]
    scored = pd.MultiIndex.from_frame(table[keys])
    absent = composition[~pd.MultiIndex.from_frame(composition[keys]).isin(scored) & (composition["reason"].notna())]
    axes = pd.Series(sorted(table["axis"].unique()), name="axis", dtype=object)
    return absent.loc[absent["reason"] != "", [*keys, "reason"]].merge(axes, how="cross")


def assemble_scores(scores: list[pd.DataFrame], composition: pd.DataFrame, also: Sequence[str] = ()) -> pd.DataFrame:
    """Join scores of several sources into the cohort's table.

    Parameters
    ----------
    scores
        Long tables with columns among `SCORE_COLUMNS`; a sample x compartment x axis appears in one of them only.
    composition
        Columns ``sample compartment n_cells fraction reason``; a compartment without scores is listed with its reason.
    also
        Methods that were asked for beside the activity (`also.also_scores`).

    Returns
    -------
    Table of `SCORE_COLUMNS` and a column per method of ``also``, sorted by sample, compartment and axis.
    """
    table = pd.concat(scores, ignore_index=True).drop(columns=["n_cells", "fraction"], errors="ignore")
    table = pd.concat([table, missing_rows(table, composition)], ignore_index=True)
    table = table.merge(composition[["sample", "compartment", "n_cells", "fraction"]], how="left", validate="m:1")
    table = table.reindex(columns=[*SCORE_COLUMNS, *also])
    table["reason"] = table["reason"].fillna("")
    table["q_value"] = benjamini_hochberg(table)
    return table.sort_values(["sample", "compartment", "axis"], kind="stable", ignore_index=True)
