"""The checks behind `validate_bulk.py`, one module per question."""
