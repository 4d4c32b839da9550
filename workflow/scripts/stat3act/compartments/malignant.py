"""Which cells are malignant: a lineage gate, then copy number against the sample's own normal cells."""

import contextlib
import io
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse

from stat3act.compartments.evidence import (
    Genome,
    bounded_difference,
    order_genes,
    posterior,
    project,
    segment_z,
    segments,
    separation,
)
from stat3act.compartments.lineages import UNKNOWN
from stat3act.compartments.normal import bulk_profiles, group_means, held_out, reference_groups
from stat3act.logs import log

MALIGNANT, NON_MALIGNANT, UNCERTAIN = "malignant", "non-malignant", "uncertain"
# Only these lineages may hold malignant cells. Sarcoma cells show fibroblast markers (copy number told
# malignant from normal fibroblasts in undifferentiated pleomorphic sarcoma, doi 10.3389/fimmu.2022.1019870).
GATES = {
    "carcinoma": ("epithelial",),
    "melanoma": ("melanocytic",),
    "glioma": ("glial",),
    "sarcoma": ("fibroblast",),
    "haematological": ("myeloid", "lymphoid", "progenitor", "erythroid"),
}
# Evidence a cluster needs, in standard deviations of the shuffled null. Mean profiles of 53 normal cell states of
# breast and skin tumours (public references of BayesPrism) against the other lineages reach 5.0; 41 of 46
# malignant states exceed 8.
EVIDENCE_Z = 8.0
# ... and it must stand out from what the sample's own normal lineages show against each other.
EVIDENCE_OVER_NORMAL = 1.5
MIN_CLUSTER = 10
# Rarely seen genes carry copy number too once cells are summed: with 2 % instead of 10 % simulated breast tumours of
# 3,000 counts per cell go from z 2-8 to 7-16, normal lineages stay below 5.
MIN_DETECTED = 0.02
MIN_DETECTED_CELLS = 3
MIN_WINDOWS_OF_GENES = 5
# From this many standard deviations between malignant and normal scores on, every cell is judged by itself.
SHARP = 4.0


@dataclass(frozen=True)
class Cells:
    """What the caller knows of the cells of a sample.

    Attributes
    ----------
    logged
        `anndata.AnnData`, log-normalised, ``var`` with chromosome, start and end.
    lineage, state, cluster
        One value per cell.
    graph
        Neighbour graph, cells x cells.
    """

    logged: object
    lineage: np.ndarray
    state: np.ndarray
    cluster: np.ndarray
    graph: sparse.csr_matrix


@dataclass(frozen=True)
class Trial:
    """One reading of a sample: these cells may be malignant, those are the reference.

    Attributes
    ----------
    candidate, reference
        Boolean, one value per cell.
    evidence
        Segment z of every candidate cluster with enough cells.
    threshold
        Evidence needed.
    expression
        Cells x genes in genomic order, CSR, natural log.
    genome
        Order of the genes.
    """

    candidate: np.ndarray
    reference: np.ndarray
    evidence: dict[str, float]
    threshold: float
    expression: sparse.csr_matrix
    genome: Genome

    @property
    def clusters(self) -> list[str]:
        """Clusters with enough evidence."""
        return [name for name, z in self.evidence.items() if z >= self.threshold]


def measured_genes(cells: Cells, used: np.ndarray, settings: dict) -> Genome:
    """Order the genes that enough of the used cells show."""
    shown = np.asarray((cells.logged.X[used] > 0).sum(axis=0)).ravel()
    enough = shown >= max(MIN_DETECTED_CELLS, MIN_DETECTED * used.sum())
    return order_genes(cells.logged.var[enough], settings["window_size"], settings["step"])


