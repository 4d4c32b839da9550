"""Fractions of a bulk sample: maximum likelihood of a multinomial mixture with fixed components."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stat3act.compartments.genes_filter import filter_genes
from stat3act.compartments.reference import Reference
from stat3act.logs import log

# 64 samples x 15,000 genes in float32 stay in the cache of one core.
BLOCK = 64
TOLERANCE = 1e-5
MAX_ITERATIONS = 300
# Floor of a profile: a read of a gene that no state shows is unlikely, not impossible.
FLOOR = 1e-8


@dataclass(frozen=True)
class MixtureFit:
    """Result of `fit_states`.

    Attributes
    ----------
    fractions
        Samples x states; shares of the sample's mRNA, rows sum to 1.
    filtered
        By shared gene: why it was left out of the fit, ``""`` where it was used.
    iterations
        By sample: EM iterations of its block.
    """

    fractions: pd.DataFrame
    filtered: pd.Series
    iterations: pd.Series


def expectation_maximisation(
    counts: np.ndarray,
    profiles: np.ndarray,
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> tuple[np.ndarray, np.ndarray]:
    """Maximise the likelihood of ``counts[n] ~ Multinomial(depth, theta[n] @ profiles)`` over ``theta``.

    Parameters
    ----------
    counts
        Samples x genes, not negative, every row with a positive sum.
    profiles
        States x genes; rows are scaled to sum to 1 here.
    tolerance
        A block stops when no fraction moved more than this in one iteration.
    max_iterations
        Upper limit of iterations.

    Returns
    -------
    tuple of numpy.ndarray
        ``theta`` (samples x states, rows sum to 1) and the iterations used per sample.

    Notes
    -----
    ``D = theta profiles; theta <- theta * ((counts / D) profiles') / depth``. The log-likelihood is concave in
    theta, so that the fixed point is the global maximum. It is also the fixed point of InstaPrism (Hu and Chikina
    2024, doi 10.1093/bioinformatics/btae440) and the mode that BayesPrism samples around (Chu et al. 2022,
    doi 10.1038/s43018-022-00356-3). The matrix of reads per state and gene is never built.
    """
    phi = np.asarray(profiles, dtype=np.float64)
    phi = phi / phi.sum(axis=1, keepdims=True)
    phi = (phi * (1 - phi.shape[1] * FLOOR) + FLOOR).astype(np.float32)
    phi_transposed = np.ascontiguousarray(phi.T)
    theta = np.full((len(counts), len(phi)), 1 / len(phi), dtype=np.float64)
    iterations = np.zeros(len(counts), dtype=np.int64)
    for start in range(0, len(counts), BLOCK):
        rows = slice(start, start + BLOCK)
        shares = np.asarray(counts[rows], dtype=np.float64)
        shares = (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
        current = theta[rows].astype(np.float32)
        ratio = np.empty_like(shares)
        for _ in range(max_iterations):
            iterations[rows] += 1
            np.matmul(current, phi, out=ratio)
            np.divide(shares, ratio, out=ratio)
            updated = current * (ratio @ phi_transposed)
            moved = float(np.abs(updated - current).max())
            current = updated
            if moved < tolerance:
                break
        final = current.astype(np.float64)
        theta[rows] = final / final.sum(axis=1, keepdims=True)
    return theta, iterations


def fit_states(
    linear: pd.DataFrame,
    reference: Reference,
    scoring_genes: frozenset[str] | set[str],
    chromosomes: pd.Series | None = None,
) -> MixtureFit:
    """Estimate the share of every reference state in every bulk sample.

    The genes that are scored later take no part, so that a driven STAT3 target cannot decide how much tumour a
    sample holds (and then be judged against that).

    Parameters
    ----------
    linear
        Samples x genes, counts or TPM-like values.
    reference
        Profiles of the states.
    scoring_genes
        Genes of every axis.
    chromosomes
        Chromosome by symbol, see `filter_genes`.

    Returns
    -------
    MixtureFit
        Fractions are shares of mRNA (a cell with twice the mRNA counts twice).
    """
    # Scored genes go first: which genes dominate a sample must not depend on them either.
    others = linear.loc[:, ~linear.columns.isin(scoring_genes)]
    reason = filter_genes(others, reference.profiles, chromosomes)
    shared = linear.columns[linear.columns.isin(reference.profiles.index)]
    reason = reason.reindex(shared, fill_value="scored")
    used = reason.index[reason == ""]
    log.info("Fractions from %d of %d shared genes, %d states", len(used), len(reason), reference.profiles.shape[1])
    phi = reference.profiles.loc[used].to_numpy(dtype=np.float64).T
    theta, iterations = expectation_maximisation(linear[used].to_numpy(dtype=np.float32), phi)
    # The fit sees only part of each profile; a state with much of its mRNA in the genes left out has a larger
    # share of the whole sample than of the genes that were used.
    whole = theta / phi.sum(axis=1)
    fractions = pd.DataFrame(
        whole / whole.sum(axis=1, keepdims=True), index=linear.index, columns=reference.profiles.columns
    )
    return MixtureFit(fractions, reason, pd.Series(iterations, index=linear.index))


def fraction_table(fractions: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    """Sum state fractions to lineages and compartments.

    Parameters
    ----------
    fractions
        Samples x states.
    reference
        Says which compartment and lineage each state belongs to.

    Returns
    -------
    pandas.DataFrame
        ``sample compartment lineage fraction``: one row for the tumour (lineage ``all``), one for the whole
        microenvironment (lineage ``all``), one per lineage of it; fractions of the sample's mRNA.
    """
    states = reference.states.loc[fractions.columns]
    parts = {}
    for compartment in ("tumour", "microenvironment"):
        of_compartment = (states["compartment"] == compartment).to_numpy()
        parts[(compartment, "all")] = fractions.loc[:, of_compartment].sum(axis=1)
        if compartment == "microenvironment":
            for lineage in sorted(set(states.loc[of_compartment, "lineage"])):
                chosen = of_compartment & (states["lineage"] == lineage).to_numpy()
                parts[(compartment, lineage)] = fractions.loc[:, chosen].sum(axis=1)
    table = pd.concat(parts, names=["compartment", "lineage"]).rename("fraction").reset_index()
    table = table.rename(columns={table.columns[2]: "sample"})[["sample", "compartment", "lineage", "fraction"]]
    order = pd.Categorical(table["sample"], categories=list(fractions.index), ordered=True)
    return table.assign(order=order).sort_values("order", kind="stable").drop(columns="order").reset_index(drop=True)
