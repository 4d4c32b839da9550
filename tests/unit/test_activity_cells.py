"""Scores of single cells against decoupler, against the dense model, and against what must not matter."""

from itertools import pairwise

import anndata as ad
import decoupler as dc
import h5py
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy import sparse, stats

from stat3act import tables
from stat3act.activity import cell_reference, cells, chunks, kernel, model, plan
from stat3act.activity.prepare import Prepared, axis_weights, own_weights, rivals_of
from stat3act.problems import InputProblems

RIVALS = ["ifn_stat1", "nfkb", "hypoxia"]
AXES = [*RIVALS, "stat3_core", "stat3_epithelial", "programme:survival", "u_stat3"]
SETTINGS = {
    "rivals": RIVALS,
    "clip": 5.0,
    "min_scale": 0.5,
    "min_log2_cpm": 0.0,
    "min_targets": 10,
    "min_programme_targets": 4,
}
CELLS, GENES = 300, 1200
COLUMNS = ["axis", "gene", "weight", "panel", "compartments"]


class Case:
    """A simulated sample: counts, axes with shared genes, and compartments."""

    def __init__(self, seed=3):
        rng = np.random.default_rng(seed)
        self.genes = pd.Index([f"G{number:04d}" for number in rng.permutation(GENES)])
        rate = rng.gamma(0.5, 2.0, GENES)
        counts = rng.poisson(rate * rng.gamma(3, 0.4, (CELLS, 1)) * rng.gamma(2, 0.5, (CELLS, GENES)))
        counts[:, rng.choice(GENES, 30, replace=False)] = 0
        self.counts = sparse.csr_matrix(counts.astype(np.float32))
        expressed = self.genes[np.argsort(-rate)[:600]]
        rows = []
        for axis in AXES:
            for gene in rng.choice(expressed, 25, replace=False):
                rows.append((axis, gene, rng.choice([1.0, 1.0, 0.5, -1.0]), "own", "all"))
        core = [row[1] for row in rows if row[0] == "stat3_core"]
        rows += [("ifn_stat1", gene, 0.3, "shared", "all") for gene in core[:8]]
        rows += [("nfkb", gene, 0.5, "shared", "all") for gene in core[5:15]]
        self.axes = pd.DataFrame(rows, columns=COLUMNS).drop_duplicates(["axis", "gene"])
        self.compartment = np.where(np.arange(CELLS) % 3 == 0, "tumour", "myeloid")

    def score(self, counts=None, **kwargs):
        source = chunks.from_matrix(self.counts if counts is None else counts)
        given = {"genes": self.genes, "compartment": self.compartment, "axes": self.axes, "settings": SETTINGS}
        return cells.score_cells(source, **(given | kwargs))


@pytest.fixture(scope="module")
def case():
    return Case()


@pytest.fixture(scope="module")
def scored(case):
    return case.score()


def log_normalised(counts):
    dense = np.asarray(counts.todense(), float)
    return np.log1p(dense / np.maximum(dense.sum(axis=1, keepdims=True), 1e-300) * 1e4)


def network(axes):
    return axes.rename(columns={"axis": "source", "gene": "target"})[["source", "target", "weight"]]


def decoupler_scores(matrix, genes, axes):
    names = pd.DataFrame(index=[f"c{row}" for row in range(matrix.shape[0])])
    adata = ad.AnnData(matrix, obs=names, var=pd.DataFrame(index=genes))
    dc.mt.ulm(adata, network(axes), tmin=3)
    return adata.obsm["score_ulm"]


def test_score_is_decouplers_ulm_on_scanpys_normalisation(case, scored):
    adata = ad.AnnData(case.counts.astype(np.float64), var=pd.DataFrame(index=case.genes))
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    expected = decoupler_scores(adata.X, case.genes, case.axes)[scored.axes].to_numpy()
    np.testing.assert_allclose(scored.score, expected, rtol=1e-6, atol=1e-6)
    weights = axis_weights(case.axes, "tumour", case.genes)[0][scored.axes]
    np.testing.assert_allclose(
        cells.ulm_cells(chunks.from_matrix(case.counts), sparse.csr_array(weights.to_numpy())), expected, rtol=1e-9
    )
    assert scored.genes == np.count_nonzero(case.counts.getnnz(axis=0))


