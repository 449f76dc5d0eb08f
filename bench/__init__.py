"""Benches: one module each; `script/bench` finds and runs them.

A bench has a docstring (its first line is printed) and `CASES`: name -> argv; the first case measures the others.
It may have `CODES` (name -> expected exit code, else 0), `RUNS` (rounds) and `prepare()` (called once before).
"""
