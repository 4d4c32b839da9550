"""What is called active when something else is: changes of known kind and size, planted on real profiles.

A planted change is added to the log expression of a real sample, in standard deviations of each gene in the reference
of its cohort, before the sample is standardised and scored against that same reference, as a new sample would be. The
genes are not those of our own rival axes but the Hallmark collection's: interferon alpha and gamma, TNF through NF-kB,
hypoxia, allograft rejection. They hold core genes too (TNF through NF-kB ten of nineteen), and every gene of a set is
moved by the same amount, which is more than the core genes in it would really move.

``leukocytes`` is an infiltrate as it is: the change that replacing a fifth or two fifths of a tumour by leukocytes
makes to each gene, from the mean profiles of malignant and of immune cells in melanoma and breast cancer. It is only
planted on solid tumours; no positive part of it is a standard deviation, so it has no size in those units.

"Called active" is the state ``ON`` of the evidence rule. Real cohorts hold samples that are active already (group
``none``); a profile with only the planted change is one that was not called before. ``activity`` is therefore the share
among those, ``activity_all_samples`` the share of all samples, active ones included.
"""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from scoring.baselines import CALLED, gene_sets, networks
from scoring.calibration import Place, place, with_goal
from scoring.cohorts import RESOURCES, lay_out, load_axes, states
from stat3act.activity import model
from stat3act.activity.prepare import prepare
from stat3act.activity.score import score_compartment
from stat3act.networks import STAT3_PANELS, read_symbols, rename

PLACES = (
    ("ACC", "bulk", "carcinoma"),
    ("LGG", "bulk", "glioma"),
    ("LUAD", "bulk", "carcinoma"),
    ("DLBC", "bulk", "haematological"),
    ("AML", "tumour", "haematological"),
)
SOLID = ("carcinoma", "glioma")
DECOYS = {
    "interferon": ("HALLMARK_INTERFERON_ALPHA_RESPONSE", "HALLMARK_INTERFERON_GAMMA_RESPONSE"),
    "nfkb": ("HALLMARK_TNFA_SIGNALING_VIA_NFKB",),
    "hypoxia": ("HALLMARK_HYPOXIA",),
    "infiltrate": ("HALLMARK_ALLOGRAFT_REJECTION",),
}
SIZES = (1, 2)
LEUKOCYTE_SHARES = (0.2, 0.4)
# Malignant cells, and the beginnings of the names of immune cell types, in the two maps of cell states.
PROFILES = {
    "SKCM": ("Melanoma cells", ("B cells", "Macrophages", "Dendritic", "Natural killer", "Tcell")),
    "BRCA": ("Cancer Epithelial", ("B-cells", "T-cells", "Myeloid", "DC")),
}
# One part per million: below it a gene's ratio between two mean profiles is noise.
LEAST_EXPRESSION = 1e-6
GOAL = "<= 0.10"
GOALS = ("activity", "activity_all_samples")


@cache
def leukocyte_ratio(data: Path, tumour: str) -> pd.Series:
    """Return how much more leukocytes than malignant cells express each gene.

    Parameters
    ----------
    data
        Folder of the public data.
    tumour
        ``SKCM`` or ``BRCA``, whose cell states are used; cell types count alike, whatever their number of states.
    """
    malignant, immune = PROFILES[tumour]
    folder = data / "deconvolution"
    states = pd.read_parquet(folder / f"refPhi_{tumour}_profiles.parquet")
    cell_type = pd.read_csv(folder / f"refPhi_{tumour}_map.tsv", sep="\t").set_index("cell_state")["cell_type"]
    symbols = read_symbols(RESOURCES / "genes/genes.tsv")
    by_type = states.T.groupby(cell_type).mean().T
    by_type = by_type.groupby(rename(by_type.index.to_series(), symbols).to_numpy()).sum() + LEAST_EXPRESSION
    leukocytes = by_type[[name for name in by_type if name.startswith(immune)]].mean(axis=1)
    return leukocytes / by_type[malignant]


def dilution(ratio: pd.Series, share: float) -> pd.Series:
    """Return the log2 change of genes when ``share`` of a tumour gives way to cells with ``ratio`` times as much."""
    return np.log2(1 - share + share * ratio)


def changes(place: Place, data: Path, tumour_type: str) -> dict[str, tuple[pd.Series, str]]:
    """List what is planted: by group, the log2 change of every gene, and the goal.

    Parameters
    ----------
    place
        Compartment the changes are planted in.
    data
        Folder of the public data.
    tumour_type
        As in the config.
    """
    scale, axes = place.reference.scale, load_axes()
    panels = {panel: set(axes.loc[axes["axis"] == panel, "gene"]) for panel in STAT3_PANELS}
    core, both = panels[STAT3_PANELS[0]], set().union(*panels.values())
    found = {"none": (0 * scale, "")}
    for name, sets in DECOYS.items():
        genes = set().union(*(gene_sets(data)[part] for part in sets))
        for size in SIZES:
            found[f"{name} {size} SD"] = size * scale * scale.index.isin(genes), GOAL if size == SIZES[0] else ""
    if tumour_type in SOLID:
        for tumour in PROFILES:
            for share in LEUKOCYTE_SHARES:
                change = dilution(leukocyte_ratio(data, tumour), share).reindex(scale.index).fillna(0.0)
                found[f"leukocytes {share:.0%} ({tumour})"] = change, GOAL if share == LEUKOCYTE_SHARES[0] else ""
    for name, genes in (("stat3 core panel", core), ("stat3 both panels", both)):
        found[f"{name} 1 SD"] = scale * scale.index.isin(genes), ""
    return found


