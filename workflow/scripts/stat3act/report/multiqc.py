"""The QC table as custom content of MultiQC, for those who gather the quality of many pipelines in one report."""

from collections.abc import Mapping

import pandas as pd
import yaml

from stat3act.report.columns import TABLES

# What a column is called in the narrow heads of MultiQC's table; others are only in the table of the workflow.
TITLES = {
    "cells_in": "Cells",
    "cells_kept": "Cells kept",
    "cells_doublet": "Doublets",
    "median_counts_after": "Counts per cell",
    "median_genes_after": "Genes per cell",
    "median_mitochondrial_after": "Mitochondrial",
    "genes_in": "Gene ids",
    "genes_kept": "Genes kept",
    "genes_unmapped": "Unmapped",
    "library_size": "Library size",
}
SUFFIXES = {"median_mitochondrial_after": " %"}


def head(cohort: str, columns: list[str]) -> Mapping:
    """Return what MultiQC reads from the comment lines: the section, and each column's title and description."""
    described = TABLES["qc"].columns
    headers = {
        name: {"title": TITLES[name], "description": described[name][0], "format": "{:,.0f}"}
        | ({"suffix": SUFFIXES[name], "format": "{:,.1f}"} if name in SUFFIXES else {})
        for name in columns
    }
    return {
        "id": f"stat3act_{cohort}",
        "section_name": f"STAT3 activity: {cohort}",
        "description": "Quality of the samples of the STAT3 activity workflow, after quality control.",
        "plot_type": "table",
        "pconfig": {
            "id": f"stat3act_{cohort}_table",
            "title": f"STAT3 activity: {cohort}",
            "namespace": "STAT3 activity",
        },
        "headers": headers,
    }


def multiqc_text(quality: pd.DataFrame, cohort: str) -> str:
    """Write the QC table for MultiQC.

    Parameters
    ----------
    quality
        ``expression/qc.tsv``.
    cohort
        Name of the cohort.

    Returns
    -------
    Text of a file whose name must end in ``_mqc.tsv``: YAML in comment lines, then a tab-separated table.
    """
    columns = [name for name in TITLES if name in quality]
    settings = yaml.safe_dump(dict(head(cohort, columns)), sort_keys=False, allow_unicode=True, width=10_000)
    table = quality[["sample", *columns]].rename(columns={"sample": "Sample"})
    rows = table.to_csv(sep="\t", index=False, float_format="%.6g", lineterminator="\n")
    return "".join(f"# {line}\n" for line in settings.splitlines()) + rows
