"""An atlas: what may be compared, and the tables made by hand."""

import copy
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from stat3act.atlas import comparable
from stat3act.atlas.compare import (
    OVERVIEW_COLUMNS,
    SHARED_COLUMNS,
    compare_cohorts,
    join_cohorts,
    overview,
    shared_samples,
)
from stat3act.atlas.page import render_atlas
from stat3act.profiles.groups import COMPARED_COLUMNS
from stat3act.report import parts
from stat3act.report.columns_atlas import ATLAS_TABLES
from stat3act.tables import write_json
from unit.report_example import config, text_of

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/atlas.schema.yaml").read_text(encoding="utf-8"))


def record(reference="config/frozen.tsv", digest="a" * 64, code="c0de", network="b" * 64, **activity):
    effective = copy.deepcopy(config("bulk"))
    effective["activity"] |= {"reference": reference} | activity
    inputs = [{"path": "x.tsv", "sha256": "0" * 64}, {"path": reference, "sha256": digest}]
    return {
        "config": effective,
        "inputs": inputs if reference not in ("cohort", "controls") else inputs[:1],
        "network_sha256": network,
        "code": {"activity_score": code},
    }


def test_cohorts_on_one_scale_can_be_compared():
    records = {
        "a": record(),
        "b": record("elsewhere/same_file.tsv"),
        "c": record(rivals=list(reversed(config()["activity"]["rivals"]))),
    }
    assert comparable.scale_problems(records, "atlas.yaml") == []


@pytest.mark.parametrize("own", ["cohort", "controls"])
def test_a_cohort_that_is_relative_to_itself_is_refused_with_the_mend(own):
    (problem,) = comparable.scale_problems({"a": record(), "b": record(own)}, "atlas.yaml")
    assert (problem.file, problem.where) == ("atlas.yaml", "cohort `b`")
    assert f"activity.reference: {own}" in problem.value and "one frozen reference" in problem.expected
    assert "set `activity.reference: config/frozen.tsv` in the configuration of `b`" in problem.mend


def test_without_any_frozen_reference_all_are_refused_and_one_is_proposed():
    found = comparable.scale_problems({"a": record("cohort"), "b": record("controls")}, "atlas.yaml")
    assert [problem.where for problem in found] == ["cohort `a`", "cohort `b`"]
    assert all("copy results/a/activity/reference.tsv" in problem.mend for problem in found)


@pytest.mark.parametrize(
    ("other", "where", "mend"),
    [
        (record(digest="f" * 64), "cohort `c`", "config/frozen.tsv"),
        (record(clip=4), "cohort `c`, key `activity.clip`", "same value"),
        (record(rivals=["nfkb"]), "cohort `c`, key `activity.rivals`", "same value"),
        (record(confidence_level=0.95), "cohort `c`, key `activity.confidence_level`", "same value"),
        (record(network="e" * 64), "cohort `c`, genes of the axes (sha256)", "networks"),
        (record(code="new"), "cohort `c`, code of the scoring", "same version"),
    ],
)
def test_another_reference_setting_network_or_code_is_refused(other, where, mend):
    (problem,) = comparable.scale_problems({"a": record(), "b": record(), "c": other}, "atlas.yaml")
    assert problem.where == where and mend in problem.mend


