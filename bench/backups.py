"""Backups: 1 GB of MariaDB and 20,000 files, saved and drilled by kedge, by hand, and by borgmatic.

By hand is what kedge does without kedge: mariadb-dump and tar into a spool, restic of that; restic restore, a server as
the drill starts one, and the dump loaded. Without census is kedge with its counting left out, which it never is for
users. CPU counts the server's as well. KEDGE_BENCH_MB and KEDGE_BENCH_ROUNDS make it smaller.
"""

import ctypes
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import NamedTuple

from bench.probes import cpu_of
from bench.timing import find_median

CASES: dict[str, list[str]] = {}  # it measures stages of processes, which the runner cannot
MEGABYTES = int(os.environ.get("KEDGE_BENCH_MB", "1100"))
FILES = 20_000
ROUNDS = int(os.environ.get("KEDGE_BENCH_ROUNDS", "3"))
PASSPHRASE = "bench"
ROW_BYTES, ROWS_AT_ONCE = 1100, 50_000
TEXT = "CONCAT('Zwölf Boxkämpfer jagen ', seq, ' über den Deich. ', REPEAT(MD5(RAND(seq)), 32))"
UNCOUNTED = """
import sys
from kedge.parts import folder, mariadb
assert callable(mariadb.count_all)
mariadb.count_all = lambda schemas, columns: iter(())
async def digest(shell, path, without, but=""): return {}
assert callable(folder._digest)
folder._digest = digest
from kedge.cli.main import main
sys.argv = ["kedge", *sys.argv[1:]]
main()
"""
INVENTORY = """\
version: 1
organisation: {{name: Bench}}
hosts: {{here: {{login: local}}, vault: {{}}}}
secrets: {{passphrase: {{from: "file:passphrase"}}}}
stores: {{disk: {{type: restic, on: vault, repository: {folder}/kedge-repository, passphrase: passphrase}}}}
services:
  db: {{kind: mariadb, host: here, socket: {folder}/sock, databases: wiki, save: disk}}
  wiki: {{kind: mediawiki, host: here, database: db, database-name: wiki, uploads: {folder}/share, save: disk}}
"""
BORGMATIC = """\
location: {{source_directories: [{folder}/share], repositories: [{folder}/borg-repository]}}
storage: {{encryption_passphrase: bench, compression: "zstd,3"}}
hooks: {{mysql_databases: [{{name: wiki, options: "--socket={folder}/sock", list_options: "--socket={folder}/sock"}}]}}
"""
PR_SET_CHILD_SUBREAPER = 36
SERVER = ("--skip-networking", "--skip-log-bin", "--skip-name-resolve", "--max-allowed-packet=1G", "--user=root")


class Spent(NamedTuple):
    """What something cost, in seconds; `peak_mb` is kedge's own memory, without its children."""

    wall_s: float
    cpu_s: float
    peak_mb: float = 0.0


def run(*argv: str, **environ: str) -> None:
    """Run a command to its end; one that fails ends the bench with what it said."""
    env = {**os.environ, **environ}
    ended = subprocess.run(argv, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=env)
    if ended.returncode:
        raise SystemExit(f"bench: {argv[0]} ended with {ended.returncode}: {ended.stderr.strip()}")


def script(text: str, folder: Path, **environ: str) -> None:
    """Run a shell script in a folder; raises if it fails."""
    where = {"F": str(folder), "RESTIC_PASSWORD": PASSPHRASE, "RESTIC_REPOSITORY": str(folder / "hand-repository")}
    run("bash", "-euo", "pipefail", "-c", text, **where, **environ)


@contextmanager
def server(data: Path, socket: Path, *options: str) -> Iterator[int]:
    """Yield the process id of a MariaDB server with this data, which is made if it is not there."""
    if not data.exists():
        how = ("--no-defaults", "--user=root", "--auth-root-authentication-method=normal", "--skip-test-db")
        run("mariadb-install-db", f"--datadir={data}", *how)
    argv = ("mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={socket}", *SERVER, *options)
    with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as one:
        while subprocess.run(
            ("mariadb-admin", f"--socket={socket}", "ping"), capture_output=True, check=False
        ).returncode:
            time.sleep(0.05)
        try:
            yield one.pid
        finally:
            one.terminate()


