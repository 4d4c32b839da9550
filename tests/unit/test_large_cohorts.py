"""Large cohorts: what is read part by part equals what is read whole, and one sample costs the same in a large file."""

import re
import subprocess
import sys
import tracemalloc
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from expression_example import symbols_of, table_of
from scaling import enlarge, runs
from stat3act import tables
from stat3act.activity import measure, reference, score
from stat3act.compartments import lent
from stat3act.expression import bulk, cells, h5ad, scale
from stat3act.problems import InputProblems

GENES = symbols_of(60)
READ = {"layer": None, "gene_column": None, "sample_key": "sample", "qc": {"min_cells": 1}}
READ |= {"cell_type_key": "kind", "malignant_key": None, "mutation_key": None}


def shared_file(path: Path, sizes: dict[str, int], seed: int = 3) -> ad.AnnData:
    """Write cells of several samples, and columns of every kind that a frame can hold."""
    rng = np.random.default_rng(seed)
    sample = np.repeat(list(sizes), list(sizes.values()))
    obs = pd.DataFrame({"sample": sample}, index=[f"cell-{place:07d}" for place in range(len(sample))])
    obs["kind"] = pd.Categorical(rng.choice(["T", "B"], len(obs)))
    obs.loc[obs.index[::7], "kind"] = np.nan
    obs["text"] = rng.choice(["x", "yy"], len(obs))
    obs["number"] = rng.choice([0.5, np.nan, 2.0], len(obs))
    obs["maybe"] = pd.array(rng.choice([True, False, None], len(obs)), dtype="boolean")
    counts = sparse.csr_matrix(rng.poisson(0.4, (len(obs), len(GENES))).astype(np.float32))
    made = ad.AnnData(counts, obs=obs, var=pd.DataFrame(index=GENES))
    made.write_h5ad(path)
    return made


@pytest.mark.parametrize("column", ["sample", "kind", "text", "number", "maybe"])
def test_some_rows_of_a_column_are_those_of_the_whole_column(tmp_path, monkeypatch, column):
    monkeypatch.setattr(h5ad, "BLOCK_ROWS", 7)
    made = shared_file(tmp_path / "f.h5ad", {"a": 20, "b": 30})
    with h5py.File(tmp_path / "f.h5ad") as file:
        obs = h5ad.frame(file, "obs")
        whole = h5ad.read_column(obs, column)
        for rows in (np.arange(0), np.array([3]), np.arange(11, 30), np.array([0, 6, 7, 20, 49]), np.arange(50)):
            assert h5ad.read_column(obs, column, rows).tolist() == whole[rows].tolist()
            assert h5ad.read_index(obs, rows).tolist() == made.obs_names[rows].tolist()
        assert h5ad.count_values(obs, column) == pd.Series(whole).value_counts().to_dict()
        for value in set(whole):
            assert h5ad.find_rows(obs, column, value).tolist() == np.flatnonzero(whole == value).tolist()


@pytest.mark.parametrize("mixed", [False, True])
def test_a_sample_of_a_shared_file_is_read_whatever_the_order_of_its_cells(tmp_path, monkeypatch, mixed):
    monkeypatch.setattr(h5ad, "BLOCK_ROWS", 16)
    monkeypatch.setattr(h5ad, "BLOCK", 200)
    made = shared_file(tmp_path / "f.h5ad", {"a": 40, "b": 30, "c": 50})
    if mixed:
        made = made[np.random.default_rng(1).permutation(made.n_obs)].copy()
        made.write_h5ad(tmp_path / "f.h5ad")
    expected = made[(made.obs["sample"] == "b").to_numpy()]
    found = cells.read_cells(str(tmp_path / "f.h5ad"), "b", READ)
    assert found.names.tolist() == expected.obs_names.tolist()
    assert (found.values != expected.X).nnz == 0
    assert found.labels["cell_type"].tolist() == expected.obs["kind"].astype(object).fillna("").tolist()