def test_ulm_takes_values_as_they_are_where_asked(case):
    values = sparse.csr_matrix(log_normalised(case.counts))
    weights = axis_weights(case.axes, "tumour", case.genes)[0]
    found = cells.ulm_cells(chunks.from_matrix(values), sparse.csr_array(weights.to_numpy()), target=0.0)
    expected = decoupler_scores(values, case.genes, case.axes)[weights.columns].to_numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("target", [0.0, 1e4])
def test_a_single_axis_scores_as_it_does_among_others(case, target):
    weights = sparse.csr_array(axis_weights(case.axes, "tumour", case.genes)[0].to_numpy())
    values = case.counts.copy()
    values.data[values.indptr[5] : values.indptr[6]] = 0
    source = chunks.from_matrix(values)
    among = cells.ulm_cells(source, weights, target)
    alone = cells.ulm_cells(source, weights[:, [3]], target)
    np.testing.assert_allclose(alone[:, 0], among[:, 3], rtol=1e-9)
    assert np.isnan(alone[5, 0]) and np.isfinite(np.delete(alone, 5)).all()


def dense(case):
    """Return the dense standardised matrix with the axes on its genes."""
    x = log_normalised(case.counts)
    cpm = np.asarray(case.counts.multiply(1e6 / case.counts.sum(axis=1)).mean(axis=0)).ravel()
    inside = np.flatnonzero((cpm >= 1) & (x.std(axis=0) > 0))
    inside = inside[np.argsort(case.genes[inside])]
    scale = np.sqrt(x.std(axis=0) ** 2 + (0.5 * np.log(2)) ** 2)
    z = np.clip((x - x.mean(axis=0)) / scale, -5, 5)[:, inside]
    weights, sizes = axis_weights(case.axes, "tumour", case.genes)
    own = own_weights(case.axes, "tumour", case.genes)
    strata = model.assign_strata(x.mean(axis=0)[inside], x.std(axis=0)[inside])
    assert strata.max() > 3
    return Prepared(z, weights.iloc[inside], own.iloc[inside], sizes, strata)


def dense_activity(prepared, axis):
    """Score one axis by the cohort's model."""
    weights, rivals = prepared.weights[axis].to_numpy(), prepared.rivals(rivals_of(axis, RIVALS))
    return model.adjusted_statistic(prepared.profiles, weights, rivals, prepared.strata).activity


def test_activity_is_the_dense_axes_model(case, scored):
    prepared = dense(case)
    for column, axis in enumerate(scored.axes):
        np.testing.assert_allclose(scored.activity[:, column], dense_activity(prepared, axis), rtol=1e-6, atol=1e-6)


def test_the_sample_has_levels_below_zero_above_it_and_mixed(case):
    prepared = dense(case)
    own = prepared.rivals(RIVALS).own
    positive = np.linalg.lstsq(np.column_stack([np.ones(len(own)), own]), prepared.profiles.T)[0][1:] > 0
    assert set(positive.sum(axis=0)) == {0, 1, 2, 3}


def test_kernel_equals_the_dense_axes_model_to_rounding(case):
    source = chunks.from_matrix(case.counts)
    moments = cell_reference.gene_moments(source)
    compiled = cells.compile_compartments(case.axes, case.genes, ["tumour"], moments, SETTINGS)["tumour"][0]
    block = source.read(0, CELLS)
    totals, sums, activity = np.empty((CELLS, 2)), np.empty((CELLS, 7)), np.empty((CELLS, 7))
    nothing = np.full(CELLS, -1), np.zeros((1, GENES))
    rows, seen = np.arange(CELLS), np.zeros(GENES, bool)
    at = (block.values, block.indices, block.indptr, rows, 1e4, compiled.links, compiled.model, seen)
    assert not kernel.score_rows(*at, *nothing, totals, sums, activity)
    prepared = dense(case)
    for column, axis in enumerate(compiled.axes):
        np.testing.assert_allclose(activity[:, column], dense_activity(prepared, axis), rtol=1e-10, atol=1e-10)


