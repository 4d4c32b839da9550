"""Altair specifications of what samples are made of: stacked bars, and gains and losses by chromosome arm."""

from collections.abc import Mapping

import altair as alt

from stat3act.report.chart_style import MANY, finish, tiles_of, tint


def bars(dataset: str, title: str, description: str, parts: Mapping[str, str], samples: int) -> dict:
    """Stacked bars, one per sample.

    Dataset ``dataset``: ``sample rank part value text order``.

    Parameters
    ----------
    dataset
        Its name.
    title
        Of the axis.
    description
        What the chart shows, for readers that cannot see it.
    parts
        Name of each part to its colour, from the bottom up.
    samples
        Number of samples; up to 60 are named.
    """
    x = (
        alt.X("sample:N", sort=alt.EncodingSortField("rank", op="min"), title=None, axis=alt.Axis(labelAngle=-60))
        if samples <= MANY
        else alt.X("rank:O", title="Samples, in the order of the sheet", axis=alt.Axis(labels=False, ticks=False))
    )
    tooltip = [
        alt.Tooltip("sample:N", title="Sample"),
        alt.Tooltip("part:N", title="Part"),
        alt.Tooltip("text:N", title="Value"),
    ]
    scale = alt.Scale(domain=list(parts), range=list(parts.values()))
    chart = (
        alt.Chart(alt.NamedData(dataset))
        .mark_bar()
        .encode(
            x=x,
            y=alt.Y("value:Q", title=title, stack="zero"),
            color=alt.Color("part:N", title=None, scale=scale, sort=list(parts)),
            order=alt.Order("order:Q"),
            tooltip=tooltip,
        )
        .properties(width="container", height=220)
    )
    return finish(chart, description)


def arms(samples: int, names: list[str]) -> dict:
    """Gains and losses of the malignant cells, one row per sample and one column per chromosome arm.

    Dataset ``arms``: ``sample rank arm value text``; null where an arm, or a whole sample, was not measured.

    Parameters
    ----------
    samples
        Number of samples; up to 60 are named, above that rows are thin.
    names
        Arms, in the order of the genome.
    """
    base = alt.Chart(alt.NamedData("arms"))
    named = samples <= MANY
    y = (
        alt.Y("sample:N", sort=alt.EncodingSortField("rank", op="min"), title=None)
        if named
        else alt.Y("rank:O", title="Samples, in the order of the sheet", axis=alt.Axis(labels=False, ticks=False))
    )
    x = alt.X("arm:N", sort=names, scale=alt.Scale(domain=names), title=None, axis=alt.Axis(labelAngle=-60))
    tooltip = [
        alt.Tooltip("sample:N", title="Sample"),
        alt.Tooltip("arm:N", title="Arm"),
        alt.Tooltip("text:N", title="Gain or loss"),
    ]
    # Expression shows about half of a change in copies: one of two copies lost is about -0.5 and not -1.
    scale = {"domain": [-0.5, 0, 0.5], "range": [tint("low"), tint("middle"), tint("high")]}
    colour = alt.Color(
        "value:Q",
        title="log2 ratio to normal cells",
        scale=alt.Scale(**scale, clamp=True, interpolate="rgb"),
        legend=alt.Legend(gradientLength=160),
    )
    height = max(60, 18 * samples) if named else 420
    tiles = tiles_of(base, "value", colour, {"x": x, "y": y, "tooltip": tooltip}, framed=named)
    chart = tiles.properties(width="container", height=height)
    return finish(chart, "Gains and losses of the malignant cells by chromosome arm, one row per sample.")
