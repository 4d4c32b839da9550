"""Cohorts compared: the same samples through two cohorts with one frozen reference agree; others are refused."""

import pandas as pd
import yaml

from stat3act.tables import read_table
from workflow.harness import snakemake

ATLAS = ["--snakefile", "workflow/atlas.smk"]


def test_the_same_samples_agree_and_cohorts_relative_to_themselves_are_refused(copied_demo):
    early = snakemake(copied_demo, *ATLAS)
    assert early.returncode != 0 and not early.jobs
    assert "'demo_early'" in early.output and "run it first" in early.output and "Traceback" not in early.output
    for name in ("early", "late"):
        read = [f"results/demo_{name}/{file}" for file in ("profiles/activation_profiles.tsv", "provenance.json")]
        run = snakemake(copied_demo, *read, "--configfile", f"config/cohorts/demo_{name}/config.yaml")
        assert run.returncode == 0, run.output[-4000:]
        assert not run.jobs["activity_reference"]
    run = snakemake(copied_demo, *ATLAS)
    assert run.returncode == 0, run.output[-4000:]
    assert run.jobs == {"atlas_compare": 1, "atlas_render": 1}
    folder = copied_demo / "atlas/demo"
    shared = read_table(folder / "shared.tsv")
    assert sorted(set(shared["sample"])) == ["B07", "B08", "B09", "B10"] and len(shared) > 20
    # Six significant digits are written; the values behind them are of other cohorts with other samples.
    assert shared["difference"].abs().max() <= 1e-9
    profiles = {
        name: read_table(copied_demo / f"results/demo_{name}/profiles/activation_profiles.tsv")
        for name in ("early", "late")
    }
    both = profiles["early"].merge(profiles["late"], on=["sample", "compartment", "axis"])
    pd.testing.assert_series_equal(both["activity_x"], both["activity_y"], check_names=False, rtol=0, atol=1e-9)
    assert (folder / "atlas.html").stat().st_size > 500_000
    assert snakemake(copied_demo, *ATLAS).idle

    (copied_demo / "wrong.yaml").write_text(yaml.safe_dump({"atlas": "wrong", "cohorts": ["demo_early", "demo_bulk"]}))
    refused = snakemake(copied_demo, *ATLAS, "--configfile", "wrong.yaml")
    assert refused.returncode != 0 and not refused.jobs and "Traceback" not in refused.output
    for words in (
        "wrong.yaml, cohort `demo_bulk`",
        "activities relative to the cohort itself (activity.reference: cohort)",
        "set `activity.reference: results/demo_bulk/activity/reference.tsv` in the configuration of `demo_bulk`",
    ):
        assert words in refused.output
