"""The configuration: every kind of mistake is named, all at once; defaults come from the schema alone."""

import importlib.util
from copy import deepcopy
from pathlib import Path

import pandas as pd
import pytest
import yaml

from stat3act.configuration import (
    LINEAGES,
    RIVALS,
    check_config,
    validate_config,
)
from stat3act.control_query import check_against_sheet, is_control
from stat3act.named_files import check_files, reference_files
from stat3act.problems import InputProblems
from stat3act.schema import default_of, fill_defaults, nearest

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text(encoding="utf-8"))
CONFIGS = [ROOT / "config/config.yaml", *sorted((ROOT / "config/cohorts").glob("*/config.yaml"))]
BULK = {"cohort": "c", "samples": "s.tsv", "expression": {"type": "bulk", "scale": "counts"}}
CELLS = {"cohort": "c", "samples": "s.tsv", "expression": {"type": "single_cell", "scale": "counts"}}


def put(config, dotted, value):
    changed = deepcopy(config)
    section = changed
    *path, last = dotted.split(".")
    for key in path:
        section = section.setdefault(key, {})
    section[last] = value
    return changed


def problems_of(config):
    return check_config(config, SCHEMA, "config.yaml")[1]


def test_a_minimal_config_is_right_and_complete():
    config = validate_config(BULK, SCHEMA, "config.yaml")
    assert config["expression"]["qc"]["min_counts"] == 500
    assert config["activity"]["rivals"] == list(RIVALS)
    assert config["compartments"]["clustering"]["n_pcs"] == 30
    assert set(config) == set(SCHEMA["properties"])


def test_defaults_are_copies_and_the_input_is_left_alone():
    config = deepcopy(BULK)
    first, second = (validate_config(config, SCHEMA, "config.yaml") for _ in range(2))
    first["activity"]["rivals"].append("x")
    assert "x" not in second["activity"]["rivals"]
    assert config == BULK


def test_every_default_obeys_the_schema_and_every_key_is_described():
    def walk(part, dotted):
        for key, child in part.get("properties", {}).items():
            name = f"{dotted}.{key}" if dotted else key
            assert child.get("description"), name
            assert "default" in child or key in part["required"], name
            walk(child, name)

    walk(SCHEMA, "")
    filled = fill_defaults(BULK, SCHEMA)
    assert problems_of(filled) == []


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.parent.name)
def test_shipped_configs_are_right(path):
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert check_config(config, SCHEMA, str(path))[1] == []


@pytest.mark.parametrize(
    ("config", "where", "value", "mend"),
    [
        (put(BULK, "activty", {}), "key `activty`", "unknown key", "write `activity`"),
        (put(BULK, "expression.qc.min_count", 1), "key `expression.qc.min_count`", "unknown key", "`min_counts`"),
        (put(BULK, "clip", 3), "key `clip`", "unknown key", "`activity.clip`"),
        (put(BULK, "zzz", 3), "key `zzz`", "unknown key", "config/README.md"),
        (put(BULK, "expression.scale", "count"), "key `expression.scale`", "'count'", "write `counts`"),
        (put(BULK, "expression.type", "zzz"), "key `expression.type`", "'zzz'", "choose one"),
        (put(BULK, "cohort", 2024), "key `cohort`", "2024", "quotes: '2024'"),
        (put(BULK, "cohort", "../x"), "key `cohort`", "'../x'", "folder's name"),
        (put(BULK, "cohort", "<script>"), "key `cohort`", "'<script>'", "folder's name"),
        (put(BULK, "seed", "7"), "key `seed`", "'7'", "without quotes"),
        (put(BULK, "activity", None), "key `activity`", "nothing", "remove the line"),
        (put(BULK, "activity.strata", "time"), "key `activity.strata`", "'time'", "[time]"),
        (put(BULK, "activity.clip", 0), "key `activity.clip`", "0", "default 5"),
        (put(BULK, "activity.confidence_level", 2), "key `activity.confidence_level`", "2", "default 0.9"),
        (put(BULK, "expression.qc.min_genes", -1), "key `expression.qc.min_genes`", "-1", "default 200"),
        (put(BULK, "networks.regulon_sha256", "ab"), "key `networks.regulon_sha256`", "'ab'", "sha256sum"),
        (
            put(CELLS, "compartments.malignant.candidates", ["mieloid"]),
            "key `compartments.malignant.candidates[0]`",
            "'mieloid'",
            "write `myeloid`",
        ),
        (
            put(CELLS, "compartments.malignant.reference", "samples"),
            "key `compartments.malignant.reference`",
            "'samples'",
            "write `sample`",
        ),
        (
            put(CELLS, "compartments.malignant.markers", ["PRAME"]),
            "key `compartments.malignant.markers`",
            "'PRAME'",
            "add a gene",
        ),
        (
            put(CELLS, "compartments.malignant.markers", "PRAME"),
            "key `compartments.malignant.markers`",
            "'PRAME'",
            "[PRAME]",
        ),
        (
            put(CELLS, "compartments.mutation_value", ["x"]),
            "key `compartments.mutation_value`",
            "unknown key",
            "`mutation_values`",
        ),
        (put(CELLS, "compartments.compare_labels", "no"), "key `compartments.compare_labels`", "'no'", "true"),
        ({"cohort": "c", "samples": "s.tsv"}, "key `expression`", "nothing", "add the section `expression:`"),
        (
            {"cohort": "c", "samples": "s.tsv", "expression": {"type": "bulk"}},
            "key `expression.scale`",
            "nothing",
            "in section `expression`",
        ),
        ({"samples": "s.tsv", "expression": BULK["expression"]}, "key `cohort`", "nothing", "add the line `cohort:"),
    ],
)
def test_what_the_schema_finds(config, where, value, mend):
    found = [problem for problem in problems_of(config) if problem.where == where]
    assert len(found) == 1
    assert value in found[0].value
    assert mend in found[0].mend
    assert found[0].expected
    assert found[0].file == "config.yaml"


