"""What all charts of the page share: colours of the theme, sizes, and how a specification is finished.

The colours are parameters, set by the page for its light and dark theme; the defaults here are those of the light one.
"""

from collections.abc import Mapping

import altair as alt

# The light theme of page.css.
INK = {
    "ink": "#1d252c",
    "soft": "#56636e",
    "grid": "#dfe4e8",
    "paper": "#ffffff",
    "low": "#1f6fb2",
    "middle": "#f1f1ee",
    "high": "#c8540a",
    "call_0": "#c8540a",
    "call_1": "#1f6fb2",
    "call_2": "#9c4c87",
    "call_3": "#66727d",
    "call_4": "#7d8994",
}
MANY = 60


def tint(name: str) -> alt.ExprRef:
    """Name a colour of `INK`, which the page sets."""
    return alt.ExprRef(expr=name)


def tiles_of(base: alt.Chart, field: str, colour: alt.Color, encoding: Mapping, framed: bool) -> alt.LayerChart:
    """Draw a heatmap in which a missing value looks like none of the colours.

    Parameters
    ----------
    base
        The chart with its data.
    field, colour
        The value of a tile and its colour.
    encoding
        What known and unknown tiles have in common: place and tooltip.
    framed
        Whether tiles are large enough for frames.
    """
    known = (
        base.transform_filter(f"isValid(datum.{field})")
        .mark_rect(stroke=tint("paper") if framed else None, strokeWidth=1 if framed else 0)
        .encode(color=colour, **encoding)
    )
    # Dashed frames of tiles a pixel wide or high would run together: there, unknown is grey.
    frame = {"fill": "transparent", "stroke": tint("soft"), "strokeWidth": 0.6, "strokeDash": [2, 2]}
    grey = {"fill": tint("soft"), "opacity": 0.35}
    unknown = (
        base.transform_filter(f"!isValid(datum.{field})").mark_rect(**(frame if framed else grey)).encode(**encoding)
    )
    return alt.layer(known, unknown)


def finish(chart: alt.TopLevelMixin, description: str, against: str = "") -> dict:
    """Add the themed colours and what activities are relative to, and return the specification as a plain dict."""
    if against:
        style = {"anchor": "start", "fontSize": 12, "fontWeight": "normal", "color": tint("soft"), "offset": 8}
        chart = chart.properties(title=alt.TitleParams(against.split("\n"), **style))
        description = f"{description} {against.replace(chr(10), ' ')}."
    params = [alt.TopLevelParameter(name=name, value=value) for name, value in INK.items()]
    axis = alt.AxisConfig(
        labelColor=tint("soft"),
        titleColor=tint("ink"),
        gridColor=tint("grid"),
        domainColor=tint("grid"),
        tickColor=tint("grid"),
        titleFontWeight="normal",
        labelLimit=220,
        labelFontSize=12,
        titleFontSize=13,
    )
    legend = alt.LegendConfig(
        labelColor=tint("ink"),
        titleColor=tint("soft"),
        labelFontSize=12,
        titleFontSize=12,
        titleFontWeight="normal",
        orient="top",
        symbolOpacity=1,
        symbolStrokeWidth=1.5,
    )
    chart = chart.properties(description=description, background="transparent").configure(
        axis=axis,
        legend=legend,
        view=alt.ViewConfig(stroke=None),
        text=alt.MarkConfig(color=tint("ink")),
        header=alt.HeaderConfig(labelColor=tint("ink"), titleColor=tint("soft")),
        font="system-ui, sans-serif",
        params=params,
    )
    return chart.to_dict()
