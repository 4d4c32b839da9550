"""The page holds the tables as they are, escapes what users wrote, and allows no request and no foreign script."""

import base64
import gzip
import hashlib
import json
import re
from functools import cache

import pytest

from stat3act.compartments.malignant import REASONS as CELL_REASONS
from stat3act.compartments.pseudobulk import LOW_CELLS, UNCERTAIN_CELLS
from stat3act.report import page, parts
from stat3act.report.pictures import MOST_BYTES, Pictures
from unit.report_example import config, provenance, sheet, texts

KINDS = ["single_cell", "bulk", "bulk_split"]
ACTIVITY_CHARTS = ("compartments", "ranked", "interferon", "heatmap", "groups", "card")
# Stands for Vega's 0.9 MB, with the text that would end a script too early.
VEGA = 'window.vegaEmbed = () => "</script>";'


@cache
def build(kind="single_cell", samples=12, title=None, source=None):
    effective = config(kind)
    effective["report"] |= {"title": title, "source": source}
    return page.render(texts(samples, kind), effective, provenance(samples), sheet(samples), parts.read_parts(), VEGA)


def scripts_of(html):
    return re.findall(r"<script>(.*?)</script>", html, flags=re.S)


def about_of(html):
    return json.loads(re.search(r'<script type="application/json" id="about">(.*?)</script>', html, flags=re.S)[1])


@pytest.mark.parametrize("kind", KINDS)
def test_embedded_tables_are_the_bytes_of_their_files(kind):
    html = build(kind)
    for name, text in texts(12, kind).items():
        packed = re.search(rf'id="table-{name}">(.*?)</script>', html)[1]
        assert gzip.decompress(base64.b64decode(packed)).decode() == text


def test_same_input_gives_the_same_bytes():
    assert build() == build.__wrapped__()


def test_policy_names_exactly_the_scripts_of_the_page_and_no_source_of_requests():
    html = build()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="(.*?)"', html)[1].replace("&#39;", "'")
    digests = [hashlib.sha256(script.encode()).digest() for script in scripts_of(html)]
    assert len(digests) == 2
    allowed = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    assert f"script-src {allowed};" in policy
    assert "default-src 'none'" in policy
    assert "connect-src 'none'" in policy
    assert "http" not in policy


def test_page_loads_nothing_from_elsewhere():
    html = build()
    assert not re.search(r"<(link|iframe|img|object|embed|base)\b", html)
    assert not re.search(r"""\b(src|href)\s*=\s*["'](?!#)""", html.split("<script>")[0])
    assert not re.search(r"url\(|@import", re.search(r"<style>(.*?)</style>", html, flags=re.S)[1])


def test_user_text_is_escaped():
    evil = "<script>alert(1)</script>"
    html = build(title=evil, source=evil)
    assert evil not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert len(scripts_of(html)) == 2


def test_json_in_a_script_cannot_end_it():
    value = {"name": "</script><!-- & \u2028"}
    text = page.script_json(value)
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == value


@pytest.mark.parametrize("kind", KINDS)
def test_every_chart_of_the_page_has_a_specification(kind):
    html = build(kind)
    drawn = set(re.findall(r'<figure data-chart="(\w+)"', html))
    specified = {name.split(":")[0] for name in about_of(html)["charts"]}
    assert drawn == specified
    assert ("compartments" in drawn) == (kind != "bulk")
    assert ("ranked" in drawn) == (kind == "bulk")


def test_unsplit_cohort_asks_for_the_state_of_the_whole_sample():
    assert about_of(build("bulk"))["answer_column"] == "bulk_state"
    assert about_of(build("bulk_split"))["answer_column"] == "call"


def test_reliability_is_a_condition_only_after_a_bulk_split():
    def columns(kind):
        return {condition["column"] for condition in about_of(build(kind))["conditions"]}

    assert "reliability" in columns("bulk_split")
    assert "reliability" not in columns("single_cell")
    assert "reliability" not in columns("bulk")


def render(kind="single_cell", pictures=page.NO_PICTURES, **changed):
    given = texts(12, kind) | changed
    return page.render(given, config(kind), provenance(), sheet(), parts.read_parts(), VEGA, pictures)


def test_pictures_are_inside_the_page_or_linked_from_it():
    inside = render(pictures=Pictures(embedded={"S0001": "iVBORw0KGgo="}))
    assert '<script type="text/plain" id="picture-S0001">iVBORw0KGgo=</script>' in inside
    assert "holds the picture of its cells" in inside
    assert len(scripts_of(inside)) == 2
    beside = render(pictures=Pictures(linked={"S0001": "cells/S0001.png"}))
    assert 'id="picture-' not in beside.split("<script>")[0]
    assert about_of(beside)["linked_pictures"] == {"S0001": "cells/S0001.png"}
    assert "files beside it" in beside
    for words in ("holds the picture of its cells", "files beside it"):
        assert words not in render()


def test_cells_have_a_section_only_where_there_are_cells():
    assert 'id="cells"' in build()
    assert 'id="cells"' not in build("bulk") and 'id="cells"' not in build("bulk_split")
    assert about_of(build())["composition"][-1] == "uncertain"
    assert about_of(build("bulk_split"))["composition"][-1] == "not assigned"


