"""Single cells with known lineages and known gains and losses, from the bundled marker table."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import yaml
from scipy import sparse

from stat3act.compartments.cells import LINEAGE_COLUMNS, Labels, find_lineages, label_cells
from stat3act.compartments.clusters import log_normalise
from stat3act.compartments.copy_number import Cells
from stat3act.compartments.lent import lend_cells, pool_cells
from stat3act.compartments.malignant import GATES
from stat3act.schema import default_of

ROOT = Path(__file__).parents[1]
MARKERS = pd.read_csv(ROOT / "resources/markers/lineages.tsv", sep="\t")
LINEAGE_OF = dict(zip(MARKERS["state"], MARKERS["lineage"], strict=True))
DEFAULTS = default_of(yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text("utf-8")), "compartments")
CLUSTERING = DEFAULTS["clustering"]
# 150 genes per chromosome: windows short enough that two of them fit side by side.
COPY_NUMBER = {**DEFAULTS["malignant"], "window_size": 25, "step": 5}
SETTINGS = {**DEFAULTS, "malignant": COPY_NUMBER}
GENES_PER_CHROMOSOME = 150
EVENTS = {"chr3": 1.5, "chr7": 1.5, "chr10": 0.5, "chr13": 0.5}
HISTONES = [f"H2BC{number}" for number in range(1, 61)]
NORMALS = [("fibroblast", "fibroblast", 30, {}), ("macrophage", "macrophage or monocyte", 30, {}), ("T", "T", 30, {})]
Part = tuple[str, str, int, dict[str, float]]


def genome() -> pd.DataFrame:
    """Return positions: background genes on 22 chromosomes, histones in a row on chr6, markers without a position."""
    rows = [
        (f"chr{number}", float(place * 10_000), float(place * 10_000 + 5_000), f"{number}{'pq'[place >= 70]}")
        for number in range(1, 23)
        for place in range(GENES_PER_CHROMOSOME)
    ]
    background = pd.DataFrame(rows, columns=["chromosome", "start", "end", "arm"])
    background.index = [f"{row.chromosome.upper()}G{int(row.start // 10_000)}" for row in background.itertuples()]
    places = 300_001.0 + 100 * np.arange(len(HISTONES))
    histones = pd.DataFrame({"chromosome": "chr6", "start": places, "end": places + 50, "arm": "6p"}, index=HISTONES)
    markers = pd.DataFrame({"chromosome": "", "arm": ""}, index=sorted(MARKERS["gene"].unique()))
    return pd.concat([background, histones, markers])


def profile(state: str, var: pd.DataFrame, events: Mapping[str, float]) -> np.ndarray:
    """Return the expression of a state: shared background, its own programme, its markers, and factors.

    Parameters
    ----------
    state
        A state of the marker table; any other name has no marker, and cells of it no lineage.
    var
        Result of `genome`.
    events
        Factors by chromosome, by arm, or by gene.
    """
    values = np.random.default_rng(0).lognormal(0, 1, len(var))
    # A state's own programme is scattered over the genome; it depends on the state's name only.
    own = np.random.default_rng([len(state), *state.encode()])
    values *= np.where(own.random(len(var)) < 0.2, np.exp(own.normal(0, 0.7, len(var))), 1)
    is_marker = var.index.isin(MARKERS["gene"])
    wanted = MARKERS.loc[(MARKERS["state"] == state) & (MARKERS["sign"] == 1), "gene"]
    values[is_marker] = np.where(var.index[is_marker].isin(wanted), 5.0, 0.01)
    for name, factor in events.items():
        values[(var["chromosome"] == name) | (var["arm"] == name) | (var.index == name)] *= factor
    return values / values.sum()


def simulate(
    parts: Sequence[Part], seed: int = 1, depth: float = 6000, batch: int | None = None, spread: float = 0.4
) -> ad.AnnData:
    """Return cells of ``(name, state, cells, events)``; ``obs["truth"]`` is the name, ``obs["state"]`` the state.

    With a ``batch`` every gene is off by a factor of its own, the same in all cells (log-normal, ``spread``).
    """
    rng = np.random.default_rng(seed)
    var = genome()
    factors = np.ones(len(var))
    if batch is not None:
        factors = np.random.default_rng([7, batch]).lognormal(0, spread, len(var))
    counts, truth, states = [], [], []
    for name, state, cells, events in parts:
        means = profile(state, var, events) * factors
        counts.append(rng.poisson(means / means.sum() * depth * rng.lognormal(0, 0.3, (cells, 1))))
        truth += [name] * cells
        states += [state] * cells
    obs = pd.DataFrame({"truth": truth, "state": states}, index=[f"cell{row}" for row in range(len(truth))])
    return ad.AnnData(sparse.csr_matrix(np.vstack(counts).astype(np.float32)), obs=obs, var=var)


def tumour(events: Mapping[str, float], malignant: int = 60, normal: int = 0, **changes) -> ad.AnnData:
    """Return a carcinoma with three normal lineages beside it."""
    parts = [("malignant", "epithelial", malignant, events), ("normal epithelium", "epithelial", normal, {})]
    return simulate([*parts, *NORMALS], **changes)


def known_lineages(cells: ad.AnnData) -> ad.AnnData:
    """Return the simulated truth in the form of `find_lineages`: a cluster per name, neighbours in a ring."""
    clusters = {name: str(rank) for rank, name in enumerate(cells.obs["truth"].value_counts(sort=True).index)}
    obs = pd.DataFrame(index=cells.obs_names, columns=list(LINEAGE_COLUMNS), dtype=object).fillna("")
    obs["lineage"] = obs["lineage_found"] = cells.obs["state"].map(lambda state: LINEAGE_OF.get(state, "unknown"))
    obs["state"], obs["lineage_source"], obs["lineage_margin"] = cells.obs["state"].astype(str), "markers", 1.0
    obs["cluster"] = cells.obs["truth"].map(clusters).astype(str)
    members = [np.flatnonzero(obs["cluster"] == name) for name in sorted(set(obs["cluster"]))]
    pairs = np.hstack([[part, np.roll(part, shift)] for part in members for shift in (1, 2, 3, -1, -2, -3)])
    graph = sparse.csr_matrix((np.ones(pairs.shape[1], dtype=np.float32), tuple(pairs)), shape=(cells.n_obs,) * 2)
    graph.setdiag(0)
    lineages = ad.AnnData(sparse.csr_matrix((cells.n_obs, 0), dtype=np.float32), obs=obs)
    lineages.obsm["X_umap"], lineages.obsp["connectivities"] = np.zeros((cells.n_obs, 2)), graph
    return lineages


def cells_of(cells: ad.AnnData, sample: str = "own") -> Cells:
    """Return the simulated truth as the copy-number code takes it."""
    lineages = known_lineages(cells)
    named = (lineages.obs[column].to_numpy(dtype=object) for column in ("lineage", "state", "cluster"))
    graph = sparse.csr_matrix(lineages.obsp["connectivities"])
    return Cells(log_normalise(cells, "counts"), *named, graph, np.full(cells.n_obs, sample, dtype=object))


def call(
    cells: ad.AnnData, tumour_type: str = "carcinoma", pool: ad.AnnData | None = None, seed: int = 1, **changes
) -> Labels:
    """Label cells whose lineages are known; ``changes`` go to ``settings["malignant"]``."""
    settings = {**SETTINGS, "malignant": {**COPY_NUMBER, **changes}}
    return label_cells(cells, known_lineages(cells), pool, settings, tumour_type, MARKERS, seed, sample="own")


def find_and_call(
    cells: ad.AnnData, settings: Mapping = SETTINGS, tumour_type: str = "carcinoma", pool: ad.AnnData | None = None
) -> Labels:
    """Label cells as the workflow does: lineages by clustering, then calls."""
    lineages, _ = find_lineages(cells, settings, tumour_type, MARKERS, 1, sample="own")
    return label_cells(cells, lineages, pool, settings, tumour_type, MARKERS, 1, sample="own")


def share(labels: Labels, cells: ad.AnnData, name: str, value: str) -> float:
    """Return the share of the cells of this name that have this call."""
    return float((labels.cells.loc[(cells.obs["truth"] == name).to_numpy(), "malignant_call"] == value).mean())


def reasons(labels: Labels) -> set[str]:
    """Return the reason codes of a sample."""
    return {code for codes in labels.clusters["reason"] for code in codes.split(";") if code}


def pool_of(samples: Mapping[str, ad.AnnData], tumour_type: str = "carcinoma") -> ad.AnnData:
    """Return the normal cells that samples of known lineages lend."""
    return pool_cells(
        [
            lend_cells(
                log_normalise(cells, "counts"),
                known_lineages(cells).obs,
                CLUSTERING["margin"],
                GATES[tumour_type],
                None,
                sample,
            )
            for sample, cells in samples.items()
        ]
    )


def donors(count: int, spread: float = 0.4) -> dict[str, ad.AnnData]:
    """Return samples of normal lineages, each with a batch effect of its own."""
    return {f"donor{number}": simulate(NORMALS, 50 + number, batch=number, spread=spread) for number in range(count)}
