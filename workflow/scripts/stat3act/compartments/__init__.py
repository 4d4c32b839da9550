"""Which signal is tumour, which microenvironment: cells by lineage and copy number, bulk by a reference."""
