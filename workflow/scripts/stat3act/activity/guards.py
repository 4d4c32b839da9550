"""The scores once more without ambient RNA, and with the doublets that were taken out.

Both put transcripts of the microenvironment into tumour cells, and both corrections can be wrong. So the scores stay
those of the counts as measured, doublets removed; each row is scored once more the other way, against the same
reference, and `stat3act.profiles.guards` tells where that matters.
"""

import numpy as np
import pandas as pd

from stat3act.activity.assemble import SCORE_COLUMNS
from stat3act.activity.measure import cohort_inputs
from stat3act.activity.score import score_rows
from stat3act.compartments.guarded import AMBIENT_LAYER, DOUBLETS_LAYER, guarded_rows

GUARDS = {"ambient": AMBIENT_LAYER, "doublets": DOUBLETS_LAYER}
MEASURED_COLUMNS = ("contamination", "contamination_low", "contamination_high", "n_doublets")
KEYS = ["sample", "compartment"]


def guard_scores(
    adata, axes: pd.DataFrame, samples: list[dict], settings: dict, references: pd.DataFrame
) -> pd.DataFrame:
    """Score the rows of a cohort without ambient RNA, and with doublets.

    Parameters
    ----------
    adata
        `anndata.AnnData` of `stat3act.compartments.guarded.guard_expression`.
    axes, samples, settings, references
        As in `stat3act.activity.score.score_cohort`. Programmes are left out: no state rests on them.

    Returns
    -------
    pandas.DataFrame
        ``guard``, `SCORE_COLUMNS` and `MEASURED_COLUMNS`: one row per guard, axis, and sample x compartment that the
        guard applies to; where it could not be applied, ``reason`` says why. q values are empty.
    """
    inputs = cohort_inputs(adata, samples, settings)
    needed = axes[~axes["axis"].str.startswith("programme:")]
    parts = []
    for guard, layer in GUARDS.items():
        measured = guarded_rows(adata.obs, guard).astype({name: str for name in (*KEYS, "reason")})
        # All rows, as which of them belong to the reference follows from who is there.
        expression = pd.DataFrame(np.asarray(adata.layers[layer]), adata.obs_names, adata.var_names)
        scores = score_rows(
            expression, inputs.rows, needed, {**settings, "also": []}, inputs.minimum, inputs.controls, references
        )
        table = scores.merge(measured, on=KEYS, suffixes=("", "_of_guard"))
        absent = table["reason_of_guard"] != ""
        table.loc[absent, table.columns.difference([*KEYS, "axis", "reason_of_guard", *MEASURED_COLUMNS])] = np.nan
        table["reason"] = table["reason_of_guard"].where(absent, table["reason"].fillna(""))
        parts.append(table.assign(guard=guard))
    columns = ["guard", *SCORE_COLUMNS, *MEASURED_COLUMNS]
    table = pd.concat(parts, ignore_index=True).reindex(columns=columns)
    return table.sort_values(["guard", *KEYS, "axis"], kind="stable", ignore_index=True)
