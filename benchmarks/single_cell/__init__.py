"""The checks behind `validate_single_cell.py`, one module per question."""