def test_groups_have_a_section_only_where_some_were_compared():
    assert about_of(build())["groups"] == ["subtype"] and 'data-chart="groups"' in build()
    html = render(groups=texts()["groups"].split("\n")[0] + "\n")
    assert about_of(html)["groups"] == [] and 'id="groups"' not in html
    assert "groups" not in about_of(html)["charts"]


def test_labels_and_arms_are_shown_only_where_there_are_some():
    assert 'id="agreement"' in build() and 'data-chart="arms"' in build()
    heads = {name: texts()[name].split("\n")[0] + "\n" for name in ("agreement", "arms")}
    html = render(**heads)
    assert 'id="agreement"' not in html and 'data-chart="arms"' not in html
    assert "arms" not in about_of(html)["charts"]
    assert "No sample has malignant cells" in html


def test_arms_are_in_the_order_of_the_genome():
    assert about_of(build())["arms"] == ["1p", "2p", "10q"]


def test_every_reason_of_cells_and_compartments_is_explained():
    known = about_of(build())["reasons"]
    assert set(CELL_REASONS) | {LOW_CELLS, UNCERTAIN_CELLS} <= set(known)
    for code in CELL_REASONS:
        assert f"<code>{code}</code>" in build()


def test_sections_follow_the_data():
    given = texts()
    without = {name: text for name, text in given.items() if name not in ("phospho", "expected")}
    html = page.render(without, config(), provenance(), sheet(), parts.read_parts(), VEGA)
    assert 'id="validation"' not in html
    assert 'id="validation"' in build()
    assert 'data-chart="cells"' not in build("bulk")


def test_metadata_that_can_colour():
    rows = [
        {"sample": row["sample"], "patient": "P", "path": f"{n}.h5ad", "age": str(n), "subtype": "ab"[n % 2],
         "same": "x", "id": f"free text {n}", "empty": ""}
        for n, row in enumerate(sheet())
    ]  # fmt: skip
    calls = page.table_of(texts()["calls"])
    assert page.metadata_kinds(rows, calls) == {"age": "number", "subtype": "category"}
    assert page.metadata_kinds([], calls) == {}


def test_reference_is_said_in_words():
    effective = config()
    assert "typical of this cohort, not absent" in page.reference_words(effective)
    effective["activity"] |= {"reference": "controls", "controls": "condition == 'Mock'", "strata": ["time_h"]}
    assert "condition == 'Mock'" in page.reference_words(effective)
    assert "of the same time_h" in page.reference_words(effective)
    effective["activity"]["reference"] = "atlas/reference.tsv"
    assert "frozen reference (atlas/reference.tsv)" in page.reference_words(effective)


def test_a_bulk_split_is_said_to_be_relative_to_the_cohort_whatever_the_reference():
    effective = config("bulk")
    effective["activity"]["reference"] = "atlas/reference.tsv"
    assert "cohort itself" not in page.reference_words(effective)
    effective["compartments"]["reference"] = "atlas/compartments/reference.tsv"
    assert "compared with the cohort itself all the same" in page.reference_words(effective)
    effective["activity"] |= {"reference": "controls", "controls": "condition == 'Mock'"}
    assert "compared with the cohort itself all the same" in page.reference_words(effective)


@pytest.mark.parametrize("kind", KINDS)
def test_every_chart_of_activities_on_the_page_says_what_they_are_relative_to(kind):
    specifications = about_of(build(kind))["charts"]
    shown = {name for name in specifications if name.split(":")[0] in ACTIVITY_CHARTS}
    assert {"interferon", "heatmap", "card"} < shown
    for name in shown:
        assert specifications[name]["title"]["text"] == ["Activity: z against the cohort, n=12"], name
    for name in set(specifications) - shown:
        assert "title" not in specifications[name], name


def test_methods_beside_the_activity_are_described_on_the_page():
    given = texts()
    profiles = page.table_of(given["activation_profiles"]).assign(viper=1.0)
    described = page.described_tables({"activation_profiles": profiles})
    table = next(one for one in described if one["name"] == "activation_profiles")
    assert table["columns"][-1][0] == "viper"
    assert "not adjusted for rivals" in table["columns"][-1][1]


def test_the_limits_of_the_claim_are_on_the_page():
    html = build()
    assert "not predictive of benefit from a STAT3 inhibitor" in html
    assert "does not measure phosphorylated STAT3" in html
    assert "never means off" in html


@pytest.mark.parametrize("kind", ["single_cell", "bulk_split"])
def test_two_thousand_samples_stay_within_the_budget(kind):
    small, large = (len(build(kind, samples).encode()) for samples in (100, 200))
    # The page grows by the sample; Vega's JavaScript is 0.9 MB of the 15 MB.
    assert large + (large - small) * 18 < 14_000_000
    # Pictures are inside only while they are few: 200 of them, of 30 kB each, would already be too large.
    assert large + MOST_BYTES < 14_000_000
