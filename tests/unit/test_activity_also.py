"""Methods of decoupler beside the activity: their own values, more columns, and nothing else changed."""

import subprocess
import sys
from pathlib import Path

import decoupler as dc
import numpy as np
import pandas as pd
import pytest
import yaml

from stat3act.activity.also import METHODS, also_scores, arguments, network_of
from stat3act.activity.assemble import SCORE_COLUMNS, assemble_scores
from stat3act.activity.measure import measure_references
from stat3act.activity.prepare import prepare
from stat3act.activity.reference import from_table
from stat3act.activity.score import score_rows
from stat3act.profiles.lesions import read_lesions
from stat3act.profiles.tables import PROFILE_COLUMNS, build_profiles

ROOT = Path(__file__).parents[2]
SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())["properties"]
SETTINGS = {name: key.get("default") for name, key in SCHEMA["activity"]["properties"].items()}
RULE = {name: key["default"] for name, key in SCHEMA["profiles"]["properties"].items()}
GENES = [f"g{number:04d}" for number in range(1500)]
NO_LESIONS = read_lesions(None, "", ())
KEYS = ["sample", "compartment", "axis"]
# Targets with a weight of their own sign and size, so that methods that miss either show it.
CORE = dict(zip(GENES[:15], [3.0, 2.0, 1.0, *[1.5] * 9, -1.0, -2.0, -0.5], strict=True))


@pytest.fixture
def axes():
    rows = [("stat3_core", gene, weight, "feedback", "all") for gene, weight in CORE.items()]
    rows += [("ifn_stat1", gene, 1.0, "interferon", "all") for gene in GENES[30:60]]
    rows += [("ifn_stat1", GENES[0], 0.1, "shared", "all")]
    rows += [("programme:survival", gene, 1.0, "survival", "tumour") for gene in GENES[70:75]]
    rows += [("programme:short", gene, 1.0, "short", "all") for gene in GENES[80:83]]
    return pd.DataFrame(rows, columns=["axis", "gene", "weight", "panel", "compartments"])


@pytest.fixture
def cohort():
    rng = np.random.default_rng(3)
    index = [f"s{i:02d}|{part}" for i in range(10) for part in ("tumour", "microenvironment")]
    rows = pd.DataFrame([name.split("|") for name in index], columns=["sample", "compartment"], index=index)
    rows["stratum"], rows["reason"] = "", ""
    expression = pd.DataFrame(rng.normal(6, 1, size=(len(index), len(GENES))), index=index, columns=GENES)
    expression.loc["s03|tumour", list(CORE)] += 2 * np.sign(list(CORE.values()))
    return expression, rows


def asked(*methods):
    return {**SETTINGS, "also": list(methods)}


def scored(cohort, axes, settings, frozen=None):
    expression, rows = cohort
    table = measure_references(expression, rows, axes, settings, 0.0, set(), "counts") if frozen is None else frozen
    return score_rows(expression, rows, axes, settings, 0.0, set(), table)


def tumour(cohort, axes, settings=SETTINGS):
    """The tumour rows, prepared as `score_rows` does."""
    expression, rows = cohort
    table = measure_references(expression, rows, axes, settings, 0.0, set(), "counts")
    chosen = rows[rows["compartment"] == "tumour"]
    reference = from_table(table[table["compartment"] == "tumour"])
    return prepare(expression.loc[chosen.index], chosen, reference, set(chosen.index), axes, 0.0, settings), chosen


def wide(scores, method):
    core = scores[scores["compartment"] == "tumour"]
    return core.pivot_table(index="sample", columns="axis", values=method).rename_axis(index=None, columns=None)


def test_the_config_offers_exactly_these_methods():
    key = SCHEMA["activity"]["properties"]["also"]
    assert key["items"]["enum"] == list(METHODS)
    assert key["default"] == []


