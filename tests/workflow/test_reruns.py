"""What changes, and what runs again: exactly the jobs that depend on it."""

from collections import Counter

import pytest
import yaml

from workflow.harness import snakemake

BULK = ["--configfile", "config/cohorts/demo_bulk/config.yaml"]
REPORT = {"report_record": 1, "report_render": 1, "report_crate": 1, "report_checksums": 1}
CALLS = {"profiles_call": 1, "validation_expected": 1}
SCORING = {"activity_reference": 1, "activity_score": 1, "activity_guards": 1, "profiles_group": 1}


def planned(folder, *arguments):
    run = snakemake(folder, "-n", *arguments)
    assert run.returncode == 0, run.output[-4000:]
    assert run.idle == (not run.jobs)
    return run.jobs


def change_config(folder, section, key, value):
    path = folder / "config/config.yaml"
    config = yaml.safe_load(path.read_text())
    config.setdefault(section, {})[key] = value
    path.write_text(yaml.safe_dump(config, sort_keys=False))


def test_swapping_cohorts_and_back_runs_nothing(demo):
    assert not planned(demo)
    assert not planned(demo, *BULK)
    assert not planned(demo)


def test_a_threshold_of_the_calls_runs_profiles_and_report_only(copied_demo):
    change_config(copied_demo, "profiles", "on_activity", 2.0)
    assert planned(copied_demo) == Counter(CALLS | REPORT)


def test_a_title_runs_the_report_only(copied_demo):
    change_config(copied_demo, "report", "title", "Another title")
    assert planned(copied_demo) == Counter(REPORT)


def test_a_scoring_setting_runs_activity_onward(copied_demo):
    change_config(copied_demo, "activity", "clip", 4)
    assert planned(copied_demo) == Counter(SCORING | {"activity_cells": 12, "report_cells": 12} | CALLS | REPORT)


def test_another_method_beside_ours_leaves_the_reference_alone(copied_demo):
    change_config(copied_demo, "activity", "also", ["viper"])
    jobs = planned(copied_demo)
    assert jobs["activity_score"] == 1 and "activity_reference" not in jobs and "activity_cells" not in jobs


def gathers_of(samples):
    """Jobs of a cohort whose samples changed: all of them may borrow normal cells of each other."""
    each = {"compartments_label": samples, "activity_cells": samples, "report_cells": samples}
    cohort = ["expression_gather", "compartments_normals", "compartments_gather", "compartments_reference"]
    cohort += ["report_multiqc"]
    return each | dict.fromkeys(cohort, 1) | SCORING


def test_one_more_sample_runs_its_own_chain_and_what_samples_share(copied_demo):
    sheet = copied_demo / "config/samples.tsv"
    lines = sheet.read_text().splitlines()
    sheet.write_text("\n".join([*lines, lines[-1].replace("P12", "P13")]) + "\n")
    jobs = planned(copied_demo)
    chain = {"expression_simulate": 1, "expression_filter": 1, "compartments_lineages": 1}
    assert jobs == Counter(chain | gathers_of(13) | CALLS | REPORT)


def test_one_sample_less_runs_what_samples_share(copied_demo):
    sheet = copied_demo / "config/samples.tsv"
    sheet.write_text("\n".join(sheet.read_text().splitlines()[:-1]) + "\n")
    assert planned(copied_demo) == Counter(gathers_of(11) | CALLS | REPORT)


def test_metadata_that_nothing_computes_with_runs_the_report_only(copied_demo):
    sheet = copied_demo / "config/samples.tsv"
    sheet.write_text(sheet.read_text().replace("\tnothing\t", "\tnothing at all\t"))
    assert planned(copied_demo) == Counter(REPORT)


def test_the_group_of_a_sample_runs_the_comparison_and_the_report(copied_demo):
    sheet = copied_demo / "config/samples.tsv"
    sheet.write_text(sheet.read_text().replace("\tquiet\t", "\tinflamed\t", 1))
    assert planned(copied_demo) == Counter(REPORT | {"profiles_group": 1})


def test_code_two_imports_deep_runs_its_dependants(copied_demo):
    path = copied_demo / "workflow/scripts/stat3act/activity/model.py"
    path.write_text(path.read_text().replace("GENES_PER_STRATUM = 25", "GENES_PER_STRATUM = 26"))
    jobs = planned(copied_demo)
    assert jobs["activity_score"] == 1 and jobs["profiles_call"] == 1
    assert not {"expression_filter", "compartments_lineages", "compartments_label", "networks_prepare"} & jobs.keys()


def test_a_setting_of_the_malignant_calls_clusters_nothing_again(copied_demo):
    change_config(copied_demo, "compartments", "malignant", {"probability": 0.9})
    jobs = planned(copied_demo)
    assert jobs["compartments_label"] == 12
    assert not {"expression_filter", "compartments_lineages", "compartments_normals"} & jobs.keys()


def test_order_of_keys_and_new_time_stamps_run_nothing(copied_demo):
    path = copied_demo / "config/config.yaml"
    config = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump(dict(reversed(config.items())), sort_keys=False))
    for part in ("workflow", "resources", "config"):
        for file in (copied_demo / part).rglob("*"):
            if file.is_file():
                file.touch()
    assert not planned(copied_demo)


@pytest.mark.parametrize("rule", ["activity_score", "profiles_call", "report_render"])
def test_root_and_workflow_snakefile_are_the_same_workflow(demo, rule):
    assert planned(demo, "-R", rule) == planned(demo, "-s", "workflow/Snakefile", "-R", rule)
