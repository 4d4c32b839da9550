"""The ways of scoring that the study compares: which genes, which weights, what the rivals may explain."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import sparse, stats

from scoring.cohorts import activity_settings
from stat3act.activity import inflation, model
from stat3act.activity.prepare import axis_weights

RIVALS = tuple(activity_settings()["rivals"])
SHARED = "shared"
STRESS = "dissociation_stress"
WINSOR = 2.0
# Tuning constant of Huber's psi for 95 % efficiency at the normal distribution.
HUBER = 1.345


@dataclass(frozen=True)
class Variant:
    """One way of scoring.

    Attributes
    ----------
    name
        Name in the tables.
    panels
        Panels that are scored; several are joined by Stouffer's sum of z over the root of their number.
    weights
        ``evidence`` (as bundled), ``equal``, ``level`` (evidence times the gene's rank of expression in the
        reference), or ``learned:<panels>`` (on pY705 of the other cohorts).
    shared
        Weight of the shared genes in the rivals; None as bundled, 0 for gene-disjoint rivals.
    rule
        How the level of a rival is found: ``none`` (no rivals); ``all`` (one regression on own and shared genes of all
        rivals at once); ``positive`` (the same, again without the rivals that came out below zero); ``own`` (regression
        on their own genes, levels below zero set to zero: `model.remove_rivals`); ``own, both signs`` (without setting
        them to zero); ``ridge`` (as ``own``, penalty equal to each rival's own sum of squares, which halves its
        level); ``bayes`` (as ``own``, normal prior whose variance is estimated over the rows).
    transform
        ``winsorised`` (profiles limited to two standard deviations), ``ranks`` (normal scores of each profile),
        ``huber`` (residuals limited to 1.345 of their spread), ``median`` (of the targets' residuals), or nothing.
    rivals
        Axes that compete.
    """

    name: str
    panels: tuple[str, ...] = ("stat3_core",)
    weights: str = "evidence"
    shared: float | None = None
    rule: str = "own"
    transform: str = ""
    rivals: tuple[str, ...] = RIVALS


@dataclass(frozen=True)
class Bench:
    """One data set on which variants are tried.

    Attributes
    ----------
    name
        Name of the data set.
    profiles
        Rows x genes, standardised.
    strata, level
        Stratum of each gene, and its mean expression in the reference.
    axes
        The axes table with all panels of the study.
    reference
        Which rows are the reference.
    controls
        Whether they are known not to be active.
    modules, halves
        Co-expression modules for the inflation factor, one per half of the reference, and the rows to measure on.
    truth
        pY705 of each row, NaN where unknown.
    group
        Treatment of each row.
    """

    name: str
    profiles: pd.DataFrame
    strata: np.ndarray
    level: np.ndarray
    axes: pd.DataFrame
    reference: np.ndarray
    controls: bool
    modules: list
    halves: list
    truth: pd.Series
    group: pd.Series
    sets: dict = field(default_factory=dict)


def rivals_of(bench: Bench, variant: Variant) -> model.Rivals:
    """Return the rivals of a variant, the shared genes at its weight."""
    axes, genes = bench.axes[bench.axes["axis"].isin(variant.rivals)], bench.profiles.columns
    if variant.shared is not None:
        axes = axes.assign(weight=axes["weight"].mask(axes["panel"] == SHARED, variant.shared))
    weights, _ = axis_weights(axes, "bulk", genes)
    own, _ = axis_weights(axes[axes["panel"] != SHARED], "bulk", genes)
    own = own[weights.columns].to_numpy(float)
    return model.Rivals(own, weights.to_numpy(float) - own)


def panel_weights(bench: Bench, variant: Variant, learned: dict[str, pd.Series]) -> dict[str, np.ndarray]:
    """Return the weight of every gene in each panel of a variant.

    Parameters
    ----------
    bench, variant
        The data set and the variant.
    learned
        By data set, weights learned without it.
    """
    genes = bench.profiles.columns
    if variant.weights.startswith("learned"):
        return {variant.weights: learned[bench.name].reindex(genes).fillna(0.0).to_numpy()}
    bundled, _ = axis_weights(bench.axes[bench.axes["axis"].isin(variant.panels)], "bulk", genes)
    found = {panel: bundled[panel].to_numpy(float) for panel in variant.panels if panel in bundled}
    if variant.weights == "equal":
        found = {panel: np.sign(weights) for panel, weights in found.items()}
    if variant.weights == "level":
        found = {panel: weights * stats.rankdata(bench.level) / len(genes) for panel, weights in found.items()}
    return {panel: weights for panel, weights in found.items() if weights.any()}


def transformed(profiles: np.ndarray, transform: str) -> np.ndarray:
    """Apply what a variant does to whole profiles."""
    if transform == "winsorised":
        return np.clip(profiles, -WINSOR, WINSOR)
    if transform == "ranks":
        return stats.norm.ppf((stats.rankdata(profiles, axis=1) - 0.5) / profiles.shape[1])
    return profiles


def shrunk_levels(profiles: np.ndarray, own: np.ndarray, rule: str) -> np.ndarray:
    """Return rows x rivals, levels drawn towards zero; ``profiles`` and ``own`` without their means."""
    gram = own.T @ own
    if rule == "ridge":
        return np.linalg.solve(gram + np.diag(np.diag(gram)), own.T @ profiles.T).T
    free = np.linalg.solve(gram, own.T @ profiles.T).T
    noise = float(np.mean(profiles**2))
    error = noise * np.diag(np.linalg.inv(gram))
    prior = np.maximum((free**2).mean(axis=0) - error, 1e-6)
    return np.linalg.solve(gram / noise + np.diag(1 / prior), own.T @ profiles.T / noise).T


def without_positive(profiles: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Regress each row on the rivals that come out above zero in a regression on all of them."""
    residual = np.empty_like(profiles)
    above = profiles @ np.linalg.pinv(axes).T > 0
    for pattern in np.unique(above, axis=0):
        rows = (above == pattern).all(axis=1)
        basis, _ = np.linalg.qr(axes[:, pattern])
        residual[rows] = profiles[rows] - (profiles[rows] @ basis) @ basis.T
    return residual


def residual_of(profiles: np.ndarray, rivals: model.Rivals, rule: str) -> np.ndarray:
    """Take from the profiles what the rivals explain by a rule of `Variant`; rows x genes, rows of mean zero."""
    if rule == "own":
        return model.remove_rivals(profiles, rivals)
    centred = profiles - profiles.mean(axis=1, keepdims=True)
    if rule == "none":
        return centred
    present = rivals.own.any(axis=0)
    own, both = rivals.own[:, present], (rivals.own + rivals.shared)[:, present]
    own_centred, axes = own - own.mean(axis=0), both - both.mean(axis=0)
    if rule == "all":
        return centred - (centred @ np.linalg.pinv(axes).T) @ axes.T
    if rule == "positive":
        return without_positive(centred, axes)
    if rule == "own, both signs":
        return centred - (centred @ np.linalg.pinv(own_centred).T) @ axes.T
    return centred - np.maximum(shrunk_levels(centred, own_centred, rule), 0) @ axes.T


def median_z(residual: np.ndarray, panels: sparse.csr_array) -> np.ndarray:
    """Return the median residual of each panel's targets over the standard error of a median."""
    spread = stats.median_abs_deviation(residual, axis=1, scale="normal")[:, None]
    columns = panels.tocsc()
    targets = [columns.indices[start:end] for start, end in zip(columns.indptr, columns.indptr[1:], strict=False)]
    middle = np.median(residual, axis=1)[:, None]
    found = np.column_stack([np.median(residual[:, genes], axis=1) * len(genes) ** 0.5 for genes in targets])
    size = np.array([len(genes) ** 0.5 for genes in targets])
    return (found - middle * size) / (np.sqrt(np.pi / 2) * spread)


def z_values(profiles: np.ndarray, panels: list, rivals: model.Rivals, bench: Bench, variant: Variant) -> np.ndarray:
    """Score rows by a variant, before inflation.

    Parameters
    ----------
    profiles
        Rows x genes, `transformed` already.
    panels
        One matrix genes x columns per panel, weights; column by column the panels are joined.
    rivals
        The rivals.
    bench, variant
        The data set and the variant.

    Returns
    -------
    Rows x columns, against the stratified permutation of the weights.
    """
    residual = residual_of(profiles, rivals, variant.rule)
    if variant.transform == "median":
        return sum(median_z(residual, panel) for panel in panels) / len(panels) ** 0.5
    if variant.transform == "huber":
        limit = HUBER * stats.median_abs_deviation(residual, axis=1, scale="normal")[:, None]
        residual = np.clip(residual, -limit, limit)
    z = 0.0
    for panel in panels:
        expected, variance = model.permutation_moments(model.by_strata(residual, bench.strata), panel)
        z = z + (residual @ panel - expected) / np.sqrt(variance)
    return z / len(panels) ** 0.5


def control_sets(bench: Bench, panel: str, kind: str, weights: np.ndarray) -> list[sparse.csr_array]:
    """Draw control sets of a panel, one matrix for each half of the reference; the same for all variants."""
    key = (panel, kind)
    if key not in bench.sets:
        bench.sets[key] = [
            inflation.control_sets(weights, bench.strata, modules, f"study|{panel}") for modules in bench.modules
        ]
    return bench.sets[key]


def as_columns(weights: dict[str, np.ndarray]) -> list[sparse.csr_array]:
    """Return each panel as a matrix of one column."""
    return [sparse.csr_array(values[:, None]) for values in weights.values()]


def inflation_of(bench: Bench, variant: Variant, weights: dict[str, np.ndarray], rivals: model.Rivals) -> float:
    """Measure the inflation factor of a variant as the workflow does, with the variant's own statistic."""
    reference = transformed(bench.profiles.to_numpy()[bench.reference], variant.transform)
    drawn = [control_sets(bench, panel, variant.weights, values) for panel, values in weights.items()]
    found = [
        z_values(reference[rows], [parts[half] for parts in drawn], rivals, bench, variant)
        for half, rows in enumerate(bench.halves)
    ]
    squares = np.concatenate([np.mean(z**2, axis=0) for z in found]) if found else np.empty(0)
    own = z_values(reference, as_columns(weights), rivals, bench, variant)[:, 0] if bench.controls else None
    return inflation.factor(squares, len(reference), own)


CORE, EPITHELIAL, REGULON = "stat3_core", "stat3_epithelial", "stat3_regulon"
TIERS = (1, 2, 3, 5)
LEARNED = {"learned:core": (CORE,), "learned:all panels": (CORE, EPITHELIAL, f"{REGULON}_2")}
CHOSEN = "chosen"
VARIANTS = (
    Variant("univariate, equal weights", weights="equal", rule="none"),
    Variant("univariate", rule="none"),
    Variant("all at once, gene-disjoint rivals", shared=0.0, rule="all"),
    Variant("all at once, shared genes at 0.3, equal weights", weights="equal", shared=0.3, rule="all"),
    Variant("all at once", rule="all"),
    Variant("all at once, positive rivals only", rule="positive"),
    Variant("level from own genes, both signs", rule="own, both signs"),
    Variant(CHOSEN),
    Variant("chosen, ridge levels", rule="ridge"),
    Variant("chosen, Bayesian levels", rule="bayes"),
    Variant("chosen, gene-disjoint rivals", shared=0.0),
    Variant("chosen, shared genes at 0.3", shared=0.3),
    Variant("chosen, without dissociation stress", rivals=tuple(axis for axis in RIVALS if axis != STRESS)),
    Variant("chosen, equal weights", weights="equal"),
    Variant("chosen, weights by level", weights="level"),
    Variant("chosen, winsorised at 2", transform="winsorised"),
    Variant("chosen, Huber", transform="huber"),
    Variant("chosen, median", weights="equal", transform="median"),
    Variant("chosen, ranks", transform="ranks"),
    Variant("chosen, epithelial panel", panels=(EPITHELIAL,)),
    *(Variant(f"chosen, CollecTRI ({count} or more PMIDs)", panels=(f"{REGULON}_{count}",)) for count in TIERS),
    Variant("chosen, core + epithelial", panels=(CORE, EPITHELIAL)),
    Variant("chosen, core + epithelial + CollecTRI", panels=(CORE, EPITHELIAL, f"{REGULON}_disjoint")),
    *(Variant(f"weights {kind.replace(':', ' on pY705, ')}", weights=kind) for kind in LEARNED),
)
