"""Patient-level expression of the compartments: sums over the cells of each lineage, gathered over the cohort."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from scipy import sparse

from stat3act.compartments import COMPARTMENTS, LINEAGE_COMPARTMENTS
from stat3act.compartments.normal import sum_groups
from stat3act.logs import log
from stat3act.problems import Problem, raise_if_any

META_COLUMNS = ("sample", "compartment", "lineage", "n_cells", "n_genes", "total")
UNIT = "{compartment}|{lineage}"
LOW_CELLS, UNCERTAIN_CELLS = "LOW_CELLS", "UNCERTAIN_CELLS"


def sum_units(adata, labels: pd.DataFrame, sample: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sum the values of the cells of every lineage in every compartment of one sample.

    Parameters
    ----------
    adata
        `anndata.AnnData`, linear values (counts, TPM-like), sparse or dense; unique gene names.
    labels
        Columns ``cell compartment lineage`` for the same cells, in any order. Compartments are ``tumour``,
        ``microenvironment`` and ``uncertain``.
    sample
        Name of the sample.

    Returns
    -------
    matrix : pandas.DataFrame
        Genes x units named ``<compartment>|<lineage>``, float64, sorted.
    meta : pandas.DataFrame
        One row per unit: ``sample compartment lineage n_cells n_genes total``; ``n_genes`` counts genes above zero.

    Raises
    ------
    ValueError
        When labels and cells are not the same cells, or gene names repeat.
    """
    if not adata.var_names.is_unique:
        raise ValueError(f"{sample}: gene names repeat")
    labels = labels.set_index("cell")
    if not labels.index.is_unique or set(labels.index) != set(adata.obs_names):
        raise ValueError(f"{sample}: the labels are not those of its cells")
    labels = labels.loc[adata.obs_names]
    pairs = list(zip(labels["compartment"], labels["lineage"], strict=True))
    units = sorted(set(pairs))
    codes = np.array([units.index(pair) for pair in pairs])
    sums = sum_groups(sparse.csr_matrix(adata.X), codes, len(units))
    names = [UNIT.format(compartment=compartment, lineage=lineage) for compartment, lineage in units]
    matrix = pd.DataFrame(sums.T, index=adata.var_names.astype(str), columns=names)
    meta = pd.DataFrame(units, columns=["compartment", "lineage"]).assign(
        sample=sample,
        n_cells=np.bincount(codes),
        n_genes=(matrix > 0).sum(axis=0).to_numpy(),
        total=matrix.sum(axis=0).to_numpy(),
    )
    return matrix.rename_axis("gene"), meta[list(META_COLUMNS)]


def units_of(compartment: str, meta: pd.DataFrame) -> pd.Series:
    """Say which units make up a compartment: a boolean for each row of ``meta``.

    Tumour and microenvironment by the malignant call, the four lineages from non-malignant cells only, bulk from all
    cells, the uncertain ones included.
    """
    if compartment == "bulk":
        return pd.Series(True, index=meta.index)
    if compartment in LINEAGE_COMPARTMENTS:
        return (meta["compartment"] == "microenvironment") & (meta["lineage"] == compartment)
    return meta["compartment"] == compartment


def sum_compartments(matrix: pd.DataFrame, meta: pd.DataFrame) -> pd.DataFrame:
    """Add the units of one sample up to its compartments.

    Parameters
    ----------
    matrix, meta
        Result of `sum_units`.

    Returns
    -------
    pandas.DataFrame
        Genes x compartments that have cells.
    """
    names = meta["compartment"] + "|" + meta["lineage"]
    sums = {name: matrix[names[units_of(name, meta)]].sum(axis=1) for name in COMPARTMENTS}
    return pd.DataFrame({name: values for name, values in sums.items() if units_of(name, meta).any()})


def count_compartments(meta: pd.DataFrame, min_cells: int) -> pd.DataFrame:
    """Count the cells of every compartment of one sample and tell why one is not used.

    Returns
    -------
    pandas.DataFrame
        All seven compartments: ``sample compartment n_cells reason``. A compartment with fewer than ``min_cells`` has
        the reason ``UNCERTAIN_CELLS`` where as many cells that could belong to it could not be called, else
        ``LOW_CELLS``.
    """
    rows = []
    for name in COMPARTMENTS:
        number = int(meta.loc[units_of(name, meta), "n_cells"].sum())
        of_lineage = (meta["lineage"] == name) | (name not in LINEAGE_COMPARTMENTS)
        uncertain = int(meta.loc[(meta["compartment"] == "uncertain") & of_lineage, "n_cells"].sum())
        low = UNCERTAIN_CELLS if uncertain >= min_cells else LOW_CELLS
        rows.append((meta["sample"].iloc[0], name, number, low if number < min_cells else ""))
    return pd.DataFrame(rows, columns=["sample", "compartment", "n_cells", "reason"])


