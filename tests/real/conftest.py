"""The public cohorts, each run at most once per session."""

import pytest

from workflow.harness import copy_project, snakemake


@pytest.fixture(scope="session")
def run_cohort(data_dir, tmp_path_factory):
    """Return a function that runs a public cohort in one project folder and returns that folder and the run."""
    folder = copy_project(tmp_path_factory.mktemp("cohorts"))

    def run(cohort, *arguments):
        config = f"config/cohorts/{cohort}/config.yaml"
        return folder, snakemake(folder, "--configfile", config, "--config", f"data_dir={data_dir}", *arguments)

    return run


@pytest.fixture(scope="session")
def finished(run_cohort):
    """Return a function that gives the results of a public cohort, which it runs when it is asked for first."""
    done = {}

    def results(cohort):
        if cohort not in done:
            folder, run = run_cohort(cohort)
            assert run.returncode == 0, run.output[-6000:]
            done[cohort] = folder / "results" / cohort
        return done[cohort]

    return results
