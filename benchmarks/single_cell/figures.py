"""Figures of the single-cell validation page, drawn from its table alone."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from scoring.figures import BLACK, BLUE, GREEN, GREY, ORANGE, STYLE, VERMILION, as_svg, new_figure
from single_cell.malignant import LOST, WHOLE
from single_cell.speed_run import INFERCNV, MEMORY, OURS, STAGES

WRONG = ("donors: called malignant", "patients: normal called malignant")
METHODS = {"activity": (BLUE, "D"), "scanpy score_genes": (ORANGE, "s"), "decoupler ulm": (GREEN, "o")}
STAGE_COLOURS = ("#56B4E9", GREEN, "#F0E442", ORANGE, BLUE, VERMILION, GREY)


def draw_malignant(table: pd.DataFrame) -> Figure:
    """Draw the AUC of malignant calls by method, and how many normal cells each calls malignant in leukaemia."""
    glioma = (table["check"] == "malignant") & table["dataset"].str.endswith(WHOLE)
    auc = table[(glioma | (table["check"] == "copykat")) & (table["group"] == "AUC")]
    marrow = table[(table["check"] == "marrow") & table["method"].ne("activity, labels given")]
    marrow = marrow[marrow["group"].isin(WRONG)]
    figure, axes = new_figure(2, 1, 7.5, 3.8, sharex=True)
    panels = (
        (auc, "dataset", "AUC: authors' labels (oligodendroglioma), copykat's call (copykat)"),
        (marrow, "group", "share of normal cells called malignant, leukaemia"),
    )
    for axis, (rows, column, title) in zip(axes, panels, strict=True):
        methods, series = list(dict.fromkeys(rows["method"]))[::-1], list(dict.fromkeys(rows[column]))
        for number, (name, colour, marker) in enumerate(zip(series, (BLUE, ORANGE), ("o", "s"), strict=True)):
            value = rows[rows[column] == name].set_index("method")["value"].reindex(methods)
            places = np.arange(len(methods)) + 0.3 * (0.5 - number)
            axis.plot(value, places, marker, color=colour, markersize=5, label=name, clip_on=False)
        axis.set_yticks(range(len(methods)), methods)
        axis.set_ylim(-0.6, len(methods) - 0.4)
        axis.set_xlim(-0.03, 1.03)
        axis.set_title(title, loc="left")
        axis.grid(axis="y", color="#eeeeee", linewidth=0.6)
        axis.set_axisbelow(True)
        axis.tick_params(labelbottom=True)
        axis.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return figure


def draw_lineages(table: pd.DataFrame) -> Figure:
    """Draw the share of cells with the right lineage by data set and method."""
    rows = table[(table["check"] == "lineage") & (table["group"] == "right")]
    datasets = list(dict.fromkeys(rows["dataset"]))[::-1]
    figure, (axis,) = new_figure(1, 1, 7.0, 2.4)
    for number, (method, (colour, marker)) in enumerate(METHODS.items()):
        here = rows[rows["method"] == method].set_index("dataset").reindex(datasets)
        places = np.arange(len(datasets)) + 0.2 * (1 - number)
        spread = [here["value"] - here["low"], here["high"] - here["value"]]
        axis.errorbar(
            here["value"], places, xerr=spread, fmt=marker, color=colour, markersize=5, linewidth=1, label=method
        )
    axis.axvline(0.95, color=BLACK, linewidth=0.8, linestyle=(0, (4, 3)))
    axis.set_yticks(range(len(datasets)), datasets)
    axis.set_xlim(0.5, 1.01)
    axis.set_xlabel("share of cells with the right lineage; unknown counts as wrong")
    axis.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return figure


def draw_arms(table: pd.DataFrame) -> Figure:
    """Draw the log2 ratio of every chromosome arm of the malignant cells of the oligodendroglioma."""
    rows = table[(table["check"] == "arm_ratio") & table["dataset"].str.endswith(WHOLE)].copy()
    rows["place"] = rows["group"].map(lambda arm: (int(arm[:-1]), arm[-1]))
    rows = rows.sort_values("place")
    figure, (axis,) = new_figure(1, 1, 7.5, 2.2)
    colours = [VERMILION if arm in LOST else GREY for arm in rows["group"]]
    axis.bar(range(len(rows)), rows["value"], color=colours)
    axis.axhline(0, color=BLACK, linewidth=0.8)
    axis.set_xticks(range(len(rows)), rows["group"], rotation=90)
    axis.set_xlim(-0.8, len(rows) - 0.2)
    axis.set_ylabel("log2 ratio to\nnormal lineages")
    return figure


def draw_speed(table: pd.DataFrame) -> Figure:
    """Draw seconds by stage and peak memory, ours and infercnvpy's, for each number of cells."""
    rows = table[table["check"] == "speed"]
    sizes = list(dict.fromkeys(rows["dataset"]))
    value = rows.set_index(["dataset", "method", "group"])["value"]
    figure, (seconds, memory) = new_figure(1, 2, 7.5, 2.8)
    for place, size in enumerate(sizes):
        for shift, method in ((-0.2, OURS), (0.2, INFERCNV)):
            start = 0.0
            for stage, colour in zip(STAGES, STAGE_COLOURS, strict=True):
                length = value.get((size, method, stage), 0.0)
                seconds.bar(place + shift, length, 0.36, bottom=start, color=colour, label=stage)
                start += length
            seconds.text(place + shift, start, method, ha="center", va="bottom", fontsize=6)
            colour = BLUE if method == OURS else GREY
            memory.bar(place + shift, value[size, method, MEMORY], 0.36, color=colour, label=method)
    memory.axhline(8, color=BLACK, linewidth=0.8, linestyle=(0, (4, 3)))
    for axis, title in ((seconds, "seconds, one thread"), (memory, "peak memory, GB")):
        axis.set_xticks(range(len(sizes)), sizes)
        axis.set_title(title, loc="left")
        handles, labels = axis.get_legend_handles_labels()
        unique = dict(zip(labels, handles, strict=True))
        axis.legend(unique.values(), unique.keys(), loc="upper left", frameon=False)
    return figure


FIGURES = {
    "single_cell_malignant": ("malignant", draw_malignant),
    "single_cell_arms": ("arm_ratio", draw_arms),
    "single_cell_lineages": ("lineage", draw_lineages),
    "single_cell_speed": ("speed", draw_speed),
}


def draw_all(table: pd.DataFrame) -> dict[str, str]:
    """Draw every figure whose rows the table has: name without ending to SVG."""
    present = set(table["check"])
    with mpl.rc_context(STYLE):
        return {name: as_svg(draw(table)) for name, (check, draw) in FIGURES.items() if check in present}
