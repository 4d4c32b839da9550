"""Every column that the stages write is described, and nothing is described that they do not write."""

import html
import re
import runpy
from pathlib import Path

import pytest

from stat3act.activity.also import METHODS
from stat3act.activity.assemble import SCORE_COLUMNS
from stat3act.activity.guards import MEASURED_COLUMNS
from stat3act.activity.reference import REFERENCE_COLUMNS
from stat3act.compartments.ambient import CONTAMINATION_COLUMNS
from stat3act.compartments.arms import ARM_COLUMNS, GROUP_COLUMNS
from stat3act.compartments.cells import AGREEMENT_COLUMNS, CELL_COLUMNS, CLUSTER_COLUMNS
from stat3act.compartments.interaction import INTERACTION_COLUMNS
from stat3act.compartments.platform import PLATFORM_COLUMNS
from stat3act.compartments.pseudobulk import META_COLUMNS
from stat3act.compartments.reference_check import CHECK_COLUMNS
from stat3act.compartments.split import EXTRA_COLUMNS
from stat3act.expression import bulk, cells
from stat3act.profiles.drivers import DRIVER_COLUMNS
from stat3act.profiles.groups import COMPARED_COLUMNS
from stat3act.profiles.guards import GUARD_COLUMNS
from stat3act.profiles.lesions import LESION_COLUMNS
from stat3act.profiles.tables import CALL_COLUMNS, PROFILE_COLUMNS
from stat3act.report import page, parts
from stat3act.report.columns import ALSO, TABLES, Table, undescribed
from stat3act.report.columns_atlas import ATLAS_TABLES
from stat3act.validation.calibration import CALIBRATION_COLUMNS, PURITY_INTERVAL_COLUMNS
from stat3act.validation.expected import EXPECTED_COLUMNS
from stat3act.validation.phospho import PHOSPHO_COLUMNS, SAMPLE_COLUMNS
from stat3act.validation.selfcheck import SELFCHECK_COLUMNS
from unit.report_example import config, provenance, sheet, texts

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = {
    "contamination": list(CONTAMINATION_COLUMNS),
    "guard_scores": ["guard", *SCORE_COLUMNS, *MEASURED_COLUMNS],
    "guards": list(GUARD_COLUMNS),
    "agreement": list(AGREEMENT_COLUMNS),
    "calibration": CALIBRATION_COLUMNS,
    "selfcheck": SELFCHECK_COLUMNS,
    "arms": ["sample", *ARM_COLUMNS],
    "clusters": list(CLUSTER_COLUMNS),
    "copy_number": [*GROUP_COLUMNS, "<chromosome>:<start>"],
    "activation_profiles": PROFILE_COLUMNS,
    "calls": CALL_COLUMNS,
    "cells": list(CELL_COLUMNS),
    "drivers": DRIVER_COLUMNS,
    "expected": EXPECTED_COLUMNS,
    "groups": COMPARED_COLUMNS,
    "lesions": LESION_COLUMNS,
    "phospho": PHOSPHO_COLUMNS,
    "phospho_samples": SAMPLE_COLUMNS,
    "platform": list(PLATFORM_COLUMNS),
    "reference_check": list(CHECK_COLUMNS),
    "purity": PURITY_INTERVAL_COLUMNS,
    "purity_interaction": list(INTERACTION_COLUMNS),
    "pseudobulk": [*META_COLUMNS, "n_doublets"],
    "reference": REFERENCE_COLUMNS,
    "scores": SCORE_COLUMNS,
    "split": [*SCORE_COLUMNS, *EXTRA_COLUMNS],
}


@pytest.mark.parametrize("table", sorted(WRITTEN))
def test_described_columns_are_the_written_ones(table):
    assert list(TABLES[table].columns) == WRITTEN[table]


def test_quality_columns_are_described():
    assert set(TABLES["qc"].columns) == {*bulk.QC_COLUMNS, *cells.QC_COLUMNS}


def test_every_description_has_a_meaning_and_a_unit():
    for table in [*TABLES.values(), Table("", "also", ALSO)]:
        assert table.row
        for column, (meaning, unit) in table.columns.items():
            assert meaning[0].isupper() or meaning.split()[0].rstrip(":,") in meaning, column
            assert meaning.endswith("."), column
            assert unit, column


def test_undescribed_columns_are_found():
    assert undescribed("calls", ["sample", "new_one", "call"]) == ["new_one"]
    with pytest.raises(KeyError):
        undescribed("no_such_table", ["sample"])


def test_methods_beside_the_activity_are_described_as_what_they_are():
    assert set(ALSO) == set(METHODS)
    assert undescribed("scores", METHODS) == undescribed("activation_profiles", METHODS) == []
    assert undescribed("calls", METHODS) == list(METHODS)
    for meaning, _ in ALSO.values():
        assert "not adjusted" in meaning and "not calibrated" in meaning and "in no call" in meaning


@pytest.mark.parametrize("table", ["calls", "activation_profiles", "scores", "split"])
def test_every_table_of_activities_says_what_they_are_relative_to(table):
    assert any("activity" in column for column in TABLES[table].columns)
    assert "relative to" in TABLES[table].columns["reference"][0]


def described_in_docs(text):
    """Read table -> columns back out of docs/tables.md."""
    found = {}
    for line in text.splitlines():
        if head := re.match(r"## `(.+?)`$", line):
            found[head[1]] = columns = []
        elif line.startswith("## "):
            columns = []
        elif row := re.match(r"\| `(.+?)` \| ", line):
            columns.append(row[1])
    return found


def described_on_page(text):
    """Read table -> columns back out of the HTML of a page."""
    section = re.search(r'<section id="columns">(.*?)</section>', text, flags=re.S)[1]
    found = {}
    for part in section.split("<details>")[1:]:
        name = html.unescape(re.search(r"<summary><code>(.*?)</code>", part)[1])
        found[name] = [html.unescape(cell) for cell in re.findall(r'<th scope="row"><code>(.*?)</code>', part)]
    return found


def test_docs_and_page_explain_the_same_columns_of_the_same_tables():
    docs = described_in_docs((ROOT / "docs/tables.md").read_text(encoding="utf-8"))
    given = page.render(texts(), config(), provenance(), sheet(), parts.read_parts(), "")
    shown = described_on_page(given)
    atlas = {f"atlas/<atlas>/{table.path}": list(table.columns) for table in ATLAS_TABLES.values()}
    assert {path: docs.pop(path) for path in atlas} == atlas
    assert docs.keys() == shown.keys() == {table.path for table in TABLES.values()}
    made_up = {"qc", "composition"}  # of which the example has only some columns
    for name, table in TABLES.items():
        assert docs[table.path] == list(table.columns), name
        expected = [column for column in table.columns if column in shown[table.path] or name not in made_up]
        assert shown[table.path] == expected, name


def test_the_page_of_tables_is_in_step_with_the_descriptions():
    made = runpy.run_path(str(ROOT / "docs/make_tables_page.py"))["page"]()
    assert (ROOT / "docs/tables.md").read_text(encoding="utf-8") == made, "run make readme"
