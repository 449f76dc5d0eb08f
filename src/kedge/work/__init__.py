"""Runs: durable pieces of work."""
