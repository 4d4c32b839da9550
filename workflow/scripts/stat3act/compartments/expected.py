"""What the fractions of a bulk sample predict, and how the measured genes depart from it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stat3act.compartments.design import Residuals, log_residuals
from stat3act.compartments.genes_filter import filter_genes
from stat3act.compartments.reference import Reference

# Genes expected below two reads (or TPM) are mostly pseudo-count.
MIN_EXPECTED = 2.0


@dataclass(frozen=True)
class Cohort:
    """The bulk cohort as the regression sees it.

    Attributes
    ----------
    samples, genes
        Names of the rows and columns.
    data
        Log residuals, tumour shares, weights, noise.
    level
        By gene, mean log expected value.
    purity
        By sample, share of mRNA that is tumour.
    """

    samples: pd.Index
    genes: pd.Index
    data: Residuals
    level: np.ndarray
    purity: np.ndarray


def expected_parts(
    reference: Reference, fractions: pd.DataFrame, own_states: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return the expected tumour and microenvironment profile of each sample, before scaling to its depth.

    Parameters
    ----------
    reference
        Profiles of the states.
    fractions
        Samples x states.
    own_states
        False: every sample's tumour is the mean of the reference's tumours. True: the sample's own mixture of them.

    Returns
    -------
    tuple of numpy.ndarray
        Samples x genes of the reference; the two add up to rows of sum 1.

    Notes
    -----
    The mean is the default because the own mixture hides what is to be measured: a sample that looks like a
    reference patient whose STAT3 is on is given that patient's targets as expected, and nothing is left over.
    Measured on mixtures of melanoma and breast profiles, Spearman correlation of the tumour estimate with the
    score of the tumour's own profile, mean against own mixture: 0.51 / 0.64 against 0.35 / 0.44 (natural
    differences between tumours left out of the reference), 0.57 / 0.69 against 0.11 / 0.35 (the same tumours in
    the reference); planted responses unrelated to anything else, correlation with the plant: 0.60 / 0.57 against
    0.69 / 0.62, the one case in which the own mixture is the sharper expectation.
    """
    shares, phi = fractions.to_numpy(dtype=np.float64), reference.profiles.to_numpy(dtype=np.float64).T
    tumour = reference.is_tumour
    if own_states:
        first = shares[:, tumour] @ phi[tumour]
    else:
        first = np.outer(shares[:, tumour].sum(axis=1), phi[tumour].mean(axis=0))
    return first, shares[:, ~tumour] @ phi[~tumour]


def prepare_cohort(
    linear: pd.DataFrame,
    reference: Reference,
    fractions: pd.DataFrame,
    scoring_genes: set[str],
    chromosomes: pd.Series | None = None,
    own_states: bool = False,
) -> Cohort:
    """Compare the bulk with what its fractions predict.

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
    own_states
        See `expected_parts`.

    Returns
    -------
    Cohort
        Genes with a mean expected value above `MIN_EXPECTED`.
    """
    reason = filter_genes(linear, reference.profiles, chromosomes)
    scored = reason.index.isin(list(scoring_genes))
    tumour, rest = expected_parts(reference, fractions.loc[linear.index, reference.profiles.columns], own_states)
    shared = reference.profiles.index.get_indexer(reason.index)
    bulk, tumour, rest = linear[reason.index].to_numpy(dtype=np.float64), tumour[:, shared], rest[:, shared]
    anchor = (reason == "").to_numpy() & ~scored
    depth = bulk[:, anchor].sum(axis=1) / (tumour + rest)[:, anchor].sum(axis=1)
    tumour, rest = tumour * depth[:, None], rest * depth[:, None]
    expected = (tumour + rest).mean(axis=0)
    keep = (expected > MIN_EXPECTED) & ((reason == "").to_numpy() | (scored & (reason != "unsupported").to_numpy()))
    data = log_residuals(bulk[:, keep], tumour[:, keep], rest[:, keep])
    purity = fractions.loc[linear.index, reference.is_tumour].sum(axis=1).to_numpy()
    return Cohort(linear.index, reason.index[keep], data, np.log(expected[keep]), purity)
