"""Split regression: its algebra against plain least squares, its answers on planted mixtures."""

import numpy as np
import pandas as pd
import pytest

from stat3act.compartments.axis import reading
from stat3act.compartments.controls import draw_controls
from stat3act.compartments.design import Prior, Response, cross_products, fit_prior, normal_equations, solve
from stat3act.compartments.mixture import fit_states
from stat3act.compartments.reconstruct import learn_response, learn_variances
from stat3act.compartments.reference import Reference
from stat3act.compartments.split import split_activity
from stat3act.validation.mixtures import loadings, made_reference, mix

SETTINGS = {
    "rivals": ["ifn"],
    "min_targets": 10,
    "min_programme_targets": 4,
    "confidence_level": 0.9,
    "min_reference_samples": 3,
}
LIMITS = (0.2, 0.95)


def small_problem(samples=6, genes=80, seed=0):
    """Random residuals with an intercept pair, an axis whose two compartments differ, and a rival."""
    rng = np.random.default_rng(seed)
    shape = samples, genes
    data = Response(rng.normal(size=shape), rng.uniform(0.1, 0.9, shape), rng.uniform(0.5, 2, shape))
    panels = np.zeros((3, 2, genes))
    panels[0] = 1
    panels[1, :, :12] = rng.choice([-1.0, 1.0], 12)
    panels[1, 1, 10:12] = 0
    panels[2, :, 8:20] = 1
    prior = Prior(rng.normal(size=4), rng.uniform(0.1, 1, 4))
    return data, panels, prior


def test_the_estimate_is_ridge_regression():
    """The oracle is least squares with the prior as extra observations."""
    data, panels, prior = small_problem()
    found = solve(normal_equations(data, panels, panels), cross_products(data, panels), prior)
    for sample, share in enumerate(data.share):
        columns = [side * panel[number] for panel in panels for number, side in enumerate((share, 1 - share))]
        root = np.sqrt(data.precision[sample])
        design = np.vstack([np.array(columns).T * root[:, None], np.eye(6)[2:] / np.sqrt(prior.variance)[:, None]])
        target = np.concatenate([data.y[sample] * root, prior.mean / np.sqrt(prior.variance)])
        np.testing.assert_allclose(found.mean[sample], np.linalg.lstsq(design, target, rcond=None)[0], atol=1e-5)


def test_the_prior_is_learned_from_the_samples():
    rng = np.random.default_rng(1)
    data, panels, _ = small_problem(samples=400, genes=300)
    truth = rng.normal([0.5, -0.3], [0.8, 0.4], (400, 2))
    signal = panels[1][0] * data.share * truth[:, :1] + panels[1][1] * (1 - data.share) * truth[:, 1:]
    data = Response(signal + rng.normal(size=data.y.shape) / np.sqrt(data.precision), data.share, data.precision)
    equations = normal_equations(data, panels, panels), cross_products(data, panels)
    prior, _ = fit_prior(*equations, 0.01, iterations=300)
    np.testing.assert_allclose(prior.mean[:2], [0.5, -0.3], atol=0.15)
    np.testing.assert_allclose(np.sqrt(prior.variance[:2]), [0.8, 0.4], atol=0.2)


def test_silent_targets_are_learned():
    """Half of the targets of each compartment do nothing; what responds is found, its mean stays that of the panel."""
    rng = np.random.default_rng(2)
    samples, genes = 200, 40
    share = rng.uniform(0.1, 0.9, (samples, genes))
    panels = np.ones((2, 2, genes))
    truth = rng.normal(size=(samples, 2))
    strength = np.stack([np.tile([2.0, 0.0], 20), np.tile([2.0, 2.0, 0.0, 0.0], 10)])
    y = share * truth[:, :1] * strength[0] + (1 - share) * truth[:, 1:] * strength[1]
    data = Response(y + 0.1 * rng.normal(size=share.shape), share, np.full(share.shape, 100.0))
    coefficients = np.column_stack([np.zeros((samples, 2)), truth])
    learned = learn_response(data, coefficients, panels, panels[1], np.arange(genes))
    np.testing.assert_allclose(learned, strength, atol=0.1)


def test_variances_are_told_apart():
    rng = np.random.default_rng(3)
    share = rng.uniform(0, 1, (60, 2000))
    spread = share**2 * 0.6 + (1 - share) ** 2 * 0.2 + 0.05
    np.testing.assert_allclose(
        learn_variances(rng.normal(size=share.shape) * np.sqrt(spread), share), [0.6, 0.2, 0.05], atol=0.05
    )


def test_a_reading_is_the_coefficient_of_least_squares():
    rng = np.random.default_rng(4)
    panel, rivals = rng.choice([-1.0, 0.0, 1.0], 50), rng.normal(size=(2, 50))
    expressed = rng.random(50) < 0.8
    profile = rng.normal(size=50)
    design = np.column_stack([np.ones(50), panel, *rivals])[expressed]
    expected = np.linalg.lstsq(design, profile[expressed], rcond=None)[0][1]
    assert reading(panel, rivals, expressed) @ profile == pytest.approx(expected)


