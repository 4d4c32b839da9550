"""Single cells with known lineages and known gains and losses, from the bundled marker table."""

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
from scipy import sparse

MARKERS = pd.read_csv(Path(__file__).parents[1] / "resources/markers/lineages.tsv", sep="\t")
CLUSTERING = {"n_top_genes": 2000, "n_pcs": 30, "n_neighbors": 15, "resolution": 1.0, "margin": 0.1}
# 150 genes per chromosome: windows short enough that two of them fit side by side.
COPY_NUMBER = {"window_size": 25, "step": 5, "min_reference_cells": 20, "probability": 0.8}
SETTINGS = {
    "cell_type_key": None,
    "malignant_key": None,
    "lineages": {},
    "malignant_values": ["malignant"],
    "non_malignant_values": ["non-malignant", "normal"],
    "clustering": CLUSTERING,
    "malignant": COPY_NUMBER,
}
GENES_PER_CHROMOSOME = 150
EVENTS = {"chr3": 1.5, "chr7": 1.5, "chr10": 0.5, "chr13": 0.5}


def genome() -> pd.DataFrame:
    """Return positions: background genes on 22 chromosomes, and the markers without a position."""
    rows = [
        (f"chr{number}", float(place * 10_000), float(place * 10_000 + 5_000))
        for number in range(1, 23)
        for place in range(GENES_PER_CHROMOSOME)
    ]
    background = pd.DataFrame(rows, columns=["chromosome", "start", "end"])
    background.index = [f"{row.chromosome.upper()}G{int(row.start // 10_000)}" for row in background.itertuples()]
    markers = pd.DataFrame({"chromosome": ""}, index=sorted(MARKERS["gene"].unique()))
    return pd.concat([background, markers])


def profile(state: str, var: pd.DataFrame, events: dict[str, float], seed: int) -> np.ndarray:
    """Return the expression of a state: shared background, its own programme, its markers, copy number."""
    values = np.random.default_rng(0).lognormal(0, 1, len(var))
    # A state's own programme is scattered over the genome; it depends on the state's name only.
    own = np.random.default_rng([len(state), *state.encode()])
    values *= np.where(own.random(len(var)) < 0.2, np.exp(own.normal(0, 0.7, len(var))), 1)
    is_marker = var.index.isin(MARKERS["gene"])
    wanted = MARKERS.loc[(MARKERS["state"] == state) & (MARKERS["sign"] == 1), "gene"]
    values[is_marker] = np.where(var.index[is_marker].isin(wanted), 5.0, 0.01)
    for chromosome, factor in events.items():
        values[var["chromosome"] == chromosome] *= factor
    return values / values.sum()


def simulate(parts: list[tuple[str, str, int, dict]], seed: int = 1, depth: float = 6000) -> ad.AnnData:
    """Return cells of ``(name, state, cells, events)``; ``obs["truth"]`` is the name, ``obs["state"]`` the state."""
    rng = np.random.default_rng(seed)
    var = genome()
    counts, truth, states = [], [], []
    for name, state, cells, events in parts:
        means = profile(state, var, events, seed)
        counts.append(rng.poisson(means * depth * rng.lognormal(0, 0.3, (cells, 1))))
        truth += [name] * cells
        states += [state] * cells
    obs = pd.DataFrame({"truth": truth, "state": states}, index=[f"cell{row}" for row in range(len(truth))])
    return ad.AnnData(sparse.csr_matrix(np.vstack(counts).astype(np.float32)), obs=obs, var=var)


def tumour(events: dict[str, float], malignant: int = 60, normal: int = 0) -> ad.AnnData:
    """Return a carcinoma with three normal lineages beside it."""
    return simulate(
        [
            ("malignant", "epithelial", malignant, events),
            ("normal epithelium", "epithelial", normal, {}),
            ("fibroblast", "fibroblast", 30, {}),
            ("macrophage", "macrophage or monocyte", 30, {}),
            ("T", "T", 30, {}),
        ]
    )
