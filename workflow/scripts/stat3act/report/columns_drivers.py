"""Columns of the tables about what lies behind the activities: who may drive STAT3, and which groups differ."""

from stat3act.report.columns_shared import AXIS, COMPARTMENT, LOG2_CPM, SAMPLE, SHARE, TEXT, Table, Z

PATIENTS = "patients"

DRIVER_TABLES = {
    "drivers": Table(
        "profiles/drivers.tsv",
        "one ligand with a receptor in one sample",
        {
            **SAMPLE,
            "mechanism": ("The ligand-receptor route to STAT3.", TEXT),
            "sender": ("Compartment that expresses the ligand.", TEXT),
            "receiver": ("Compartment that expresses the whole receptor.", TEXT),
            "ligand": ("Ligand gene.", "symbol"),
            "receptor": ("Receptor genes; every subunit is needed.", "symbols"),
            "ligand_log2_cpm": ("Expression of the ligand in the sender.", LOG2_CPM),
            "receptor_log2_cpm": (
                "Expression of the least expressed receptor subunit in the receiver.",
                LOG2_CPM,
            ),
            "kinase_log2_cpm": ("Expression of the receptor's highest kinase in the receiver.", LOG2_CPM),
            "kind": (
                "autocrine: tumour to tumour; paracrine: microenvironment to tumour; tumour_educates: tumour to "
                "microenvironment; microenvironment_internal: within it.",
                "word",
            ),
            "without_ambient": (
                "Whether ligand, receptor and kinase are still expressed without ambient RNA; empty where that is not "
                "known.",
                "True or False",
            ),
        },
    ),
    "lesions": Table(
        "profiles/lesions.tsv",
        "one genetic lesion of one sample that can drive STAT3",
        {
            **SAMPLE,
            "gene": ("Altered gene.", "symbol"),
            "alteration": ("Alteration, as in the table that was given.", TEXT),
            "kind": ("missense, in_frame, truncating, amplification, deletion or fusion.", "word"),
            "certainty": (
                "known: this alteration was shown to drive it; possible: some of its kind in this gene were.",
                "word",
            ),
            "effect": ("What it does.", TEXT),
            "source": ("Where that comes from, joined by ';'.", "citation"),
            "note": ("What else to know.", TEXT),
        },
    ),
    "groups": Table(
        "profiles/groups.tsv",
        "two groups of patients in one compartment and axis",
        {
            "column": ("Column of the sample sheet that makes the groups.", TEXT),
            **COMPARTMENT,
            **AXIS,
            "group_a": ("First group.", TEXT),
            "group_b": ("Second group.", TEXT),
            "n_a": (
                "Patients of the first group with an activity; where patients are in both groups, only they.",
                PATIENTS,
            ),
            "n_b": ("The same of the second group.", PATIENTS),
            "median_a": ("Median of the patients' mean activities in the first group.", Z),
            "median_b": ("The same in the second group.", Z),
            "difference": (
                "Shift of the first group against the second: Hodges-Lehmann estimate over pairs of patients, or over "
                "the changes within patients.",
                Z,
            ),
            "difference_low": ("Lower end of its interval; empty with too few patients for the level.", Z),
            "difference_high": ("Upper end of its interval.", Z),
            "effect": (
                "Chance that a patient of the first group is higher less the chance of the reverse (Cliff's delta); "
                "within patients the matched-pairs rank-biserial correlation.",
                "-1 to 1",
            ),
            "test": ("mann_whitney, wilcoxon_signed_rank (patients in both groups) or too_few_patients.", "word"),
            "p_value": ("Two-sided p of the test.", SHARE),
            "q_value": (
                "The same, corrected over all comparisons of the column in this axis (Benjamini-Hochberg).",
                SHARE,
            ),
        },
    ),
}