def test_control_genes_are_matched_and_never_twice_in_a_panel():
    rng = np.random.default_rng(2)
    features = rng.normal(size=(2000, 3))
    targets, candidates = np.arange(30), np.arange(100, 2000)
    drawn = draw_controls(features, targets, candidates, panels=50, seed=1)
    assert all(len(set(panel)) == 30 for panel in drawn)
    assert drawn.min() >= 100
    distance = np.abs(features[drawn] - features[targets]).mean()
    anything = np.abs(features[rng.choice(candidates, drawn.shape)] - features[targets]).mean()
    assert distance < 0.5 * anything
    np.testing.assert_array_equal(drawn, draw_controls(features, targets, candidates, panels=50, seed=1))


def planted_axes(reference, targets=40, rivals=40, seed=0):
    genes = np.random.default_rng(seed).permutation(reference.profiles.index)
    panel = pd.Series(1.0, genes[:targets])
    panel.iloc[::5] = -1
    rival = pd.Series(1.0, genes[targets : targets + rivals])
    axes = pd.concat(
        pd.DataFrame({"axis": name, "gene": part.index, "weight": part.to_numpy(), "compartments": "all"})
        for name, part in (("stat3_core", panel), ("ifn", rival))
    )
    return panel, rival, axes.reset_index(drop=True)


def split(mixtures, reference, axes, limits=LIMITS, **changes):
    fit = fit_states(mixtures.linear, reference, set(axes["gene"]))
    return split_activity(mixtures.linear, reference, fit.fractions, axes, {**SETTINGS, **changes}, limits, seed=1)


def activity(table, compartment, column="activity", axis="stat3_core"):
    rows = table[(table["axis"] == axis) & (table["compartment"] == compartment)]
    return rows.set_index("sample")[column].dropna()


CALM = {"noise": 0.2, "factors": 0, "platform": 0.2, "silent": 0.0, "redrawn": 0.0, "depth": 2e6}


