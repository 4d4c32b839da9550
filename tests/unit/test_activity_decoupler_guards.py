"""What the installed decoupler does that its documentation does not say.

Each test pins a behaviour that the workflow works around or must not rely on. One that fails after an upgrade is good
news: look at the release notes, then at every place that names the behaviour, before changing the test.
"""

from importlib.metadata import version

import anndata as ad
import decoupler as dc
import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats

GENES = [f"g{number:03d}" for number in range(200)]


def net(**targets):
    return pd.DataFrame(
        [(source, gene, 1.0) for source, genes in targets.items() for gene in genes],
        columns=["source", "target", "weight"],
    )


@pytest.fixture
def data():
    """Three samples; the first ten genes are the highest in the first sample, the last ten the lowest."""
    rng = np.random.default_rng(4)
    values = rng.uniform(5, 6, size=(3, len(GENES)))
    values[0, :10] = np.linspace(9, 10, 10)
    values[0, -10:] = np.linspace(1, 2, 10)
    return pd.DataFrame(values, index=["a", "b", "c"], columns=GENES)


def test_these_are_the_versions_that_were_looked_at():
    assert version("decoupler").startswith("2.2.")


def test_ora_by_default_leaves_out_the_lowest_genes_instead_of_taking_the_highest(data):
    panels = net(high=GENES[:10], middle=GENES[60:70])
    default, _ = dc.mt.ora(data, panels)
    # 190 of 200 genes are "selected": a middling panel scores as the highest one does.
    assert default.loc["a", "high"] == pytest.approx(default.loc["a", "middle"])
    # The count of genes to leave out has to be given for the top 5 % to be taken.
    right, _ = dc.mt.ora(data, panels, n_up=len(GENES) - 10)
    assert right.loc["a", "high"] > right.loc["a", "middle"] + 3


def zscore_by_hand(values, targets, centre):
    x = values.to_numpy()
    mean = x[targets].mean() - (x.mean() if centre else 0.0)
    return mean * np.sqrt(len(targets)) / x.std(ddof=1)


def test_zscore_flavours_are_swapped(data):
    panels = net(axis=GENES[:10])
    documented = {"KSEA": True, "RoKAI": False}  # whether the overall mean is subtracted
    for flavour, centred in documented.items():
        found, _ = dc.mt.zscore(data, panels, flavor=flavour)
        assert found.loc["a", "axis"] == pytest.approx(zscore_by_hand(data.loc["a"], range(10), not centred))
        assert found.loc["a", "axis"] != pytest.approx(zscore_by_hand(data.loc["a"], range(10), centred))
    default, _ = dc.mt.zscore(data, panels)
    assert default.loc["a", "axis"] == pytest.approx(zscore_by_hand(data.loc["a"], range(10), True))


def ulm_p(data, score):
    return 2 * stats.t.sf(np.abs(score), data.shape[1] - 2)


def test_padj_is_corrected_over_sources_within_a_sample_not_over_samples(data):
    panels = net(one=GENES[:10], two=GENES[50:70], three=GENES[100:130])
    score, padj = dc.mt.ulm(data, panels)
    p = ulm_p(data, score.to_numpy())
    np.testing.assert_allclose(padj, stats.false_discovery_control(p, axis=1), rtol=1e-5)
    assert not np.allclose(padj, stats.false_discovery_control(p, axis=0), rtol=1e-2)


def test_padj_of_a_single_source_is_the_plain_p_value(data):
    score, padj = dc.mt.ulm(data, net(one=GENES[:10]))
    np.testing.assert_allclose(padj, ulm_p(data, score.to_numpy()), rtol=1e-5)


def test_padj_of_mlm_is_not_corrected_at_all(data):
    panels = net(one=GENES[:10], two=GENES[50:70], three=GENES[100:130])
    score, padj = dc.mt.mlm(data, panels)
    plain = 2 * stats.t.sf(np.abs(score.to_numpy()), len(GENES) - 3 - 1)
    np.testing.assert_allclose(padj, plain, rtol=1e-5, atol=1e-12)


def with_an_empty_cell(data):
    values = np.vstack([data.to_numpy(), np.zeros(len(GENES))])
    names = pd.DataFrame(index=[*data.index, "empty"])
    return ad.AnnData(sparse.csr_matrix(values), obs=names, var=pd.DataFrame(index=GENES))


def test_an_all_zero_cell_moves_the_result_to_a_new_object(data):
    adata = with_an_empty_cell(data)
    returned = dc.mt.ulm(adata, net(axis=GENES[:10]))
    assert "score_ulm" not in adata.obsm
    assert list(returned.obs_names) == list(data.index)
    np.testing.assert_allclose(
        returned.obsm["score_ulm"].to_numpy(), dc.mt.ulm(data, net(axis=GENES[:10]))[0].to_numpy(), rtol=1e-6
    )


def test_without_an_all_zero_cell_the_result_is_in_the_object(data):
    adata = with_an_empty_cell(data)[:3].copy()
    assert dc.mt.ulm(adata, net(axis=GENES[:10])) is None
    assert adata.obsm["score_ulm"].shape == (3, 1)


def test_all_zero_genes_leave_the_universe_unless_told_otherwise(data):
    padded = pd.concat([data, pd.DataFrame(0.0, index=data.index, columns=["z1", "z2"])], axis=1)
    panels = net(axis=GENES[:10])
    without, _ = dc.mt.ulm(data, panels)
    dropped, _ = dc.mt.ulm(padded, panels)
    kept, _ = dc.mt.ulm(padded, panels, empty=False)
    np.testing.assert_allclose(dropped, without, rtol=1e-9)
    assert (np.abs(kept.to_numpy() - without.to_numpy()) > 1e-3).any()
