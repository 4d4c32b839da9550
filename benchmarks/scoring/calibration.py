"""Is p < 0.05 seen in 5 % of samples when nothing is there? Random panels in the place of the core panel.

Panels are drawn on real expression, all of genes that belong to no axis.

``matched_coexpressed``
    Gene by gene in the stratum of a core gene and with its weight; a quarter of the genes from one co-expression
    module. Modules are found on one half of the reference rows and the panels are scored on the other rows. The panels
    are fresh, but they are drawn the way those are that the inflation factor is measured with: the check says that the
    factor does what it is for, on other panels and rows. What if real panels hold more or less of a module is shown
    beside it (``module_share_0.10``, ``module_share_0.50``).
``matched_independent``
    The same without modules, divided by the same factor, which is too much for them; ``without_inflation`` shows the
    permutation null by itself.
``other_regulons``
    Parts of the regulons of other transcription factors, as many genes as the core panel has. Their activity does
    differ between samples, so they are no null; but nobody chose how co-expressed they are, and that is what the
    quarter from one module stands for.
``mean_weighted``
    Genes drawn in proportion to their mean log expression, as curated targets are: the plain regression on log
    expression (``ulm_log``) with its textbook p. Not for log ratios, which have no expression level.

``univariate`` is the plain regression on the same standardised profiles and panels, with the textbook p of its t.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse, stats

from scoring.cohorts import (
    REGULON_FILE,
    Cohort,
    activity_settings,
    lay_out,
    load_aml,
    load_axes,
    load_t84,
    load_tcga,
    measure,
)
from stat3act.activity import inflation, model
from stat3act.activity.measure import reference_rows
from stat3act.activity.prepare import STAT3_AXIS, Prepared, prepare, rivals_of
from stat3act.activity.reference import Reference, from_table

PLACES = (
    ("ACC", "bulk"),
    ("LGG", "bulk"),
    ("LUAD", "bulk"),
    ("DLBC", "bulk"),
    ("T84", "bulk"),
    ("AML", "tumour"),
    ("AML", "microenvironment"),
)
AUDITED = (("ACC", "bulk"), ("AML", "tumour"))
LEVEL = 0.05
GOAL = "0.04-0.06"
REPEATS = 2
BINS = 20
AUDIT_SETS = 1000
LEAST_REGULON = 30
MEAN_WEIGHTED_SIZES = (20, 100)
# Two-sided 95 % of a standard normal.
NORMAL_95 = 1.96


@dataclass(frozen=True)
class Place:
    """One compartment of a cohort, ready for panels in the place of the core panel.

    Attributes
    ----------
    name
        Of the data set in the tables.
    cohort, rows, settings
        The cohort, its rows of this compartment, and the ``activity`` section.
    table, reference
        Reference of the compartment, as a table and rebuilt from it.
    prepared
        Standardised profiles, weights and strata.
    members
        Per row, whether it belongs to the reference.
    """

    name: str
    cohort: Cohort
    rows: pd.DataFrame
    settings: dict
    table: pd.DataFrame
    reference: Reference
    prepared: Prepared
    members: np.ndarray

    @property
    def profiles(self) -> np.ndarray:
        """Rows x genes, standardised."""
        return self.prepared.profiles.to_numpy(float)

    @property
    def weights(self) -> np.ndarray:
        """Weights of the core panel."""
        return self.prepared.weights[STAT3_AXIS].to_numpy(float)

    @property
    def rivals(self) -> model.Rivals:
        """Rivals of the core panel."""
        return self.prepared.rivals(rivals_of(STAT3_AXIS, self.settings["rivals"]))

    @property
    def groups(self) -> np.ndarray:
        """Stratum of each row of the reference."""
        return self.rows.loc[self.members, "stratum"].to_numpy()

    @property
    def candidates(self) -> np.ndarray:
        """Genes that belong to no axis."""
        return np.flatnonzero(~self.prepared.weights.index.isin(set(load_axes()["gene"])))


@cache
def measured(data: Path, name: str) -> tuple[Cohort, pd.DataFrame]:
    """Load a cohort by its short name, with the table of its references."""
    cohort = {"AML": load_aml, "T84": load_t84}.get(name, lambda data: load_tcga(data, name))(data)
    return cohort, measure(cohort, load_axes())


@cache
def place(data: Path, name: str, compartment: str) -> Place:
    """Prepare one compartment of a cohort.

    Parameters
    ----------
    data
        Folder of the public data.
    name
        ``T84``, ``AML`` or a TCGA abbreviation.
    compartment
        Compartment.
    """
    cohort, references = measured(data, name)
    settings = activity_settings(**cohort.settings)
    table = references[references["compartment"] == compartment]
    reference = from_table(table)
    rows = cohort.rows[cohort.rows["compartment"] == compartment]
    members = set(reference_rows(rows, settings, set(cohort.controls)).index)
    prepared = prepare(
        cohort.expression.loc[rows.index], rows, reference, members, load_axes(), cohort.minimum, settings
    )
    title = cohort.name if compartment == "bulk" else f"{cohort.name} {compartment}"
    inside = rows.index.isin(members)
    return Place(title, cohort, rows, settings, table, reference, prepared, inside)


def meets(value: float, goal: str) -> bool:
    """Tell whether a value is as a goal like ``<= 0.10``, ``>= 0.99`` or ``0.04-0.06`` wants it."""
    if goal.startswith("<="):
        return value <= float(goal[2:])
    if goal.startswith(">="):
        return value >= float(goal[2:])
    low, high = map(float, goal.split("-"))
    return low <= value <= high


def with_goal(row: dict, goal: str) -> dict:
    """Add ``goal`` and ``met`` to a row of a check; nothing is added when there is no goal."""
    return row | {"goal": goal, "met": "yes" if meets(row["value"], goal) else "no"} if goal else row


def share_row(p: list[np.ndarray], goal: str = "", **names: str) -> dict:
    """Summarise p values as one row of a check.

    Parameters
    ----------
    p
        Arrays of rows x panels, each with panels of its own.
    goal
        The goal, or nothing.
    **names
        ``check dataset group method``.

    Returns
    -------
    The mean over panels of the share of rows below `LEVEL`, with a 95 % interval from its spread between panels: rows
    that are scored with one panel are no independent trials.
    """
    by_panel = np.concatenate([(part < LEVEL).mean(axis=0) for part in p])
    half = NORMAL_95 * by_panel.std(ddof=1) / np.sqrt(len(by_panel))
    share = float(by_panel.mean())
    size = sum(part.size for part in p)
    return with_goal(names | {"value": share, "low": max(0.0, share - half), "high": share + half, "n": size}, goal)


def factors(place: Place, panels: sparse.csr_array) -> np.ndarray:
    """Return the inflation factor that the workflow would use for each panel in the place of the core panel.

    Where the reference rows are controls, a panel's own spread among them counts; its control sets are those of the
    core panel, which it matches.
    """
    if place.settings["reference"] != "controls":
        return np.full(panels.shape[1], place.reference.inflation[STAT3_AXIS])
    rivals, strata, inside = place.rivals, place.prepared.strata, place.profiles[place.members]
    found = inflation.split_modules(inside, place.groups, rivals, strata, place.candidates, place.name)
    squares = inflation.control_squares(inside, place.weights, rivals, strata, found, place.name)
    own = model.panel_z(inside, panels, rivals, strata)
    return np.array([inflation.factor(squares, len(inside), z) for z in own.T])


def textbook_p(values: np.ndarray, panels: sparse.csr_array) -> np.ndarray:
    """Return the one-sided p of the slope of each row on each panel (`model.univariate_t`), rows x panels."""
    centred = values - values.mean(axis=1, keepdims=True)
    genes = values.shape[1]
    weight_ss = panels.multiply(panels).sum(axis=0) - panels.sum(axis=0) ** 2 / genes
    r = (centred @ panels) / np.sqrt((centred**2).sum(axis=1)[:, None] * weight_ss)
    return stats.t.sf(r * np.sqrt((genes - 2) / (1 - r**2)), genes - 2)


def fresh_panels(place: Place, share: float, repeats: int):
    """Draw panels on one half of the reference rows, to be scored on the other rows.

    Yields
    ------
    tuple
        Numbers of the rows to score, and genes x panels.
    """
    inside = np.flatnonzero(place.members)
    for repeat in range(repeats):
        for train, _ in inflation.halves(place.groups):
            seed = f"fresh {repeat} {train[0]}"
            others = np.setdiff1d(np.arange(len(place.members)), inside[train])
            modules = inflation.find_modules(
                place.profiles[inside[train]], place.rivals, place.prepared.strata, place.candidates, seed
            )
            yield others, inflation.control_sets(place.weights, place.prepared.strata, modules, seed, share)


def chance_of(place: Place, rows: np.ndarray, panels: sparse.csr_array) -> dict[str, np.ndarray]:
    """Return, by method, p of rows x panels."""
    profiles = place.profiles[rows]
    z = model.panel_z(profiles, panels, place.rivals, place.prepared.strata)
    return {
        "activity": stats.norm.sf(z / factors(place, panels)),
        "without_inflation": stats.norm.sf(z),
        "univariate": textbook_p(profiles, panels),
    }


def histogram_rows(p: np.ndarray, dataset: str, method: str) -> list[dict]:
    """Give the share of p values in each twentieth of their range."""
    counts, edges = np.histogram(p, BINS, (0, 1))
    return [
        {
            "check": "p_histogram",
            "dataset": dataset,
            "group": f"{low:.2f}-{high:.2f}",
            "method": method,
            "value": count / p.size,
            "n": p.size,
        }
        for count, low, high in zip(counts, edges[:-1], edges[1:], strict=True)
    ]


def matched_rows(place: Place) -> list[dict]:
    """Report the matched panels of one compartment, and the p histogram."""
    # With controls the factor is the larger of two, so fewer than 5 % is by design.
    goal = "<= 0.06" if place.settings["reference"] == "controls" else GOAL
    names = {"check": "calibration", "dataset": place.name}
    shares = {inflation.MODULE_SHARE: "matched_coexpressed", 0.0: "matched_independent"}
    shares |= {share: f"module_share_{share:.2f}" for share in (0.1, 0.5)}
    rows = []
    for share, group in shares.items():
        main = share == inflation.MODULE_SHARE
        parts = [chance_of(place, *drawn) for drawn in fresh_panels(place, share, REPEATS if main else 1)]
        for method in parts[0]:
            p = [part[method] for part in parts]
            wanted = goal if main and method == "activity" else ""
            rows.append(share_row(p, wanted, group=group, method=method, **names))
            if main and method != "without_inflation":
                rows += histogram_rows(np.concatenate([part.ravel() for part in p]), place.name, method)
    return rows


def regulon_rows(place: Place, data: Path) -> list[dict]:
    """Report parts of other transcription factors' regulons: as many genes as the core panel has, with its weights."""
    genes = place.prepared.profiles.columns
    allowed, weights = set(genes[place.candidates]), place.weights[place.weights != 0]
    network = pd.read_csv(data / REGULON_FILE, sep="\t")
    network = network[network["weight"].gt(0) & network["target"].isin(allowed)].drop_duplicates(["source", "target"])
    regulons = [
        sorted(part) for _, part in network.groupby("source", sort=True)["target"] if len(part) >= LEAST_REGULON
    ]
    rng = inflation.rng_of("regulons")
    panels = np.zeros((len(genes), len(regulons)))
    for panel, targets in enumerate(regulons):
        panels[genes.get_indexer(rng.choice(targets, len(weights), replace=False)), panel] = weights
    # Treated rows differ in these very factors: the rows of the reference only.
    found = chance_of(place, np.flatnonzero(place.members), sparse.csr_array(panels))
    names = {"check": "calibration", "dataset": place.name, "group": "other_regulons"}
    return [share_row([p], method=method, **names) for method, p in found.items()]


