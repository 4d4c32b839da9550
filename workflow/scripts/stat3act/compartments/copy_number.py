"""Copy number of a sample's cells against normal cells: which clusters carry it, and a profile of every cell."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse

from stat3act.compartments.evidence import (
    Genome,
    bounded_difference,
    draw_shuffles,
    order_genes,
    segment_z,
    smooth,
    window_counts,
    window_matrix,
)
from stat3act.compartments.lineages import UNKNOWN
from stat3act.compartments.normal import (
    CELLS_AT_ONCE,
    bulk_profiles,
    count_detected,
    group_means,
    held_out,
    reference_groups,
)
from stat3act.logs import log

# Evidence a cluster needs, in standard deviations of the shuffled null. Mean profiles of 53 normal cell states of
# breast and skin tumours (public references of BayesPrism) against the other lineages reach 5.0; 41 of 46
# malignant states exceed 8.
EVIDENCE_Z = 8.0
# ... and it must stand out from what normal lineages show against each other.
EVIDENCE_OVER_NORMAL = 1.5
# ... further, where the normal cells are those of other samples: what sets a whole sample apart from others may be how
# it was prepared, and no normal cell of its own can tell.
EVIDENCE_OVER_OTHERS = 2.0
MIN_CLUSTER = 10
# Rarely seen genes carry copy number too once cells are summed: with 2 % instead of 10 % simulated breast tumours of
# 3,000 counts per cell go from z 2-8 to 7-16, normal lineages stay below 5.
MIN_DETECTED = 0.02
MIN_DETECTED_CELLS = 3
MIN_WINDOWS_OF_GENES = 5


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
    donor
        Sample of every cell: its own cells come first, normal cells borrowed from other samples follow.
    """

    logged: object
    lineage: np.ndarray
    state: np.ndarray
    cluster: np.ndarray
    graph: sparse.csr_matrix
    donor: np.ndarray

    @property
    def own(self) -> int:
        """Number of cells of the sample itself."""
        return int((self.donor == self.donor[0]).sum())


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
        Evidence needed; NaN where too few genes or cells can be compared.
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
    shown = count_detected(cells.logged.X, np.flatnonzero(used))
    enough = shown >= max(MIN_DETECTED_CELLS, MIN_DETECTED * used.sum())
    return order_genes(cells.logged.var[enough], settings["window_size"], settings["step"])


def part_evidence(
    expression: sparse.csr_matrix, part: np.ndarray, groups: np.ndarray, shuffles: np.ndarray, genome: Genome
) -> float:
    """Return the segment z of these cells against the groups; zero for too few cells."""
    if len(part) < MIN_CLUSTER:
        return 0.0
    own = np.full(len(groups), "", dtype=object)
    own[part] = "own"
    difference = bounded_difference(bulk_profiles(expression, own)[1], bulk_profiles(expression, groups)[1])
    return segment_z(difference[0], shuffles, genome)


def purge_reference(
    cells: Cells, expression: sparse.csr_matrix, reference: np.ndarray, shuffles: np.ndarray, genome: Genome
) -> tuple[np.ndarray, float]:
    """Take out of the reference what shows gains or losses itself: tumour cells that look like another lineage.

    The part with the highest z goes first (`normal.held_out`: a lineage, or that of one sample), or those of its
    clusters that show them alone; then the rest is tested again. Of two lineages nobody can say which is altered, and
    both go. States of a single lineage are not judged: they are no range for each other.

    Returns
    -------
    reference : numpy.ndarray
        Boolean, one value per cell.
    highest : float
        Highest z of a part that stays; zero without any.
    """
    reference = reference.copy()
    while reference.any():
        groups = reference_groups(cells.lineage, cells.state, reference)
        parts = held_out(groups, cells.donor)
        tested = [part_evidence(expression, part, rest, shuffles, genome) for part, rest in parts]
        worst, highest = int(np.argmax(tested)), max(0.0, *tested)
        lineages, donors = set(cells.lineage[reference]), set(cells.donor[reference])
        if highest < EVIDENCE_Z or len(lineages) == 1:
            return reference, highest
        part, rest = parts[worst]
        if len(donors) == 1 and len(lineages) == 2:
            part = np.flatnonzero(reference)
        else:
            clusters = [part[cells.cluster[part] == name] for name in sorted(set(cells.cluster[part]))]
            altered = [one for one in clusters if part_evidence(expression, one, rest, shuffles, genome) >= EVIDENCE_Z]
            part = np.concatenate(altered) if altered else part
        log.info("copy number: %d reference cells reach z %.1f and are left out", len(part), highest)
        reference[part] = False
    return reference, 0.0


