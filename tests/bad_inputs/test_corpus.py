"""Every wrong input of the corpus gets its message, before any job where that can be, and never a traceback."""

from collections import Counter

import pytest

from bad_inputs.corpus import STAGES, SUMMARY, fits, lay_out, read_cases, told

CASES = read_cases()
pytestmark = pytest.mark.usefixtures("few_genes")
WRONG = [case for case in CASES if "wrong" in case]
ODD = [case for case in CASES if "right" in case]


@pytest.mark.parametrize("cohort", ["bulk", "cells", "tenx"])
def test_nothing_is_wrong_with_the_good_cohorts(good, cohort, monkeypatch):
    monkeypatch.chdir(good / cohort)
    assert [told(stage) for stage in STAGES] == ["", "", ""]


@pytest.mark.parametrize("case", WRONG, ids=lambda case: f"{case['kind']}: {case['wrong']}")
def test_a_wrong_input_gets_its_message(good, case, tmp_path, monkeypatch):
    lay_out(good, case, tmp_path)
    monkeypatch.chdir(tmp_path)
    stage = STAGES.index(case["stage"])
    # Found no later than the corpus says, and no earlier: a stage that finds it sooner is to be written down.
    assert [told(earlier) for earlier in STAGES[:stage]] == [""] * stage
    said = told(case["stage"])
    assert fits(case["message"], said), said
    if case["stage"] == "check" and case.get("job", True):
        assert told("job")
    assert not (tmp_path / "pwned").exists() and not (tmp_path / "results").exists()


@pytest.mark.parametrize("case", ODD, ids=lambda case: f"{case['kind']}: {case['right']}")
def test_an_odd_but_right_input_is_taken(good, case, tmp_path, monkeypatch):
    lay_out(good, case, tmp_path)
    monkeypatch.chdir(tmp_path)
    assert [told(stage) for stage in STAGES] == ["", "", ""]


def test_the_corpus_is_as_large_as_it_is_said_to_be():
    kinds = Counter(case["kind"] for case in WRONG)
    counts = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
    SUMMARY.append(f"{len(WRONG)} wrong inputs ({counts}), {len(ODD)} odd ones that are right")
    assert len(WRONG) >= 80
    names = [(case["kind"], case.get("wrong", case.get("right"))) for case in CASES]
    assert len(set(names)) == len(names)
