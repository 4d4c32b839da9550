"""Figures of the bulk validation page, drawn from its table alone."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bulk import corners, coverage, natural, planted, real, speed
from bulk.cohorts import BINS
from scoring.figures import BLACK, BLUE, GREEN, GREY, ORANGE, STYLE, VERMILION, as_svg, new_figure
from stat3act.compartments.split import COMPARTMENTS

DASHED = (0, (4, 3))
LIGHT_BLUE, PURPLE = "#56B4E9", "#CC79A7"
STYLES = {
    "oracle": (BLACK, "*"),
    "activity": (BLUE, "D"),
    "bulk": (ORANGE, "s"),
    "bulk_purity": (GREEN, "^"),
    "attribution": (VERMILION, "o"),
    "updated_attribution": (PURPLE, "v"),
}
NAMES = {
    "oracle": "oracle: true profile",
    "activity": "activity (ours)",
    "bulk": "unsplit bulk",
    "bulk_purity": "bulk, purity taken out",
    "attribution": "attributed expression",
    "updated_attribution": "updated attribution",
}


def draw_planted(table: pd.DataFrame) -> Figure:
    """Draw loading on the own truth against the leak, by method: mean and range over cohorts."""
    rows = table[(table["check"] == planted.CHECK) & (table["dataset"] == "all")]
    figure, axes = new_figure(2, 2, 7.5, 6.2, sharex=True, sharey=True)
    panels = [(compartment, part) for part in planted.PARTS for compartment in COMPARTMENTS]
    for axis, (compartment, part) in zip(axes, panels, strict=True):
        for method in (name for name in STYLES if name in set(rows["method"])):
            here = rows[rows["method"] == method].set_index("group")
            x, y = (here.loc[f"{compartment}{part}: {what}"] for what in (planted.OWN, planted.LEAK))
            colour, marker = STYLES[method]
            spread = {"xerr": [[x.value - x.low], [x.high - x.value]], "yerr": [[y.value - y.low], [y.high - y.value]]}
            look = {"color": colour, "marker": marker, "markersize": 6, "linewidth": 0, "elinewidth": 0.6}
            axis.errorbar([x.value], [y.value], **spread, **look, label=NAMES[method])
        if goals := planted.GOALS.get((compartment, part)):
            own, leak = goals
            axis.add_patch(mpl.patches.Rectangle((own, -leak), 1.3 - own, 2 * leak, color="#dce9f5", zorder=0))
        axis.axhline(0, color=GREY, linewidth=0.6)
        axis.set_title(f"{compartment}{part}", loc="left")
        axis.set_xlim(-0.15, 1.1)
    figure.supxlabel("loading on the compartment's own truth (goal: shaded)", fontsize=8)
    figure.supylabel("leak: loading on the other compartment's truth", fontsize=8)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
    return figure


def draw_natural(table: pd.DataFrame) -> Figure:
    """Draw Spearman's correlation with the own score by bin of purity, at the first depth, with and without shift."""
    rows = table[table["check"] == natural.BIN]
    datasets = [name for name in dict.fromkeys(rows["dataset"]) if f"{natural.DEPTHS[0] / 1e6:.0f} million" in name]
    datasets = sorted(datasets, key=lambda name: ("platform" in name, datasets.index(name)))
    figure, axes = new_figure(len(COMPARTMENTS), len(datasets), 9.5, 4.2, sharex=True, sharey=True)
    panels = [(compartment, dataset) for compartment in COMPARTMENTS for dataset in datasets]
    for axis, (compartment, dataset) in zip(axes, panels, strict=True):
        for method in natural.METHODS:
            here = rows[(rows["dataset"] == dataset) & (rows["method"] == method)].set_index("group")["value"]
            colour, marker = STYLES[method]
            value = here.reindex([f"{compartment}: purity {name}" for name in BINS])
            look = {"color": colour, "marker": marker, "markersize": 4, "linewidth": 1, "label": NAMES[method]}
            axis.plot(range(len(BINS)), value, **look)
        axis.axhline(float(natural.GOALS[compartment][2:]), color=BLACK, linewidth=0.8, linestyle=DASHED)
        axis.axhline(0, color=GREY, linewidth=0.6)
        axis.set_ylim(-1.05, 1.05)
        axis.set_xticks(range(len(BINS)), BINS, rotation=60)
        if compartment == COMPARTMENTS[0]:
            axis.set_title(dataset.replace(", other", ",\nother").replace(", 20 million reads", ""))
    for place, compartment in enumerate(COMPARTMENTS):
        axes[place * len(datasets)].set_ylabel(compartment)
    figure.supxlabel("true purity", fontsize=8)
    figure.supylabel("Spearman with the own score", fontsize=8)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
    return figure


def draw_coverage(table: pd.DataFrame) -> Figure:
    """Draw the share of intervals that hold the truth, and the share of unknown samples, by bin of purity."""
    checks = (coverage.CHECK, coverage.UNKNOWN)
    datasets = list(dict.fromkeys(table.loc[table["check"] == coverage.CHECK, "dataset"]))
    colours = [BLUE, ORANGE, GREEN, LIGHT_BLUE, VERMILION, PURPLE, GREY, BLACK]
    figure, axes = new_figure(2, 2, 7.5, 5.0, sharex=True, sharey=True)
    panels = [(check, compartment) for check in checks for compartment in COMPARTMENTS]
    for axis, (check, compartment) in zip(axes, panels, strict=True):
        if check == coverage.CHECK:
            axis.axhspan(0.85, 0.95, color="#dce9f5", zorder=0)
        for place, (dataset, colour) in enumerate(zip(datasets, colours, strict=False)):
            here = table[(table["check"] == check) & (table["dataset"] == dataset)].set_index("group")
            here = here.reindex([f"{compartment}: purity {name}" for name in BINS])
            x = np.arange(len(BINS)) + 0.08 * (place - (len(datasets) - 1) / 2)
            # Wilson's ends meet the value at 0 and 1 but for rounding.
            spread = [(here["value"] - here["low"]).clip(lower=0), (here["high"] - here["value"]).clip(lower=0)]
            look = {"color": colour, "marker": "o", "markersize": 3.5, "linewidth": 0.8, "label": dataset}
            axis.errorbar(x, here["value"], spread, **look)
        axis.set_xticks(range(len(BINS)), BINS)
        axis.set_ylim(-0.03, 1.03)
        axis.set_title(f"{compartment}: " + ("truth inside" if check == coverage.CHECK else "unknown"), loc="left")
    figure.supxlabel("true purity", fontsize=8)
    figure.supylabel("share of samples", fontsize=8)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False)
    return figure