def plant(place: Place, planted: dict[str, pd.Series]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Copy every row once for each change.

    Parameters
    ----------
    place
        The compartment.
    planted
        By group, the log2 change of every gene; ``none`` is the first.

    Returns
    -------
    Expression of the copies, group by group, and their rows with the column ``group``; copies are samples of their
    own.
    """
    parts, rows = [], []
    for group, change in planted.items():
        names = [f"{name}: {group}" for name in place.rows.index]
        part = place.cohort.expression.loc[place.rows.index]
        parts.append((part + change.reindex(part.columns).fillna(0.0)).set_axis(names))
        rows.append(place.rows.set_axis(names).assign(sample=names, group=group))
    return pd.concat(parts), pd.concat(rows)


def calls(place: Place, expression: pd.DataFrame, rows: pd.DataFrame, tumour_type: str, data: Path) -> pd.DataFrame:
    """Say which planted rows each method calls active.

    The activity by the evidence rule, NaN for copies of rows that are called with nothing planted; the same of all
    samples; ``activity_p`` by its p alone; the plain regressions when their t is above 1.645. All see the same
    profiles.
    """
    prepared = prepare(expression, rows, place.reference, set(), load_axes(), place.cohort.minimum, place.settings)
    panels = [panel for panel in STAT3_PANELS if panel in place.reference.inflation]
    scores = score_compartment(prepared, rows, place.reference, panels, place.settings)
    scores = scores.assign(q_value=np.nan, reference="")
    core = scores[scores["axis"] == panels[0]].set_index("sample").loc[rows["sample"]]
    collectri = networks(data)["collectri_ulm"][1].set_index("target")["weight"]
    weights = collectri.reindex(prepared.profiles.columns).fillna(0.0).to_numpy(float)
    collectri_t = model.univariate_t(prepared.profiles.to_numpy(float), weights)
    called = states(scores, tumour_type).droplevel(1).loc[rows["sample"]].eq("ON").to_numpy()
    before = np.resize(called[rows["group"] == "none"], len(rows))
    found = {
        "activity": np.where(before, np.nan, called),
        "activity_all_samples": called,
        "activity_p": core["p_value"].lt(0.05).to_numpy(),
        "univariate": core["score"].gt(CALLED).to_numpy(),
        "collectri_ulm": collectri_t > CALLED,
    }
    return pd.DataFrame(found, index=rows.index)


def rate_row(hits: pd.Series, goal: str, **names: str) -> dict:
    """Summarise calls as their rate, with Wilson's 95 % interval; NaN does not count."""
    hits = hits.dropna().astype(bool)
    low, high = proportion_confint(hits.sum(), len(hits), method="wilson")
    return with_goal(names | {"value": float(hits.mean()), "low": low, "high": high, "n": len(hits)}, goal)


def rate_rows(found: pd.DataFrame, groups: pd.Series, goals: dict[str, str], dataset: str) -> list[dict]:
    """Report the rate of every group and method; the goals hold for both readings of the activity."""
    return [
        rate_row(
            hits,
            goals[group] if method in GOALS else "",
            check="planted",
            dataset=dataset,
            group=group,
            method=method,
        )
        for group in goals
        for method, hits in found[groups == group].items()
    ]


def check(data: Path) -> pd.DataFrame:
    """Measure how often planted changes are called active.

    Parameters
    ----------
    data
        Folder of the public data.

    Returns
    -------
    Rows of `cohorts.COLUMNS`, check ``planted``: each data set, and all samples together (``all``; leukocytes of the
    solid tumours only).
    """
    result, every, groups, goals = [], [], [], {}
    for name, compartment, tumour_type in PLACES:
        here = place(data, name, compartment)
        planted = changes(here, data, tumour_type)
        expression, rows = plant(here, {group: change for group, (change, _) in planted.items()})
        found = calls(here, expression, rows, tumour_type, data)
        wanted = {group: goal for group, (_, goal) in planted.items()}
        result += rate_rows(found, rows["group"], wanted, here.name)
        every.append(found)
        groups.append(rows["group"])
        goals = goals | wanted
    # Copies of different cohorts may have the same name: rows go by position from here.
    together = pd.concat(every, ignore_index=True), pd.concat(groups, ignore_index=True)
    return lay_out(result + rate_rows(*together, goals, "all"))
