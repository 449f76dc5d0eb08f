"""The watch at size: 10,000 services at 60 s; memory, lag, CPU and how much the database grows.

usage: python -m bench.watch [--services N] [--minutes M] [--every S]
"""

import argparse
import asyncio
import json
import logging
import os
import resource
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

CASES: dict[str, list[str]] = {}  # it measures inside one process, which the runner cannot
DOWN_EACH = 500
"""One service of so many is down all the time."""
HOSTS = 20
REPORT_S = 30.0


def write_inventory(folder: Path, services: int, port: int) -> Path:
    """Write an inventory of so many services on a few hosts, which all lead to one server here."""
    lines = ["organisation: {name: Bench}", "people: {anna: {channels: 'exec true'}}", "hosts:"]
    lines += [f"  host-{number}: {{address: 127.0.0.{number + 2}}}" for number in range(HOSTS)]
    lines += ["services:"]
    for number in range(services):
        host = number % HOSTS
        where = 1 if number % DOWN_EACH == 7 else port
        url = f"http://127.0.0.{host + 2}:{where}/{number}"
        lines.append(f"  service-{number}: {{kind: http, host: host-{host}, url: '{url}', people: anna}}")
    path = folder / "kedge.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


def serve(writing: int) -> None:
    """Answer every request with one page, in a process of its own; its port goes into the pipe."""
    from bench.probes import Web

    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Web, "0.0.0.0", 0, backlog=4096)
        os.write(writing, str(server.sockets[0].getsockname()[1]).encode())
        os.close(writing)
        await server.serve_forever()

    asyncio.run(run())


async def watch(path: Path, every: timedelta, minutes: float) -> list[dict[str, float]]:
    """Watch for so many minutes; what was measured every half minute."""
    from kedge.app.lookout import Rhythm
    from kedge.app.opening import open_inventory
    from kedge.app.watching import Watch
    from kedge.app.workshop import Workshop

    one = Watch(Workshop.open(open_inventory(str(path))), "bench", Rhythm(every))
    task, began, found = asyncio.create_task(one.run()), time.monotonic(), []
    while time.monotonic() - began < minutes * 60:
        await asyncio.sleep(min(REPORT_S, minutes * 60))
        oldest = min((look.at for _, look in one.newest.values()), default=one.clock.now())
        usage, kept = resource.getrusage(resource.RUSAGE_SELF), one.keeper.database.path
        assert kept
        found.append(
            {
                "at_s": round(time.monotonic() - began),
                "memory_mb": memory_mb(),
                "late_s": round(one.lookout.late_s, 2),
                "oldest_look_s": round((one.clock.now() - oldest).total_seconds()),
                "seen": len(one.newest),
                "incidents": len(one.state.incidents),
                "cpu_s": round(usage.ru_utime + usage.ru_stime, 1),
                "database_mb": round(database_size(kept) / 1e6, 2),
                "log_mb": log_mb(kept),
            }
        )
        print(json.dumps(found[-1]), flush=True)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return found


def memory_mb() -> float:
    """Return what this process holds in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * resource.getpagesize() / 1e6, 1)


def database_size(path: Path) -> int:
    """Return the bytes of the database's pages; its log is written anew again and again, and only its peak is kept."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as one:
        (pages,), (size,) = (one.execute(f"PRAGMA {what}").fetchone() for what in ("page_count", "page_size"))
    return int(pages) * int(size)


def log_mb(path: Path) -> float:
    """Return the size of the database's log."""
    log = Path(f"{path}-wal")
    return round(log.stat().st_size / 1e6, 2) if log.exists() else 0.0


def main() -> int:
    """Run it, and say what it came to."""
    parser = argparse.ArgumentParser(prog="bench.watch")
    parser.add_argument("--services", type=int, default=10_000)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--every", type=float, default=60)
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    reading, writing = os.pipe()
    if (server := os.fork()) == 0:
        serve(writing)
    os.close(writing)
    port = int(os.read(reading, 16))
    try:
        with tempfile.TemporaryDirectory() as name:
            os.environ["KEDGE_EVIDENCE"] = f"{name}/evidence.sqlite"
            path = write_inventory(Path(name), chosen.services, port)
            found = asyncio.run(watch(path, timedelta(seconds=chosen.every), chosen.minutes))
    finally:
        os.kill(server, 15)
        os.waitpid(server, 0)
    half = found[len(found) // 2 :]
    hours = (half[-1]["at_s"] - half[0]["at_s"]) / 3600
    growth = (half[-1]["database_mb"] - half[0]["database_mb"]) / hours * 24 if hours else 0.0
    most = max(one["memory_mb"] for one in found)
    print(f"{most} MB at most, late by {half[-1]['late_s']} s, database grows {growth:.0f} MB a day (second half)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