def test_a_rival_without_measured_genes_of_its_own_changes_nothing(case, scored):
    core = case.axes.loc[case.axes["axis"] == "stat3_core", "gene"].head(5)
    absent = pd.DataFrame(
        {"axis": "silent", "gene": ["NONE1", "NONE2", *core], "weight": 1.0, "panel": "own", "compartments": "all"}
    )
    absent.loc[2:, "panel"] = "shared"
    settings = SETTINGS | {"rivals": [*RIVALS, "silent"]}
    found = case.score(axes=pd.concat([case.axes, absent]), settings=settings)
    keep = [found.axes.index(axis) for axis in scored.axes]
    np.testing.assert_allclose(found.activity[:, keep], scored.activity, rtol=1e-6, atol=1e-7)
    assert np.isnan(found.activity[:, found.axes.index("silent")]).all()


def test_a_copy_of_a_rival_is_never_active(case):
    copy = case.axes[(case.axes["axis"] == "nfkb") & (case.axes["panel"] == "own")].assign(axis="stat3_epithelial")
    axes = pd.concat([case.axes[case.axes["axis"] != "stat3_epithelial"], copy])
    found, alone = case.score(axes=axes), case.score(axes=axes, settings=SETTINGS | {"rivals": []})
    column = found.axes.index("stat3_epithelial")
    assert (alone.activity[:, column] > 1.645).sum() > 5
    assert (found.activity[:, column] < 1.645).all()


def test_more_of_a_rival_takes_more_and_less_of_it_gives_nothing():
    genes = pd.Index([f"G{number:03d}" for number in range(400)])
    axes = [("stat3_core", gene, 1.0, "own", "all") for gene in genes[:20]]
    axes += [("ifn_stat1", gene, 1.0, "own", "all") for gene in genes[50:70]]
    axes += [("ifn_stat1", gene, 1.0, "shared", "all") for gene in genes[:10]]
    counts = np.random.default_rng(4).poisson(3, (90, 400)).astype(np.float32)
    counts[:30, 50:70] += 5  # high
    counts[60:, 50:70] = 0  # none
    source, axes = chunks.from_matrix(sparse.csr_matrix(counts)), pd.DataFrame(axes, columns=COLUMNS)
    beside, alone = (
        cells.score_cells(source, genes, np.full(90, "bulk"), axes, SETTINGS | {"rivals": rivals})
        for rivals in (["ifn_stat1"], [])
    )
    core = beside.axes.index("stat3_core")
    assert (beside.activity[:30, core] < alone.activity[:30, core] - 0.5).all()
    np.testing.assert_array_equal(beside.activity[60:, core], alone.activity[60:, core])


def same_bits(left, right):
    np.testing.assert_array_equal(left.score, right.score)
    np.testing.assert_array_equal(left.activity, right.activity)


def test_format_of_the_matrix_does_not_matter(case, scored, tmp_path):
    dense = np.asarray(case.counts.todense())
    shuffled = case.counts[:, ::-1][:, ::-1].tocsr()  # indices no longer sorted within rows
    for matrix in (dense, case.counts.tocsc(), case.counts.tocoo(), case.counts.astype(np.int64)):
        same_bits(case.score(matrix), scored)
    np.testing.assert_allclose(case.score(shuffled).activity, scored.activity, rtol=1e-5, atol=1e-6)
    for name, matrix in {"csr": case.counts, "csc": case.counts.tocsc(), "dense": dense}.items():
        path = tmp_path / f"{name}.h5ad"
        ad.AnnData(matrix, var=pd.DataFrame(index=case.genes)).write_h5ad(path, compression="gzip")
        with h5py.File(path) as handle:
            source = chunks.from_h5ad(handle, path)
            assert isinstance(source, chunks.DiskCells if name == "csr" else chunks.MemoryCells)
            same_bits(cells.score_cells(source, case.genes, case.compartment, case.axes, SETTINGS), scored)


