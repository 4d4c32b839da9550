"""What the page says of a bulk split's reference, and of activity and purity where there is none."""

from collections.abc import Mapping

import pandas as pd

from stat3act.profiles.calls import REASON_CODES
from stat3act.profiles.states import CORE_AXIS

WORST_GENES = 10


def reference_lines(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Say in sentences what was found about the reference; nothing where there is no split by one.

    Parameters
    ----------
    tables
        Tables of the page; ``reference_check`` and ``platform`` are looked at.
    """
    if "reference_check" not in tables:
        return []
    check = tables["reference_check"]
    return [*_fit_lines(check), _platform_line(check, tables["platform"]), _purity_line(check)]


def _fit_lines(check: pd.DataFrame) -> list[str]:
    limit, median = check["fit_limit"].iloc[0], check["fit_correlation"].median()
    reached = (
        "no tumour could be left out of the reference to compare with"
        if pd.isna(limit)
        else f"mixtures with tumours that were left out of the reference reach {limit:.2f} or more"
    )
    lines = [f"Correlation of a sample with the fitted mixture: {median:.2f} (median); {reached}."]
    codes = check["flags"].fillna("").astype(str).str.split(";")
    for code in sorted(set(codes.explode()) - {""}):
        count = int(codes.map(lambda own, code=code: code in own).sum())
        lines.append(f"{code}, {count} of {len(check)} samples: {REASON_CODES[code]}.")
    return lines


def _platform_line(check: pd.DataFrame, platform: pd.DataFrame) -> str:
    sd = check["platform_sd"].iloc[0]
    if pd.isna(sd):
        return "No platform shift between bulk and reference was estimated: that needs two samples."
    worst = platform.dropna(subset=["log2_shift"]).head(WORST_GENES)
    genes = ", ".join(f"{gene} {shift:+.1f}" for gene, shift in zip(worst["gene"], worst["log2_shift"], strict=True))
    return f"Platform shift between bulk and reference: standard deviation {sd:.2f} log2 units; furthest: {genes}."


def _purity_line(check: pd.DataFrame) -> str:
    known = check["purity_given"].notna()
    if not known.any():
        return "Purity is that of the fit, a share of mRNA."
    ratio = check.loc[known, "mrna_ratio"].iloc[0]
    return (
        f"Purity of {known.sum()} of {len(check)} samples combines the fit with the value of the sample sheet; a "
        f"tumour cell is taken to hold {ratio:.2f} times the mRNA of another cell."
    )


def interaction_lines(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Say how STAT3 activity goes with purity in the cohort; nothing without the table ``purity_interaction``."""
    if "purity_interaction" not in tables:
        return []
    table = tables["purity_interaction"]
    lines = ["Of the cohort, not of a sample: in which cells of one tumour STAT3 is active cannot be read from this."]
    for row in table[table["axis"] == CORE_AXIS].to_dict("records"):
        if pd.isna(row["slope"]):
            lines.append(f"{row['n']} samples with a purity: too few, or purities too much alike.")
            continue
        ends = (
            f"{words} {row[name]:.1f} ({row[f'{name}_low']:.1f} to {row[f'{name}_high']:.1f})"
            for name, words in (("tumour_end", "purity 1:"), ("microenvironment_end", "purity 0:"))
        )
        lines.append(
            f"Mean STAT3 activity that the {row['n']} samples (purity {row['purity_low']:.2f} to "
            f"{row['purity_high']:.2f}) lead to expect at {' and at '.join(ends)}; p of the slope {row['p_value']:.2g}."
        )
    return lines
