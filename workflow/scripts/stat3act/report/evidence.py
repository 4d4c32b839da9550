"""Which lines of evidence a sample card shows, and the plain words for every code on the page.

The calls themselves come from ``profiles/calls.tsv``; nothing here decides one. The lines repeat the conditions of
`stat3act.profiles.states` beside the values they are about, so that a reader sees what holds, what does not, and what
would have to change.
"""

from collections.abc import Mapping

from stat3act.profiles.calls import REASON_CODES

# Colours are names of page and chart colours; colour is never the only sign, each answer has its shape.
CALLS = {
    "TUMOUR_INTRINSIC_ACTIVE": {
        "shape": "circle",
        "colour": "call_0",
        "name": "Tumour active",
        "meaning": "STAT3 is on in the tumour cells; in the microenvironment it is off, or unknown where the reason "
        "codes say so.",
    },
    "STROMA_ACTIVE": {
        "shape": "square",
        "colour": "call_1",
        "name": "Microenvironment active",
        "meaning": "STAT3 is on in the microenvironment and off in the tumour cells.",
    },
    "BOTH_ACTIVE": {
        "shape": "diamond",
        "colour": "call_2",
        "name": "Both active",
        "meaning": "STAT3 is on in the tumour cells and in the microenvironment.",
    },
    "INACTIVE": {
        "shape": "triangle-down",
        "colour": "call_3",
        "name": "Inactive",
        "meaning": "STAT3 is off in both, and enough genes were measured to say so.",
    },
    "INDETERMINATE": {
        "shape": "cross",
        "colour": "call_4",
        "name": "Indeterminate",
        "meaning": "The data cannot tell; the reason codes say why. This is not the same as inactive.",
    },
}

# Where nothing was split, the state of the whole sample is what a reader can ask.
STATES = {
    "ON": {
        "shape": "circle",
        "colour": "call_0",
        "name": "On in the whole sample",
        "meaning": "STAT3 is on in the unsplit sample; in which cells is not known.",
    },
    "OFF": {
        "shape": "triangle-down",
        "colour": "call_3",
        "name": "Off in the whole sample",
        "meaning": "STAT3 is off in the unsplit sample, and enough genes were measured to say so.",
    },
    "UNKNOWN": {
        "shape": "cross",
        "colour": "call_4",
        "name": "Unknown",
        "meaning": "Neither on nor off can be said of the unsplit sample. This is not the same as off.",
    },
}

COMPARTMENTS = {
    "tumour": "Tumour",
    "microenvironment": "Microenvironment",
    "fibroblast": "Fibroblast",
    "endothelial": "Endothelial",
    "myeloid": "Myeloid",
    "lymphoid": "Lymphoid",
    "bulk": "Bulk (unsplit)",
}

AXES = {
    "stat3_core": "STAT3 core",
    "stat3_epithelial": "STAT3 epithelial",
    "stat3_regulon": "STAT3 regulon",
    "ifn_stat1": "Interferon / STAT1",
    "nfkb": "NF-kB",
    "hypoxia": "Hypoxia",
    "proliferation": "Proliferation",
    "dissociation_stress": "Dissociation stress",
    "u_stat3": "Unphosphorylated STAT3",
}

REASONS = REASON_CODES


def conditions(thresholds: Mapping[str, float], split_from_bulk: bool) -> list[dict]:
    """List the conditions of ON and OFF with their thresholds.

    The conditions are those of the evidence rule (ON: activity, p, interval above 0, panels, leave-one-gene-out; OFF:
    interval below the limit with enough power).

    Parameters
    ----------
    thresholds
        The ``profiles`` section of the effective configuration.
    split_from_bulk
        Whether tumour and microenvironment were estimated from bulk; then reliability is a condition as well.

    Returns
    -------
    One dict per condition: ``state`` it is needed for, ``column`` of the activation profiles it looks at (``panels``
    stands for the number of STAT3 panels above zero), ``sense`` (``>=``, ``>`` or ``<``), ``value``, and ``label``.
    """

    def line(state: str, column: str, sense: str, value: float, label: str) -> dict:
        return {"state": state, "column": column, "sense": sense, "value": value, "label": label}

    reliable = [
        line(state, "reliability", ">=", thresholds["min_reliability"], "Reliability of the split")
        for state in ("ON", "OFF")
        if split_from_bulk
    ]
    return [
        line("ON", "activity", ">=", thresholds["on_activity"], "Activity"),
        line("ON", "p_value", "<", thresholds["on_p"], "p value"),
        line("ON", "ci_low", ">", 0, "Lower end of the interval"),
        line("ON", "panels", ">=", thresholds["on_panels"], "STAT3 panels above zero"),
        line(
            "ON",
            "activity_without_top_gene",
            ">=",
            thresholds["on_leave_one_out"],
            "Activity without its strongest gene",
        ),
        line("OFF", "ci_high", "<", thresholds["off_ci_high"], "Upper end of the interval"),
        line("OFF", "coverage", ">=", thresholds["off_coverage"], "Share of the panel measured"),
        line("OFF", "n_targets", ">=", thresholds["off_targets"], "Measured targets"),
        *reliable,
    ]