def mean_weighted_rows(place: Place) -> list[dict]:
    """Report the plain regression on log expression for panels drawn in proportion to mean expression."""
    genes = place.prepared.profiles.columns
    values = place.cohort.expression.loc[place.rows.index, genes].to_numpy(float)
    chance = values.mean(axis=0)[place.candidates]
    rows = []
    for size in MEAN_WEIGHTED_SIZES:
        rng = inflation.rng_of("mean weighted", size)
        panels = sparse.lil_array((len(genes), inflation.SETS))
        for panel in range(inflation.SETS):
            panels[rng.choice(place.candidates, size, replace=False, p=chance / chance.sum()), panel] = 1.0
        names = {"check": "calibration", "dataset": place.name, "group": f"mean_weighted_{size}_genes"}
        rows.append(share_row([textbook_p(values, panels.tocsr())], method="ulm_log", **names))
    return rows


def exchange_weights(weights: np.ndarray, strata: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Draw matched control sets: the weights of each stratum in a random order among its genes.

    Returns
    -------
    Genes x draws.
    """
    sets = np.zeros((len(weights), draws))
    for stratum in np.unique(strata[weights != 0]):
        genes = np.flatnonzero(strata == stratum)
        sets[genes] = rng.permuted(np.tile(weights[genes, None], (1, draws)), axis=0)
    return sets


def audit_rows(place: Place) -> list[dict]:
    """Compare the exact moments with those of Monte-Carlo control sets, for the core panel in every row.

    Returns
    -------
    Correlation and slope of the exact z on the Monte-Carlo z, and mean and standard deviation of the z of the control
    sets by the exact moments.
    """
    residual, strata = model.remove_rivals(place.profiles, place.rivals), place.prepared.strata
    draws = residual @ exchange_weights(place.weights, strata, AUDIT_SETS, inflation.rng_of("audit", place.name))
    panel = sparse.csr_array(place.weights[:, None])
    expected, variance = model.permutation_moments(model.by_strata(residual, strata), panel)
    found = (residual @ place.weights - draws.mean(axis=1)) / draws.std(axis=1, ddof=1)
    exact = model.panel_z(place.profiles, panel, place.rivals, strata)[:, 0]
    null = (draws - expected) / np.sqrt(variance)
    numbers = {
        "correlation": (np.corrcoef(exact, found)[0, 1], ">= 0.99"),
        "slope": (np.polyfit(exact, found, 1)[0], "0.97-1.03"),
        "null mean": (null.mean(), ""),
        "null sd": (null.std(), "0.97-1.03"),
        "null share p < 0.05": (np.mean(stats.norm.sf(null) < LEVEL), ""),
    }
    base = {"check": "moments_audit", "dataset": place.name, "method": "activity", "n": len(exact)}
    return [with_goal(base | {"group": group, "value": value}, goal) for group, (value, goal) in numbers.items()]


def centre_row(place: Place) -> dict:
    """Return the mean activity of the core panel over the rows of the reference, which is not zero.

    Rivals take from the shared genes where they are above the reference and give nothing back where they are below.
    """
    core = model.panel_z(place.profiles, sparse.csr_array(place.weights[:, None]), place.rivals, place.prepared.strata)
    activity = core[place.members, 0] / place.reference.inflation[STAT3_AXIS]
    names = {"check": "centre", "dataset": place.name, "group": "core panel", "method": "activity"}
    return names | {"value": activity.mean(), "n": len(activity)}


def check(data: Path) -> pd.DataFrame:
    """Measure the share of p < 0.05 for random panels, the p histogram, the audit of the exact moments and the centre.

    Parameters
    ----------
    data
        Folder of the public data.

    Returns
    -------
    Rows of `cohorts.COLUMNS`: ``calibration``, ``p_histogram``, ``moments_audit`` and ``centre``. In the bulk of T84,
    compared with controls, all rows outside the half with the modules are scored, treated ones too.
    """
    rows = []
    for name, compartment in PLACES:
        here = place(data, name, compartment)
        rows += [*matched_rows(here), *regulon_rows(here, data), centre_row(here)]
        rows += mean_weighted_rows(here) if here.cohort.value_scale != "log2_ratio" else []
        rows += audit_rows(here) if (name, compartment) in AUDITED else []
    return lay_out(rows)
