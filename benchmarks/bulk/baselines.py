"""What a user would do otherwise: score the bulk, or purify it first and then score.

Attributed expression is written from the model of BayesPrism (Chu et al. 2022, doi 10.1038/s43018-022-00356-3) and
InstaPrism (Hu and Chikina 2024, doi 10.1093/bioinformatics/btae440), not from their code.
"""

import numpy as np
import pandas as pd

from bulk.truth import own_score
from stat3act.compartments.reference import Reference

FLOOR = 1e-8
ITERATIONS = 100
TOLERANCE = 1e-4


def bulk_adjusted(score: pd.Series, purity: pd.Series) -> pd.Series:
    """Take from the bulk score what a line in the estimated purity explains."""
    line = np.polynomial.Polynomial.fit(purity, score, 1)
    return score - line(purity.to_numpy())


def aligned(linear: pd.DataFrame, reference: Reference) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the bulk on the genes it shares with the reference, and states x these genes."""
    genes = linear.columns[linear.columns.isin(reference.profiles.index)]
    return linear[genes], reference.profiles.loc[genes].to_numpy(float).T


def attribution(linear: pd.DataFrame, reference: Reference, fractions: pd.DataFrame) -> list[pd.DataFrame]:
    """Attribute the reads of every gene to tumour and microenvironment.

    Parameters
    ----------
    linear
        Samples x genes.
    reference, fractions
        Reference and state fractions.

    Returns
    -------
    Reads of tumour and of microenvironment, samples x shared genes: ``x theta_S phi_S / (theta phi)``.
    """
    bulk, phi = aligned(linear, reference)
    theta, tumour = fractions.to_numpy(float), reference.is_tumour
    part = theta[:, tumour] @ phi[tumour]
    share = part / np.maximum(part + theta[:, ~tumour] @ phi[~tumour], 1e-300)
    return [bulk * share, bulk * (1 - share)]


def updated_attribution(linear: pd.DataFrame, reference: Reference, fractions: pd.DataFrame) -> list[pd.DataFrame]:
    """Attribute reads once more, with profiles made of the first attribution.

    Every sample's tumour profile becomes its own attributed expression, every lineage of the microenvironment the sum
    of what was attributed to it over the samples; the fractions are fitted again on these.

    Parameters
    ----------
    linear, reference, fractions
        As in `attribution`.
    """
    bulk, phi = aligned(linear, reference)
    theta, is_tumour = fractions.to_numpy(float), reference.is_tumour
    counts = bulk.to_numpy(float)
    ratio = counts / np.maximum(theta @ phi, 1e-300)
    own = with_floor(ratio * (theta[:, is_tumour] @ phi[is_tumour]))
    lineages = reference.states["lineage"].to_numpy()
    groups = [(lineages == name) & ~is_tumour for name in dict.fromkeys(lineages[~is_tumour])]
    rest = with_floor(np.stack([(ratio * (theta[:, group] @ phi[group])).sum(axis=0) for group in groups]))
    start = np.column_stack([theta[:, group].sum(axis=1) for group in (is_tumour, *groups)])
    found = refit(counts, own, rest, np.maximum(start, FLOOR))
    part = found[:, :1] * own
    share = part / (part + found[:, 1:] @ rest)
    return [bulk * share, bulk * (1 - share)]


def with_floor(reads: np.ndarray) -> np.ndarray:
    """Scale rows to sum to 1 and give every gene a floor."""
    profiles = reads / np.maximum(reads.sum(axis=1, keepdims=True), 1e-300)
    return profiles * (1 - profiles.shape[1] * FLOOR) + FLOOR


def refit(counts: np.ndarray, own: np.ndarray, rest: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Fit fractions where every sample has a tumour profile of its own (EM of the multinomial mixture).

    Parameters
    ----------
    counts
        Samples x genes.
    own
        Samples x genes, tumour profile of each sample.
    rest
        Lineages x genes.
    start
        Samples x (tumour, lineages), where to start.

    Returns
    -------
    Fractions of the same shape as `start`, rows sum to 1.
    """
    counts, own, rest = (part.astype(np.float32) for part in (counts, own, rest))
    theta = (start / start.sum(axis=1, keepdims=True)).astype(np.float32)
    depth = counts.sum(axis=1, keepdims=True)
    for _ in range(ITERATIONS):
        ratio = counts / (theta[:, :1] * own + theta[:, 1:] @ rest)
        step = np.column_stack([np.einsum("ng,ng->n", ratio, own), ratio @ rest.T]) / depth
        moved = np.abs(theta * (step - 1)).max()
        theta = theta * step
        if moved < TOLERANCE:
            break
    theta = theta.astype(float)
    return theta / theta.sum(axis=1, keepdims=True)


def scores(
    linear: pd.DataFrame, reference: Reference, axes: pd.DataFrame, purity: pd.Series, fractions: pd.DataFrame | None
) -> dict[str, list[pd.Series]]:
    """Score a cohort by every baseline.

    Parameters
    ----------
    linear, reference, axes
        The cohort, the reference, the axes.
    purity
        Estimated purity.
    fractions
        State fractions to which all genes contributed; no attribution without them.

    Returns
    -------
    By method: score of the tumour and of the microenvironment (the same for the bulk scores).
    """
    plain = own_score(linear, axes)
    found = {"bulk": [plain, plain], "bulk_purity": [bulk_adjusted(plain, purity)] * 2}
    if fractions is not None:
        for name, attribute in (("attribution", attribution), ("updated_attribution", updated_attribution)):
            found[name] = [own_score(part, axes) for part in attribute(linear, reference, fractions)]
    return found
