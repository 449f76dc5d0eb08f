"""Sweeps: 500 healthy and 10 silent web servers at 5 s; CPU per look, evidence stored, beside other probers.

kedge and blackbox_exporter take turns, so that a busy minute hits both alike; the ratio is that of their medians.
"""

import asyncio
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from math import nan
from pathlib import Path
from urllib.parse import quote

from bench.timing import find_median

CASES: dict[str, list[str]] = {}  # it measures parts of processes, which the runner cannot
HEALTHY, SILENT, LIMIT = 500, 10, timedelta(seconds=5)
ROUNDS = 9
BLACKBOX = """
modules:
  web: {prober: http, timeout: 5s, http: {fail_if_body_not_matches_regexp: [Welcome], preferred_ip_protocol: ip4}}
  greeting: {prober: tcp, timeout: 5s, tcp: {query_response: [{expect: '^.OK'}], preferred_ip_protocol: ip4}}
"""
Ports = dict[str, list[int]]
SERVE = "serve"
PAGE = b"<!doctype html><title>Welcome</title><p>Welcome to the bench." + b" " * 2000
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(PAGE) + PAGE
)


class Web(asyncio.Protocol):
    """Answers any request with one page, and hangs up."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer once the request is whole."""
        if data.endswith(b"\r\n\r\n"):
            self.transport.write(ANSWER)  # type: ignore[attr-defined]
            self.transport.close()


class Greeter(asyncio.Protocol):
    """Greets as a POP3 server does."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        transport.write(b"+OK ready\r\n")  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        """Say nothing more."""


async def serve(healthy: int = HEALTHY, silent: int = SILENT) -> None:
    """Print the ports of so many servers as one line of JSON, and serve until the standard input ends."""
    loop = asyncio.get_running_loop()
    kinds = {"web": (Web, healthy), "greeting": (Greeter, healthy), "silent": (asyncio.Protocol, silent)}
    servers = {
        name: [await loop.create_server(kind, "127.0.0.1", 0, backlog=512) for _ in range(count)]
        for name, (kind, count) in kinds.items()
    }
    ports = {name: [one.sockets[0].getsockname()[1] for one in found] for name, found in servers.items()}
    print(json.dumps(ports), flush=True)
    await asyncio.to_thread(sys.stdin.read)


@contextmanager
def far_side() -> Iterator[Ports]:
    """Yield the ports of the servers, which run in a process of their own."""
    argv = [sys.executable, "-m", "bench.probes", SERVE]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        assert server.stdin
        try:
            yield json.loads(server.stdout.readline())
        finally:
            server.stdin.close()


def own_cpu_s() -> float:
    """Return the CPU time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def cpu_of(pid: int) -> float:
    """Return the CPU time of another process so far (proc(5), stat), threads included."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def sweep(folder: Path, ports: Ports, kinds: tuple[str, ...]) -> tuple[float, float, int]:
    """Return how long one sweep took, the CPU it cost with everything stored, and how many looks were ok."""
    from kedge.app.facts_seen import keep
    from kedge.app.opening import open_inventory
    from kedge.app.probing import Sweep
    from kedge.app.targets import Target, survey
    from kedge.model.observation import Status
    from kedge.probes.greeting import GreetingProbe

    path = write_inventory(folder, ports, kinds)
    targets = survey(open_inventory(str(path)))
    ready = []
    for target in targets:
        probe = replace(target.probe, limit=LIMIT)  # type: ignore[type-var]
        if target.thing.startswith("greeting"):
            probe = GreetingProbe("POP3", "+OK", "web", limit=LIMIT)
        ready.append(Target(target.thing, target.name, probe, target.at))
    began, cpu = time.perf_counter(), own_cpu_s()
    looks = asyncio.run(Sweep("bench").run(ready))
    took = time.perf_counter() - began
    keep(path, ready, looks)
    fine = sum(look.seen.status is Status.OK for look in looks)
    return took, own_cpu_s() - cpu, fine


def write_inventory(folder: Path, ports: Ports, kinds: tuple[str, ...]) -> Path:
    """Return an inventory with one service for each port."""
    lines = ["version: 1", "organisation: {name: Bench}", "services:"]
    for kind in kinds:
        lines += [
            f'  {kind}-{port}: {{kind: http, url: "http://127.0.0.1:{port}/", text: Welcome}}' for port in ports[kind]
        ]
    path = folder / "kedge.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


def find_peer(program: str, package: str) -> str | None:
    """Return where a program is: installed, or fetched as a Debian package into a folder; None without."""
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "kedge-bench")
    places = ("usr/bin", "usr/sbin", "usr/lib/nagios/plugins")
    path = ":".join([os.environ["PATH"], *(f"/{one}:{folder / one}" for one in places)])
    if not shutil.which(program, path=path):
        folder.mkdir(parents=True, exist_ok=True)
        fetch = f"apt-get -qq download {package} && dpkg-deb -x {package}_*.deb . && rm {package}_*.deb"
        subprocess.run(["sh", "-c", fetch], cwd=folder, check=False, capture_output=True)
    return shutil.which(program, path=path)


@contextmanager
def blackbox(program: str, folder: Path) -> Iterator[int]:
    """Yield the process id of a running blackbox_exporter; its metrics are its evidence."""
    (folder / "blackbox.yml").write_text(BLACKBOX)
    options = [f"--config.file={folder / 'blackbox.yml'}", "--web.listen-address=127.0.0.1:9116", "--log.level=error"]
    with subprocess.Popen([program, *options], stderr=subprocess.DEVNULL) as exporter:
        try:
            wait_for("http://127.0.0.1:9116/-/healthy")
            yield exporter.pid
        finally:
            exporter.terminate()


def blackbox_cpu(pid: int, ports: list[int], module: str) -> float:
    """Return its CPU per probe in seconds, over each port once, 50 at a time."""

    def ask(port: int) -> bool:
        target = quote(f"http://127.0.0.1:{port}/" if module == "web" else f"127.0.0.1:{port}", safe="")
        with urllib.request.urlopen(f"http://127.0.0.1:9116/probe?target={target}&module={module}") as answer:
            return b"\nprobe_success 1" in answer.read()

    with ThreadPoolExecutor(50) as pool:
        before = cpu_of(pid)
        fine = list(pool.map(ask, ports))
        assert all(fine), f"blackbox: {fine.count(False)} of {len(fine)} {module} probes failed"
        return (cpu_of(pid) - before) / len(fine)


def wait_for(url: str) -> None:
    """Wait until a page answers, for up to ten seconds."""
    for _ in range(100):
        try:
            urllib.request.urlopen(url).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"bench: {url} did not answer")


def plugins(program: str, ports: Ports) -> float:
    """Return the CPU per run of check_http, in seconds: a process for each probe."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    count = 100
    for port in ports["web"][:count]:
        argv = [program, "-H", "127.0.0.1", "-p", str(port), "-s", "Welcome"]
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / count


