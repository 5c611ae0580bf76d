"""Scores of variants of an input: tokens deleted, replaced or exchanged."""
