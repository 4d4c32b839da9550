"""Altair specifications of the page's charts.

The data stay out of the specifications: each names its dataset, and the page fills it from the embedded tables.
Every chart that shows activities has above it what they are relative to (``against``, from `compared.against`): it is
part of the picture, so that a saved chart still says it.
"""

from collections.abc import Mapping

import altair as alt

from stat3act.report.chart_style import MANY, finish, tiles_of, tint
from stat3act.report.colours import COMPARTMENTS, PALETTE
from stat3act.report.evidence import CALLS, STATES

HEIGHT = 400
MARGIN = 20


def _answers(answers: Mapping[str, Mapping[str, str]]) -> dict:
    """Encodings of colour and shape by the answer of a sample (its call, or its state)."""
    domain = list(answers)
    words = "datum.label"
    for code, answer in answers.items():
        words = f"datum.label == '{code}' ? '{answer['name']}' : {words}"
    colours = alt.Scale(domain=domain, range=[tint(answer["colour"]) for answer in answers.values()])
    shapes = alt.Scale(domain=domain, range=[answer["shape"] for answer in answers.values()])
    return {
        "color": alt.Color("call:N", title="Call", scale=colours, legend=alt.Legend(labelExpr=words)),
        "shape": alt.Shape("call:N", title="Call", scale=shapes, legend=alt.Legend(labelExpr=words)),
    }


def _colour(by: str) -> dict:
    """Encodings of colour (and, for calls, shape) of a point."""
    if by == "call":
        return _answers(CALLS)
    if by == "number":
        scale = alt.Scale(scheme="viridis")
        return {"color": alt.Color("group:Q", title=None, scale=scale, legend=alt.Legend(gradientLength=180))}
    return {"color": alt.Color("group:N", title=None, scale=alt.Scale(range=PALETTE))}


def _rule_at(axis: str, value: float) -> alt.Chart:
    data = alt.InlineData(values=[{"at": value}])
    mark = alt.Chart(data).mark_rule(strokeDash=[4, 4], color=tint("soft"), opacity=0.7)
    return mark.encode(**{axis: alt.datum(value)})


def _margin_title(base: alt.Chart, words: str, angle: int) -> alt.Chart:
    """Title of a margin, drawn once and only where the margin holds a sample."""
    style = {"color": tint("soft"), "fontSize": 11, "fontStyle": "italic", "baseline": "bottom", "align": "right"}
    return base.transform_aggregate(n="count()").mark_text(text=words, angle=angle, dx=-6, **style)


def compartments(on_activity: float, by: str, samples: int, against: str) -> dict:
    """Tumour against microenvironment activity, with intervals; one unknown side: hollow, in the margin of that side.

    Dataset ``compartments``: ``sample call group x x_low x_high y y_low y_high x_text y_text``; null where unknown.

    Parameters
    ----------
    on_activity
        Activity that ON needs; drawn as dashed lines.
    by
        ``call``, ``category`` (column ``group``, text) or ``number`` (column ``group``, numeric).
    samples
        Number of samples; many of them are drawn smaller and their intervals fainter.
    against
        What the activities are relative to.
    """
    base = alt.Chart(alt.NamedData("compartments"))
    # The padding keeps the margin free for samples with one unknown side.
    scale = alt.Scale(zero=False, nice=False, padding=MARGIN + 8)
    x = alt.X("x:Q", title="STAT3 activity in the tumour (z)", scale=scale)
    y = alt.Y("y:Q", title="STAT3 activity in the microenvironment (z)", scale=scale)
    colour = _colour(by)
    tooltip = [
        alt.Tooltip("sample:N", title="Sample"),
        alt.Tooltip("call_name:N", title="Call"),
        alt.Tooltip("x_text:N", title="Tumour"),
        alt.Tooltip("y_text:N", title="Microenvironment"),
        alt.Tooltip("group:N", title="Coloured by"),
    ]
    both = base.transform_filter("isValid(datum.x) && isValid(datum.y)")
    no_x = base.transform_filter("!isValid(datum.x) && isValid(datum.y)")
    no_y = base.transform_filter("isValid(datum.x) && !isValid(datum.y)")
    size, opacity = (30, 0.1) if samples > MANY else (70, 0.45)
    whisker = {"strokeWidth": 1, "opacity": opacity}
    point = {"size": size, "filled": True, "opacity": 0.95, "strokeWidth": 1.5}
    hollow = {"size": size, "filled": False, "opacity": 1, "strokeWidth": 1.6}
    left, bottom = alt.value(MARGIN / 2), alt.value(HEIGHT - MARGIN / 2)
    layers = [
        _rule_at("x", on_activity),
        _rule_at("y", on_activity),
        both.mark_rule(**whisker).encode(x=alt.X("x_low:Q"), x2="x_high:Q", y=y, color=colour["color"]),
        both.mark_rule(**whisker).encode(x=x, y=alt.Y("y_low:Q"), y2="y_high:Q", color=colour["color"]),
        both.mark_point(**point).encode(x=x, y=y, tooltip=tooltip, **colour),
        no_x.mark_rule(**whisker).encode(x=left, y=alt.Y("y_low:Q"), y2="y_high:Q", color=colour["color"]),
        no_x.mark_point(**hollow).encode(x=left, y=y, tooltip=tooltip, **colour),
        no_y.mark_rule(**whisker).encode(x=alt.X("x_low:Q"), x2="x_high:Q", y=bottom, color=colour["color"]),
        no_y.mark_point(**hollow).encode(x=x, y=bottom, tooltip=tooltip, **colour),
        _margin_title(no_x, "tumour unknown", 270).encode(x=alt.value(MARGIN), y=alt.value(0)),
        _margin_title(no_y, "microenvironment unknown", 0).encode(x=alt.value("width"), y=alt.value(HEIGHT - MARGIN)),
    ]
    chart = alt.layer(*layers, width="container", height=HEIGHT)
    words = "STAT3 activity of the tumour against that of the microenvironment, one mark per sample."
    return finish(chart, words, against)


