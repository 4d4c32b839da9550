"""CellTypist models: the published formula, the vote of a cluster, and what a user has to mend."""

from collections import Counter
from dataclasses import replace

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.special import expit
from sklearn.linear_model import LogisticRegression, SGDClassifier

from celltypist_example import problem_of, simulate_cells, train, write
from stat3act.compartments import celltypist_model
from stat3act.compartments.celltypist_model import (
    CellTypistModel,
    check_labels,
    gene_problems,
    in_gene_language,
    label_scores,
    load_model,
    majority_vote,
    model_problems,
    predict_labels,
    read_model,
    vote_lineages,
)
from stat3act.compartments.clusters import log_normalise
from stat3act.expression.genes import GeneLanguage
from stat3act.problems import InputProblems

MAPPING = {"lymphoid": ["T", "B"], "myeloid": ["macrophage or monocyte"]}


@pytest.fixture(scope="module")
def cells():
    return simulate_cells()


@pytest.fixture(scope="module")
def trained(cells):
    return train(cells, LogisticRegression(max_iter=200))


@pytest.fixture(scope="module")
def model_file(trained, tmp_path_factory):
    return write(trained, tmp_path_factory.mktemp("model") / "small.pkl")


@pytest.fixture(scope="module")
def model(model_file):
    return read_model(model_file)


def expected_scores(content: dict, logged: ad.AnnData) -> np.ndarray:
    """Return scikit-learn's decision function as CellTypist calls it: shared genes only, clipped from above."""
    classifier, scaler = content["Model"], content["Scaler_"]
    at = np.flatnonzero(np.isin(classifier.features, logged.var_names))
    mean = scaler.mean_[at] if scaler.with_mean else 0
    z = (logged[:, classifier.features[at].tolist()].X.toarray() - mean) / scaler.scale_[at]
    z[z > 10] = 10
    part = type(classifier)()
    part.classes_, part.intercept_ = classifier.classes_, classifier.intercept_
    part.coef_, part.n_features_in_ = classifier.coef_[:, at], len(at)
    scores = part.decision_function(z)
    return scores if scores.ndim == 2 else np.column_stack([-scores, scores])


# Formula


def test_scores_are_those_of_sklearn_on_the_shared_genes(cells, trained, model):
    logged = log_normalise(cells, "counts")
    assert (logged.X.toarray() - model.mean > 10 * model.scale).any(), "nothing to clip"
    order = np.random.default_rng(0).permutation(cells.n_vars)
    for query in (logged, logged[:, order].copy()):
        np.testing.assert_allclose(label_scores(model, query), expected_scores(trained, query), atol=1e-5)
    fewer = log_normalise(cells[:, order[:300]], "counts")
    np.testing.assert_allclose(label_scores(model, fewer), expected_scores(trained, fewer), atol=1e-5)


def test_probabilities_are_those_of_sklearn(cells, tmp_path):
    logged = log_normalise(cells, "counts")

    def z(content):
        return np.minimum(content["Scaler_"].transform(logged.X.toarray()), 10)

    two = train(cells, LogisticRegression(max_iter=200), np.where(cells.obs["state"] == "T", "T", "not T"))
    found = predict_labels(read_model(write(two, tmp_path / "two.pkl")), logged)
    assert found["label"].tolist() == two["Model"].predict(z(two)).tolist()
    np.testing.assert_allclose(found["probability"], two["Model"].predict_proba(z(two)).max(axis=1), atol=1e-6)

    four = train(cells, SGDClassifier(loss="log_loss", alpha=10, random_state=0))
    scores = expit(label_scores(read_model(write(four, tmp_path / "four.pkl")), logged))
    np.testing.assert_allclose(
        scores / scores.sum(axis=1, keepdims=True), four["Model"].predict_proba(z(four)), atol=1e-6
    )


def test_a_model_that_does_not_centre(cells, tmp_path):
    content = train(cells, LogisticRegression(max_iter=200), with_mean=False)
    assert content["Scaler_"].mean_.any()
    logged = log_normalise(cells, "counts")
    scores = label_scores(read_model(write(content, tmp_path / "m.pkl")), logged)
    np.testing.assert_allclose(scores, expected_scores(content, logged), atol=1e-5)


def random_model(seed: int, genes: int = 120, labels: int = 5) -> CellTypistModel:
    rng = np.random.default_rng(seed)
    return CellTypistModel(
        np.array([f"G{gene}" for gene in range(genes)]),
        np.array([f"L{label}" for label in range(labels)]),
        rng.normal(size=(labels, genes)),
        rng.normal(size=labels),
        rng.uniform(0, 12, genes),
        rng.lognormal(-2, 1.5, genes),
    )


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", range(5))
def test_sparse_scores_are_the_dense_formula(seed, monkeypatch):
    rng, model = np.random.default_rng(seed), random_model(seed)
    assert (-model.mean / model.scale < -10).any(), "clipping from below would not show"
    logged = np.log1p(rng.poisson(0.5, (23, 120)) * rng.lognormal(2, 1, (23, 1)))
    logged[0] = 0
    linear = np.expm1(logged)
    x = np.log1p(linear / np.maximum(linear.sum(axis=1, keepdims=True), 1e-9) * 1e4)
    expected = np.minimum((x - model.mean) / model.scale, 10) @ model.coefficients.T + model.intercept
    adata = ad.AnnData(sparse.csr_matrix(logged), var=pd.DataFrame(index=model.genes))
    np.testing.assert_allclose(label_scores(model, adata), expected, rtol=1e-9, atol=1e-9)
    monkeypatch.setattr(celltypist_model, "CELLS_AT_ONCE", 7)
    np.testing.assert_allclose(label_scores(model, adata), expected, rtol=1e-9, atol=1e-9)


