"""What the terminal shows when the workflow has ended."""

from pathlib import Path

import pandas as pd

from stat3act.report.evidence import CALLS, REASONS

MOST_REASONS = 5


def summarise(calls: pd.DataFrame, report_path: str | Path) -> str:
    """Sum up a cohort: samples, calls, what limits them, and where the report is.

    Parameters
    ----------
    calls
        ``profiles/calls.tsv``.
    report_path
        Path of ``report.html``.

    Returns
    -------
    A few lines of text.
    """
    samples, patients = len(calls), calls["patient"].nunique()
    lines = [f"STAT3 activity: {samples} sample{'s'[: samples != 1]}, {patients} patient{'s'[: patients != 1]}"]
    counts = calls["call"].value_counts()
    for code in [*CALLS, *sorted(set(counts.index) - set(CALLS))]:
        if code in counts:
            confident = int((calls.loc[calls["call"] == code, "confidence"] == "high").sum())
            name = CALLS[code]["name"] if code in CALLS else code
            lines.append(f"  {name:<24} {counts[code]:>5}   ({confident} with high confidence)")
    reasons = calls["reason_codes"].dropna().astype(str).str.split(";").explode()
    reasons = reasons[reasons != ""].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    if len(reasons):
        lines.append("  limits:")
    for code, count in reasons.head(MOST_REASONS).items():
        lines.append(f"    {code} in {count}" + (f" ({REASONS[code]})" if code in REASONS else ""))
    lines += [f"  report: {report_path}", "  For research use; not predictive of benefit from a STAT3 inhibitor."]
    return "\n".join(lines)
