"""Benches: one module each, with a docstring and `CASES`; `script/bench` finds and runs them."""
