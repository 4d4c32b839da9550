"""Figures of the validation page, drawn from its table alone; the same table gives the same bytes."""

import io

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from scoring import study, variants
from scoring.baselines import CALLED

# Okabe and Ito's palette, told apart by readers with any colour vision (https://jfly.uni-koeln.de/color/).
BLACK, ORANGE, BLUE, GREEN, VERMILION, GREY = "#000000", "#E69F00", "#0072B2", "#009E73", "#D55E00", "#999999"
TREATMENTS = {
    "Mock": (GREY, "o", "mock"),
    "IFNL": (VERMILION, "s", "interferon λ"),
    "IL22": (BLUE, "^", "IL-22"),
    "IL22_IFNL": (GREEN, "D", "both"),
}
TIMES = ("3h", "6h", "12h", "24h")
LABELS = {
    "activity": "activity",
    "univariate": "our panel, univariate",
    "stat3_mrna": "STAT3 mRNA",
    "socs3_mrna": "SOCS3 mRNA",
    "collectri_ulm": "CollecTRI, ulm",
    "dorothea_ulm": "DoRothEA, ulm",
    "hallmark_il6_jak_stat3": "Hallmark IL6-JAK-STAT3",
    "progeny_jak_stat": "PROGENy JAK-STAT",
    "purity": "purity",
}
STYLE = {
    "font.size": 8,
    "axes.titlesize": 8,
    "legend.fontsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "stat3act",
    "svg.fonttype": "path",
}


def as_svg(figure: Figure) -> str:
    """Return a figure as SVG text without date or version."""
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None}, bbox_inches="tight")
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def new_figure(rows: int, columns: int, width: float, height: float, **kwargs):
    """Return a figure of the house style and its axes as a flat list."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False, **kwargs).ravel())


def draw_specificity(table: pd.DataFrame) -> Figure:
    """Draw T84 cells: median and range of three replicates by method, treatment and time."""
    rows = table[(table["check"] == "specificity_value") & (table["dataset"] == "T84")]
    parts = rows["group"].str.rsplit(" ", n=1, expand=True)
    rows = rows.assign(treatment=parts[0], time=parts[1])
    methods = [name for name in LABELS if name in set(rows["method"])]
    figure, axes = new_figure(2, (len(methods) + 1) // 2, 7.5, 4.2, sharex=True)
    for axis, method in zip(axes, methods, strict=False):
        axis.axhline(0, color="#dddddd", linewidth=0.8)
        axis.axhline(CALLED, color=BLACK, linewidth=0.8, linestyle=(0, (4, 3)))
        for number, (treatment, (colour, marker, label)) in enumerate(TREATMENTS.items()):
            here = (
                rows[(rows["method"] == method) & (rows["treatment"] == treatment)].set_index("time").loc[list(TIMES)]
            )
            x = np.arange(len(TIMES)) + 0.09 * (number - 1.5)
            spread = [here["value"] - here["low"], here["high"] - here["value"]]
            axis.errorbar(
                x, here["value"], spread, color=colour, marker=marker, markersize=3.5, linewidth=1, label=label
            )
        axis.set_title(LABELS[method], fontweight="bold" if method == "activity" else "normal")
        axis.set_xticks(range(len(TIMES)), [time.removesuffix("h") for time in TIMES])
    for axis in axes[len(methods) :]:
        axis.set_axis_off()
    figure.supxlabel("hours of treatment", fontsize=8)
    figure.supylabel("statistic (z, t or standard deviations)", fontsize=8)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False)
    return figure


def draw_phospho(table: pd.DataFrame) -> Figure:
    """Draw Spearman's correlation with pY705 by method, in each cohort and on average."""
    rows = table[(table["check"] == "phospho") & table["method"].isin(list(LABELS))]
    datasets = [*sorted(set(rows["dataset"]) - {"TCGA"}), "TCGA"]
    methods = [name for name in LABELS if name in set(rows["method"])][::-1]
    figure, axes = new_figure(1, len(datasets), 8.5, 2.8, sharey=True, sharex=True)
    for axis, dataset in zip(axes, datasets, strict=True):
        here = rows[rows["dataset"] == dataset].set_index("method").reindex(methods)
        for place, (method, row) in enumerate(here.iterrows()):
            colour = BLUE if method == "activity" else BLACK
            axis.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=1)
            axis.plot(row["value"], place, "D" if method == "activity" else "o", color=colour, markersize=4)
        axis.axvline(0, color=GREY, linewidth=0.8)
        own = here.loc["activity"]
        axis.axvline(own["value"], color=BLUE, linewidth=0.6, linestyle=":")
        axis.set_title(f"{'weighted mean' if dataset == 'TCGA' else dataset}\nn = {own['n']:.0f}")
    axes[-1].set_facecolor("#f3f3f3")
    axes[0].set_yticks(range(len(methods)), [LABELS[method] for method in methods])
    axes[0].set_xlim(-1, 1)
    figure.supxlabel("Spearman's correlation with STAT3 pY705 (95 % bootstrap interval over patients)", fontsize=8)
    return figure


