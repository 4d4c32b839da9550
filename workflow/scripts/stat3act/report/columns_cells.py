"""Columns of the tables about single cells: labels, clusters, gains and losses, sums."""

from stat3act.report.columns_shared import CELLS, GENES, SAMPLE, SHARE, TEXT, Table

LINEAGE = "Cell lineage; unknown where no marker set leads clearly."
GENE_Z = "mean gene-z"
SEGMENT_Z = "z"
CALL = "malignant, non-malignant or uncertain."

CONTAMINATION = {
    "contamination": ("Share of the counts that is ambient RNA, from genes that these cells do not make.", SHARE),
    "contamination_low": ("Lower end of its interval.", SHARE),
    "contamination_high": ("Upper end of its interval.", SHARE),
}

CELL_TABLES = {
    "cells": Table(
        "compartments/cells/<sample>.tsv.gz",
        "one cell",
        {
            "cell": ("Cell id.", TEXT),
            "lineage": (LINEAGE, TEXT),
            "state": ("Finer cell type within the lineage: that of the markers, or the label of the input.", TEXT),
            "lineage_margin": ("Lead of the best lineage of the cell's cluster over the second.", GENE_Z),
            "malignant_call": (CALL, "word"),
            "malignant_probability": (
                "Probability of being malignant by copy number. Empty where copy number did not decide: that is not 0.",
                SHARE,
            ),
            "compartment": ("tumour, microenvironment, or uncertain (enters neither).", "word"),
            "cluster": ("Cluster of the cell, the largest is 0; empty where nothing was computed.", TEXT),
            "lineage_source": (
                "Where the lineage comes from: label (of the input), markers, cohort (markers beside normal cells of "
                "other samples), or celltypist.",
                "word",
            ),
            "malignant_source": (
                "Where the call comes from: label (of the input), lineage (which cannot be malignant in this tumour "
                "type), copy_number, mutation, markers, or none (not decidable).",
                "word",
            ),
            "lineage_found": ("Lineage found without the labels; empty where nothing was computed.", TEXT),
            "malignant_found": ("Call found without the labels; empty where nothing was computed.", "word"),
            "umap1": ("First coordinate on the map of cells; for pictures.", "UMAP"),
            "umap2": ("Second coordinate on the map of cells; for pictures.", "UMAP"),
        },
    ),
    "clusters": Table(
        "compartments/clusters.tsv",
        "one cluster of one sample",
        {
            **SAMPLE,
            "cluster": ("Cluster, the largest is 0; its number stands on the map of the sample.", TEXT),
            "n_cells": ("Cells of the cluster.", CELLS),
            "lineage": (LINEAGE, TEXT),
            "state": ("Finer cell type within the lineage.", TEXT),
            "lineage_margin": ("Lead of the best lineage over the second.", GENE_Z),
            "n_malignant": ("Cells called malignant.", CELLS),
            "n_non_malignant": ("Cells called non-malignant.", CELLS),
            "n_uncertain": ("Cells that could not be called; they enter neither compartment.", CELLS),
            "evidence": (
                "Evidence for gains and losses: z of the cluster's segments against shuffled genes; empty where not "
                "tested.",
                SEGMENT_Z,
            ),
            "threshold": ("Evidence that is needed; normal cells stay below it.", SEGMENT_Z),
            "reason": ("Why cells are uncertain, commonest first, joined by ';'; empty where none is.", "codes"),
        },
    ),
    "agreement": Table(
        "compartments/agreement.tsv",
        "one pair of label and finding in one sample",
        {
            **SAMPLE,
            "kind": ("What is compared: lineage or malignant.", "word"),
            "label": ("The label of the input, in the words of the workflow; it is the one that is used.", TEXT),
            "found": ("What was found for the same cells without it.", TEXT),
            "n_cells": ("Cells with this pair.", CELLS),
        },
    ),
    "arms": Table(
        "compartments/arms.tsv",
        "one chromosome arm of one sample with malignant cells",
        {
            **SAMPLE,
            "arm": ("Chromosome arm (hg38), most lost first.", TEXT),
            "n_genes": ("Measured genes of the arm.", GENES),
            "log2_ratio": (
                "Expression of the malignant cells against normal cells, mean of the arm, around the median gene. One "
                "of two copies lost is about -0.5.",
                "log2 ratio",
            ),
        },
    ),
    "contamination": Table(
        "compartments/contamination.tsv",
        "one lineage of one compartment of one sample",
        {
            **SAMPLE,
            "compartment": ("tumour, microenvironment or uncertain.", "word"),
            "lineage": (LINEAGE, TEXT),
            "total": ("Sum of the values.", "input units"),
            **CONTAMINATION,
            "n_genes": ("Genes of other lineages that the estimate rests on.", GENES),
            "reason": ("Why there is no estimate; empty where there is one.", "code"),
        },
    ),
    "copy_number": Table(
        "compartments/copy_number/<sample>.tsv.gz",
        "one small group of cells of one cluster, lineage and call",
        {
            "group": ("Number of the group.", TEXT),
            "cluster": ("Cluster of its cells.", TEXT),
            "lineage": (LINEAGE, TEXT),
            "call": (CALL, "word"),
            "n_cells": ("Cells of the group.", CELLS),
            "<chromosome>:<start>": (
                "One column per window, named by the start of its first gene (hg38): mean of its genes against normal "
                "cells. Without rows where copy number was not computed.",
                "ln ratio",
            ),
        },
    ),
    "pseudobulk": Table(
        "compartments/pseudobulk.tsv",
        "one lineage of one compartment of one sample",
        {
            **SAMPLE,
            "compartment": ("tumour, microenvironment or uncertain.", "word"),
            "lineage": (LINEAGE, TEXT),
            "n_cells": ("Cells summed.", CELLS),
            "n_genes": ("Genes with a value above 0.", GENES),
            "total": ("Sum of the values.", "input units"),
            "n_doublets": ("Doublets that were removed, and are in none of the sums.", CELLS),
        },
    ),
    "states": Table(
        "compartments/reference.tsv",
        "one gene; with it a bulk cohort of that tumour type can be split",
        {
            "gene": ("Gene; only those measured in every sample.", "symbol"),
            "<compartment>|<lineage or patient>|<cells>|<patients>": (
                "One column per state: a lineage of the microenvironment, or the tumour of one patient, with the "
                "number of its cells and patients. Every column sums to 1e6.",
                "counts per million",
            ),
        },
    ),
}
