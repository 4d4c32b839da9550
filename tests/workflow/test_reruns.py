"""What changes, and what runs again: exactly the jobs that depend on it. docs/reruns.md says the same to people."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from workflow.changes import (
    BULK_CONFIG,
    BULK_SHEET,
    CONFIG,
    SHEET,
    cell,
    clone,
    edit,
    lines,
    nothing,
    reorder,
    setting,
    swap_cells,
    touch,
)
from workflow.harness import dry_runs, linked_copy, rerun_table, snakemake

MODULES = "workflow/scripts/stat3act"
BULK = ["--configfile", BULK_CONFIG]

REPORT = {"report_record": 1, "report_render": 1, "report_crate": 1, "report_checksums": 1}
CALLS = {"profiles_call": 1, "validation_expected": 1}
SCORES = {"activity_score": 1, "profiles_group": 1}
GUARDED = SCORES | {"activity_reference": 1, "activity_guards": 1}
PICTURES = {"activity_cells": 12, "report_cells": 12}
GATHERED = {"compartments_gather": 1, "compartments_reference": 1}
# Bulk: what follows the harmonised expression.
UNSPLIT = {"compartments_unsplit": 1, "activity_reference": 1}
SPLIT = {"compartments_deconvolve": 1, "compartments_split": 1, "validation_selfcheck": 1}
HARMONISED = {"expression_harmonise": 1, "report_multiqc": 1} | UNSPLIT | SPLIT | SCORES | CALLS | REPORT


# The scripts behind which activity/model.py is imported, and what depends on them.
MODEL = {"compartments_reference": 1} | GUARDED | PICTURES | CALLS | REPORT


def cohort_of(samples):
    """Jobs of a single-cell cohort whose samples changed: all of them may borrow normal cells of each other."""
    each = dict.fromkeys(["compartments_label", "activity_cells", "report_cells"], samples)
    once = ["expression_gather", "compartments_normals", "report_multiqc"]
    return each | dict.fromkeys(once, 1) | GATHERED | GUARDED | CALLS | REPORT


def chain_of(samples):
    """Jobs of the samples themselves."""
    return dict.fromkeys(["expression_simulate", "expression_filter", "compartments_lineages"], samples)


@dataclass(frozen=True)
class Row:
    """One change, and the jobs that it runs."""

    what: str
    change: Callable
    jobs: Mapping[str, int]
    arguments: list[str] = field(default_factory=list)


SINGLE_CELL_ROWS = [
    Row("nothing", nothing, {}),
    Row("other cores", nothing, {}, ["--cores", "1"]),
    Row("time stamps of all files", touch, {}),
    Row("a fresh clone under the results", clone, {}),
    Row("order of keys in the config", reorder, {}),
    Row("comments in the config", lines(CONFIG, lambda rows: ["# A comment.", *rows]), {}),
    Row("a default written into the config", setting({"activity.clip": 5}), {}),
    Row("comments in a rule file", lines("workflow/rules/activity.smk", lambda rows: ["# A comment.", *rows]), {}),
    Row(
        "a sample more", lines(SHEET, lambda rows: [*rows, rows[-1].replace("P12", "P13")]), chain_of(1) | cohort_of(13)
    ),
    Row("a sample less", lines(SHEET, lambda rows: rows[:-1]), cohort_of(11)),
    Row("another name of a sample", cell(SHEET, "P12", "sample", "P99"), chain_of(1) | cohort_of(12)),
    # Rows of the tables follow the sheet.
    Row(
        "order of the samples",
        lines(SHEET, lambda rows: [rows[0], *reversed(rows[1:])]),
        GATHERED | GUARDED | CALLS | REPORT,
    ),
    Row(
        "a cell of the sheet that its sample is made from",
        cell(SHEET, "P03", "planted_tumour", "1"),
        chain_of(1) | cohort_of(12),
    ),
    Row(
        "two rows of the sheet swapped, all but their names",
        swap_cells(SHEET, "P01", "P02"),
        chain_of(2) | cohort_of(12),
    ),
    Row(
        "a cell of the sheet that names a group",
        cell(SHEET, "P01", "subtype", "inflamed"),
        {"profiles_group": 1} | REPORT,
    ),
    Row(
        "a cell of the sheet with the known call",
        cell(SHEET, "P01", "expected_call", "INACTIVE"),
        {"validation_expected": 1} | REPORT,
    ),
    Row("a cell of the sheet that nothing computes with", cell(SHEET, "P01", "planted", "something else"), REPORT),
    Row(
        "a new column of the sheet",
        lines(SHEET, lambda rows: [f"{rows[0]}\tnote", *(f"{row}\tx" for row in rows[1:])]),
        REPORT,
    ),
    Row("`seed`", setting({"seed": 1}), chain_of(12) | cohort_of(12)),
    Row(
        "`networks`: references of the regulon",
        setting({"networks.regulon_min_references": 1}),
        {"networks_prepare": 1} | GUARDED | PICTURES | CALLS | REPORT,
    ),
    Row(
        "`expression`: quality control",
        setting({"expression.qc.min_genes": 300}),
        {"expression_filter": 12, "compartments_lineages": 12} | cohort_of(12),
    ),
    Row(
        "`compartments`: clustering",
        setting({"compartments.clustering.resolution": 0.5}),
        {"compartments_lineages": 12, "compartments_label": 12, "compartments_normals": 1}
        | GATHERED
        | GUARDED
        | PICTURES
        | CALLS
        | REPORT,
    ),
    Row(
        "`compartments`: malignant calls",
        setting({"compartments.malignant.probability": 0.9}),
        {"compartments_label": 12} | PICTURES | GATHERED | GUARDED | CALLS | REPORT,
    ),
    Row(
        "`compartments`: cells of a compartment",
        setting({"compartments.min_cells": 30}),
        GATHERED | GUARDED | CALLS | REPORT,
    ),
    Row("`activity`: how genes count", setting({"activity.clip": 4}), GUARDED | PICTURES | CALLS | REPORT),
    Row("`activity`: other methods beside ours", setting({"activity.also": ["viper"]}), SCORES | CALLS | REPORT),
    Row("`profiles`: a threshold of the calls", setting({"profiles.on_activity": 2.0}), CALLS | REPORT),
    Row(
        "`profiles`: two thresholds swapped",
        setting({"profiles.min_reliability": 0.6, "profiles.off_coverage": 0.3}),
        CALLS | REPORT,
    ),
    Row("`validation`: no known calls", setting({"validation.expected_call": None}), REPORT),
    Row("`report`: the title", setting({"report.title": "Another title"}), REPORT),
    Row("a file that the config names", lines("config/demo/lesions.tsv", lambda rows: rows[:-1]), CALLS | REPORT),
    Row(
        "a bundled table",
        lines("resources/networks/ligands.tsv", lambda rows: rows[:-1]),
        {"networks_prepare": 1} | GUARDED | PICTURES | CALLS | REPORT,
    ),
    Row(
        "a comment in a module two imports deep",
        lines(f"{MODULES}/activity/model.py", lambda rows: [*rows, "# A comment."]),
        MODEL,
    ),
    Row(
        "code of a module two imports deep",
        edit(f"{MODULES}/activity/model.py", ("GENES_PER_STRATUM = 25", "GENES_PER_STRATUM = 26")),
        MODEL,
    ),
    Row(
        "code of a module that one script imports",
        lines(f"{MODULES}/profiles/groups.py", lambda rows: [*rows, "ANSWER = 42"]),
        {"profiles_group": 1} | REPORT,
    ),
    Row(
        "the style of the page",
        lines("workflow/report/page.css", lambda rows: [*rows, "p { color: red }"]),
        {"report_render": 1, "report_crate": 1, "report_checksums": 1},
    ),
    Row(
        "the version of the workflow",
        lines("CITATION.cff", lambda rows: [re.sub("^version: .*", "version: 99.0.0", row) for row in rows]),
        {"report_crate": 1, "report_checksums": 1},
    ),
    # Snakemake makes what is asked for; what lies between is missed only when it is needed.
    Row("a table between that is removed", lambda folder: (folder / "results/demo/activity/guards.tsv").unlink(), {}),
    Row(
        "a final table that is removed",
        lambda folder: (folder / "results/demo/profiles/calls.tsv").unlink(),
        CALLS | {"report_render": 1, "report_crate": 1, "report_checksums": 1},
    ),
]

BULK_ROWS = [
    Row("nothing", nothing, {}),
    Row(
        "a sample more",
        lines(BULK_SHEET, lambda rows: [*rows, rows[-1].replace("B16", "B17")]),
        {"expression_simulate": 1} | HARMONISED,
    ),
    Row("a sample less", lines(BULK_SHEET, lambda rows: rows[:-1]), HARMONISED),
    Row(
        "a cell of the sheet that its sample is made from",
        cell(BULK_SHEET, "B01", "purity", "0.5"),
        {"expression_simulate": 1} | HARMONISED,
    ),
    Row("a cell of the sheet that nothing computes with", cell(BULK_SHEET, "B01", "planted", "something else"), REPORT),
    Row(
        "the profiles of the reference",
        lines("results/demo/compartments/reference.tsv", lambda rows: rows[:-1]),
        SPLIT | SCORES | CALLS | REPORT,
    ),
    Row(
        "`compartments`: limits of purity",
        setting({"compartments.min_purity": 0.3}, BULK_CONFIG),
        SPLIT | SCORES | CALLS | REPORT,
    ),
    Row(
        "`compartments`: limit of the self-check",
        setting({"compartments.min_recovery": 0.5}, BULK_CONFIG),
        SCORES | CALLS | REPORT,
    ),
    Row(
        "`compartments`: no self-check",
        setting({"compartments.selfcheck": False}, BULK_CONFIG),
        SCORES | CALLS | REPORT,
    ),
    Row(
        "`activity`: the rivals",
        setting({"activity.rivals": ["ifn_stat1", "nfkb"]}, BULK_CONFIG),
        {"compartments_split": 1, "validation_selfcheck": 1, "activity_reference": 1} | SCORES | CALLS | REPORT,
    ),
    Row("`profiles`: a threshold of the calls", setting({"profiles.on_activity": 2.0}, BULK_CONFIG), CALLS | REPORT),
    Row(
        "code of the split",
        lines(f"{MODULES}/compartments/split.py", lambda rows: [*rows, "# A comment."]),
        UNSPLIT | SPLIT | SCORES | CALLS | REPORT,
    ),
]


@pytest.fixture(scope="module")
def planned(demo, tmp_path_factory):
    """What every row of both tables runs; dry runs are made side by side."""
    folder = tmp_path_factory.mktemp("rows")
    jobs = []
    for number, (cohort, row) in enumerate(ROWS):
        copy = linked_copy(demo, folder / str(number))
        row.change(copy)
        jobs.append((copy, [*COHORTS[cohort], *row.arguments]))
    return dict(zip([(cohort, row.what) for cohort, row in ROWS], dry_runs(jobs), strict=True))


COHORTS = {"single cells": [], "bulk": BULK}
ROWS = [("single cells", row) for row in SINGLE_CELL_ROWS] + [("bulk", row) for row in BULK_ROWS]


@pytest.mark.parametrize(("cohort", "row"), ROWS, ids=[f"{cohort}, {row.what}" for cohort, row in ROWS])
def test_exactly_these_jobs_run(planned, cohort, row):
    run = planned[cohort, row.what]
    assert run.returncode == 0, run.output[-4000:]
    assert run.jobs == Counter(row.jobs)
    assert run.idle == (not row.jobs)


@pytest.mark.parametrize("cohort", COHORTS)
def test_the_page_for_people_has_the_rows_that_are_tested(cohort):
    assert [what for what, _ in rerun_table(f"What runs again, {cohort}")] == [
        row.what for known, row in ROWS if known == cohort
    ]


def test_swapping_cohorts_and_back_runs_nothing(demo):
    for arguments in ([], BULK, []):
        run = snakemake(demo, "-n", *arguments)
        assert run.returncode == 0 and run.idle and not run.jobs


@pytest.mark.parametrize("rule", ["activity_score", "profiles_call", "report_render"])
def test_root_and_workflow_snakefile_are_the_same_workflow(demo, rule):
    root, inner = dry_runs([(demo, ["-R", rule]), (demo, ["-s", "workflow/Snakefile", "-R", rule])])
    assert root.returncode == inner.returncode == 0
    assert root.jobs == inner.jobs and root.jobs[rule] == 1
