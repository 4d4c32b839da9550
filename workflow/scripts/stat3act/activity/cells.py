"""Scores of single cells, for pictures: one pass over sparse counts, never dense.

A cell's numbers say where in a sample a signal sits. They do not decide anything: calls come from pseudobulk, because
cells of a sample are no replicates and a single cell holds few counts of any target.

Two numbers per cell and axis. *score* is the t value of decoupler's ``ulm`` on log(1 + counts per 10,000), what most
tools show. *activity* is the axes model of `model.adjusted_statistic` on gene-standardised values
z = (x - mean) / scale over the sample's own cells, limited to +-clip, the same treatment the cohort's rows get.
Standardised and not plain values, because the null is about exchangeable genes: plain values of a stratum still
differ in mean, targets sit at the upper end, and random panels drawn in proportion to detection come out positive
(upper p < 0.05 in 5 to 31 % of the cells of four real data sets; 4.5 to 5.7 % after standardising). A cell's activity
has no inflation factor: it is in units of the permutation alone, which knows nothing of co-expression, and must not be
compared with the activity of a compartment. Sparsity survives: all genes start as zero counts, whose standardised
values are known, and a stored count adds its difference.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from stat3act.compartments import LINEAGE_COMPARTMENTS
from stat3act.activity import kernel
from stat3act.activity.cell_reference import (
    TARGET_TOTAL,
    GeneMoments,
    gene_moments,
    measured,
    strata_of,
)
from stat3act.activity.chunks import BLOCK_ROWS, Cells, blocks
from stat3act.activity.plan import Plan, compile_links, compile_plan, standardised_genes
from stat3act.activity.prepare import axis_weights, fewest_targets, own_weights
from stat3act.logs import log
from stat3act.problems import InputProblems, Problem


@dataclass(frozen=True)
class CellScores:
    """Scores of all cells.

    Attributes
    ----------
    axes
        Names, sorted.
    score, activity
        Cells x axes, float32; NaN for a cell without counts, and for an axis that cannot be scored in its compartment.
        Activity has an inflation factor of 1.
    genes
        Genes with a count in any cell: the universe of ``score``.
    pseudobulk
        Groups x genes, sums of counts; None when no groups were given.
    """

    axes: list[str]
    score: np.ndarray
    activity: np.ndarray
    genes: int
    pseudobulk: np.ndarray | None


def reject_repeats(twice: bool) -> None:
    """Refuse a matrix that stores an entry in two parts, whose logarithm cannot be taken part by part."""
    if twice:
        raise ValueError("a cell stores the same gene twice: call sum_duplicates() on the matrix before writing it")


def ulm_t(totals: np.ndarray, sums: np.ndarray, weights: sparse.csr_array, seen: np.ndarray) -> np.ndarray:
    r"""Turn the sums of `kernel.ulm_rows` into t values, in place.

    .. math::
        r = \frac{\sum x s - \sum x \sum s / G}
                 {\sqrt{(\sum x^2 - (\sum x)^2 / G) (\sum s^2 - (\sum s)^2 / G)}}, \quad
        t = r \sqrt{\frac{G - 2}{1 - r^2}}

    over the G genes with a value in any cell, decoupler's universe (Badia-i-Mompel 2022, doi 10.1093/bioadv/vbac016).

    Parameters
    ----------
    totals
        Cells x 2; sum and sum of squares.
    sums
        Cells x axes; overwritten.
    weights
        Genes x axes.
    seen
        Per gene, whether any cell has it.
    """
    genes, w = int(seen.sum()), weights[seen]
    weight_sum = w.sum(axis=0)
    weight_ss = w.multiply(w).sum(axis=0) - weight_sum**2 / max(genes, 1)
    for start in range(0, len(sums), BLOCK_ROWS):
        part, total = sums[start : start + BLOCK_ROWS], totals[start : start + BLOCK_ROWS]
        with np.errstate(invalid="ignore", divide="ignore"):
            part -= total[:, [0]] * (weight_sum / genes)
            part /= np.sqrt((total[:, 1] - total[:, 0] ** 2 / genes)[:, None] * weight_ss)
            # The same guard against a correlation of one as decoupler's.
            part *= np.sqrt((genes - 2) / ((1 - part + 2.2e-16) * (1 + part + 2.2e-16)))
    return sums


def ulm_cells(
    cells: Cells, weights: sparse.csr_array, target: float = TARGET_TOTAL, prefetch: bool = False
) -> np.ndarray:
    """Score cells by decoupler's ``ulm`` alone.

    Parameters
    ----------
    cells
        Counts; or values to be taken as they are, where ``target`` is 0.
    weights
        Genes x axes, signed.
    target
        Total that each cell is scaled to before log(1 + x); 0 takes the values as they are.
    prefetch
        Read ahead in a second thread.

    Returns
    -------
    Cells x axes of t values; NaN for a cell without counts.

    Raises
    ------
    ValueError
        When an entry is stored twice.
    """
    links, axes = compile_links(weights), weights.shape[1]
    single = weights.toarray()[:, 0] if axes == 1 else np.empty(0)
    totals, sums = np.empty((cells.shape[0], 2)), np.empty((cells.shape[0], axes))
    seen, twice = np.zeros(cells.shape[1], bool), False
    for block in blocks(cells, prefetch=prefetch):
        part = slice(block.start, block.stop)
        twice |= kernel.ulm_rows(
            block.values, block.indices, block.indptr, target, links, single, seen, totals[part], sums[part]
        )
    reject_repeats(twice)
    return ulm_t(totals, sums, weights, seen)


def compile_compartments(
    axes: pd.DataFrame, genes: pd.Index, compartments: list[str], moments: GeneMoments, settings: dict
) -> dict[str, tuple[Plan, np.ndarray]]:
    """Prepare the axes of each compartment.

    Parameters
    ----------
    axes
        The prepared axes table: ``axis gene weight panel compartments``.
    genes
        Names of the genes.
    compartments
        Those that any cell belongs to.
    moments
        Of the sample.
    settings
        The ``activity`` section of the config.

    Returns
    -------
    For each compartment its plan, and for each axis of the plan whether it can be scored there.
    """
    inside = measured(genes, moments, settings["min_log2_cpm"])
    strata = strata_of(genes, moments, inside)
    # min_scale is in log2 units, as for the cohort; a cell's values are natural logarithms.
    scale = np.sqrt(moments.deviation**2 + (settings["min_scale"] * np.log(2)) ** 2)
    gene = standardised_genes(moments.location, scale, inside, settings["clip"])
    names = sorted(axes["axis"].unique())
    plans = {}
    for compartment in compartments:
        weights = axis_weights(axes, compartment, genes)[0].reindex(columns=names, fill_value=0.0)
        own = own_weights(axes, compartment, genes).reindex(columns=names, fill_value=0.0)
        plan = compile_plan(weights, own, settings["rivals"], gene, strata, settings["clip"])
        needed = [fewest_targets(axis, settings) for axis in plan.axes]
        plans[compartment] = plan, (plan.weights[inside] != 0).sum(axis=0) >= needed
    return plans


def score_cells(
    cells: Cells,
    genes: pd.Index,
    compartment: np.ndarray,
    axes: pd.DataFrame,
    settings: dict,
    groups: np.ndarray | None = None,
    threads: int = 1,
) -> CellScores:
    """Score every axis in every cell of a sample.

    Parameters
    ----------
    cells
        Counts, or linear values like TPM.
    genes
        Names of the genes.
    compartment
        Per cell; the compartment whose weights apply.
    axes
        The prepared axes table: ``axis gene weight panel compartments``.
    settings
        The ``activity`` section of the config.
    groups
        Per cell; number of the group whose counts it is summed into, -1 for none.
    threads
        With two or more, blocks are read ahead. Changes no number.

    Returns
    -------
    Scores of all cells.

    Raises
    ------
    InputProblems
        When too few genes are measured.
    ValueError
        When an entry is stored twice.
    """
    count, prefetch = cells.shape[0], threads > 1
    moments = gene_moments(cells, prefetch)
    plans = compile_compartments(axes, genes, sorted(set(compartment)), moments, settings)
    names = next(iter(plans.values()))[0].axes
    order = np.argsort(names)
    totals, sums, room = np.empty((count, 2)), np.empty((count, len(names))), np.empty((BLOCK_ROWS, len(names)))
    score, activity = np.empty_like(sums, dtype=np.float32), np.empty_like(sums, dtype=np.float32)
    seen, twice = np.zeros(len(genes), bool), False
    group = np.full(count, -1) if groups is None else groups.astype(np.int64)
    bulk = np.zeros((max(group.max(initial=-1) + 1, 1), len(genes)))
    for block in blocks(cells, prefetch=prefetch):
        part = slice(block.start, block.stop)
        for name, (plan, _) in plans.items():
            twice |= kernel.score_rows(
                block.values,
                block.indices,
                block.indptr,
                np.flatnonzero(compartment[part] == name),
                TARGET_TOTAL,
                plan.links,
                plan.model,
                seen,
                group[part],
                bulk,
                totals[part],
                sums[part],
                room,
            )
        activity[part] = room[: block.stop - block.start, order]
        log.info("%d of %d cells", block.stop, count)
    reject_repeats(twice)
    for name, (plan, usable) in plans.items():
        own, weights = np.flatnonzero(compartment == name), sparse.csr_array(plan.weights)
        for rows in np.array_split(own, range(BLOCK_ROWS, len(own), BLOCK_ROWS)):
            score[rows] = ulm_t(totals[rows], sums[rows], weights, seen)[:, order]
        score[np.ix_(own, ~usable[order])] = np.nan
        activity[np.ix_(own, ~usable[order])] = np.nan
    return CellScores(
        [names[axis] for axis in order], score, activity, int(seen.sum()), None if groups is None else bulk
    )


def weights_compartment(labels: pd.DataFrame) -> np.ndarray:
    """Name the compartment whose weights apply to each cell.

    The finest one that is known: a lineage for cells of the microenvironment that have one, and ``bulk``, the weights
    of what is not split, for a cell that is uncertain.

    Parameters
    ----------
    labels
        Columns ``lineage compartment``.
    """
    known = (labels["compartment"] == "microenvironment") & labels["lineage"].isin(LINEAGE_COMPARTMENTS)
    coarse = labels["compartment"].where(labels["compartment"].isin(["tumour", "microenvironment"]), "bulk")
    return labels["lineage"].where(known, coarse).to_numpy(str)


def match_labels(names: pd.Index, labels: pd.DataFrame) -> pd.DataFrame:
    """Bring the labels into the order of the cells.

    Raises
    ------
    InputProblems
        When a cell has no label, or two.
    """
    table = labels.set_index("cell")
    absent, repeated = names.difference(table.index), table.index[table.index.duplicated()].unique()
    if len(absent) or len(repeated):
        raise InputProblems(
            [
                Problem(
                    "compartments/cells",
                    "column 'cell'",
                    f"{count} of {len(names)} cells {what}, e.g. {found[0]!r}",
                    "each cell of the expression file once",
                    "run the compartments stage again for this sample",
                )
                for what, found in (("without a row", absent), ("with several rows", repeated))
                if (count := len(found))
            ]
        )
    return table.loc[names]


def score_sample(
    cells: Cells,
    names: pd.Index,
    genes: pd.Index,
    labels: pd.DataFrame,
    axes: pd.DataFrame,
    settings: dict,
    threads: int = 1,
):
    """Score the cells of one sample and put them where scanpy finds them.

    Parameters
    ----------
    cells, genes, axes, settings, threads
        As `score_cells`.
    names
        Names of the cells.
    labels
        Columns ``cell lineage malignant_call compartment``, in any order of rows.

    Returns
    -------
    `anndata.AnnData` without genes: ``obs`` has lineage, malignant call, compartment and the activity of each STAT3
    panel; ``obsm["activity"]`` and ``obsm["score"]`` are tables of cells x axes; ``uns["activity"]`` tells what the
    numbers are.

    Raises
    ------
    InputProblems
        When too few genes are measured, or cells and labels do not match.
    """
    # Only the rule needs it; who scores a matrix in memory is spared the import.
    import anndata as ad

    obs = match_labels(names, labels)[["lineage", "malignant_call", "compartment"]].astype(str)
    result = score_cells(cells, genes, weights_compartment(obs), axes, settings, threads=threads)
    tables = {
        key: pd.DataFrame(values, index=names, columns=result.axes)
        for key, values in (("activity", result.activity), ("score", result.score))
    }
    for axis in (axis for axis in result.axes if axis.startswith("stat3_")):
        obs[axis] = tables["activity"][axis]
    told = {
        "axes": np.array(result.axes, dtype=object),
        "reference": f"cells of the sample (n={len(names)})",
        "score_genes": result.genes,
        "use": "pictures only; calls come from pseudobulk",
    }
    return ad.AnnData(
        sparse.csr_matrix((len(names), 0), dtype=np.float32),
        obs=obs.rename_axis(index=None),
        obsm=tables,
        uns={"activity": told},
    )
