"""The call table row by row, its confidence, and what must hold for every call."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from stat3act.profiles.calls import (
    CALL_TABLE,
    CALLS,
    CAPS,
    CONFIDENCES,
    REASON_CODES,
    Case,
    decide,
    in_order,
)
from stat3act.profiles.statements import statement
from stat3act.profiles.states import OFF, ON, UNKNOWN, Evidence

SCHEMA = Path(__file__).parents[2] / "workflow" / "schemas" / "config.schema.yaml"
SECTION = yaml.safe_load(SCHEMA.read_text())["properties"]["profiles"]["properties"]
DEFAULTS = {name: key["default"] for name, key in SECTION.items()}

BASE = Evidence(
    "tumour",
    coverage=1.0,
    n_targets=17,
    rivals={"ifn_stat1": 0.0, "nfkb": 0.0, "hypoxia": 0.0, "dissociation_stress": 0.0},
    reference_n=30,
)
MADE = {
    ON: {
        "activity": 3.0,
        "score": 3.5,
        "p_value": 0.001,
        "q_value": 0.01,
        "ci_low": 1.5,
        "ci_high": 4.5,
        "activity_without_top_gene": 2.5,
        "panels": {"stat3_core": 3.0, "stat3_regulon": 1.0},
    },
    OFF: {
        "activity": -0.5,
        "score": -0.4,
        "p_value": 0.7,
        "q_value": 0.9,
        "ci_low": -1.8,
        "ci_high": 0.8,
        "activity_without_top_gene": -1.0,
        "panels": {"stat3_core": -0.5, "stat3_regulon": 0.2},
    },
}


def made(state, compartment="tumour", **changes):
    if state == UNKNOWN:
        return Evidence(compartment, "LOW_CELLS")
    return replace(BASE, compartment=compartment, **{**MADE[state], **changes})


def case(tumour, microenvironment, *lineages, **flags):
    parts = [part if isinstance(part, Evidence) else made(part) for part in (tumour, microenvironment)]
    return Case(parts[0], replace(parts[1], compartment="microenvironment"), made(OFF, "bulk"), lineages, **flags)


def with_flags(built, *flags):
    """Put flags on tumour, microenvironment, bulk and the lineages in turn, the last of them on all that remain."""
    each = [*flags, *[flags[-1]] * (3 + len(built.lineages))]
    return replace(
        built,
        tumour=replace(built.tumour, flags=each[0]),
        microenvironment=replace(built.microenvironment, flags=each[1]),
        bulk=replace(built.bulk, flags=each[2]),
        lineages=tuple(replace(row, flags=own) for row, own in zip(built.lineages, each[3:], strict=False)),
    )


@pytest.mark.parametrize(
    ("tumour", "other", "call", "confidence"),
    [
        (ON, OFF, "TUMOUR_INTRINSIC_ACTIVE", "high"),
        (ON, UNKNOWN, "TUMOUR_INTRINSIC_ACTIVE", "moderate"),
        (OFF, ON, "STROMA_ACTIVE", "high"),
        (ON, ON, "BOTH_ACTIVE", "high"),
        (OFF, OFF, "INACTIVE", "high"),
        (OFF, UNKNOWN, "INDETERMINATE", "low"),
        (UNKNOWN, ON, "INDETERMINATE", "low"),
        (UNKNOWN, OFF, "INDETERMINATE", "low"),
        (UNKNOWN, UNKNOWN, "INDETERMINATE", "low"),
    ],
)
def test_each_row_of_the_call_table(tumour, other, call, confidence):
    found = decide(case(tumour, other), DEFAULTS)
    assert (found.call, found.confidence) == (call, confidence)
    assert (found.tumour.value, found.non_tumour.value) == (tumour, other)


def test_the_call_table_is_complete():
    states = (ON, OFF, UNKNOWN)
    assert set(CALL_TABLE) == {(a, b) for a in states for b in states}
    assert set(CALL_TABLE.values()) == set(CALLS)


def test_stroma_unknown_is_said():
    found = case(ON, UNKNOWN)
    text = statement(found, decide(found, DEFAULTS))
    assert text.startswith("Tumour active, stroma unknown")
    assert "too few cells" in text


def test_non_tumour_is_on_when_any_lineage_is():
    lineages = (made(ON, "myeloid"), made(ON, "fibroblast", activity=3.5), made(OFF, "lymphoid"))
    found = decide(case(OFF, OFF, *lineages), DEFAULTS)
    assert (found.call, found.dominant_lineage, found.confidence) == ("STROMA_ACTIVE", "fibroblast", "moderate")
    assert found.codes == ("LINEAGE_ONLY",)


def test_pooled_microenvironment_on_without_a_lineage_is_named_as_such():
    found = decide(case(OFF, ON, made(OFF, "myeloid")), DEFAULTS)
    assert (found.call, found.dominant_lineage) == ("STROMA_ACTIVE", "microenvironment")
    assert decide(case(OFF, OFF), DEFAULTS).dominant_lineage == ""


def test_lineages_that_are_off_do_not_stand_for_a_missing_microenvironment():
    found = decide(case(OFF, UNKNOWN, made(OFF, "myeloid"), made(OFF, "fibroblast")), DEFAULTS)
    assert (found.non_tumour.value, found.call) == (UNKNOWN, "INDETERMINATE")


CAP_CASES = [
    (case(replace(made(ON), reference_n=7), OFF), "SMALL_REFERENCE", "low"),
    (case(ON, replace(made(OFF), reference_n=7)), "SMALL_REFERENCE", "low"),
    (case(replace(made(ON), unchecked=True), OFF), "UNCHECKED_REFERENCE", "low"),
    (case(OFF, replace(made(OFF), unchecked=True)), "UNCHECKED_REFERENCE", "low"),
    (case(ON, OFF, split_from_bulk=True), "BULK_DERIVED", "moderate"),
    (case(replace(made(ON), flags=("REFERENCE_MISFIT",)), OFF), "REFERENCE_MISFIT", "low"),
    (case(replace(made(OFF), flags=("ONE_PATIENT_REFERENCE",)), OFF), "ONE_PATIENT_REFERENCE", "low"),
    (case(replace(made(ON), flags=("FEW_CELLS_REFERENCE",)), ON), "FEW_CELLS_REFERENCE", "moderate"),
    (case(ON, UNKNOWN), "STROMA_UNKNOWN", "moderate"),
    (case(replace(made(ON), panels={"stat3_core": 3.0}), OFF), "ONE_PANEL", "moderate"),
    (case(OFF, replace(made(ON), panels={"stat3_core": 3.0})), "ONE_PANEL", "moderate"),
    (case(replace(made(ON), q_value=0.05), OFF), "Q_NOT_SIGNIFICANT", "moderate"),
    (case(replace(made(ON), q_value=float("nan")), OFF), "Q_NOT_SIGNIFICANT", "moderate"),
    (case(OFF, OFF, made(ON, "myeloid")), "LINEAGE_ONLY", "moderate"),
    (case(ON, OFF, made(OFF, "myeloid", activity=1.2, ci_high=3.0)), "LINEAGE_BORDERLINE", "moderate"),
    (case(replace(made(ON), rivals={"dissociation_stress": 2.0}), OFF), "STRESS_HIGH", "moderate"),
    (case(ON, replace(made(OFF), score=3.0, rivals={"ifn_stat1": 4.0})), "IFN_CONFOUNDED", "moderate"),
    (case(OFF, replace(made(OFF), score=3.0, rivals={"nfkb": 4.0})), "NFKB_CONFOUNDED", "moderate"),
    (case(replace(made(OFF), score=3.0, rivals={"hypoxia": 4.0}), OFF), "HYPOXIA_CONFOUNDED", "moderate"),
    (case(replace(made(ON), flags=("AMBIENT_SENSITIVE",)), OFF), "AMBIENT_SENSITIVE", "moderate"),
    (case(replace(made(OFF), flags=("AMBIENT_SENSITIVE",)), ON), "AMBIENT_SENSITIVE", "moderate"),
    (case(ON, replace(made(OFF), flags=("DOUBLET_SENSITIVE",))), "DOUBLET_SENSITIVE", "moderate"),
    (case(OFF, replace(made(ON), flags=("DOUBLET_SENSITIVE",))), "DOUBLET_SENSITIVE", "moderate"),
    (case(OFF, OFF, made(ON, "myeloid", flags=("AMBIENT_SENSITIVE",))), "AMBIENT_SENSITIVE", "moderate"),
    (case(replace(made(ON), rivals={"ifn_stat1": 4.0}), OFF), "IFN_COACTIVE", "high"),
]


@pytest.mark.parametrize(("built", "code", "confidence"), CAP_CASES)
def test_each_line_of_the_confidence_table(built, code, confidence):
    found = decide(built, DEFAULTS)
    assert code in found.codes
    assert found.confidence == confidence


def test_no_line_of_the_confidence_table_is_left_out():
    assert {code for _, code, _ in CAP_CASES} == {code for code, _, _ in CAPS}
    assert {level for _, level, _ in CAPS} == {"low", "moderate", None}


AMBIENT, DOUBLETS = "AMBIENT_SENSITIVE", "DOUBLET_SENSITIVE"


@pytest.mark.parametrize(
    "built",
    [
        # The call does not rest on what could not be judged, nor on the whole sample.
        case(ON, Evidence("microenvironment", "LOW_CELLS", flags=(AMBIENT, DOUBLETS))),
        case(ON, replace(made(ON), ci_low=-0.5, flags=(AMBIENT, DOUBLETS))),
        replace(case(ON, OFF), bulk=made(ON, "bulk", flags=(AMBIENT, DOUBLETS))),
        # Nor on a lineage that does not make the microenvironment what it is.
        case(ON, OFF, made(OFF, "myeloid", flags=(AMBIENT, DOUBLETS))),
        case(OFF, OFF, made(ON, "myeloid"), made(ON, "fibroblast", activity=2.0, flags=(AMBIENT, DOUBLETS))),
    ],
)
def test_flags_on_what_a_call_does_not_rest_on_cap_nothing(built):
    found, plain = decide(built, DEFAULTS), decide(with_flags(built, ()), DEFAULTS)
    assert not {AMBIENT, DOUBLETS} & set(found.codes)
    assert found == plain


def test_both_guards_are_told_in_their_order():
    found = decide(case(replace(made(ON), flags=(AMBIENT,)), replace(made(OFF), flags=(DOUBLETS, AMBIENT))), DEFAULTS)
    assert (found.codes, found.confidence) == ((AMBIENT, DOUBLETS), "moderate")
    small = case(replace(made(ON), reference_n=7, flags=(AMBIENT,)), OFF)
    assert decide(small, DEFAULTS).confidence == "low"


def test_interferon_only_is_not_active():
    interferon = replace(made(OFF), score=5.0, activity=0.4, ci_high=0.9, rivals={"ifn_stat1": 8.0})
    found = decide(case(interferon, interferon), DEFAULTS)
    assert (found.call, found.codes) == ("INACTIVE", ("IFN_CONFOUNDED",))
    vague = replace(interferon, ci_high=1.8)
    found = decide(case(vague, vague), DEFAULTS)
    assert (found.call, found.codes) == ("INDETERMINATE", ("IFN_CONFOUNDED", "WIDE_INTERVAL"))


@pytest.mark.parametrize("bulk", [ON, OFF, UNKNOWN])
def test_bulk_only_is_indeterminate_with_the_state_of_the_bulk_beside_it(bulk):
    missing = Evidence("tumour"), Evidence("microenvironment")
    built = Case(*missing, made(bulk, "bulk"), bulk_only=True)
    found = decide(built, DEFAULTS)
    assert (found.call, found.confidence, found.bulk.value) == ("INDETERMINATE", "low", bulk)
    assert found.codes[0] == "BULK_ONLY"
    assert {found.tumour.value, found.non_tumour.value} == {UNKNOWN}
    assert "unsplit bulk" in statement(built, found)


def test_codes_are_printed_once_in_one_order_and_unknown_ones_last():
    assert in_order(("WIDE_INTERVAL", "ZEBRA", "LOW_CELLS", "ALPHA", "LOW_CELLS")) == (
        "LOW_CELLS",
        "WIDE_INTERVAL",
        "ALPHA",
        "ZEBRA",
    )


NUMBER = st.floats(-4, 6)


@st.composite
def evidence(draw, compartment="tumour"):
    if draw(st.integers(0, 5)) == 0:
        return Evidence(compartment, draw(st.sampled_from(["LOW_CELLS", "NO_REFERENCE", ""])))
    activity = draw(NUMBER)
    rival = st.sampled_from([0.0, 1.4, 1.5, 4.0])
    others = draw(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), max_size=2))
    return Evidence(
        compartment,
        activity=activity,
        score=draw(NUMBER),
        p_value=draw(st.sampled_from([0.001, 0.04, 0.05, 0.5])),
        q_value=draw(st.sampled_from([0.01, 0.2])),
        ci_low=activity - draw(st.floats(0, 3)),
        ci_high=activity + draw(st.floats(0, 3)),
        activity_without_top_gene=activity - draw(st.floats(0, 1)),
        coverage=draw(st.sampled_from([0.5, 0.6, 1.0])),
        n_targets=draw(st.sampled_from([12, 15, 17])),
        panels={"stat3_core": activity, **dict(zip(("stat3_epithelial", "stat3_regulon"), others, strict=False))},
        rivals={name: draw(rival) for name in ("ifn_stat1", "nfkb", "hypoxia", "dissociation_stress")},
        reference_n=draw(st.sampled_from([5, 8, 30])),
        u_stat3=draw(NUMBER),
    )


@st.composite
def cases(draw, lineages=True):
    names = draw(st.lists(st.sampled_from(["fibroblast", "myeloid", "lymphoid"]), unique=True)) if lineages else []
    return Case(
        draw(evidence("tumour")),
        draw(evidence("microenvironment")),
        draw(evidence("bulk")),
        tuple(draw(evidence(name)) for name in names),
        split_from_bulk=draw(st.booleans()),
    )


SWAPPED = {
    "TUMOUR_INTRINSIC_ACTIVE": "STROMA_ACTIVE",
    "STROMA_ACTIVE": "TUMOUR_INTRINSIC_ACTIVE",
    "BOTH_ACTIVE": "BOTH_ACTIVE",
    "INACTIVE": "INACTIVE",
}


@given(cases(lineages=False))
@settings(max_examples=120, deadline=None)
def test_swapping_tumour_and_microenvironment_swaps_the_calls(built):
    swapped = Case(
        replace(built.microenvironment, compartment="tumour"),
        replace(built.tumour, compartment="microenvironment"),
        built.bulk,
        split_from_bulk=built.split_from_bulk,
    )
    before, after = decide(built, DEFAULTS), decide(swapped, DEFAULTS)
    assert (after.tumour.value, after.non_tumour.value) == (before.non_tumour.value, before.tumour.value)
    if UNKNOWN in (before.tumour.value, before.non_tumour.value):
        # An active tumour is called without the stroma; an active stroma is not called without the tumour.
        assert "INDETERMINATE" in (before.call, after.call)
    else:
        assert after.call == SWAPPED[before.call]
        assert after.confidence == before.confidence


def widened(row, by):
    return replace(row, ci_low=row.ci_low - by, ci_high=row.ci_high + by)


@given(cases(), st.lists(st.floats(0, 4), min_size=6, max_size=6))
@settings(max_examples=120, deadline=None)
def test_wider_intervals_never_make_a_call_more_confident(built, by):
    wider = replace(
        built,
        tumour=widened(built.tumour, by[0]),
        microenvironment=widened(built.microenvironment, by[1]),
        bulk=widened(built.bulk, by[2]),
        lineages=tuple(widened(row, extra) for row, extra in zip(built.lineages, by[3:], strict=False)),
    )
    before, after = decide(built, DEFAULTS), decide(wider, DEFAULTS)
    assert CONFIDENCES.index(after.confidence) <= CONFIDENCES.index(before.confidence)


FLAGS = st.lists(st.sampled_from([AMBIENT, DOUBLETS]), unique=True).map(tuple)


@given(cases(), st.lists(FLAGS, min_size=6, max_size=6))
@settings(max_examples=150, deadline=None)
def test_a_flag_never_raises_confidence_nor_turns_a_call(built, flags):
    before, after = decide(built, DEFAULTS), decide(with_flags(built, *flags), DEFAULTS)
    assert (after.call, after.tumour, after.non_tumour) == (before.call, before.tumour, before.non_tumour)
    rank = CONFIDENCES.index
    assert rank(after.confidence) <= rank(before.confidence)
    told = set(after.codes) - set(before.codes)
    assert told <= {AMBIENT, DOUBLETS} and set(before.codes) <= set(after.codes)
    # A flag holds a call at moderate, never lower, and what is not told holds nothing.
    expected = min(before.confidence, "moderate", key=rank) if told else before.confidence
    assert after.confidence == expected
    judged = [pair for pair in zip((before.tumour, before.non_tumour), flags, strict=False) if pair[0].value != UNKNOWN]
    on = {name for name, state in before.lineages.items() if state.value == ON}
    possible = {flag for _, own in judged for flag in own}
    possible |= {
        flag for row, own in zip(built.lineages, flags[3:], strict=False) if row.compartment in on for flag in own
    }
    assert told <= possible
    if before.tumour.value != UNKNOWN:
        assert set(flags[0]) <= told


VARIANTS = [
    made(ON),
    replace(made(ON), flags=(AMBIENT,)),
    replace(made(OFF), flags=(DOUBLETS,)),
    replace(made(ON), panels={"stat3_core": 3.0}),
    replace(made(ON), q_value=0.2),
    replace(made(ON), rivals={"dissociation_stress": 3.0, "ifn_stat1": 3.0}),
    replace(made(ON), reference_n=5),
    made(OFF),
    replace(made(OFF), score=3.0, rivals={"nfkb": 4.0}),
    replace(made(OFF), reference_n=5),
    made(UNKNOWN),
]
LINEAGE_ROWS = [(), (made(ON, "myeloid"),), (made(OFF, "myeloid"),), (made(ON, "myeloid"), made(OFF, "fibroblast"))]


@pytest.mark.parametrize("tumour", VARIANTS)
def test_no_combination_of_widened_rows_gains_confidence(tumour):
    """Every pattern of evidence with every choice of rows that become too wide to judge."""
    for other, lineages, wide in product(VARIANTS, LINEAGE_ROWS, product((0.0, 9.0), repeat=3)):
        before = case(tumour, other, *lineages)
        after = replace(
            before,
            tumour=widened(before.tumour, wide[0]),
            microenvironment=widened(before.microenvironment, wide[1]),
            lineages=tuple(widened(row, wide[2]) for row in lineages),
        )
        ranks = [CONFIDENCES.index(decide(built, DEFAULTS).confidence) for built in (before, after)]
        assert ranks[1] <= ranks[0], (other, lineages, wide)


@given(cases())
@settings(max_examples=100, deadline=None)
def test_a_missing_compartment_is_unknown_never_off(built):
    without_tumour = decide(replace(built, tumour=Evidence("tumour", "LOW_CELLS")), DEFAULTS)
    assert without_tumour.tumour.value == UNKNOWN
    assert without_tumour.call == "INDETERMINATE"
    without_stroma = decide(
        replace(built, microenvironment=Evidence("microenvironment", "LOW_CELLS"), lineages=()), DEFAULTS
    )
    assert without_stroma.non_tumour.value == UNKNOWN
    assert without_stroma.call in ("TUMOUR_INTRINSIC_ACTIVE", "INDETERMINATE")


@given(cases(), st.booleans())
@settings(max_examples=120, deadline=None)
def test_a_statement_is_one_sentence_that_predicts_nothing(built, bulk_only):
    built = replace(built, bulk_only=bulk_only, split_from_bulk=built.split_from_bulk and not bulk_only)
    found = decide(built, DEFAULTS)
    text = statement(built, found)
    assert text.endswith(".")
    assert ". " not in text
    assert "nan" not in text.split()
    assert not any(word in text.lower() for word in ("prognos", "surviv", "benefit", "respon", "inhibitor", "treat"))
    assert not any(code in text for code in REASON_CODES)
    assert set(found.codes) <= set(REASON_CODES)
    if found.call == "INDETERMINATE":
        assert found.codes
        assert "unknown" in text
