"""The parts of the bulk validation whose own mistakes would look like a good or a bad result."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from bulk import baselines, cohorts, corners, coverage, methods, natural, page, peer, planted, real, speed, truth
from bulk.rows import mean_row, reached, size_goal, with_goal
from scoring.cohorts import COLUMNS, lay_out
from stat3act.compartments.mixture import expectation_maximisation
from stat3act.profiles.calls import BOTH, CALLS, INACTIVE, INDETERMINATE, INTRINSIC, STROMA
from stat3act.tables import read_table, write_table
from stat3act.validation.mixtures import made_reference, mix, pour
from stat3act.validation.own_score import LEAST_CPM


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture(scope="module")
def reference():
    return made_reference(600, tumours=4, lineages=3)


@pytest.fixture(scope="module")
def axes(reference):
    genes = list(reference.profiles.index)
    parts = {"stat3_regulon": genes[:40], "ifn": genes[30:80]}
    return pd.concat(
        [
            pd.DataFrame({"axis": axis, "gene": part, "weight": 1.0, "compartments": "all"})
            for axis, part in parts.items()
        ]
    )


@pytest.mark.parametrize(("value", "met"), [(0.1, True), (-0.1, True), (-0.3, False), (np.nan, False)])
def test_a_leak_is_small_on_both_sides(value, met):
    assert reached(value, size_goal(0.1)) is met
    assert with_goal({"value": value}, size_goal(0.1))["met"] == ("yes" if met else "no")


def test_the_range_is_over_cohorts():
    row = mean_row(pd.Series([0.0, 1.0, np.nan, 2.0]), ">= 0.9", check="c")
    assert (row["value"], row["n"], row["met"]) == (1.0, 3, "yes")
    assert (row["low"], row["high"]) == pytest.approx((0.1, 1.9))


def test_the_own_score_is_least_squares_beside_the_rival(reference, axes, rng):
    profiles = reference.profiles.iloc[:, 0].to_numpy() * np.exp(0.4 * rng.standard_normal((12, 600)))
    profiles = pd.DataFrame(profiles, columns=reference.profiles.index)
    found = truth.own_score(profiles, axes)
    cpm = profiles.div(profiles.sum(axis=1), axis=0) * 1e6
    logged = np.log2(cpm.loc[:, cpm.mean() > LEAST_CPM] + 1)
    design = pd.DataFrame({name: logged.columns.isin(part["gene"]) for name, part in axes.groupby("axis")}, dtype=float)
    slopes = [
        sm.OLS(row, sm.add_constant(design.to_numpy())).fit().params[1 + list(design).index("stat3_regulon")]
        for row in (logged - logged.mean()).to_numpy()
    ]
    np.testing.assert_allclose(found, (slopes - np.mean(slopes)) / np.std(slopes, ddof=1), rtol=1e-8)


def test_attribution_adds_up_and_follows_the_shares(reference):
    linear = mix(reference, pd.Series(dtype=float), 5, 1, strength=0).linear
    fractions = pd.DataFrame(1 / 7, index=linear.index, columns=reference.profiles.columns)
    tumour, rest = baselines.attribution(linear, reference, fractions)
    np.testing.assert_allclose(tumour + rest, linear)
    gene = linear.columns[3]
    share = reference.profiles.loc[gene, reference.is_tumour].sum() / reference.profiles.loc[gene].sum()
    np.testing.assert_allclose(tumour[gene], share * linear[gene])


def test_the_second_fit_is_the_mixture_where_all_samples_have_the_same_tumour(reference):
    linear = mix(reference, pd.Series(dtype=float), 4, 2, strength=0, noise=0.05, factors=0, platform=0).linear
    phi = reference.profiles.to_numpy().T
    single = np.vstack([phi[:1], phi[reference.is_tumour.sum() :]])
    expected, _ = expectation_maximisation(linear.to_numpy(), single, tolerance=1e-7, max_iterations=2000)
    start = np.full((4, len(single)), 1 / len(single))
    found = baselines.refit(linear.to_numpy(), np.repeat(phi[:1], 4, axis=0), single[1:], start)
    np.testing.assert_allclose(found, expected, atol=0.01)


def test_updated_tumours_are_the_samples_own(reference):
    linear = mix(reference, pd.Series(dtype=float), 6, 3, strength=0).linear
    fractions = methods.fractions(linear, reference, set())
    tumour, rest = baselines.updated_attribution(linear, reference, fractions)
    np.testing.assert_allclose(tumour + rest, linear)
    assert (tumour.to_numpy() >= 0).all() and not tumour.equals(baselines.attribution(linear, reference, fractions)[0])


def test_purity_explains_nothing_of_the_adjusted_score(rng):
    purity = pd.Series(rng.random(40))
    adjusted = baselines.bulk_adjusted(3 * purity + pd.Series(rng.normal(size=40)), purity)
    assert abs(adjusted.corr(purity)) < 1e-9


def test_our_method_answers_for_every_sample(reference, axes):
    linear = mix(reference, pd.Series(1.0, axes["gene"].iloc[:30]), 12, 4).linear
    found = methods.activity(linear, reference, axes, 1)
    for table in (found.activity, found.ci_low, found.ci_high, found.reason):
        assert list(table) == ["tumour", "microenvironment"] and table.index.equals(linear.index)
    unknown = found.activity.isna()
    assert (unknown == (found.reason != "")).all(axis=None)
    assert found.purity.between(0, 1).all()


def test_scored_mixtures_have_a_row_per_compartment(reference, axes):
    mixtures = mix(reference, pd.Series(1.0, axes["gene"].iloc[:30]), 12, 4)
    table = cohorts.score_mixtures(mixtures, reference, axes, attribute=True).set_index(["compartment", "sample"])
    assert len(table) == 24 and {*planted.METHODS} <= set(table)
    np.testing.assert_allclose(table.loc["tumour", "planted"], mixtures.tumour)
    np.testing.assert_allclose(table.loc["tumour", "planted_other"], table.loc["microenvironment", "planted"])
    rest = truth.own_score(mixtures.microenvironment_profiles, axes)
    np.testing.assert_allclose(table.loc["microenvironment", "oracle"], rest)


def test_one_patient_per_mixture_and_decoys_in_one_place(reference):
    none = {"strength": 0.0, "noise": 0.0, "factors": 0}
    mixtures = mix(reference, pd.Series(dtype=float), 8, 5, one_patient=True, **none)
    states = reference.profiles.T.to_numpy()[reference.is_tumour]
    nearest = [np.abs(states - row).max(axis=1).min() for row in mixtures.tumour_profiles.to_numpy()]
    assert max(nearest) < 1e-12
    gene = reference.profiles.index[10]
    strengths = np.column_stack([np.zeros(8), np.full(8, 2.0)])
    moved = mix(
        reference, pd.Series(dtype=float), 8, 5, one_patient=True, others=[(pd.Series(1.0, [gene]), strengths)], **none
    )
    pd.testing.assert_frame_equal(moved.tumour_profiles, mixtures.tumour_profiles)
    ratio = moved.microenvironment_profiles[gene] / mixtures.microenvironment_profiles[gene]
    others = moved.microenvironment_profiles.drop(columns=gene) / mixtures.microenvironment_profiles.drop(columns=gene)
    np.testing.assert_allclose(ratio / others.iloc[:, 0], np.exp(2), rtol=1e-9)


def test_poured_profiles_are_mixed_by_purity(reference):
    tumour, rest = (reference.profiles.iloc[:, [place] * 3].T.set_axis(list("abc")) for place in (0, 5))
    purity = np.array([0.1, 0.5, 0.9])
    mixtures = pour(tumour, rest, purity, 1e9, 0.0, 1)
    expected = purity[:, None] * tumour.to_numpy() + (1 - purity[:, None]) * rest.to_numpy()
    np.testing.assert_allclose(mixtures.linear / 1e9, expected, atol=5e-5)


def test_loadings_are_found_cohort_by_cohort(rng):
    own, other = rng.normal(size=(2, 400))
    own, other = own / own.std(), (other - other @ own / (own @ own) * own)
    score = 0.6 * own + 0.3 * other / other.std()
    names = {"dataset": "d", "cohort": "c", "compartment": "tumour", "purity": 0.5}
    table = pd.DataFrame({"planted": own, "planted_other": other, "activity": score, "bulk": score}).assign(**names)
    table.loc[:99, "activity"] = np.nan
    all_of_them = planted.by_cohort(table, "bulk", known_only=False).iloc[0]
    assert all_of_them[planted.OWN] / all_of_them[planted.LEAK] == pytest.approx(2, rel=0.05)
    assert all_of_them[planted.OWN] ** 2 + all_of_them[planted.LEAK] ** 2 == pytest.approx(1, abs=0.02)
    ours, theirs = (planted.by_cohort(table, name, known_only=True).iloc[0] for name in ("activity", "bulk"))
    assert ours[planted.OWN] == theirs[planted.OWN] != all_of_them[planted.OWN]


def test_halves_of_patients_share_nobody():
    patients = [f"p{number}" for number in range(11)]
    out, kept = natural.half_patients(patients, 3)
    assert sorted(out + kept) == sorted(patients) and len(out) == 5
    assert natural.half_patients(patients[::-1], 3) == (out, kept)


def test_the_least_advantage_is_over_the_upper_bins_only(rng):
    middles = [(low + high) / 2 for low, high in zip(cohorts.EDGES, cohorts.EDGES[1:], strict=False)]
    purity = np.repeat(middles, 20)
    score = rng.normal(size=100)
    table = pd.DataFrame({"purity": purity, "oracle": score, "bulk": score, "bulk_purity": score, "activity": score})
    table.loc[:39, "activity"] *= -1
    rows = {row["group"]: row for row in natural.bin_rows(table, "d", "tumour") if row["check"] == natural.CHECK}
    [worst] = rows.values()
    assert worst["value"] == pytest.approx(0) and worst["met"] == "yes"
    table.loc[80:, "activity"] *= -1
    assert natural.bin_rows(table, "d", "tumour")[-1]["value"] == pytest.approx(-2)


def test_coverage_counts_known_samples():
    table = pd.DataFrame({"compartment": "tumour", "purity": 0.5, "truth": 0.0, "activity": 0.0}, index=range(50))
    table = table.assign(ci_low=-1.0, ci_high=1.0, cohort_calibrated=True)
    table.loc[:8, "truth"] = 2.0
    table.loc[40:, "activity"] = np.nan
    held, unknown = coverage.rows_of(table, "d")
    assert held["value"] == pytest.approx(31 / 40) and held["n"] == 40 and held["met"] == "no"
    assert unknown["value"] == pytest.approx(0.2) and unknown["n"] == 50


def test_opposite_calls_are_the_ones_named():
    wrong = {(call, corner) for call in CALLS for corner in corners.CORNERS if corners.opposite(call, corner)}
    decided = {
        *((call, INACTIVE) for call in (INTRINSIC, STROMA, BOTH)),
        *((INACTIVE, corner) for corner in (INTRINSIC, STROMA, BOTH)),
        (INTRINSIC, STROMA),
        (STROMA, INTRINSIC),
    }
    assert wrong == decided


def test_rates_of_calls_leave_out_the_undecided():
    expected = [INTRINSIC] * 4 + [INACTIVE] * 6
    calls = [INTRINSIC, BOTH, INACTIVE, INDETERMINATE] + [INACTIVE] * 2 + [INDETERMINATE] * 3 + [STROMA]
    rows = corners.rate(pd.DataFrame({"activity": calls, "expected": expected}), "activity", "all", "all")
    values = {row["group"]: row["value"] for row in rows}
    assert values["all: indeterminate"] == pytest.approx(0.4)
    assert values["all: right"] == pytest.approx(3 / 6) and values["all: opposite"] == pytest.approx(2 / 6)


def test_the_plan_of_the_corners_adds_up():
    plan = corners.design()
    assert len(plan) == sum(corners.SIZES.values()) + 4 * corners.DECOY_SIZE
    decoys = plan[plan["group"].str.contains(" in ")]
    assert set(decoys["expected"]) == {INACTIVE} and not decoys[["tumour", "rest"]].to_numpy().any()


def test_fewer_genes_hold_the_wanted(rng):
    large = made_reference(3000)
    wanted = set(large.profiles.index[::60]) | {"absent"}
    [small] = peer.fewer_genes([large], wanted, rng)
    assert len(small.profiles) == peer.GENES and wanted - {"absent"} <= set(small.profiles.index)
    np.testing.assert_allclose(small.profiles.sum(), 1)


@pytest.mark.filterwarnings("ignore:unique with argument:FutureWarning")
def test_the_package_agrees_with_the_fit(monkeypatch):
    pytest.importorskip(peer.NAME)
    monkeypatch.setitem(peer.CONTROL, "chain.length", 60)
    monkeypatch.setitem(peer.CONTROL, "burn.in", 30)
    found = peer.race(made_reference(300, tumours=2, lineages=2), samples=1)
    assert found.difference < 0.1 and found.correlation > 0.99 and found.ratio > 1


def test_gates_and_agreement():
    table = pd.DataFrame({"cell_type": ["T-cells", "T-cells", "CAFs"], "cell_state": ["T1", real.NK_STATE, "C1"]})
    assert real.gate_of(table).to_dict() == {"T1": "T", real.NK_STATE: "NK"}
    found = real.agreement(pd.Series([0.1, 0.3, 0.9]), pd.Series([0.2, 0.5, np.nan]))
    assert found["mean difference"] == pytest.approx(-0.15) and found["Spearman"] == pytest.approx(1)
    assert np.isnan(real.correlate(pd.Series([0.0, 0.0]), pd.Series([0.1, 0.2])))


def test_smaller_references_keep_both_compartments():
    large = made_reference(900, tumours=8, lineages=8)
    small = speed.smaller(large, 400, 6, set(large.profiles.index[:5]))
    assert small.profiles.shape == (400, 6) and 2 <= small.is_tumour.sum() <= 4
    assert set(large.profiles.index[:5]) <= set(small.profiles.index)


def test_the_page_is_written_from_the_table_alone(tmp_path, rng):
    planted_rows = [
        {
            "dataset": dataset,
            "group": f"{side}{part}: {what}",
            "method": method,
            "value": 0.5,
            "low": 0.4,
            "high": 0.6,
            "n": 24,
        }
        for dataset in ("all", "SKCM")
        for side in ("tumour", "microenvironment")
        for part in planted.PARTS
        for what in (planted.OWN, planted.LEAK)
        for method in planted.METHODS
    ]
    rows = [row | {"check": check} for check in (planted.CHECK, planted.EVERY) for row in planted_rows]
    rows += [rows[0] | {"group": "tumour: unknown"}]
    rows.append(with_goal(rows.pop(0), ">= 0.75"))
    write_table(tmp_path / "bulk.tsv", lay_out(rows)[COLUMNS])
    for _ in range(2):
        page.write_page(read_table(tmp_path / "bulk.tsv"), tmp_path, "bulk.tsv")
        text = (tmp_path / "bulk.md").read_text(), (tmp_path / "images/bulk_planted.svg").read_bytes()
    assert "0 of 1 goals are met" in text[0] and "## Planted truth" in text[0] and "## Real bulk" not in text[0]
    page.write_page(read_table(tmp_path / "bulk.tsv"), tmp_path, "bulk.tsv")
    assert (tmp_path / "images/bulk_planted.svg").read_bytes() == text[1]
