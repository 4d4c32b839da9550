"""Scores against a frozen reference: the same whatever other samples the cohort holds."""

import shutil

import pandas as pd
import pytest
import yaml

from workflow.harness import snakemake


@pytest.fixture
def frozen(copied_demo):
    shutil.copy(copied_demo / "results/demo/activity/reference.tsv", copied_demo / "config/frozen.tsv")
    path = copied_demo / "config/config.yaml"
    config = yaml.safe_load(path.read_text())
    config.setdefault("activity", {})["reference"] = "config/frozen.tsv"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return copied_demo


def scores(folder):
    run = snakemake(folder, "--until", "activity_score")
    assert run.returncode == 0, run.output[-4000:]
    assert not run.jobs["activity_reference"]
    table = pd.read_csv(folder / "results/demo/activity/scores.tsv", sep="\t")
    return table.set_index(["sample", "compartment", "axis"])


def test_scores_do_not_change_when_the_others_leave(frozen):
    everyone = scores(frozen)
    assert everyone["reference"].dropna().str.startswith("frozen config/frozen.tsv").all()
    sheet = frozen / "config/samples.tsv"
    lines = sheet.read_text().splitlines()
    for kept in (lines[:7], [lines[0], lines[9]]):
        sheet.write_text("\n".join(kept) + "\n")
        few = scores(frozen)
        assert sorted(set(few.index.get_level_values("sample"))) == [line.split("\t")[0] for line in kept[1:]]
        columns = [name for name in few if name not in ("q_value", "n_cells", "fraction")]
        pd.testing.assert_frame_equal(few[columns], everyone.loc[few.index, columns], check_exact=True)


def test_a_reference_of_other_axes_is_refused(frozen):
    path = frozen / "config/frozen.tsv"
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    table.loc[table["axis"] == "stat3_core", "fingerprint"] = "0123456789abcdef"
    table.to_csv(path, sep="\t", index=False)
    run = snakemake(frozen, "--until", "activity_score")
    assert run.returncode != 0
    log = (frozen / "logs/demo/activity_score.log").read_text()
    assert "config/frozen.tsv" in log and "axis stat3_core" in log and "activity.rivals" in log
    assert "Traceback" not in run.output