def test_conversion_is_told_once(case, caplog):
    with caplog.at_level("INFO", logger="stat3act"):
        chunks.from_matrix(case.counts.tocsc())
        chunks.from_matrix(case.counts)
    assert [record.message for record in caplog.records] == [
        f"converting the csc matrix of {CELLS} cells x {GENES} genes to CSR, once"
    ]


def test_an_unknown_format_is_named(tmp_path):
    with h5py.File(tmp_path / "x.h5ad", "w") as handle:
        handle.create_group("X").attrs["encoding-type"] = "raggedy"
        with pytest.raises(ValueError, match=r"x\.h5ad: X is stored as 'raggedy'"):
            chunks.from_h5ad(handle, "x.h5ad")


def test_threads_and_block_size_change_no_bit(case, scored, tmp_path, monkeypatch):
    path = tmp_path / "cells.h5ad"
    ad.AnnData(case.counts, var=pd.DataFrame(index=case.genes)).write_h5ad(path)
    monkeypatch.setattr(chunks, "BLOCK_ROWS", 37)
    with h5py.File(path) as handle:
        for threads in (1, 2):
            source = chunks.from_h5ad(handle, path)
            found = cells.score_cells(source, case.genes, case.compartment, case.axes, SETTINGS, threads=threads)
            same_bits(found, scored)


