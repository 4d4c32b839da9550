"""Validation: can the numbers be trusted in this cohort?"""
