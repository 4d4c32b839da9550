"""Columns of the tables of an atlas, which compares cohorts."""

from stat3act.report.columns import TABLES
from stat3act.report.columns_shared import AXIS, COMPARTMENT, SAMPLE, TEXT, Table, Z

COHORT = "Cohort, as in the configuration of the atlas."
_COMPARED = dict(TABLES["groups"].columns) | {
    "column": ("cohort: the groups are cohorts.", "word"),
    "group_a": ("First cohort.", TEXT),
    "group_b": ("Second cohort.", TEXT),
    "n_a": ("Patients of the first cohort with an activity; samples that both cohorts have are left out.", "patients"),
    "n_b": ("The same of the second cohort.", "patients"),
}

ATLAS_TABLES = {
    "activities": Table(
        "activities.tsv",
        "one sample x compartment x axis of one cohort, on the frozen scale",
        {"cohort": (COHORT, TEXT), **TABLES["activation_profiles"].columns},
    ),
    "overview": Table(
        "overview.tsv",
        "one compartment x axis of one cohort",
        {
            "cohort": (COHORT, TEXT),
            **COMPARTMENT,
            **AXIS,
            "n_samples": ("Samples with an activity on the frozen scale.", "samples"),
            "n_patients": ("Their patients.", "patients"),
            "lowest": ("Lowest activity.", Z),
            "median": ("Median activity.", Z),
            "highest": ("Highest activity.", Z),
            "n_left_out": ("Samples without one: unknown, or relative to their own cohort.", "samples"),
        },
    ),
    "comparisons": Table("comparisons.tsv", "two cohorts in one compartment and axis", _COMPARED),
    "shared": Table(
        "shared.tsv",
        "one value of a sample that two cohorts have",
        {
            **SAMPLE,
            **COMPARTMENT,
            **AXIS,
            "cohort_a": ("First cohort.", TEXT),
            "cohort_b": ("Second cohort.", TEXT),
            "activity_a": ("Activity in the first cohort.", Z),
            "activity_b": ("Activity in the second cohort.", Z),
            "difference": ("First less second; 0 for the same sample.", Z),
        },
    ),
}
