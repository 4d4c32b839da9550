"""Ambient RNA: planted shares are found in simulated cells, own expression is not taken for them, sums lose only it."""

import numpy as np
import pandas as pd
import pytest

from stat3act.compartments.ambient import (
    NO_AMBIENT_MARKERS,
    NOT_COUNTS,
    compartment_contamination,
    contamination_table,
    estimate_contamination,
    foreign_genes,
    remove_ambient,
    soup_profile,
)

LINEAGES = ("epithelial", "lymphoid", "myeloid")
PER_LINEAGE = 20
OTHERS = [f"h{i:03d}" for i in range(400)]
MARKERS = pd.DataFrame(
    [(lineage, lineage, f"{lineage[:3]}{i:02d}", 1, "invented") for lineage in LINEAGES for i in range(PER_LINEAGE)],
    columns=["lineage", "state", "gene", "sign", "source"],
)
GENES = [*MARKERS["gene"], *OTHERS]
UNITS = {"tumour|epithelial": 3e6, "microenvironment|lymphoid": 5e5, "microenvironment|myeloid": 1e6}


def own_profiles(rng) -> pd.DataFrame:
    """Return what each lineage makes: its own markers and the common genes, genes x lineages."""
    common = rng.lognormal(0, 1, len(OTHERS))
    profiles = pd.DataFrame(0.0, index=GENES, columns=LINEAGES)
    for lineage in LINEAGES:
        profiles.loc[MARKERS.loc[MARKERS["lineage"] == lineage, "gene"], lineage] = rng.lognormal(-1, 1, PER_LINEAGE)
        profiles.loc[OTHERS, lineage] = common * rng.lognormal(0, 0.3, len(OTHERS))
    return profiles / profiles.sum()


