"""The lines of the sample card are those of the evidence rule, with its thresholds."""

import math
import operator

from hypothesis import given
from hypothesis import strategies as st

from stat3act.profiles.calls import CALLS as CALL_CODES
from stat3act.profiles.states import OFF, OFF_RULE, ON, ON_RULE, UNKNOWN, Evidence, state_of, voting_panels
from stat3act.report import evidence
from unit.report_example import config

THRESHOLDS = config()["profiles"]
SENSES = {">=": operator.ge, ">": operator.gt, "<": operator.lt}
z = st.floats(-3, 6).map(lambda value: round(value, 2))


def holds(conditions, state, found: Evidence) -> bool:
    values = {name: getattr(found, name) for name in ("activity", "p_value", "ci_low", "ci_high", "coverage")}
    values |= {"activity_without_top_gene": found.activity_without_top_gene, "n_targets": found.n_targets}
    values |= {"panels": found.panels_positive, "reliability": found.reliability}
    limits = {"panels": min(THRESHOLDS["on_panels"], len(found.panels))}
    return all(
        SENSES[line["sense"]](values[line["column"]], limits.get(line["column"], line["value"]))
        for line in conditions
        if line["state"] == state
    )


def test_one_line_per_clause_of_the_rule():
    lines = evidence.conditions(THRESHOLDS, split_from_bulk=False)
    assert [line["state"] for line in lines].count("ON") == len(ON_RULE)
    assert [line["state"] for line in lines].count("OFF") == len(OFF_RULE)


@given(z, st.floats(0, 0.2), z, z, z, st.floats(0, 1), st.integers(5, 40), z, z, st.floats(0, 1), st.booleans())
def test_lines_hold_exactly_when_the_rule_says_on_or_off(
    activity, p, low, high, without, coverage, targets, panel_a, panel_b, reliability, split
):
    found = Evidence(
        "tumour",
        activity=activity,
        score=activity,
        p_value=p,
        q_value=p,
        ci_low=low,
        ci_high=high,
        activity_without_top_gene=without,
        coverage=coverage,
        n_targets=targets,
        reliability=reliability if split else math.nan,
        panels={"stat3_core": panel_a, "stat3_regulon": panel_b},
    )
    lines = evidence.conditions(THRESHOLDS, split)
    on, off = holds(lines, "ON", found), holds(lines, "OFF", found)
    expected = ON if on else OFF if off else UNKNOWN
    assert state_of(found, THRESHOLDS).value == expected


def test_every_call_and_state_has_words_shape_and_colour():
    assert set(evidence.CALLS) == set(CALL_CODES)
    assert set(evidence.STATES) == {ON, OFF, UNKNOWN}
    for answers in (evidence.CALLS, evidence.STATES):
        for part in ("shape", "colour", "name"):
            assert len({answer[part] for answer in answers.values()}) == len(answers), part


def test_epithelial_panel_votes_only_in_carcinoma():
    assert "stat3_epithelial" in voting_panels("carcinoma")
    assert "stat3_epithelial" not in voting_panels("glioma")
