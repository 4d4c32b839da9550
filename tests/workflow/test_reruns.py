"""What changes, and what runs again: exactly the jobs that depend on it. docs/reruns.md says the same to people."""

import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest
import yaml

from workflow.harness import PARTS, ROOT, dry_runs, linked_copy, snakemake

CONFIG, BULK_CONFIG = "config/config.yaml", "config/cohorts/demo_bulk/config.yaml"
SHEET, BULK_SHEET = "config/samples.tsv", "config/cohorts/demo_bulk/samples.tsv"
MODULES = "workflow/scripts/stat3act"
BULK = ["--configfile", BULK_CONFIG]

REPORT = {"report_record": 1, "report_render": 1, "report_crate": 1}
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


def write(path, text):
    """Write a file anew: it may be a hard link."""
    path.unlink()
    path.write_text(text)


def edit(name, *changes):
    """Replace pieces of a file, each of which must be there once."""

    def change(folder):
        text = (folder / name).read_text()
        for old, new in changes:
            assert text.count(old) == 1, (name, old)
            text = text.replace(old, new)
        write(folder / name, text)

    return change


def lines(name, rewrite):
    """Rewrite the lines of a file."""
    return lambda folder: write(folder / name, "\n".join(rewrite((folder / name).read_text().splitlines())) + "\n")


def cell(name, sample, column, value):
    """Set one cell of a sample sheet."""

    def rewrite(rows):
        place = rows[0].split("\t").index(column)
        table = [row.split("\t") for row in rows]
        (row,) = [row for row in table if row[0] == sample]
        assert row[place] != value
        row[place] = value
        return ["\t".join(row) for row in table]

    return lines(name, rewrite)


def set_keys(config, values):
    """Set keys of a config, by their dotted names."""
    for key, value in values.items():
        *sections, last = key.split(".")
        place = config
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = value
    return config


def setting(values, name=CONFIG):
    """Set keys of a config file."""

    def change(folder):
        config = set_keys(yaml.safe_load((folder / name).read_text()), values)
        write(folder / name, yaml.safe_dump(config, sort_keys=False))

    return change


def reverse(value):
    """Reverse the keys of nested dicts."""
    return {key: reverse(value[key]) for key in reversed(value)} if isinstance(value, dict) else value


def reorder(folder):
    config = reverse(yaml.safe_load((folder / CONFIG).read_text()))
    write(folder / CONFIG, yaml.safe_dump(config, sort_keys=False))


def touch(folder):
    for part in PARTS:
        for path in [folder / part, *(folder / part).rglob("*")]:
            os.utime(path)


def clone(folder):
    """Write every file of the project anew, the folders as well; results and their records stay."""
    for part in PARTS:
        files = [path for path in [folder / part, *(folder / part).rglob("*")] if path.is_file()]
        for path in files:
            content = path.read_bytes()
            path.unlink()
            path.write_bytes(content)


@dataclass(frozen=True)
class Row:
    """One change, and the jobs that it runs."""

    what: str
    change: Callable
    jobs: Mapping[str, int]
    arguments: list[str] = field(default_factory=list)


def nothing(folder):
    """Change nothing."""


