"""From the evidence of a sample's compartments to one call: the table, its confidence, its reason codes."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from stat3act.profiles.guards import FLAGS
from stat3act.profiles.states import (
    CONFOUNDERS,
    INTERFERON_AXIS,
    OFF,
    ON,
    STRESS_AXIS,
    UNKNOWN,
    Evidence,
    State,
    Thresholds,
    confounders,
    state_of,
)

INTRINSIC, STROMA, BOTH = "TUMOUR_INTRINSIC_ACTIVE", "STROMA_ACTIVE", "BOTH_ACTIVE"
INACTIVE, INDETERMINATE = "INACTIVE", "INDETERMINATE"
CALLS = (INTRINSIC, STROMA, BOTH, INACTIVE, INDETERMINATE)
CONFIDENCES = ("low", "moderate", "high")

# (tumour, non-tumour) -> call. Every pattern is a row, so that none is decided by accident.
CALL_TABLE = {
    (ON, OFF): INTRINSIC,
    (ON, UNKNOWN): INTRINSIC,  # said as "tumour active, stroma unknown"
    (OFF, ON): STROMA,
    (ON, ON): BOTH,
    (OFF, OFF): INACTIVE,
    (OFF, UNKNOWN): INDETERMINATE,
    (UNKNOWN, ON): INDETERMINATE,
    (UNKNOWN, OFF): INDETERMINATE,
    (UNKNOWN, UNKNOWN): INDETERMINATE,
}

# Every code a call can carry, in the order they are printed, with what it means.
REASON_CODES = {
    "BULK_ONLY": "only the unsplit bulk was measured, so no compartment can be named",
    "LOW_CELLS": "too few cells",
    "UNCERTAIN_CELLS": "too few cells, because those that may be malignant could not be told from normal ones",
    "LOW_PURITY": "too few tumour cells in the mixture",
    "HIGH_PURITY": "too few non-tumour cells in the mixture",
    "NO_REFERENCE": "nothing, or too few samples, to compare with",
    "NOT_MEASURED": "not measured",
    "NOT_RESOLVED": "bulk does not resolve it",
    "NOT_MEANINGFUL": "the panel means nothing in this compartment",
    "LOW_COVERAGE": "too few target genes measured",
    "LOW_RELIABILITY": "the mixture does not identify this compartment",
    "NOT_RECOVERED": "the reference, tested at this purity, does not show what this compartment does",
    "INCOMPLETE_EVIDENCE": "a number the rule needs is missing",
    "IFN_CONFOUNDED": "interferon explains the score",
    "NFKB_CONFOUNDED": "NF-kB explains the score",
    "HYPOXIA_CONFOUNDED": "hypoxia explains the score",
    "PANEL_DISCORDANT": "the STAT3 panels disagree",
    "SINGLE_GENE_DRIVEN": "one gene carries the activity",
    "NOT_SIGNIFICANT": "within what chance gives",
    "BORDERLINE": "between the lines for off and on",
    "WIDE_INTERVAL": "the interval is too wide",
    "STROMA_UNKNOWN": "the tumour is active, the microenvironment could not be judged",
    "SMALL_REFERENCE": "few samples to compare with",
    "UNCHECKED_REFERENCE": "the reference of the split was not tested, intervals are not calibrated",
    "ONE_PATIENT_REFERENCE": "the reference of the split holds one tumour: how far others lie from it is not known",
    "REFERENCE_MISFIT": "the split's reference explains the sample, or most of the cohort, less well than tumours that "
    "were left out of it",
    "FEW_CELLS_REFERENCE": "few tumour cells behind the reference of the split",
    "BULK_DERIVED": "compartments estimated from bulk: probable at best",
    "ONE_PANEL": "a single STAT3 panel could be scored where it is on",
    "Q_NOT_SIGNIFICANT": "p passes, but not after correction over the cohort",
    "LINEAGE_ONLY": "on in one lineage, not in the microenvironment as a whole",
    "LINEAGE_BORDERLINE": "microenvironment off as a whole, but one lineage is not clearly off",
    "STRESS_HIGH": "dissociation stress is high where STAT3 is on",
    "AMBIENT_SENSITIVE": "another activity or state without ambient RNA",
    "DOUBLET_SENSITIVE": "another activity or state with the doublets that were removed",
    "IFN_COACTIVE": "interferon is active as well",
}


@dataclass(frozen=True)
class Case:
    """The evidence of one sample.

    Attributes
    ----------
    tumour, microenvironment, bulk
        Evidence of these compartments; a compartment that is missing has a reason.
    lineages
        Evidence of the non-tumour lineages that have rows.
    split_from_bulk
        Tumour and microenvironment were estimated from a bulk profile.
    bulk_only
        There is nothing but the unsplit bulk profile.
    """

    tumour: Evidence
    microenvironment: Evidence
    bulk: Evidence
    lineages: tuple[Evidence, ...] = ()
    split_from_bulk: bool = False
    bulk_only: bool = False


@dataclass(frozen=True)
class Call:
    """One call and the states it rests on.

    Attributes
    ----------
    call
        One of `CALLS`.
    confidence
        high, moderate or low.
    codes
        Reason codes in the order of `REASON_CODES`.
    tumour, non_tumour, bulk
        States.
    dominant_lineage
        Strongest lineage that is ON; ``microenvironment`` when only the pooled row is; else empty.
    lineages
        State of each lineage that has rows.
    """

    call: str
    confidence: str
    codes: tuple[str, ...]
    tumour: State
    non_tumour: State
    bulk: State
    dominant_lineage: str = ""
    lineages: dict[str, State] = field(default_factory=dict)


def non_tumour_state(case: Case, thresholds: Thresholds) -> tuple[State, str, dict[str, State]]:
    """Judge everything that is not tumour: the pooled row and its lineages.

    ON when any row is ON; OFF when the pooled row is OFF and no lineage is ON; else UNKNOWN. Missing is UNKNOWN.

    Returns
    -------
    The state, the dominant lineage, and the state of each lineage.
    """
    pooled = state_of(case.microenvironment, thresholds)
    lineages = {evidence.compartment: state_of(evidence, thresholds) for evidence in case.lineages}
    lit = [evidence for evidence in case.lineages if lineages[evidence.compartment].value == ON]
    if lit:
        strongest = max(lit, key=lambda evidence: (evidence.activity, evidence.compartment))
        return State(ON), strongest.compartment, lineages
    return pooled, case.microenvironment.compartment if pooled.value == ON else "", lineages


@dataclass(frozen=True)
class Judged:
    """A case together with its states, as the confidence rule sees it."""

    case: Case
    thresholds: Thresholds
    tumour: State
    non_tumour: State
    pooled: State
    dominant: str

    @property
    def active(self) -> list[Evidence]:
        """Evidence of the compartments that the call says are ON."""
        rows = [self.case.tumour] if self.tumour.value == ON else []
        others = [row for row in self.case.lineages if row.compartment == self.dominant]
        if self.non_tumour.value == ON:
            rows += [self.case.microenvironment] if self.pooled.value == ON else others
        return rows

    @property
    def inactive(self) -> list[Evidence]:
        """Evidence of the compartments that the call says are OFF."""
        pairs = ((self.case.tumour, self.tumour), (self.case.microenvironment, self.non_tumour))
        return [evidence for evidence, state in pairs if state.value == OFF]

    @property
    def smallest_reference(self) -> float:
        """Smallest reference of the tumour and the pooled microenvironment, whatever their states."""
        sizes = [self.case.tumour.reference_n, self.case.microenvironment.reference_n]
        return min((size for size in sizes if not math.isnan(size)), default=math.inf)


# Flags of the reference of a bulk split (`stat3act.compartments.reference_check`).
REFERENCE_CAPS = {"ONE_PATIENT_REFERENCE": "low", "REFERENCE_MISFIT": "low", "FEW_CELLS_REFERENCE": "moderate"}

# (code, highest confidence it allows, when); None caps nothing and is told all the same.
CAPS: tuple[tuple[str, str | None, Callable[[Judged], bool]], ...] = (
    ("SMALL_REFERENCE", "low", lambda j: j.smallest_reference < j.thresholds["confident_reference"]),
    ("UNCHECKED_REFERENCE", "low", lambda j: j.case.tumour.unchecked or j.case.microenvironment.unchecked),
    *((code, level, lambda j, code=code: code in j.case.tumour.flags) for code, level in REFERENCE_CAPS.items()),
    ("BULK_DERIVED", "moderate", lambda j: j.case.split_from_bulk),
    ("STROMA_UNKNOWN", "moderate", lambda j: j.tumour.value == ON and j.non_tumour.value == UNKNOWN),
    ("ONE_PANEL", "moderate", lambda j: any(len(row.panels) < 2 for row in j.active)),
    ("Q_NOT_SIGNIFICANT", "moderate", lambda j: any(not row.q_value < j.thresholds["on_p"] for row in j.active)),
    ("LINEAGE_ONLY", "moderate", lambda j: j.non_tumour.value == ON and j.pooled.value != ON),
    (
        "LINEAGE_BORDERLINE",
        "moderate",
        lambda j: (
            j.non_tumour.value == OFF and any(row.activity >= j.thresholds["off_ci_high"] for row in j.case.lineages)
        ),
    ),
    (
        "STRESS_HIGH",
        "moderate",
        lambda j: any(row.rivals.get(STRESS_AXIS, -math.inf) >= j.thresholds["confounded_score"] for row in j.active),
    ),
    *(
        (code, "moderate", lambda j, code=code: any(code in confounders(row, j.thresholds) for row in j.inactive))
        for code in CONFOUNDERS.values()
    ),
    *(
        (code, "moderate", lambda j, code=code: any(code in row.flags for row in (*j.active, *j.inactive)))
        for code in FLAGS.values()
    ),
    (
        "IFN_COACTIVE",
        None,
        lambda j: any(
            row.rivals.get(INTERFERON_AXIS, -math.inf) >= j.thresholds["confounded_score"] for row in j.active
        ),
    ),
)


def decide(case: Case, thresholds: Thresholds) -> Call:
    """Turn the evidence of one sample into its call.

    The call is `CALL_TABLE` of the tumour state and the non-tumour state (`states.state_of`). Its confidence starts
    at ``high`` and is held down by each line that applies:

    ==========================================================================  ========  ======================
    when                                                                        at most   code
    ==========================================================================  ========  ======================
    the call is INDETERMINATE                                                   low       those of the unknowns
    fewer than ``confident_reference`` rows to compare with                     low       ``SMALL_REFERENCE``
    the reference of the bulk split was not tested                              low       ``UNCHECKED_REFERENCE``
    the reference of the split holds one tumour, or does not fit the sample     low       ``REFERENCE_MISFIT`` ...
    compartments were estimated from bulk ("probable")                          moderate  ``BULK_DERIVED``
    tumour ON, microenvironment unknown                                         moderate  ``STROMA_UNKNOWN``
    an ON compartment has a single scored panel                                 moderate  ``ONE_PANEL``
    an ON compartment fails the p threshold after correction over the cohort    moderate  ``Q_NOT_SIGNIFICANT``
    a lineage is ON, the pooled microenvironment is not                         moderate  ``LINEAGE_ONLY``
    microenvironment OFF, but a lineage reaches ``off_ci_high``                 moderate  ``LINEAGE_BORDERLINE``
    dissociation stress is high in an ON compartment                            moderate  ``STRESS_HIGH``
    a rival explains the score of an OFF compartment                            moderate  ``IFN_CONFOUNDED`` ...
    ambient RNA or doublets change a compartment that the call rests on         moderate  ``AMBIENT_SENSITIVE`` ...
    interferon is active in an ON compartment                                   high      ``IFN_COACTIVE``
    ==========================================================================  ========  ======================

    What depends on the microenvironment never holds the call lower than not knowing it would, so wider intervals
    cannot make a call more confident. Where only the bulk was measured the call is INDETERMINATE with ``BULK_ONLY``,
    and the state of the bulk row stands beside it.

    Parameters
    ----------
    case
        The evidence of one sample.
    thresholds
        The ``profiles`` section of the config.

    Returns
    -------
    The call.
    """
    bulk = state_of(case.bulk, thresholds)
    tumour = state_of(case.tumour, thresholds)
    non_tumour, dominant, lineages = non_tumour_state(case, thresholds)
    if case.bulk_only:
        unknown = State(UNKNOWN, ("BULK_ONLY",))
        return Call(INDETERMINATE, "low", in_order(("BULK_ONLY", *bulk.codes)), unknown, unknown, bulk)
    call = CALL_TABLE[tumour.value, non_tumour.value]
    judged = Judged(case, thresholds, tumour, non_tumour, state_of(case.microenvironment, thresholds), dominant)
    caps = [(code, level) for code, level, applies in CAPS if applies(judged)]
    levels = ["low" if call == INDETERMINATE else "high", *(level for _, level in caps if level)]
    confidence = min(levels, key=CONFIDENCES.index)
    codes = in_order((*tumour.codes, *non_tumour.codes, *(code for code, _ in caps)))
    return Call(call, confidence, codes, tumour, non_tumour, bulk, dominant, lineages)


def in_order(codes: tuple[str, ...]) -> tuple[str, ...]:
    """Return each code once, in the order of `REASON_CODES`; codes from elsewhere come last, sorted."""
    known = [code for code in REASON_CODES if code in codes]
    return (*known, *sorted(set(codes) - set(known)))
