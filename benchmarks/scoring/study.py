"""Which way of scoring? Variants of the model on the same real data, and what choosing between them is worth."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from scoring import variants as v
from scoring.baselines import CALLED, gene_sets
from scoring.cohorts import (
    PHOSPHO_COHORTS,
    REGULON_FILE,
    Cohort,
    activity_settings,
    lay_out,
    load_axes,
    load_kang,
    load_t84,
    load_tcga,
    prepare_rows,
)
from stat3act.activity import inflation
from stat3act.activity.prepare import axis_weights

SHIFT = 1.0
MOST_FALSE, LEAST_TRUE = 0.10, 0.90
DECOYS = {
    "interferon": ("HALLMARK_INTERFERON_ALPHA_RESPONSE", "HALLMARK_INTERFERON_GAMMA_RESPONSE"),
    "NF-kB": ("HALLMARK_TNFA_SIGNALING_VIA_NFKB",),
    "hypoxia": ("HALLMARK_HYPOXIA",),
    "infiltrate": ("HALLMARK_ALLOGRAFT_REJECTION",),
}
STAT3 = "STAT3 core"
# Ridge penalty of learned weights, in samples: with about 150 of them a weight moves about half way from evidence.
PENALTY = 100.0
SPEARMAN, ACTIVE, PLANTED = "spearman", "called active", "planted"


def study_axes(data: Path) -> pd.DataFrame:
    """Return the axes with a panel for each tier of CollecTRI, and one that shares no gene with the bundled panels."""
    bundled = load_axes()
    parts = [bundled]
    for count in v.TIERS:
        axes = load_axes(data / REGULON_FILE, count)
        parts.append(axes[axes["axis"] == v.REGULON].assign(axis=f"{v.REGULON}_{count}"))
    own = set(bundled.loc[bundled["axis"].isin([v.CORE, v.EPITHELIAL]), "gene"])
    two = parts[1 + v.TIERS.index(2)]
    parts.append(two[~two["gene"].isin(own)].assign(axis=f"{v.REGULON}_disjoint"))
    return pd.concat(parts, ignore_index=True)


def bench_of(cohort: Cohort, axes: pd.DataFrame) -> v.Bench:
    """Prepare one data set: profiles, strata and the co-expression modules of its reference."""
    prepared, fitted = prepare_rows(cohort, axes)
    location = fitted.location[prepared.profiles.columns].mean().to_numpy()
    controls = bool(cohort.controls)
    reference = cohort.rows["sample"].isin(cohort.controls).to_numpy() | (not controls)
    bench = v.Bench(
        name=cohort.name,
        profiles=prepared.profiles,
        strata=prepared.strata,
        # The mean of log ratios is no level of expression: all genes alike.
        level=location if cohort.minimum is not None else np.zeros(len(location)),
        axes=axes,
        reference=reference,
        controls=controls,
        modules=[],
        halves=[],
        truth=cohort.truth if cohort.truth is not None else pd.Series(np.nan, cohort.rows.index),
        group=cohort.rows.get("treatment", pd.Series("", cohort.rows.index)),
    )
    rivals = v.rivals_of(bench, v.Variant("all rivals"))
    candidates = np.flatnonzero(~bench.profiles.columns.isin(set(axes["gene"])))
    values = bench.profiles.to_numpy()[reference]
    groups = cohort.rows["stratum"].to_numpy()[reference]
    found = inflation.split_modules(values, groups, rivals, bench.strata, candidates, "study")
    return replace(bench, modules=[modules for modules, _ in found], halves=[rows for _, rows in found])


def learn_weights(benches: list[v.Bench], panels: tuple[str, ...], left_out: str) -> pd.Series:
    """Learn weights on pY705 of all cohorts but one.

    Ridge regression of the normal scores of pY705 on the residuals of the model (what the rivals leave), each cohort
    centred; the weights are drawn towards a multiple of the evidence weights.

    Parameters
    ----------
    benches
        The data sets; those without pY705 teach nothing.
    panels
        Whose genes get a weight.
    left_out
        Name of the data set that is not looked at.

    Returns
    -------
    Weight by gene.
    """
    axes = benches[0].axes
    rows = axes[axes["axis"].isin(panels)]
    prior = rows.groupby("gene")["weight"].mean()
    genes, x, y = list(prior.index), [], []
    for bench in benches:
        if bench.name == left_out or not bench.truth.notna().any():
            continue
        known = bench.truth.notna().to_numpy()
        rivals = v.rivals_of(bench, v.Variant("all rivals"))
        residual = v.residual_of(bench.profiles.to_numpy()[known], rivals, "own")
        found = pd.DataFrame(residual, columns=bench.profiles.columns).reindex(columns=genes).fillna(0.0).to_numpy()
        truth = bench.truth[known].to_numpy()
        x.append(found - found.mean(axis=0))
        y.append(stats.norm.ppf((stats.rankdata(truth) - 0.5) / len(truth)))
    x, y = np.vstack(x), np.concatenate(y)
    along = x @ prior.to_numpy()
    start = prior.to_numpy() * (along @ y) / (along @ along)
    step = np.linalg.solve(x.T @ x + PENALTY * np.eye(len(genes)), x.T @ (y - x @ start))
    return pd.Series(start + step, genes)


def shifts(bench: v.Bench, data: Path) -> dict[str, np.ndarray]:
    """Return what is planted, one value per gene: each decoy, and STAT3's core panel."""
    genes = bench.profiles.columns
    sets = {name: set().union(*(gene_sets(data)[part] for part in parts)) for name, parts in DECOYS.items()}
    core, _ = axis_weights(bench.axes[bench.axes["axis"] == v.CORE], "bulk", genes)
    found = {name: SHIFT * genes.isin(members) for name, members in sets.items()}
    return {**found, STAT3: SHIFT * np.sign(core[v.CORE].to_numpy())}


