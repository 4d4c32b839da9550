"""A reference that fits, one of another tissue, one of a single patient; several pooled."""

import numpy as np
import pandas as pd
import pytest

from stat3act.compartments.mixture import fit_states
from stat3act.compartments.purity import combine_purity
from stat3act.compartments.reference import Reference, read_reference
from stat3act.compartments.reference_check import (
    CHECK_COLUMNS,
    FEW_CELLS,
    MISFIT,
    ONE_PATIENT,
    ReferenceCheck,
    check_reference,
    check_table,
    fit_correlation,
    flags_by_compartment,
    left_out_correlations,
)
from stat3act.compartments.reference_pool import names_of, pool, read_references
from stat3act.problems import InputProblems
from stat3act.tables import write_table
from stat3act.validation.mixtures import hold_out, made_reference, mix


def cohort(reference, seed=0, platform=0.5):
    return mix(reference, pd.Series(dtype=float), 12, seed, strength=0.0, factors=0, platform=platform).linear


def checked(linear, reference):
    return check_reference(linear, reference, fit_states(linear, reference, set()), "counts", seed=1)


def test_correlation_by_hand():
    counts = np.array([[10.0, 20, 70], [70.0, 20, 10]])
    found = fit_correlation(counts, np.eye(2), np.array([[0.1, 0.2, 0.7], [0.1, 0.2, 0.7]]))
    own, other = np.log2(counts / 100 * 1e6 + 1)
    np.testing.assert_allclose(found, [1, np.corrcoef(own, other)[0, 1]])


def test_held_out_tumours_are_not_flagged_and_another_tissue_is():
    reference = made_reference(tumours=10, seed=1)
    source, known = hold_out(reference, seed=3)
    own = checked(cohort(source), known)
    assert not own.flags.any()
    foreign = checked(cohort(made_reference(tumours=10, seed=8)), known)
    assert (foreign.flags == MISFIT).all()
    assert foreign.correlation.max() < own.correlation.min()


def test_a_tumour_is_left_out_of_its_own_mixtures():
    """With a reference whose tumours share nothing but the lineages, left-out ones are explained worse."""
    near, far = made_reference(tumours=5, seed=1), made_reference(tumours=5, seed=1)
    rng = np.random.default_rng(0)
    noisy = far.profiles.to_numpy() * np.exp(rng.normal(0, 1.5, far.profiles.shape) * far.is_tumour)
    far = Reference(pd.DataFrame(noisy / noisy.sum(axis=0), far.profiles.index, far.profiles.columns), far.states)
    genes = list(near.profiles.index)
    found = [left_out_correlations(reference, genes, 1e6, 0) for reference in (near, far)]
    assert len(found[0]) == 5 * 4
    assert found[1].min() < found[0].min()


@pytest.mark.parametrize(("low", "flagged"), [(1, 1), (6, 6), (7, 12)])
def test_most_of_a_cohort_speaks_for_all_of_it(low, flagged):
    correlation = pd.Series([0.7] * low + [0.9] * (12 - low))
    assert ReferenceCheck(correlation, 0.8, pd.Series(dtype=object)).misfit.sum() == flagged
    assert not ReferenceCheck(correlation, np.nan, pd.Series(dtype=object)).misfit.any()


def test_one_patient_is_a_flag_and_not_a_misfit():
    reference = made_reference(tumours=1, seed=1)
    found = checked(cohort(made_reference(tumours=1, seed=1)), reference)
    assert (found.flags == ONE_PATIENT).all() and np.isnan(found.limit)


@pytest.mark.parametrize(("cells", "flagged"), [(0, False), (9, True), (100, False)])
def test_few_cells_where_their_number_is_known(cells, flagged):
    reference = made_reference(tumours=4, seed=1)
    states = reference.states.assign(n_cells=np.where(reference.is_tumour, cells, 5000))
    found = checked(cohort(reference), Reference(reference.profiles, states))
    assert found.flags.str.contains(FEW_CELLS).all() == flagged


