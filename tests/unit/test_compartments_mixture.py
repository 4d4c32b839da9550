"""Fractions by EM: against direct maximisation of the likelihood, and on planted mixtures."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from stat3act.compartments.genes_filter import filter_genes
from stat3act.compartments.mixture import expectation_maximisation, fit_states, fraction_table
from stat3act.validation.mixtures import made_reference


def direct_maximum(counts, profiles):
    """Maximise the multinomial log-likelihood over a softmax of free parameters."""
    phi = profiles / profiles.sum(axis=1, keepdims=True)

    def loss(free):
        theta = np.exp(free - free.max())
        theta /= theta.sum()
        return -(counts * np.log(theta @ phi)).sum() / counts.sum()

    found = minimize(loss, np.zeros(len(phi)), method="BFGS", options={"gtol": 1e-9})
    theta = np.exp(found.x - found.x.max())
    return theta / theta.sum()


def test_em_finds_the_maximum_of_the_likelihood():
    rng = np.random.default_rng(3)
    profiles = rng.gamma(0.5, size=(4, 60))
    counts = rng.poisson(3000 * rng.dirichlet(np.ones(4), 5) @ (profiles / profiles.sum(axis=1, keepdims=True)))
    theta, _ = expectation_maximisation(counts, profiles, tolerance=1e-8)
    for sample, row in enumerate(counts):
        np.testing.assert_allclose(theta[sample], direct_maximum(row, profiles), atol=2e-3)


def test_a_pure_state_is_found_pure_and_blocks_do_not_mix_samples():
    rng = np.random.default_rng(4)
    profiles = rng.gamma(0.3, size=(3, 200))
    counts = np.tile(profiles * 1e4, (50, 1))
    theta, _ = expectation_maximisation(counts, profiles, tolerance=1e-7)
    np.testing.assert_allclose(theta, np.tile(np.eye(3), (50, 1)), atol=1e-3)


def test_fractions_do_not_depend_on_sample_order_or_depth():
    rng = np.random.default_rng(5)
    profiles = rng.gamma(0.5, size=(4, 100))
    counts = rng.dirichlet(np.ones(4), 70) @ profiles
    theta, _ = expectation_maximisation(counts, profiles, tolerance=1e-7)
    turned, _ = expectation_maximisation(counts[::-1] * 1000, profiles, tolerance=1e-7)
    np.testing.assert_allclose(theta, turned[::-1], atol=1e-4)


def planted(n_samples=40, **changes):
    reference = made_reference(seed=1)
    rng = np.random.default_rng(2)
    shares = pd.DataFrame(
        rng.dirichlet(np.full(reference.profiles.shape[1], 0.5), n_samples), columns=reference.profiles.columns
    ).rename(index=lambda row: f"S{row}")
    expected = shares.to_numpy() @ reference.profiles.to_numpy().T
    counts = pd.DataFrame(rng.poisson(expected * 2e6), index=shares.index, columns=reference.profiles.index)
    return reference, shares, counts.astype(float)


def test_planted_fractions_are_recovered():
    reference, shares, counts = planted()
    fit = fit_states(counts, reference, scoring_genes=set())
    assert (fit.fractions - shares).abs().to_numpy().mean() < 0.005
    np.testing.assert_allclose(fit.fractions.sum(axis=1), 1)


def test_scored_genes_do_not_move_fractions():
    reference, _, counts = planted()
    scored = set(counts.columns[:50])
    driven = counts.copy()
    driven[sorted(scored)] *= 20
    before = fit_states(counts, reference, scored)
    after = fit_states(driven, reference, scored)
    pd.testing.assert_frame_equal(before.fractions, after.fractions)
    open_to_all = fit_states(driven, reference, set())
    assert (open_to_all.fractions - before.fractions).abs().to_numpy().max() > 0.02


def test_a_state_with_much_mrna_in_left_out_genes_keeps_its_share_of_the_whole_sample():
    reference, shares, counts = planted()
    state = reference.profiles.columns[0]
    heavy = set(reference.profiles[state].nlargest(40).index)
    fit = fit_states(counts, reference, heavy)
    assert (fit.fractions[state] - shares[state]).abs().mean() < 0.01


def test_lineages_add_up():
    reference, shares, counts = planted()
    table = fraction_table(fit_states(counts, reference, set()).fractions, reference)
    whole = table[table["lineage"] == "all"].groupby("sample")["fraction"].sum()
    np.testing.assert_allclose(whole, 1)
    of_lineages = table[table["lineage"] != "all"].groupby("sample")["fraction"].sum()
    rest = table[(table["lineage"] == "all") & (table["compartment"] == "microenvironment")]
    np.testing.assert_allclose(of_lineages.loc[rest["sample"]], rest["fraction"])
    assert list(dict.fromkeys(table["sample"])) == list(shares.index)


@pytest.mark.parametrize(
    ("gene", "reason"),
    [
        ("RPL13A", "ribosomal"),
        ("MRPS12", "ribosomal"),
        ("MT-CO1", "mitochondrial"),
        ("XIST", "sex_linked"),
        ("ALB", "dominating"),
        ("SILENT", "unsupported"),
        ("SOCS3", ""),
        # Kinases and carriers whose names only begin like those of the ribosome.
        ("RPS6KA1", ""),
        ("MTOR", ""),
    ],
)
def test_gene_classes(gene, reason):
    genes = ["RPL13A", "MRPS12", "MT-CO1", "XIST", "ALB", "SILENT", "SOCS3", "RPS6KA1", "MTOR", "ABSENT", "MANY"]
    linear = pd.DataFrame([[5.0] * 10 + [9000.0]] * 10, columns=genes)
    linear.loc[:1, "ALB"] = 500.0
    profiles = pd.DataFrame({"a": 0.1}, index=genes[:9])
    profiles.loc["SILENT"] = 1e-8
    found = filter_genes(linear, profiles, pd.Series({"XIST": "chrX", "SOCS3": "chr17"}))
    assert "ABSENT" not in found
    assert found[gene] == reason
