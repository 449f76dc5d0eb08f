"""What one process costs: wall time, user and system time, peak memory, from the kernel's own accounts (wait4(2)).

The peak of a child starts at what its parent occupied when it was spawned (Linux carries `maxrss` over execve),
so nothing below the runner's own size can be seen. The runner therefore imports next to nothing.
"""

import os
import time


class Cost:
    """The cost of one process and all its children. Times in seconds, memory in bytes."""

    __slots__ = ("code", "peak_bytes", "system_s", "user_s", "wall_s")

    def __init__(self, wall_s: float, user_s: float, system_s: float, peak_bytes: int, code: int) -> None:
        self.wall_s = wall_s
        self.user_s = user_s
        self.system_s = system_s
        self.peak_bytes = peak_bytes
        self.code = code


def measure(argv: list[str]) -> Cost:
    """The cost of running `argv` once, its output thrown away, its input empty."""
    quiet = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ]
    start = time.perf_counter()
    child = os.posix_spawnp(argv[0], argv, os.environ, file_actions=quiet)
    _, status, usage = os.wait4(child, 0)
    wall_s = time.perf_counter() - start
    code = os.waitstatus_to_exitcode(status)
    return Cost(wall_s, usage.ru_utime, usage.ru_stime, usage.ru_maxrss * 1024, code)


def find_median(values: list[float]) -> float:
    """The middle value, or the mean of the two middle ones."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
