"""The picture of one sample's cells: three maps (lineage, malignant, STAT3) above its gains and losses.

Matplotlib is imported where it draws: the module itself is cheap to import.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from textwrap import fill

import numpy as np
import pandas as pd

from stat3act.expression import h5ad
from stat3act.compartments.malignant import MALIGNANT, NON_MALIGNANT, REASONS, UNCERTAIN
from stat3act.profiles.states import CORE_AXIS
from stat3act.report.colours import GREY, HIGH, LEVELS, LINEAGES, LOW, UNCALLED
from stat3act.report.genome_picture import draw_genome
from stat3act.tables import write_whole

MOST_POINTS = 20_000
DPI = 150
# Inches: the size of the figure with and without gains and losses, and its parts from the upper edge.
WIDTH, HEIGHT, HEIGHT_WITHOUT = 9.6, 9.75, 6.2
TITLE, MAPS, GENOME, BELOW_GENOME = 0.2, (0.62, 3.17), 5.15, 1.0
INK, SOFT = "#1d252c", "#56636e"
# Nearly white points would be lost on white paper: the middle of the scale of points is a light grey.
POINT_MIDDLE = "#dedede"
NORMAL_BY_LINEAGE = "#7cc4b2"
MALIGNANT_BY_LABEL = INK
SHUFFLE = 20181
# Places below a map, in its heights.
BELOW_MAP, SCALE_TOP, BELOW_SCALE = -0.05, -0.08, -0.17
CHARACTERS = 168  # of a line of the footer


def read_activity(path: str | Path) -> pd.DataFrame:
    """Read the STAT3 activity of the cells of a sample, where it was scored, by name of the cell.

    Parameters
    ----------
    path
        ``activity/cells/{sample}.h5ad``; read without anndata, whose import takes longer than the picture's data.
    """
    with h5ad.open_file(Path(path)) as file:
        obs = h5ad.frame(file, "obs")
        known = {CORE_AXIS: obs[CORE_AXIS][:]} if CORE_AXIS in obs else {}
        return pd.DataFrame(known, index=h5ad.read_index(obs))


def with_activity(cells: pd.DataFrame, scored: pd.DataFrame) -> pd.DataFrame:
    """Put the STAT3 activity of every cell beside its labels.

    Parameters
    ----------
    cells
        ``compartments/cells/{sample}.tsv.gz``.
    scored
        Result of `read_activity`.

    Returns
    -------
    ``cells`` with the column ``activity``: NaN where a cell, or the whole panel, has no score.
    """
    known = scored.get(CORE_AXIS, pd.Series(np.nan, scored.index))
    return cells.assign(activity=known.reindex(cells["cell"]).to_numpy(dtype=float))


def thin(cells: pd.DataFrame, most: int = MOST_POINTS) -> pd.DataFrame:
    """Keep at most ``most`` cells, evenly spaced in the order of the table."""
    if len(cells) <= most:
        return cells
    return cells.iloc[np.linspace(0, len(cells) - 1, most).round().astype(int)]


def footer(cells: pd.DataFrame, drawn: int, clusters: pd.DataFrame) -> str:
    """Say what a reader must know beside the picture: numbers, what is left out, why cells are uncertain.

    Parameters
    ----------
    cells
        All cells of the sample.
    drawn
        How many of them are drawn.
    clusters
        ``compartments/clusters/{sample}.tsv``.
    """
    number = f"All {len(cells):,} cells are drawn."
    if drawn < len(cells):
        number = f"{drawn:,} of {len(cells):,} cells are drawn, evenly thinned; n counts all of them."
    uncertain = int((cells["malignant_call"] == UNCERTAIN).sum())
    maps = f"{number} Maps: UMAP; distances between groups mean little. Numbers on the first map are clusters."
    lines = [
        maps if cells["umap1"].notna().any() else "No cell is drawn: without clustering there is no map.",
        "The activity of single cells is for pictures only, and relative to the cells of this sample: "
        "calls come from sums over cells.",
    ]
    if uncertain:
        lines.append(f"{uncertain:,} uncertain. " + "; ".join(map(reason_words, reason_codes(clusters))))
    return "\n".join(fill(line, CHARACTERS) for line in lines)


def reason_codes(clusters: pd.DataFrame) -> list[str]:
    """List the reasons of a sample's uncertain cells, that of most clusters first.

    Parameters
    ----------
    clusters
        ``compartments/clusters/{sample}.tsv``; its column ``reason`` may be empty throughout.
    """
    counts = clusters["reason"].dropna().astype(str).str.split(";").explode().value_counts()
    return sorted(counts.index, key=lambda code: (-counts[code], code))


def reason_words(code: str) -> str:
    """Say a reason in words, behind its code."""
    return f"{code}: {REASONS[code].replace('`', '')}" if code in REASONS else code


def draw_sample(sample: str | None, cells: pd.DataFrame, clusters: pd.DataFrame, groups: pd.DataFrame):
    """Draw the cells of one sample.

    Parameters
    ----------
    sample
        Name of the sample; None leaves it out of the picture.
    cells
        Result of `with_activity`; ``umap1`` and ``umap2`` are empty where no map was computed.
    clusters
        ``compartments/clusters/{sample}.tsv``.
    groups
        ``compartments/copy_number/{sample}.tsv.gz``; without rows where copy number was not computed.

    Returns
    -------
    `matplotlib.figure.Figure`
        Independent of matplotlib's global state; the same input gives the same picture.
    """
    from matplotlib import style
    from matplotlib.figure import Figure

    shown = thin(cells)
    # One order for all maps, in which no group lies on top of another.
    shown = shown.iloc[np.random.default_rng(SHUFFLE).permutation(len(shown))]
    # A user's matplotlibrc must not change the picture.
    with style.context("default", after_reset=True):
        height = HEIGHT_WITHOUT if groups.empty else HEIGHT
        figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor="white")
        title = f"{sample}: {len(cells):,} cells" if sample else f"{len(cells):,} cells"
        figure.text(0.03, 1 - TITLE / height, title, fontsize=12, color=INK, va="center")
        top, bottom = (1 - inches / height for inches in MAPS)
        maps = figure.add_gridspec(1, 3, left=0.03, right=0.97, top=top, bottom=bottom, wspace=0.08)
        axes = [figure.add_subplot(maps[0, place]) for place in range(3)]
        draw_lineages(axes[0], shown, cells)
        draw_calls(axes[1], shown, cells)
        draw_activity(axes[2], shown, cells)
        draw_genome(figure, groups, top=1 - GENOME / height, bottom=BELOW_GENOME / height)
        figure.text(0.03, 0.012, footer(cells, len(shown), clusters), fontsize=7, color=SOFT, va="bottom")
    return figure


def write_picture(path: str | Path, figure) -> None:
    """Write a figure as PNG of 256 colours, which is a third as large; the same figure gives the same bytes."""
    from matplotlib import style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    with style.context("default", after_reset=True):
        canvas.draw()
    whole = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    # With one round of k-means 99 % of the pixels stay within 8 of 255; dithering would add noise.
    few = whole.quantize(256, method=Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
    write_whole(path, lambda partial: few.save(partial, format="PNG", optimize=True, dpi=(DPI, DPI)))


def start_map(ax, shown: pd.DataFrame, title: str) -> bool:
    """Set up the axes of a map; False, with a sentence instead of points, where there is no map."""
    ax.set_title(title, fontsize=9, color=INK, loc="left")
    ax.set_xticks([])
    ax.set_yticks([])
    for side in ax.spines.values():
        side.set_color("#dfe4e8")
    if shown["umap1"].notna().any():
        ax.set_xlabel("UMAP 1", fontsize=6, color=SOFT, loc="left", labelpad=2)
        ax.set_ylabel("UMAP 2", fontsize=6, color=SOFT, loc="bottom", labelpad=2)
        return True
    words = "No map: the labels were given,\nand nothing was computed beside them\n(compare_labels: false)."
    ax.text(0.5, 0.5, words, ha="center", va="center", fontsize=8, color=SOFT, transform=ax.transAxes)
    return False


def point_size(number: int) -> float:
    """Area of a point in square points: many cells are drawn smaller."""
    return float(np.clip(9000 / max(number, 1), 1.2, 13))


def colour_scale(name: str):
    """Return the scale of points: blue over grey to orange."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list(name, [LOW, POINT_MIDDLE, HIGH], LEVELS)


