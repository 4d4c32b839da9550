"""What a table description is made of: its shape, the units, and the columns that many tables share."""

from dataclasses import dataclass

Z = "z"  # activity over the standard deviation of its null
SHARE = "0 to 1"
CELLS = "cells"
GENES = "genes"
TEXT = "text"
LOG2_CPM = "log2 CPM"


@dataclass(frozen=True)
class Table:
    """One result table.

    Attributes
    ----------
    path
        Where it is below ``results/<cohort>/``.
    row
        What one row of it is.
    columns
        Column name to its meaning and its unit.
    """

    path: str
    row: str
    columns: dict[str, tuple[str, str]]


SAMPLE = {"sample": ("Name of the sample, as in the sample sheet.", TEXT)}
PATIENT = {"patient": ("Patient the sample comes from, as in the sample sheet.", TEXT)}
COMPARTMENT = {
    "compartment": (
        "Part of the tissue: tumour, microenvironment, one of its lineages (fibroblast, endothelial, myeloid, "
        "lymphoid), or bulk (the unsplit sample).",
        TEXT,
    )
}
AXIS = {"axis": ("Scored gene programme: a STAT3 panel, a rival of STAT3, or a named programme.", TEXT)}
REASON = {"reason": ("Why there is no value here; empty where there is one.", "code")}
