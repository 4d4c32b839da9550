"""Every setting of the config, changed: it runs its stage onward, and first the rules that docs/reruns.md names."""

import re
import shutil

import pytest
import yaml
from sklearn.linear_model import LogisticRegression

import celltypist_example
from stat3act.tables import sha256_of_file
from workflow.changes import BULK_CONFIG, BULK_SHEET, CONFIG, SHEET, set_keys
from workflow.harness import ROOT, dry_runs, rerun_table, snakemake

REPORT = {"report_record", "report_render", "report_crate", "report_checksums"}
KINDS = ["single cells", "bulk"]
# Every setting with another value, by the finished cohort in which it can be changed.
FLIPS = {
    "single cells": {
        "cohort": "other",
        "samples": "config/same.tsv",
        "data_dir": "config",
        "tumour_type": "glioma",
        "seed": 1,
        "networks.regulon": "none",
        "networks.regulon_sha256": sha256_of_file(ROOT / "config/demo/regulon.tsv"),
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
        "compartments.celltypist_model": "model.pkl",
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
        "report.code_names": True,
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
        "validation.phospho_sample_characters": 3,
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
    (folder / "config/demo/phospho.tsv").write_text(
        "sample\tSTAT3_pY705\tpY705\tpS727\n" + "".join(f"P{number:02}\t1\t2\t{number}\n" for number in range(1, 13))
    )
    rows = [line.split("\t") for line in (folder / BULK_SHEET).read_text().splitlines()]
    for row in rows[1:]:
        row[2] = f"measured/{row[0]}.tsv.gz"
    (folder / "config/measured.tsv").write_text("".join("\t".join(row) + "\n" for row in rows))
    shutil.copytree(folder / "results/demo_bulk", folder / "results/measured")
    shutil.copytree(folder / "results/demo_bulk/expression/simulated", folder / "measured")
    cells = celltypist_example.simulate_cells()
    lineages = cells.obs["state"].replace({"B": "lymphoid", "T": "lymphoid", "macrophage or monocyte": "myeloid"})
    model = celltypist_example.train(cells, LogisticRegression(max_iter=500), lineages)
    celltypist_example.write(model, folder / "model.pkl")
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
            name = f"{cohort} {key}.yaml"
            (place / name).write_text(yaml.safe_dump(config))
            keys.append((cohort, key))
            jobs.append((place, ["--configfile", name]))
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
    assert run.jobs.keys() >= REPORT
    section = EARLIER.get(key, key.split(".")[0])
    allowed = STAGES[STAGES.index(section) :] if section in STAGES else STAGES
    # The self-check of a reference is a validation that scores wait for.
    assert {rule.split("_")[0] for rule in run.jobs} <= set(allowed)
    (rules,) = [rules for names, rules in rerun_table(f"Settings, {kind_of(cohort)}") if f"`{key}`" in names]
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
    for kind in KINDS:
        named = [name for names, _ in rerun_table(f"Settings, {kind}") for name in re.findall(r"`([\w.]+)`", names)]
        tested = [key for cohort, flips in FLIPS.items() if kind_of(cohort) == kind for key in flips]
        assert sorted(named) == sorted(tested)