def scatter(ax, part: pd.DataFrame, number: int, **style_of):
    """Draw the cells of ``part``, sized for a map of ``number`` cells."""
    style_of = {"s": point_size(number), "linewidths": 0, **style_of}
    return ax.scatter(part["umap1"], part["umap2"], rasterized=True, **style_of)


def add_legend(ax, entries: list[tuple[str, Mapping]], columns: int, top: float = BELOW_MAP) -> None:
    """Write a legend below a map, from ``top`` (in its heights) on; an entry is its words and the style of its mark."""
    from matplotlib.lines import Line2D

    base = {"marker": "o", "linestyle": "", "markersize": 5, "markeredgewidth": 0}
    handles = [Line2D([], [], label=words, **(base | dict(style_of))) for words, style_of in entries]
    ax.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(-0.03, top),
        ncols=columns,
        fontsize=7,
        frameon=False,
        handletextpad=0.3,
        columnspacing=1.0,
        labelcolor=INK,
    )


def add_scale(ax, points, label: str, ticks: list[float]) -> None:
    """Draw the colour scale of a map below it."""
    bar = ax.figure.colorbar(
        points, cax=ax.inset_axes([0.02, SCALE_TOP - 0.035, 0.4, 0.035]), orientation="horizontal", ticks=ticks
    )
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=7, length=2, colors=SOFT, pad=1)
    bar.ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.text(0.46, SCALE_TOP - 0.018, label, fontsize=7, color=INK, va="center", transform=ax.transAxes)