def clusters_evidence(
    cells: Cells,
    candidate: np.ndarray,
    expression: sparse.csr_matrix,
    references: np.ndarray,
    shuffles: np.ndarray,
    genome: Genome,
    threshold: float,
) -> dict[str, float]:
    """Return the segment z of every candidate cluster.

    Clusters of few cells are tested together, where they are enough together. When no cluster reaches the threshold,
    those that come half-way are tested together too: Leiden may have cut one clone into pieces too small to show it
    alone.
    """

    def test(labels: np.ndarray) -> dict[str, float]:
        names, profiles = bulk_profiles(expression, labels)
        differences = bounded_difference(profiles, references)
        pairs = zip(names, differences, strict=True)
        return {str(name): segment_z(profile, shuffles, genome) for name, profile in pairs}

    sizes = pd.Series(cells.cluster[candidate]).value_counts()
    small = sorted(sizes.index[sizes < MIN_CLUSTER])
    labels = np.where(candidate, np.where(np.isin(cells.cluster, small), "small", cells.cluster), "")
    if 0 < sizes[small].sum() < MIN_CLUSTER:
        labels[labels == "small"] = ""
    evidence = test(labels) if (labels != "").any() else {}
    together = evidence.pop("small", None)
    if together is not None:
        evidence.update(dict.fromkeys(small, together))
    weak = [name for name, z in evidence.items() if z >= threshold / 2]
    if len(weak) > 1 and max(evidence.values()) < threshold:
        together = test(np.where(candidate & np.isin(cells.cluster, weak), "together", ""))["together"]
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
        ``window_size``, ``step``, ``min_reference_cells``.
    seed
        Seed of the null.

    Returns
    -------
    Trial
        Its reference lacks the cells that `purge_reference` takes out. Nothing is tested, and the threshold is NaN,
        when too few genes or too few reference cells are left.
    """
    genome = measured_genes(cells, candidate | reference, settings)
    expression = sparse.csr_matrix(cells.logged[:, list(genome.genes)].X)
    nothing = Trial(candidate, reference, {}, np.nan, expression, genome)
    if len(genome.genes) < MIN_WINDOWS_OF_GENES * settings["window_size"]:
        log.info("copy number: %d placed and measured genes are too few", len(genome.genes))
        return nothing
    shuffles = draw_shuffles(bulk_profiles(expression, np.where(candidate | reference, "all", ""))[1][0], seed)
    reference, highest = purge_reference(cells, expression, reference, shuffles, genome)
    if reference.sum() < settings["min_reference_cells"]:
        return replace(nothing, reference=reference)
    references = bulk_profiles(expression, reference_groups(cells.lineage, cells.state, reference))[1]
    borrowed = len(set(cells.donor[reference])) > 1
    threshold = max(EVIDENCE_Z, (EVIDENCE_OVER_OTHERS if borrowed else EVIDENCE_OVER_NORMAL) * highest)
    evidence = clusters_evidence(cells, candidate, expression, references, shuffles, genome, threshold)
    log.info(
        "copy number: %d genes, %d reference cells (up to z %.1f), threshold %.1f, clusters %s",
        len(genome.genes),
        int(reference.sum()),
        highest,
        threshold,
        {name: round(z, 1) for name, z in evidence.items()},
    )
    return Trial(candidate, reference, evidence, threshold, expression, genome)


def window_profiles(trial: Trial, rows: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Return the smoothed copy-number profile of these cells, as infercnvpy makes it, without its noise filter.

    The difference from the range of the references, clipped, in running means along the chromosomes, each cell around
    its own median (infercnvpy 0.6, https://infercnvpy.readthedocs.io; the tests compare the two).

    Returns
    -------
    numpy.ndarray
        Cells x windows, float32.
    """
    windows = window_matrix(trial.genome)
    profiles = np.empty((len(rows), windows.shape[1]), dtype=np.float32)
    for start in range(0, len(rows), CELLS_AT_ONCE):
        block = rows[start : start + CELLS_AT_ONCE]
        difference = bounded_difference(trial.expression[block].toarray(), references.astype(np.float32))
        profiles[start : start + CELLS_AT_ONCE] = smooth(difference, windows)
    return profiles


def compare_cells(cells: Cells, trial: Trial) -> np.ndarray:
    """Return the copy-number profiles of all cells of a trial.

    Reference cells are compared with the other parts of the reference only, so that their profiles are those of
    normal cells that the reference has not seen.

    Returns
    -------
    numpy.ndarray
        Cells x windows, float32; NaN for cells that are neither tested nor reference.
    """
    groups = reference_groups(cells.lineage, cells.state, trial.reference)
    tested = np.flatnonzero(trial.candidate | ((cells.lineage == UNKNOWN) & ~trial.reference))
    profiles = np.full((len(cells.lineage), sum(window_counts(trial.genome))), np.nan, dtype=np.float32)
    for rows, known in ((tested, groups), *held_out(groups, cells.donor)):
        profiles[rows] = window_profiles(trial, rows, group_means(trial.expression, known)[1])
    return profiles
