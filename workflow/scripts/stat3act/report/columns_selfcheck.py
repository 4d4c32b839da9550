"""What the columns of the self-check's tables mean."""

from stat3act.report.columns_shared import AXIS, COMPARTMENT, SAMPLE, SHARE, TEXT, Table

_BIN = {
    "purity_low": ("Lower end of the bin of estimated purity.", SHARE),
    "purity_high": ("Upper end of the bin.", SHARE),
}

SELFCHECK_TABLES = {
    "selfcheck": Table(
        "validation/selfcheck.tsv",
        "one kind of mixture x compartment x axis x bin of purity (bulk with a reference of two patients or more)",
        {
            "reference": ("Reference that was tested, as in the configuration.", TEXT),
            "kind": (
                "planted: mixtures in which STAT3 and its rivals were raised and lowered in either compartment; "
                "natural: the tumours as they are. The tumours of a mixture are never in the reference it is split "
                "with; the microenvironment always is.",
                "word",
            ),
            **COMPARTMENT,
            **AXIS,
            **_BIN,
            "n": ("Mixtures.", "mixtures"),
            "spearman": (
                "Rank correlation of the estimate with the score of the compartment's own profile; empty with fewer "
                "than ten values.",
                "-1 to 1",
            ),
            "loading": ("Planted: standardised coefficient of the estimate on that own score; 1 is best.", "-1 to 1"),
            "leak": ("The same on the own score of the other compartment, in one regression; 0 is best.", "-1 to 1"),
            "coverage": (
                "Share of the mixtures whose interval, calibrated on the other tumours, holds the own score.",
                SHARE,
            ),
            "share_unknown": ("Share of the mixtures in which the compartment was left unknown.", SHARE),
            "purity_error": ("Mean size of the error of the estimated purity.", SHARE),
            "purity_coverage": (
                "Share of the mixtures whose interval of purity, calibrated on the other tumours, holds the true one.",
                SHARE,
            ),
        },
    ),
    "calibration": Table(
        "validation/calibration.tsv",
        "one compartment x axis x bin of purity (bulk with a reference of two patients or more)",
        {
            **COMPARTMENT,
            **AXIS,
            **_BIN,
            "n": ("Mixtures in which the compartment got a value, planted and natural together.", "mixtures"),
            "half_width": (
                "Half the interval: the estimate less and plus it holds the own score at the level of the intervals "
                "(split-conformal quantile).",
                "log2 fold change",
            ),
            "bias": ("Mean of the estimate less the own score.", "log2 fold change"),
            "borrowed": (
                "Whether the bin has too few mixtures and takes the half width of the nearest bin with enough.",
                "True or False",
            ),
        },
    ),
    "purity": Table(
        "validation/purity.tsv",
        "one sample (bulk with a reference)",
        {
            **SAMPLE,
            "purity": ("Estimated share of the sample's mRNA that is tumour.", SHARE),
            "low": (
                "Lower end of its interval, from the errors on tumours left out of the reference, by bin of purity; "
                "empty where the reference could not be tested.",
                SHARE,
            ),
            "high": ("Upper end of that interval.", SHARE),
        },
    ),
}
