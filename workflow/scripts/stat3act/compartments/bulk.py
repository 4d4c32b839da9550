"""The bulk half of the stage as its rules see it: files in, tables out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd

from stat3act.compartments import COMPARTMENTS
from stat3act.compartments.mixture import MixtureFit, fit_states, fraction_table
from stat3act.compartments.platform import log_platform, platform_table
from stat3act.compartments.purity import combine_purity, fitted_error, given_purity
from stat3act.compartments.reference import Reference, export_reference
from stat3act.compartments.reference_check import check_reference, check_table
from stat3act.compartments.reference_pool import read_references
from stat3act.compartments.split import split_activity
from stat3act.problems import Problem, raise_if_any
from stat3act.tables import Matrices, read_table


def linear_values(bulk: ad.AnnData) -> pd.DataFrame:
    """Return the linear values of a bulk cohort, samples x genes.

    Raises
    ------
    InputProblems
        The cohort has logarithms that were not brought back: a mixture of cells is a sum of their reads, which logs
        do not add up to.
    """
    if "linear" not in bulk.layers:
        scale = str(bulk.uns.get("scale", "log"))
        mend = "give counts or TPM, name expression.log_offset, or set compartments.method to none (unsplit row only)"
        expected = "counts, tpm, fpkm or rsem, for a split by reference"
        raise_if_any([Problem("config", "expression.scale with compartments.reference", scale, expected, mend)])
    return pd.DataFrame(np.asarray(bulk.layers["linear"]), index=bulk.obs_names, columns=bulk.var_names)


@dataclass(frozen=True)
class Deconvolved:
    """What `deconvolve` finds; each part is a file of the stage, named like it."""

    fit: ad.AnnData
    fractions: pd.DataFrame
    composition: pd.DataFrame
    platform: pd.DataFrame
    reference_check: pd.DataFrame


def deconvolve(
    bulk: ad.AnnData,
    reference_paths: Sequence[str | Path],
    axes: pd.DataFrame,
    genes: pd.DataFrame,
    samples: Sequence[Mapping[str, str]],
    settings: Mapping,
    seed: int,
) -> Deconvolved:
    """Estimate the fractions of a bulk cohort, and how far its reference can be trusted with it.

    Parameters
    ----------
    bulk
        ``expression/bulk.h5ad``.
    reference_paths
        One reference or several, see `read_references`.
    axes
        The axes table; its genes do not decide fractions.
    genes
        Gene table with ``symbol chromosome``.
    samples
        Rows of the sheet: ``sample``, and the column of ``purity_column`` where there is one.
    settings
        The ``compartments`` section.
    seed
        Seed of the left-out mixtures that the reference is checked with.
    """
    linear = linear_values(bulk)
    given = settings["malignant_values"], settings["lineages"]
    reference = read_references(reference_paths, linear.columns, *given)
    scored, chromosomes = set(axes["gene"]), chromosome_by_symbol(genes)
    fit = fit_states(linear, reference, scored, chromosomes)
    check = check_reference(linear, reference, fit, str(bulk.uns.get("scale", "")), seed)
    outside = given_purity(samples, settings["purity_column"])
    sds = settings["purity_sd"], fitted_error(check.misfit)
    purity = combine_purity(fit.purity(reference.is_tumour), outside, *sds, check.misfit)
    if outside.notna().any():
        held = purity["purity"].where(purity["purity_given"].notna())
        fit = fit_states(linear, reference, scored, chromosomes, purity=held)
    platform = platform_table(fit.filtered, fit.shift)
    log_platform(platform, fit.shift_sd)
    fractions = fraction_table(fit.fractions, reference)
    composition = composition_table(fractions, settings["min_purity"], settings["max_purity"])
    checked = check_table(check, purity, fit.shift_sd)
    return Deconvolved(pack_fit(fit, reference, linear.columns), fractions, composition, platform, checked)


def chromosome_by_symbol(genes: pd.DataFrame) -> pd.Series:
    """Return the chromosome of each gene symbol of the gene table."""
    return genes.drop_duplicates("symbol").set_index("symbol")["chromosome"]


def pack_fit(fit: MixtureFit, reference: Reference, genes: pd.Index) -> ad.AnnData:
    """Pack fractions and the reference they were fitted with into one AnnData.

    Parameters
    ----------
    fit
        Result of `fit_states`.
    reference
        The reference.
    genes
        Genes of the bulk; profiles of other genes are not needed any more, only their sum.

    Returns
    -------
    anndata.AnnData
        ``obs`` samples (``iterations``), ``var`` states (``compartment lineage n_cells``), ``X`` fractions,
        ``varm["profiles"]`` states x shared genes, ``uns["genes"]`` their names.
    """
    shared = reference.profiles.index[reference.profiles.index.isin(genes)]
    packed = ad.AnnData(
        fit.fractions.to_numpy(dtype=np.float64),
        obs=pd.DataFrame({"iterations": fit.iterations}),
        var=reference.states.copy(),
    )
    packed.varm["profiles"] = reference.profiles.loc[shared].to_numpy(dtype=np.float64).T
    packed.uns["genes"] = shared.to_numpy(dtype=str)
    return packed


def unpack_fit(packed: ad.AnnData) -> tuple[Reference, pd.DataFrame]:
    """Return reference and fractions of a fit packed by `pack_fit`."""
    profiles = pd.DataFrame(np.asarray(packed.varm["profiles"]).T, index=packed.uns["genes"], columns=packed.var_names)
    fractions = pd.DataFrame(np.asarray(packed.X), index=packed.obs_names, columns=packed.var_names)
    return Reference(profiles, packed.var), fractions


def composition_table(fractions: pd.DataFrame, min_purity: float, max_purity: float) -> pd.DataFrame:
    """List every compartment of every bulk sample with its fraction.

    Parameters
    ----------
    fractions
        ``sample compartment lineage fraction``.
    min_purity, max_purity
        Limits of a tumour and of a microenvironment value.

    Returns
    -------
    pandas.DataFrame
        ``sample compartment n_cells fraction reason``; lineages of a bulk sample have a fraction but no profile of
        their own (``NOT_RESOLVED``).
    """
    whole = fractions[fractions["lineage"] == "all"].pivot_table(
        index="sample", columns="compartment", values="fraction"
    )
    parts = fractions[fractions["lineage"] != "all"].pivot_table(index="sample", columns="lineage", values="fraction")
    rows = []
    for sample in dict.fromkeys(fractions["sample"]):
        purity = whole.at[sample, "tumour"]
        for compartment in COMPARTMENTS:
            if compartment == "bulk":
                share, reason = 1.0, ""
            elif compartment == "tumour":
                share, reason = purity, "LOW_PURITY" if purity < min_purity else ""
            elif compartment == "microenvironment":
                share, reason = whole.at[sample, compartment], "HIGH_PURITY" if purity > max_purity else ""
            else:
                share = parts.at[sample, compartment] if compartment in parts else np.nan
                reason = "NOT_RESOLVED"
            rows.append((sample, compartment, np.nan, share, reason))
    return pd.DataFrame(rows, columns=["sample", "compartment", "n_cells", "fraction", "reason"])


def unsplit(bulk: ad.AnnData) -> tuple[ad.AnnData, pd.DataFrame]:
    """Present each bulk sample as the unsplit row of the compartment ``bulk``.

    Parameters
    ----------
    bulk
        ``expression/bulk.h5ad``.

    Returns
    -------
    tuple
        The rows as ``compartments/expression.h5ad``, and their ``composition.tsv``.
    """
    samples = list(bulk.obs_names)
    obs = pd.DataFrame(
        {"sample": samples, "compartment": "bulk", "n_cells": np.nan, "reason": ""},
        index=[f"{sample}|bulk" for sample in samples],
    )
    # Shares the arrays of the argument: of ten thousand samples they are gigabytes.
    rows = ad.AnnData(bulk.X, obs=obs, var=bulk.var, uns=dict(bulk.uns), layers=dict(bulk.layers))
    composition = obs.assign(fraction=1.0)[["sample", "compartment", "n_cells", "fraction", "reason"]]
    return rows, composition


def split_cohort(
    bulk: ad.AnnData, packed: ad.AnnData, axes: pd.DataFrame, genes: pd.DataFrame, settings: Mapping, seed: int
) -> pd.DataFrame:
    """Score tumour and microenvironment of every bulk sample; see `split_activity`.

    Parameters
    ----------
    bulk
        ``expression/bulk.h5ad``.
    packed
        The fit of `deconvolve`.
    axes, genes
        Axes and gene table.
    settings
        By section: ``activity`` and ``compartments``.
    seed
        Seed of the control panels.
    """
    reference, fractions = unpack_fit(packed)
    limits = settings["compartments"]["min_purity"], settings["compartments"]["max_purity"]
    chromosomes = chromosome_by_symbol(genes)
    return split_activity(
        linear_values(bulk), reference, fractions, axes, settings["activity"], limits, seed, chromosomes
    )


def export_cohort(
    pseudobulk_paths: Sequence[str | Path],
    cells_paths: Sequence[str | Path],
    samples: Sequence[Mapping[str, str]],
    min_cells: int,
) -> pd.DataFrame:
    """Read a single-cell cohort's pseudobulk and build its reference table; see `export_reference`.

    Parameters
    ----------
    pseudobulk_paths, cells_paths
        ``pseudobulk/<sample>.parquet`` and ``.tsv``, in the order of `samples`.
    samples
        Rows with ``sample`` and ``patient``.
    min_cells
        Fewest cells behind a profile.

    Returns
    -------
    pandas.DataFrame
        The table with ``gene`` as its first column.
    """
    names = [row["sample"] for row in samples]
    pseudobulk = Matrices(dict(zip(names, pseudobulk_paths, strict=True)))
    cells = pd.concat([read_table(path, dtype={"sample": str}) for path in cells_paths], ignore_index=True)
    patients = {row["sample"]: row.get("patient", row["sample"]) for row in samples}
    return export_reference(pseudobulk, cells, patients, min_cells).reset_index()
