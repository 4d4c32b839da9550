"""What the fractions of a bulk sample predict for tumour and microenvironment, gene by gene."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stat3act.compartments.genes_filter import filter_genes
from stat3act.compartments.mixture import FLOOR
from stat3act.compartments.reference import Reference

# Genes expected below two reads (or TPM) are mostly pseudo-count.
MIN_EXPECTED = 2.0


@dataclass(frozen=True)
class Cohort:
    """The bulk cohort beside what the reference expects of it; arrays are float32.

    Attributes
    ----------
    samples, genes
        Names of the rows and columns.
    bulk
        Samples x genes, as measured.
    tumour
        Samples x genes, expected profile of the tumour cells, counts per million.
    rest_states
        States x genes, profiles of the microenvironment, counts per million.
    rest_shares
        Samples x states, shares of the microenvironment's states in the whole sample.
    purity
        By sample, share of mRNA that is tumour.
    anchors
        By gene: whether it may decide fractions and depth (in no axis, of no doubtful class).
    """

    samples: pd.Index
    genes: pd.Index
    bulk: np.ndarray
    tumour: np.ndarray
    rest_states: np.ndarray
    rest_shares: np.ndarray
    purity: np.ndarray
    anchors: np.ndarray


def expected_tumour(reference: Reference, fractions: np.ndarray) -> np.ndarray:
    """Return each sample's own mixture of the reference's tumours, samples x genes, rows of the mixture sum to 1.

    Parameters
    ----------
    reference
        Profiles of the states.
    fractions
        Samples x states.
    """
    tumour = reference.is_tumour
    shares, phi = fractions[:, tumour], reference.profiles.to_numpy(dtype=np.float64).T[tumour]
    total = shares.sum(axis=1, keepdims=True)
    # Where no tumour was found its profile is that of the reference's mean tumour.
    even = np.full_like(shares, 1 / tumour.sum())
    return np.divide(shares, total, out=even, where=total > FLOOR) @ phi


def prepare_cohort(
    linear: pd.DataFrame,
    reference: Reference,
    fractions: pd.DataFrame,
    scoring_genes: set[str],
    chromosomes: pd.Series | None = None,
) -> Cohort:
    """Bring bulk, reference and fractions onto the genes of the split.

    Parameters
    ----------
    linear
        Samples x genes, counts or TPM-like.
    reference, fractions
        The reference and the fractions fitted with it, same samples as `linear`.
    scoring_genes
        Genes of every axis; kept even where their class (sex-linked, ribosomal) is not trusted for fractions.
    chromosomes
        Chromosome by symbol, see `filter_genes`.

    Returns
    -------
    Cohort
        Genes with a mean expected value above `MIN_EXPECTED`.
    """
    reason = filter_genes(linear, reference.profiles, chromosomes)
    scored, plain = reason.index.isin(list(scoring_genes)), (reason == "").to_numpy()
    shares = fractions.loc[linear.index, reference.profiles.columns].to_numpy(dtype=np.float64)
    of_tumour = reference.is_tumour
    shared = reference.profiles.index.get_indexer(reason.index)
    tumour = expected_tumour(reference, shares)[:, shared]
    states = reference.profiles.to_numpy(dtype=np.float64).T[~of_tumour][:, shared]
    purity, rest = shares[:, of_tumour].sum(axis=1), shares[:, ~of_tumour]
    bulk = linear[reason.index].to_numpy(dtype=np.float64)
    expected = purity[:, None] * tumour + rest @ states
    depth = bulk[:, plain & ~scored].sum(axis=1) / expected[:, plain & ~scored].sum(axis=1)
    keep = (depth @ expected / len(depth) > MIN_EXPECTED) & (plain | (scored & (reason != "unsupported").to_numpy()))
    return Cohort(
        linear.index,
        reason.index[keep],
        bulk[:, keep].astype(np.float32),
        (1e6 * tumour[:, keep]).astype(np.float32),
        (1e6 * states[:, keep]).astype(np.float32),
        rest.astype(np.float32),
        purity,
        (plain & ~scored)[keep],
    )