def fill(folder: Path) -> None:
    """Write the database and the files."""
    rows = MEGABYTES * 1_000_000 // ROW_BYTES
    sql = "CREATE DATABASE wiki; USE wiki; CREATE TABLE page (id INT PRIMARY KEY, text MEDIUMTEXT) CHARSET utf8mb4;"
    for first in range(0, rows, ROWS_AT_ONCE):
        last = min(first + ROWS_AT_ONCE, rows)
        sql += f"INSERT INTO page SELECT seq, {TEXT} FROM seq_{first + 1}_to_{last};"
    argv = ("mariadb", f"--socket={folder / 'sock'}", "--default-character-set=utf8mb4", "-e", sql)
    run(*argv)
    for number in range(FILES):
        path = folder / "share" / str(number % 100) / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(500 + number % 3000))


def adopt_orphans() -> None:
    """Become the parent of programs whose own parent ends before them (prctl(2)): a dump outlives what began it."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap_orphans() -> None:
    """Wait for those that have ended, so that what they cost is counted; the server goes on."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def spend(work: Callable[[], float | None], pid: int = 0) -> Spent:
    """Return what some work cost, with what the server of this id spent for it; nobody writes for those before."""
    os.sync()
    began, server_cpu, before = time.perf_counter(), cpu_of(pid) if pid else 0.0, getrusage(RUSAGE_CHILDREN)
    peak = work()
    wall = time.perf_counter() - began
    reap_orphans()
    after = getrusage(RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Spent(wall, cpu + (cpu_of(pid) - server_cpu if pid else 0.0), peak or 0.0)


def kedge(folder: Path, *argv: str, counts: bool = True) -> float:
    """Run kedge and return the peak of its own memory in MB; raises if it fails."""
    program = [str(Path(sys.executable).with_name("kedge"))] if counts else [sys.executable, "-c", UNCOUNTED]
    environ = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
    with subprocess.Popen(
        [*program, *argv], cwd=folder, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as one:
        assert one.stderr
        peak, said = 0.0, b""
        for line in one.stderr:
            said += line
            peak = max(peak, _peak_mb(one.pid))
    assert one.returncode == 0, said.decode()
    return peak


def _peak_mb(pid: int) -> float:
    try:
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0.0
    return int(found[1]) / 1000 if found else 0.0


def forget(folder: Path) -> None:
    """Remove what was saved, so that every round saves all of it; what packages this host has stays known."""
    for name in ("kedge-repository", "hand-repository", "borg-repository", "spool"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for path in (folder / "state").glob("kedge/*/*"):
        for below in [one for one in path.iterdir() if one.name != "packages"] if path.is_dir() else []:
            shutil.rmtree(below)
        if path.is_file():
            path.unlink()


SAVE_BY_HAND = """
mkdir "$F/spool"; restic init -q
mariadb-dump --socket="$F/sock" --single-transaction --routines --events --databases wiki > "$F/spool/dump.sql"
tail -n 1 "$F/spool/dump.sql" | grep -q '^-- Dump completed'
tar --create --file="$F/spool/share.tar" --sort=name -C "$F/share" .
restic backup -q "$F/spool"; rm -r "$F/spool"
"""


def save_by_kedge(folder: Path, *, counts: bool) -> float:
    """Save database and files as one snapshot into a new repository; returns kedge's peak in MB."""
    return kedge(folder, "backup", "--init", "disk", "wiki", counts=counts)


def save_by_borgmatic(folder: Path) -> None:
    """Save both by borgmatic, which streams the dump into borg and counts nothing."""
    config = folder / "borgmatic.yaml"
    config.write_text(BORGMATIC.format(folder=folder))
    home = {"BORG_BASE_DIR": str(folder / "borg"), "HOME": str(folder)}
    run("borgmatic", "--config", str(config), "rcreate", "--encryption", "repokey-blake2", **home)
    run("borgmatic", "--config", str(config), "create", **home)


def measure_saving(folder: Path, pid: int) -> dict[str, list[Spent]]:
    """Return what each way of saving cost, in turns; what was saved last stays."""
    ways: dict[str, Callable[[], float | None]] = {
        "by hand": lambda: script(SAVE_BY_HAND, folder),
        "kedge without census": lambda: save_by_kedge(folder, counts=False),
        "kedge": lambda: save_by_kedge(folder, counts=True),
    }
    if shutil.which("borgmatic"):
        ways = {"borgmatic": lambda: save_by_borgmatic(folder), **ways}
    spent: dict[str, list[Spent]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        forget(folder)
        script(SAVE_BY_HAND, folder)  # warm
        for name, work in ways.items():
            forget(folder)
            spent[name].append(spend(work, pid))
    script(f"rm -rf '{folder}/hand-repository'; {SAVE_BY_HAND}", folder)
    kedge(folder, "backup", "db")  # for the drill
    return spent


LOAD_BY_HAND = """
restic restore -q latest --include "$F/spool/dump.sql" --target "$F/bare"
mariadb-install-db --no-defaults --datadir="$F/bare-data" --user=root --auth-root-authentication-method=normal \
  --skip-test-db --skip-name-resolve > /dev/null
mariadbd --no-defaults --datadir="$F/bare-data" --socket="$F/bare-sock" --user=root --skip-networking --skip-log-bin \
  --max-allowed-packet=1G --innodb-flush-log-at-trx-commit=0 --innodb-doublewrite=0 2>/dev/null & server=$!
until mariadb-admin --socket="$F/bare-sock" ping >/dev/null 2>&1; do sleep 0.05; done
mariadb --socket="$F/bare-sock" --default-character-set=utf8mb4 --max-allowed-packet=1G < "$F/bare/$F/spool/dump.sql"
kill $server
"""


def load_by_hand(folder: Path) -> Spent:
    """Return what it cost to restore and load the dump by hand."""
    for name in ("bare", "bare-data"):
        shutil.rmtree(folder / name, ignore_errors=True)
    return spend(lambda: script(LOAD_BY_HAND, folder))


def drill_by_kedge(folder: Path) -> float:
    """Return how long a drill took until the dump was loaded: to the line that says it is counted."""
    os.sync()
    argv = [str(Path(sys.executable).with_name("kedge")), "drill", "db"]
    environ = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
    ended = subprocess.run(argv, cwd=folder, env=environ, capture_output=True, text=True, check=True)
    (loaded,) = re.findall(r"\[ *([\d.]+)s\] count db, databases", ended.stderr)
    return float(loaded)


def prepare() -> None:
    """Measure and print; peers that are not installed are left out."""
    adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="kedge-bench-", dir="/var/tmp") as made:
        folder = Path(made)
        folder.chmod(0o711)
        (folder / "kedge.yaml").write_text(INVENTORY.format(folder=folder))
        (folder / "passphrase").write_text(PASSPHRASE)
        with server(folder / "data", folder / "sock", "--innodb-buffer-pool-size=1G") as pid:
            fill(folder)
            print(f"\n{MEGABYTES} MB in MariaDB, {FILES} files; rounds: {ROUNDS}; load: {os.getloadavg()[0]:.1f}")
            saved = measure_saving(folder, pid)
        loaded = [(load_by_hand(folder).wall_s, drill_by_kedge(folder)) for _ in range(ROUNDS)]
    show_saving(saved)
    show_loading(loaded)


def show_saving(saved: dict[str, list[Spent]]) -> None:
    """Print the medians, as ratios to what is done by hand."""
    hand = [find_median([one[field] for one in saved["by hand"]]) for field in (0, 1)]
    print(f"\n{'save':28}{'wall s':>9}{'ratio':>8}{'CPU s':>9}{'ratio':>8}{'own MB':>9}{'from-to s':>14}")
    for name, spent in saved.items():
        wall, cpu, peak = (find_median([one[field] for one in spent]) for field in (0, 1, 2))
        line = f"{name:28}{wall:9.1f}{wall / hand[0]:8.2f}{cpu:9.1f}{cpu / hand[1]:8.2f}{peak:9.0f}"
        print(line + spread([one.wall_s for one in spent]))


def show_loading(loaded: list[tuple[float, float]]) -> None:
    """Print the medians of (by hand, kedge), and kedge's as a ratio."""
    bare, drilled = zip(*loaded, strict=True)
    print(f"\n{'until loaded':28}{'wall s':>9}{'ratio':>8}{'from-to s':>14}")
    for name, spent in (("restore and load by hand", bare), ("kedge drill", drilled)):
        middle = find_median(list(spent))
        print(f"{name:28}{middle:9.1f}{middle / find_median(list(bare)):8.2f}{spread(list(spent))}")


def spread(walls: list[float]) -> str:
    """Return the fastest and the slowest, as a column: how far these figures can be trusted."""
    return f"{f'{min(walls):.1f}-{max(walls):.1f}':>14}"


if __name__ == "__main__":
    prepare()
