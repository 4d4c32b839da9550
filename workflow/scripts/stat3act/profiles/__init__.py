"""Profiles: what the scores mean for a sample, as one profile and one call."""
