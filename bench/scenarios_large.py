"""Cut sets of very large organisations, each in a process of its own: times, peak memory, compile time beside.

`python -m bench.scenarios_large COMPONENTS QUESTION`, where QUESTION is `single` or an order. The million needs 6 GB.
"""

import resource
import subprocess
import sys
import time

CASES: dict[str, list[str]] = {}
ASKED = (("10000", "2"), ("100000", "single"), ("100000", "2"), ("1000000", "single"), ("1000000", "2"))


def prepare() -> None:
    """Ask one question after the other and print the answers."""
    for size, question in ASKED:
        subprocess.run([sys.executable, "-m", "bench.scenarios_large", size, question], check=True)


def main(size: str, question: str) -> None:
    """One question: what it took from compiled rules, how many cut sets or single losses, the peak of this process."""
    from kedge.scenarios.cuts import cut_sets
    from kedge.scenarios.generate import organisation
    from kedge.scenarios.losses import single_losses

    start = time.perf_counter()
    made = organisation(int(size))
    compiled, before = time.perf_counter(), time.process_time()
    if question == "single":
        table = single_losses(made.rules)
        found = sum(len(table[target] or ()) for target in made.targets)
    else:
        found = sum(answer.counted for answer in cut_sets(made.rules, made.targets, int(question)).values())
    seconds, processor = time.perf_counter() - compiled, time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"{int(size):>9,} components, {question:>6}: {seconds:7.2f} s, {processor:.2f} s of processor "
        f"(compiled in {compiled - start:.2f} s), {found:,} found for {len(made.targets):,} targets, "
        f"peak {peak:.2f} GB",
        flush=True,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