def test_everything_wrong_with_an_atlas_comes_in_one_list(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, own in (("a", "cohort"), ("b", "config/frozen.tsv")):
        for path in comparable.FILES[:2]:
            target = tmp_path / "results" / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text("x\n")
        write_json(tmp_path / "results" / name / "provenance.json", record(own))
    given = {"atlas": "all", "cohorts": ["a", "b", "absent"]}
    filled, found = comparable.check_atlas(given, SCHEMA, "atlas.yaml")
    assert [problem.where for problem in found] == ["key `cohorts[2]`", "cohort `a`"]
    assert "make run CONFIG=config/cohorts/absent/config.yaml" in found[0].mend
    assert filled["title"] is None
    _, found = comparable.check_atlas({"atlas": "../x", "cohorts": ["a"], "cohrts": []}, SCHEMA, "atlas.yaml")
    assert {problem.where for problem in found} == {"key `atlas`", "key `cohorts`", "key `cohrts`"}


def profiles(samples, shift=0.0, compartment="bulk", reference="frozen config/frozen.tsv (n=9)"):
    rows = [
        (name, f"p{name}", compartment, axis, value + shift, reference)
        for name, value in samples.items()
        for axis in ("stat3_core", "nfkb")
    ]
    return pd.DataFrame(rows, columns=["sample", "patient", "compartment", "axis", "activity", "reference"])


FIRST = {"s1": 0.5, "s2": 1.0, "s3": 2.0, "s4": 3.0, "s5": 4.0}
SECOND = {"s4": 3.0, "s5": 4.0, "s6": -1.0, "s7": -2.0, "s8": 0.1}


@pytest.fixture
def cohorts():
    relative = profiles({"s1": 9.0}, compartment="tumour", reference="cohort (n=5)")
    unknown = profiles({"s9": np.nan}).assign(reference=None)
    return {"one": pd.concat([profiles(FIRST), relative]), "two": pd.concat([profiles(SECOND), unknown])}


def test_only_values_on_the_frozen_scale_are_joined(cohorts, caplog):
    joined = join_cohorts(cohorts)
    assert joined.columns[0] == "cohort" and len(joined) == 20
    assert set(joined["compartment"]) == {"bulk"} and joined["activity"].notna().all()
    assert "one: 2 rows are relative to the cohort itself and left out" in caplog.text
    found = overview(cohorts, joined).set_index(["cohort", "compartment", "axis"])
    assert list(found.reset_index().columns) == OVERVIEW_COLUMNS
    row = found.loc[("one", "bulk", "stat3_core")]
    assert row.tolist() == [5, 5, 0.5, 2.0, 4.0, 0]
    assert found.loc[("one", "tumour", "nfkb"), ["n_samples", "n_left_out"]].tolist() == [0, 1]
    assert found.loc[("two", "bulk", "nfkb"), "n_left_out"] == 1


def test_shared_samples_are_set_side_by_side(cohorts):
    found = shared_samples(join_cohorts(cohorts))
    assert list(found.columns) == SHARED_COLUMNS
    assert found["sample"].tolist() == ["s4", "s4", "s5", "s5"] and found["difference"].abs().max() == 0
    moved = cohorts | {"two": cohorts["two"].assign(activity=cohorts["two"]["activity"] + 0.25)}
    assert shared_samples(join_cohorts(moved))["difference"].tolist() == [-0.25] * 4
    assert shared_samples(join_cohorts({"one": cohorts["one"]})).empty


def test_cohorts_are_compared_without_the_samples_they_share(cohorts):
    found = compare_cohorts(join_cohorts(cohorts), 0.9)
    assert list(found.columns) == COMPARED_COLUMNS
    core = found[found["axis"] == "stat3_core"].iloc[0]
    assert (core["group_a"], core["group_b"], core["n_a"], core["n_b"]) == ("one", "two", 3, 3)
    # Every one of 0.5, 1, 2 is above every one of -1, -2, 0.1: the 20 ways to choose three ranks of six make p 2/20.
    assert core["effect"] == 1 and core["p_value"] == pytest.approx(0.1) and core["test"] == "mann_whitney"
    assert core["difference"] == pytest.approx(np.median([a - b for a in (0.5, 1, 2) for b in (-1, -2, 0.1)]))
    assert core["q_value"] == pytest.approx(0.1)


def test_the_same_patient_name_in_two_cohorts_is_not_one_patient():
    other = {f"t{number}": value for number, value in enumerate(SECOND.values())}
    renamed = profiles(other).assign(patient=lambda table: "p" + table["sample"].str.replace("t", "s"))
    found = compare_cohorts(join_cohorts({"one": profiles(FIRST), "two": renamed}), 0.9)
    assert set(found["test"]) == {"mann_whitney"} and set(found["n_a"]) == {5}


def test_the_page_holds_its_tables_and_escapes_what_users_wrote(cohorts):
    joined = join_cohorts(cohorts)
    texts = {
        "activities": text_of(joined),
        "overview": text_of(overview(cohorts, joined)),
        "comparisons": text_of(compare_cohorts(joined, 0.9)),
        "shared": text_of(shared_samples(joined)),
    }
    assert texts.keys() == ATLAS_TABLES.keys()
    evil = "<script>alert(1)</script>"
    records = {"one": record(), "two": record()}
    records["one"]["config"]["report"]["source"] = evil
    pieces = parts.read_parts(
        [parts.FOLDER / name for name in parts.ATLAS_FILES], parts.ATLAS_TEMPLATE, parts.ATLAS_SCRIPTS
    )
    html = render_atlas(texts, {"atlas": "demo", "title": evil}, records, pieces, "")
    assert evil not in html and html.count("&lt;script&gt;alert(1)") == 3
    assert "4 values of samples" in html and "largest difference is <strong>0</strong>" in html
    about = json.loads(html.split('id="about">')[1].split("</script>")[0])
    assert about["compartment_order"] == ["bulk"] and set(about["tables"]) == set(texts)


def test_written_columns_are_the_described_ones():
    assert list(ATLAS_TABLES["overview"].columns) == OVERVIEW_COLUMNS
    assert list(ATLAS_TABLES["shared"].columns) == SHARED_COLUMNS
    assert list(ATLAS_TABLES["comparisons"].columns) == COMPARED_COLUMNS
