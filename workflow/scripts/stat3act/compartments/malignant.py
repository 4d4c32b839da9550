"""Which cells are malignant: a lineage gate, then copy number against normal cells; where both are silent, no call."""

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from scipy import sparse

from stat3act.compartments.copy_number import Cells, Trial, compare_cells, find_evidence
from stat3act.compartments.evidence import posterior, project, segments, similarity
from stat3act.compartments.lineages import UNKNOWN
from stat3act.logs import log

MALIGNANT, NON_MALIGNANT, UNCERTAIN = "malignant", "non-malignant", "uncertain"
# Only these lineages may hold malignant cells. Sarcoma cells show fibroblast markers (copy number told
# malignant from normal fibroblasts in undifferentiated pleomorphic sarcoma, doi 10.3389/fimmu.2022.1019870).
GATES = {
    "carcinoma": ("epithelial",),
    "melanoma": ("melanocytic",),
    "glioma": ("glial",),
    "sarcoma": ("fibroblast",),
    "haematological": ("myeloid", "lymphoid", "progenitor", "erythroid", "other"),
}
# Why a cell is uncertain.
REASONS = {
    "NO_LINEAGE": "its lineage is unknown, or too weakly supported to call it normal",
    "BLOOD": "blood lineages are no reference for each other unless `compartments.malignant.candidates` names those "
    "that may be malignant",
    "FEW_NORMAL_CELLS": "too few normal cells to compare with, in the sample and in the cohort",
    "FEW_GENES": "too few measured genes with a position",
    "FEW_CELLS": "too few cells of its cluster to look for gains and losses",
    "NO_EVIDENCE": "no gain or loss beyond what shuffled genes and normal cells show: normal or diploid",
    "WEAK_EVIDENCE": "gains or losses half-way to what is needed, beside a clone that has it",
    "NOT_SEPARATED": "normal cells show the same profile",
    "BETWEEN": "between malignant and normal cells",
    "UNLIKE_NORMAL": "its lineage cannot be malignant here, its copy number looks as if it were",
    "CONFLICT": "copy number and mutations or markers contradict each other",
    "LABEL": "the label says neither malignant nor non-malignant",
}
# Clusters of one clone share most of their gains and losses; those of other clones share few.
SAME_CLONE = 0.5


@dataclass(frozen=True)
class Calls:
    """What copy number says about a sample.

    Attributes
    ----------
    table
        One row per cell: ``call``, ``probability`` (NaN where copy number did not decide), ``source`` (``lineage``,
        ``copy_number`` or ``none``), ``reason`` (key of `REASONS` for an uncertain cell, else empty).
    evidence
        Segment z of every tested cluster.
    threshold
        Evidence needed; NaN where nothing was tested.
    windows
        Cells x windows, float32: copy-number profiles; None where there was nothing to compare with.
    trial
        The reading behind it, or None.
    """

    table: pd.DataFrame
    evidence: dict[str, float] = field(default_factory=dict)
    threshold: float = np.nan
    windows: np.ndarray | None = None
    trial: Trial | None = None


def neighbours(cells: Cells, trial: Trial) -> sparse.csr_matrix:
    """Return which cells speak for each other: neighbours in the same cluster and role; every row sums to 1 or 0."""
    graph = cells.graph.tocoo()
    same = (cells.cluster[graph.row] == cells.cluster[graph.col]) & (
        trial.reference[graph.row] == trial.reference[graph.col]
    )
    weights = sparse.csr_matrix((np.ones(same.sum()), (graph.row[same], graph.col[same])), shape=graph.shape)
    totals = np.asarray(weights.sum(axis=1)).ravel()
    return sparse.diags(np.divide(1, totals, out=np.zeros_like(totals), where=totals > 0)) @ weights


def clones(cells: Cells, trial: Trial, profiles: np.ndarray) -> list[np.ndarray]:
    """Group the clusters that have evidence into clones: clusters whose segments correlate by half or more.

    Returns
    -------
    list of numpy.ndarray
        For every clone, largest cluster first, which cells are of its clusters.
    """
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for name in sorted(trial.clusters, key=int):
        member = trial.candidate & (cells.cluster == name)
        pattern = segments(profiles[member].mean(axis=0, dtype=float), trial.genome)
        alike = [place for place, (other, _) in enumerate(found) if similarity(pattern, other) >= SAME_CLONE]
        if alike:
            found[alike[0]] = (found[alike[0]][0], found[alike[0]][1] | member)
        else:
            found.append((pattern, member))
    return [member for _, member in found]


