"""One plain-English sentence per call: what is known, and what is not."""

import math

from stat3act.profiles.calls import BOTH, INACTIVE, INTRINSIC, REASON_CODES, STROMA, Call, Case
from stat3act.profiles.states import OFF, ON, UNKNOWN, Evidence, State


def numbers(evidence: Evidence) -> str:
    """Write an activity with its interval, e.g. ``activity 2.1, interval 0.9 to 3.4``."""
    if math.isnan(evidence.activity):
        return ""
    if math.isnan(evidence.ci_low) or math.isnan(evidence.ci_high):
        return f"activity {evidence.activity:.1f}"
    return f"activity {evidence.activity:.1f}, interval {evidence.ci_low:.1f} to {evidence.ci_high:.1f}"


def reasons(state: State) -> str:
    """Write the reasons of an unknown state in words."""
    return ", ".join(REASON_CODES.get(code, code) for code in state.codes)


def with_numbers(name: str, evidence: Evidence) -> str:
    """Name a compartment with its numbers, where it has any."""
    inside = numbers(evidence)
    return f"{name} ({inside})" if inside else name


def unknown_part(name: str, evidence: Evidence, state: State) -> str:
    """Say that a compartment is not known, and why."""
    inside = "; ".join(part for part in (reasons(state), numbers(evidence)) if part)
    return f"{name} is unknown ({inside})"


def non_tumour_name(case: Case, call: Call) -> tuple[str, Evidence]:
    """Return how to name the microenvironment, and the row whose numbers stand for it."""
    for row in case.lineages:
        if row.compartment == call.dominant_lineage:
            return f"the microenvironment, strongest in {row.compartment} cells", row
    return "the microenvironment", case.microenvironment


def state_part(name: str, evidence: Evidence, state: State) -> str:
    """Say the state of one compartment as a clause."""
    if state.value == UNKNOWN:
        return unknown_part(name, evidence, state)
    return f"{with_numbers(name, evidence)} is {'active' if state.value == ON else 'not active'}"


def statement(case: Case, call: Call) -> str:
    """Write the sentence of a call.

    It names the known and the unknown and predicts nothing: activity is neither a prognosis nor a treatment answer.

    Parameters
    ----------
    case
        The evidence.
    call
        What was decided from it.
    """
    likely = "probably " if case.split_from_bulk else ""
    tumour = with_numbers("the tumour cells", case.tumour)
    name, row = non_tumour_name(case, call)
    stroma = with_numbers(name, row)
    if case.bulk_only:
        known = {
            ON: f"STAT3 targets are up in the {with_numbers('bulk sample', case.bulk)}",
            OFF: f"STAT3 targets are not up in the {with_numbers('bulk sample', case.bulk)}",
            UNKNOWN: f"For STAT3 {unknown_part('the bulk sample', case.bulk, call.bulk)}",
        }[call.bulk.value]
        return f"{known}; which cells they speak for is unknown, because only unsplit bulk was measured."
    if call.call == INTRINSIC and call.non_tumour.value == OFF:
        return f"STAT3 targets are {likely}up in {tumour} and not in {stroma}."
    if call.call == INTRINSIC:
        unknown = unknown_part("the microenvironment", case.microenvironment, call.non_tumour)
        return f"Tumour active, stroma unknown: STAT3 targets are {likely}up in {tumour}; {unknown}."
    if call.call == STROMA:
        return f"STAT3 targets are {likely}up in {stroma}, and not in {tumour}."
    if call.call == BOTH:
        return f"STAT3 targets are {likely}up in both {tumour} and {stroma}."
    if call.call == INACTIVE:
        power = "both were measured well enough to see it"
        return f"STAT3 targets are {likely}up neither in {tumour} nor in {stroma}, and {power}."
    first = state_part("the tumour compartment", case.tumour, call.tumour)
    return f"No call for STAT3: {first}; {state_part(name, row, call.non_tumour)}."
