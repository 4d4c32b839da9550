"""Malignant calls: planted gains and losses are found, diploid tissue is left alone, doubt is said."""

import numpy as np
import pandas as pd
import pytest

from cells_example import COPY_NUMBER, EVENTS, MARKERS, SETTINGS, genome, simulate, tumour
from stat3act.compartments.evidence import (
    Genome,
    bounded_difference,
    order_genes,
    posterior,
    project,
    segment_signal,
    segment_z,
    segments,
    window_counts,
)
from stat3act.compartments.labels import label_cells
from stat3act.compartments.normal import held_out, reference_groups


def call(cells, tumour_type: str = "carcinoma", seed: int = 1, **changes) -> pd.DataFrame:
    settings = {**SETTINGS, "malignant": {**COPY_NUMBER, **changes}}
    return label_cells(cells, settings, tumour_type, MARKERS, seed)


def counted(found: pd.DataFrame, truth: pd.Series) -> dict:
    return found.groupby([truth.to_numpy(), "malignant_call"]).size().to_dict()


@pytest.fixture(scope="module")
def mixed():
    """60 tumour cells with four altered chromosomes, 40 normal epithelial cells, 90 others."""
    return tumour(EVENTS, normal=40)


@pytest.fixture(scope="module")
def mixed_calls(mixed):
    return call(mixed)


def test_altered_cells_are_malignant_and_normal_epithelium_is_not(mixed, mixed_calls):
    truth = mixed.obs["truth"].to_numpy()
    calls = mixed_calls["malignant_call"].to_numpy()
    assert (calls[truth == "malignant"] == "malignant").mean() >= 0.95
    assert (calls[truth == "normal epithelium"] == "malignant").mean() <= 0.05
    assert (calls[np.isin(truth, ["fibroblast", "macrophage", "T"])] == "non-malignant").all()
    tested = mixed_calls[mixed_calls["lineage"] == "epithelial"]
    assert set(tested["malignant_source"]) == {"copy_number"}
    assert tested["malignant_probability"].between(0, 1).all()


def test_calls_are_the_same_twice(mixed, mixed_calls):
    pd.testing.assert_frame_equal(mixed_calls, call(mixed))


def test_diploid_epithelium_is_never_malignant():
    cells = tumour({})
    assert counted(call(cells), cells.obs["truth"]) == {
        ("malignant", "uncertain"): 60,
        ("fibroblast", "non-malignant"): 30,
        ("macrophage", "non-malignant"): 30,
        ("T", "non-malignant"): 30,
    }


def test_too_few_reference_cells_leave_candidates_uncertain():
    cells = tumour(EVENTS)
    found = call(cells, min_reference_cells=91)
    assert set(found.loc[cells.obs["truth"].to_numpy() == "malignant", "malignant_call"]) == {"uncertain"}


def test_genes_without_position_leave_candidates_uncertain():
    cells = tumour(EVENTS)
    cells.var["chromosome"] = ""
    assert set(call(cells)["malignant_call"]) == {"uncertain", "non-malignant"}


def test_tumour_type_decides_who_may_be_malignant():
    cells = simulate(
        [("tumour", "fibroblast", 60, EVENTS), ("T", "T", 30, {}), ("macrophage", "macrophage or monocyte", 30, {})]
    )
    truth = cells.obs["truth"].to_numpy()
    as_sarcoma, as_carcinoma = call(cells, "sarcoma"), call(cells, "carcinoma")
    assert (as_sarcoma.loc[truth == "tumour", "malignant_call"] == "malignant").mean() >= 0.95
    assert set(as_carcinoma["malignant_call"]) == {"non-malignant"}


def test_blood_is_uncertain_without_labels():
    cells = simulate([("blast", "haematopoietic progenitor", 40, EVENTS), ("T", "T", 40, {})])
    found = call(cells, "haematological")
    assert set(found["malignant_call"]) == {"uncertain"} and set(found["compartment"]) == {"uncertain"}


def test_cell_types_of_the_user_gate_the_copy_number_calls():
    cells = tumour(EVENTS)
    cells.obs["cell_type"] = cells.obs["truth"]
    lineages = {"epithelial": ["malignant"], "fibroblast": ["fibroblast"], "myeloid": ["macrophage"], "lymphoid": ["T"]}
    settings = {**SETTINGS, "cell_type_key": "truth", "lineages": lineages}
    found = label_cells(cells, settings, "carcinoma", MARKERS, 1)
    assert (found["lineage_source"] == "label").all()
    assert counted(found, cells.obs["truth"])[("malignant", "malignant")] >= 57


