"""The self-check on the page: two sentences that say what the table says, a chart, and what cannot be tested."""

import re

import pandas as pd
import pytest

from stat3act.report import methods_text, page, parts, selfcheck
from unit.report_example import build, config, provenance, sheet, texts

VEGA = "window.vegaEmbed = () => 0;"


def render(given, effective):
    return page.render(given, effective, provenance(), sheet(), parts.read_parts(), VEGA)


def test_two_sentences_with_the_numbers_of_the_table():
    first, second = selfcheck.sentences(config("bulk_split"), build(kind="bulk_split"))
    assert "0.10 to 0.85 in the tumour" in first and "0.70 to 0.85 in the microenvironment" in first
    assert "left unknown for that: tumour at 20-40 %" in first
    assert "90 % intervals" in second and "in 90 % of the mixtures" in second


def test_a_lower_limit_leaves_nothing_out():
    effective = config("bulk_split")
    effective["compartments"]["min_recovery"] = 0.05
    assert "no purity had to be left out" in selfcheck.sentences(effective, build(kind="bulk_split"))[0]


@pytest.mark.parametrize("kind", ["single_cell", "bulk"])
def test_a_cohort_that_was_not_split_has_no_section(kind):
    assert selfcheck.sentences(config(kind), build(kind=kind)) == []
    assert 'id="selfcheck"' not in render(texts(kind=kind), config(kind))


def test_the_page_has_chart_downloads_and_captions():
    html = render(texts(kind="bulk_split"), config("bulk_split"))
    assert 'data-chart="selfcheck"' in html and 'href="#selfcheck"' in html
    assert set(re.findall(r'data-download="(selfcheck|calibration)"', html)) == {"selfcheck", "calibration"}
    assert "left out of the reference" in html


def test_a_reference_of_one_patient_and_a_check_switched_off_are_flagged():
    given = texts(kind="bulk_split")
    empty = given | {name: given[name].splitlines()[0] + "\n" for name in ("selfcheck", "calibration")}
    html = render(empty, config("bulk_split"))
    assert "fewer than two patients" in html and "not calibrated" in html and 'data-chart="selfcheck"' not in html
    effective = config("bulk_split")
    effective["compartments"]["selfcheck"] = False
    without = {name: text for name, text in given.items() if name not in ("selfcheck", "calibration")}
    html = render(without, effective)
    assert "compartments.selfcheck is false" in html and 'data-chart="selfcheck"' not in html


def test_methods_say_whether_intervals_were_calibrated():
    effective = config("bulk_split")
    text = methods_text.methods_markdown(effective, provenance())
    assert "split-conformal quantile" in text and "10.1080/01621459.2017.1307116" in text and "below 0.3" in text
    effective["compartments"]["selfcheck"] = False
    text = methods_text.methods_markdown(effective, provenance())
    assert "intervals were not calibrated" in text and "10.1080/01621459" not in text


def test_a_range_of_one_number_is_that_number():
    assert selfcheck.span(pd.Series([0.5, float("nan")])) == "0.50"
    assert selfcheck.span(pd.Series([], dtype=float)) == "not measured"