@pytest.mark.parametrize("method", METHODS)
def test_a_column_holds_what_decoupler_says(method, cohort, axes):
    prepared, rows = tumour(cohort, axes)
    found = wide(also_scores(prepared, rows, asked(method)), method)
    net = axes.rename(columns={"axis": "source", "gene": "target"})
    net = net[net["source"] != "programme:short"]  # fewer genes than an axis needs
    if method in ("aucell", "gsea", "gsva", "ora"):
        net = net[(net["weight"] > 0) & (net["panel"] != "shared")]
    net = net.assign(weight=net["weight"] / net.groupby("source")["weight"].transform(lambda w: w.abs().max()))
    told = {"ora": {"n_up": 1425, "n_bg": None}, "zscore": {"flavor": "RoKAI"}, "waggr": {"times": 0}}
    data = prepared.profiles.set_axis(rows["sample"].rename(None))
    expected, _ = getattr(dc.mt, method)(data, net, tmin=1, **told.get(method, {}))
    pd.testing.assert_frame_equal(found, expected.loc[found.index, found.columns], rtol=1e-9)
    assert found.shape == (10, 3)
    assert found["stat3_core"].idxmax() == "s03"


def test_without_the_key_there_is_no_column_and_no_import(cohort, axes):
    scores = scored(cohort, axes, SETTINGS)
    assert not set(METHODS) & set(scores.columns)
    composition = cohort[1][["sample", "compartment"]].assign(n_cells=50, fraction=0.5, reason="")
    assert list(assemble_scores([scores], composition).columns) == SCORE_COLUMNS
    code = "import sys, stat3act.activity.score; print('decoupler' in sys.modules)"
    environment = {"PYTHONPATH": str(ROOT / "workflow/scripts")}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def profiles_of(scores, rows, also=()):
    composition = rows[["sample", "compartment"]].assign(n_cells=50, fraction=0.5, reason="")
    table = assemble_scores([scores], composition, also)
    ligands = pd.DataFrame(columns=["mechanism", "ligand", "receptor", "kinases", "sender", "receiver"])
    samples = [{"sample": name, "patient": name} for name in sorted(set(rows["sample"]))]
    guards = pd.DataFrame(columns=["sample", "compartment", "flag"])
    config = {"profiles": RULE, "tumour_type": "carcinoma", "type": "single_cell", "rivals": SETTINGS["rivals"]}
    return build_profiles(table, None, None, rows, composition, ligands, samples, {}, NO_LESIONS, guards, **config)


def test_scores_and_calls_are_the_same_with_and_without(cohort, axes):
    plain, more = scored(cohort, axes, SETTINGS), scored(cohort, axes, asked("viper", "aucell"))
    pd.testing.assert_frame_equal(more[plain.columns], plain)
    profiles, calls, drivers = profiles_of(plain, cohort[1])
    further, same_calls, same_drivers = profiles_of(more, cohort[1], ["viper", "aucell"])
    assert list(further.columns) == [*PROFILE_COLUMNS, "viper", "aucell"]
    pd.testing.assert_frame_equal(further[PROFILE_COLUMNS], profiles)
    pd.testing.assert_frame_equal(same_calls, calls)
    pd.testing.assert_frame_equal(same_drivers, drivers)


def test_columns_are_there_when_nothing_could_be_scored(cohort, axes):
    expression, rows = cohort
    few = rows["sample"] < "s02"
    scores = scored((expression[few], rows[few]), axes, asked("ulm"))
    assert set(scores["reason"]) == {"NO_REFERENCE"}
    composition = rows[few][["sample", "compartment"]].assign(n_cells=50, fraction=0.5, reason="")
    table = assemble_scores([scores], composition, ["ulm"])
    assert list(table.columns) == [*SCORE_COLUMNS, "ulm"]
    assert table["ulm"].isna().all()


