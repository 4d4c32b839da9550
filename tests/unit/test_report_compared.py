"""What charts say their activities are relative to."""

import pandas as pd

from stat3act.report.compared import against

ORDER = ["tumour", "microenvironment", "bulk"]


def profiles(*rows):
    return pd.DataFrame(rows, columns=["compartment", "activity", "reference"])


def test_one_kind_of_reference_is_said_once():
    same = profiles(("tumour", 1.0, "cohort (n=12)"), ("microenvironment", 0.0, "cohort (n=12)"))
    assert against(same, ORDER) == "Activity: z against the cohort, n=12"
    differing = profiles(("tumour", 1.0, "cohort (n=9)"), ("microenvironment", 0.0, "cohort (n=12)"))
    assert against(differing, ORDER) == "Activity: z against the cohort, n=9 to 12"
    assert against(differing, ORDER, ("tumour",)) == "Activity: z against the cohort, n=9"


def test_strata_and_frozen_references_are_named():
    strata = profiles(("bulk", 1.0, "controls (n=3, 4 h)"), ("bulk", 1.0, "controls (n=6, 24 h)"))
    assert against(strata, ORDER) == "Activity: z against the controls, n=3 to 6 per stratum"
    frozen = profiles(("bulk", 1.0, "frozen results/atlas/activity/reference.tsv (n=80)"))
    assert against(frozen, ORDER).replace("\n", " ") == (
        "Activity: z against the frozen reference results/atlas/activity/reference.tsv, n=80"
    )


def test_kinds_that_differ_name_their_compartments():
    split = profiles(
        ("bulk", 1.0, "controls (n=6)"), ("microenvironment", 1.0, "cohort (n=28)"), ("tumour", 1.0, "cohort (n=30)")
    )
    assert against(split, ORDER).replace("\n", " ") == (
        "Activity: z against the cohort, n=28 to 30 (tumour, microenvironment); against the controls, n=6 (bulk)"
    )
    assert max(map(len, against(split, ORDER).split("\n"))) <= 90


def test_rows_without_an_activity_do_not_count():
    silent = profiles(("tumour", None, "cohort (n=3)"), ("bulk", 1.0, "cohort (n=12)"), ("tumour", None, None))
    assert against(silent, ORDER) == "Activity: z against the cohort, n=12"
    assert against(silent.iloc[[0, 2]], ORDER) == "Activity: none was measured"