def test_library_size_of_the_logged_cells_does_not_matter(cells, model):
    scores = [label_scores(model, log_normalise(cells, scale)) for scale in ("counts", "tpm")]
    np.testing.assert_allclose(*scores, atol=1e-4)


def test_best_label_where_probabilities_have_reached_one():
    model = replace(random_model(0), intercept=np.array([0, 5000, 9000, 0, 0.0]))
    adata = ad.AnnData(sparse.csr_matrix((3, 120)), var=pd.DataFrame(index=model.genes))
    found = predict_labels(model, adata)
    assert set(found["label"]) == {"L2"} and (found["probability"] == 1).all()


# Vote


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["0", "1", "10"])), min_size=1, max_size=40),
    st.sampled_from([0.0, 0.4, 0.5, 1.0]),
)
def test_vote_by_counting(cells, min_share):
    labels, clusters = (np.array(part) for part in zip(*cells, strict=True))
    expected = []
    for cluster in clusters:
        counts = Counter(labels[clusters == cluster])
        label, count = min(counts.items(), key=lambda item: (-item[1], item[0]))
        expected.append(label if count >= min_share * counts.total() else "")
    assert majority_vote(labels, clusters, min_share).tolist() == expected


def test_every_cell_has_its_own_label_and_the_probability_of_it(cells, model):
    logged = log_normalise(cells, "counts")
    probabilities = pd.DataFrame(expit(label_scores(model, logged)), cells.obs_names, model.labels)
    found = predict_labels(model, logged)
    assert list(found.columns) == ["label", "probability"]
    pd.testing.assert_series_equal(found["label"], probabilities.idxmax(axis=1), check_names=False, check_dtype=False)
    np.testing.assert_allclose(found["probability"], probabilities.max(axis=1))
    # The cells say what they are, whoever else is there.
    assert found["label"].tolist() == cells.obs["state"].tolist()
    some = np.random.default_rng(0).permutation(cells.n_obs)[:25]
    pd.testing.assert_frame_equal(predict_labels(model, logged[some].copy()), found.iloc[some])


def votes(cells, model, clusters, mapping=MAPPING):
    return vote_lineages(model, log_normalise(cells, "counts"), np.asarray(clusters), mapping, "s1")


def test_a_cluster_has_the_lineage_of_most_of_its_cells(cells, model):
    # 40 T cells; 30 B cells, 30 macrophages and 20 fibroblasts, where no lineage has half.
    found = votes(cells, model, np.where(cells.obs["state"] == "T", "0", "1"))
    assert found.index.tolist() == cells.obs_names.tolist() and list(found.columns) == ["lineage", "state"]
    assert found["lineage"].tolist() == ["lymphoid"] * 40 + ["unknown"] * 80
    assert found["state"].tolist() == cells.obs["state"].tolist()


def test_lineages_vote_and_not_labels(cells, model):
    state = cells.obs["state"].to_numpy()
    # 20 T, 25 B and 30 macrophages: the macrophages are the most frequent label, lymphoid cells are most.
    mixed = np.concatenate([np.flatnonzero(state == "T")[:20], np.flatnonzero(state == "B")[:25]])
    mixed = np.concatenate([mixed, np.flatnonzero(state == "macrophage or monocyte")])
    found = votes(cells[mixed].copy(), model, ["7"] * 75)
    assert set(found["lineage"]) == {"lymphoid"}
    assert found["state"].value_counts().to_dict() == {"T": 20, "B": 25, "macrophage or monocyte": 30}


@pytest.mark.parametrize(("lymphoid", "lineage"), [(10, "lymphoid"), (9, "unknown")])
def test_half_of_a_cluster_is_enough_and_less_is_not(cells, model, lymphoid, lineage):
    state = cells.obs["state"].to_numpy()
    others = {"macrophage or monocyte": 5, "fibroblast": 15 - lymphoid}
    chosen = [np.flatnonzero(state == "B")[:lymphoid]]
    chosen += [np.flatnonzero(state == name)[:number] for name, number in others.items()]
    found = votes(cells[np.concatenate(chosen)].copy(), model, np.zeros(20, dtype=int))
    assert len(found) == 20 and set(found["lineage"]) == {lineage}