def test_genes_are_ordered_and_immune_loci_left_out():
    var = pd.DataFrame(
        {
            "chromosome": ["chr10", "chr2", "chr2", "chrX", "", "chr2", "chr6", np.nan],
            "start": [5.0, 9.0, 1.0, 1.0, np.nan, 3.0, 1.0, np.nan],
        },
        index=["a", "b", "c", "d", "e", "IGKV1-5", "HLA-DRA", "f"],
    ).rename_axis("gene")
    found = order_genes(var, 100, 10)
    assert found.genes == ("c", "b", "a")
    assert [(part.start, part.stop) for part in found.chromosomes] == [(0, 2), (2, 3)]


def test_difference_counts_only_outside_the_references():
    references = np.array([[1.0, 2.0, 0.0], [3.0, 2.0, 0.0]])
    found = bounded_difference(np.array([[2.0, 2.5, 9.0], [0.0, 1.0, 0.0]]), references)
    assert found.tolist() == [[0.0, 0.5, 3.0], [-1.0, -1.0, 0.0]]


def test_signal_is_the_mean_product_of_windows_one_length_apart():
    # Two genes per window, every second gene a start: windows 1, 3, 5, 7; the median is 4.
    layout = Genome(tuple("abcdefgh"), (slice(0, 8),), 2, 2)
    values = np.array([[1.0, 1, 3, 3, 5, 5, 7, 7]])
    assert segment_signal(values, layout)[0] == pytest.approx(((-3 * -1) + (-1 * 1) + (1 * 3)) / 3)


def test_a_gain_is_found_and_scattered_changes_are_not():
    layout = order_genes(genome(), 25, 5)
    rng = np.random.default_rng(0)
    noise, mean = rng.normal(0, 0.3, len(layout.genes)), rng.random(len(layout.genes))
    gained = noise + 0.4 * (genome().loc[list(layout.genes), "chromosome"] == "chr7").to_numpy()
    assert abs(segment_z(noise, mean, layout, 1)) < 4
    assert segment_z(gained, mean, layout, 1) > 8
    assert segment_z(rng.permutation(gained), mean, layout, 1) < 4
    assert segment_z(-gained, mean, layout, 1) == pytest.approx(segment_z(gained, mean, layout, 1), rel=0.2)
    assert segment_z(np.zeros(len(mean)), mean, layout, 1) == 0


def test_segments_keep_what_neighbours_agree_on():
    layout = Genome(tuple(map(str, range(12))), (slice(0, 8), slice(8, 12)), 2, 2)
    assert window_counts(layout) == [4, 2]
    found = segments(np.array([1.0, 2.0, -3.0, 1.0, -2.0, -1.0]), layout)
    assert found.tolist() == [1.0, 0.0, 0.0, 0.0, -1.0, -1.0]


def test_projection_is_the_amount_of_the_pattern():
    pattern = np.array([1.0, -2.0, 0.0])
    assert project(np.array([2 * pattern, [0, 0, 5], -pattern]), pattern).tolist() == [2.0, 0.0, -1.0]
    assert np.isnan(project(np.ones((1, 3)), np.zeros(3))).all()


def test_posterior_is_half_in_the_middle_and_undecided_without_distance():
    malignant, normal = np.array([0.9, 1.0, 1.1]), np.array([-0.1, 0.0, 0.1])
    found = posterior(np.array([-1.0, 0.5, 2.0, np.nan]), malignant, normal)
    assert found[1] == pytest.approx(0.5) and found[0] < 0.01 and found[2] > 0.99 and np.isnan(found[3])
    # Normal distributions of sd 0.148 at 1 and 0: density ratio at 0.55.
    sd = 0.1 * 1.4826
    ratio = np.exp(-((0.55 - 1) ** 2 - 0.55**2) / (2 * sd**2))
    assert posterior(np.array([0.55]), malignant, normal)[0] == pytest.approx(ratio / (1 + ratio))
    assert np.isnan(posterior(np.array([0.5]), normal, malignant)).all()
    assert np.isnan(posterior(np.array([0.5]), np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.4, 1.0]))).all()


def test_reference_groups_are_lineages_or_states_and_never_tiny():
    lineage = np.array(["lymphoid"] * 12 + ["myeloid"] * 6 + ["fibroblast"] * 2 + ["epithelial"])
    state = np.array(["T"] * 6 + ["B"] * 6 + ["mast"] * 6 + ["fibroblast"] * 2 + ["epithelial"])
    reference = lineage != "epithelial"
    found = reference_groups(lineage, state, reference)
    assert found.tolist() == ["lymphoid"] * 12 + ["myeloid"] * 6 + ["lymphoid"] * 2 + [""]
    single = reference_groups(lineage, state, lineage == "lymphoid")
    assert single[:12].tolist() == ["T"] * 6 + ["B"] * 6


def test_held_out_cells_are_not_in_their_reference():
    for groups in (np.array(["a", "a", "b", ""], dtype=object), np.array(["a", "a", "a", ""], dtype=object)):
        pairs = held_out(groups)
        assert sorted(np.concatenate([part for part, _ in pairs])) == [0, 1, 2]
        assert all((rest[part] == "").all() and (rest != "").any() for part, rest in pairs)
