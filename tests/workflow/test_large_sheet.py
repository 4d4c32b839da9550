"""Planning a large sheet, and a file of a sample that the sheet does not have."""

import scale_dag
from workflow.harness import copy_project, snakemake


def test_the_jobs_of_a_large_sheet_are_five_per_sample_and_those_of_the_cohort():
    few, many = (scale_dag.plan("one h5ad", samples).jobs for samples in (20, 120))
    assert many - few == 100 * 5


def test_a_file_of_an_unknown_sample_is_refused_by_name(tmp_path):
    run = snakemake(copy_project(tmp_path), "-n", "results/demo/activity/cells/P99.h5ad")
    assert run.returncode and "config/samples.tsv has no sample 'P99'" in run.output
