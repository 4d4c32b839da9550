"""STAT3 without phosphorylated Y705: what each kind of evidence allows to be said, and what none does."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from stat3act import tables
from stat3act.problems import InputProblems
from stat3act.profiles.calls import Case
from stat3act.profiles.lesions import read_lesions
from stat3act.profiles.noncanonical import (
    MIN_VALUES,
    mrna_thirds,
    noncanonical,
    phospho_thirds,
    read_phospho,
    thirds,
)
from stat3act.profiles.states import Evidence
from stat3act.profiles.tables import build_profiles

SCHEMA = Path(__file__).parents[2] / "workflow" / "schemas" / "config.schema.yaml"
SECTION = yaml.safe_load(SCHEMA.read_text())["properties"]["profiles"]["properties"]
DEFAULTS = {name: key["default"] for name, key in SECTION.items()}
NO_LESIONS = read_lesions(None, "", ())
HINT = Evidence("tumour", activity=-0.5, rivals={"nfkb": 0.3}, u_stat3=2.0)
NOTHING = Evidence("microenvironment", "LOW_CELLS")
HIGH_IN = {name: "high" for name in ("tumour", "fibroblast", "bulk")}


def case(tumour=HINT, *lineages, **flags):
    return Case(tumour, NOTHING, replace(HINT, compartment="bulk"), lineages, **flags)


def field(built, mrna=HIGH_IN, phospho=None, rivals=("ifn_stat1", "nfkb")):
    return noncanonical(built, DEFAULTS, rivals, mrna, phospho or {})


def test_all_three_lines_of_evidence_make_a_hypothesis():
    assert field(case()) == "hypothesis"


@pytest.mark.parametrize(
    "change",
    [
        {"u_stat3": 1.49},
        {"u_stat3": float("nan")},
        {"activity": 1.0},
        {"activity": 3.0},
        {"activity": float("nan")},
        {"rivals": {"ifn_stat1": 0.0}},
    ],
)
def test_each_missing_line_of_the_scores_leaves_it_open(change):
    assert field(case(replace(HINT, **change))) == "not_assessable"


@pytest.mark.parametrize("mrna", [{}, {"tumour": "middle"}, {"tumour": "low"}, {"bulk": "high"}])
def test_stat3_mrna_must_be_high_in_the_same_compartment(mrna):
    assert field(case(), mrna=mrna) == "not_assessable"


def test_without_nf_kb_among_the_rivals_rna_says_nothing():
    assert field(case(), rivals=("ifn_stat1",)) == "not_assessable"


def test_lineages_are_looked_at_and_the_whole_sample_where_it_was_measured_as_one():
    quiet = replace(HINT, u_stat3=0.0)
    assert field(case(quiet)) == "not_assessable"
    assert field(case(quiet, replace(HINT, compartment="fibroblast"))) == "hypothesis"
    assert field(case(quiet, bulk_only=True)) == "hypothesis"
    assert field(case(quiet, split_from_bulk=True)) == "hypothesis"
    # An estimated compartment has no STAT3 mRNA of its own.
    built = replace(case(split_from_bulk=True), bulk=replace(quiet, compartment="bulk"))
    assert field(built) == "not_assessable"


@pytest.mark.parametrize(
    ("phospho", "with_hint", "without"),
    [
        ({"pY705": "low"}, "phospho_supported", "not_assessable"),
        ({"pY705": "middle"}, "hypothesis", "not_assessable"),
        ({"pY705": "high"}, "not_assessable", "not_assessable"),
        ({"pS727": "high"}, "hypothesis", "not_assessable"),
        ({"pS727": "high", "pY705": "low"}, "phospho_supported", "phospho_supported"),
        ({"pS727": "high", "pY705": "high"}, "not_assessable", "not_assessable"),
        ({"pS727": "low", "pY705": "middle"}, "hypothesis", "not_assessable"),
    ],
)
def test_only_phospho_data_support_it(phospho, with_hint, without):
    assert field(case(), phospho=phospho) == with_hint
    assert field(case(replace(HINT, u_stat3=0.0)), phospho=phospho) == without


def test_thirds_of_a_cohort():
    values = pd.Series(np.arange(9.0), index=list("abcdefghi"))
    assert thirds(values).value_counts().to_dict() == {"low": 3, "middle": 3, "high": 3}
    assert thirds(values).loc[["a", "i"]].tolist() == ["low", "high"]
    assert "j" not in thirds(pd.concat([values, pd.Series({"j": np.nan})]))
    assert thirds(values.iloc[: MIN_VALUES - 1]).empty
    assert set(thirds(pd.Series(np.ones(12)))) == {"middle"}


def test_stat3_mrna_is_compared_within_its_compartment():
    names = [f"s{number:02d}|{part}" for number in range(9) for part in ("tumour", "fibroblast")]
    rows = pd.DataFrame([name.split("|") for name in names], columns=["sample", "compartment"], index=names)
    level = np.repeat(np.arange(9.0), 2) + np.where(rows["compartment"] == "fibroblast", 20, 0)
    found = mrna_thirds(pd.DataFrame({"STAT3": level}, index=names), rows)
    assert found["s08"] == {"tumour": "high", "fibroblast": "high"}
    assert found["s00"] == {"tumour": "low", "fibroblast": "low"}
    assert mrna_thirds(None, rows) == mrna_thirds(pd.DataFrame({"IL6": level}, index=names), rows) == {}


SAMPLES = [{"sample": f"T-{number:02d}", "patient": "one"} for number in range(10)]


def phospho_table():
    names = [f"T-{number:02d}-extra" for number in range(9)]
    return pd.DataFrame({"sample": names, "Y": np.arange(9.0), "S": -np.arange(9.0)})


def phospho(characters=4, serine="S"):
    keys = {"phospho_column": "Y", "phospho_s727_column": serine, "phospho_sample_characters": characters}
    return phospho_thirds(phospho_table(), "rppa.tsv", SAMPLES, keys)


def test_phospho_is_matched_by_the_start_of_the_name_and_each_sample_for_itself():
    found = phospho()
    assert found["T-00"] == {"pY705": "low", "pS727": "high"}
    assert found["T-08"] == {"pY705": "high", "pS727": "low"}
    assert "T-09" not in found
    assert phospho(serine=None)["T-00"] == {"pY705": "low"}
    assert phospho(characters=None) == {}


def test_phospho_is_read_as_text_names_and_may_be_absent(tmp_path):
    path = tmp_path / "rppa.tsv.gz"
    table = phospho_table().assign(sample=[f"00{number}" for number in range(9)])
    tables.write_table(path, table.rename(columns={"sample": "aliquot"}))
    keys = {"phospho_column": "Y", "phospho_s727_column": None, "phospho_sample_characters": None}
    assert read_phospho(path, [{"sample": "008"}], keys) == {}
    samples = [{"sample": f"00{number}"} for number in range(9)]
    assert read_phospho(path, samples, keys)["008"] == {"pY705": "high"}
    assert read_phospho([], samples, keys) == {}


def test_a_missing_phospho_column_is_a_problem():
    with pytest.raises(InputProblems, match="pS727"):
        phospho(serine="pS727")


def cohort_calls(phospho, rivals=("nfkb",)):
    """Calls of nine tumours, the last with the most STAT3 mRNA and a raised U-STAT3 module."""
    names = [f"s{number}|tumour" for number in range(9)]
    rows = pd.DataFrame([name.split("|") for name in names], columns=["sample", "compartment"], index=names)
    levels = pd.DataFrame({"STAT3": np.arange(9.0)}, index=names)
    table = rows.merge(pd.Series(["stat3_core", "nfkb", "u_stat3"], name="axis"), how="cross")
    numbers = "score activity p_value q_value ci_low ci_high coverage n_targets activity_without_top_gene inflation"
    table[numbers.split()] = 0.0
    table[["n_cells", "fraction", "reliability"]] = np.nan
    table[["leading_genes", "interval", "reason", "reference"]] = ["", "", "", "cohort (n=9)"]
    table.loc[table["sample"].eq("s8") & table["axis"].eq("u_stat3"), "activity"] = 3.0
    composition = rows.assign(n_cells=40, fraction=0.5, reason="")
    columns = ["mechanism", "ligand", "receptor", "kinases", "sender", "receiver"]
    ligands = pd.DataFrame([["il6", "IL6", "IL6R;IL6ST", "JAK1", "fibroblast", "tumour"]], columns=columns)
    samples = [{"sample": f"s{number}", "patient": "p"} for number in range(9)]
    given = {"profiles": DEFAULTS, "tumour_type": "carcinoma", "type": "single_cell", "rivals": rivals}
    guards = pd.DataFrame(columns=["sample", "compartment", "flag"])
    _, calls, _ = build_profiles(
        table, levels, None, rows, composition, ligands, samples, phospho, NO_LESIONS, guards, **given
    )
    return calls.set_index("sample")["noncanonical"].to_dict()


def test_the_calls_carry_the_field():
    open_ones = {f"s{number}": "not_assessable" for number in range(8)}
    assert cohort_calls({}) == open_ones | {"s8": "hypothesis"}
    assert cohort_calls({"s8": {"pY705": "low"}}) == open_ones | {"s8": "phospho_supported"}
    assert cohort_calls({}, rivals=["ifn_stat1"]) == open_ones | {"s8": "not_assessable"}
