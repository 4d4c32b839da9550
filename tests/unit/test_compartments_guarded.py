"""Expression the other way: each layer by hand from the sums, beside what was measured and not instead of it."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from stat3act import tables
from stat3act.compartments.ambient import SHARE_COLUMNS, contamination_table
from stat3act.compartments.guarded import AMBIENT_LAYER, DOUBLETS_LAYER, guard_expression, guarded_rows
from stat3act.compartments.pseudobulk import gather_pseudobulk

LINEAGES = ("epithelial", "lymphoid", "myeloid")
MARKERS = pd.DataFrame(
    [(lineage, lineage, f"{lineage[:3]}{i:02d}", 1, "invented") for lineage in LINEAGES for i in range(20)],
    columns=["lineage", "state", "gene", "sign", "source"],
)
COMMON = [f"h{i:03d}" for i in range(200)]
CANDIDATES = ("epithelial",)
UNITS = {
    "microenvironment|lymphoid": 5e5,
    "microenvironment|myeloid": 1e6,
    "tumour|epithelial": 3e6,
    "uncertain|epithelial": 2e5,
}
# What each compartment of these units is made of.
MADE_OF = {
    "tumour": ["tumour|epithelial"],
    "microenvironment": ["microenvironment|lymphoid", "microenvironment|myeloid"],
    "myeloid": ["microenvironment|myeloid"],
    "lymphoid": ["microenvironment|lymphoid"],
    "bulk": list(UNITS),
}
DOUBLETS = {"b": {"tumour|epithelial": 9, "uncertain|epithelial": 4}}


def sums_of(sample: str, seed: int, ambient: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw the sums of a sample with this ambient share; every sample measures a gene that no other does."""
    rng = np.random.default_rng(seed)
    genes = [*MARKERS["gene"], *COMMON, f"only_{sample}"]
    profiles = pd.DataFrame(0.0, index=genes, columns=LINEAGES)
    common = rng.lognormal(0, 1, len(COMMON) + 1)
    for lineage in LINEAGES:
        profiles.loc[MARKERS.loc[MARKERS["lineage"] == lineage, "gene"], lineage] = rng.lognormal(-1, 1, 20)
        profiles.loc[[*COMMON, f"only_{sample}"], lineage] = common
    profiles /= profiles.sum()
    own = pd.DataFrame({unit: size * profiles[unit.split("|")[1]] for unit, size in UNITS.items()})
    soup = own.sum(axis=1) / own.sum().sum()
    drawn = rng.poisson((1 - ambient) * own + ambient * np.outer(soup, own.sum())).astype(float)
    matrix = pd.DataFrame(drawn, index=pd.Index(genes, name="gene"), columns=list(UNITS))
    meta = pd.DataFrame([name.split("|") for name in matrix], columns=["compartment", "lineage"])
    numbers = [DOUBLETS.get(sample, {}).get(name, 0) for name in matrix]
    meta = meta.assign(sample=sample, n_cells=[5, 80, 300, 20], n_genes=1, total=matrix.sum().to_numpy())
    return matrix, meta.assign(n_doublets=numbers)


def doubled_of(sample: str, matrix: pd.DataFrame) -> pd.DataFrame:
    """Add to the units that get doublets as many counts of every gene as they get cells."""
    return pd.DataFrame(
        {name: matrix[name] + number for name, number in DOUBLETS.get(sample, {}).items()}, index=matrix.index
    )


class Cohort:
    """Two samples: a has no doublets and little ambient RNA, b has both."""

    def __init__(self, scale="counts"):
        drawn = {"a": sums_of("a", 1, 0.01), "b": sums_of("b", 2, 0.15)}
        self.matrices = {name: matrix for name, (matrix, _) in drawn.items()}
        self.units = {name: meta for name, (_, meta) in drawn.items()}
        self.doubled = {name: doubled_of(name, matrix) for name, matrix in self.matrices.items()}
        self.contamination = {
            name: contamination_table(self.matrices[name], self.units[name], MARKERS, CANDIDATES, scale)
            for name in drawn
        }
        self.measured, _ = gather_pseudobulk(self.matrices, self.units, scale, 20)

    def guarded(self):
        return guard_expression(self.measured, self.matrices, self.units, self.doubled, self.contamination)

    @property
    def shares(self) -> pd.DataFrame:
        return pd.concat(self.contamination.values(), ignore_index=True)


@pytest.fixture(scope="module")
def cohort():
    return Cohort()


