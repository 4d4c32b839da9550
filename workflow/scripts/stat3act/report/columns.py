"""What each column of each result table means, and in which unit: one dictionary for the page and the docs."""

from collections.abc import Iterable

from stat3act.report.columns_bulk import REFERENCE_TABLES
from stat3act.report.columns_cells import CELL_TABLES, CONTAMINATION
from stat3act.report.columns_drivers import DRIVER_TABLES
from stat3act.report.columns_shared import (
    AXIS,
    CELLS,
    COMPARTMENT,
    GENES,
    PATIENT,
    REASON,
    SAMPLE,
    SHARE,
    TEXT,
    Table,
    Z,
)
from stat3act.report.columns_selfcheck import SELFCHECK_TABLES

_SCORES = {
    "score": (
        "Unadjusted score: the same genes without the rival axes (univariate linear model). Shown beside the activity; "
        "never used alone.",
        "t; z after a bulk split",
    ),
    "activity": (
        "Activity beyond what the rival axes explain, over the standard deviation of its null (gene permutation times "
        "inflation; matched control panels after a bulk split). 0 is the reference that the column reference names.",
        Z,
    ),
    "ci_low": ("Lower end of the confidence interval of the activity.", Z),
    "ci_high": ("Upper end of the confidence interval of the activity.", Z),
    "interval": (
        "After a bulk split: calibrated, the interval has the width of the errors on mixtures of tumours left out of "
        "the reference, or uncalibrated, the reference could not be tested. Empty where the compartment was measured, "
        "and in the table of the split itself, whose intervals are those before calibration.",
        "word",
    ),
    "p_value": (
        "Chance of an activity this high under that null; one-sided.",
        SHARE,
    ),
    "q_value": (
        "The same, corrected for the samples and compartments of this axis (Benjamini-Hochberg).",
        SHARE,
    ),
    "n_targets": ("Genes of the axis that were measured here.", GENES),
    "coverage": ("Measured share of the axis's genes that are meaningful in this compartment.", SHARE),
    "n_cells": ("Cells behind the value; empty for bulk cohorts.", CELLS),
    "fraction": ("Share of the sample that this compartment is.", SHARE),
    "reliability": (
        "How much of the estimate comes from the data; the rest is the prior of the bulk split.",
        SHARE,
    ),
    "leading_genes": ("Genes that add most to the activity, strongest first, joined by ';'.", "symbols"),
    "activity_without_top_gene": ("Activity after leaving the strongest gene out.", Z),
    "reference": (
        "What the activity is relative to: cohort, controls or a frozen file, with the number of samples and their "
        "stratum. After a bulk split always the cohort.",
        TEXT,
    ),
    "inflation": (
        "What co-expression adds to the spread of the null: root mean square z of control sets that match the axis "
        "gene by gene and are partly co-expressed. The activity is divided by it. Empty after a bulk split, whose "
        "control panels hold it already.",
        "factor, 1 or more",
    ),
    **REASON,
}

# Only where the config asks for them (`activity.also`), as last columns of scores and activation profiles.
ALSO = {
    method: (
        f"Score of decoupler's {method}{note}: not adjusted for rivals, not calibrated, in no call. Empty where an "
        "axis has too few genes for it, and after a bulk split.",
        unit,
    )
    for method, note, unit in [
        ("ulm", "", "t"),
        ("mlm", ", all axes in one model", "t"),
        ("viper", "", "normalised enrichment"),
        ("zscore", " (KSEA: mean of the targets less that of all genes)", Z),
        ("waggr", " (weighted mean)", "standard deviations of the reference"),
        ("aucell", ", genes that rise with the axis", SHARE),
        ("gsea", ", genes that rise with the axis", "normalised enrichment"),
        ("gsva", ", genes that rise with the axis; depends on the other samples", "-1 to 1"),
        ("ora", ", genes that rise with the axis among the highest 5 %", "log odds ratio"),
    ]
}

_STATE = "ON, OFF or UNKNOWN by the evidence rule; UNKNOWN is not OFF."

_GUARD = {
    "guard": ("ambient: without ambient RNA; doublets: with the doublets that were removed.", "word"),
}