def draw_corners(table: pd.DataFrame) -> Figure:
    """Draw what was called in each group of samples, by our method and from the true profiles."""
    rows = table[table["check"] == corners.CONFUSION]
    parts = rows["group"].str.split(" -> ", n=1, expand=True)
    rows = rows.assign(truth=parts[0], call=parts[1])
    truths, calls = list(dict.fromkeys(rows["truth"])), list(dict.fromkeys(rows["call"]))
    figure, axes = new_figure(1, 2, 8.5, 3.4, sharey=True)
    for axis, method in zip(axes, corners.METHODS, strict=True):
        here = rows[rows["method"] == method]
        share, count = (here.pivot_table(index="truth", columns="call", values=name) for name in ("value", "n"))
        axis.imshow(share.loc[truths, calls], cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for row, truth in enumerate(truths):
            for column, name in enumerate(calls):
                colour = "white" if share.at[truth, name] > 0.6 else BLACK
                axis.text(column, row, f"{count.at[truth, name]:.0f}", ha="center", va="center", color=colour)
        short = [name.replace("_ACTIVE", "").replace("_", "\n").replace("DETER", "DETER-\n").lower() for name in calls]
        axis.set_xticks(range(len(calls)), short)
        axis.set_title(NAMES[method], loc="left")
    axes[0].set_yticks(range(len(truths)), [name.replace("_", " ").lower() for name in truths])
    figure.supxlabel("call", fontsize=8)
    figure.supylabel("planted", fontsize=8)
    return figure


def draw_real(table: pd.DataFrame) -> Figure:
    """Draw the estimated against the known fraction of real bulk samples."""
    rows = table[table["check"] == real.SAMPLE]
    parts = rows["group"].str.rsplit(": ", n=1, expand=True)
    rows = rows.assign(what=parts[0], sample=parts[1])
    panels = list(rows.groupby(["dataset", "what"], sort=False))
    columns = 4
    figure, axes = new_figure(-(-len(panels) // columns), columns, 8.5, 4.6)
    for axis, ((dataset, what), part) in zip(axes, panels, strict=False):
        ours = part["method"] == "activity"
        found, known = (part[chosen].set_index("sample")["value"] for chosen in (ours, ~ours))
        other = "another tissue" in dataset
        axis.plot(known, found[known.index], "o", color=VERMILION if other else BLUE, markersize=2.5, alpha=0.7)
        top = 1.02 if what.startswith("purity") else 1.05 * max(found.max(), known.max())
        axis.plot([0, top], [0, top], color=GREY, linewidth=0.8)
        axis.set_xlim(-0.03 * top, top)
        axis.set_ylim(-0.03 * top, top)
        axis.set_title(dataset.replace(" (another tissue)", ""))
        axis.set_xlabel(what)
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    figure.supylabel("estimated from bulk (orange: reference of another tissue)", fontsize=8)
    return figure


def draw_speed(table: pd.DataFrame) -> Figure:
    """Draw seconds and memory against the number of samples, genes and states."""
    rows = table[table["check"] == speed.COST]
    figure, axes = new_figure(2, len(speed.FEWER), 7.5, 4.2, sharey="row")
    for place, what in enumerate(speed.FEWER):
        part = rows[rows["dataset"] == what]
        for group, colour, marker in ((speed.FRACTIONS, BLUE, "o"), (speed.ACTIVITY, ORANGE, "s")):
            here = part[part["group"] == group]
            axes[place].plot(here["n"], here["value"], color=colour, marker=marker, markersize=4, label=group)
        memory = part[part["group"] == speed.MEMORY]
        axes[place + len(speed.FEWER)].plot(memory["n"], memory["value"], color=BLACK, marker="D", markersize=4)
        axes[place + len(speed.FEWER)].set_xlabel(what)
    for axis in axes:
        axis.set_ylim(bottom=0)
        axis.set_xlim(left=0)
    axes[0].set_ylabel("seconds, one thread")
    axes[len(speed.FEWER)].set_ylabel("peak memory, GB")
    axes[0].legend(frameon=False)
    return figure


FIGURES = {
    "bulk_planted": (planted.CHECK, draw_planted),
    "bulk_natural": (natural.BIN, draw_natural),
    "bulk_coverage": (coverage.CHECK, draw_coverage),
    "bulk_corners": (corners.CONFUSION, draw_corners),
    "bulk_real": (real.SAMPLE, draw_real),
    "bulk_speed": (speed.COST, draw_speed),
}


def draw_all(table: pd.DataFrame) -> dict[str, str]:
    """Draw every figure whose rows the table has: name without ending to SVG."""
    present = set(table["check"])
    with mpl.rc_context(STYLE):
        return {name: as_svg(draw(table)) for name, (check, draw) in FIGURES.items() if check in present}
