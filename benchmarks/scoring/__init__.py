"""Validation of the STAT3 score on public data, one module per question."""
