"""Findings and causes: pure functions."""
