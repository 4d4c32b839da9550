"""Across cohorts: which can be compared, and how they differ.

`comparable` refuses what is not on one scale, `compare` makes the tables, `page` the page.
"""