def test_float32_is_close_to_float64(case, scored):
    values = case.counts.copy()
    values.data = values.data * 1.1  # no longer whole numbers
    low, high = case.score(values.astype(np.float32)), case.score(values.astype(np.float64))
    np.testing.assert_allclose(low.activity, high.activity, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(low.score, high.score, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(high.activity, scored.activity, rtol=1e-4, atol=1e-5)


def test_order_of_genes_and_cells_does_not_matter(case, scored):
    rng = np.random.default_rng(5)
    genes, order = rng.permutation(GENES), rng.permutation(CELLS)
    found = case.score(
        case.counts[order][:, genes].sorted_indices(),
        genes=case.genes[genes],
        compartment=case.compartment[order],
        axes=case.axes.sample(frac=1, random_state=1),
    )
    np.testing.assert_allclose(found.activity, scored.activity[order], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.score, scored.score[order], rtol=1e-5, atol=1e-6)


def test_flipping_an_axis_flips_its_scores(case, scored):
    flipped = case.axes.copy()
    flipped.loc[flipped["axis"] == "stat3_epithelial", "weight"] *= -1
    found = case.score(axes=flipped)
    sign = np.where(np.array(scored.axes) == "stat3_epithelial", -1, 1)
    np.testing.assert_allclose(found.activity, scored.activity * sign, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.score, scored.score * sign, rtol=1e-5, atol=1e-6)


def test_giving_every_cell_twice_changes_nothing(case, scored):
    found = case.score(sparse.vstack([case.counts] * 2, "csr"), compartment=np.tile(case.compartment, 2))
    for half in (slice(0, CELLS), slice(CELLS, None)):
        np.testing.assert_allclose(found.activity[half], scored.activity, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(found.score[half], scored.score, rtol=1e-5, atol=1e-6)


def test_cells_without_counts_are_unknown_and_leave_the_others_alone(case, scored):
    empty = sparse.csr_matrix((2, GENES), dtype=np.float32)
    explicit = sparse.csr_matrix((np.zeros(3, np.float32), ([0, 0, 0], [1, 5, 9])), shape=(1, GENES))
    found = case.score(
        sparse.vstack([empty, case.counts, explicit], "csr"),
        compartment=np.array(["tumour", "bulk", *case.compartment, "tumour"]),
    )
    for values in (found.score, found.activity):
        assert np.isnan(values[[0, 1, -1]]).all()
    np.testing.assert_array_equal(found.activity[2:-1], scored.activity)
    np.testing.assert_array_equal(found.score[2:-1], scored.score)


def test_a_stored_zero_is_no_value(case, scored):
    silent = int(np.flatnonzero(case.counts.getnnz(axis=0) == 0)[0])
    entries = case.counts.tocoo()
    place = np.append(entries.row, 3), np.append(entries.col, silent)
    padded = sparse.csr_matrix((np.append(entries.data, np.float32(0)), place), shape=case.counts.shape)
    assert padded.nnz == case.counts.nnz + 1
    found = case.score(padded)
    assert found.genes == scored.genes
    same_bits(found, scored)


def test_library_size_does_not_matter(case, scored):
    deeper = sparse.diags(np.random.default_rng(8).integers(1, 20, CELLS).astype(np.float32)) @ case.counts
    found = case.score(sparse.csr_matrix(deeper))
    np.testing.assert_allclose(found.activity, scored.activity, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.score, scored.score, rtol=1e-5, atol=1e-6)


def test_an_entry_stored_twice_is_refused(case):
    twice = sparse.csr_matrix((np.ones(3, np.float32), [4, 7, 4], [0, 3]), shape=(1, GENES))
    repeated = sparse.vstack([case.counts[:4], twice], "csr")
    assert not repeated.has_canonical_format
    with pytest.raises(ValueError, match="sum_duplicates"):
        cells.ulm_cells(chunks.from_matrix(repeated), sparse.csr_array(np.eye(GENES)[:, :2]))
    with pytest.raises(ValueError, match="sum_duplicates"):
        case.score(repeated, compartment=case.compartment[:5])


def test_axes_follow_the_compartment_of_the_cell(case, scored):
    axes = case.axes.copy()
    axes.loc[axes["axis"] == "stat3_epithelial", "compartments"] = "tumour;bulk"
    core = axes.index[axes["axis"] == "stat3_core"]
    axes.loc[core[:5], "compartments"] = "tumour"
    found = case.score(axes=axes)
    tumour = case.compartment == "tumour"
    epithelial, programme = found.axes.index("stat3_epithelial"), found.axes.index("stat3_core")
    np.testing.assert_array_equal(found.activity[tumour], scored.activity[tumour])
    assert np.isnan(found.activity[~tumour, epithelial]).all() and np.isnan(found.score[~tumour, epithelial]).all()
    alone = case.score(axes=axes.drop(core[:5]), compartment=np.full(CELLS, "myeloid"))
    np.testing.assert_array_equal(found.activity[~tumour, programme], alone.activity[~tumour, programme])
    assert abs(found.activity[~tumour, programme] - scored.activity[~tumour, programme]).max() > 0.1


def test_an_axis_with_few_measured_targets_is_unknown(case):
    few = case.axes.groupby("axis").head(9)
    found = case.score(axes=few)
    known = dict(zip(found.axes, np.isfinite(found.activity).all(axis=0), strict=True))
    assert known == {axis: axis in ("programme:survival", "u_stat3") for axis in AXES}
    assert np.isnan(found.score[:, found.axes.index("stat3_core")]).all()


def test_pseudobulk_is_the_sum_of_a_groups_counts(case):
    groups = np.arange(CELLS) % 4 - 1
    found = case.score(groups=groups).pseudobulk
    expected = np.stack([np.asarray(case.counts[groups == group].sum(axis=0)).ravel() for group in range(3)])
    np.testing.assert_array_equal(found, expected)
    assert case.score().pseudobulk is None


def test_too_few_measured_genes_are_a_problem(case):
    with pytest.raises(InputProblems, match=r"of 100 genes vary and have a mean of at least 0\.0 log2 CPM"):
        case.score(case.counts[:, :100], genes=case.genes[:100])


def test_logarithm_is_right_over_the_whole_range():
    values = np.concatenate([10.0 ** np.linspace(-6, 9, 4001), np.arange(1, 3000)])
    scratch, found = np.empty(len(values)), np.empty(len(values))
    kernel.log_normalise(values, 0, len(values), values.sum(), scratch, found)
    np.testing.assert_allclose(found, np.log1p(values), rtol=2e-10)
    large = values > 1
    np.testing.assert_allclose(found[large], np.log1p(values[large]), rtol=1e-15)


def test_spans_of_the_reference_are_spread_over_a_large_sample(case, monkeypatch):
    assert cell_reference.reference_spans(20_000) is None
    spans = cell_reference.reference_spans(123_456)
    assert len(spans) == 40 and spans[0][0] == 0 and spans[-1][1] == 123_456
    assert all(stop - start == 500 for start, stop in spans)
    assert all(left[1] <= right[0] for left, right in pairwise(spans))
    monkeypatch.setattr(cell_reference, "REFERENCE_CELLS", 100)
    monkeypatch.setattr(cell_reference, "REFERENCE_SPAN", 10)
    source = chunks.from_matrix(case.counts)
    part = cell_reference.gene_moments(source)
    rows = np.concatenate([np.arange(*span) for span in cell_reference.reference_spans(CELLS)])
    assert part.cells == len(rows) == 100
    x = log_normalised(case.counts[rows])
    np.testing.assert_allclose(part.location, x.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(part.deviation, x.std(axis=0), rtol=1e-6, atol=1e-9)


def test_one_cell_in_twenty_is_significant_by_chance_whatever_panels_are_made_of():
    rng = np.random.default_rng(12)
    genes, count = 2500, 250
    rate = rng.gamma(0.4, 2.0, genes)
    counts = rng.poisson(rate * rng.gamma(3, 0.3, (count, 1)) * rng.gamma(1.5, 1 / 1.5, (count, genes)))
    names = pd.Index([f"G{number:04d}" for number in range(genes)])
    detection = (counts > 0).mean(axis=0)
    chosen = [rng.choice(names, 100, replace=False, p=detection / detection.sum()) for _ in range(40)]
    rows = [(f"panel{n}", gene, 1.0, "own", "all") for n, panel in enumerate(chosen) for gene in panel]
    axes = pd.DataFrame(rows, columns=COLUMNS)
    source = chunks.from_matrix(sparse.csr_matrix(counts.astype(np.float32)))
    found = cells.score_cells(source, names, np.full(count, "bulk"), axes, SETTINGS | {"rivals": []})
    upper = (stats.norm.sf(found.activity) < 0.05).mean()
    lower = (stats.norm.cdf(found.activity) < 0.05).mean()
    assert 0.04 < upper < 0.06 and 0.04 < lower < 0.06
    # The plain t value calls most of the very same cells, which is why it has no p value here.
    assert (stats.norm.sf(found.score) < 0.05).mean() > 0.5


def test_cells_with_interferon_alone_are_not_stat3_active():
    rng = np.random.default_rng(6)
    genes, count = 1500, 240
    rate = rng.gamma(1.0, 1.5, genes) + 0.2
    own, shared, foreign = np.arange(20), np.arange(20, 40), np.arange(40, 80)
    stat3, interferon = np.arange(24), np.arange(24, 48)
    fold = np.ones((count, genes))
    fold[np.ix_(stat3, [*own, *shared])] = 4
    fold[np.ix_(interferon, foreign)] = 6
    fold[np.ix_(interferon, shared)] = 5
    names = pd.Index([f"G{number:04d}" for number in range(genes)])
    parts = [("stat3_core", names[[*own, *shared]], 1.0, "own"), ("ifn_stat1", names[foreign], 1.0, "own")]
    parts += [("ifn_stat1", names[shared], 0.85, "shared")]
    rows = [(axis, gene, weight, kind, "all") for axis, panel, weight, kind in parts for gene in panel]
    axes = pd.DataFrame(rows, columns=COLUMNS)
    source = chunks.from_matrix(sparse.csr_matrix(rng.poisson(rate * fold).astype(np.float32)))
    adjusted, alone = (
        cells.score_cells(source, names, np.full(count, "bulk"), axes, SETTINGS | {"rivals": rivals})
        for rivals in (["ifn_stat1"], [])
    )
    column = adjusted.axes.index("stat3_core")
    assert (adjusted.activity[stat3, column] > 1.645).mean() > 0.95
    assert (adjusted.activity[interferon, column] > 1.645).mean() < 0.1
    assert (alone.activity[interferon, column] > 1.645).mean() > 0.5


# Scanpy calls matplotlib as its next version wants it otherwise.
@pytest.mark.filterwarnings("ignore:The set_bad function:PendingDeprecationWarning")
def test_a_sample_becomes_a_file_that_scanpy_plots(case, scored, tmp_path):
    names = pd.Index([f"cell-{number}" for number in range(CELLS)])
    lineage = np.where(case.compartment == "tumour", "epithelial", "myeloid")
    labels = pd.DataFrame(
        {
            "cell": names,
            "lineage": lineage,
            "malignant_call": np.where(case.compartment == "tumour", "malignant", "non-malignant"),
            "malignant_probability": 0.5,
            "compartment": np.where(case.compartment == "tumour", "tumour", "microenvironment"),
        }
    )
    source = chunks.from_matrix(case.counts)
    shuffled = labels.sample(frac=1, random_state=2)
    made = cells.score_sample(source, names, case.genes, shuffled, case.axes, SETTINGS)
    paths = [tmp_path / "a.h5ad", tmp_path / "b.h5ad"]
    for path in paths:
        tables.write_h5ad(path, made.copy())
    assert paths[0].read_bytes() == paths[1].read_bytes()
    found = ad.read_h5ad(paths[0])
    assert found.shape == (CELLS, 0)
    assert list(found.obs.columns) == ["lineage", "malignant_call", "compartment", "stat3_core", "stat3_epithelial"]
    assert list(found.obs["lineage"]) == list(lineage)
    np.testing.assert_array_equal(found.obsm["activity"][scored.axes].to_numpy(), scored.activity)
    np.testing.assert_array_equal(found.obsm["score"][scored.axes].to_numpy(), scored.score)
    np.testing.assert_array_equal(found.obs["stat3_core"], found.obsm["activity"]["stat3_core"])
    assert list(found.uns["activity"]["axes"]) == scored.axes
    assert "pseudobulk" in found.uns["activity"]["use"]
    found.obsm["X_umap"] = np.random.default_rng(0).normal(size=(CELLS, 2))
    axes = sc.pl.umap(found, color="stat3_core", show=False)
    np.testing.assert_allclose(np.sort(axes.collections[0].get_array()), np.sort(found.obs["stat3_core"]))


def test_labels_must_name_each_cell_once(case):
    names = pd.Index(["a", "b", "c"])
    labels = pd.DataFrame({"cell": ["a", "b", "b"], "lineage": "x", "malignant_call": "y", "compartment": "z"})
    with pytest.raises(InputProblems) as caught:
        cells.match_labels(names, labels)
    assert "1 of 3 cells without a row, e.g. 'c'" in str(caught.value)
    assert "1 of 3 cells with several rows, e.g. 'b'" in str(caught.value)


def test_weights_are_those_of_the_finest_known_compartment():
    labels = pd.DataFrame(
        {
            "lineage": ["epithelial", "myeloid", "myeloid", "glial", "fibroblast"],
            "compartment": ["tumour", "microenvironment", "tumour", "microenvironment", "uncertain"],
        }
    )
    expected = ["tumour", "myeloid", "tumour", "microenvironment", "bulk"]
    assert cells.weights_compartment(labels).tolist() == expected


def test_links_list_the_axes_of_each_gene():
    weights = np.array([[0, 2.0], [0, 0], [-1.0, 0.5]])
    links = plan.compile_links(sparse.csr_array(weights), weights * [[1, 1], [1, 1], [1, 0]])
    assert links.start.tolist() == [0, 1, 1, 3] and links.start.dtype == np.int64
    assert links.axis.tolist() == [1, 0, 1]
    assert links.weight.tolist() == [2.0, -1.0, 0.5]
    assert links.own.tolist() == [2.0, -1.0, 0.0]
    assert links.target.tolist() == [True, False, True]