_CALLS = {
    **SAMPLE,
    **PATIENT,
    "call": (
        "Where STAT3 is on: TUMOUR_INTRINSIC_ACTIVE, STROMA_ACTIVE, BOTH_ACTIVE, INACTIVE or INDETERMINATE.",
        "code",
    ),
    "confidence": ("high, moderate or low.", "word"),
    "reason_codes": ("What limits the call, joined by ';'.", "codes"),
    "tumour_state": (f"Tumour: {_STATE}", "state"),
    "microenvironment_state": (f"Microenvironment: {_STATE}", "state"),
    "bulk_state": (f"Unsplit sample: {_STATE}", "state"),
    "tumour_activity": ("STAT3 activity (stat3_core) of the tumour.", Z),
    "tumour_ci_low": ("Lower end of its confidence interval.", Z),
    "tumour_ci_high": ("Upper end of its confidence interval.", Z),
    "microenvironment_activity": ("STAT3 activity (stat3_core) of the microenvironment.", Z),
    "microenvironment_ci_low": ("Lower end of its confidence interval.", Z),
    "microenvironment_ci_high": ("Upper end of its confidence interval.", Z),
    "bulk_activity": ("STAT3 activity (stat3_core) of the unsplit sample.", Z),
    "bulk_score": ("Its unadjusted score, without the rival axes.", "t"),
    "reference": (
        "What the activities are relative to, with the number of samples; per compartment where they differ. After a "
        "bulk split, tumour and microenvironment are always relative to the cohort.",
        TEXT,
    ),
    "dominant_lineage": (
        "Strongest lineage that is ON; microenvironment when only the pooled microenvironment is; empty when none is.",
        TEXT,
    ),
    "driver": (
        "Who may drive STAT3 where it is ON. genetic: lesions of the tumour that are known to; genetic_possible: "
        "lesions that may. Then, by expression only: kind, ligand (sender -> receiver). none_found: no complete pair "
        "is expressed and no lesion is known; not_assessed: no ligands, for want of compartments or a linear scale; "
        "empty: STAT3 is ON nowhere.",
        TEXT,
    ),
    "ifn_activity": ("Activity of the interferon/STAT1 axis in the tumour; in the bulk where there is no tumour.", Z),
    "noncanonical": (
        "hypothesis: genes of unphosphorylated STAT3 are up with NF-kB in the model, STAT3 mRNA is in the cohort's "
        "upper third and the canonical targets are low; phospho_supported: phospho data of the sample agree; "
        "not_assessable: nothing can be said. RNA tells nothing of pS727, mitochondrial or acetylated STAT3.",
        "word",
    ),
    "purity": ("Tumour share of the sample.", SHARE),
    "purity_source": ("Where the purity comes from.", TEXT),
    "statement": ("The call in one sentence.", TEXT),
}

_QC_GENES = {
    "genes_in": ("Gene ids in the input.", GENES),
    "genes_kept": ("Genes after harmonising to one symbol.", GENES),
    "genes_unmapped": ("Gene ids without a known symbol; left out.", GENES),
    "genes_ambiguous": ("Gene ids that belong to several symbols; left out.", GENES),
    "genes_merged": ("Gene ids that shared a symbol with another and were merged.", GENES),
    "genes_dropped": ("Genes with a missing value or not in all files; left out (bulk).", GENES),
    "example_unmapped": ("Up to five ids without a symbol, joined by ';'.", "ids"),
    "library_size": ("Sum of the sample's values over known genes.", "input units"),
}

