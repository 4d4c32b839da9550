"""Is STAT3 on in one compartment? The evidence of one compartment, and the rule that turns it into a state."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from stat3act.activity.assemble import REFERENCE_NAME
from stat3act.problems import Problem
from stat3act.validation.calibration import UNCALIBRATED

ON, OFF, UNKNOWN = "ON", "OFF", "UNKNOWN"
CORE_AXIS = "stat3_core"
EPITHELIAL_AXIS = "stat3_epithelial"
REGULON_AXIS = "stat3_regulon"
PANELS = (CORE_AXIS, EPITHELIAL_AXIS, REGULON_AXIS)
U_STAT3_AXIS = "u_stat3"
STRESS_AXIS = "dissociation_stress"
INTERFERON_AXIS = "ifn_stat1"
CONFOUNDERS = {INTERFERON_AXIS: "IFN_CONFOUNDED", "nfkb": "NFKB_CONFOUNDED", "hypoxia": "HYPOXIA_CONFOUNDED"}
# The acute-phase and mucosal targets are lineage-restricted: in other tumours they say nothing about STAT3.
EPITHELIAL_TUMOURS = ("carcinoma",)
RULE_AXES = (*PANELS, *CONFOUNDERS, STRESS_AXIS, U_STAT3_AXIS)

Thresholds = Mapping[str, float]


@dataclass(frozen=True)
class Evidence:
    """What the scores say about one sample x compartment; numbers that were not computed are NaN.

    Attributes
    ----------
    compartment
        Name of the compartment.
    reason
        Why the core panel was not scored; empty when it was.
    activity, score, p_value, q_value, ci_low, ci_high, activity_without_top_gene
        The core panel: adjusted activity (z), univariate score, one-sided p, Benjamini-Hochberg q, interval of
        the activity, and the activity without the target that adds most to it.
    coverage, n_targets
        Share and number of the panel's genes that were measured.
    reliability
        Share of the activity's variance that is identified; NaN where the compartment was measured directly.
    panels
        Activity of each STAT3 panel that was scored and is meaningful here.
    rivals
        Activity of each rival axis that was scored.
    u_stat3
        Activity of the U-STAT3 module, NF-kB in the same model.
    reference_n
        Rows the scores are compared with.
    flags
        Guards that the compartment did not pass (`stat3act.profiles.guards`).
    unchecked
        The compartment was estimated from bulk with a reference that was not tested: its interval is not calibrated.
    """

    compartment: str
    reason: str = ""
    activity: float = math.nan
    score: float = math.nan
    p_value: float = math.nan
    q_value: float = math.nan
    ci_low: float = math.nan
    ci_high: float = math.nan
    activity_without_top_gene: float = math.nan
    coverage: float = math.nan
    n_targets: float = math.nan
    reliability: float = math.nan
    panels: Mapping[str, float] = field(default_factory=dict)
    rivals: Mapping[str, float] = field(default_factory=dict)
    u_stat3: float = math.nan
    reference_n: float = math.nan
    flags: tuple[str, ...] = ()
    unchecked: bool = False

    @property
    def panels_positive(self) -> int:
        """Number of scored panels above zero."""
        return sum(value > 0 for value in self.panels.values())


@dataclass(frozen=True)
class State:
    """State of one compartment and the codes that explain it."""

    value: str
    codes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Clause:
    """One condition of the rule: the code of its failure, the number it needs, and the test."""

    code: str
    needs: str
    holds: Callable[[Evidence, Thresholds], bool]


# STAT3 is ON when every line holds ...
ON_RULE = (
    Clause("BORDERLINE", "activity", lambda e, t: e.activity >= t["on_activity"]),
    Clause("NOT_SIGNIFICANT", "p_value", lambda e, t: e.p_value < t["on_p"]),
    Clause("WIDE_INTERVAL", "ci_low", lambda e, t: e.ci_low > 0),
    Clause("PANEL_DISCORDANT", "activity", lambda e, t: e.panels_positive >= min(t["on_panels"], len(e.panels))),
    Clause(
        "SINGLE_GENE_DRIVEN",
        "activity_without_top_gene",
        lambda e, t: e.activity_without_top_gene >= t["on_leave_one_out"],
    ),
)
# ... and OFF when every one of these does: low is not enough, the measurement must have had the power to see it.
OFF_RULE = (
    Clause("WIDE_INTERVAL", "ci_high", lambda e, t: e.ci_high < t["off_ci_high"]),
    Clause("LOW_COVERAGE", "coverage", lambda e, t: e.coverage >= t["off_coverage"]),
    Clause("LOW_COVERAGE", "n_targets", lambda e, t: e.n_targets >= t["off_targets"]),
)


def failures(rule: tuple[Clause, ...], evidence: Evidence, thresholds: Thresholds) -> tuple[str, ...]:
    """Return the codes of the clauses that do not hold; a missing number fails as INCOMPLETE_EVIDENCE."""
    codes = []
    for clause in rule:
        if math.isnan(getattr(evidence, clause.needs)):
            codes.append("INCOMPLETE_EVIDENCE")
        elif not clause.holds(evidence, thresholds):
            codes.append(clause.code)
    return tuple(dict.fromkeys(codes))


def confounders(evidence: Evidence, thresholds: Thresholds) -> tuple[str, ...]:
    """Name the rivals that explain a score which the adjusted activity does not uphold.

    The univariate score reaches ``confounded_score``, the activity stays below ``off_ci_high``, and the rival's own
    activity reaches ``confounded_score``.
    """
    line = thresholds["confounded_score"]
    if not (evidence.score >= line and evidence.activity < thresholds["off_ci_high"]):
        return ()
    return tuple(code for axis, code in CONFOUNDERS.items() if evidence.rivals.get(axis, math.nan) >= line)


def state_of(evidence: Evidence, thresholds: Thresholds) -> State:
    """Apply the evidence rule to one compartment.

    ====================================================  =======  ==============================================
    evidence                                              state    codes
    ====================================================  =======  ==============================================
    core panel not scored                                 UNKNOWN  why (``LOW_CELLS``, ``NO_REFERENCE``, ...)
    reliability below ``min_reliability`` (bulk split)    UNKNOWN  ``LOW_RELIABILITY``
    every line of `ON_RULE` holds                         ON
    every line of `OFF_RULE` holds                        OFF      rivals that explain the score
    activity >= ``on_activity``, another line fails       UNKNOWN  the lines that fail
    ``ci_high`` < ``off_ci_high`` without the power       UNKNOWN  ``LOW_COVERAGE``, rivals
    activity >= ``off_ci_high``, below ``on_activity``    UNKNOWN  ``BORDERLINE``
    activity < ``off_ci_high`` <= ``ci_high``             UNKNOWN  ``WIDE_INTERVAL``, rivals
    ====================================================  =======  ==============================================

    The thresholds are starting values agreed before any cohort was run (1.5, 0.05, two of three panels, 1.0
    without the strongest gene; below 1 with 60 % and 15 genes of the panel), not fitted to outcomes.

    Parameters
    ----------
    evidence
        Evidence of one compartment.
    thresholds
        The ``profiles`` section of the config.

    Returns
    -------
    The state and its codes.
    """
    if evidence.reason or math.isnan(evidence.activity):
        return State(UNKNOWN, (evidence.reason or "NOT_MEASURED",))
    # NaN, never below, where the compartment was measured directly.
    if evidence.reliability < thresholds["min_reliability"]:
        return State(UNKNOWN, ("LOW_RELIABILITY",))
    not_on = failures(ON_RULE, evidence, thresholds)
    if not not_on:
        return State(ON)
    not_off = failures(OFF_RULE, evidence, thresholds)
    rivals = confounders(evidence, thresholds)
    if not not_off:
        return State(OFF, rivals)
    if evidence.activity >= thresholds["on_activity"]:
        return State(UNKNOWN, not_on)
    if evidence.activity >= thresholds["off_ci_high"]:
        not_off = ("BORDERLINE", *(code for code in not_off if code != "WIDE_INTERVAL"))
    return State(UNKNOWN, (*rivals, *not_off))


def threshold_problems(thresholds: Thresholds, file: str) -> list[Problem]:
    """Find thresholds that contradict each other.

    Parameters
    ----------
    thresholds
        The ``profiles`` section of the config.
    file
        Name of the config file, for the message.
    """
    on, off = thresholds["on_activity"], thresholds["off_ci_high"]
    if off <= on:
        return []
    return [
        Problem(
            file,
            "profiles.off_ci_high",
            f"{off}, above profiles.on_activity ({on})",
            "at most profiles.on_activity: otherwise one value would be both ON and OFF",
            "lower profiles.off_ci_high or raise profiles.on_activity",
        )
    ]


def _number(row: Mapping | None, column: str) -> float:
    """Return a cell as float; an absent row or an empty cell is NaN."""
    return math.nan if row is None or row[column] is None else float(row[column])


def _scored(row: Mapping | None) -> bool:
    """Tell whether an axis has a number in this compartment."""
    return row is not None and not _text(row["reason"]) and not math.isnan(_number(row, "activity"))


def _text(value: object) -> str:
    """Return a cell as text; an empty cell is an empty string."""
    return value if isinstance(value, str) else ""


def voting_panels(tumour_type: str) -> list[str]:
    """Name the STAT3 panels that may vote in this type of tumour."""
    return [axis for axis in PANELS if axis != EPITHELIAL_AXIS or tumour_type in EPITHELIAL_TUMOURS]


def evidence_from_rows(
    compartment: str, rows: Mapping[str, Mapping], tumour_type: str, split_from_bulk: bool
) -> Evidence:
    """Gather the evidence of one sample x compartment from its rows of ``activity/scores.tsv``.

    Parameters
    ----------
    compartment
        Name of the compartment.
    rows
        Axis name to row (columns of ``scores.tsv``); axes may be absent.
    tumour_type
        As in the config; the epithelial panel votes only in carcinoma.
    split_from_bulk
        Whether the compartment was estimated from bulk: only then does ``reliability`` bear on the state.
    """
    core = rows.get(CORE_AXIS)
    if not _scored(core):
        reason = _text(core["reason"]) if core is not None else ""
        return Evidence(compartment, reason or "NOT_MEASURED")
    voters = voting_panels(tumour_type)
    panels = {axis: _number(rows[axis], "activity") for axis in voters if _scored(rows.get(axis))}
    # A regulon holds the genes of the core panel again: it votes only where no gene-disjoint panel can.
    if EPITHELIAL_AXIS in panels:
        panels.pop(REGULON_AXIS, None)
    rivals = (*CONFOUNDERS, STRESS_AXIS)
    named = re.match(REFERENCE_NAME, _text(core["reference"]))
    numbers = ("activity", "score", "p_value", "q_value", "ci_low", "ci_high", "coverage", "n_targets")
    return Evidence(
        compartment,
        **{name: _number(core, name) for name in (*numbers, "activity_without_top_gene")},
        reliability=_number(core, "reliability") if split_from_bulk else math.nan,
        panels=panels,
        rivals={axis: _number(rows[axis], "activity") for axis in rivals if _scored(rows.get(axis))},
        u_stat3=_number(rows[U_STAT3_AXIS], "activity") if _scored(rows.get(U_STAT3_AXIS)) else math.nan,
        reference_n=float(named["n"]) if named else math.nan,
        unchecked=split_from_bulk and _text(core.get("interval")) == UNCALIBRATED,
    )
