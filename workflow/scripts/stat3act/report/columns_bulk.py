"""Descriptions of the tables about the reference of a bulk split."""

from stat3act.report.columns_shared import AXIS, SAMPLE, SHARE, TEXT, Z, Table

_INTERVAL = {
    "slope": ("Change of the mean activity from purity 0 to purity 1", Z),
    "tumour_end": ("Mean activity that the line gives at purity 1, extrapolated; of the cohort, of no sample", Z),
    "microenvironment_end": ("Mean activity that the line gives at purity 0, extrapolated; of the cohort", Z),
}

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
    "purity_interaction": Table(
        "compartments/purity_interaction.tsv",
        "one axis of the whole cohort (bulk without a reference, with purity); says nothing of a single sample",
        {
            "level": ("Always cohort: in which cells of a sample an axis is active cannot be read from this.", TEXT),
            **AXIS,
            "n": ("Samples with a purity and an activity.", "samples"),
            "purity_low": ("Lowest purity of these samples.", SHARE),
            "purity_high": ("Highest purity of these samples.", SHARE),
            **{
                f"{name}{part}": (f"{meaning}{end}.", unit)
                for name, (meaning, unit) in _INTERVAL.items()
                for part, end in (("", ""), ("_low", ": lower end of its interval"), ("_high", ": upper end"))
            },
            "p_value": ("Two-sided p of the slope (HC3 errors).", SHARE),
            "q_value": ("The same after correction over the axes (Benjamini-Hochberg).", SHARE),
            "reason": ("Why there are no numbers: FEW_SAMPLES or PURITY_ALIKE; empty where there are.", "code"),
        },
    ),
}
