"""Which genes may decide the fractions of a bulk sample."""

import numpy as np
import pandas as pd

# Cytosolic and mitochondrial ribosomal proteins, with their paralogues and pseudogenes, and the genes of the
# mitochondrial genome: their share follows the protocol (poly-A against ribo-depletion, nuclei against cells).
RIBOSOMAL = r"^M?RP[LS]\d+(?![\dK])|^RPLP\d|^RPSA|^FAU$|^UBA52$|^MALAT1$"
MITOCHONDRIAL = r"^MT-"
SEX_CHROMOSOMES = ("chrX", "chrY", "X", "Y")

DOMINATING_SHARE = 0.01
DOMINATING_SAMPLES = 0.10
# The floor of reference profiles is of the order of 1e-8; one count in ten million is no support.
SUPPORTED_SHARE = 1e-7


def filter_genes(linear: pd.DataFrame, profiles: pd.DataFrame, chromosomes: pd.Series | None = None) -> pd.Series:
    """Name, for every gene shared by bulk and reference, why it must not decide fractions.

    Parameters
    ----------
    linear
        Bulk, samples x genes, linear scale (counts or TPM-like), not negative.
    profiles
        Reference, genes x states, columns sum to 1.
    chromosomes
        Chromosome by gene symbol (``chrX`` or ``X``); without it no gene counts as sex-linked.

    Returns
    -------
    pandas.Series
        By shared gene, in the order of `linear`: ``""`` (usable), ``ribosomal``, ``mitochondrial``, ``sex_linked``,
        ``dominating`` (more than 1 % of more than 10 % of the samples) or ``unsupported`` (no state of the reference
        has more than one read in ten million).

    Notes
    -----
    The classes and the 1 % / 10 % rule are those of BayesPrism (Chu et al. 2022, doi 10.1038/s43018-022-00356-3).
    """
    genes = linear.columns[linear.columns.isin(profiles.index)]
    reason = pd.Series("", index=genes, dtype=object)
    reason[(profiles.loc[genes].max(axis=1) <= SUPPORTED_SHARE).to_numpy()] = "unsupported"
    values = linear[genes].to_numpy(dtype=np.float64)
    totals = linear.to_numpy(dtype=np.float64).sum(axis=1, keepdims=True)
    dominating = (values > DOMINATING_SHARE * totals).mean(axis=0) > DOMINATING_SAMPLES
    reason[dominating] = "dominating"
    if chromosomes is not None:
        reason[chromosomes.reindex(genes).isin(SEX_CHROMOSOMES).to_numpy()] = "sex_linked"
    reason[genes.str.contains(MITOCHONDRIAL)] = "mitochondrial"
    reason[genes.str.contains(RIBOSOMAL)] = "ribosomal"
    return reason
