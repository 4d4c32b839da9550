"""What must not change a score: frozen references, order, sign, depth, duplicated cells, the kind of matrix.

``frozen_reference``
    Scores against a reference that was measured earlier: when half of the samples are dropped, when as many are added,
    and of single samples that the reference has never seen.
``invariance``
    The largest difference that each change makes to any activity (or p) of any row. Everything is measured again from
    the start, inflation factors included, where nothing else is said. Down-sampling is chance, so its median and 95th
    percentile are given: half of all counts are left out at random, and both versions of a row are compared with the
    reference of the full depth, as non-members.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from scoring.calibration import measured, with_goal
from scoring.cohorts import Cohort, activity_settings, gene_language, lay_out, load_axes
from scoring.coverage import LABELS, Marrow
from stat3act.activity.cells import score_cells
from stat3act.activity.chunks import from_matrix
from stat3act.activity.measure import measure_references
from stat3act.activity.prepare import STAT3_AXIS
from stat3act.activity.score import score_rows
from stat3act.compartments.pseudobulk import log2_cpm
from stat3act.expression.genes import map_genes, sum_rows
from stat3act.networks import RIVALS, STAT3_PANELS

COHORTS = ("LUAD", "T84", "AML")
KEY = ["sample", "compartment", "axis"]
EXACT, CLOSE, DEPTH = "<= 1e-9", "<= 1e-3", "<= 0.3"
NEW_SAMPLES = 5
KEPT = 0.5
DEEP_CELLS = 200
T84_COUNTS = "stimulation/T84_IL22_IFNL_counts.tsv.gz"


def panels_and_rivals() -> pd.DataFrame:
    """Return the axes that decide a call; the others go the same way and cost time."""
    axes = load_axes()
    return axes[axes["axis"].isin((*STAT3_PANELS, *RIVALS))]


def frozen_scores(
    cohort: Cohort, expression: pd.DataFrame, rows: pd.DataFrame, references: pd.DataFrame
) -> pd.DataFrame:
    """Score rows against an earlier reference: activity, score and p by `KEY`, unscored ones left out."""
    settings = activity_settings(**cohort.settings) | {"reference": "earlier"}
    table = score_rows(expression, rows, load_axes(), settings, cohort.minimum, set(), references)
    return table.set_index(KEY)[["activity", "score", "p_value"]].dropna()


def own_scores(cohort: Cohort, expression: pd.DataFrame, rows: pd.DataFrame, axes: pd.DataFrame) -> pd.DataFrame:
    """Measure references and score rows as one cohort, from the start: activity and p by `KEY`."""
    settings, controls = activity_settings(**cohort.settings), set(cohort.controls)
    references = measure_references(expression, rows, axes, settings, cohort.minimum, controls, cohort.value_scale)
    table = score_rows(expression, rows, axes, settings, cohort.minimum, controls, references)
    return table.set_index(KEY)[["activity", "p_value"]].dropna()


def largest(first: pd.DataFrame, second: pd.DataFrame, columns: list[str]) -> float:
    """Return the largest difference between rows that both tables have; infinite when they share none."""
    shared = first.index.intersection(second.index)
    if not len(shared):
        return np.inf
    return float((first.loc[shared, columns] - second.loc[shared, columns]).abs().to_numpy().max())


def row(check: str, dataset: str, group: str, value: float, n: int, goal: str = "") -> dict:
    """Lay out one number of these checks."""
    return with_goal(
        {"check": check, "dataset": dataset, "group": group, "method": "activity", "value": value, "n": n}, goal
    )


def frozen_rows(cohort: Cohort, references: pd.DataFrame) -> list[dict]:
    """Report what dropping and adding samples changes, and whether new single samples are scored."""
    rows, expression, names = cohort.rows, cohort.expression, ["activity", "score", "p_value"]
    # Controls stay: without them a stratum of three has no reference.
    half = (rows.groupby("compartment").cumcount() % 2 == 0) | rows["sample"].isin(cohort.controls)
    half = half.to_numpy()
    everything = frozen_scores(cohort, expression, rows, references)
    dropped = frozen_scores(cohort, expression[half], rows[half], references)
    settings, controls = activity_settings(**cohort.settings), set(cohort.controls)
    earlier = measure_references(
        expression[half], rows[half], load_axes(), settings, cohort.minimum, controls, cohort.value_scale
    )
    before = frozen_scores(cohort, expression[half], rows[half], earlier)
    after = frozen_scores(cohort, expression, rows, earlier)
    new = np.flatnonzero(~half)[:NEW_SAMPLES]
    alone = pd.concat([frozen_scores(cohort, expression.iloc[[one]], rows.iloc[[one]], earlier) for one in new])
    scored = (alone.index.get_level_values("axis") == STAT3_AXIS).sum() / len(new)
    check, name = "frozen_reference", cohort.name
    return [
        row(check, name, "half of the samples dropped", largest(everything, dropped, names), int(half.sum()), EXACT),
        row(check, name, "as many samples added", largest(before, after, names), int(half.sum()), EXACT),
        row(check, name, "single new samples, against all at once", largest(alone, after, names), len(new), EXACT),
        row(check, name, "single new samples scored, share", scored, len(new), ">= 1"),
    ]


def order_rows(cohort: Cohort, references: pd.DataFrame) -> list[dict]:
    """Report what the order of genes and samples, the sign of the weights and single precision change."""
    axes, rows, expression = panels_and_rivals(), cohort.rows, cohort.expression
    first = own_scores(cohort, expression, rows, axes)
    rng = np.random.default_rng(0)
    genes, samples = rng.permutation(expression.shape[1]), rng.permutation(len(rows))
    flipped = axes.assign(weight=axes["weight"].where(axes["axis"] != STAT3_AXIS, -axes["weight"]))
    signs = own_scores(cohort, expression, rows, flipped).assign(activity=lambda table: -table["activity"])
    core = signs.index.get_level_values("axis") == STAT3_AXIS
    single = own_scores(cohort, expression.astype(np.float32), rows, axes)
    held = [frozen_scores(cohort, values, rows, references) for values in (expression, expression.astype(np.float32))]
    other_genes = own_scores(cohort, expression.iloc[:, genes], rows, axes)
    other_order = own_scores(cohort, expression.iloc[samples], rows.iloc[samples], axes)
    found = {
        "order of genes": (largest(first, other_genes, ["activity"]), EXACT),
        "order of samples": (largest(first, other_order, ["activity"]), EXACT),
        "sign of the core weights": (largest(first, signs[core], ["activity"]), EXACT),
        "float32, same reference": (largest(*held, ["activity"]), CLOSE),
        # Rounding decides a near tie between two genes of a module or stratum now and then.
        "float32, reference measured again": (largest(first, single, ["activity"]), ""),
    }
    return [row("invariance", cohort.name, group, value, len(rows), goal) for group, (value, goal) in found.items()]


def t84_counts(data: Path) -> pd.DataFrame:
    """Read the counts of T84, samples x symbols."""
    table = pd.read_csv(data / T84_COUNTS, sep="\t", index_col=0)
    found = map_genes(table.index, gene_language()[1], table.sum(axis=1).to_numpy(), T84_COUNTS)
    return pd.DataFrame(sum_rows(table.to_numpy(float), found).T, index=table.columns, columns=found.symbols)


def depth_rows(cohort: Cohort, references: pd.DataFrame, counts: pd.DataFrame, rows: pd.DataFrame) -> list[dict]:
    """Report what leaving out half of all counts does to the core activity.

    Parameters
    ----------
    cohort, references
        The cohort and its references, at full depth.
    counts
        Rows x symbols.
    rows
        The rows of the counts.
    """
    rng = np.random.default_rng(0)
    thinned = rng.binomial(counts.to_numpy().astype(np.int64), KEPT).astype(float)
    full, half = (
        frozen_scores(cohort, pd.DataFrame(log2_cpm(linear), rows.index, counts.columns), rows, references)
        for linear in (counts.to_numpy(float), thinned)
    )
    change = (full - half)["activity"].xs(STAT3_AXIS, level="axis").abs()
    return [
        row("invariance", cohort.name, "half of the counts, median", change.median(), len(change), DEPTH),
        row("invariance", cohort.name, "half of the counts, 95th percentile", change.quantile(0.95), len(change)),
    ]


def cell_sums(cohort: Cohort, marrow: Marrow, times: int) -> pd.DataFrame:
    """Sum the cells behind every row of the cohort, each cell ``times`` times; rows x symbols."""
    groups = [
        np.tile(marrow.members(sample, part), times)
        for sample, part in zip(cohort.rows["sample"], cohort.rows["compartment"], strict=True)
    ]
    return marrow.sums(groups).set_axis(cohort.rows.index)


def duplicate_rows(cohort: Cohort, marrow: Marrow) -> list[dict]:
    """Report what counting every cell twice changes."""
    once, twice = (
        own_scores(
            cohort,
            pd.DataFrame(log2_cpm(sums.to_numpy()), sums.index, sums.columns),
            cohort.rows,
            panels_and_rivals(),
        )
        for sums in (cell_sums(cohort, marrow, 1), cell_sums(cohort, marrow, 2))
    )
    change = largest(once, twice, ["p_value"])
    return [row("invariance", cohort.name, "every cell twice, p", change, len(cohort.rows), EXACT)]


def matrix_rows(marrow: Marrow) -> list[dict]:
    """Report what the kind of matrix changes in the scores of the cells of one sample."""
    sample = marrow.obs["sample"].value_counts().index[-1]
    cells = np.flatnonzero(marrow.obs["sample"] == sample)
    counts = sparse.csr_matrix(sum_rows(marrow.counts[cells].T.tocsr(), marrow.genes).T)
    compartment = marrow.obs["malignant"].iloc[cells].map({label: name for name, label in LABELS.items()})
    settings, genes = activity_settings(), pd.Index(marrow.genes.symbols)
    scores = {
        name: score_cells(from_matrix(matrix), genes, compartment.fillna("bulk").to_numpy(str), load_axes(), settings)
        for name, matrix in {
            "csr": counts,
            "csc": counts.tocsc(),
            "dense": counts.toarray(),
            "csr, float32": counts.astype(np.float32),
        }.items()
    }
    return [
        row(
            "invariance",
            "AML cells",
            f"{name} matrix",
            float(np.nanmax(np.abs(found.activity - scores["csr"].activity))),
            len(cells),
            CLOSE if "float32" in name else EXACT,
        )
        for name, found in scores.items()
        if name != "csr"
    ]


def check(data: Path) -> pd.DataFrame:
    """Measure what must not change a score.

    Parameters
    ----------
    data
        Folder of the public data.

    Returns
    -------
    Rows of `cohorts.COLUMNS`: ``frozen_reference`` and ``invariance``.
    """
    result = []
    for name in COHORTS:
        cohort, references = measured(data, name)
        result += frozen_rows(cohort, references) + order_rows(cohort, references)
    t84, references = measured(data, "T84")
    counts = t84_counts(data).loc[t84.rows.index]
    result += depth_rows(t84, references, counts, t84.rows)
    aml, references = measured(data, "AML")
    marrow = Marrow(data)
    deep = aml.rows["cells"] >= DEEP_CELLS
    result += depth_rows(aml, references, cell_sums(aml, marrow, 1)[deep], aml.rows[deep])
    result += duplicate_rows(aml, marrow) + matrix_rows(marrow)
    return lay_out(result)