def normal_evidence(expression: sparse.csr_matrix, groups: np.ndarray, mean: np.ndarray, genome: Genome, seed: int):
    """Return the segment z of every reference group against the others: what normal lineages show."""
    found = []
    for part, rest in held_out(groups):
        if len(part) >= MIN_CLUSTER:
            own = np.full(len(groups), "", dtype=object)
            own[part] = "own"
            profile = bulk_profiles(expression, own)[1]
            difference = bounded_difference(profile, bulk_profiles(expression, rest)[1])
            found.append(segment_z(difference[0], mean, genome, seed))
    return found


def clusters_evidence(
    cells: Cells,
    candidate: np.ndarray,
    expression: sparse.csr_matrix,
    references: np.ndarray,
    null: tuple[np.ndarray, Genome, int],
    threshold: float,
) -> dict[str, float]:
    """Return the segment z of every candidate cluster of enough cells.

    When none reaches the threshold, those that come half-way are tested together: Leiden may have cut one clone into
    pieces too small to show it alone.
    """

    def test(labels: np.ndarray) -> dict[str, float]:
        names, profiles = bulk_profiles(expression, labels)
        differences = bounded_difference(profiles, references)
        pairs = zip(names, differences, strict=True)
        return {str(name): segment_z(profile, *null) for name, profile in pairs}

    sizes = pd.Series(cells.cluster[candidate]).value_counts()
    large = sizes.index[sizes >= MIN_CLUSTER]
    tested = candidate & np.isin(cells.cluster, large)
    evidence = test(np.where(tested, cells.cluster, "")) if tested.any() else {}
    weak = [name for name, z in evidence.items() if z >= threshold / 2]
    if len(weak) > 1 and max(evidence.values()) < threshold:
        together = test(np.where(tested & np.isin(cells.cluster, weak), "together", ""))["together"]
        evidence.update({name: max(evidence[name], together) for name in weak})
    return evidence


def find_evidence(cells: Cells, candidate: np.ndarray, reference: np.ndarray, settings: dict, seed: int) -> Trial:
    """Look for copy-number evidence in every candidate cluster.

    Parameters
    ----------
    cells
        The sample.
    candidate, reference
        Boolean, one value per cell.
    settings
        ``window_size``, ``step``.
    seed
        Seed of the null.

    Returns
    -------
    Trial
    """
    genome = measured_genes(cells, candidate | reference, settings)
    expression = sparse.csr_matrix(cells.logged[:, list(genome.genes)].X)
    if len(genome.genes) < MIN_WINDOWS_OF_GENES * settings["window_size"]:
        log.info("copy number: %d placed and measured genes are too few", len(genome.genes))
        return Trial(candidate, reference, {}, EVIDENCE_Z, expression, genome)
    overall = bulk_profiles(expression, np.where(candidate | reference, "all", ""))[1][0]
    groups = reference_groups(cells.lineage, cells.state, reference)
    references = bulk_profiles(expression, groups)[1]
    normal = normal_evidence(expression, groups, overall, genome, seed)
    threshold = max([EVIDENCE_Z, *(EVIDENCE_OVER_NORMAL * z for z in normal)])

    evidence = clusters_evidence(cells, candidate, expression, references, (overall, genome, seed), threshold)
    log.info(
        "copy number: %d genes, %d reference cells (normal lineages up to z %.1f), threshold %.1f, clusters %s",
        len(genome.genes),
        int(reference.sum()),
        max(normal, default=0.0),
        threshold,
        {name: round(z, 1) for name, z in evidence.items()},
    )
    return Trial(candidate, reference, evidence, threshold, expression, genome)


