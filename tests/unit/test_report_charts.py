"""Chart specifications compile, name their dataset, and show what they say."""

import json
import re

import pytest
import vl_convert

from stat3act.report import chart_style, charts, charts_composition, parts
from stat3act.report.evidence import CALLS, STATES

POINT = {"sample": "a", "call": "INACTIVE", "call_name": "Inactive", "group": "x", "x_text": "", "y_text": ""}
AGAINST = "Activity: z against the cohort, n=12"
INTERVALS = {"x_low": 0.0, "x_high": 2.0, "y_low": 0.0, "y_high": 2.0}


def drawn(specification: dict, **datasets) -> str:
    """The chart as SVG."""
    full = json.loads(json.dumps(specification))
    full["datasets"] = {**full.get("datasets", {}), **datasets}
    for part in (full, *full.get("layer", [])):
        if part.get("width") == "container":
            part["width"] = 500
    return vl_convert.vegalite_to_svg(full)


def marks(svg: str, role: str) -> int:
    return svg.count(f'aria-roledescription="{role}"')


@pytest.mark.parametrize("by", ["call", "category", "number"])
def test_samples_with_one_unknown_side_are_drawn_and_never_as_zero(by):
    group = {"group": 1.0 if by == "number" else "x"}
    known = {**POINT, **INTERVALS, **group, "x": 1.0, "y": 1.0}
    half = {**known, "x": None, "x_low": None, "x_high": None}
    none = {**half, "y": None, "y_low": None, "y_high": None}
    base = marks(drawn(charts.compartments(1.5, by, 12, AGAINST), compartments=[known]), "point")
    assert marks(drawn(charts.compartments(1.5, by, 12, AGAINST), compartments=[known, half]), "point") == base + 1
    assert marks(drawn(charts.compartments(1.5, by, 12, AGAINST), compartments=[known, none]), "point") == base
    with_strip = drawn(charts.compartments(1.5, by, 12, AGAINST), compartments=[known, half])
    assert "tumour unknown" in with_strip
    assert "microenvironment unknown" not in with_strip


def test_unknown_cells_of_the_heatmap_have_no_fill():
    cells = [
        {"sample": "a", "rank": 1, "axis": "STAT3 core", "activity": 2.0, "text": ""},
        {"sample": "b", "rank": 2, "axis": "STAT3 core", "activity": None, "text": "unknown"},
    ]
    svg = drawn(charts.heatmap(2, ["STAT3 core"], AGAINST), heatmap=cells)
    assert svg.count("stroke-dasharray") == 1
    assert marks(svg, "rect mark") == 2


@pytest.mark.parametrize(("samples", "named"), [(12, True), (chart_style.MANY + 1, False)])
def test_samples_are_named_only_where_there_is_room(samples, named):
    rows = [
        {
            "sample": f"name{n:04d}",
            "call": "ON",
            "rank": n + 1,
            "value": 1.0 - n,
            "low": -n,
            "high": 2.0 - n,
            "text": "",
        }
        for n in range(samples)
    ]
    assert (">name0003<" in drawn(charts.ranked(1.5, samples, AGAINST), ranked=rows)) == named


@pytest.mark.parametrize(("samples", "dashed"), [(2, 1), (chart_style.MANY + 1, 0)])
def test_unknown_arms_are_not_drawn_as_unchanged(samples, dashed):
    rows = [
        {"sample": "a", "rank": 1, "arm": "1p", "value": -0.5, "text": ""},
        {"sample": "b", "rank": 2, "arm": "1p", "value": None, "text": "unknown"},
    ]
    svg = drawn(charts_composition.arms(samples, ["1p", "10q"]), arms=rows)
    assert marks(svg, "rect mark") == 2
    assert svg.count("stroke-dasharray") == dashed
    assert (">a<" in svg) == bool(dashed)


def test_arms_stand_in_the_order_of_the_genome():
    rows = [{"sample": "a", "rank": 1, "arm": arm, "value": 0.1, "text": ""} for arm in ("10q", "2p")]
    svg = drawn(charts_composition.arms(1, ["2p", "10q"]), arms=rows)
    assert svg.index(">2p<") < svg.index(">10q<")


def test_bars_have_the_colours_of_their_parts():
    rows = [{"sample": "a", "rank": 1, "part": "tumour", "value": 1.0, "text": "", "order": 0}]
    svg = drawn(
        charts_composition.bars("made", "Share", "Parts.", {"tumour": "#123456", "rest": "#654321"}, 1), made=rows
    )
    assert 'fill="#123456"' in svg


@pytest.mark.parametrize("answers", [CALLS, STATES])
def test_legend_speaks_in_words(answers):
    rows = [{"sample": code, "call": code, "x": 1.0, "y": 2.0, "score": 3.0} for code in answers]
    svg = drawn(charts.interferon(1.5, answers, AGAINST), interferon=rows)
    for answer in answers.values():
        assert f">{answer['name']}<" in svg


@pytest.mark.parametrize(
    "made",
    [
        charts.compartments(1.5, "call", 12, AGAINST),
        charts.ranked(1.5, 12, AGAINST),
        charts.ranked(1.5, chart_style.MANY + 1, AGAINST),
        charts.interferon(1.5, CALLS, AGAINST),
        charts.heatmap(12, ["STAT3 core"], AGAINST),
        charts.card(1.5, ["STAT3 core"], {"tumour": "Tumour"}, AGAINST),
    ],
)
def test_a_chart_of_activities_says_what_they_are_relative_to(made):
    datasets = {name: [] for name in ("compartments", "ranked", "interferon", "heatmap", "card")}
    assert f">{AGAINST}<" in drawn(made, **datasets)
    assert AGAINST in made["description"]


def test_what_is_long_is_drawn_on_lines():
    svg = drawn(charts.heatmap(2, ["STAT3 core"], "one line\nanother line"), heatmap=[])
    assert ">one line<" in svg and ">another line<" in svg


def test_colours_are_parameters_that_the_page_can_set():
    specification = charts.interferon(1.5, CALLS, AGAINST)
    specification["config"]["params"] = [
        {**one, "value": "#123456"} if one["name"] == "call_0" else one for one in specification["config"]["params"]
    ]
    rows = [{"sample": "a", "call": "TUMOUR_INTRINSIC_ACTIVE", "x": 1.0, "y": 2.0, "score": 3.0}]
    assert "#123456" in drawn(specification, interferon=rows)


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2, w3.org/TR/WCAG22/#dfn-relative-luminance)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def theme(style: str, selector: str) -> dict[str, str]:
    """Colours of a theme of the page."""
    block = re.search(re.escape(selector) + r" \{(.*?)\}", style, flags=re.S)[1]
    return {name.replace("-", "_"): value for name, value in re.findall(r"--([\w-]+): (#\w{6})", block)}


STYLE = parts.read_parts()["style"]
LIGHT, DARK = theme(STYLE, ":root"), theme(STYLE, ':root[data-theme="dark"]')


def test_charts_default_to_the_light_theme():
    assert {name: LIGHT[name] for name in chart_style.INK} == chart_style.INK
    assert set(DARK) == set(LIGHT)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_marks_and_text_stand_out_from_the_paper(colours):
    def contrast(name):
        one, other = sorted((luminance(colours[name]), luminance(colours["paper"])))
        return (other + 0.05) / (one + 0.05)

    for name in ("call_0", "call_1", "call_2", "call_3", "call_4", "low", "high"):
        assert contrast(name) >= 3, name
    for name in ("ink", "soft", "link"):
        assert contrast(name) >= 4.5, name