def test_an_enumeration_is_listed():
    (problem,) = problems_of(put(BULK, "tumour_type", "zzz"))
    assert all(word in problem.expected for word in ("carcinoma", "melanoma", "glioma", "sarcoma", "haematological"))


@pytest.mark.parametrize(
    ("config", "where"),
    [
        (put(CELLS, "expression.scale", "log2"), "expression.scale"),
        (put(put(BULK, "expression.simulate", "x"), "expression.scale", "tpm"), "expression.scale"),
        (put(BULK, "expression.sample_key", "sample"), "expression.sample_key"),
        (put(BULK, "expression.qc.min_counts", 7), "expression.qc"),
        (put(BULK, "compartments.cell_type_key", "type"), "compartments.cell_type_key"),
        (put(BULK, "compartments.malignant_key", "m"), "compartments.malignant_key"),
        (put(BULK, "compartments.mutation_key", "m"), "compartments.mutation_key"),
        (put(BULK, "compartments.mutation_values", ["p.R882H"]), "compartments.mutation_values"),
        (put(BULK, "compartments.celltypist_model", "m.pkl"), "compartments.celltypist_model"),
        (put(BULK, "compartments.compare_labels", False), "compartments.compare_labels"),
        (put(BULK, "compartments.malignant.candidates", ["myeloid"]), "compartments.malignant"),
        (put(BULK, "compartments.malignant.reference", "sample"), "compartments.malignant"),
        (put(CELLS, "compartments.reference", "r.tsv"), "compartments.reference"),
        (put(CELLS, "compartments.method", "none"), "compartments.method"),
        (put(put(BULK, "compartments.reference", "r"), "compartments.method", "none"), "compartments.reference"),
        (put(BULK, "compartments.min_purity", 0.97), "compartments.min_purity"),
        (put(BULK, "networks.regulon", "collectri"), "networks.regulon_sha256"),
        (put(BULK, "networks.regulon_sha256", "a" * 64), "networks.regulon_sha256"),
        (put(CELLS, "compartments.lineages", {"myeloid": ["M"]}), "compartments.cell_type_key"),
        (put(BULK, "activity.reference", "controls"), "activity.controls"),
        (put(BULK, "activity.controls", "a == 'b'"), "activity.controls"),
        (put(BULK, "activity.strata", ["time"]), "activity.strata"),
        (put(BULK, "activity.rivals", ["ifn"]), "activity.rivals[0]"),
        (put(BULK, "activity.rivals", ["nfkb", "nfkb"]), "activity.rivals[1]"),
        (put(BULK, "profiles.off_ci_high", 2.0), "profiles.off_ci_high"),
        (put(BULK, "profiles.on_leave_one_out", 2.0), "profiles.on_leave_one_out"),
        (put(BULK, "validation.phospho_sample_characters", 15), "validation.phospho_sample_characters"),
        (put(BULK, "validation.phospho_column", "x"), "validation.phospho_column"),
    ],
)
def test_what_holds_between_keys(config, where):
    (problem,) = problems_of(config)
    assert problem.where == f"key `{where}`"
    assert problem.expected
    assert problem.mend


