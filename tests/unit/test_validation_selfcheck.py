"""The self-check leaves the right tumours out, mixes on the grid it says, and measures what a known splitter does."""

import numpy as np
import pandas as pd
import pytest

from stat3act.compartments.mixture import fit_states
from stat3act.validation import left_out, selfcheck
from stat3act.validation.calibration import CALIBRATION_COLUMNS
from stat3act.validation.left_out import CohortFacts, cohort_facts, fold_mixtures, folds, grid
from stat3act.validation.mixtures import made_reference, mix
from stat3act.validation.selfcheck import check_reference

SETTINGS = {
    "rivals": ["nfkb"],
    "min_targets": 10,
    "min_programme_targets": 4,
    "confidence_level": 0.9,
    "min_reference_samples": 3,
}
LIMITS = (0.2, 0.95)
FACTS = CohortFacts(2e6, (0.1, 0.9), 0.3)


def axes_of(reference):
    genes = np.random.default_rng(0).permutation(reference.profiles.index)
    parts = {"stat3_core": genes[:40], "nfkb": genes[40:80], "programme:small": genes[80:86]}
    return pd.concat(
        pd.DataFrame({"axis": axis, "gene": part, "weight": 1.0, "compartments": "all", "panel": axis})
        for axis, part in parts.items()
    )


@pytest.mark.parametrize(("tumours", "expected"), [(2, 2), (6, 6), (7, 4), (12, 4)])
def test_every_patient_is_left_out_once_and_never_known(tumours, expected):
    reference = made_reference(50, tumours=tumours, lineages=3)
    parts = folds(reference, seed=1)
    assert len(parts) == expected
    left = [name for source, _ in parts for name in source.states.index[source.is_tumour]]
    assert sorted(left) == sorted(reference.states.index[reference.is_tumour])
    for source, known in parts:
        assert not set(source.states.index[source.is_tumour]) & set(known.states.index[known.is_tumour])
        assert (~source.is_tumour).sum() == (~known.is_tumour).sum() == 3


def test_states_of_one_patient_go_together():
    reference = made_reference(50, tumours=4)
    reference.states["lineage"] = reference.states["lineage"].replace({"T1": "T0", "T3": "T2"})
    found = [sorted(source.states.index[source.is_tumour]) for source, _ in folds(reference, seed=1)]
    assert sorted(found) == [["T0", "T1"], ["T2", "T3"]]


def test_one_patient_cannot_be_left_out():
    reference = made_reference(50, tumours=2)
    reference.states["lineage"] = reference.states["lineage"].replace({"T1": "T0"})
    assert folds(reference, seed=1) == []
    found = check_reference(reference, FACTS, axes_of(made_reference(200)), SETTINGS, LIMITS, 1)
    assert list(found.selfcheck) == selfcheck.SELFCHECK_COLUMNS and found.selfcheck.empty
    for table in (found.calibration, found.purity):
        assert list(table) == CALIBRATION_COLUMNS and table.empty


def test_the_grid_crosses_everything_and_stays_near_the_cohort():
    low, high, a, b = grid((0.05, 0.95))
    assert len(a) == 90
    cells = pd.Series(list(zip(low, high, a, b, strict=True))).value_counts()
    assert len(cells) == 5 * 3 * 3 and (cells == 2).all()
    low, high, a, b = grid((0.45, 0.55))
    assert set(zip(low, high, strict=True)) == {(0.2, 0.4), (0.4, 0.6), (0.6, 0.8)}
    assert 80 <= len(a) <= 100
    assert 80 <= len(grid((0.99, 1.0))[0]) <= 100


def test_mixtures_are_in_their_bins_and_carry_what_was_planted():
    reference = made_reference(600, tumours=6)
    source, _ = folds(reference, seed=1)[0]
    axes = axes_of(reference)
    planted = fold_mixtures(source, axes, ["nfkb"], left_out.PLANTED, FACTS, seed=3)
    low, high, a, b = grid(FACTS.purity)
    assert ((planted.purity >= low) & (planted.purity <= high)).all()
    profile = np.log(planted.tumour_profiles / planted.tumour_profiles.mean())
    on_targets = profile[axes.loc[axes["axis"] == "stat3_core", "gene"]].mean(axis=1)
    assert np.corrcoef(on_targets, a)[0, 1] > 0.9 and abs(np.corrcoef(on_targets, b)[0, 1]) < 0.3
    natural = fold_mixtures(source, axes, ["nfkb"], left_out.NATURAL, FACTS, seed=3)
    profile = np.log(natural.tumour_profiles / natural.tumour_profiles.mean())
    on_targets = profile[axes.loc[axes["axis"] == "stat3_core", "gene"]].mean(axis=1)
    assert abs(np.corrcoef(on_targets, a)[0, 1]) < 0.3