def ranked(on_activity: float, samples: int, against: str) -> dict:
    """Bulk activity of every sample with its interval, highest first.

    Dataset ``ranked``: ``sample call rank value low high text``. Up to 60 samples are named; above that, the rank
    stands for the name.
    """
    base = alt.Chart(alt.NamedData("ranked"))
    sign = _answers(STATES)
    tooltip = [alt.Tooltip("sample:N", title="Sample"), alt.Tooltip("text:N", title="Activity")]
    value = {"title": "STAT3 activity of the unsplit sample (z)", "scale": alt.Scale(zero=False, nice=True)}
    if samples <= MANY:
        order = alt.EncodingSortField("rank")
        place = {"y": alt.Y("sample:N", sort=order, title=None)}
        low, high, middle, rule = alt.X("low:Q", **value), {"x2": "high:Q"}, alt.X("value:Q", **value), "x"
        size = {"height": 18 * samples}
    else:
        place = {"x": alt.X("rank:Q", title="Samples, highest activity first", scale=alt.Scale(nice=False))}
        low, high, middle, rule = alt.Y("low:Q", **value), {"y2": "high:Q"}, alt.Y("value:Q", **value), "y"
        size = {"height": HEIGHT}
    layers = [
        _rule_at(rule, on_activity),
        base.mark_rule(strokeWidth=1, opacity=0.5).encode(**{rule: low}, **high, **place, color=sign["color"]),
        base.mark_point(filled=True, size=50, opacity=1).encode(**{rule: middle}, **place, **sign, tooltip=tooltip),
    ]
    chart = alt.layer(*layers).properties(width="container", **size)
    return finish(chart, "STAT3 activity of the unsplit samples with intervals, highest first.", against)


def interferon(on_activity: float, answers: Mapping[str, Mapping[str, str]], against: str) -> dict:
    """STAT3 against interferon activity in one compartment.

    Dataset ``interferon``: ``sample call call_name x y score``.

    Parameters
    ----------
    on_activity
        Activity that ON needs; drawn as dashed lines.
    answers
        `stat3act.report.evidence.CALLS` or ``STATES``: what colours and shapes the marks.
    against
        What the activities are relative to.
    """
    tooltip = [
        alt.Tooltip("sample:N", title="Sample"),
        alt.Tooltip("call_name:N", title="Call"),
        alt.Tooltip("x:Q", title="Interferon / STAT1 (z)", format=".2f"),
        alt.Tooltip("y:Q", title="STAT3 (z)", format=".2f"),
        alt.Tooltip("score:Q", title="STAT3 without rival axes (t)", format=".2f"),
    ]
    points = (
        alt.Chart(alt.NamedData("interferon"))
        .mark_point(size=70, filled=True, opacity=0.95)
        .encode(
            x=alt.X("x:Q", title="Interferon / STAT1 activity (z)", scale=alt.Scale(zero=False, nice=True)),
            y=alt.Y("y:Q", title="STAT3 activity (z)", scale=alt.Scale(zero=False, nice=True)),
            tooltip=tooltip,
            **_answers(answers),
        )
    )
    chart = alt.layer(_rule_at("y", on_activity), _rule_at("x", on_activity), points)
    return finish(
        chart.properties(width="container", height=HEIGHT),
        "STAT3 activity against interferon activity of the chosen compartment, one mark per sample.",
        against,
    )