@pytest.mark.parametrize(
    ("lineages", "words"),
    [
        ({"mieloid": ["M"]}, "write `myeloid`"),
        ({"zzz": ["M"]}, "other"),
        ({"myeloid": []}, "list the labels"),
        ({"myeloid": ["M"], "lymphoid": ["M"]}, "keep it in one"),
    ],
)
def test_lineages(lineages, words):
    config = put(put(CELLS, "compartments.cell_type_key", "type"), "compartments.lineages", lineages)
    (problem,) = problems_of(config)
    assert words in problem.mend


def test_a_celltypist_model_may_be_what_the_lineages_place():
    config = put(put(CELLS, "compartments.celltypist_model", "m.pkl"), "compartments.lineages", {"myeloid": ["M"]})
    assert problems_of(config) == []


def test_what_a_user_may_know_of_single_cells_has_a_place():
    known = {
        "mutation_key": "called",
        "mutation_values": ["p.R882H"],
        "compare_labels": False,
        "malignant": {"candidates": ["myeloid", "progenitor"], "markers": ["A", "B"], "reference": "sample"},
    }
    config = put(put(CELLS, "compartments", known), "tumour_type", "haematological")
    filled = validate_config(config, SCHEMA, "config.yaml")["compartments"]
    assert {key: filled[key] for key in known if key != "malignant"} == {
        k: v for k, v in known.items() if k != "malignant"
    }
    assert filled["malignant"].items() >= known["malignant"].items()
    defaults = default_of(SCHEMA, "compartments")
    assert defaults["compare_labels"] is True and defaults["malignant"]["candidates"] == []
    assert defaults["celltypist_model"] is defaults["mutation_key"] is None
    assert defaults["malignant"]["reference"] == "cohort"


def test_a_label_cannot_be_malignant_and_not():
    config = put(put(CELLS, "compartments.malignant_values", ["x"]), "compartments.non_malignant_values", ["x"])
    (problem,) = problems_of(config)
    assert problem.value == "'x'"


def test_a_copied_out_default_disturbs_nobody():
    config = put(BULK, "expression.qc.min_counts", default_of(SCHEMA, "expression.qc.min_counts"))
    config = put(config, "compartments.min_cells", default_of(SCHEMA, "compartments.min_cells"))
    assert problems_of(config) == []


def test_all_problems_come_at_once_and_cross_checks_survive_schema_errors():
    config = put(put(put(BULK, "clip", 1), "expression.sample_key", "s"), "networks.regulon", "collectri")
    with pytest.raises(InputProblems) as caught:
        validate_config(put(config, "expression.scale", "count"), SCHEMA, "config.yaml")
    assert {problem.where for problem in caught.value.problems} == {
        "key `clip`",
        "key `expression.scale`",
        "key `expression.sample_key`",
        "key `networks.regulon_sha256`",
    }


def test_a_wrong_value_is_not_also_called_missing():
    config = put(put(BULK, "activity.reference", "controls"), "activity.controls", 5)
    (problem,) = problems_of(config)
    assert problem.value == "5"


def test_a_config_that_is_no_mapping():
    filled, (problem,) = check_config(["cohort"], SCHEMA, "config.yaml")
    assert filled is None
    assert problem.file == "config.yaml"


@pytest.mark.parametrize(
    ("scale", "offset", "words"),
    [
        ("log2", None, "log_offset: 1"),
        ("log2_ratio", None, "holds no reads"),
        ("log2", 1, None),
        ("rsem", None, None),
        ("rsem", 1, "only log2 values have it"),
    ],
)
def test_what_a_reference_can_split(scale, offset, words):
    expression = {"type": "bulk", "scale": scale, "log_offset": offset}
    config = BULK | {"expression": expression, "compartments": {"reference": "r.tsv"}}
    _, problems = check_config(config, SCHEMA, "config.yaml")
    assert len(problems) == (words is not None)
    assert words is None or words in problems[0].mend


def test_references_are_looked_for_here_and_in_the_data_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for name in ("here.tsv", "data/there_profiles.parquet"):
        (tmp_path / name).write_text("x")
    names = ["here.tsv", "there_profiles.parquet", "nowhere.parquet"]
    filled, _ = check_config(BULK | {"data_dir": "data", "compartments": {"reference": names}}, SCHEMA, "config.yaml")
    files = {name: str(path) for name, path in reference_files(filled).items()}
    assert files == {
        "here.tsv": "here.tsv",
        "there_profiles.parquet": "data/there_profiles.parquet",
        "nowhere.parquet": "nowhere.parquet",
        "there_map.tsv": "there_map.tsv",
        "nowhere_map.tsv": "nowhere_map.tsv",
    }
    # Of a profiles file that is not there, the map is no news.
    problems = check_files(filled, "config.yaml")
    assert [problem.value for problem in problems] == ["nowhere.parquet", "there_map.tsv"]
    assert "data_dir" in problems[0].mend and "cell_state" in problems[1].mend