def draw_lineages(ax, shown: pd.DataFrame, cells: pd.DataFrame) -> None:
    """Draw the cells by lineage, each in its fixed colour, with the number of every cluster at its middle."""
    from matplotlib import patheffects

    if start_map(ax, shown, "Lineage"):
        colours = shown["lineage"].map(LINEAGES).fillna(GREY)
        scatter(ax, shown, len(shown), c=colours.to_numpy())
        halo = [patheffects.withStroke(linewidth=1.6, foreground="white")]
        for name, middle in shown.groupby("cluster")[["umap1", "umap2"]].median().iterrows():
            ax.text(*middle, name, fontsize=7, color=INK, ha="center", va="center", path_effects=halo)
    counts = cells["lineage"].value_counts()
    order = [name for name in LINEAGES if name in counts]
    entries = [(f"{name}, n={counts[name]:,}", {"color": LINEAGES[name]}) for name in order]
    add_legend(ax, entries, 2)


def split_calls(cells: pd.DataFrame) -> dict[str, pd.Series]:
    """Say which cells are drawn in which way on the map of calls: masks that exclude each other and leave none out.

    A probability is shown only where the call comes from it. Without one, a cell is not at probability 0: it is
    non-malignant by its lineage or label, malignant by label, mutation or markers, or uncertain.
    """
    measured = (cells["malignant_source"] == "copy_number") & cells["malignant_probability"].notna()
    call = cells["malignant_call"]
    return {
        "malignant": (call == MALIGNANT) & measured,
        "non-malignant": (call == NON_MALIGNANT) & measured,
        "uncertain": (call == UNCERTAIN) & measured,
        "malignant without": (call == MALIGNANT) & ~measured,
        "non-malignant without": (call == NON_MALIGNANT) & ~measured,
        "uncertain without": (call == UNCERTAIN) & ~measured,
    }


def draw_calls(ax, shown: pd.DataFrame, cells: pd.DataFrame) -> None:
    """Draw the cells by probability of being malignant; what has none, and what is uncertain, looks different."""
    counts = {name: int(mask.sum()) for name, mask in split_calls(cells).items()}
    scaled = any(counts[name] for name in ("malignant", "non-malignant", "uncertain"))
    if start_map(ax, shown, "Malignant"):
        masks = split_calls(shown)
        ring = {"linewidths": 0.5, "edgecolors": UNCALLED}
        coloured = {"cmap": colour_scale("probability"), "vmin": 0, "vmax": 1}
        number = len(shown)
        scatter(ax, shown[masks["non-malignant without"]], number, color=NORMAL_BY_LINEAGE)
        scatter(ax, shown[masks["malignant without"]], number, color=MALIGNANT_BY_LABEL)
        called = shown[masks["malignant"] | masks["non-malignant"]]
        points = scatter(ax, called, number, c=called["malignant_probability"], **coloured)
        scatter(ax, shown[masks["uncertain without"]], number, facecolors="white", **ring)
        between = shown[masks["uncertain"]]
        scatter(ax, between, number, c=between["malignant_probability"], **coloured, **ring)
        if scaled:
            add_scale(ax, points, "probability, by copy number", [0, 0.5, 1])
    empty = {"markerfacecolor": "white", "markeredgecolor": UNCALLED, "markeredgewidth": 0.8}
    entries = [
        ("malignant", {"color": HIGH}, ["malignant"]),
        ("malignant (label, mutation, markers)", {"color": MALIGNANT_BY_LABEL}, ["malignant without"]),
        ("uncertain (rings)", empty, ["uncertain", "uncertain without"]),
        ("non-malignant", {"color": LOW}, ["non-malignant"]),
        ("non-malignant (lineage, label)", {"color": NORMAL_BY_LINEAGE}, ["non-malignant without"]),
    ]
    totals = [(words, mark, sum(counts[name] for name in names)) for words, mark, names in entries]
    legend = [(f"{words}, n={total:,}", mark) for words, mark, total in totals if total]
    add_legend(ax, legend, 1, top=BELOW_SCALE if scaled else BELOW_MAP)


def colour_limit(values: pd.Series, share: float = 0.98, step: float = 0.5) -> float:
    """Choose the symmetric limit of a colour scale: the ``share`` quantile of the sizes, rounded up to ``step``."""
    sizes = values.abs().dropna()
    return max(step, math.ceil(float(sizes.quantile(share)) / step) * step) if len(sizes) else step


def draw_activity(ax, shown: pd.DataFrame, cells: pd.DataFrame) -> None:
    """Draw the cells by STAT3 activity around 0; grey crosses have none."""
    known = shown["activity"].notna()
    count = int(cells["activity"].notna().sum())
    if start_map(ax, shown, "STAT3 activity (for pictures only)"):
        scatter(ax, shown[~known], len(shown), color=GREY, marker="x", linewidths=0.5)
        limit = colour_limit(cells["activity"])
        part, coloured = shown[known], {"cmap": colour_scale("activity"), "vmin": -limit, "vmax": limit}
        points = scatter(ax, part, len(shown), c=part["activity"], **coloured)
        if count:
            add_scale(ax, points, f"z within the sample, n={count:,}", [-limit, 0, limit])
    missing = len(cells) - count
    if missing:
        mark = {"color": GREY, "marker": "x", "markeredgewidth": 1}
        add_legend(ax, [(f"no value, n={missing:,}", mark)], 1, top=BELOW_SCALE if count else BELOW_MAP)