def judge_cells(cells: Cells, trial: Trial, profiles: np.ndarray) -> np.ndarray:
    """Return the probability of being malignant for every tested or reference cell; NaN elsewhere.

    Every cell is projected on the segments of every clone. Its own projection is weighed against what its neighbours
    are (`evidence.posterior`): where the data are deep, each cell decides for itself; where they are shallow,
    neighbours do. A cell belongs to the clone it resembles most, so the largest probability counts.

    Parameters
    ----------
    cells
        The sample.
    trial
        Reading with evidence.
    profiles
        Result of `compare_cells`.
    """
    near = neighbours(cells, trial)
    probability, undecided = np.full(len(cells.lineage), np.nan), np.zeros(len(cells.lineage), dtype=bool)
    for consensus in clones(cells, trial, profiles):
        pattern = segments(profiles[consensus].mean(axis=0, dtype=float), trial.genome)
        scores, found = project(profiles, pattern), np.full(len(probability), np.nan)
        if not np.isnan(scores[consensus]).all():
            found = posterior(scores, consensus, trial.reference, near)
        undecided |= consensus & np.isnan(found)
        probability = np.fmax(probability, found)
    # What another clone is not, is not therefore normal.
    return np.where(undecided & ~(probability >= 0.5), np.nan, probability)


def refine_reference(cells: Cells, trial: Trial, probability: np.ndarray, settings: dict, seed: int) -> Trial:
    """Take clusters out of the reference that look malignant, and test again."""
    own = trial.reference & (cells.cluster != "") & ~np.isnan(probability)
    doubtful = [
        name
        for name in sorted(set(cells.cluster[own]))
        if probability[own & (cells.cluster == name)].mean() >= settings["probability"]
    ]
    if not doubtful:
        return trial
    log.info("copy number: reference clusters %s look malignant and are left out", doubtful)
    reference = trial.reference & ~np.isin(cells.cluster, doubtful)
    return find_evidence(cells, trial.candidate, reference, settings, seed)


def by_lineage(cells: Cells, candidate: np.ndarray, reason: str) -> pd.DataFrame:
    """Return the calls that lineages alone allow; what may be malignant is uncertain for this reason."""
    unknown = cells.lineage == UNKNOWN
    normal = ~candidate & ~unknown
    return pd.DataFrame(
        {
            "call": np.where(normal, NON_MALIGNANT, UNCERTAIN),
            "probability": np.nan,
            "source": np.where(normal, "lineage", "none"),
            "reason": np.select([normal, unknown], ["", "NO_LINEAGE"], reason),
        },
        index=cells.logged.obs_names,
    )


def call_malignant(cells: Cells, tumour_type: str, settings: dict, seed: int) -> Calls:
    """Call every cell of a sample malignant, non-malignant or uncertain.

    Cells outside the lineages that can be malignant in this tumour type are non-malignant by their lineage. The others
    are called only when at least one of their clusters carries segments of gain or loss; without such evidence, or
    without enough normal cells to compare with, they are uncertain: copy number cannot tell a diploid tumour from
    normal tissue. In haematological cohorts all blood cells are uncertain unless ``candidates`` says which of them may
    be malignant.

    Parameters
    ----------
    cells
        The sample, and the normal cells it borrows.
    tumour_type
        Key of `GATES`.
    settings
        ``candidates``, ``window_size``, ``step``, ``min_reference_cells``, ``probability``.
    seed
        Seed of the null.

    Returns
    -------
    Calls
        Of the sample's own cells.
    """
    candidate = np.isin(cells.lineage, settings["candidates"] or GATES[tumour_type]) & (cells.cluster != "")
    reference = ~candidate & (cells.lineage != UNKNOWN)
    if tumour_type == "haematological" and not settings["candidates"]:
        # In one of 18 marrows normal plasma cells reach z 10-12 against the other blood cells.
        log.info("copy number is not used in blood: without labels its cells are uncertain")
        return own_calls(cells, Calls(by_lineage(cells, candidate, "BLOOD")))
    if reference.sum() < settings["min_reference_cells"]:
        log.info("copy number: %d normal cells of %d needed", reference.sum(), settings["min_reference_cells"])
        return own_calls(cells, Calls(by_lineage(cells, candidate, "FEW_NORMAL_CELLS")))
    trial = find_evidence(cells, candidate, reference, settings, seed)
    return own_calls(cells, judge_trial(cells, trial, reference, settings, seed))