def test_clusters_vote_apart_whatever_the_order_of_the_cells(cells, model):
    rng = np.random.default_rng(1)
    clusters = rng.integers(0, 12, cells.n_obs)
    found = votes(cells, model, clusters)
    own = cells.obs["state"].map({"T": "lymphoid", "B": "lymphoid", "fibroblast": "fibroblast"}).fillna("myeloid")
    for cluster in np.unique(clusters):
        counts = own[clusters == cluster].value_counts()
        expected = counts.index[0] if 2 * counts.iloc[0] >= counts.sum() else "unknown"
        if (counts == counts.iloc[0]).sum() == 1:
            assert set(found.loc[clusters == cluster, "lineage"]) == {expected}
    order = rng.permutation(cells.n_obs)
    pd.testing.assert_frame_equal(votes(cells[order].copy(), model, clusters[order]), found.iloc[order])


def test_a_label_without_lineage_stops_the_vote(cells, model):
    with pytest.raises(InputProblems) as caught:
        votes(cells, model, np.zeros(cells.n_obs), {"lymphoid": ["T", "B"]})
    [problem] = caught.value.problems
    assert problem.file == "s1" and problem.value == "'macrophage or monocyte' in 30 cells"


# What a user has to mend


def test_labels_without_lineage_are_all_named_in_one_problem(model):
    (problem,) = check_labels(model, {"lymphoid": ["T"]}, "models/small.pkl")
    assert problem.file == "models/small.pkl"
    # `fibroblast` is the name of a lineage.
    assert problem.value == "2 of 4 in no lineage: 'B', 'macrophage or monocyte'"
    assert "compartments.lineages" in problem.expected


def test_placed_labels_are_no_problem_and_wrong_lineages_are(model):
    assert check_labels(model, MAPPING, "m.pkl") == []
    problems = check_labels(model, MAPPING | {"other": ["T"], "imune": ["x"]}, "m.pkl")
    assert [problem.value for problem in problems] == ["imune", "'T' under lymphoid and other"]


def test_too_few_shared_genes_are_refused(cells, model):
    half = int(np.ceil(len(model.genes) / 2))
    assert gene_problems(model, model.genes[:half], "s1") == []
    problem = problem_of(predict_labels, model, log_normalise(cells[:, : half - 1], "counts"), "s1")
    assert problem.file == "s1" and f"{half - 1} of the {len(model.genes)} genes" in problem.value
    small = random_model(0, genes=110)
    assert gene_problems(small, small.genes[:100], "s1") == []
    (problem,) = gene_problems(small, small.genes[:99], "s1")
    assert problem.expected.startswith("at least 100")


def test_genes_of_a_model_become_current_symbols():
    table = pd.DataFrame(
        [
            ("STAT3", "6774", "ENSG00000168610", "APRF;HIES"),
            ("CCN2", "1490", "ENSG00000118523", "CTGF;X1"),
            ("XONE", "1", "", "X1"),
        ],
        columns=["symbol", "entrez", "ensembl", "aliases"],
    ).assign(chromosome="", start="", end="", arm="")
    model = replace(
        random_model(0, genes=6), genes=np.array(["APRF", "CTGF", "STAT3", "ENSG00000118523", "X1", "none"])
    )
    renamed = in_gene_language(model, GeneLanguage(table))
    # STAT3 is there by its own name, CCN2 by the first of two, and X1 may be either of two genes.
    assert renamed.genes.tolist() == ["APRF", "CCN2", "STAT3", "ENSG00000118523", "X1", "none"]
    np.testing.assert_array_equal(renamed.coefficients, model.coefficients)


def gene_table(names) -> pd.DataFrame:
    """Return a gene table in which every third symbol was renamed: the old one is an alias."""
    rows = [
        (f"{name}_new" if number % 3 == 0 else name, str(number), "", name if number % 3 == 0 else "")
        for number, name in enumerate(names)
    ]
    table = pd.DataFrame(rows, columns=["symbol", "entrez", "ensembl", "aliases"])
    return table.assign(chromosome="", start="", end="", arm="")


def test_a_loaded_model_knows_the_genes_of_the_cells(cells, model_file, model):
    table = gene_table(cells.var_names)
    loaded = load_model(model_file, MAPPING, table)
    assert loaded.genes.tolist() == table["symbol"].tolist()
    renamed = log_normalise(cells, "counts")
    expected = predict_labels(model, renamed)
    renamed.var_names = table["symbol"].to_numpy()
    pd.testing.assert_frame_equal(predict_labels(loaded, renamed), expected)


def test_a_model_with_labels_of_no_lineage_is_not_loaded(cells, model_file):
    problem = problem_of(load_model, model_file, {"lymphoid": ["T"]}, gene_table(cells.var_names))
    assert problem.value == "2 of 4 in no lineage: 'B', 'macrophage or monocyte'"
    assert model_problems(model_file, {"lymphoid": ["T"]}) == [problem]
    assert model_problems(model_file, MAPPING) == []


def test_a_file_that_is_no_model_is_a_problem_before_the_run(tmp_path, cells):
    path = write([1], tmp_path / "m.pkl")
    problem = problem_of(load_model, path, MAPPING, gene_table(cells.var_names))
    assert model_problems(path, MAPPING) == [problem] and problem.file == str(path)
