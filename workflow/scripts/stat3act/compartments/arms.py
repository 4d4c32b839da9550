"""Gains and losses for people: chromosome arms of the malignant cells, and profiles of small groups to draw."""

import numpy as np
import pandas as pd

from stat3act.compartments.copy_number import Cells, Trial
from stat3act.compartments.evidence import window_counts
from stat3act.compartments.normal import bulk_profiles, reference_groups

ARM_COLUMNS = ("arm", "n_genes", "log2_ratio")
GROUP_COLUMNS = ("group", "cluster", "lineage", "call", "n_cells")
# An arm with fewer measured genes (the short arms of acrocentric chromosomes) has no mean worth ranking.
FEWEST_GENES = 20
# Rows of a picture; a sample's cells are averaged in groups so that it has about as many.
ROWS = 120


def arm_changes(cells: Cells, trial: Trial, malignant: np.ndarray) -> pd.DataFrame:
    """Compare the malignant cells with the reference, arm by arm.

    Parameters
    ----------
    cells
        The sample; ``logged.var`` names the arm of each gene.
    trial
        The reading that the calls come from.
    malignant
        Boolean, one value per cell.

    Returns
    -------
    pandas.DataFrame
        Columns ``arm n_genes log2_ratio``, most lost first: the mean over the arm's genes of the log2 ratio of summed
        malignant cells to the mean of the reference lineages, around the median gene. Expression shows less than the
        copies: one of two lost gives about -0.5, not -1. Empty without malignant cells.
    """
    if not malignant.any():
        return pd.DataFrame(columns=ARM_COLUMNS)
    genes = list(trial.genome.genes)
    tumour = bulk_profiles(trial.expression, np.where(malignant, "malignant", ""))[1][0]
    normal = bulk_profiles(trial.expression, reference_groups(cells.lineage, cells.state, trial.reference))[1]
    ratio = (tumour - normal.mean(axis=0)) / np.log(2)
    arm = cells.logged.var["arm"].astype(str).reindex(genes).to_numpy()
    table = pd.DataFrame({"arm": arm, "ratio": ratio - np.median(ratio)})
    found = table[table["arm"] != ""].groupby("arm")["ratio"].agg(n_genes="size", log2_ratio="mean")
    found = found[found["n_genes"] >= FEWEST_GENES].reset_index()
    return found.sort_values(["log2_ratio", "arm"], ignore_index=True)[list(ARM_COLUMNS)]


def window_names(trial: Trial, var: pd.DataFrame) -> list[str]:
    """Name every window by the chromosome and start of its first gene."""
    names = []
    for chromosome, count in zip(trial.genome.chromosomes, window_counts(trial.genome), strict=True):
        for place in range(count):
            gene = trial.genome.genes[chromosome.start + place * trial.genome.step]
            names.append(f"{var.at[gene, 'chromosome']}:{int(var.at[gene, 'start'])}")
    return names


def group_profiles(names: pd.DataFrame, trial: Trial, windows: np.ndarray, var: pd.DataFrame) -> pd.DataFrame:
    """Average the copy-number profiles of small groups of cells of one cluster, lineage and call.

    Parameters
    ----------
    names
        Columns ``cluster lineage call``, one row per own cell.
    trial, windows
        Of `malignant.Calls`.
    var
        ``chromosome`` and ``start`` of the genes.

    Returns
    -------
    pandas.DataFrame
        Columns ``group cluster lineage call n_cells`` and one per window; about 120 rows, in the order of
        clusters. Cells without a profile are in none.
    """
    keys = names.reset_index(drop=True)[~np.isnan(windows[:, 0])]
    size = max(1, -(-len(keys) // ROWS))
    rows, means = [], []
    for key, part in keys.groupby(["cluster", "lineage", "call"], sort=True):
        for members in np.array_split(part.index.to_numpy(), max(1, round(len(part) / size))):
            rows.append((*key, len(members)))
            means.append(windows[members].mean(axis=0, dtype=float))
    table = pd.DataFrame(rows, columns=GROUP_COLUMNS[1:])
    table.insert(0, "group", np.arange(1, len(table) + 1))
    return pd.concat([table, pd.DataFrame(np.round(means, 4), columns=window_names(trial, var))], axis=1)