def swap_cells(name, first, second):
    """Swap what follows the patient in two rows of a sample sheet."""

    def rewrite(rows):
        old = {row.split("\t")[0]: row for row in rows}
        head = {name: "\t".join(old[name].split("\t")[:2]) for name in (first, second)}
        tail = {name: old[name].removeprefix(head[name]) for name in (first, second)}
        old |= {first: head[first] + tail[second], second: head[second] + tail[first]}
        return list(old.values())

    return lines(name, rewrite)


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
    Row("a file that the config names", lines("config/demo/lesions.tsv", lambda rows: rows[:1]), CALLS | REPORT),
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
        {"report_render": 1, "report_crate": 1},
    ),
    Row(
        "the version of the workflow",
        lines("CITATION.cff", lambda rows: [re.sub("^version: .*", "version: 99.0.0", row) for row in rows]),
        {"report_crate": 1},
    ),
    # Snakemake makes what is asked for; what lies between is missed only when it is needed.
    Row("a table between that is removed", lambda folder: (folder / "results/demo/activity/scores.tsv").unlink(), {}),
    Row(
        "a final table that is removed",
        lambda folder: (folder / "results/demo/profiles/calls.tsv").unlink(),
        CALLS | {"report_render": 1, "report_crate": 1},
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


def table_of(title):
    """Return the rows of the table under a heading of docs/reruns.md, as lists of cells."""
    text = (ROOT / "docs/reruns.md").read_text()
    section = text.split(f"\n## {title}\n")[1].split("\n## ")[0]
    rows = [[part.strip() for part in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return rows[2:]


@pytest.mark.parametrize("cohort", COHORTS)
def test_the_page_for_people_has_the_rows_that_are_tested(cohort):
    assert [what for what, _ in table_of(f"What runs again, {cohort}")] == [
        row.what for known, row in ROWS if known == cohort
    ]


# Every setting with another value, by the finished cohort in which it can be changed.
FLIPS = {
    "single cells": {
        "cohort": "other",
        "samples": "config/same.tsv",
        "data_dir": "config",
        "tumour_type": "glioma",
        "seed": 1,
        "networks.regulon": "none",
        "networks.regulon_sha256": "0" * 64,
        "networks.regulon_min_references": 1,
        "expression.sample_key": "sample",
        "expression.layer": "counts",
        "expression.gene_column": "symbol",
        "expression.qc.min_counts": 600,
        "expression.qc.min_genes": 300,
        "expression.qc.max_mitochondrial_percent": 20,
        "expression.qc.mads": 4,
        "expression.qc.mitochondrial_mads": 4,
        "expression.qc.min_cells": 30,
        "expression.doublets.method": "none",
        "expression.doublets.expected_rate": 0.1,
        "expression.doublets.max_rate": 0.3,
        "expression.doublets.min_cells": 200,
        "compartments.cell_type_key": "cell_type",
        "compartments.lineages": {"myeloid": ["Mono"]},
        "compartments.malignant_key": "malignant",
        "compartments.malignant_values": ["yes"],
        "compartments.non_malignant_values": ["no"],
        "compartments.compare_labels": False,
        "compartments.celltypist_model": "config/same.tsv",
        "compartments.mutation_key": "mutation",
        "compartments.mutation_values": ["seen"],
        "compartments.clustering.n_top_genes": 1000,
        "compartments.clustering.n_pcs": 20,
        "compartments.clustering.n_neighbors": 10,
        "compartments.clustering.resolution": 0.5,
        "compartments.clustering.margin": 0.2,
        "compartments.malignant.candidates": ["epithelial", "other"],
        "compartments.malignant.markers": ["EPCAM", "KRT8"],
        "compartments.malignant.reference": "sample",
        "compartments.malignant.window_size": 50,
        "compartments.malignant.step": 5,
        "compartments.malignant.min_reference_cells": 30,
        "compartments.malignant.probability": 0.9,
        "compartments.min_cells": 30,
        "activity.reference": "controls",
        "activity.rivals": ["ifn_stat1", "nfkb", "hypoxia", "proliferation"],
        "activity.min_scale": 0.4,
        "activity.clip": 4,
        "activity.min_log2_cpm": 0.5,
        "activity.min_targets": 8,
        "activity.min_programme_targets": 3,
        "activity.confidence_level": 0.95,
        "activity.min_reference_samples": 4,
        "activity.also": ["ulm"],
        "profiles.on_activity": 2.0,
        "profiles.on_p": 0.01,
        "profiles.on_panels": 1,
        "profiles.on_leave_one_out": 0.5,
        "profiles.off_ci_high": 0.5,
        "profiles.off_coverage": 0.5,
        "profiles.off_targets": 10,
        "profiles.confounded_score": 2.0,
        "profiles.min_reliability": 0.4,
        "profiles.confident_reference": 6,
        "profiles.driver_log2_cpm": 2.0,
        "profiles.groups": ["planted"],
        "profiles.lesions": None,
        "validation.phospho": "config/demo/phospho.tsv",
        "validation.expected_call": None,
        "report.title": "Another title",
        "report.source": "Another source",
        "report.cell_pictures": False,
    },
    "bulk": {
        "expression.type": "single_cell",
        "expression.simulate": None,
        "compartments.method": "none",
        "compartments.reference": ["results/demo/compartments/reference.tsv", "one.tsv"],
        "compartments.lineages": {"myeloid": ["Mono"]},
        "compartments.purity_column": "purity",
        "compartments.purity_sd": 0.2,
        "compartments.min_purity": 0.3,
        "compartments.max_purity": 0.9,
        "compartments.selfcheck": False,
        "compartments.min_recovery": 0.5,
        "activity.rivals": ["ifn_stat1", "nfkb", "hypoxia", "proliferation"],
        "activity.confidence_level": 0.95,
    },
    # Two more cohorts, in which settings count that mean nothing in the demos.
    "single cells with controls and phospho data": {
        "activity.controls": "subtype == 'inflamed'",
        "activity.strata": ["subtype"],
        "validation.phospho_column": "pY705",
        "validation.phospho_s727_column": "pS727",
        "validation.phospho_sample_characters": 2,
        "validation.bootstraps": 1000,
        "validation.confidence_level": 0.9,
        "validation.purity": "planted_tumour",
    },
    "bulk from files": {
        "seed": 1,
        "expression.scale": "tpm",
        "expression.log_offset": 0.5,
    },
}
# What goes along, where a setting cannot be changed alone.
ALONG = {
    "single cells": {
        "data_dir": {"networks.regulon": "demo/regulon.tsv", "profiles.lesions": "demo/lesions.tsv"},
        "activity.reference": {"activity.controls": "subtype == 'quiet'"},
        "compartments.lineages": {"compartments.cell_type_key": "cell_type"},
    },
    "bulk": {
        "compartments.method": {"compartments.reference": None},
        "expression.type": {"compartments.reference": None},
        "expression.simulate": {"samples": "config/measured.tsv"},
    },
    "bulk from files": {"expression.scale": {"expression.log_offset": None}},
}
BASES = {
    "single cells with controls and phospho data": {
        "activity.reference": "controls",
        "activity.controls": "planted_tumour == '0'",
        "validation.phospho": "config/demo/phospho.tsv",
    },
    "bulk from files": {
        "cohort": "measured",
        "samples": "config/measured.tsv",
        "seed": 2,
        "expression.simulate": None,
        "expression.scale": "log2",
        "expression.log_offset": 1,
    },
}
# Where a rule of an earlier stage reads the setting: cells keep these columns, calls of pS727 read the phospho table,
# a bulk split and its self-check score by the same rules.
EARLIER = {
    "compartments.cell_type_key": "expression",
    "compartments.malignant_key": "expression",
    "compartments.mutation_key": "expression",
    "compartments.lineages": "expression",
    "activity.rivals": "compartments",
    "activity.confidence_level": "compartments",
    "validation.phospho": "profiles",
    "validation.phospho_column": "profiles",
    "validation.phospho_s727_column": "profiles",
    "validation.phospho_sample_characters": "profiles",
}
STAGES = ["networks", "expression", "compartments", "activity", "profiles", "validation", "report"]


def leaves(schema, above=""):
    """Dotted names of all settings of a schema."""
    for name, value in schema["properties"].items():
        if "properties" in value:
            yield from leaves(value, f"{above}{name}.")
        else:
            yield f"{above}{name}"


def kind_of(cohort):
    return "bulk" if cohort.startswith("bulk") else "single cells"


def base_of(folder, cohort):
    """The config of a finished cohort."""
    path = folder / (BULK_CONFIG if kind_of(cohort) == "bulk" else CONFIG)
    return set_keys(yaml.safe_load(path.read_text()), BASES.get(cohort, {}))


def accept(folder, name):
    """Have Snakemake take the results that are there for those of another config; what is missing is made empty."""
    plan = snakemake(folder, "-n", "--configfile", name)
    assert plan.returncode == 0, plan.output[-3000:]
    for outputs in re.findall(r"^    (?:output|log|benchmark): (.*)$", plan.output, re.MULTILINE):
        for path in outputs.split(", "):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            if not (folder / path).exists():
                (folder / path).write_text("made empty\n")
    run = snakemake(folder, "--touch", "--forceall", "--configfile", name)
    assert run.returncode == 0, run.output[-3000:]


@pytest.fixture(scope="module")
def flipped(demo, tmp_path_factory):
    """What every setting runs when it is changed."""
    folder = tmp_path_factory.mktemp("settings") / "demo"
    shutil.copytree(demo, folder, symlinks=True)
    shutil.copy(folder / SHEET, folder / "config/same.tsv")
    shutil.copy(folder / "results/demo/compartments/reference.tsv", folder / "one.tsv")
    (folder / "config/demo/phospho.tsv").write_text("sample\tSTAT3_pY705\n")
    rows = [line.split("\t") for line in (folder / BULK_SHEET).read_text().splitlines()]
    for row in rows[1:]:
        row[2] = f"results/demo_bulk/expression/simulated/{row[0]}.tsv.gz"
    (folder / "config/measured.tsv").write_text("".join("\t".join(row) + "\n" for row in rows))
    shutil.copytree(folder / "results/demo_bulk", folder / "results/measured")
    jobs, keys = [], []
    for cohort, flips in FLIPS.items():
        place = folder
        if cohort in BASES:
            place = tmp_path_factory.mktemp("accepted") / "demo"
            shutil.copytree(folder, place, symlinks=True)
            (place / "base.yaml").write_text(yaml.safe_dump(base_of(folder, cohort)))
            accept(place, "base.yaml")
        for key, value in flips.items():
            config = set_keys(base_of(folder, cohort), {key: value, **ALONG.get(cohort, {}).get(key, {})})
            (place / f"{key}.yaml").write_text(yaml.safe_dump(config))
            keys.append((cohort, key))
            jobs.append((place, ["--configfile", f"{key}.yaml"]))
    return dict(zip(keys, dry_runs(jobs), strict=True))


def test_every_setting_is_changed():
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    assert {key for flips in FLIPS.values() for key in flips} == set(leaves(schema))


@pytest.mark.parametrize(
    ("cohort", "key"), [(cohort, key) for cohort, flips in FLIPS.items() for key in flips], ids=lambda value: value
)
def test_a_setting_runs_its_stage_onward(flipped, cohort, key):
    run = flipped[cohort, key]
    assert run.returncode == 0, run.output[-4000:]
    # The configuration is recorded, so the report runs whatever is changed.
    assert REPORT.keys() <= run.jobs.keys()
    section = EARLIER.get(key, key.split(".")[0])
    allowed = STAGES[STAGES.index(section) :] if section in STAGES else STAGES
    # The self-check of a reference is a validation that scores wait for.
    assert {rule.split("_")[0] for rule in run.jobs} <= set(allowed)
    (rules,) = [rules for names, rules in table_of(f"Settings, {kind_of(cohort)}") if f"`{key}`" in names]
    documented = set(run.jobs) - {"report_record"} if "every rule" in rules else set(re.findall(r"`(\w+)`", rules))
    assert first_rules(run) == documented


def first_rules(run):
    """Rules that run for a reason of their own; beside others the record of the configuration is not counted."""
    waiting = "Input files updated by another job"
    first = {
        rule
        for rule, reasons in run.reasons.items()
        if any(reason and not reason.startswith(waiting) for reason in re.split(r"; (?=[A-Z]|$)", reasons))
    }
    return first - {"report_record"} or first


def test_the_page_for_people_has_every_setting_once():
    for kind in COHORTS:
        named = [name for names, _ in table_of(f"Settings, {kind}") for name in re.findall(r"`([\w.]+)`", names)]
        tested = [key for cohort, flips in FLIPS.items() if kind_of(cohort) == kind for key in flips]
        assert sorted(named) == sorted(tested)


def test_swapping_cohorts_and_back_runs_nothing(demo):
    for arguments in ([], BULK, []):
        run = snakemake(demo, "-n", *arguments)
        assert run.returncode == 0 and run.idle and not run.jobs


@pytest.mark.parametrize("rule", ["activity_score", "profiles_call", "report_render"])
def test_root_and_workflow_snakefile_are_the_same_workflow(demo, rule):
    root, inner = dry_runs([(demo, ["-R", rule]), (demo, ["-s", "workflow/Snakefile", "-R", rule])])
    assert root.returncode == inner.returncode == 0
    assert root.jobs == inner.jobs and root.jobs[rule] == 1
