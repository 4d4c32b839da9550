"""Gains and losses of a sample along the genome: groups of cells x windows, with call and lineage beside them."""

import pandas as pd

from stat3act.compartments.arms import GROUP_COLUMNS
from stat3act.compartments.malignant import MALIGNANT, NON_MALIGNANT, UNCERTAIN
from stat3act.report.colours import GREY, HIGH, LEVELS, LINEAGES, LOW

CALLS = {MALIGNANT: "#1d252c", UNCERTAIN: "#b4bdc4", NON_MALIGNANT: "#eceff1"}
INK, SOFT = "#1d252c", "#56636e"
MISSING = (
    "Not computed for this sample: it takes cells that may be malignant, and enough normal cells to compare them with."
)
STEP = 0.05  # colour limits are multiples of it


def order_groups(groups: pd.DataFrame) -> pd.DataFrame:
    """Sort the rows of ``compartments/copy_number/{sample}.tsv.gz``: by call, then cluster, then group."""
    call = groups["call"].map(list(CALLS).index)
    cluster = pd.to_numeric(groups["cluster"], errors="coerce")
    keys = pd.DataFrame({"call": call, "cluster": cluster, "group": groups["group"]})
    return groups.loc[keys.sort_values(["call", "cluster", "group"]).index].reset_index(drop=True)


def blocks(values: pd.Series) -> list[tuple[str, int, int]]:
    """Find the runs of equal values: name, first place, place after the last."""
    starts = values.index[values != values.shift()].tolist()
    ends = [*starts[1:], len(values)]
    return [(values.iloc[start], start, end) for start, end in zip(starts, ends, strict=True)]


def draw_genome(figure, groups: pd.DataFrame, top: float, bottom: float) -> None:
    """Draw gains and losses into a figure, between ``bottom`` and ``top`` (shares of its height).

    Parameters
    ----------
    figure
        `matplotlib.figure.Figure`.
    groups
        ``compartments/copy_number/{sample}.tsv.gz``; without rows where copy number was not computed.
    top, bottom
        Places of its upper and lower edge.
    """
    if groups.empty:
        figure.text(0.03, top, "Gains and losses along the genome", fontsize=9, color=INK, va="bottom")
        figure.text(0.03, top - 0.01, MISSING, fontsize=8, color=SOFT, va="top")
        return
    place = {"left": 0.13, "right": 0.97, "top": top, "bottom": bottom}
    grid = figure.add_gridspec(1, 3, **place, wspace=0.012, width_ratios=[1, 1, 90])
    groups = order_groups(groups)
    strips = [figure.add_subplot(grid[0, place]) for place in range(2)]
    draw_strip(strips[0], groups["call"].map(CALLS), "call")
    draw_strip(strips[1], groups["lineage"].map(LINEAGES).fillna(GREY), "lineage")
    for call, start, end in blocks(groups["call"]):
        words = f"{call}\nn={groups['n_cells'].iloc[start:end].sum():,}"
        strips[0].text(-1.2, (start + end - 1) / 2, words, fontsize=7, color=INK, ha="right", va="center")
    draw_windows(figure.add_subplot(grid[0, 2]), groups)


def draw_strip(ax, colours: pd.Series, title: str) -> None:
    """Draw one column of colours, one cell per row of the heatmap."""
    from matplotlib.colors import to_rgb

    ax.imshow([[to_rgb(colour)] for colour in colours], aspect="auto", interpolation="nearest")
    ax.set_xticks([0], [title], rotation=90, fontsize=6, color=SOFT)
    ax.set_yticks([])
    ax.tick_params(length=0, pad=1)
    for side in ax.spines.values():
        side.set_color("#b4bdc4")
        side.set_linewidth(0.5)


def draw_windows(ax, groups: pd.DataFrame) -> None:
    """Draw the windows of ordered groups around 0, with the borders of chromosomes and calls."""
    from matplotlib.colors import LinearSegmentedColormap

    values = groups.drop(columns=list(GROUP_COLUMNS))
    sizes = values.abs().stack().quantile(0.99)
    limit = max(STEP, STEP * round(float(sizes) / STEP))
    scale = LinearSegmentedColormap.from_list("change", [LOW, "#ffffff", HIGH], LEVELS)
    style_of = {"cmap": scale, "vmin": -limit, "vmax": limit, "aspect": "auto", "interpolation": "nearest"}
    image = ax.imshow(values.to_numpy(), **style_of)
    title = f"Gains and losses along the genome: {len(groups)} groups, n={groups['n_cells'].sum():,} cells"
    ax.set_title(title, fontsize=9, color=INK, loc="left")
    chromosomes = blocks(pd.Series([name.split(":")[0] for name in values.columns]))
    for _, start, _ in chromosomes[1:]:
        ax.axvline(start - 0.5, color=INK, linewidth=0.4)
    for _, start, _ in blocks(groups["call"])[1:]:
        ax.axhline(start - 0.5, color=INK, linewidth=0.8)
    ax.set_xticks([])
    ax.set_yticks([])
    for place, (name, start, end) in enumerate(chromosomes):
        depth = -0.02 - 0.035 * (place % 2)  # on two lines: the small chromosomes are narrower than their names
        words = name.removeprefix("chr")
        transform = ax.get_xaxis_transform()
        ax.text((start + end - 1) / 2, depth, words, fontsize=7, color=SOFT, ha="center", va="top", transform=transform)
    bar = ax.figure.colorbar(image, cax=ax.inset_axes([0.8, 1.035, 0.2, 0.03]), orientation="horizontal")
    bar.set_ticks([-limit, 0, limit])
    bar.outline.set_visible(False)
    bar.ax.xaxis.set_ticks_position("top")
    bar.ax.tick_params(labelsize=7, length=2, colors=SOFT, pad=1)
    ax.text(
        0.79, 1.05, "log ratio to normal cells", fontsize=7, color=INK, ha="right", va="center", transform=ax.transAxes
    )
