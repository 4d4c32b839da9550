"""Which signal is tumour, which microenvironment: cells by lineage and copy number, bulk by a reference."""

# The one place that names the compartments, in the order tables and pages list them.
LINEAGE_COMPARTMENTS = ("fibroblast", "endothelial", "myeloid", "lymphoid")
COMPARTMENTS = ("tumour", "microenvironment", *LINEAGE_COMPARTMENTS, "bulk")
