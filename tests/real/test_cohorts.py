"""The eight public cohorts, each from its config to its report with one command."""

import pytest

from browsing import NO_BROWSER, read_as_a_user
from stat3act.tables import read_table
from workflow.harness import ROOT

pytestmark = pytest.mark.real
UNSPLIT = ["tcga_acc", "tcga_luad", "tcga_lgg"]
COHORTS = ["t84_il22_ifnl", "oligodendroglioma", *UNSPLIT, "aml_vangalen", "tcga_uvm", "nsclc_oncoblade"]


@pytest.mark.parametrize("cohort", COHORTS)
def test_a_cohort_runs_to_its_report_and_then_has_nothing_to_do(finished, run_cohort, cohort):
    results = finished(cohort)
    calls = read_table(results / "profiles/calls.tsv")
    sheet = read_table(ROOT / f"config/cohorts/{cohort}/samples.tsv")
    assert list(calls["sample"]) == sorted(sheet["sample"])
    assert (results / "report/report.html").stat().st_size > 500_000
    _, again = run_cohort(cohort)
    assert again.returncode == 0 and again.idle, again.output[-2000:]


def test_t84_knows_interleukin_22_from_interferon_lambda(finished):
    scores = read_table(finished("t84_il22_ifnl") / "profiles/activation_profiles.tsv")
    sheet = read_table(ROOT / "config/cohorts/t84_il22_ifnl/samples.tsv").set_index("sample")
    core = scores[scores["axis"] == "stat3_core"].set_index("sample").join(sheet[["treatment", "time"]])
    medians = core.pivot_table(index="treatment", columns="time", values=["score", "activity"], aggfunc="median")
    print("\n" + medians.round(2).to_string())
    activity = medians["activity"]
    assert activity.shape == (4, 4)
    assert (activity.loc[["IL22", "IL22_IFNL"]] > 3).all(axis=None)
    assert (activity.loc["IFNL"] < 1.64).all()
    # What the rival axes are for: without them, interferon lambda passes for STAT3.
    assert (medians["score"].loc["IFNL"] > 1.64).all()


def test_every_aml_patient_with_enough_cells_has_both_rows_and_the_others_are_unknown(finished):
    results = finished("aml_vangalen")
    composition = read_table(results / "compartments/composition.tsv").set_index(["sample", "compartment"])
    scores = read_table(results / "profiles/activation_profiles.tsv")
    core = scores[scores["axis"] == "stat3_core"].set_index(["sample", "compartment"])
    patients = sorted({sample for sample, _ in composition.index})
    both = 0
    for sample in patients:
        enough = {name: composition.loc[(sample, name), "n_cells"] >= 20 for name in ("tumour", "microenvironment")}
        for name, is_enough in enough.items():
            known = core["activity"].notna().get((sample, name), False)
            assert known == is_enough, (sample, name)
        both += all(enough.values())
    assert len(patients) == 18 and both >= 10
    calls = read_table(results / "profiles/calls.tsv").set_index("sample")
    few = composition[(composition["n_cells"] < 20)].reset_index()
    for sample in few.loc[few["compartment"] == "tumour", "sample"]:
        assert calls.loc[sample, "tumour_state"] == "UNKNOWN"


def test_phospho_agreement_is_reported_with_its_interval_beside_the_baselines(finished):
    for cohort in UNSPLIT:
        table = read_table(finished(cohort) / "validation/phospho.tsv").set_index("method")
        assert {"stat3_core_activity", "stat3_mrna", "socs3_mrna", "unsigned_pathway", "purity"} <= set(table.index)
        assert ((table["low"] < table["spearman"]) & (table["spearman"] < table["high"])).all()
        assert (table["n"] >= 20).all()
    agreement = read_table(finished("tcga_acc") / "validation/phospho.tsv").set_index("method")
    assert agreement.loc["stat3_core_activity", "low"] > 0


@pytest.mark.parametrize(("cohort", "samples"), [("tcga_uvm", 80), ("nsclc_oncoblade", 10)])
def test_a_reference_of_another_tissue_is_said_in_every_place(finished, cohort, samples):
    results = finished(cohort)
    check = read_table(results / "compartments/reference_check.tsv")
    print("\n" + check.drop(columns="sample").describe().round(2).to_string())
    assert (check["flags"] == "REFERENCE_MISFIT").all() and len(check) == samples
    assert (check["fit_correlation"] < check["fit_limit"]).mean() > 0.5
    calls = read_table(results / "profiles/calls.tsv")
    assert calls["reason_codes"].str.contains("REFERENCE_MISFIT").all() and (calls["confidence"] == "low").all()
    assert f"REFERENCE_MISFIT, {samples} of {samples} samples" in (results / "report/report.html").read_text()


def test_purity_by_copy_number_moves_the_fractions_of_lung_cancers(finished):
    results = finished("nsclc_oncoblade")
    check = read_table(results / "compartments/reference_check.tsv").set_index("sample")
    off = (check[["purity_fitted", "purity"]].sub(check["purity_given"], axis=0)).abs().mean()
    assert off["purity"] < 0.5 * off["purity_fitted"]
    fractions = read_table(results / "compartments/fractions.tsv")
    tumour = fractions[fractions["compartment"] == "tumour"].set_index("sample")["fraction"]
    assert (tumour - check["purity"]).abs().max() < 1e-4


@pytest.mark.parametrize("cohort", UNSPLIT)
def test_without_a_reference_purity_speaks_for_the_cohort_and_for_no_sample(finished, cohort):
    results = finished(cohort)
    table = read_table(results / "compartments/purity_interaction.tsv").set_index("axis")
    print(f"\n{cohort}\n{table[['n', 'slope', 'tumour_end', 'microenvironment_end', 'q_value']].round(2).to_string()}")
    core = table.loc["stat3_core"]
    assert (table["level"] == "cohort").all()
    assert core["n"] >= 10 and core["slope_low"] < core["slope"] < core["slope_high"]
    calls = read_table(results / "profiles/calls.tsv")
    assert calls["reason_codes"].str.contains("BULK_ONLY").all()
    assert "Of the cohort, not of a sample" in (results / "report/report.html").read_text()


@NO_BROWSER
@pytest.mark.browser
@pytest.mark.parametrize("cohort", ["t84_il22_ifnl", "oligodendroglioma"])
def test_the_report_of_a_public_cohort_can_be_read(browser, finished, cohort):
    read_as_a_user(browser, finished(cohort), cohort)
