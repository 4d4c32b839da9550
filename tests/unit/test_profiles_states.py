"""The evidence rule of one compartment, clause by clause."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stat3act.profiles.states import (
    OFF,
    ON,
    UNKNOWN,
    Evidence,
    evidence_from_rows,
    state_of,
    threshold_problems,
)

SCHEMA = Path(__file__).parents[2] / "workflow" / "schemas" / "config.schema.yaml"
SECTION = yaml.safe_load(SCHEMA.read_text())["properties"]["profiles"]["properties"]
DEFAULTS = {name: key["default"] for name, key in SECTION.items()}
NAN = float("nan")

LIT = Evidence(
    "tumour",
    activity=2.5,
    score=3.0,
    p_value=0.01,
    q_value=0.02,
    ci_low=0.8,
    ci_high=4.2,
    activity_without_top_gene=1.8,
    coverage=1.0,
    n_targets=17,
    panels={"stat3_core": 2.5, "stat3_epithelial": 1.2},
    rivals={"ifn_stat1": 0.1, "nfkb": 0.2, "hypoxia": -0.3},
    reference_n=20,
)
DARK = replace(
    LIT,
    activity=-0.9,
    score=-0.5,
    p_value=0.8,
    q_value=0.9,
    ci_low=-2.4,
    ci_high=0.6,
    activity_without_top_gene=-1.4,
    panels={"stat3_core": -0.9, "stat3_epithelial": 0.1},
)


def test_all_clauses_hold_is_on_and_off():
    assert (state_of(LIT, DEFAULTS).value, state_of(LIT, DEFAULTS).codes) == (ON, ())
    assert (state_of(DARK, DEFAULTS).value, state_of(DARK, DEFAULTS).codes) == (OFF, ())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"p_value": 0.05}, "NOT_SIGNIFICANT"),
        ({"ci_low": 0.0}, "WIDE_INTERVAL"),
        ({"panels": {"stat3_core": 2.5, "stat3_epithelial": -0.1}}, "PANEL_DISCORDANT"),
        ({"activity_without_top_gene": 0.99}, "SINGLE_GENE_DRIVEN"),
        ({"activity_without_top_gene": NAN}, "INCOMPLETE_EVIDENCE"),
        ({"p_value": NAN}, "INCOMPLETE_EVIDENCE"),
        ({"activity": 1.49}, "BORDERLINE"),
    ],
)
def test_each_on_clause_alone_makes_it_unknown(change, code):
    state = state_of(replace(LIT, **change), DEFAULTS)
    assert state.value == UNKNOWN
    assert state.codes == (code,)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ci_high": 1.0}, "WIDE_INTERVAL"),
        ({"coverage": 0.59}, "LOW_COVERAGE"),
        ({"n_targets": 14}, "LOW_COVERAGE"),
        ({"coverage": NAN}, "INCOMPLETE_EVIDENCE"),
        ({"ci_high": NAN}, "INCOMPLETE_EVIDENCE"),
    ],
)
def test_each_off_clause_alone_makes_it_unknown(change, code):
    state = state_of(replace(DARK, **change), DEFAULTS)
    assert state.value == UNKNOWN
    assert state.codes == (code,)


def test_thresholds_are_inclusive_as_the_rule_says():
    edge = replace(LIT, activity=1.5, p_value=0.049, ci_low=1e-9, activity_without_top_gene=1.0)
    assert state_of(edge, DEFAULTS).value == ON
    assert state_of(replace(DARK, coverage=0.6, n_targets=15, ci_high=0.999), DEFAULTS).value == OFF


def test_two_of_three_panels_are_enough_and_one_of_one():
    three = {"stat3_core": 2.5, "stat3_epithelial": -1.0, "stat3_regulon": 0.4}
    assert state_of(replace(LIT, panels=three), DEFAULTS).value == ON
    assert state_of(replace(LIT, panels={"stat3_core": 2.5}), DEFAULTS).value == ON
    only_core = {**three, "stat3_regulon": -0.4}
    assert state_of(replace(LIT, panels=only_core), DEFAULTS).codes == ("PANEL_DISCORDANT",)


@pytest.mark.parametrize(
    ("rival", "code"),
    [("ifn_stat1", "IFN_CONFOUNDED"), ("nfkb", "NFKB_CONFOUNDED"), ("hypoxia", "HYPOXIA_CONFOUNDED")],
)
def test_a_rival_that_explains_the_score_is_named(rival, code):
    wide = replace(DARK, activity=0.4, score=4.0, ci_high=1.6, rivals={rival: 5.0})
    assert state_of(wide, DEFAULTS).codes == (code, "WIDE_INTERVAL")
    narrow = replace(wide, ci_high=0.9)
    assert (state_of(narrow, DEFAULTS).value, state_of(narrow, DEFAULTS).codes) == (OFF, (code,))
    assert state_of(replace(wide, score=1.49), DEFAULTS).codes == ("WIDE_INTERVAL",)
    assert state_of(replace(wide, rivals={rival: 1.49}), DEFAULTS).codes == ("WIDE_INTERVAL",)
    # With STAT3 itself active the rival explains nothing away.
    assert state_of(replace(LIT, rivals={rival: 5.0}), DEFAULTS) == state_of(LIT, DEFAULTS)


def test_an_unscored_compartment_is_unknown_with_its_reason():
    assert state_of(Evidence("tumour", "LOW_CELLS"), DEFAULTS).codes == ("LOW_CELLS",)
    assert state_of(Evidence("tumour"), DEFAULTS).codes == ("NOT_MEASURED",)
    assert {state_of(Evidence("tumour", reason), DEFAULTS).value for reason in ("LOW_PURITY", "")} == {UNKNOWN}


def test_low_reliability_makes_on_and_off_unknown():
    for evidence in (LIT, DARK):
        state = state_of(replace(evidence, reliability=DEFAULTS["min_reliability"] - 0.01), DEFAULTS)
        assert (state.value, state.codes) == (UNKNOWN, ("LOW_RELIABILITY",))
        assert state_of(replace(evidence, reliability=0.9), DEFAULTS) == state_of(evidence, DEFAULTS)


NUMBER = st.floats(-6, 6)


WIDTH = st.floats(0, 6)


@given(activity=NUMBER, p=st.floats(0, 1), low=WIDTH, high=WIDTH, top=NUMBER, other=NUMBER, extra=st.floats(0, 5))
def test_a_wider_interval_never_makes_a_state_known(activity, p, low, high, top, other, extra):
    panels = {"stat3_core": activity, "stat3_epithelial": other}
    inside = replace(LIT, activity=activity, p_value=p, activity_without_top_gene=top, panels=panels)
    evidence = replace(inside, ci_low=activity - low, ci_high=activity + high)
    wider = replace(inside, ci_low=activity - low - extra, ci_high=activity + high + extra)
    before, after = state_of(evidence, DEFAULTS).value, state_of(wider, DEFAULTS).value
    assert after in {before, UNKNOWN}


def row(activity, reason="", **cells):
    empty = dict.fromkeys(("score", "p_value", "q_value", "ci_low", "ci_high", "coverage", "n_targets"), 1.0)
    rest = {"activity_without_top_gene": 1.0, "reliability": 0.1, "reference": "cohort (n=12, 24 h)"}
    return {**empty, **rest, "activity": activity, "reason": reason, **cells}


def test_evidence_is_read_from_the_rows_of_a_compartment():
    rows = {
        "stat3_core": row(2.0),
        "stat3_epithelial": row(1.0),
        "stat3_regulon": row(NAN, "LOW_COVERAGE"),
        "ifn_stat1": row(0.5),
        "u_stat3": row(1.7),
    }
    evidence = evidence_from_rows("tumour", rows, "carcinoma", split_from_bulk=False)
    assert evidence.panels == {"stat3_core": 2.0, "stat3_epithelial": 1.0}
    assert evidence.rivals == {"ifn_stat1": 0.5}
    assert (evidence.reference_n, evidence.u_stat3) == (12, 1.7)
    assert evidence.reliability != evidence.reliability  # NaN: the compartment was measured directly
    assert evidence_from_rows("tumour", rows, "carcinoma", split_from_bulk=True).reliability == 0.1
    assert evidence_from_rows("tumour", rows, "glioma", split_from_bulk=False).panels == {"stat3_core": 2.0}


def test_only_a_bulk_split_can_be_unchecked():
    rows = {"stat3_core": row(2.0, interval="uncalibrated")}
    assert evidence_from_rows("tumour", rows, "carcinoma", split_from_bulk=True).unchecked
    assert not evidence_from_rows("tumour", rows, "carcinoma", split_from_bulk=False).unchecked
    for interval in ("calibrated", NAN, ""):
        rows = {"stat3_core": row(2.0, interval=interval)}
        assert not evidence_from_rows("tumour", rows, "carcinoma", split_from_bulk=True).unchecked


def test_rows_without_the_core_panel_give_its_reason():
    rows = {"stat3_core": row(NAN, "LOW_CELLS"), "ifn_stat1": row(3.0)}
    assert evidence_from_rows("tumour", rows, "carcinoma", False).reason == "LOW_CELLS"
    assert evidence_from_rows("tumour", {}, "carcinoma", False).reason == "NOT_MEASURED"


def test_contradicting_thresholds_are_a_problem():
    assert threshold_problems(DEFAULTS, "config.yaml") == []
    [problem] = threshold_problems({**DEFAULTS, "off_ci_high": 2.0}, "config.yaml")
    assert problem.where == "profiles.off_ci_high"


@pytest.mark.parametrize(
    ("tumour_type", "epithelial", "voters"),
    [
        ("carcinoma", (0.4, ""), {"stat3_core", "stat3_epithelial"}),
        ("carcinoma", (NAN, "LOW_COVERAGE"), {"stat3_core", "stat3_regulon"}),
        ("glioma", (0.4, ""), {"stat3_core", "stat3_regulon"}),
    ],
)
def test_a_regulon_votes_only_where_the_epithelial_panel_cannot(tumour_type, epithelial, voters):
    rows = {"stat3_core": row(2.0), "stat3_epithelial": row(*epithelial), "stat3_regulon": row(1.0)}
    assert set(evidence_from_rows("tumour", rows, tumour_type, split_from_bulk=False).panels) == voters