def test_depth_purity_and_platform_shift_are_those_of_the_cohort():
    reference = made_reference(1500, tumours=6)
    genes = set(axes_of(reference)["gene"])
    found = {}
    for platform in (0.0, 0.6):
        panel = pd.Series(dtype=float)
        mixtures = mix(reference, panel, 30, 5, strength=0, depth=3e6, purity=(0.3, 0.8), platform=platform)
        fractions = fit_states(mixtures.linear, reference, genes).fractions
        found[platform] = cohort_facts(mixtures.linear, reference, fractions, genes)
        assert found[platform].depth == pytest.approx(3e6, rel=0.01)
        assert 0.1 < found[platform].purity[0] < 0.5 and 0.6 < found[platform].purity[1] < 0.95
    assert found[0.0].platform < 0.3 and found[0.6].platform == pytest.approx(0.6, abs=0.12)
    few = cohort_facts(mixtures.linear[:3], reference, fractions, genes)
    assert few.platform == left_out.PLATFORM


@pytest.fixture
def known_splitter(monkeypatch):
    """A splitter that knows the own score but for an error of known size; the tumour is unknown below 0.4."""

    rng = np.random.default_rng(11)

    def split(linear, reference, fractions, axes, settings, limits, seed, chromosomes=None):
        rows = []
        purity = fractions.loc[:, reference.is_tumour].sum(axis=1)
        for (compartment, axis), own in split.truths.pop(0).items():
            error = rng.normal(0, 0.1 if compartment == "tumour" else 0.3, len(own))
            unknown = (purity < 0.4) & (compartment == "tumour")
            part = pd.DataFrame({"sample": linear.index, "compartment": compartment, "axis": axis})
            rows.append(
                part.assign(estimate=(own + error).to_numpy(), scale=1.0, reason=np.where(unknown, "LOW_PURITY", ""))
            )
        return pd.concat(rows)

    real = selfcheck.fold_mixtures
    split.truths = []

    def remember(source, axes, rivals, *rest):
        mixtures = real(source, axes, rivals, *rest)
        truth = {}
        for compartment, profiles in zip(
            ("tumour", "microenvironment"), (mixtures.tumour_profiles, mixtures.microenvironment_profiles), strict=True
        ):
            models = {"stat3_core": ["nfkb"], "nfkb": ["stat3_core"], "programme:small": ["nfkb"]}
            own = selfcheck.own_scores(profiles, axes, models, compartment)
            truth |= {(compartment, axis): own[axis] for axis in own}
        split.truths.append(truth)
        return mixtures

    monkeypatch.setattr(selfcheck, "fold_mixtures", remember)
    monkeypatch.setattr(selfcheck, "split_activity", split)


def test_a_splitter_of_known_error_is_measured_as_it_is(known_splitter):
    reference = made_reference(600, tumours=12)
    args = reference, FACTS, axes_of(reference), SETTINGS, LIMITS, 1
    result = check_reference(*args, name="mine")
    found, calibration = result.selfcheck, result.calibration
    assert list(found) == selfcheck.SELFCHECK_COLUMNS and list(calibration) == CALIBRATION_COLUMNS
    assert set(found["reference"]) == {"mine"} and set(found["kind"]) == {"planted", "natural"}
    core = found[found["axis"] == "stat3_core"]
    # 90 mixtures in four folds of each kind, whatever the bins.
    assert (core.groupby(["kind", "compartment"])["n"].sum() == 360).all()
    tumour = core[core["compartment"] == "tumour"]
    assert (tumour.loc[tumour["purity_high"] <= 0.4, "share_unknown"] == 1).all()
    assert (tumour.loc[tumour["purity_low"] >= 0.4, "share_unknown"] == 0).all()
    known = core[core["share_unknown"] == 0]
    assert ((known["coverage"] - 0.9).abs() < 0.12).all() and known["coverage"].mean() == pytest.approx(0.9, abs=0.03)
    planted = known[known["kind"] == "planted"]
    assert (
        (planted["spearman"] > 0.75).all()
        and (planted["loading"] > 0.75).all()
        and (planted["leak"].abs() < 0.15).all()
    )
    assert known.loc[known["kind"] == "natural", ["loading", "leak"]].isna().all(axis=None)
    assert (core["purity_error"] < 0.1).all()
    # A mixture counts once, whatever it is scored on: 360 of each kind.
    assert result.purity["n"].sum() == 720
    whole = core[core["compartment"] == "tumour"]
    assert np.average(whole["purity_coverage"], weights=whole["n"]) == pytest.approx(0.9, abs=0.05)
    half = calibration[calibration["axis"] == "stat3_core"].set_index("compartment")["half_width"]
    # The 0.9 quantile of the size of a normal error is 1.645 of its standard deviations.
    np.testing.assert_allclose(half["tumour"], 0.1645, atol=0.04)
    np.testing.assert_allclose(half["microenvironment"], 0.4935, atol=0.1)


def test_the_real_split_is_checked_from_end_to_end_and_the_same_each_time(monkeypatch):
    monkeypatch.setattr(left_out, "MIXTURES", 45)
    reference = made_reference(800, tumours=3, lineages=3)
    args = reference, FACTS, axes_of(reference), SETTINGS, LIMITS, 1
    first, second = check_reference(*args), check_reference(*args)
    for name in ("selfcheck", "calibration", "purity"):
        pd.testing.assert_frame_equal(getattr(first, name), getattr(second, name))
    core = first.selfcheck.query(
        "axis == 'stat3_core' and kind == 'planted' and purity_low >= 0.4 and purity_high <= 0.8"
    )
    assert (core["spearman"] > 0.3).all()
    assert (first.calibration.query("axis == 'stat3_core'")["half_width"] > 0).all()
