"""The self-check of a bulk reference on the page: its chart and what it comes to in two sentences."""

from collections.abc import Mapping

import altair as alt
import pandas as pd

from stat3act.profiles.states import CORE_AXIS
from stat3act.report.chart_style import finish, tint
from stat3act.report.colours import PALETTE
from stat3act.report.evidence import COMPARTMENTS
from stat3act.report.methods_text import is_split_from_bulk
from stat3act.validation.calibration import measured_limits
from stat3act.validation.left_out import NATURAL, PLANTED

# Column of the table to its name in the chart.
MEASURES = {"spearman": "Rank correlation", "coverage": "Intervals that hold"}
UNTESTED = "Intervals of tumour and microenvironment are not calibrated, and no call has more than low confidence."


def is_tested(tables: Mapping[str, pd.DataFrame]) -> bool:
    """Tell whether the reference could be tested."""
    return "selfcheck" in tables and not tables["selfcheck"].empty


def chart() -> dict:
    """Recovery and coverage of one axis by purity, for each compartment and kind of mixture.

    Recovery is the rank correlation with the score of the compartment's own profile. Dataset ``selfcheck``:
    ``compartment kind bin order measure value aim n``; ``aim`` is what is asked for.
    """
    base = alt.Chart(alt.NamedData("selfcheck"))
    x = alt.X(
        "bin:O",
        title="Estimated purity",
        sort=alt.EncodingSortField("order", op="min"),
        axis=alt.Axis(labelAngle=0),
    )
    y = alt.Y("value:Q", title=None, scale=alt.Scale(domainMax=1, nice=True))
    scale = alt.Scale(domain=[PLANTED, NATURAL], range=PALETTE[:2])
    sign = {
        "color": alt.Color("kind:N", title="Mixtures", scale=scale),
        "shape": alt.Shape("kind:N", title="Mixtures", scale=alt.Scale(domain=[PLANTED, NATURAL])),
    }
    tooltip = [
        alt.Tooltip("kind:N", title="Mixtures"),
        alt.Tooltip("bin:N", title="Purity"),
        alt.Tooltip("value:Q", title="Value", format=".2f"),
        alt.Tooltip("n:Q", title="Mixtures"),
    ]
    layers = alt.layer(
        base.mark_rule(strokeDash=[4, 4], strokeWidth=0.8, color=tint("soft")).encode(y="mean(aim):Q"),
        base.mark_line(strokeWidth=1.5).encode(x=x, y=y, color=sign["color"]),
        base.mark_point(filled=True, size=60, opacity=1).encode(x=x, y=y, tooltip=tooltip, **sign),
    ).properties(width=300, height=150)
    header = alt.Header(labelFontSize=12)
    faceted = layers.facet(
        row=alt.Row("measure:N", title=None, sort=list(MEASURES.values()), header=header),
        # The tumour comes first, as everywhere.
        column=alt.Column("compartment:N", title=None, sort=list(COMPARTMENTS.values())[:2], header=header),
    )
    words = "Recovery and coverage of the split by estimated purity, per compartment and kind of mixture."
    return finish(faceted, words)


def span(values: pd.Series) -> str:
    """Write the range of some numbers, e.g. ``0.71 to 0.99``."""
    values = values.dropna()
    if values.empty:
        return "not measured"
    low, high = f"{values.min():.2f}", f"{values.max():.2f}"
    return low if low == high else f"{low} to {high}"


def lost_bins(core: pd.DataFrame, least: float) -> str:
    """Say at which purities a compartment is left unknown because it was not recovered."""
    limits = measured_limits(core, least)
    lost = limits[~limits["recovered"]]
    if lost.empty:
        return "no purity had to be left out"
    upper = dict(zip(core["purity_low"], core["purity_high"], strict=True))
    parts = [
        f"{row.compartment} at {100 * row.purity_low:.0f}-{100 * upper[row.purity_low]:.0f} %"
        for row in lost.itertuples()
        if row.purity_low in upper
    ]
    return f"left unknown for that: {', '.join(parts)}" if parts else "no purity of the mixtures had to be left out"


def sentences(config: Mapping, tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Say what the self-check found; nothing where the cohort was not split with a reference.

    Parameters
    ----------
    config
        The effective configuration.
    tables
        ``selfcheck``, where the reference was to be tested.
    """
    if not is_split_from_bulk(config):
        return []
    if "selfcheck" not in tables:
        return ["The reference was not tested, because compartments.selfcheck is false.", UNTESTED]
    if not is_tested(tables):
        return ["The reference holds tumours of fewer than two patients: none could be left out to test it.", UNTESTED]
    table, least = tables["selfcheck"], config["compartments"]["min_recovery"]
    core = table[table["axis"] == CORE_AXIS]
    by = {name: span(part["spearman"]) for name, part in core.groupby("compartment", sort=False)}
    known = core.dropna(subset=["coverage"])
    n = known["n"] * (1 - known["share_unknown"])
    held = f"{100 * (known['coverage'] * n).sum() / n.sum():.0f} %" if n.sum() else "an unknown share"
    level = f"{100 * config['activity']['confidence_level']:g} %"
    return [
        "In mixtures with tumours that were left out of the reference, STAT3 (stat3_core) followed the compartment's "
        f"own score with rank correlations of {by.get('tumour', 'not measured')} in the tumour and "
        f"{by.get('microenvironment', 'not measured')} in the microenvironment, by purity and kind of mixture; a mean "
        f"of {least:g} over both kinds is asked for ({lost_bins(core, least)}).",
        f"The {level} intervals, as wide as the errors on other tumours, held the own score in {held} of the mixtures "
        "that got a value.",
    ]
