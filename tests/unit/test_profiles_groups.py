"""Groups of patients: rank tests and shifts worked out by hand or by enumeration, and patients as the replicates."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest

from stat3act.profiles.groups import (
    COMPARED_COLUMNS,
    MIN_PATIENTS,
    MOST_GROUPS,
    compare_groups,
    compare_pair,
    group_table,
    patient_means,
)

A = pd.Series([2.0, 3.5, 4.0, 5.5, 6.0], list("abcde"))
B = pd.Series([-1.0, 0.5, 1.0, 3.0], list("wxyz"))


def rank_sum_p(a, b):
    """Two-sided p of the rank sum, by all ways to choose the patients of the first group."""
    values = np.concatenate([a, b])
    ranks = values.argsort().argsort() + 1.0
    sums = np.array([ranks[list(chosen)].sum() for chosen in combinations(range(len(values)), len(a))])
    middle = len(a) * (len(values) + 1) / 2
    own = ranks[: len(a)].sum()
    return np.mean(np.abs(sums - middle) >= abs(own - middle) - 1e-9)


def signed_rank_p(change):
    """Two-sided p of the signed-rank sum, by all signs."""
    ranks = np.abs(change).argsort().argsort() + 1.0
    sums = np.array([np.dot(ranks, signs) for signs in product((-1, 1), repeat=len(change))])
    return np.mean(np.abs(sums) >= abs(np.dot(ranks, np.sign(change))) - 1e-9)


def test_two_groups_of_different_patients():
    found = compare_pair(A, B, 0.9)
    assert (found["n_a"], found["n_b"], found["test"]) == (5, 4, "mann_whitney")
    assert (found["median_a"], found["median_b"]) == (4.0, 0.75)
    # Of 20 pairs, A is lower in one (2.0 against 3.0).
    assert found["effect"] == pytest.approx((19 - 1) / 20)
    differences = [a - b for a, b in product(A, B)]
    assert found["difference"] == pytest.approx(np.median(differences))
    assert found["p_value"] == pytest.approx(rank_sum_p(A.to_numpy(), B.to_numpy()))
    assert found["difference_low"] < found["difference"] < found["difference_high"]
    assert {found["difference_low"], found["difference_high"]} <= set(differences)


def test_patients_in_both_groups_are_compared_with_themselves():
    before = pd.Series([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], list("abcdef"))
    change = np.array([0.5, 1.0, -0.2, 1.4, 2.0, 0.9])
    after = (before + change).sample(frac=1, random_state=0)
    after["only here"] = -100.0
    found = compare_pair(after, before, 0.9)
    assert (found["n_a"], found["n_b"], found["test"]) == (6, 6, "wilcoxon_signed_rank")
    walsh = [(change[i] + change[j]) / 2 for i in range(6) for j in range(i, 6)]
    assert found["difference"] == pytest.approx(np.median(walsh))
    assert found["p_value"] == pytest.approx(signed_rank_p(change))
    assert found["effect"] == pytest.approx((21 - 2 * 1) / 21)
    # Unpaired, the spread between patients would hide the change.
    assert compare_pair(after.drop("only here").rename(str.upper), before, 0.9)["p_value"] > 0.3


def test_exchanged_groups_turn_the_signs_and_nothing_else():
    one, other = compare_pair(A, B, 0.9), compare_pair(B, A, 0.9)
    assert other["difference"] == -one["difference"] and other["effect"] == pytest.approx(-one["effect"])
    assert (other["difference_low"], other["difference_high"]) == (-one["difference_high"], -one["difference_low"])
    assert other["p_value"] == pytest.approx(one["p_value"])


def test_intervals_cover_a_planted_shift_and_p_values_are_even_without_one():
    rng = np.random.default_rng(3)
    inside, low = 0, 0
    for _ in range(400):
        a, b = (pd.Series(rng.normal(size=n), [f"{side}{i}" for i in range(n)]) for side, n in (("a", 12), ("b", 15)))
        found = compare_pair(a + 1.3, b, 0.9)
        inside += found["difference_low"] <= 1.3 <= found["difference_high"]
        low += compare_pair(a, b, 0.9)["p_value"] < 0.05
    assert 0.86 < inside / 400 < 0.94
    assert 0.02 < low / 400 < 0.08


@pytest.mark.parametrize("n", range(MIN_PATIENTS))
def test_too_few_patients_are_listed_and_not_tested(n):
    found = compare_pair(A.iloc[:n], B, 0.9)
    assert (found["n_a"], found["test"]) == (n, "too_few_patients")
    assert np.isnan(found["p_value"]) and np.isnan(found["difference"])
    # The smallest groups that are tested: three against three cannot be significant at 0.05.
    assert compare_pair(A.iloc[:3], B.iloc[:3], 0.9)["p_value"] >= 0.1


def table(values, samples_per_patient=1):
    rows = [
        (patient, group, "tumour", axis, value)
        for group, patients in values.items()
        for patient, value in patients.items()
        for axis in ("stat3_core", "nfkb")
        for _ in range(samples_per_patient)
    ]
    return pd.DataFrame(rows, columns=["patient", "group", "compartment", "axis", "activity"])


def test_more_samples_of_a_patient_are_no_more_evidence():
    once = compare_groups(table({"x": A, "y": B}), "subtype", 0.9)
    often = compare_groups(table({"x": A, "y": B}, samples_per_patient=20), "subtype", 0.9)
    pd.testing.assert_frame_equal(once, often)
    assert list(once.columns) == COMPARED_COLUMNS
    assert once[["column", "group_a", "group_b"]].drop_duplicates().to_numpy().tolist() == [["subtype", "x", "y"]]


def test_unknown_activities_and_empty_groups_do_not_count():
    rows = table({"x": A, "y": B})
    more = pd.concat([rows, rows.assign(activity=np.nan), rows.assign(group="", activity=9.0)])
    pd.testing.assert_frame_equal(compare_groups(more, "c", 0.9), compare_groups(rows, "c", 0.9))
    assert patient_means(more).shape == (9, 2)


def test_q_values_are_corrected_within_an_axis_over_all_pairs():
    found = compare_groups(table({"x": A, "y": B, "z": A.rename(str.upper) + 0.1}), "c", 0.9)
    core = found[found["axis"] == "stat3_core"].sort_values("p_value")
    p = core["p_value"].to_numpy()
    by_hand = np.minimum.accumulate((p * 3 / np.arange(1, 4))[::-1])[::-1]
    assert core["q_value"].to_numpy() == pytest.approx(by_hand)


def test_a_column_of_many_groups_is_not_compared(caplog):
    values = {f"g{n}": A.rename(lambda name, n=n: f"{name}{n}") for n in range(MOST_GROUPS + 1)}
    assert compare_groups(table(values), "site", 0.9).empty
    assert "'site' has 9 groups" in caplog.text


def test_groups_come_from_the_columns_of_the_sheet():
    scores = table({"": A}).rename(columns={"patient": "sample"})[["sample", "compartment", "axis", "activity"]]
    samples = [
        {"sample": name, "patient": f"p{name}", "subtype": "xy"[i > 2], "stage": "I"} for i, name in enumerate("abcde")
    ]
    found = group_table(scores, samples, ["subtype", "stage", "absent"], 0.9)
    assert set(found["column"]) == {"subtype"} and found["n_a"].tolist() == [3, 3]
    assert list(group_table(scores, samples, [], 0.9).columns) == COMPARED_COLUMNS