@pytest.fixture(scope="module")
def guarded(cohort):
    return cohort.guarded()


def log2_cpm(sums: dict[str, pd.DataFrame], adata: ad.AnnData) -> np.ndarray:
    """Add units up to the rows of a cohort and bring them to log2(CPM + 1) over the genes it has."""
    rows = []
    for name in adata.obs_names:
        sample, compartment = name.split("|")
        total = sums[sample].loc[adata.var_names, MADE_OF[compartment]].sum(axis=1).to_numpy()
        rows.append(np.log2(1 + 1e6 * total / total.sum()))
    return np.array(rows)


def test_what_was_measured_stays(cohort, guarded):
    adata = guarded
    assert sorted(adata.obs_names) == sorted(f"{sample}|{name}" for sample in "ab" for name in MADE_OF)
    np.testing.assert_array_equal(adata.X, cohort.measured.X)
    np.testing.assert_array_equal(adata.layers["linear"], cohort.measured.layers["linear"])
    np.testing.assert_allclose(adata.X, log2_cpm(cohort.matrices, adata), rtol=1e-5)
    pd.testing.assert_frame_equal(adata.obs[cohort.measured.obs.columns], cohort.measured.obs)
    # Rows that are too small for a score keep their reason, and their layers.
    assert adata.obs["reason"].to_dict()["a|lymphoid"] == "LOW_CELLS"
    assert set(cohort.measured.layers) == {"linear"} and "n_doublets" not in cohort.measured.obs


def test_doublets_are_added_to_the_rows_that_hold_their_units(cohort, guarded):
    adata = guarded
    with_doublets = {sample: matrix.copy() for sample, matrix in cohort.matrices.items()}
    for unit, number in DOUBLETS["b"].items():
        with_doublets["b"][unit] += number
    np.testing.assert_allclose(adata.layers[DOUBLETS_LAYER], log2_cpm(with_doublets, adata), rtol=1e-5)
    moved = ~np.isclose(adata.layers[DOUBLETS_LAYER], adata.X).all(axis=1)
    # Doublets of cells that could not be called are in the whole sample only.
    assert set(adata.obs_names[moved]) == {"b|tumour", "b|bulk"}
    numbers = adata.obs["n_doublets"].to_dict()
    assert {name: number for name, number in numbers.items() if number} == {"b|tumour": 9, "b|bulk": 13}
    assert adata.obs["n_doublets"].dtype.kind == "i"


def test_ambient_rna_is_taken_off_every_unit_by_its_own_share(cohort, guarded):
    adata = guarded
    shares = cohort.shares.set_index(["sample", "compartment", "lineage"])["contamination"]
    cleaned = {}
    for sample, matrix in cohort.matrices.items():
        # The soup of a sample holds all its genes, not only those that other samples measured too.
        soup = matrix.sum(axis=1) / matrix.to_numpy().sum()
        cleaned[sample] = matrix.copy()
        for unit in UNITS:
            share = shares[(sample, *unit.split("|"))]
            cleaned[sample][unit] = np.maximum(matrix[unit] - share * matrix[unit].sum() * soup, 0)
    np.testing.assert_allclose(adata.layers[AMBIENT_LAYER], log2_cpm(cleaned, adata), rtol=1e-4, atol=1e-4)


def test_planted_ambient_rna_is_measured_and_gone(guarded):
    adata = guarded
    np.testing.assert_allclose(adata.obs.loc[["a|tumour", "b|tumour"], "contamination"], [0.01, 0.15], rtol=0.25)
    foreign = adata.var_names.isin(MARKERS.loc[MARKERS["lineage"] != "epithelial", "gene"])

    def foreign_cpm(values):
        return (2 ** values[adata.obs_names.get_loc("b|tumour"), foreign] - 1).sum()

    assert foreign_cpm(adata.layers[AMBIENT_LAYER]) < 0.1 * foreign_cpm(adata.X)


def test_shares_of_a_row_are_those_of_its_units(cohort, guarded):
    adata, table = guarded, cohort.shares
    table = table.assign(unit=table["compartment"] + "|" + table["lineage"])
    for name, row in adata.obs.iterrows():
        sample, compartment = name.split("|")
        if compartment == "bulk":
            assert row[list(SHARE_COLUMNS)].isna().all() and row["ambient_reason"] == ""
            continue
        parts = table[(table["sample"] == sample) & table["unit"].isin(MADE_OF[compartment])]
        assert len(parts) == len(MADE_OF[compartment])
        for column in SHARE_COLUMNS:
            assert row[column] == pytest.approx((parts[column] * parts["total"]).sum() / parts["total"].sum())
        assert row["ambient_reason"] == ""