def heatmap(samples: int, axes: list[str], against: str) -> dict:
    """Activity of every axis in every sample of one compartment; unknown cells are hollow.

    Dataset ``heatmap``: ``sample rank axis activity text reason``.
    """
    base = alt.Chart(alt.NamedData("heatmap"))
    named = samples <= MANY
    x = (
        alt.X("sample:N", sort=alt.EncodingSortField("rank", op="min"), title=None, axis=alt.Axis(labelAngle=-60))
        if named
        else alt.X("rank:O", title="Samples, highest STAT3 activity first", axis=alt.Axis(labels=False, ticks=False))
    )
    y = alt.Y("axis:N", sort=axes, title=None, axis=alt.Axis(labelLimit=220))
    tooltip = [
        alt.Tooltip("sample:N", title="Sample"),
        alt.Tooltip("axis:N", title="Axis"),
        alt.Tooltip("text:N", title="Activity"),
    ]
    colour = alt.Color(
        "activity:Q",
        title="Activity (z)",
        scale=alt.Scale(
            domain=[-4, 0, 4],
            range=[tint("low"), tint("middle"), tint("high")],
            clamp=True,
            interpolate="rgb",  # the default, HCL, turns green on its way from blue to orange
        ),
        legend=alt.Legend(gradientLength=160),
    )
    tiles = tiles_of(base, "activity", colour, {"x": x, "y": y, "tooltip": tooltip}, framed=named)
    chart = tiles.properties(width="container", height=22 * len(axes))
    return finish(chart, "Activity of every axis in every sample of the chosen compartment.", against)


def phospho() -> dict:
    """Agreement with phospho-STAT3 of our activity and of the baselines, with intervals.

    Dataset ``phospho``: the rows of ``validation/phospho.tsv``, with ``own`` true for our activity.
    """
    base = alt.Chart(alt.NamedData("phospho"))
    y = alt.Y("method:N", sort=None, title=None)
    x = {"title": "Rank correlation with phospho-STAT3", "scale": alt.Scale(domain=[-1, 1])}
    colour = alt.condition("datum.own", alt.value(PALETTE[0]), alt.value(PALETTE[1]))
    tooltip = [
        alt.Tooltip("group:N", title="Samples"),
        alt.Tooltip("method:N", title="Method"),
        alt.Tooltip("spearman:Q", title="Spearman", format=".2f"),
        alt.Tooltip("low:Q", title="Interval from", format=".2f"),
        alt.Tooltip("high:Q", title="to", format=".2f"),
        alt.Tooltip("n:Q", title="Samples with both"),
    ]
    layers = alt.layer(
        base.mark_rule(strokeDash=[4, 4], strokeWidth=0.5, color=tint("soft")).encode(x=alt.datum(0)),
        base.mark_rule(strokeWidth=1.5).encode(x=alt.X("low:Q", **x), x2="high:Q", y=y, color=colour),
        base.mark_point(filled=True, size=60, opacity=1).encode(
            x=alt.X("spearman:Q", **x), y=y, color=colour, tooltip=tooltip
        ),
    ).properties(width=420, height=alt.Step(22))
    chart = layers.facet(row=alt.Row("group:N", title=None, header=alt.Header(labelAngle=0, labelAlign="left")))
    return finish(chart, "Rank correlation with phospho-STAT3 of each method, with intervals.")


def card(on_activity: float, axes: list[str], compartments: Mapping[str, str], against: str) -> dict:
    """Axes of one sample per compartment, with intervals, for its card.

    Dataset ``card``: ``axis compartment value low high text``.

    Parameters
    ----------
    on_activity
        Activity that ON needs; drawn as a dashed line.
    axes
        Axes in words, in their order.
    compartments
        Compartment to its name in words, in their order.
    against
        What the activities are relative to.
    """
    base = alt.Chart(alt.NamedData("card"))
    y = alt.Y("axis:N", sort=axes, title=None, axis=alt.Axis(grid=True, labelLimit=220))
    names = list(compartments.values())
    colours = alt.Scale(domain=names, range=[COMPARTMENTS[compartment] for compartment in compartments])
    offset = alt.YOffset("compartment:N", sort=names)
    colour = alt.Color("compartment:N", title="Compartment", sort=names, scale=colours)
    shape = alt.Shape("compartment:N", title="Compartment", sort=names, scale=alt.Scale(domain=names))
    x = {"title": "Activity (z)", "scale": alt.Scale(nice=True)}
    tooltip = [
        alt.Tooltip("axis:N", title="Axis"),
        alt.Tooltip("compartment:N", title="Compartment"),
        alt.Tooltip("text:N", title="Activity"),
    ]
    layers = [
        _rule_at("x", on_activity),
        base.mark_rule(strokeWidth=1.5).encode(x=alt.X("low:Q", **x), x2="high:Q", y=y, yOffset=offset, color=colour),
        base.mark_point(filled=True, size=45, opacity=1).encode(
            x=alt.X("value:Q", **x),
            y=y,
            yOffset=offset,
            color=colour,
            shape=shape,
            tooltip=tooltip,
        ),
    ]
    chart = alt.layer(*layers).properties(width="container", height=9 * len(axes) * (len(compartments) + 1))
    return finish(chart, "Activity of every axis of this sample, per compartment, with intervals.", against)