def test_axes_without_enough_genes_or_meaning_are_empty(cohort, axes):
    scores = scored(cohort, axes, asked("ulm"))
    empty = scores[scores["ulm"].isna()]
    assert (empty["reason"] != "").all()
    assert set(empty["axis"]) == {"programme:short", "programme:survival"}
    assert set(scores.loc[scores["reason"] == "", "axis"]) == {"stat3_core", "ifn_stat1", "programme:survival"}
    assert scores.loc[scores["reason"] == "", "ulm"].notna().all()


@pytest.mark.parametrize("method", [name for name in METHODS if name != "gsva"])
def test_a_row_scores_the_same_alone(method, cohort, axes):
    expression, rows = cohort
    table = measure_references(expression, rows, axes, SETTINGS, 0.0, set(), "counts")
    # Values at the limit are ties, of which rows have more or fewer.
    settings = {**asked(method), "reference": "old.tsv", "clip": 1}
    everything = scored((expression, rows), axes, settings, table).set_index(KEYS)[method].dropna()
    one = rows["sample"] == "s03"
    alone = scored((expression[one], rows[one]), axes, settings, table).set_index(KEYS)[method].dropna()
    np.testing.assert_allclose(alone, everything.loc[alone.index], rtol=1e-9)


def test_order_of_rows_and_genes_does_not_matter(cohort, axes):
    expression, rows = cohort
    settings, order = asked(*METHODS), np.random.default_rng(1).permutation(len(rows))
    first = scored(cohort, axes, settings).sort_values(KEYS, ignore_index=True)
    shuffled = expression.iloc[order, ::-1], rows.iloc[order]
    again = scored(shuffled, axes.sample(frac=1, random_state=0), settings).sort_values(KEYS, ignore_index=True)
    pd.testing.assert_frame_equal(first[[*KEYS, *METHODS]], again[[*KEYS, *METHODS]], rtol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_a_row_without_differences_is_empty_and_the_others_stay(method, cohort, axes):
    prepared, rows = tumour(cohort, axes)
    before = wide(also_scores(prepared, rows, asked(method)), method)
    prepared.profiles.loc["s00|tumour"] = 0.0
    after = also_scores(prepared, rows, asked(method))
    assert after.loc[after["sample"] == "s00", method].isna().all()
    if method != "gsva":
        pd.testing.assert_frame_equal(wide(after, method), before.drop(index="s00"))


def test_ora_takes_the_highest_genes_and_the_measured_background(cohort, axes):
    prepared, _ = tumour(cohort, axes)
    profile = prepared.profiles.loc["s03|tumour"]
    genes = [gene for gene, weight in CORE.items() if weight > 0]
    top = set(profile.nlargest(75).index)
    a, b, c = len(top & set(genes)), len(set(genes) - top), len(top - set(genes))
    d = len(GENES) - a - b - c
    scores = also_scores(prepared, cohort[1].loc[prepared.profiles.index], asked("ora"))
    expected = np.log((a + 0.5) * (d + 0.5) / ((b + 0.5) * (c + 0.5)))
    assert wide(scores, "ora").at["s03", "stat3_core"] == pytest.approx(expected)


def test_zscore_is_the_one_that_subtracts_the_mean_of_all_genes(cohort, axes):
    prepared, rows = tumour(cohort, axes)
    profile, weights = prepared.profiles.loc["s03|tumour"], pd.Series(CORE)
    mean = (profile[weights.index] * weights).sum() / weights.abs().sum()
    expected = (mean - profile.mean()) * np.sqrt(len(weights)) / profile.std(ddof=1)
    assert wide(also_scores(prepared, rows, asked("zscore")), "zscore").at["s03", "stat3_core"] == pytest.approx(
        expected
    )


def test_weights_that_viper_reads_as_confidence_stay_within_one(cohort, axes):
    prepared, _ = tumour(cohort, axes)
    network = network_of(prepared, "viper", SETTINGS)
    assert network["weight"].abs().groupby(network["source"]).max().tolist() == [1.0, 1.0, 1.0]
    assert arguments("viper", 100) == {}
