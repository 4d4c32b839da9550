"""The parts of the single-cell validation whose own mistakes would look like a good or a bad result."""

import time
from collections import Counter
from types import SimpleNamespace

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from scoring.cohorts import COLUMNS
from single_cell import agreement, ambient, baselines, lineages, malignant, page, samples, speed, speed_run
from stat3act.compartments.lineages import LINEAGES
from stat3act.tables import read_table, write_table


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.fixture
def cells(rng):
    """Forty cells of two kinds that share no gene."""
    counts = np.zeros((40, 60))
    counts[:25, :30] = rng.poisson(6, (25, 30))
    counts[25:, 30:] = rng.poisson(12, (15, 30))
    names = pd.DataFrame(index=[f"c{number}" for number in range(40)])
    return ad.AnnData(sparse.csr_matrix(counts), obs=names, var=pd.DataFrame(index=[f"g{i}" for i in range(60)]))


def test_the_threshold_in_hindsight_is_the_best_there_is(rng):
    truth = rng.random(60) < 0.4
    score = truth + rng.normal(scale=0.8, size=60)

    def f1(called):
        return 2 * (called & truth).sum() / (called.sum() + truth.sum())

    best = max(f1(score >= limit) for limit in np.linspace(score.min() - 1, score.max() + 1, 5000))
    assert f1(baselines.best_calls(score, truth)) == pytest.approx(best, abs=0.01)


def test_the_mixture_calls_the_higher_part(rng):
    score = np.concatenate([rng.normal(0, 0.1, 30), rng.normal(2, 0.1, 10)])
    assert list(np.flatnonzero(baselines.mixture_calls(score))) == list(range(30, 40))
    assert list(np.flatnonzero(baselines.mixture_calls(-score))) == list(range(30))


def test_uncertain_malignant_cells_are_missed():
    cells = pd.DataFrame(
        {
            "malignant_call": ["malignant", "malignant", "uncertain", "non-malignant", "malignant"],
            "malignant_probability": [0.9, np.nan, 0.6, np.nan, 0.99],
        }
    )
    truth = np.array(["t", "t", "t", malignant.MICROGLIA, malignant.MICROGLIA])
    rows = {row["group"]: row for row in malignant.our_rows(cells, truth, truth == "t", "d", True)}
    # Two of three found, one of three calls wrong.
    assert rows["F1"]["value"] == pytest.approx(2 / 3) and rows["F1"]["met"] == "no"
    assert rows["recall"]["value"] == pytest.approx(2 / 3) and rows["uncertain"]["value"] == pytest.approx(0.2)
    assert rows["microglia called malignant"]["value"] == 0.5 and rows["microglia called malignant"]["met"] == "no"
    np.testing.assert_array_equal(malignant.probability_of(cells), [0.9, 1.0, 0.6, 0.0, 0.99])


@pytest.mark.parametrize(("first", "met"), [(["19q", "1p"], "yes"), (["1p", "12p", "19q"], "no")])
def test_both_arms_must_be_lost_most(first, met):
    arms = pd.DataFrame({"arm": [*first, "7p"], "n_genes": 30, "log2_ratio": np.arange(len(first) + 1) - 2.0})
    assert malignant.arm_rows(arms, "d", ">= 1")[0]["met"] == met


def test_unknown_lineages_are_wrong():
    found = pd.DataFrame({"activity": ["myeloid", "unknown", "lymphoid"], "other": ["myeloid", "myeloid", "myeloid"]})
    rows = lineages.accuracy_rows(found, np.array(["myeloid", "myeloid", "myeloid"]), "d", ">= 0.95")
    values = {(row["method"], row["group"]): row["value"] for row in rows}
    assert values["activity", "right"] == pytest.approx(1 / 3) and values["other", "right"] == 1
    assert values["activity", "right, where known"] == 0.5 and values["activity", "unknown"] == pytest.approx(1 / 3)


def test_cell_types_are_expected_in_lineages_that_exist():
    for study, lineage_of, _ in lineages.expected_lineages().values():
        assert set(lineage_of.values()) <= set(LINEAGES), study


def test_settings_keep_every_default_but_what_is_said():
    changed = samples.compartment_settings(malignant={"reference": "sample"})
    default = samples.compartment_settings()
    assert changed["malignant"].pop("reference") == "sample" and default["malignant"].pop("reference") == "cohort"
    assert changed == default


def test_a_spike_is_a_tenth_of_the_samples_profile(rng):
    sums = pd.DataFrame({"tumour|a": [90_000, 0, 10_000], "microenvironment|b": [0, 300_000, 0]}, index=list("xyz"))
    spiked = ambient.spike(sums.astype(float), rng)
    # By hand: 100,000 tumour counts get 10,000 ambient ones, of which y has 300,000 of 400,000.
    np.testing.assert_allclose(spiked["tumour|a"], [81_000 + 2_250, 7_500, 9_000 + 250], rtol=0.04)
    assert spiked.to_numpy().sum() == pytest.approx(400_000, rel=0.01)


def test_enlarged_cells_mix_one_lineage_and_are_no_copies(cells, monkeypatch):
    monkeypatch.setattr(speed, "COMPONENTS", 5)
    groups = np.array(["a"] * 25 + ["b"] * 15)
    large = speed.enlarge(cells, groups, 300, 1)
    values = large.X.toarray()
    first, second = values[:, :30].sum(axis=1) > 0, values[:, 30:].sum(axis=1) > 0
    assert (first != second).all() and 0.5 < first.mean() < 0.75
    assert len(np.unique(values, axis=0)) == 300
    assert values[first].sum(axis=1).mean() == pytest.approx(cells.X[:25].sum(axis=1).mean(), rel=0.1)
    assert (values == np.round(values)).all()


def test_neighbours_do_not_count_the_cell_itself(cells, monkeypatch):
    monkeypatch.setattr(agreement, "COMPONENTS", 3)
    monkeypatch.setattr(agreement, "NEIGHBOURS", 5)
    mark = np.zeros(40, dtype=bool)
    mark[0] = True
    assert agreement.neighbour_share(cells, mark)[0] == 0
    mark[:25] = True
    np.testing.assert_array_equal(agreement.neighbour_share(cells, mark), mark.astype(float))


def test_a_stage_adds_up_its_calls():
    owner = SimpleNamespace(work=lambda number, twice=1: time.sleep(0.02) or number * twice)
    seconds = Counter()
    speed_run.time_stage(owner, "work", "stage", seconds)
    assert owner.work(2, twice=3) == 6 and owner.work(1) == 1
    assert 0.04 <= seconds["stage"] < 0.5


def test_a_page_is_made_of_the_table_alone(tmp_path):
    base = {"check": "repeat", "dataset": "d", "method": "activity", "n": 8}
    rows = [
        base | {"group": "again", "value": 1, "goal": ">= 1", "met": "yes"},
        base | {"group": "two", "value": 0.5, "goal": ">= 1", "met": "no"},
    ]
    write_table(tmp_path / "t.tsv", pd.DataFrame(rows).reindex(columns=COLUMNS))
    page.write_page(read_table(tmp_path / "t.tsv"), tmp_path, "t.tsv")
    text = " ".join((tmp_path / "single_cell.md").read_text().split())
    assert "1 of 2 goals are met" in text
    assert "| repeat | d | two | activity | >= 1 | 0.50 | **no** |" in text
    assert "## Same input" in text and "## Speed" not in text
