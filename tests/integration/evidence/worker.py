"""A process of its own that uses a database, for tests with rights, limits, disks and signals of their own.

usage: worker.py PLACE ACTION [ARGUMENT…]; answers are JSON lines on stdout. Exit 0, or 2 after an EvidenceError,
whose message and hint are then the last line; anything else is a traceback.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from kedge.errors import EvidenceError
from kedge.evidence import ledger, migrations, runs, spans, sqlite, transfer  # noqa: F401 - a visitor may not import them later
from kedge.evidence.database import Database
from kedge.evidence.place import find_place
from kedge.model.facts import Fact

START = datetime(2007, 1, 6, tzinfo=UTC)


def say(answer: object) -> None:
    print(json.dumps(answer), flush=True)  # noqa: T201


def pair(number: int, writer: str, size: int = 0) -> list[Fact]:
    """Two facts that belong together: a transaction keeps both or none."""
    at = START + timedelta(seconds=number)
    return [Fact(writer, f"{half}/{number}", "x" * size or "ok", at) for half in ("left", "right")]


def read(database: Database) -> None:
    """Say whether reading works, as anybody."""
    say(len(database.facts(START + timedelta(days=9999)).latest))


def record(database: Database, writer: str, total: str = "-1", size: str = "0") -> None:
    """Record pairs, and say the number of each once it is acknowledged."""
    for number in count():
        if number == int(total):
            return
        database.record(pair(number, writer, int(size)))
        say(number)


def record_limited(database: Database, limit_bytes: str) -> None:
    """Record until no file may grow any more."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit_bytes), int(limit_bytes)))
    record(database, "limited", size="3000")


def fill_disk(database: Database, ballast_bytes: str) -> None:
    """On a small disk of its own: record until it is full, look that reading works, make room, record again."""
    folder = database.path.parent
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=True)
    (folder / "ballast").write_bytes(bytes(int(ballast_bytes)))
    acknowledged = 0
    try:
        for number in count():
            database.record(pair(number, "full", 3000))
            acknowledged += 1
    except EvidenceError as error:
        say([str(error), error.hint])
    fill_rest(folder)
    say([acknowledged, len(database.facts(START + timedelta(days=9999)).latest)])
    (folder / "rest").unlink()
    (folder / "ballast").unlink()
    database.record(pair(acknowledged, "full", 3000))
    say(len(database.facts(START + timedelta(days=9999)).latest))


def fill_rest(folder: Path) -> None:
    with (folder / "rest").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


def become_visitor() -> None:
    """Give up root, so that rights on files mean something; an ordinary user stays who he is."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)


def main(place: str, action: str, *rest: str) -> int:
    database = Database(
        find_place(Path(), {"KEDGE_EVIDENCE": place}),
        kedge="0.1.0",
        patience=timedelta(seconds=float(os.environ.get("PATIENCE_S", "60"))),
    )
    if os.environ.get("VISITOR"):
        with tempfile.TemporaryDirectory() as warm:  # import everything while the code may still be read
            Database(Path(warm) / "evidence.sqlite").facts(START)
        become_visitor()
    actions = {"read": read, "record": record, "record-limited": record_limited, "fill-disk": fill_disk}
    try:
        actions[action](database, *rest)
    except EvidenceError as error:
        say([str(error), error.hint])
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