def monit(program: str, folder: Path, ports: Ports) -> float:
    """Return the CPU per probe of monit, in seconds, over two cycles of all healthy web servers."""
    rule = 'check host w{0} with address 127.0.0.1 if failed port {0} protocol http content = "Welcome" then alert\n'
    rules = "".join(rule.format(port) for port in ports["web"])
    control = folder / "monitrc"
    control.write_text(
        f"set daemon 1\nset idfile {folder}/id\nset statefile {folder}/state\nset pidfile {folder}/pid\n{rules}"
    )
    control.chmod(0o600)
    with subprocess.Popen(
        [program, "-I", "-c", str(control)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as one:
        try:
            time.sleep(3)
            before, began = cpu_of(one.pid), time.perf_counter()
            time.sleep(6)
            cycles = (time.perf_counter() - began) / 1.1  # a second of sleep, and a tenth for the cycle
            return (cpu_of(one.pid) - before) / cycles / len(ports["web"])
        finally:
            one.terminate()


def prepare() -> None:
    """Measure and print; peers that can neither be found nor fetched are left out with a word."""
    exporter = find_peer("prometheus-blackbox-exporter", "prometheus-blackbox-exporter")
    with tempfile.TemporaryDirectory() as made, far_side() as ports, ExitStack() as stack:
        folder = Path(made)
        os.environ["KEDGE_EVIDENCE"] = str(folder / "evidence.sqlite")
        pid = stack.enter_context(blackbox(exporter, folder)) if exporter else None
        costs = {kind: take_turns(folder, ports, kind, pid) for kind in ("web", "greeting")}
        took, _, fine = sweep(folder, ports, ("web", "silent"))
        print(f"\n{HEALTHY} healthy + {SILENT} silent at {LIMIT.seconds} s: {took:.2f} s, {fine} ok")
        print(f"{'CPU ms per look':28}{'web':>10}{'greeting':>10}")
        for name in ("kedge, stored", "blackbox_exporter"):
            if all(name in cost for cost in costs.values()):
                print(f"{name:28}{costs['web'][name] * 1e3:10.2f}{costs['greeting'][name] * 1e3:10.2f}")
        ratios = {kind: cost["kedge, stored"] / cost.get("blackbox_exporter", nan) for kind, cost in costs.items()}
        print(f"{'ratio':28}{ratios['web']:10.2f}{ratios['greeting']:10.2f}")
        for name, package, measured in (
            ("check_http", "monitoring-plugins-basic", lambda program: plugins(program, ports)),
            ("monit", "monit", lambda program: monit(program, folder, ports)),
        ):
            program = find_peer(name, package)
            print(f"{name:28}{measured(program) * 1e3:10.2f}" if program else f"{name}: neither found nor fetched")


def take_turns(folder: Path, ports: Ports, kind: str, exporter: int | None) -> dict[str, float]:
    """Return the median CPU per look of kedge and, if it runs, of blackbox_exporter; the first turn warms up."""
    taken: dict[str, list[float]] = {"kedge, stored": []} | ({"blackbox_exporter": []} if exporter else {})
    for turn in range(ROUNDS + 1):
        cost = {"kedge, stored": sweep(folder, ports, (kind,))[1] / HEALTHY}
        if exporter:
            cost["blackbox_exporter"] = blackbox_cpu(exporter, ports[kind], kind)
        for name, value in cost.items() if turn else ():
            taken[name].append(value)
    return {name: find_median(values) for name, values in taken.items()}


if __name__ == "__main__":
    asyncio.run(serve()) if sys.argv[1:] == [SERVE] else prepare()