def try_variant(bench: v.Bench, variant: v.Variant, learned: dict, planted: dict[str, np.ndarray]) -> list[dict]:
    """Score one data set by one variant and say how it does.

    Parameters
    ----------
    bench, variant
        The data set and the variant.
    learned
        By kind of weights, by data set: weights learned without it.
    planted
        From `shifts`; planted on the rows of TCGA that are not called as they are.

    Returns
    -------
    Rows ``dataset group method value n``; none where the panel has no gene.
    """
    rivals, limit = v.rivals_of(bench, variant), activity_settings()["clip"]
    weights = v.panel_weights(bench, variant, learned.get(variant.weights, {}))
    if len(weights) < len(variant.panels):
        return []
    own = v.as_columns(weights)
    factor = v.inflation_of(bench, variant, weights, rivals)

    def activity(profiles: np.ndarray) -> np.ndarray:
        return v.z_values(v.transformed(profiles, variant.transform), own, rivals, bench, variant)[:, 0] / factor

    profiles = bench.profiles.to_numpy()
    before = activity(profiles)
    numbers = [("inflation", factor, len(profiles))]
    if bench.controls:
        for group in sorted(set(bench.group)):
            here = before[(bench.group == group).to_numpy()]
            numbers += [(f"{ACTIVE}: {group}", (here > CALLED).mean(), len(here))]
            numbers += [(f"greatest: {group}", here.max(), len(here))]
    else:
        known = bench.truth.notna().to_numpy()
        numbers.append((SPEARMAN, stats.spearmanr(before[known], bench.truth[known])[0], known.sum()))
        numbers.append((ACTIVE, (before > CALLED).mean(), len(before)))
        quiet = before <= CALLED
        for name, shift in planted.items():
            after = activity(np.clip(profiles[quiet] + shift, -limit, limit))
            numbers.append((f"{PLANTED}: {name}", (after > CALLED).mean(), quiet.sum()))
    return [{"dataset": bench.name, "group": g, "method": variant.name, "value": x, "n": n} for g, x, n in numbers]


def weighted_means(rows: pd.DataFrame) -> pd.DataFrame:
    """Average each measure of each variant over the TCGA cohorts, weighted by their samples."""
    tcga = rows[rows["dataset"].str.startswith("TCGA")]
    total = (
        tcga.assign(product=tcga["value"] * tcga["n"]).groupby(["group", "method"], sort=False)[["product", "n"]].sum()
    )
    return total.assign(value=total["product"] / total["n"]).reset_index().assign(dataset="TCGA")[list(rows.columns)]


