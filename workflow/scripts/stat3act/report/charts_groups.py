"""Altair specification of groups of patients side by side."""

import altair as alt

from stat3act.report.chart_style import finish, tint
from stat3act.report.colours import PALETTE


def groups(on_activity: float, against: str) -> dict:
    """STAT3 activity of every patient by group, with the median of each group.

    Dataset ``groups``: ``patient group value text``; ``group`` holds the number of its patients as well. The page sets
    the height by the number of groups.

    Parameters
    ----------
    on_activity
        Activity that ON needs; drawn as a dashed line.
    against
        What the activities are relative to.
    """
    base = alt.Chart(alt.NamedData("groups"))
    y = alt.Y("group:N", title=None, axis=alt.Axis(grid=True, labelLimit=220))
    x = alt.X("value:Q", title="STAT3 activity, mean of each patient (z)", scale=alt.Scale(zero=False, nice=True))
    tooltip = [
        alt.Tooltip("patient:N", title="Patient"),
        alt.Tooltip("group:N", title="Group"),
        alt.Tooltip("text:N", title="Activity"),
    ]
    line = alt.Chart(alt.InlineData(values=[{"at": on_activity}])).mark_rule(
        strokeDash=[4, 4], color=tint("soft"), opacity=0.7
    )
    layers = [
        line.encode(x=alt.datum(on_activity)),
        base.mark_point(filled=True, size=60, opacity=0.65, color=PALETTE[0]).encode(x=x, y=y, tooltip=tooltip),
        base.mark_tick(thickness=3, size=24, color=tint("ink")).encode(x=alt.X("median(value):Q"), y=y),
    ]
    chart = alt.layer(*layers).properties(width="container", height=120)
    return finish(chart, "STAT3 activity of every patient by group; a thick tick is the median of a group.", against)
