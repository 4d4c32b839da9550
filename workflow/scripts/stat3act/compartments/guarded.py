"""The cohort's expression once more without ambient RNA, and with the removed doublets: what the guards compare."""

from collections.abc import Mapping

import pandas as pd

from stat3act.compartments.ambient import (
    SHARE_COLUMNS,
    compartment_contamination,
    remove_ambient,
)
from stat3act.compartments.pseudobulk import stack_compartments, units_of

AMBIENT_LAYER, DOUBLETS_LAYER = "ambient_removed", "with_doublets"


def guard_expression(
    adata,
    matrices: Mapping[str, pd.DataFrame],
    units: Mapping[str, pd.DataFrame],
    doubled: Mapping[str, pd.DataFrame],
    contamination: Mapping[str, pd.DataFrame],
):
    """Add to a cohort's expression what it would be without ambient RNA, and with doublets.

    Parameters
    ----------
    adata, matrices, units
        Result and arguments of `pseudobulk.gather_pseudobulk`; units also have ``n_doublets``.
    doubled
        By sample: genes x those units that got doublets, doublets added (`doublets.add_doublets`).
    contamination
        By sample: result of `ambient.contamination_table`.

    Returns
    -------
    anndata.AnnData
        ``adata`` with ``layers["ambient_removed"]`` and ``layers["with_doublets"]``, both log2(CPM + 1), and ``obs``
        ``contamination contamination_low contamination_high ambient_reason n_doublets``.
    """
    import anndata as ad

    ways = {
        AMBIENT_LAYER: lambda name: remove_ambient(matrices[name], contamination[name]),
        DOUBLETS_LAYER: lambda name: matrices[name].assign(**dict(doubled[name].items())),
    }
    # Shares the arrays of the argument: of a large cohort they are gigabytes.
    adata = ad.AnnData(adata.X, obs=adata.obs, var=adata.var, uns=adata.uns, layers=dict(adata.layers))
    for layer, sums in ways.items():
        adata.layers[layer] = stack_compartments(sums, units, adata.obs, adata.var_names, logged=True)
    shares = pd.concat([compartment_contamination(table) for table in contamination.values()], ignore_index=True)
    shares = shares.rename(columns={"reason": "ambient_reason"})
    adata.obs = adata.obs.join(shares.set_index(["sample", "compartment"]), on=["sample", "compartment"])
    adata.obs["ambient_reason"] = adata.obs["ambient_reason"].fillna("")
    adata.obs["n_doublets"] = [
        int(units[row.sample].loc[units_of(row.compartment, units[row.sample]), "n_doublets"].sum())
        for row in adata.obs.itertuples()
    ]
    return adata


def guarded_rows(obs: pd.DataFrame, guard: str) -> pd.DataFrame:
    """Lay out for one guard the rows it applies to.

    Parameters
    ----------
    obs
        ``obs`` of `guard_expression`.
    guard
        ``ambient``: every compartment but the whole sample. ``doublets``: rows that doublets were removed from.

    Returns
    -------
    pandas.DataFrame
        ``sample compartment`` and what was measured: the contamination and why there is none (``reason``), or
        ``n_doublets``.
    """
    if guard == "ambient":
        rows = obs[obs["compartment"].astype(str) != "bulk"]
        return rows[["sample", "compartment", *SHARE_COLUMNS]].assign(reason=rows["ambient_reason"].astype(str))
    return obs.loc[obs["n_doublets"] > 0, ["sample", "compartment", "n_doublets"]].assign(reason="")
