"""The workflow on large cohorts: a million cells, ten thousand bulk samples, a sheet of thousands."""