@pytest.fixture(scope="module")
def four_corners():
    reference = made_reference(seed=1)
    panel, rival, axes = planted_axes(reference)
    on = (np.arange(60) % 2).astype(float), (np.arange(60) // 2 % 2).astype(float)
    mixtures = mix(reference, panel, 60, 3, on=on, rival=rival, purity=(0.3, 0.8), **CALM)
    return reference, axes, mixtures, split(mixtures, reference, axes)


def test_each_compartment_follows_its_own_truth(four_corners):
    _, _, mixtures, table = four_corners
    own, leak = loadings(activity(table, "tumour"), mixtures.tumour, mixtures.microenvironment)
    assert own > 0.8 and abs(leak) < 0.2
    own, leak = loadings(activity(table, "microenvironment"), mixtures.microenvironment, mixtures.tumour)
    assert own > 0.8 and abs(leak) < 0.2


def test_the_unsplit_score_mixes_both(four_corners):
    """The bulk itself cannot pass the test above."""
    _, axes, mixtures, _ = four_corners
    log_cpm = np.log2(mixtures.linear.div(mixtures.linear.sum(axis=1), axis=0) * 1e6 + 1)
    panel = axes[axes["axis"] == "stat3_core"].set_index("gene")["weight"]
    bulk = (log_cpm - log_cpm.mean())[panel.index] @ panel
    _, leak = loadings(bulk, mixtures.tumour, mixtures.microenvironment)
    assert leak > 0.3


def test_swapped_labels_swap_the_compartments(four_corners):
    reference, axes, mixtures, table = four_corners
    other = {"tumour": "microenvironment", "microenvironment": "tumour"}
    swapped = Reference(reference.profiles, reference.states.assign(compartment=lambda d: d["compartment"].map(other)))
    turned = split(mixtures, swapped, axes, limits=(0.0, 1.0))
    for compartment in other:
        one, two = activity(table, compartment), activity(turned, other[compartment])
        assert np.corrcoef(one, two[one.index])[0, 1] > 0.9


def test_turned_signs_turn_the_activity(four_corners):
    reference, axes, mixtures, table = four_corners
    turned = split(mixtures, reference, axes.assign(weight=-axes["weight"]))
    for compartment in ("tumour", "microenvironment"):
        np.testing.assert_allclose(activity(turned, compartment), -activity(table, compartment), atol=1e-6)


def test_the_order_of_samples_does_not_matter(four_corners):
    reference, axes, mixtures, table = four_corners
    turned = split(mixtures.with_linear(mixtures.linear[::-1]), reference, axes)
    for compartment in ("tumour", "microenvironment"):
        one = activity(table, compartment)
        np.testing.assert_allclose(activity(turned, compartment)[one.index], one, atol=0.01)


def test_the_rival_is_not_taken_for_the_axis():
    reference = made_reference(seed=1)
    panel, rival, axes = planted_axes(reference, targets=40, rivals=40)
    # The rival drives half of the axis' genes too: without it in the model they speak for the axis.
    shared = panel.index[panel > 0][:16]
    driven = pd.concat([rival, pd.Series(1.0, shared)])
    extra = pd.DataFrame({"axis": "ifn", "gene": shared, "weight": 1.0, "compartments": "all"})
    axes = pd.concat([axes, extra], ignore_index=True)
    mixtures = mix(reference, panel, 60, 3, strength=0.0, rival=driven, purity=(0.3, 0.8), **CALM)
    table = split(mixtures, reference, axes)
    assert activity(table, "tumour").std() < 0.6 * activity(table, "tumour", "score").std()


def test_null_samples_are_calibrated():
    """Without any activity, 5 % of p values are below 0.05: mixtures with noise, platform and natural tumours."""
    reference = made_reference(n_genes=3000, tumours=10, seed=2)
    p = {"tumour": [], "microenvironment": []}
    for seed in range(8):
        panel, _, axes = planted_axes(reference, seed=seed)
        mixtures = mix(reference, panel, 40, seed, strength=0.0, factors=0, purity=(0.25, 0.9))
        table = split(mixtures, reference, axes)
        for compartment, values in p.items():
            values.append(activity(table, compartment, "p_value").to_numpy())
    for values in p.values():
        values = np.concatenate(values)
        assert 0.02 < (values < 0.05).mean() < 0.09
        assert 0.40 < values.mean() < 0.60


def test_what_cannot_be_known_is_said(four_corners):
    reference, axes, _, _ = four_corners
    panel = axes[axes["axis"] == "stat3_core"].set_index("gene")["weight"]
    mixtures = mix(reference, panel, 30, 5, purity=(0.0, 1.0), **CALM)
    few = pd.DataFrame({"axis": "few", "gene": panel.index[:3], "weight": 1.0, "compartments": "all"})
    stroma = pd.DataFrame({"axis": "stroma", "gene": panel.index, "weight": 1.0, "compartments": "microenvironment"})
    table = split(mixtures, reference, pd.concat([axes, few, stroma], ignore_index=True))
    assert len(table) == 30 * 2 * 4
    assert set(table.loc[table["axis"] == "few", "reason"]) == {"LOW_COVERAGE"}
    of_stroma = table[(table["axis"] == "stroma") & (table["compartment"] == "tumour")]
    assert set(of_stroma["reason"]) == {"NOT_MEANINGFUL"}
    core = table[table["axis"] == "stat3_core"].set_index(["compartment", "sample"])
    low = core.loc["tumour"]["fraction"] < 0.2
    assert low.any() and (core.loc["tumour"]["reason"][low] == "LOW_PURITY").all()
    high = core.loc["microenvironment"]["fraction"] < 0.05
    assert high.any() and (core.loc["microenvironment"]["reason"][high] == "HIGH_PURITY").all()
    known = table["reason"] == ""
    assert table.loc[known, ["activity", "ci_low", "ci_high", "p_value"]].notna().all(axis=None)
    assert table.loc[~known, ["activity", "score", "p_value"]].isna().all(axis=None)


def test_too_few_samples_have_no_reference(four_corners):
    reference, axes, mixtures, _ = four_corners
    table = split(mixtures.with_linear(mixtures.linear[:2]), reference, axes)
    assert set(table["reason"]) == {"NO_REFERENCE"}


def test_numbers_of_a_row_fit_together(four_corners):
    _, _, _, table = four_corners
    rows = table[(table["axis"] == "stat3_core") & (table["reason"] == "")]
    assert ((rows["ci_low"] < rows["activity"]) & (rows["activity"] < rows["ci_high"])).all()
    assert (rows["activity_without_top_gene"] < rows["activity"] + 0.5).all()
    assert rows["reliability"].between(0, 1).all()
    assert (rows["error_correlation"] < 0).mean() > 0.9
    strongest = rows.nlargest(5, "activity")["leading_genes"].str.split(";")
    assert strongest.map(len).eq(5).all()


def test_a_driven_patient_of_the_reference_is_seen():
    """A sample that looks like a reference patient whose STAT3 is on counts as on: its own mixture is no baseline."""
    reference = made_reference(tumours=8, seed=3)
    panel, _, axes = planted_axes(reference)
    profiles = reference.profiles.copy()
    profiles.loc[panel.index, "T0"] *= np.exp(panel)
    driven = Reference(profiles / profiles.sum(), reference.states)
    mixtures = mix(driven, panel, 48, 2, **{**CALM, "strength": 0.0}, purity=(0.4, 0.8), one_patient=True)
    driven_profile = driven.profiles["T0"]
    closeness = mixtures.tumour_profiles.apply(
        lambda row: np.corrcoef(np.log(row), np.log(driven_profile))[0, 1], axis=1
    )
    of_driven = closeness.rank(ascending=False) <= 6
    found = activity(split(mixtures, driven, axes), "tumour")
    assert found[of_driven].min() > found[~of_driven].median() + 1