def test_a_unit_without_a_share_stays_as_it_was_and_says_why(cohort):
    """As read from disk: a unit with a share has no reason, which is a missing value there."""
    again, none = Cohort(), ["contamination", "contamination_low", "contamination_high"]
    for name, table in again.contamination.items():
        unknown = (name == "b") & (table["compartment"] == "tumour")
        table["reason"] = np.where(unknown, "NO_AMBIENT_MARKERS", None)
        table.loc[unknown, none] = np.nan
    adata, full = again.guarded(), cohort.guarded()
    row = adata.obs_names.get_loc("b|tumour")
    np.testing.assert_array_equal(adata.layers[AMBIENT_LAYER][row], adata.X[row])
    told = adata.obs["ambient_reason"].to_dict()
    assert {name: reason for name, reason in told.items() if reason} == {"b|tumour": "NO_AMBIENT_MARKERS"}
    assert adata.obs.loc["b|tumour", none].isna().all()
    others = [name for name in adata.obs_names if name not in ("b|tumour", "b|bulk")]
    np.testing.assert_allclose(adata[others].layers[AMBIENT_LAYER], full[others].layers[AMBIENT_LAYER], rtol=1e-6)


def test_wells_share_no_droplets():
    adata = Cohort("tpm").guarded()
    np.testing.assert_array_equal(adata.layers[AMBIENT_LAYER], adata.X)
    parts = adata.obs[adata.obs["compartment"] != "bulk"]
    assert set(parts["ambient_reason"]) == {"NOT_COUNTS"} and parts[list(SHARE_COLUMNS)].isna().all(axis=None)
    # Doublets that were removed are put back on any scale.
    assert adata.obs.at["b|tumour", "n_doublets"] == 9


def test_order_of_samples_units_and_genes_does_not_matter(cohort, guarded):
    rng, again = np.random.default_rng(0), Cohort()
    for sample in ("b", "a"):
        for part in (again.matrices, again.doubled):
            frame = part.pop(sample)
            part[sample] = frame.iloc[rng.permutation(len(frame)), ::-1]
        for part in (again.units, again.contamination):
            part[sample] = part.pop(sample).iloc[::-1].reset_index(drop=True)
    adata = again.guarded()
    for layer in (AMBIENT_LAYER, DOUBLETS_LAYER):
        np.testing.assert_allclose(adata.layers[layer], guarded.layers[layer], rtol=1e-6)
    pd.testing.assert_frame_equal(adata.obs, guarded.obs)


def test_a_file_gives_back_what_was_written(guarded, tmp_path):
    adata = guarded
    tables.write_h5ad(tmp_path / "expression.h5ad", adata)
    back = ad.read_h5ad(tmp_path / "expression.h5ad")
    for layer in (AMBIENT_LAYER, DOUBLETS_LAYER):
        np.testing.assert_array_equal(back.layers[layer], adata.layers[layer])
    for guard in ("ambient", "doublets"):
        expected = guarded_rows(adata.obs, guard)
        pd.testing.assert_frame_equal(guarded_rows(back.obs, guard).astype(expected.dtypes), expected)


def test_rows_of_each_guard(guarded):
    obs = guarded.obs
    ambient = guarded_rows(obs, "ambient")
    assert list(ambient.columns) == ["sample", "compartment", *SHARE_COLUMNS, "reason"]
    assert sorted(ambient.index) == sorted(name for name in obs.index if not name.endswith("|bulk"))
    assert set(ambient["reason"]) == {""} and ambient["contamination"].notna().all()
    doublets = guarded_rows(obs, "doublets")
    assert list(doublets.columns) == ["sample", "compartment", "n_doublets", "reason"]
    assert doublets["n_doublets"].to_dict() == {"b|tumour": 9, "b|bulk": 13} and set(doublets["reason"]) == {""}
    unknown = obs.assign(ambient_reason="NO_AMBIENT_MARKERS", n_doublets=0)
    assert set(guarded_rows(unknown, "ambient")["reason"]) == {"NO_AMBIENT_MARKERS"}
    # The reason of one guard is not that of the other.
    assert guarded_rows(unknown, "doublets").empty
    assert set(guarded_rows(unknown.assign(n_doublets=1), "doublets")["reason"]) == {""}