def test_table_and_what_the_calls_read_of_it():
    reference = made_reference(tumours=1, seed=1)
    linear = cohort(reference)
    fit = fit_states(linear, reference, set())
    purity = combine_purity(fit.purity(reference.is_tumour), pd.Series({linear.index[0]: 0.5}), 0.1)
    table = check_table(check_reference(linear, reference, fit, "tpm", 1), purity, fit.shift_sd)
    assert list(table.columns) == list(CHECK_COLUMNS) and table["sample"].tolist() == list(linear.index)
    assert table["purity_given"].notna().sum() == 1
    flags = flags_by_compartment(table.assign(flags=[ONE_PATIENT, "", *[np.nan] * 10]))
    assert flags == {linear.index[0]: {"tumour": (ONE_PATIENT,), "microenvironment": (ONE_PATIENT,)}}


def test_pool_keeps_every_state_over_the_shared_genes():
    first, second = made_reference(seed=1), made_reference(n_genes=1400, tumours=2, seed=2)
    both = pool({"a": first, "b": second})
    assert both.profiles.shape == (1400, 10 + 6)
    np.testing.assert_allclose(both.profiles.sum(), 1)
    part = first.profiles.loc[both.profiles.index, "M0"]
    np.testing.assert_allclose(both.profiles["a:M0"], part / part.sum())
    assert both.is_tumour.sum() == 8
    # Patients of two references are two patients; lineages are the same lineage.
    assert set(both.states.loc[both.is_tumour, "lineage"]) == {*(f"a:T{n}" for n in range(6)), "b:T0", "b:T1"}
    assert (both.states["lineage"] == "myeloid").sum() == 2
    assert pool({"a": first}) is first


def test_mixtures_of_two_references_are_split_by_both():
    first, second = made_reference(seed=1), made_reference(seed=2)
    both = pool({"a": first, "b": second})
    for reference, name in ((first, "a:"), (second, "b:")):
        fit = fit_states(cohort(reference, platform=0.0), both, set())
        assert fit.fractions.filter(like=name).sum(axis=1).min() > 0.8


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["x/refPhi_SKCM_profiles.parquet", "x/refPhi_BRCA_profiles.parquet"], ["refPhi_SKCM", "refPhi_BRCA"]),
        (
            ["results/a/compartments/reference.tsv", "results/b/compartments/reference.tsv"],
            ["a/compartments/reference", "b/compartments/reference"],
        ),
        (["reference.tsv"], ["reference"]),
    ],
)
def test_names_of_references(paths, names):
    assert names_of(paths) == names


def written(path, columns=("tumour|p1|50|1", "microenvironment|myeloid|50|1"), genes=600, prefix="G", logged=False):
    rng = np.random.default_rng(len(str(path)))
    values = rng.lognormal(0, 2, (genes, len(columns))) * np.arange(1, len(columns) + 1)
    values = np.log2(values + 1) if logged else values
    table = pd.DataFrame(values, columns=list(columns))
    table.insert(0, "gene", [f"{prefix}{number:04d}" for number in range(genes)])
    write_table(path, table)
    return path


BULK_GENES = pd.Index([f"G{number:04d}" for number in range(600)])


def test_everything_wrong_with_several_references_is_one_list(tmp_path):
    paths = [
        written(tmp_path / "mouse.tsv", prefix="Gene"),
        written(tmp_path / "no_tumour.tsv", columns=["microenvironment|myeloid|50|1", "microenvironment|other|50|1"]),
        written(tmp_path / "logged.tsv", logged=True),
    ]
    with pytest.raises(InputProblems) as caught:
        read_references(paths, BULK_GENES)
    text = str(caught.value)
    assert text.startswith("3 problems")
    for words in ("0 genes shared", "none of the tumour", "spread like logarithms"):
        assert words in text


def test_references_that_share_no_genes_with_each_other(tmp_path):
    genes = BULK_GENES.append(pd.Index([f"X{number:04d}" for number in range(600)]))
    paths = [written(tmp_path / "one.tsv"), written(tmp_path / "two.tsv", prefix="X")]
    with pytest.raises(InputProblems, match="0 genes in all of them"):
        read_references(paths, genes)


def test_linear_profiles_do_not_look_logged(tmp_path):
    """Mean counts of cells are small numbers too."""
    rng = np.random.default_rng(0)
    counts = pd.DataFrame(rng.lognormal(-3, 2.2, (2000, 2)) * [1, 3])
    counts.columns = ["tumour|p1|50|1", "microenvironment|myeloid|50|1"]
    counts.insert(0, "gene", [f"G{number:04d}" for number in range(2000)])
    write_table(tmp_path / "mean_counts.tsv", counts)
    assert read_reference(tmp_path / "mean_counts.tsv").is_tumour.tolist() == [True, False]