def sample(rho: float, seed: int, aberrant: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw the sums of a sample with this ambient share; the tumour makes so many markers of lymphocytes itself."""
    rng = np.random.default_rng(seed)
    profiles = own_profiles(rng)
    sizes = pd.Series({unit.split("|")[1]: size for unit, size in UNITS.items()})
    if aberrant:
        stolen = [f"lym{i:02d}" for i in range(aberrant)]
        profiles.loc[stolen, "epithelial"] = profiles.loc[stolen, "lymphoid"] * rng.uniform(0.1, 1.0, aberrant)
        profiles /= profiles.sum()
    soup = (profiles * sizes).sum(axis=1) / sizes.sum()
    matrix = pd.DataFrame(
        {
            unit: rng.poisson(size * ((1 - rho) * profiles[unit.split("|")[1]] + rho * soup)).astype(float)
            for unit, size in UNITS.items()
        },
        index=GENES,
    )
    return matrix, table_of(matrix)


def table_of(matrix: pd.DataFrame) -> pd.DataFrame:
    units = pd.DataFrame([name.split("|") for name in matrix], columns=["compartment", "lineage"])
    return units.assign(sample="s", n_cells=100, total=matrix.sum().to_numpy())


def spike(matrix: pd.DataFrame, share: float) -> pd.DataFrame:
    """Replace this share of every unit by the sample's own mean profile."""
    return (1 - share) * matrix + share * np.outer(soup_profile(matrix), matrix.sum())


def measure(matrix, units, scale="counts"):
    return contamination_table(matrix, units, MARKERS, ("epithelial",), scale)


def tumour(matrix: pd.DataFrame, foreign=None):
    foreign = foreign or foreign_genes(MARKERS, "tumour", "epithelial", ("epithelial",))
    return estimate_contamination(matrix["tumour|epithelial"], soup_profile(matrix), foreign)


def test_clean_cells_have_no_contamination():
    for seed in range(5):
        assert (measure(*sample(0.0, seed))["contamination"] < 0.002).all()


@pytest.mark.parametrize("rho, aberrant", [(0.02, 0), (0.1, 0), (0.4, 0), (0.02, 10), (0.1, 10), (0.2, 10)])
def test_a_planted_share_lies_in_its_interval(rho, aberrant):
    found = [tumour(sample(rho, seed, aberrant)[0]) for seed in range(12)]
    covered = [row.low <= rho <= row.high for row in found]
    assert np.mean(covered) >= 0.75
    assert np.mean([row.share for row in found]) == pytest.approx(rho, rel=0.15)


def test_genes_that_the_tumour_makes_itself_hardly_raise_the_share():
    clean, own = tumour(sample(0.05, 3)[0]), tumour(sample(0.05, 3, aberrant=15)[0])
    assert own.share == pytest.approx(clean.share, rel=0.2)
    genes = [f"lym{i:02d}" for i in range(15)]
    matrix = sample(0.05, 3, aberrant=15)[0]
    pooled = matrix.loc[genes, "tumour|epithelial"].sum() / (
        soup_profile(matrix)[genes].sum() * matrix["tumour|epithelial"].sum()
    )
    assert pooled > 4 * own.share


@pytest.mark.parametrize("rho", [0.0, 0.03, 0.1])
def test_a_tenth_of_the_mean_profile_raises_the_share_by_a_tenth_of_the_rest(rho):
    for seed in range(3):
        matrix, units = sample(rho, seed)
        before, after = measure(matrix, units), measure(spike(matrix, 0.1), units)
        expected = before["contamination"] + 0.1 * (1 - before["contamination"])
        np.testing.assert_allclose(after["contamination"], expected, atol=0.02)


def test_depth_changes_the_width_and_not_the_share():
    matrix, _ = sample(0.08, 1)
    low, high = tumour(matrix / 20), tumour(matrix)
    assert low.low <= high.share <= low.high
    assert high.high - high.low < low.high - low.low
    # The depth of the other units only counts through the profile they share.
    foreign = foreign_genes(MARKERS, "tumour", "epithelial", ("epithelial",))
    soup = soup_profile(matrix)
    assert soup_profile(matrix * 7).to_numpy() == pytest.approx(soup.to_numpy())
    assert estimate_contamination(matrix["tumour|epithelial"], soup_profile(matrix * 7), foreign) == high


def test_order_of_genes_and_units_does_not_matter():
    matrix, units = sample(0.07, 5)
    order = np.random.default_rng(0).permutation(len(matrix))
    shuffled = matrix.iloc[order, ::-1]
    first, second = measure(matrix, units), measure(shuffled, units.iloc[::-1])
    pd.testing.assert_frame_equal(first, second.iloc[::-1].reset_index(drop=True))
    cleaned = remove_ambient(shuffled, second)
    pd.testing.assert_frame_equal(cleaned.loc[matrix.index, matrix.columns], remove_ambient(matrix, first))


def test_a_sample_without_other_cells_says_nothing():
    matrix, _ = sample(0.1, 2)
    alone = matrix[["tumour|epithelial"]]
    [row] = measure(alone, table_of(alone)).itertuples()
    assert row.reason == NO_AMBIENT_MARKERS and np.isnan(row.contamination)
    # Genes that only the tumour makes are not evidence of foreign cells, however many there are.
    own = alone.copy()
    own.loc[[f"mye{i:02d}" for i in range(10)]] = 500.0
    assert measure(own, table_of(own))["reason"].tolist() == [NO_AMBIENT_MARKERS]
    shallow = matrix / 1e5
    assert set(measure(shallow, table_of(shallow))["reason"]) == {NO_AMBIENT_MARKERS}


def test_rare_genes_are_not_chosen_for_their_zeros():
    # Of genes with one expected count only those with none observed would pass for rarer in the unit.
    genes = [f"r{i:03d}" for i in range(200)]
    counts = pd.Series(np.random.default_rng(0).poisson(0.4, 200).astype(float), index=genes)
    counts["rest"] = 200 / 1e-4 - counts.sum()
    soup = pd.Series(1e-4 / 200, index=genes)
    soup["rest"] = 1 - soup.sum()
    assert estimate_contamination(counts, soup, genes).reason == NO_AMBIENT_MARKERS


def test_wells_are_not_looked_at():
    assert set(measure(*sample(0.1, 2), scale="tpm")["reason"]) == {NOT_COUNTS}


def test_foreign_genes_leave_out_own_and_related_lineages():
    extra = [("progenitor", "p", "CD34", 1, "x"), ("myeloid", "m", "LYZ", 1, "x"), ("lymphoid", "T", "LYZ", 1, "x")]
    extra += [
        ("lymphoid", "T", "CD3D", 1, "x"),
        ("erythroid", "e", "CSF1R", -1, "x"),
        ("erythroid", "e", "HBB", 1, "x"),
    ]
    markers = pd.DataFrame(extra, columns=MARKERS.columns)
    blood = ("erythroid", "lymphoid", "myeloid", "progenitor")
    assert foreign_genes(markers, "tumour", "myeloid", blood) == ["CD3D", "HBB"]
    assert foreign_genes(markers, "microenvironment", "lymphoid", blood) == ["CD34", "HBB"]
    assert foreign_genes(markers, "tumour", "unknown", blood) == []
    assert foreign_genes(markers, "tumour", "unknown", ("myeloid",)) == ["CD34", "CD3D", "HBB"]
    assert foreign_genes(markers, "microenvironment", "unknown", blood) == []


def test_removal_by_hand():
    matrix = pd.DataFrame({"tumour|epithelial": [90.0, 10.0, 0.0], "microenvironment|myeloid": [0.0, 10.0, 90.0]})
    table = pd.DataFrame(
        {
            "compartment": ["microenvironment", "tumour"],
            "lineage": ["myeloid", "epithelial"],
            "contamination": [np.nan, 0.5],
        }
    )
    # The soup is .45, .10, .45; half of 100 counts of it are 22.5, 5 and 22.5.
    cleaned = remove_ambient(matrix, table)
    assert cleaned["tumour|epithelial"].tolist() == pytest.approx([67.5, 5.0, 0.0])
    assert cleaned["microenvironment|myeloid"].tolist() == [0.0, 10.0, 90.0]


def test_removal_brings_back_what_the_cells_make():
    clean, _ = sample(0.0, 4)
    matrix = spike(clean, 0.1)
    cleaned = remove_ambient(matrix, measure(matrix, table_of(matrix)))
    foreign = foreign_genes(MARKERS, "tumour", "epithelial", ("epithelial",))
    name = "tumour|epithelial"
    assert (cleaned >= 0).all(axis=None) and (cleaned <= matrix).all(axis=None)
    assert cleaned.loc[foreign, name].sum() < 0.1 * matrix.loc[foreign, name].sum()
    kept = (cleaned.sum() / matrix.sum()).to_numpy()
    np.testing.assert_allclose(kept, 0.9, atol=0.03)
    np.testing.assert_allclose(cleaned.loc[OTHERS, name] / kept[0], clean.loc[OTHERS, name], rtol=0.1, atol=50)


def test_compartments_average_their_units_by_counts():
    columns = ["compartment", "lineage", "total", "contamination", "contamination_low", "contamination_high", "reason"]
    rows = [
        ("microenvironment", "lymphoid", 100.0, 0.1, 0.05, 0.2, ""),
        ("microenvironment", "myeloid", 300.0, 0.3, 0.25, 0.4, ""),
        ("microenvironment", "unknown", 350.0, np.nan, np.nan, np.nan, NO_AMBIENT_MARKERS),
        ("tumour", "epithelial", 10.0, 0.1, 0.0, 0.2, ""),
        ("tumour", "unknown", 11.0, np.nan, np.nan, np.nan, NO_AMBIENT_MARKERS),
    ]
    table = pd.DataFrame(rows, columns=columns).assign(sample="s")
    found = compartment_contamination(table).set_index("compartment")
    assert list(found.index) == ["tumour", "microenvironment", "myeloid", "lymphoid"]
    assert found.loc["microenvironment", "contamination"] == pytest.approx(0.25)
    assert found.loc["microenvironment", "contamination_low"] == pytest.approx(0.2)
    assert found.loc["myeloid", "contamination_high"] == 0.4 and found.loc["myeloid", "reason"] == ""
    assert np.isnan(found.loc["tumour", "contamination"]) and found.loc["tumour", "reason"] == NO_AMBIENT_MARKERS
