"""Descriptions of the tables about the reference of a bulk split."""

from stat3act.report.columns_shared import SAMPLE, SHARE, TEXT, Table

REFERENCE_TABLES = {
    "reference_check": Table(
        "compartments/reference_check.tsv",
        "one sample (bulk with a reference)",
        {
            **SAMPLE,
            "fit_correlation": (
                "How well the reference explains the sample: correlation of log expression with the fitted mixture.",
                "-1 to 1",
            ),
            "fit_limit": (
                "Lowest correlation of mixtures with tumours left out of the reference; empty for a single tumour.",
                "-1 to 1",
            ),
            "purity_fitted": ("Share of the sample's mRNA that is tumour, by the fit alone.", SHARE),
            "purity_given": ("Purity of the sample sheet, a share of cells or DNA; empty where unknown.", SHARE),
            "mrna_ratio": (
                "mRNA of a tumour cell over that of another cell, one factor for the cohort; 1 where fewer than 10 "
                "samples tell, empty without a given purity.",
                "factor",
            ),
            "purity": ("Share of mRNA that is used: both together, or the fit alone.", SHARE),
            "purity_sd": ("Standard deviation of its error.", SHARE),
            "platform_sd": ("Spread of the platform shift over genes; empty where none was estimated.", "log2 units"),
            "flags": ("What limits the use of the reference, joined by ';'; empty when nothing does.", "codes"),
        },
    ),
    "platform": Table(
        "compartments/platform.tsv",
        "one gene that bulk and reference share (bulk with a reference)",
        {
            "gene": ("Gene.", "symbol"),
            "log2_shift": (
                "Platform shift: what the bulk shows over what the reference expects, median of the samples, shrunk "
                "for few; empty for genes that do not decide fractions.",
                "log2 fold change",
            ),
            "used": ("yes, or why the gene does not decide fractions.", TEXT),
        },
    ),
}
