"""Runs the benches named, or all: whole processes, the cases of a bench taking turns, medians and ratios printed."""

import os
import sys
from importlib import import_module
from types import ModuleType

from bench.timing import Cost, find_median, measure

NOT_A_BENCH = {"__init__", "__main__", "timing", "generator"}


def find_benches() -> list[str]:
    """The names of all benches, sorted."""
    found = (name.removesuffix(".py") for name in os.listdir(os.path.dirname(__file__)) if name.endswith(".py"))
    return sorted(name for name in found if name not in NOT_A_BENCH)


def run_cases(bench: ModuleType, runs: int) -> dict[str, list[Cost]]:
    """The costs per case. The cases take turns, so that a busy minute hits all of them alike; one round warms up."""
    costs: dict[str, list[Cost]] = {name: [] for name in bench.CASES}
    for turn in range(runs + 1):
        for name, argv in bench.CASES.items():
            cost = measure(argv)
            expected = getattr(bench, "CODES", {}).get(name, 0)
            if cost.code != expected:
                raise SystemExit(f"bench: {' '.join(argv)} ended with {cost.code}, expected {expected}")
            if turn:
                costs[name].append(cost)
    return costs


def print_costs(costs: dict[str, list[Cost]]) -> None:
    """One line per case: medians, and the ratio of wall time to the first case."""
    print(f"{'':28}{'wall ms':>9}{'user ms':>9}{'sys ms':>9}{'peak MB':>9}{'ratio':>8}")
    first = 0.0
    for name, taken in costs.items():
        wall = find_median([cost.wall_s for cost in taken])
        user = find_median([cost.user_s for cost in taken])
        system = find_median([cost.system_s for cost in taken])
        peak = find_median([float(cost.peak_bytes) for cost in taken])
        first = first or wall
        print(f"{name:28}{wall * 1e3:9.1f}{user * 1e3:9.1f}{system * 1e3:9.1f}{peak / 1e6:9.1f}{wall / first:8.2f}")


def main(arguments: list[str]) -> None:
    """Run the benches named in `arguments`; `--runs N` sets the rounds per case (default 15)."""
    runs = 15
    if "--runs" in arguments:
        at = arguments.index("--runs")
        runs = int(arguments[at + 1])
        arguments = arguments[:at] + arguments[at + 2 :]
    for name in arguments or find_benches():
        bench = import_module(f"bench.{name}")
        print(f"\n{name}: {(bench.__doc__ or '').splitlines()[0]}")
        getattr(bench, "prepare", lambda: None)()
        if not bench.CASES:
            continue  # it has shown all it measures
        load = os.getloadavg()[0]
        print_costs(run_cases(bench, getattr(bench, "RUNS", runs)))
        print(f"load before: {load:.2f}, {os.cpu_count()} cores, rounds: {getattr(bench, 'RUNS', runs)}")


if __name__ == "__main__":
    main(sys.argv[1:])