_QC_CELLS = {
    "cells_in": ("Cells in the input.", CELLS),
    "cells_low_counts": ("Cells with too few counts, or far from the sample's median.", CELLS),
    "cells_high_counts": ("Cells with far more counts than the sample's median.", CELLS),
    "cells_low_genes": ("Cells with too few detected genes, or far from the sample's median.", CELLS),
    "cells_high_mitochondrial": ("Cells with too large a mitochondrial share.", CELLS),
    "cells_doublet": ("Cells that look like two cells.", CELLS),
    "cells_kept": ("Cells that passed every line.", CELLS),
    "median_counts_before": ("Median counts per cell before filtering.", "counts"),
    "median_counts_after": ("Median counts per cell after filtering.", "counts"),
    "median_genes_before": ("Median detected genes per cell before filtering.", GENES),
    "median_genes_after": ("Median detected genes per cell after filtering.", GENES),
    "median_mitochondrial_before": ("Median mitochondrial share before filtering.", "%"),
    "median_mitochondrial_after": ("Median mitochondrial share after filtering.", "%"),
    "doublet_status": ("Whether doublets were looked for; if not, why.", TEXT),
}

TABLES = {
    "calls": Table("profiles/calls.tsv", "one sample", _CALLS),
    "activation_profiles": Table(
        "profiles/activation_profiles.tsv",
        "one sample x compartment x axis",
        {**SAMPLE, **PATIENT, **COMPARTMENT, **AXIS, **_SCORES},
    ),
    **DRIVER_TABLES,
    "qc": Table("expression/qc.tsv", "one sample", {**SAMPLE, **_QC_GENES, **_QC_CELLS}),
    "composition": Table(
        "compartments/composition.tsv",
        "one sample x compartment",
        {
            **SAMPLE,
            **COMPARTMENT,
            "n_cells": ("Cells of the compartment; empty for bulk cohorts.", CELLS),
            "fraction": ("Share of the sample that this compartment is.", SHARE),
            **REASON,
        },
    ),
    "fractions": Table(
        "compartments/fractions.tsv",
        "one sample x compartment x lineage (bulk with a reference)",
        {
            **SAMPLE,
            **COMPARTMENT,
            "lineage": ("Cell lineage of the reference.", TEXT),
            "fraction": ("Estimated share of the sample's RNA.", SHARE),
        },
    ),
    **REFERENCE_TABLES,
    "split": Table(
        "compartments/split.tsv",
        "one sample x compartment x axis (bulk with a reference)",
        {
            **SAMPLE,
            **COMPARTMENT,
            **AXIS,
            **_SCORES,
            "estimate": (
                "Mean departure of the axis's targets in the reconstructed profile of the compartment, beside its "
                "rivals, from the mean of the cohort.",
                "log2",
            ),
            "scale": ("What one unit of activity is: the spread of control panels in the same sample.", "log2"),
            "sd": ("Posterior standard deviation of the estimate.", "log2"),
            "error_correlation": ("Correlation of the errors of the two compartments.", "-1 to 1"),
        },
    ),
    "scores": Table(
        "activity/scores.tsv",
        "one sample x compartment x axis",
        {**SAMPLE, **COMPARTMENT, **AXIS, **_SCORES},
    ),
    "reference": Table(
        "activity/reference.tsv",
        "one compartment x gene, or compartment x axis, of the reference samples are compared with",
        {
            **COMPARTMENT,
            "stratum": ("Samples of this stratum are compared with it; empty without strata.", TEXT),
            "gene": ("Gene; empty in the row of an axis.", "symbol"),
            "location": ("Mean of the reference.", "log2 scale of the input"),
            "scale": ("Standard deviation of the reference, moderated over genes of like expression.", "same"),
            "n": ("Reference samples.", "samples"),
            "axis": ("Scored gene programme; empty in the row of a gene.", TEXT),
            "inflation": ("What co-expression adds to the spread of the axis's null.", "factor, 1 or more"),
            "fingerprint": ("Digest of the axis and its rivals: the factor holds for these genes and weights.", "hash"),
            "value_scale": ("Scale of the values: a frozen reference serves values of the same scale only.", TEXT),
        },
    ),
    **CELL_TABLES,
    **SELFCHECK_TABLES,
    "guards": Table(
        "profiles/guards.tsv",
        "one guard (ambient RNA or doublets) on one sample x compartment",
        {
            **SAMPLE,
            **COMPARTMENT,
            **_GUARD,
            "activity": ("STAT3 activity (stat3_core) as it is used.", Z),
            "activity_otherwise": ("The same without ambient RNA, or with the doublets that were removed.", Z),
            "difference": ("Otherwise less used.", Z),
            "half_width": ("Half the confidence interval of the activity as it is used.", Z),
            "state": (f"As it is used: {_STATE}", "state"),
            "state_otherwise": (f"Otherwise: {_STATE}", "state"),
            **CONTAMINATION,
            "n_doublets": ("Doublets that were removed.", CELLS),
            "flag": (
                "AMBIENT_SENSITIVE or DOUBLET_SENSITIVE where the other activity lies outside the interval or leads to "
                "another state.",
                "code",
            ),
            "reason": ("Why the guard could not be applied; empty where it was.", "code"),
        },
    ),
    "guard_scores": Table(
        "activity/guards.tsv",
        "one guard on one sample x compartment x axis",
        {
            **_GUARD,
            **SAMPLE,
            **COMPARTMENT,
            **AXIS,
            **_SCORES,
            **CONTAMINATION,
            "n_doublets": ("Doublets that were removed.", CELLS),
        },
    ),
    "axes": Table(
        "networks/axes.tsv",
        "one gene of one axis",
        {
            **AXIS,
            "gene": ("Target gene.", "symbol"),
            "weight": ("Direction and strength: above zero rises with the axis.", "signed weight"),
            "panel": ("Panel the gene belongs to; stat3_core and stat3_epithelial share no gene.", TEXT),
            "compartments": ("Compartments in which the gene is meaningful, joined by ';', or all.", TEXT),
            "source": ("Where the gene's place in the axis comes from.", "citation"),
        },
    ),
    "ligands": Table(
        "networks/ligands.tsv",
        "one ligand with its receptor, or one feedback gene or kinase",
        {
            "mechanism": ("The route to STAT3.", TEXT),
            "kind": ("ligand, or the part the gene plays (feedback, kinase).", "word"),
            "gene": ("Gene, where the row is not a ligand.", "symbol"),
            "ligand": ("Ligand; every gene joined by ';' is needed.", "symbols"),
            "receptor": ("Receptor subunits, joined by ';'; all are needed.", "symbols"),
            "kinases": ("Kinases of the receptor, joined by ';'.", "symbols"),
            "sender": ("Compartments that usually send it, joined by ';'.", TEXT),
            "receiver": ("Compartments that usually receive it, joined by ';'.", TEXT),
            "source": ("Where the row comes from.", "citation"),
            "note": ("What else to know.", TEXT),
        },
    ),
    "phospho_samples": Table(
        "validation/phospho_samples.tsv",
        "one sample of the comparison with phospho-STAT3",
        {
            **SAMPLE,
            **PATIENT,
            "phospho_sample": ("Name in the phospho table.", TEXT),
            "phospho": ("Measured phospho-STAT3.", "units of that table"),
            "note": ("Why the sample was not used; empty where it was.", TEXT),
        },
    ),
    "phospho": Table(
        "validation/phospho.tsv",
        "one method in one group of samples",
        {
            "group": ("Samples that were compared.", TEXT),
            "method": ("Our activity, or a baseline.", TEXT),
            "spearman": ("Rank correlation with phospho-STAT3.", "-1 to 1"),
            "low": ("Lower end of its confidence interval.", "-1 to 1"),
            "high": ("Upper end of its confidence interval.", "-1 to 1"),
            "n": ("Samples with both values.", "samples"),
        },
    ),
    "expected": Table(
        "validation/expected.tsv",
        "one sample whose right call is known",
        {
            **SAMPLE,
            "expected": ("Call that is known to be right; '|' between calls that are all right.", "code"),
            "found": ("Call that was made.", "code"),
            "right": ("Whether the two agree.", "True or False"),
        },
    ),
}


def undescribed(table: str, columns: Iterable[str]) -> list[str]:
    """List the columns of a table that have no description, in their order.

    Parameters
    ----------
    table
        Key of `TABLES`.
    columns
        Columns of the actual table.

    Raises
    ------
    KeyError
        When the table is not described at all.
    """
    known = {**TABLES[table].columns, **(ALSO if table in ("activation_profiles", "scores") else {})}
    return [column for column in columns if column not in known]