def draw_histograms(table: pd.DataFrame) -> Figure:
    """Draw the distribution of p of random panels in each data set."""
    rows = table[table["check"] == "p_histogram"]
    datasets = list(dict.fromkeys(rows["dataset"]))
    columns = min(4, len(datasets))
    figure, axes = new_figure(-(-len(datasets) // columns), columns, 7.5, 3.6, sharex=True, sharey=True)
    for axis, dataset in zip(axes, datasets, strict=False):
        for method, colour in (("univariate", ORANGE), ("activity", BLUE)):
            here = rows[(rows["dataset"] == dataset) & (rows["method"] == method)]
            edges = [*here["group"].str.split("-").str[0].astype(float), 1.0]
            label = {"activity": "activity", "univariate": "univariate t as if it were a test"}[method]
            axis.stairs(here["value"], edges, color=colour, fill=method == "activity", alpha=0.8, label=label)
            if len(here):
                axis.axhline(1 / len(here), color=BLACK, linewidth=0.8, linestyle=(0, (4, 3)))
        axis.set_title(dataset)
    for axis in axes[len(datasets) :]:
        axis.set_axis_off()
    figure.supxlabel("p of random matched panels", fontsize=8)
    figure.supylabel("share of samples x panels", fontsize=8)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    return figure


def study_table(table: pd.DataFrame) -> pd.DataFrame:
    """Lay out the study by variant: correlation, false calls, calls where STAT3 is on.

    Returns
    -------
    Variants (in the order of the study) x ``spearman``, ``decoys`` (most deceiving of the planted ones), ``ifnl``,
    ``il22`` (T84 cells; samples with IL-22, alone and with interferon), ``kang`` (greatest z), ``core`` (planted).
    """
    rows = table[table["check"] == "study"]
    order = list(dict.fromkeys(rows["method"]))

    def values(dataset: str, group: str) -> pd.Series:
        here = rows[(rows["dataset"] == dataset) & (rows["group"] == group)]
        return here.set_index("method")["value"].reindex(order)

    decoys = [values("TCGA", f"{study.PLANTED}: {name}") for name in study.DECOYS]
    active = [values("T84", f"{study.ACTIVE}: {name}") for name in ("IL22", "IL22_IFNL")]
    return pd.DataFrame(
        {
            "spearman": values("TCGA", study.SPEARMAN),
            "decoys": pd.concat(decoys, axis=1).max(axis=1),
            "ifnl": values("T84", f"{study.ACTIVE}: IFNL"),
            "il22": pd.concat(active, axis=1).mean(axis=1),
            "kang": values("Kang", "greatest: stim"),
            "core": values("TCGA", f"{study.PLANTED}: {study.STAT3}"),
        }
    )


def draw_study(table: pd.DataFrame) -> Figure:
    """Draw the study: correlation with pY705, false calls, and calls where STAT3 is on."""
    found = study_table(table)[::-1]
    places = np.arange(len(found))
    figure, axes = new_figure(1, 3, 8.5, 5.6, sharey=True)
    panels = (
        (("spearman", BLACK, "o", "mean over six cohorts"),),
        (("decoys", VERMILION, "s", "worst planted decoy, TCGA"), ("ifnl", ORANGE, "o", "interferon λ, T84")),
        (("core", BLUE, "^", "STAT3 panel planted, TCGA"), ("il22", GREEN, "D", "IL-22, T84")),
    )
    titles = ("correlation with pY705", "false calls (share)", "true calls (share)")
    for axis, series, title in zip(axes, panels, titles, strict=True):
        if variants.CHOSEN in found.index:
            axis.axhspan(*(found.index.get_loc(variants.CHOSEN) + np.array([-0.5, 0.5])), color="#dce9f5")
        for column, colour, marker, label in series:
            axis.plot(found[column], places, marker, color=colour, markersize=4.5, label=label)
        axis.set_title(title)
        axis.grid(axis="y", color="#eeeeee", linewidth=0.6)
        axis.set_axisbelow(True)
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.06), frameon=False)
    axes[0].set_yticks(places, found.index)
    axes[1].axvline(study.MOST_FALSE, color=BLACK, linewidth=0.8, linestyle=(0, (4, 3)))
    for axis in axes[1:]:
        axis.set_xlim(-0.04, 1.04)
    return figure


FIGURES = {
    "scoring_specificity": ("specificity_value", draw_specificity),
    "scoring_phospho": ("phospho", draw_phospho),
    "scoring_calibration": ("p_histogram", draw_histograms),
    "scoring_study": ("study", draw_study),
}


def draw_all(table: pd.DataFrame) -> dict[str, str]:
    """Draw every figure whose rows the table has: name without ending to SVG."""
    present = set(table["check"])
    with mpl.rc_context(STYLE):
        return {name: as_svg(draw(table)) for name, (check, draw) in FIGURES.items() if check in present}
