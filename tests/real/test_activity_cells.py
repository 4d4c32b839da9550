"""Single-cell scores on real cells: panels made by chance are significant as often as chance says."""

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats

from stat3act.activity import cell_reference, cells, chunks
from stat3act.networks import read_axes

pytestmark = pytest.mark.real

NETWORKS = Path(__file__).parents[2] / "resources/networks"
RIVALS = pd.concat([read_axes(NETWORKS / f"{name}.tsv") for name in ("rivals", "shared")])
SETTINGS = {
    "rivals": sorted(RIVALS["axis"].unique()),
    "clip": 5.0,
    "min_scale": 0.5,
    "min_log2_cpm": 0.0,
    "min_targets": 10,
    "min_programme_targets": 4,
}
FILES = {
    "marrow": "single_cell/aml_vangalen_D0_multi_patient.h5ad",
    "oligodendroglioma": "single_cell/oligodendroglioma_infercnv.h5ad",
    "tumour": "single_cell/copykat_example_302cells.h5ad",
    "blood": "stimulation/kang_ifnb_subset.h5ad",
}


def sample(data_dir, name):
    adata = ad.read_h5ad(data_dir / FILES[name])
    if "patient" in adata.obs and name == "marrow":
        adata = adata[adata.obs["patient"] == adata.obs["patient"].value_counts().index[0]]
    adata = adata[:, ~adata.var_names.duplicated()]
    return sparse.csr_matrix(adata.X).astype(np.float32), pd.Index(adata.var_names.astype(str))


@pytest.mark.parametrize("name", sorted(FILES))
@pytest.mark.parametrize("size", [20, 100])
def test_detection_weighted_panels_are_significant_in_one_cell_of_twenty(data_dir, name, size):
    counts, genes = sample(data_dir, name)
    source = chunks.from_matrix(counts)
    inside = cell_reference.measured(genes, cell_reference.gene_moments(source), 0.0)
    detection = np.where(inside, counts.getnnz(axis=0), 0)
    rng = np.random.default_rng(5)
    rows = []
    for panel in range(60):
        targets = rng.choice(len(genes), size, replace=False, p=detection / detection.sum())
        signs = np.where(rng.random(size) < 0.85, 1.0, -1.0)
        rows += [(f"panel{panel}", genes[gene], sign, "own", "all") for gene, sign in zip(targets, signs, strict=True)]
    axes = pd.concat([RIVALS, pd.DataFrame(rows, columns=["axis", "gene", "weight", "panel", "compartments"])])
    found = cells.score_cells(source, genes, np.full(counts.shape[0], "bulk"), axes, SETTINGS)
    random = [axis.startswith("panel") for axis in found.axes]
    share, plain = ((stats.norm.sf(z[:, random]) < 0.05).mean() for z in (found.activity, found.score))
    print(f"\n{name}, {size} genes: activity {share:.3f}, plain ulm {plain:.3f}")
    assert 0.04 <= share <= 0.06