def test_the_memory_for_one_sample_does_not_grow_with_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(h5ad, "BLOCK_ROWS", 1000)
    peaks = []
    for others in (1_000, 60_000):
        shared_file(tmp_path / "f.h5ad", {"a": others // 2, "b": 2000, "c": others // 2})
        tracemalloc.start()
        assert cells.read_cells(str(tmp_path / "f.h5ad"), "b", READ).values.shape == (2000, len(GENES))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]


def test_matrices_are_read_when_they_are_asked_for_and_not_kept(tmp_path):
    made = {
        name: pd.DataFrame({"u": [1.0, 2.0]}, index=pd.Index(["g", "h"], name="gene")) * k
        for k, name in enumerate("ab")
    }
    for name, matrix in made.items():
        tables.write_matrix(tmp_path / f"{name}.parquet", matrix)
    found = tables.Matrices({name: tmp_path / f"{name}.parquet" for name in made})
    assert list(found) == ["a", "b"] and len(found) == 2
    for name, matrix in found.items():
        pd.testing.assert_frame_equal(matrix, made[name])
    assert found["a"] is not found["a"]


def test_only_layers_that_are_asked_for_are_read(tmp_path):
    layers = {"linear": np.eye(2), "other": np.ones((2, 2))}
    made = ad.AnnData(np.zeros((2, 2), np.float32), layers=layers, uns={"scale": "counts"})
    made.write_h5ad(tmp_path / "e.h5ad")
    found = tables.read_expression(tmp_path / "e.h5ad", ["other", "absent"])
    assert list(found.layers) == ["other"] and found.uns["scale"] == "counts"
    np.testing.assert_array_equal(found.layers["other"], layers["other"])
    pd.testing.assert_frame_equal(found.obs, made.obs)


def test_a_pool_of_files_is_the_pool_of_their_cells(tmp_path):
    rng = np.random.default_rng(0)
    parts, paths = [], []
    for number in rng.permutation(2 * lent.DONORS + 3):
        name, size = f"s.{number:02d}", 0 if number % 9 == 0 else 4
        genes = pd.DataFrame(index=GENES[: 20 if number == 5 else 60 - number % 3])
        obs = pd.DataFrame({"sample": name, "lineage": "lymphoid", "state": "T"}, index=[f"c{k}" for k in range(size)])
        values = sparse.csr_matrix(rng.random((size, len(genes)), np.float32))
        parts.append(ad.AnnData(values, obs=obs.astype(str), var=genes))
        paths.append(tmp_path / f"{name}.h5ad")
        parts[-1].write_h5ad(paths[-1])
    expected, found = lent.pool_cells(parts), lent.read_pool(paths)
    assert found.obs_names.tolist() == expected.obs_names.tolist() and len(set(found.obs["sample"])) == lent.DONORS
    assert found.var_names.tolist() == expected.var_names.tolist() and (found.X != expected.X).nnz == 0


def test_a_cohort_is_scored_alike_in_parts(monkeypatch):
    rng = np.random.default_rng(2)
    genes = [f"g{place:04d}" for place in range(900)]
    names = [f"s{place:02d}" for place in range(23)]
    rows = pd.DataFrame(
        {"sample": names, "compartment": "bulk", "stratum": ["a", "b"] * 11 + ["a"], "reason": ""}, names
    )
    expression = pd.DataFrame(rng.normal(6, 1, (23, 900)).astype(np.float32), names, genes)
    axes = [("stat3_core", gene, 1.0, "core") for gene in genes[:20]]
    axes += [("stat3_epithelial", gene, 1.0, "epithelial") for gene in genes[20:40]]
    axes += [("ifn", gene, 1.0, "interferon") for gene in genes[35:60]]
    table = pd.DataFrame(axes, columns=["axis", "gene", "weight", "panel"]).assign(compartments="all")
    settings = {"reference": "cohort", "rivals": ["ifn"], "clip": 5, "min_log2_cpm": 0.0, "min_scale": 0.5}
    settings |= {"min_targets": 10, "min_programme_targets": 4, "confidence_level": 0.9, "min_reference_samples": 3}

    def run() -> tuple[pd.DataFrame, pd.DataFrame]:
        measured = measure.measure_references(expression, rows, table, settings, 0.0, set(), "counts")
        return measured, score.score_rows(expression, rows, table, settings, 0.0, set(), measured)

    whole = run()
    monkeypatch.setattr(reference, "ROWS_AT_ONCE", 5)
    monkeypatch.setattr(reference, "GENES_AT_ONCE", 64)
    monkeypatch.setattr(score, "ROWS_AT_ONCE", 4)
    for one, other in zip(whole, run(), strict=True):
        pd.testing.assert_frame_equal(one, other, rtol=1e-12)


def test_float32_is_measured_as_float64(tmp_path):
    rng = np.random.default_rng(4)
    names = [f"s{place}" for place in range(400)]
    values = pd.DataFrame(rng.normal(9, 0.01, (400, 300)).astype(np.float32), names)
    strata = pd.Series("", names)
    exact, found = (reference.fit_reference(table, strata, 0.1) for table in (values.astype(float), values))
    pd.testing.assert_frame_equal(found.location, exact.location, rtol=1e-15)
    pd.testing.assert_series_equal(found.scale, exact.scale, rtol=1e-15)


@pytest.mark.parametrize("name", ["m.tsv", "m.h5ad", "m.parquet"])
def test_a_large_table_is_read_in_parts(tmp_path, monkeypatch, name):
    monkeypatch.setattr(bulk, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr(bulk, "SAMPLES_AT_ONCE", 2)
    monkeypatch.setattr(scale, "AT_ONCE", 11)
    rng = np.random.default_rng(6)
    table = pd.DataFrame(rng.poisson(40, (60, 5)), GENES, list("ABCDE"))
    if name.endswith("tsv"):
        table.rename_axis("gene").to_csv(tmp_path / name, sep="\t")
    elif name.endswith("parquet"):
        table.rename_axis("gene").reset_index().to_parquet(tmp_path / name)
    else:
        ad.AnnData(table.T.to_numpy(float), pd.DataFrame(index=table.columns), pd.DataFrame(index=GENES)).write(
            tmp_path / name
        )
    rows = [{"sample": f"s{column}", "column": column, "matrix": 0} for column in "DAEB"]
    cohort, _ = bulk.harmonise_cohort([str(tmp_path / name)], rows, table_of(GENES), "counts")
    assert cohort.obs_names.tolist() == ["sD", "sA", "sE", "sB"]
    np.testing.assert_array_equal(cohort[:, GENES].layers["linear"].T, table[list("DAEB")])
    cpm = table / table.sum() * 1e6
    np.testing.assert_allclose(cohort[:, GENES].X.T, np.log2(cpm[list("DAEB")] + 1), rtol=1e-6)


@pytest.mark.parametrize("name", ["m.tsv", "m.parquet"])
def test_text_is_counted_over_all_parts_of_a_table(tmp_path, monkeypatch, name):
    monkeypatch.setattr(bulk, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr(bulk, "SAMPLES_AT_ONCE", 1)
    table = pd.DataFrame(1, GENES, list("AB")).astype(object)
    table.iloc[20, 1], table.iloc[40, 0] = "n.d.", "x"
    if name.endswith("tsv"):
        table.rename_axis("gene").to_csv(tmp_path / name, sep="\t")
    else:
        table.astype(str).rename_axis("gene").reset_index().to_parquet(tmp_path / name)
    with pytest.raises(InputProblems, match=rf"gene {GENES[20]}, sample B.*\n?.*'n\.d\.' \(2 such cells\)"):
        bulk.read_bulk(str(tmp_path / name), ["A", "B"])


def test_quartiles_and_hits_do_not_depend_on_the_parts(monkeypatch):
    values = np.random.default_rng(8).normal(0, 3, (40, 6))
    values[3, 2], values[30, 4] = np.nan, np.inf
    monkeypatch.setattr(scale, "AT_ONCE", 13)
    facts = scale.facts_of(values, [f"g{k}" for k in range(40)], list("ABCDEF"))
    known = values[np.isfinite(values)]
    assert (facts.lowest, facts.highest) == (known.min(), known.max())
    assert facts.negative_share == pytest.approx((known < 0).mean())
    np.testing.assert_array_equal(facts.quartiles(), np.percentile(known, [25, 50, 75]))
    count, few = facts.find(lambda data: data < -1)
    assert count == (values < -1).sum()
    assert [value for value, _, _ in few] == values[values < -1][:3].tolist()


def test_a_log_ends_with_what_its_job_cost(tmp_path):
    log = str(tmp_path / "job.log")
    job = f"SimpleNamespace(log=[{log!r}], rule='rule', wildcards={{}}, input=[], output=['out.tsv'])"
    code = f"from types import SimpleNamespace; from stat3act import logs; logs.start({job}); x = bytearray(90_000_000)"
    folder = runs.PROJECT / "workflow/scripts"
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)
    cost = runs.COST.search((tmp_path / "job.log").read_text().splitlines()[-2])
    assert cost and float(cost["start"]) > 0 and float(cost["work"]) < 60 and float(cost["peak"]) > 86


def test_new_cells_have_the_depth_and_the_noise_of_real_ones():
    rng = np.random.default_rng(9)
    types = np.repeat(["a", "b", "alone"], [30, 30, 1])
    means = np.where(
        types[:, None] == "a", np.r_[np.full(40, 2.0), np.zeros(40)], np.r_[np.zeros(40), np.full(40, 5.0)]
    )
    real = sparse.csr_matrix(rng.poisson(means).astype(np.float32))
    made, parents = enlarge.draw_cells(real, types, 4000, rng)
    assert made.shape == (4000, 80) and (made.data == made.data.round()).all() and made.data.min() >= 1
    # Cells of one type never get a gene of another.
    assert made[types[parents] == "a"][:, 40:].nnz == 0
    depth = np.ravel(made.sum(axis=1))
    for kind in ("a", "b"):
        expected = real[types == kind].sum() / 30
        assert depth[types[parents] == kind].mean() == pytest.approx(expected, rel=0.05)
    assert len({tuple(row) for row in made.toarray()[types[parents] == "b"]}) > 0.99 * (types[parents] == "b").sum()


def test_cells_written_sample_by_sample_are_a_usual_h5ad(tmp_path):
    rng = np.random.default_rng(10)
    var = pd.DataFrame({"chromosome": "chr1"}, index=GENES)

    def parts():
        for name, size in (("S1", 5), ("S2", 8)):
            counts = sparse.csr_matrix(rng.poisson(0.5, (size, 60)).astype(np.float32))
            obs = pd.DataFrame({"sample": name, "CellType": "T"}, index=[f"{name}-{k}" for k in range(size)])
            yield enlarge.Part(name, counts, obs)

    made = list(parts())
    enlarge.write_together(iter(made), var, tmp_path / "cells.h5ad")
    found = ad.read_h5ad(tmp_path / "cells.h5ad")
    assert found.obs["sample"].tolist() == ["S1"] * 5 + ["S2"] * 8
    assert found.var_names.tolist() == GENES and found.obs_names[5] == "S2-0"
    assert (sparse.vstack([part.counts for part in made]) != found.X).nnz == 0
    read = cells.read_cells(str(tmp_path / "cells.h5ad"), "S2", READ | {"cell_type_key": "CellType"})
    assert (read.values != made[1].counts).nnz == 0


def test_the_costs_of_jobs_are_read_from_benchmarks_and_logs(tmp_path):
    for job, seconds, peak in (("filter/a", 2.0, 300), ("filter/b", 4.0, 500), ("call", 1.0, 100)):
        for root, suffix, text in (
            ("benchmarks", "tsv", f"s\tmax_rss\n{seconds}\t{peak - 20}\n"),
            (
                "logs",
                "log",
                f"ended: 0.50 s start, {seconds - 0.5:.2f} s work, 3.00 s processor, peak memory {peak} MB\n",
            ),
        ):
            path = tmp_path / root / "c" / f"{job}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    table = runs.rule_table(runs.job_costs(tmp_path, "c"), "small").set_index("rule")
    assert table.loc[
        "filter", ["jobs", "wall_total", "wall_max", "start_total", "max_rss_max", "peak_max"]
    ].tolist() == [
        2,
        6.0,
        4.0,
        1.0,
        480,
        500,
    ]
    assert table.index.tolist() == ["filter", "call"]
    assert re.search(r"\| small \| filter \| 2 \|", runs.markdown(table.reset_index()[["size", "rule", "jobs"]]))