def best_variant(rows: pd.DataFrame, stimulated: bool) -> str:
    """Name the variant with the highest weighted Spearman among those that no decoy deceives in more than 10 %.

    Parameters
    ----------
    rows
        Rows of the data sets that may be looked at.
    stimulated
        Whether the variant must also tell IL-22 from interferon lambda in T84 cells, which have no pY705 and are
        never the cohort left out: at least 90 % of the samples with IL-22 and at most 10 % of the others above the
        one-sided 5 % line.
    """
    means = weighted_means(rows).pivot_table(index="method", columns="group", values="value")
    honest = (means[[f"{PLANTED}: {name}" for name in DECOYS]] <= MOST_FALSE).all(axis=1)
    if stimulated:
        cells = rows[rows["dataset"] == "T84"].pivot_table(index="method", columns="group", values="value")
        cells = cells.reindex(means.index)
        for group in ("IL22", "IL22_IFNL"):
            honest &= cells[f"{ACTIVE}: {group}"] >= LEAST_TRUE
        for group in ("IFNL", "Mock"):
            honest &= cells[f"{ACTIVE}: {group}"] <= MOST_FALSE
    return str(means.loc[honest if honest.any() else slice(None), SPEARMAN].idxmax())


def selections(rows: pd.DataFrame, stimulated: bool) -> list[dict]:
    """Choose on all cohorts but one, and read the chosen variant's correlation on the one left out.

    Parameters
    ----------
    rows
        Rows of all variants and data sets.
    stimulated
        As in `best_variant`.

    Returns
    -------
    Rows ``study_selection``, ``group`` the rule: ``dataset`` the cohort left out, ``method`` the variant chosen
    without it, ``value`` its correlation there; their mean as ``dataset`` TCGA; and the variant that all cohorts
    together would choose, with its mean over the same cohorts.
    """
    group = "decoys and T84 cells" if stimulated else "decoys"
    spearman = rows[rows["group"] == SPEARMAN].pivot_table(index="method", columns="dataset", values="value")
    size = rows[rows["group"] == SPEARMAN].groupby("dataset")["n"].first()
    # A variant whose panel a cohort does not measure could not be used there.
    spearman = spearman.dropna()
    rows = rows[rows["method"].isin(spearman.index)]
    chosen = {name: best_variant(rows[rows["dataset"] != name], stimulated) for name in spearman}
    values = pd.Series({name: spearman.loc[method, name] for name, method in chosen.items()})
    overall = best_variant(rows, stimulated)
    found = [
        *((name, method, values[name], size[name]) for name, method in chosen.items()),
        ("TCGA", "chosen without the cohort", np.average(values, weights=size[values.index]), size.sum()),
        ("TCGA", f"by all cohorts: {overall}", np.average(spearman.loc[overall], weights=size), size.sum()),
    ]
    return [
        {"check": "study_selection", "dataset": dataset, "group": group, "method": method, "value": value, "n": n}
        for dataset, method, value, n in found
    ]


def check(data: Path) -> pd.DataFrame:
    """Try every variant on every data set, and choose between them without the cohort they are judged on.

    Parameters
    ----------
    data
        Folder of the public data.

    Returns
    -------
    Rows of `cohorts.COLUMNS`: ``study`` (``dataset`` TCGA: mean over its cohorts) and ``study_selection``.
    """
    axes = study_axes(data)
    cohorts = [*(load_tcga(data, name) for name in PHOSPHO_COHORTS), load_t84(data), load_kang(data)]
    benches = [bench_of(cohort, axes) for cohort in cohorts]
    learned = {
        kind: {bench.name: learn_weights(benches, panels, bench.name) for bench in benches}
        for kind, panels in v.LEARNED.items()
    }
    rows = []
    for bench in benches:
        planted = {} if bench.controls else shifts(bench, data)
        for variant in v.VARIANTS:
            rows += try_variant(bench, variant, learned, planted)
    table = pd.DataFrame(rows)
    return lay_out(
        [
            *({"check": "study", **row} for row in table.to_dict("records")),
            *({"check": "study", **row} for row in weighted_means(table).to_dict("records")),
            *selections(table, stimulated=False),
            *selections(table, stimulated=True),
        ]
    )
