"""Lineages by a CellTypist model that the user brings; its file is read without being run."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.special import expit

from stat3act.compartments.inert_pickle import ANOTHER_FILE, Estimator, array_of, load_inert
from stat3act.compartments.labels import label_lineages, label_owners, lineage_problems
from stat3act.compartments.lineages import UNKNOWN
from stat3act.expression.genes import GeneLanguage
from stat3act.logs import log
from stat3act.problems import InputProblems, Problem, raise_if_any

# CellTypist (doi 10.1126/science.abl5197) trains and predicts on log1p of counts per 10,000 and clips standardised
# genes at 10, from above only: celltypist.train and celltypist.classifier of version 1.7.1.
LIBRARY = 1e4
CLIP = 10.0
# A choice: a gene that is missing counts as average in every cell, so with few genes left every cell looks alike.
FEWEST_GENES = 100
FEWEST_SHARE = 0.5
CELLS_AT_ONCE = 5000
HALF = 0.5
ENTRIES = {"Model": ("features", "classes_", "coef_", "intercept_"), "Scaler_": ("with_mean", "mean_", "scale_")}


@dataclass(frozen=True)
class CellTypistModel:
    """One logistic regression per label, on standardised genes.

    Attributes
    ----------
    genes
        Names of the genes, as the model has them.
    labels
        Names of the cell types.
    coefficients
        Labels x genes; a model of two labels has the second row the negative of the first.
    intercept
        One per label.
    mean, scale
        Per gene, of log1p counts per 10,000 in the training cells. The mean is 0 where the model does not centre.
    """

    genes: np.ndarray
    labels: np.ndarray
    coefficients: np.ndarray
    intercept: np.ndarray
    mean: np.ndarray
    scale: np.ndarray


def read_model(path: str | Path) -> CellTypistModel:
    """Read a CellTypist model without running any of its code.

    Parameters
    ----------
    path
        A ``.pkl`` file with a dictionary of ``Model`` (`LogisticRegression` or `SGDClassifier` of scikit-learn with the
        genes as ``features``) and ``Scaler_`` (`StandardScaler`), as CellTypist writes it.

    Returns
    -------
    CellTypistModel
        Its numbers.

    Raises
    ------
    InputProblems
        When the file is no pickle, is cut off or damaged, asks for anything a CellTypist model does not consist of,
        lacks an entry, or holds numbers that do not fit together.
    """
    file = str(path)
    attributes = read_attributes(load_inert(file), file)
    try:
        return build_model(attributes)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        expected = "genes, labels, coefficients, intercepts, means and scales that fit together"
        raise InputProblems([Problem(file, "arrays of the model", str(error), expected, ANOTHER_FILE)]) from error


def read_attributes(content, file: str) -> dict:
    """Return the attributes of classifier and scaler; raise `InputProblems` where one that is needed is missing."""
    entries = content if isinstance(content, dict) else {}
    attributes, missing = {}, []
    for entry, names in ENTRIES.items():
        part = entries.get(entry)
        state = part.state if isinstance(part, Estimator) and isinstance(part.state, dict) else {}
        missing += [f"{entry}.{name}" for name in names if state.get(name) is None]
        attributes |= {name: state.get(name) for name in names}
    if missing:
        found = f"the entries {sorted(map(str, entries))}" if entries else f"a pickled {type(content).__name__}"
        expected = "a dictionary of `Model` (a trained classifier with `features`) and `Scaler_` (a trained scaler)"
        raise InputProblems([Problem(file, "", f"{found}, without {', '.join(missing)}", expected, ANOTHER_FILE)])
    return attributes


def build_model(attributes: dict) -> CellTypistModel:
    """Return the model that the stand-ins describe; raise `ValueError` where its parts do not fit together."""
    genes, labels = (array_of(attributes[name]).astype(str) for name in ("features", "classes_"))
    numbers = (array_of(attributes[name]).astype(float) for name in ("coef_", "intercept_", "mean_", "scale_"))
    coefficients, intercept, mean, scale = numbers
    if not isinstance(attributes["with_mean"], bool):
        raise ValueError(
            f"with_mean of the scaler, {type(attributes['with_mean']).__name__}, is neither true nor false"
        )
    if not attributes["with_mean"]:
        mean = np.zeros_like(scale)
    if labels.size == 2 and len(coefficients) == 1:
        # One regression tells two labels apart; CellTypist gives the first label the opposite score.
        coefficients, intercept = np.vstack([-coefficients, coefficients]), np.concatenate([-intercept, intercept])
    model = CellTypistModel(genes, labels, coefficients, intercept, mean, scale)
    refuse_misfits(model)
    return model


def refuse_misfits(model: CellTypistModel) -> None:
    """Raise `ValueError` where the parts of a model do not fit together or cannot be computed with."""
    genes, labels = model.genes.size, model.labels.size
    shapes = {"genes": (genes,), "labels": (labels,), "coefficients": (labels, genes), "intercept": (labels,)}
    for name, needed in (shapes | {"mean": (genes,), "scale": (genes,)}).items():
        if (shape := getattr(model, name).shape) != needed:
            raise ValueError(f"{name} of shape {shape}, but {labels} labels and {genes} genes need {needed}")
    for name in ("genes", "labels"):
        values = pd.Index(getattr(model, name))
        if values.has_duplicates:
            raise ValueError(f"{name} with {values[values.duplicated()][0]!r} twice")
    if not all(np.isfinite(part).all() for part in (model.coefficients, model.intercept, model.mean, model.scale)):
        raise ValueError("numbers that are not finite")
    if (model.scale <= 0).any():
        raise ValueError(f"a scale of {model.scale.min()}, which is not above 0")


def load_model(path: str | Path, mapping: dict[str, list[str]], genes: pd.DataFrame) -> CellTypistModel:
    """Read a model, check that lineages claim all of its labels, and bring its genes to current symbols.

    Parameters
    ----------
    path
        File of the model.
    mapping
        Labels of each lineage (``compartments.lineages``).
    genes
        The gene table, all text.

    Raises
    ------
    InputProblems
        As `read_model`, and for labels that no lineage claims.
    """
    model = read_model(path)
    raise_if_any(check_labels(model, mapping, path))
    return in_gene_language(model, GeneLanguage(genes))


def model_problems(path: str | Path, mapping: dict[str, list[str]]) -> list[Problem]:
    """Find what is wrong with a model before anything is computed: its file, and labels that no lineage claims."""
    try:
        return check_labels(read_model(path), mapping, path)
    except InputProblems as error:
        return list(error.problems)


def check_labels(model: CellTypistModel, mapping: dict[str, list[str]], path: str | Path) -> list[Problem]:
    """Find labels of a model that no lineage claims, and what is wrong with the lineages themselves.

    Parameters
    ----------
    model
        The model.
    mapping
        Labels of each lineage (``compartments.lineages``). A label that is itself the name of a lineage needs no entry.
    path
        File of the model, for messages.

    Returns
    -------
    list
        Empty when every label becomes one lineage; all labels that are not placed stand in one problem.
    """
    owners = label_owners(mapping)
    problems = lineage_problems(pd.Series([], dtype=object), mapping, owners, str(path))
    homeless = [label for label in model.labels.tolist() if label not in owners]
    if homeless:
        problems.append(
            Problem(
                str(path),
                "labels of the model",
                f"{len(homeless)} of {len(model.labels)} in no lineage: {', '.join(map(repr, homeless))}",
                "labels that compartments.lineages gives to a lineage, whether or not a cell gets them",
                "add each to a lineage in the config (`other` when none fits)",
            )
        )
    return problems


def in_gene_language(model: CellTypistModel, language) -> CellTypistModel:
    """Return a model whose genes are current symbols, as the cells' are.

    Models are older than today's symbols, and some hold Ensembl ids.

    Parameters
    ----------
    model
        The model.
    language
        `stat3act.expression.genes.GeneLanguage`.

    Returns
    -------
    CellTypistModel
        A name that means no gene, several, or one that another name of the model stands for already stays as it is.
    """
    taken = {gene for gene in model.genes if language.candidates(gene) == (gene,)}
    genes = []
    for gene in model.genes:
        found = language.candidates(gene)
        new = len(found) == 1 and found[0] not in taken
        genes.append(found[0] if new else gene)
        taken |= {genes[-1]}
    return replace(model, genes=np.array(genes))


def gene_problems(model: CellTypistModel, genes: Iterable[str], file: str) -> list[Problem]:
    """Find cells that show too few genes of a model: fewer than 100, or than half of them.

    Parameters
    ----------
    model
        The model.
    genes
        Genes of the cells.
    file
        What the cells came from, for messages.

    Returns
    -------
    list
        At most one problem.
    """
    shared = int(np.isin(model.genes, list(genes)).sum())
    needed = max(FEWEST_GENES, int(np.ceil(FEWEST_SHARE * len(model.genes))))
    if shared >= needed:
        return []
    examples = ", ".join(model.genes[:5])
    return [
        Problem(
            file,
            "genes",
            f"{shared} of the {len(model.genes)} genes of the CellTypist model (the model's start with {examples})",
            f"at least {needed} of them",
            "use a model of human genes that were measured here, or none",
        )
    ]


def predict_labels(model: CellTypistModel, logged, file: str = "cells") -> pd.DataFrame:
    """Label every cell with the cell type it looks like most.

    Per cell and label the probability is ``logistic(intercept + coefficients . z)``, with ``z = min((x - mean) / scale,
    10)`` of log1p counts per 10,000 over the genes that model and cells share; the label is the best of each cell
    (CellTypist's best match, Dominguez Conde et al. 2022, doi 10.1126/science.abl5197).

    Parameters
    ----------
    model
        The model.
    logged
        Result of `stat3act.compartments.clusters.log_normalise`; of any library size, it is brought to 10,000.
    file
        What the cells came from, for messages.

    Returns
    -------
    pandas.DataFrame
        Indexed by cell: ``label``, and ``probability`` of that label for that cell.

    Raises
    ------
    InputProblems
        For cells that share too few genes with the model.
    """
    raise_if_any(gene_problems(model, logged.var_names, file))
    scores = label_scores(model, logged)
    # Not by the probabilities: many may have reached 1.
    best = scores.argmax(axis=1)
    probability = expit(scores[np.arange(len(best)), best])
    return pd.DataFrame({"label": model.labels[best], "probability": probability}, index=logged.obs_names)


def vote_lineages(
    model: CellTypistModel, logged, clusters: np.ndarray, mapping: dict[str, list[str]], file: str = "cells"
) -> pd.DataFrame:
    """Give every cell the lineage that most cells of its cluster have by the model.

    Lineages vote, not labels as in CellTypist: its clusters are finer than those given here, and a cluster of two
    kinds of T cells beside monocytes is lymphoid although monocytes are its most frequent label.

    Parameters
    ----------
    model, logged, file
        As in `predict_labels`.
    clusters
        Cluster of every cell.
    mapping
        Labels of each lineage (``compartments.lineages``).

    Returns
    -------
    pandas.DataFrame
        Indexed by cell: ``lineage`` (``unknown`` where none has half of the cluster), ``state`` (the cell's own label).
    """
    label = predict_labels(model, logged, file)["label"]
    own = label_lineages(label, mapping, file).to_numpy(dtype=object)
    voted = majority_vote(own, clusters, HALF)
    log.info("CellTypist model: the vote changed the lineage of %d of %d cells", int((voted != own).sum()), len(own))
    return pd.DataFrame({"lineage": np.where(voted == "", UNKNOWN, voted), "state": label})


def label_scores(model: CellTypistModel, logged) -> np.ndarray:
    """Return ``intercept + coefficients . z`` of `predict_labels`, cells x labels.

    A zero has the same standardised value in every cell, so only what differs from it is multiplied, and the cells stay
    sparse; they are taken a few thousand at a time.
    """
    position = logged.var_names.get_indexer(model.genes)
    shared = position >= 0
    log.info("CellTypist model: %d of %d genes are there", shared.sum(), len(shared))
    columns, coefficients = position[shared], model.coefficients[:, shared]
    mean, scale = model.mean[shared], model.scale[shared]
    at_zero = np.minimum(-mean / scale, CLIP)
    scores = np.empty((logged.n_obs, len(model.labels)))
    for start in range(0, logged.n_obs, CELLS_AT_ONCE):
        rows = slice(start, start + CELLS_AT_ONCE)
        part = per_ten_thousand(sparse.csr_matrix(logged.X[rows], dtype=float))[:, columns]
        gene = part.indices
        part.data = np.minimum((part.data - mean[gene]) / scale[gene], CLIP) - at_zero[gene]
        scores[rows] = part @ coefficients.T
    return scores + (model.intercept + coefficients @ at_zero)


def per_ten_thousand(logged: sparse.csr_matrix) -> sparse.csr_matrix:
    """Bring log1p values of any library size, cells x genes, to 10,000 per cell."""
    linear = logged.copy()
    linear.data = np.expm1(logged.data)
    total = np.asarray(linear.sum(axis=1)).ravel()
    factor = np.divide(LIBRARY, total, out=np.ones_like(total), where=total > 0)
    linear.data = np.log1p(linear.data * np.repeat(factor, np.diff(linear.indptr)))
    return linear


def majority_vote(labels: np.ndarray, clusters: np.ndarray, min_share: float = 0.0) -> np.ndarray:
    """Give every cell the most frequent label of its cluster.

    Parameters
    ----------
    labels
        Own label of every cell.
    clusters
        Cluster of every cell.
    min_share
        Smallest share of a cluster's cells that must have its label.

    Returns
    -------
    numpy.ndarray
        Label per cell, the first in the alphabet of equally frequent ones; "" where none is frequent enough.
    """
    votes = pd.crosstab(np.asarray(labels), np.asarray(clusters))
    winner = votes.idxmax().where(votes.max() / votes.sum() >= min_share, "")
    return winner.loc[clusters].to_numpy(dtype=object)