def judge_trial(cells: Cells, trial: Trial, reference: np.ndarray, settings: dict, seed: int) -> Calls:
    """Judge the cells of a trial, a second time where the first shows that the reference holds malignant cells.

    Parameters
    ----------
    cells
        The sample.
    trial
        Result of `find_evidence`.
    reference
        Cells that are normal by their lineage, before any were left out.
    settings, seed
        As in `call_malignant`.
    """
    told, (profiles, probability) = trial, read_trial(cells, trial)
    refined = refine_reference(cells, trial, probability, settings, seed)
    if refined is not trial:
        trial, (profiles, probability) = refined, read_trial(cells, refined)
        # Where too little is left to test again, the first reading is what is known.
        told = told if np.isnan(refined.threshold) else refined
    table = by_lineage(cells, trial.candidate, reason_without_calls(trial, settings))
    small = trial.candidate & ~np.isin(cells.cluster, list(told.evidence))
    if not trial.clusters:
        table.loc[small & (table["reason"] == "NO_EVIDENCE").to_numpy(), "reason"] = "FEW_CELLS"
    elif not np.isnan(probability[trial.candidate]).all():
        table = apply_calls(cells, table, trial, probability, settings["probability"])
    # Cells that left the reference, and single ones in it: a tumour cell among macrophages is not normal.
    doubtful = (reference & ~trial.reference) | (trial.reference & (probability >= settings["probability"]))
    table.loc[doubtful, ["call", "source", "reason"]] = [UNCERTAIN, "copy_number", "UNLIKE_NORMAL"]
    table.loc[doubtful, "probability"] = probability[doubtful]
    return Calls(table, told.evidence, told.threshold, profiles, None if profiles is None else trial)


def read_trial(cells: Cells, trial: Trial) -> tuple[np.ndarray | None, np.ndarray]:
    """Return the profiles of all cells and the probability of each; None and NaN where the trial tested nothing."""
    probability = np.full(len(cells.lineage), np.nan)
    if np.isnan(trial.threshold):
        return None, probability
    profiles = compare_cells(cells, trial)
    return profiles, judge_cells(cells, trial, profiles) if trial.clusters else probability


def reason_without_calls(trial: Trial, settings: dict) -> str:
    """Say why candidates cannot be called, where they cannot."""
    if trial.reference.sum() < settings["min_reference_cells"]:
        return "FEW_NORMAL_CELLS"
    if np.isnan(trial.threshold):
        return "FEW_GENES"
    return "NOT_SEPARATED" if trial.clusters else "NO_EVIDENCE"


def own_calls(cells: Cells, calls: Calls) -> Calls:
    """Leave the borrowed cells out of the calls."""
    windows = None if calls.windows is None else calls.windows[: cells.own]
    return replace(calls, table=calls.table.iloc[: cells.own], windows=windows)


def apply_calls(
    cells: Cells, table: pd.DataFrame, trial: Trial, probability: np.ndarray, threshold: float
) -> pd.DataFrame:
    """Write the calls of the tested cells into the table of `by_lineage`."""
    table = table.copy()
    unknown = (cells.lineage == UNKNOWN) & ~trial.reference
    tested = trial.candidate | unknown
    # A cell of unknown lineage may join the tumour but never the microenvironment: a second clone looks as unlike it.
    # Nor does a cluster half-way to evidence of its own: it may be that clone.
    weak = np.isin(cells.cluster, [name for name, z in trial.evidence.items() if z >= trial.threshold / 2])
    weak &= ~np.isin(cells.cluster, trial.clusters)
    low = trial.candidate & ~weak & (probability <= 1 - threshold)
    high = tested & (probability >= threshold)
    table.loc[tested, "probability"] = probability[tested]
    table.loc[tested, "source"] = "copy_number"
    table.loc[tested, "call"] = np.select([high[tested], low[tested]], [MALIGNANT, NON_MALIGNANT], UNCERTAIN)
    reasons = [high | low, unknown, weak & (probability <= 1 - threshold)]
    table.loc[tested, "reason"] = np.select(
        [reason[tested] for reason in reasons], ["", "NO_LINEAGE", "WEAK_EVIDENCE"], "BETWEEN"
    )
    return table
