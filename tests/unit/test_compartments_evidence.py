"""Windows, segments and scores: by hand, against shuffled genes, and as probabilities."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.stats import norm

from cells_example import genome
from stat3act.compartments.evidence import (
    Genome,
    bounded_difference,
    draw_shuffles,
    order_genes,
    posterior,
    project,
    segment_signal,
    segment_z,
    segments,
    smooth,
    window_counts,
    window_matrix,
)


def layout_of(sizes: list[int], window: int, step: int) -> Genome:
    ends = np.cumsum(sizes)
    slices = tuple(slice(end - size, end) for end, size in zip(ends, sizes, strict=True))
    return Genome(tuple(f"g{number}" for number in range(ends[-1])), slices, window, step)


def test_genes_are_ordered_and_immune_and_histone_loci_left_out():
    var = pd.DataFrame(
        {
            "chromosome": ["chr10", "chr2", "chr2", "chrX", "", "chr2", "chr6", np.nan, "chr6", "chr6"],
            "start": [5.0, 9.0, 1.0, 1.0, np.nan, 3.0, 1.0, np.nan, 2.0, 3.0],
        },
        index=["a", "b", "c", "d", "e", "IGKV1-5", "HLA-DRA", "f", "H2BC5", "H1-4"],
    ).rename_axis("gene")
    found = order_genes(var, 100, 10)
    assert found.genes == ("c", "b", "a")
    assert [(part.start, part.stop) for part in found.chromosomes] == [(0, 2), (2, 3)]
    shuffled = order_genes(var.sample(frac=1, random_state=1), 100, 10)
    assert shuffled == found


def test_difference_counts_only_outside_the_references():
    references = np.array([[1.0, 2.0, 0.0], [3.0, 2.0, 0.0]])
    found = bounded_difference(np.array([[2.0, 2.5, 9.0], [0.0, 1.0, 0.0]]), references)
    assert found.tolist() == [[0.0, 0.5, 3.0], [-1.0, -1.0, 0.0]]


def test_windows_by_hand():
    layout = layout_of([5, 3, 2], 3, 2)
    assert window_counts(layout) == [2, 1, 1]
    rising = [0.25, 0.5, 0.25]
    expected = np.zeros((10, 4))
    expected[0:3, 0] = expected[2:5, 1] = rising
    expected[5:8, 2], expected[8:10, 3] = 1 / 3, 1 / 2
    np.testing.assert_allclose(window_matrix(layout).toarray(), expected)
    values = np.arange(10.0)[None]
    np.testing.assert_allclose(smooth(values, window_matrix(layout)), [[-3.5, -1.5, 1.5, 4.0]])


@pytest.mark.parametrize("sizes", [[1], [24, 25, 26], [150, 7, 26, 31]])
def test_every_window_is_a_mean_of_genes_of_one_chromosome(sizes):
    layout = layout_of(sizes, 25, 5)
    windows = window_matrix(layout)
    assert windows.shape == (sum(sizes), sum(window_counts(layout)))
    np.testing.assert_allclose(np.asarray(windows.sum(axis=0)).ravel(), 1)
    chromosome = np.repeat(np.arange(len(sizes)), sizes)
    owner = np.repeat(np.arange(len(sizes)), window_counts(layout))
    found = windows.tocoo()
    assert (chromosome[found.row] == owner[found.col]).all()


def test_signal_is_the_mean_product_of_windows_one_length_apart():
    # Two genes per window, every second gene a start: windows 1, 3, 5, 7; the median is 4.
    layout = layout_of([8], 2, 2)
    values = np.array([[1.0, 1, 3, 3, 5, 5, 7, 7]])
    assert segment_signal(values, layout)[0] == pytest.approx(((-3 * -1) + (-1 * 1) + (1 * 3)) / 3)


def test_no_chromosome_with_two_windows_gives_no_signal():
    assert segment_signal(np.ones((2, 4)), layout_of([2, 2], 2, 2)).tolist() == [0, 0]


def test_a_gain_is_found_and_scattered_changes_are_not():
    var = genome()
    layout = order_genes(var, 25, 5)
    rng = np.random.default_rng(0)
    noise, mean = rng.normal(0, 0.3, len(layout.genes)), rng.random(len(layout.genes))
    gained = noise + 0.4 * (var.loc[list(layout.genes), "chromosome"] == "chr7").to_numpy()
    assert abs(segment_z(noise, draw_shuffles(mean, 1), layout)) < 4
    assert segment_z(gained, draw_shuffles(mean, 1), layout) > 8
    assert segment_z(rng.permutation(gained), draw_shuffles(mean, 1), layout) < 4
    gain = segment_z(gained, draw_shuffles(mean, 1), layout)
    assert segment_z(-gained, draw_shuffles(mean, 1), layout) == pytest.approx(gain, rel=0.2)
    assert segment_z(np.zeros(len(mean)), draw_shuffles(mean, 1), layout) == 0


def test_noise_that_grows_with_expression_is_no_evidence():
    """The null keeps expression: genes change places within bins of it."""
    layout = order_genes(genome(), 25, 5)
    rng = np.random.default_rng(3)
    mean = rng.random(len(layout.genes))
    found = [segment_z(rng.normal(0, 0.1 + mean), draw_shuffles(mean, seed), layout) for seed in range(10)]
    assert max(found) < 4 and abs(np.mean(found)) < 1.5


def test_segments_keep_what_neighbours_agree_on():
    layout = layout_of([8, 4], 2, 2)
    assert window_counts(layout) == [4, 2]
    found = segments(np.array([1.0, 2.0, -3.0, 1.0, -2.0, -1.0]), layout)
    assert found.tolist() == [1.0, 0.0, 0.0, 0.0, -1.0, -1.0]


def test_projection_is_the_amount_of_the_pattern():
    pattern = np.array([1.0, -2.0, 0.0])
    assert project(np.array([2 * pattern, [0, 0, 5], -pattern]), pattern).tolist() == [2.0, 0.0, -1.0]
    assert np.isnan(project(np.ones((1, 3)), np.zeros(3))).all()


def groups_of_scores(malignant, normal, asked):
    """Return scores, both masks, and a graph without neighbours."""
    scores = np.concatenate([malignant, normal, asked]).astype(float)
    place = np.arange(len(scores))
    consensus, reference = place < len(malignant), (place >= len(malignant)) & (place < len(malignant) + len(normal))
    return scores, consensus, reference, sparse.csr_matrix((len(scores),) * 2)


def test_alone_a_cell_is_judged_by_two_normal_distributions():
    asked = [-1.0, 0.5, 0.55, 2.0, np.nan]
    found = posterior(*groups_of_scores([0.9, 1.0, 1.1], [-0.1, 0.0, 0.1], asked))[-5:]
    assert found[1] == pytest.approx(0.5) and found[0] < 0.01 and found[3] > 0.99 and np.isnan(found[4])
    spread = 0.1 * 1.4826  # median absolute deviation 0.1
    malignant, normal = norm.pdf(0.55, 1, spread), norm.pdf(0.55, 0, spread)
    assert found[2] == pytest.approx(malignant / (malignant + normal))


def test_groups_that_are_not_apart_decide_nothing():
    same = groups_of_scores([0.0, 0.5, 1.0], [0.0, 0.4, 1.0], [0.5])
    turned = groups_of_scores([-0.1, 0.0, 0.1], [0.9, 1.0, 1.1], [0.5])
    assert np.isnan(posterior(*same)).all() and np.isnan(posterior(*turned)).all()


def test_probability_rises_with_the_score_and_neighbours_pull_but_do_not_decide():
    rng = np.random.default_rng(0)
    scores, consensus, reference, alone = groups_of_scores(
        rng.normal(1, 0.3, 40), rng.normal(0, 0.3, 40), [0.4, -1.0, 2.0]
    )
    found = posterior(scores, consensus, reference, alone)
    assert (np.diff(found[np.argsort(scores)]) >= 0).all()
    for neighbours, pull in ((np.flatnonzero(consensus), 1), (np.flatnonzero(reference), -1)):
        graph = sparse.lil_matrix(alone.shape)
        graph[-3:, neighbours] = 1 / len(neighbours)
        pulled = posterior(scores, consensus, reference, graph.tocsr())[-3:]
        assert pull * (pulled[0] - found[-3]) > 0
        # Clear scores stay on their side whatever the neighbours are.
        assert pulled[1] < 0.5 < pulled[2]