def test_named_files_must_exist(tmp_path):
    (tmp_path / "regulon.tsv").write_text("x")
    config = fill_defaults(BULK, SCHEMA) | {"data_dir": str(tmp_path)}
    config["networks"]["regulon"] = "regulon.tsv"
    assert check_files(config, "config.yaml") == []
    config["networks"]["regulon"] = "other.tsv"
    config["validation"]["phospho"] = "rppa.tsv"
    config["compartments"]["reference"] = "results/no_such_cohort/compartments/reference.tsv"
    config["activity"]["reference"] = "frozen.tsv"
    config["compartments"]["celltypist_model"] = "no_such_model.pkl"
    problems = check_files(config, "config.yaml")
    assert len(problems) == 5
    mends = {problem.where: problem.mend for problem in problems}
    assert "data_dir" in mends["key `networks.regulon`"]
    assert "Snakemake is started" in mends["key `compartments.celltypist_model`"]
    assert "run the cohort `no_such_cohort` first" in mends["key `compartments.reference`"]


SHEET = pd.DataFrame(
    {
        "sample": list("ABCDEF"),
        "treatment": ["Mock", "Mock", "Mock", "IL6", "IL6", "Mock"],
        "time": ["3", "3", "3", "3", "6", "6"],
    }
)


def controls(**activity):
    config = fill_defaults(BULK, SCHEMA)
    config["activity"] |= {"reference": "controls", "controls": "treatment == 'Mock'"} | activity
    return check_against_sheet(config, SHEET, "config.yaml")


def test_controls_that_suffice():
    assert controls() == []
    assert is_control(SHEET, "treatment == 'Mock' and time == '3'").sum() == 3


@pytest.mark.parametrize(
    ("activity", "words"),
    [
        ({"controls": "treatmnt == 'Mock'"}, "treatmnt"),
        ({"controls": "treatment = "}, "correct it"),
        ({"controls": "treatment"}, "true or false"),
        ({"controls": "treatment == 'mock'"}, "correct the query"),
        ({"controls": "time == 3"}, "quoted"),
        ({"min_reference_samples": 5}, "correct the query"),
        ({"strata": ["time"]}, "add controls of this stratum"),
    ],
)
def test_controls_that_do_not(activity, words):
    (problem,) = controls(**activity)
    assert problem.where == "key `activity.controls`"
    assert words in problem.mend


def test_the_poor_stratum_is_named():
    (problem,) = controls(strata=["time"])
    assert "1 control samples with time = '6'" in problem.value


def test_nearest_knows_beginnings_and_likeness():
    assert nearest("ifn", RIVALS) == "ifn_stat1"
    assert nearest("hypoxya", RIVALS) == "hypoxia"
    assert nearest("zzz", RIVALS) is None


def test_rivals_are_the_bundled_ones():
    table = pd.read_csv(ROOT / "resources/networks/rivals.tsv", sep="\t")
    assert set(RIVALS) == set(table["axis"])
    assert set(default_of(SCHEMA, "activity.rivals")) == set(RIVALS)


def test_lineages_are_those_of_the_markers():
    markers = pd.read_csv(ROOT / "resources/markers/lineages.tsv", sep="\t")
    assert set(markers["lineage"]) <= set(LINEAGES)
    candidates = SCHEMA["properties"]["compartments"]["properties"]["malignant"]["properties"]["candidates"]
    assert set(candidates["items"]["enum"]) == set(LINEAGES)


def test_the_readme_is_in_step_with_the_schemas():
    spec = importlib.util.spec_from_file_location("make_config_readme", ROOT / "docs/make_config_readme.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = module.readme(*(module.load_schema(name) for name in ("config", "samples", "atlas")))
    assert (ROOT / "config/README.md").read_text(encoding="utf-8") == text, "run python docs/make_config_readme.py"
    assert "`expression.qc.min_counts`" in text


def test_the_readme_leaves_no_key_out():
    text = (ROOT / "config/README.md").read_text(encoding="utf-8")

    def walk(part, dotted):
        for key, child in part.get("properties", {}).items():
            name = f"{dotted}{key}"
            if "properties" in child:
                walk(child, f"{name}.")
            else:
                assert f"| `{name}` |" in text

    walk(SCHEMA, "")