def window_profiles(cells: Cells, trial: Trial, rows: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Return the smoothed copy-number profile of these cells, by infercnvpy, without its noise filter.

    Returns
    -------
    numpy.ndarray
        Cells x windows, each cell around its own median.
    """
    import anndata as ad  # infercnvpy takes seconds to import and only this function needs it
    import infercnvpy

    genes = list(trial.genome.genes)
    part = ad.AnnData(trial.expression[rows], var=cells.logged.var.loc[genes, ["chromosome", "start", "end"]].copy())
    with contextlib.redirect_stderr(io.StringIO()):  # its progress bars do not belong into a log
        _, profiles, _ = infercnvpy.tl.infercnv(
            part,
            reference=references.astype(np.float32),
            window_size=trial.genome.window_size,
            step=trial.genome.step,
            dynamic_threshold=None,
            n_jobs=1,
            inplace=False,
        )
    return np.asarray(profiles.todense(), dtype=float)


def smooth_scores(cells: Cells, trial: Trial, scores: np.ndarray) -> np.ndarray:
    """Average every score with those of the cell's neighbours in the same cluster and role."""
    graph = cells.graph.tocoo()
    same = (cells.cluster[graph.row] == cells.cluster[graph.col]) & (
        trial.reference[graph.row] == trial.reference[graph.col]
    )
    weights = sparse.csr_matrix((np.ones(same.sum()), (graph.row[same], graph.col[same])), shape=graph.shape)
    weights += sparse.identity(len(scores), format="csr")
    return weights @ scores / np.asarray(weights.sum(axis=1)).ravel()


def score_cells(cells: Cells, trial: Trial) -> tuple[np.ndarray, np.ndarray]:
    """Project every cell on the segments of the clusters that have evidence.

    Reference cells are scored against the other reference groups only, so that their scores are those of
    normal cells that the reference has not seen.

    Parameters
    ----------
    cells
        The sample.
    trial
        Reading with evidence.

    Returns
    -------
    tuple of numpy.ndarray
        Score per cell (NaN for cells that are neither tested nor reference), boolean: member of the consensus.
    """
    groups = reference_groups(cells.lineage, cells.state, trial.reference)
    tested = np.flatnonzero(trial.candidate | ((cells.lineage == UNKNOWN) & ~trial.reference))
    parts = [(tested, groups), *held_out(groups)]
    profiles = [window_profiles(cells, trial, rows, group_means(trial.expression, known)[1]) for rows, known in parts]
    member = trial.candidate[tested] & np.isin(cells.cluster[tested], trial.clusters)
    pattern = segments(profiles[0][member].mean(axis=0), trial.genome)
    scores = np.full(len(cells.lineage), np.nan)
    for (rows, _), profile in zip(parts, profiles, strict=True):
        scores[rows] = project(profile, pattern)
    in_consensus = np.zeros(len(scores), dtype=bool)
    in_consensus[tested[member]] = True
    return scores, in_consensus


def choose_trial(cells: Cells, tumour_type: str, settings: dict, seed: int) -> Trial | None:
    """Look for copy-number evidence in the lineages of the tumour type; None when it cannot be had or is not there."""
    if tumour_type == "haematological":
        # Normal blood lineages are no reference for each other: in one of 18 marrows normal plasma cells reach z 10-12.
        log.info("copy number is not used in blood: without labels its cells are uncertain")
        return None
    candidate = np.isin(cells.lineage, GATES[tumour_type])
    reference = ~candidate & (cells.lineage != UNKNOWN)
    if reference.sum() < settings["min_reference_cells"] or not candidate.any():
        log.info(
            "copy number: %d candidates (%s), %d reference cells of %d needed",
            int(candidate.sum()),
            ", ".join(GATES[tumour_type]),
            int(reference.sum()),
            settings["min_reference_cells"],
        )
        return None
    trial = find_evidence(cells, candidate, reference, settings, seed)
    return trial if trial.clusters else None


def judge_cells(cells: Cells, trial: Trial) -> np.ndarray:
    """Return the probability of being malignant for every tested or reference cell; NaN elsewhere.

    Single cells are judged by themselves where the data are deep enough, else together with their
    neighbours: averages draw the few normal cells of a malignant cluster along.
    """
    scores, consensus = score_cells(cells, trial)
    if np.isnan(scores[consensus]).all():
        return np.full(len(scores), np.nan)
    _, distance, spread = separation(scores[consensus], scores[trial.reference])
    if distance < SHARP * spread:
        scores = smooth_scores(cells, trial, scores)
    return posterior(scores, scores[consensus], scores[trial.reference])


def refine_reference(cells: Cells, trial: Trial, probability: np.ndarray, settings: dict, seed: int) -> Trial:
    """Take clusters out of the reference that look malignant, and test again."""
    if np.isnan(probability).all():
        return trial
    doubtful = [
        name
        for name in sorted(set(cells.cluster[trial.reference]))
        if np.nanmean(probability[trial.reference & (cells.cluster == name)]) >= settings["probability"]
    ]
    reference = trial.reference & ~np.isin(cells.cluster, doubtful)
    if not doubtful:
        return trial
    log.info("copy number: reference clusters %s look malignant and are left out", doubtful)
    if reference.sum() < settings["min_reference_cells"]:
        return replace(trial, reference=reference, evidence={})
    return find_evidence(cells, trial.candidate, reference, settings, seed)


def call_malignant(cells: Cells, tumour_type: str, settings: dict, seed: int) -> pd.DataFrame:
    """Call every cell of a sample malignant, non-malignant or uncertain.

    Cells outside the lineages that can be malignant in this tumour type are non-malignant by their lineage. The others
    are called only when at least one of their clusters carries segments of gain or loss; without such evidence, or
    without enough reference cells, they are uncertain: copy number cannot tell a diploid tumour from
    normal tissue. In haematological cohorts all blood cells are uncertain without labels.

    Parameters
    ----------
    cells
        The sample.
    tumour_type
        Key of `GATES`.
    settings
        ``window_size``, ``step``, ``min_reference_cells``, ``probability``.
    seed
        Seed of the null.

    Returns
    -------
    pandas.DataFrame
        One row per cell: ``call``, ``probability`` (NaN where copy number did not decide), ``source``
        (``lineage``, ``copy_number`` or ``none``).
    """
    candidate = np.isin(cells.lineage, GATES[tumour_type])
    by_lineage = ~candidate & (cells.lineage != UNKNOWN)
    table = pd.DataFrame(
        {
            "call": np.where(by_lineage, NON_MALIGNANT, UNCERTAIN),
            "probability": np.nan,
            "source": np.where(by_lineage, "lineage", "none"),
        },
        index=cells.logged.obs_names,
    )
    trial = choose_trial(cells, tumour_type, settings, seed)
    if trial is None:
        return table
    probability = judge_cells(cells, trial)
    refined = refine_reference(cells, trial, probability, settings, seed)
    if refined.clusters and refined is not trial:
        probability = judge_cells(cells, refined)
    if not refined.clusters or np.isnan(probability).all():
        return table
    doubtful = trial.reference & ~refined.reference
    return apply_calls(cells, table, refined, doubtful, probability, settings["probability"])


def apply_calls(
    cells: Cells, table: pd.DataFrame, trial: Trial, doubtful: np.ndarray, probability: np.ndarray, threshold: float
) -> pd.DataFrame:
    """Write the calls of the tested cells into the table of `call_malignant`."""
    table = table.copy()
    unknown = (cells.lineage == UNKNOWN) & ~trial.reference
    tested = trial.candidate | unknown
    table.loc[trial.reference, ["call", "source"]] = [NON_MALIGNANT, "lineage"]
    table.loc[doubtful, ["call", "source"]] = [UNCERTAIN, "copy_number"]
    # A cell of unknown lineage may join the tumour but never the microenvironment: a second clone looks as unlike it.
    low = trial.candidate & (probability <= 1 - threshold)
    table.loc[tested, "probability"] = probability[tested]
    table.loc[tested, "source"] = "copy_number"
    table.loc[tested, "call"] = np.select(
        [(probability >= threshold)[tested], low[tested]], [MALIGNANT, NON_MALIGNANT], UNCERTAIN
    )
    return table