def shared_genes(matrices: Mapping[str, pd.DataFrame]) -> pd.Index:
    """Return the sorted genes that every sample measured; genes missing somewhere are not zero there.

    Raises
    ------
    InputProblems
        When the samples have no gene in common.
    """
    shared, union = None, set()
    for name in matrices:
        genes = matrices[name].index
        shared = set(genes) if shared is None else shared.intersection(genes)
        union.update(genes)
    log.info("%d genes measured in all %d samples, %d left out", len(shared), len(matrices), len(union) - len(shared))
    if not shared:
        raise_if_any(
            [
                Problem(
                    "cohort",
                    "genes",
                    f"{len(union)} genes, none of them in all of {', '.join(sorted(matrices))}",
                    "samples measured in the same genes",
                    "leave out the samples that differ",
                )
            ]
        )
    return pd.Index(sorted(shared), name="gene")


def log2_cpm(linear: np.ndarray) -> np.ndarray:
    """Return log2(CPM + 1) of rows of sums; a row without any value stays zero."""
    totals = linear.sum(axis=1, keepdims=True)
    return np.log2(1 + 1e6 * np.divide(linear, totals, out=np.zeros_like(linear), where=totals > 0))


def stack_compartments(
    units_of_sample: Callable[[str], pd.DataFrame],
    metas: Mapping[str, pd.DataFrame],
    rows: pd.DataFrame,
    genes: pd.Index,
    logged: bool = False,
) -> np.ndarray:
    """Stack the compartments of all samples, one sample after the other.

    Parameters
    ----------
    units_of_sample
        Gives the sums of a sample, genes x units, when it is its turn.
    metas
        Result of `sum_units` for every sample.
    rows
        ``sample compartment`` of every row that is wanted, the rows of a sample together.
    genes
        In this order.
    logged
        Return log2(CPM + 1) in float32 instead of the sums in float64.
    """
    stacked = np.empty((len(rows), len(genes)), dtype=np.float32 if logged else np.float64)
    done = 0
    for sample, wanted in rows.groupby("sample", sort=False, observed=True)["compartment"]:
        sums = sum_compartments(units_of_sample(sample).loc[genes], metas[sample])
        values = np.ascontiguousarray(sums[list(wanted)].to_numpy(dtype=float).T)
        stacked[done : done + len(wanted)] = log2_cpm(values) if logged else values
        done += len(wanted)
    return stacked


def gather_pseudobulk(
    matrices: Mapping[str, pd.DataFrame], metas: Mapping[str, pd.DataFrame], scale: str, min_cells: int
):
    """Gather the compartments of all samples into one matrix.

    Parameters
    ----------
    matrices, metas
        Result of `sum_units` for every sample. Matrices are asked for one at a time (`tables.Matrices`).
    scale
        What the sums are of: ``counts`` or ``tpm``.
    min_cells
        Fewest cells for a per-sample value; a compartment with fewer gets a reason (`count_compartments`).

    Returns
    -------
    adata : anndata.AnnData
        One row per sample and compartment with cells, named ``<sample>|<compartment>``; ``X`` log2(CPM + 1) in the
        genes that all samples measured, float32; ``layers["linear"]`` the sums, float64; ``obs`` has ``sample
        compartment n_cells reason``; ``uns["scale"]``.
    composition : pandas.DataFrame
        All samples x compartments: ``sample compartment n_cells fraction reason``; ``fraction`` of the sample's cells.

    Raises
    ------
    InputProblems
        When the samples have no gene in common.
    """
    import anndata as ad

    genes = shared_genes(matrices)
    names = sorted(matrices)
    composition = pd.concat([count_compartments(metas[sample], min_cells) for sample in names], ignore_index=True)
    cells = composition["sample"].map({sample: int(metas[sample]["n_cells"].sum()) for sample in names})
    composition.insert(3, "fraction", composition["n_cells"] / cells)
    obs = composition.loc[composition["n_cells"] > 0, ["sample", "compartment", "n_cells", "reason"]]
    linear, logged = (stack_compartments(matrices.__getitem__, metas, obs, genes, logged) for logged in (False, True))
    obs = obs.set_axis(obs["sample"] + "|" + obs["compartment"])
    adata = ad.AnnData(logged, obs=obs, var=pd.DataFrame(index=genes), layers={"linear": linear})
    adata.uns["scale"] = scale
    return adata, composition
