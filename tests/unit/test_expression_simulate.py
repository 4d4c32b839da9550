"""The demo's simulation: the planted truth is in the cells, and a sample depends on nothing but itself."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from stat3act import tables
from stat3act.expression import simulate
from stat3act.expression.simulate import build_design, copy_numbers, simulate_bulk, simulate_cells, simulate_sample

ROOT = Path(__file__).resolve().parents[2]
RESOURCES = ROOT / "resources"
SEED = 20181
OFF = dict.fromkeys(("planted_tumour", "planted_microenvironment", "planted_interferon", "planted_nfkb"), 0.0)


def parameters():
    return yaml.safe_load((RESOURCES / "demo/carcinoma.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def inputs():
    axes = [tables.read_text_table(RESOURCES / f"networks/{name}.tsv") for name in ("stat3", "rivals")]
    return {
        "genes": tables.read_text_table(RESOURCES / "genes/genes.tsv"),
        "markers": tables.read_text_table(RESOURCES / "markers/lineages.tsv"),
        "axes": pd.concat(axes),
    }


@pytest.fixture(scope="module")
def design(inputs):
    return build_design(parameters(), **inputs, seed=SEED)


@pytest.fixture(scope="module")
def cells(design):
    """One patient, once for every stimulus: the same composition, copy numbers and variation."""
    states = {"off": OFF} | {name: OFF | {name: 1.0} for name in OFF}
    return {name: simulate_cells(design, "S", "S", planted, SEED) for name, planted in states.items()}


def log2_cpm(adata, *types):
    chosen = (
        adata.obs["planted_cell_type"].isin(types)
        & (adata.obs["planted_malignant"] != "doublet")
        & (adata.obs["planted_state"] == "intact")
    ).to_numpy()
    total = np.asarray(adata.X[chosen].sum(axis=0)).ravel()
    return pd.Series(np.log2(total / total.sum() * 1e6 + 10), index=adata.var_names)


def change(cells, stimulus, genes, *types):
    return (log2_cpm(cells[stimulus], *types) - log2_cpm(cells["off"], *types))[list(genes)]


def axis(inputs, name):
    return inputs["axes"].loc[inputs["axes"]["axis"] == name, "gene"].tolist()


def test_planted_tumour_stat3_moves_tumour_cells_only(cells, inputs):
    for name in ("stat3_core", "stat3_epithelial"):
        up = change(cells, "planted_tumour", axis(inputs, name), "tumour")
        assert 0.6 < (up > 0.7).mean() < 1, name
        elsewhere = change(cells, "planted_tumour", axis(inputs, name), "fibroblast", "macrophage")
        assert abs(elsewhere.median()) < 0.25, name


def test_planted_microenvironment_stat3_moves_the_microenvironment_only(cells, inputs):
    core = axis(inputs, "stat3_core")
    for cell_type in ("fibroblast", "macrophage", "t_cell"):
        assert (change(cells, "planted_microenvironment", core, cell_type) > 0.7).mean() > 0.5, cell_type
    assert abs(change(cells, "planted_microenvironment", core, "tumour").median()) < 0.25
    ligand = change(cells, "planted_microenvironment", ["IL6"], "fibroblast")["IL6"]
    assert ligand > 1


def test_interferon_raises_its_axis_and_socs3_but_not_the_rest_of_core(cells, inputs):
    for types in (("tumour",), ("fibroblast", "macrophage", "t_cell", "endothelial")):
        assert (change(cells, "planted_interferon", axis(inputs, "ifn_stat1"), *types) > 1).mean() > 0.8
        assert change(cells, "planted_interferon", ["SOCS3"], *types)["SOCS3"] > 0.5
        rest = sorted(set(axis(inputs, "stat3_core")) - {"SOCS3", "PIM1"})
        assert abs(change(cells, "planted_interferon", rest, *types).median()) < 0.25


def test_nfkb_raises_its_axis(cells, inputs):
    assert (change(cells, "planted_nfkb", axis(inputs, "nfkb"), "tumour") > 0.7).mean() > 0.6


def test_the_demo_regulon_is_shared_with_interferon(inputs):
    regulon = tables.read_text_table(ROOT / "config/demo/regulon.tsv")
    targets = set(regulon["target"])
    assert set(regulon.columns) >= {"source", "target", "weight"}
    assert len(targets & set(axis(inputs, "ifn_stat1"))) >= 12
    assert len(targets & set(axis(inputs, "stat3_core"))) >= 10
    assert not targets & {"STAT3", "IL6", "LIF", "OSM"}


def test_a_sample_is_the_same_each_time_and_whatever_else_there_is(design, inputs, cells):
    again = simulate_cells(design, "S", "S", OFF, SEED)
    assert (again.X != cells["off"].X).nnz == 0
    fewer = parameters()
    fewer["genes"]["background"] = 100
    small = build_design(fewer, **inputs, seed=SEED)
    pd.testing.assert_frame_equal(design.profiles.loc[small.profiles.index], small.profiles)
    shuffled = {name: table.sample(frac=1, random_state=1) for name, table in inputs.items()}
    pd.testing.assert_frame_equal(build_design(parameters(), **shuffled, seed=SEED).profiles, design.profiles)


def test_name_and_seed_matter(design):
    first, second = (simulate_bulk(design, name, name, 0.5, OFF, SEED) for name in ("A", "B"))
    other_seed = simulate_bulk(design, "A", "A", 0.5, OFF, SEED + 1)
    assert (first.to_numpy() != second.to_numpy()).mean() > 0.5
    assert (first.to_numpy() != other_seed.to_numpy()).mean() > 0.5


def test_tumours_carry_copy_number_changes_of_whole_chromosomes(design, cells):
    copies = pd.Series(copy_numbers(design, "S", SEED), index=design.genes["chromosome"])
    per_chromosome = copies.groupby(level=0).agg(["min", "max"])
    assert (per_chromosome["min"] == per_chromosome["max"]).all()
    assert (per_chromosome["min"] == 3).sum() == design.parameters["patients"]["events"]
    assert (per_chromosome["min"] == 1).sum() == design.parameters["patients"]["events"]
    ratio = log2_cpm(cells["off"], "tumour") - log2_cpm(cells["off"], "epithelial")
    expressed = log2_cpm(cells["off"], "tumour") > 7
    by_copies = ratio[expressed].groupby(copies.to_numpy()[expressed]).median()
    assert by_copies[3] - by_copies[2] == pytest.approx(np.log2(1.5), abs=0.25)
    assert by_copies[2] - by_copies[1] == pytest.approx(1.0, abs=0.3)


def test_cells_look_like_cells(design, cells):
    adata = cells["off"]
    intact = (adata.obs["planted_state"] == "intact").to_numpy()
    counts = np.asarray(adata.X.sum(axis=1)).ravel()
    assert adata.n_obs == design.parameters["single_cell"]["cells"]
    assert 4000 < np.median(counts[intact]) < 6000
    share = np.asarray(adata.X[:, design.mitochondrial].sum(axis=1)).ravel() / counts
    assert 0.04 < np.median(share[intact]) < 0.08
    assert share[~intact].min() > 0.3
    assert 0 < (adata.obs["planted_malignant"] == "doublet").mean() < 0.08
    assert adata.X.dtype == np.float32
    assert (adata.X.data == np.round(adata.X.data)).all()
    assert set(adata.obs["planted_cell_type"]) == set(design.parameters["cell_types"])


def test_markers_mark_their_cell_type(cells):
    for gene, cell_type in {"CDH5": "endothelial", "CD3D": "t_cell", "EPCAM": "tumour"}.items():
        other = [name for name in ("fibroblast", "endothelial", "macrophage", "t_cell") if name != cell_type]
        assert log2_cpm(cells["off"], cell_type)[gene] > log2_cpm(cells["off"], *other)[gene] + 3, gene


def test_bulk_mixes_by_purity(design):
    low, high = (simulate_bulk(design, "S", "S", purity, OFF, SEED) for purity in (0.2, 0.8))
    assert low.name == "S"
    assert low.index.equals(design.genes.index)
    assert low.sum() == pytest.approx(8e6, rel=0.02)
    assert high["EPCAM"] / low["EPCAM"] == pytest.approx(0.8 / (0.2 + 0.8 * 0.06 / 0.58), rel=0.35)
    assert high["COL1A1"] / low["COL1A1"] == pytest.approx(0.25, rel=0.35)
    with pytest.raises(ValueError, match="purity"):
        simulate_bulk(design, "S", "S", 1.2, OFF, SEED)


def test_a_row_of_the_sheet_becomes_a_sample(design):
    row = {"patient": "S", "purity": "0.5", "planted_tumour": "1", "planted_nfkb": ""}
    table = simulate_sample(design, "S", row, "bulk", SEED)
    expected = simulate_bulk(design, "S", "S", 0.5, {"planted_tumour": 1.0}, SEED)
    assert table.columns.tolist() == ["gene", "S"]
    assert table["S"].tolist() == expected.tolist()


def test_names_that_the_tables_lack_are_refused(inputs):
    wrong = parameters()
    wrong["stimuli"]["planted_tumour"]["axes"]["no_axis"] = {"responding": 1, "log2": 1, "sd": 0}
    with pytest.raises(ValueError, match="no_axis"):
        build_design(wrong, **inputs, seed=SEED)
    wrong = parameters()
    wrong["cell_types"]["tumour"]["marker"] = ["epithelial", "no state"]
    with pytest.raises(ValueError, match="no state"):
        build_design(wrong, **inputs, seed=SEED)


def test_hashed_numbers_are_uniform_and_independent():
    first = simulate.uniform_by_name(1, "a", map(str, range(4000)))
    second = simulate.uniform_by_name(1, "b", map(str, range(4000)))
    assert abs(first.mean() - 0.5) < 0.02
    assert abs(first.var() - 1 / 12) < 0.005
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.05


def test_demo_sheets_hold_every_pattern():
    for path in ("config/samples.tsv", "config/cohorts/demo_bulk/samples.tsv"):
        sheet = tables.read_text_table(ROOT / path)
        tumour, stroma = sheet["planted_tumour"] != "0", sheet["planted_microenvironment"] != "0"
        expected = np.select(
            [tumour & stroma, tumour, stroma],
            ["BOTH_ACTIVE", "TUMOUR_INTRINSIC_ACTIVE", "STROMA_ACTIVE"],
            "INACTIVE",
        )
        assert sheet["expected_call"].tolist() == expected.tolist()
        assert sheet["expected_call"].nunique() == 4
        assert ((sheet["planted_interferon"] != "0") & ~tumour & ~stroma).sum() >= 2
