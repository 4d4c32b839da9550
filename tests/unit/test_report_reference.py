"""What the page says of the reference of a bulk split."""

import numpy as np
import pandas as pd

from stat3act.compartments.reference_check import CHECK_COLUMNS
from stat3act.report.reference import reference_lines


def tables(**columns):
    check = pd.DataFrame({name: [np.nan] * 3 for name in CHECK_COLUMNS})
    check = check.assign(sample=["a", "b", "c"], fit_correlation=[0.7, 0.8, 0.9], flags=np.nan, **columns)
    platform = pd.DataFrame(
        {"gene": ["A", "B", "C"], "log2_shift": [3.0, -1.5, np.nan], "used": ["yes", "yes", "scored"]}
    )
    return {"reference_check": check, "platform": platform}


def test_nothing_without_a_reference():
    assert reference_lines({"qc": pd.DataFrame()}) == []


def test_a_reference_that_does_not_fit_two_of_three():
    flags = ["REFERENCE_MISFIT", "FEW_CELLS_REFERENCE;REFERENCE_MISFIT", np.nan]
    lines = reference_lines(tables(fit_limit=0.85, platform_sd=1.25))
    assert "0.80 (median)" in lines[0] and "0.85 or more" in lines[0]
    assert "deviation 1.25 log2 units; furthest: A +3.0, B -1.5." in lines[1]
    assert lines[2] == "Purity is that of the fit, a share of mRNA."
    found = tables(fit_limit=0.85)
    found["reference_check"]["flags"] = flags
    text = " ".join(reference_lines(found))
    assert "REFERENCE_MISFIT, 2 of 3 samples: " in text and "FEW_CELLS_REFERENCE, 1 of 3 samples: " in text


def test_one_tumour_one_sample_and_given_purity():
    text = " ".join(reference_lines(tables(purity_given=[0.4, 0.5, np.nan], mrna_ratio=[1.8, 1.8, np.nan])))
    assert "no tumour could be left out" in text and "needs two samples" in text
    assert "Purity of 2 of 3 samples" in text and "1.80 times" in text
