"""The score on real data says what is known: the figures are those of the validation page."""

import pytest

from scoring import phospho, specificity

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def counts(data_dir):
    table = specificity.check(data_dir)
    rows = table[table["check"] == "specificity"]
    print("\n" + rows.pivot_table(index=["dataset", "method"], columns="group", values="value").to_string())
    return rows.set_index(["dataset", "group", "method"])["value"]


@pytest.fixture(scope="module")
def agreement(data_dir):
    table = phospho.check(data_dir)
    mean = table[(table["check"] == "phospho") & (table["dataset"] == "TCGA")].set_index("method")
    print("\n" + mean[["value", "low", "high", "n"]].to_string())
    return mean


def test_t84_cells_are_called_with_interleukin_22_and_not_with_interferon_or_nothing(counts):
    t84 = counts["T84"]
    assert t84["IFNL", "activity"] <= 1
    assert t84["Mock", "activity"] == 0
    assert t84["IL22 + IL22_IFNL", "activity"] >= 22


def test_tools_without_rivals_call_interferon_lambda_stat3(counts):
    # What the rivals are for; were this to change, the comparison on the page would say nothing.
    for method in ("collectri_ulm", "hallmark_il6_jak_stat3", "progeny_jak_stat"):
        assert counts["T84", "IFNL", method] >= 10


def test_blood_cells_are_not_called_active_under_interferon_beta(counts):
    kang = counts["Kang"]
    groups = [group for group, method in kang.index if method == "activity"]
    assert len(groups) == 3
    assert all(kang[group, "activity"] == 0 for group in groups)


def test_activity_follows_phospho_stat3_at_least_as_well_as_the_simple_baselines(agreement):
    own = agreement.loc["activity"]
    assert own["n"] == 170
    assert own["low"] > 0
    for method in ("stat3_mrna", "socs3_mrna", "collectri_ulm", "hallmark_il6_jak_stat3", "progeny_jak_stat"):
        assert own["value"] > agreement.loc[method, "value"] - 0.02
    assert own["value"] >= 0.35
