"""The database: facts, runs and spans, kept in one SQLite file or by a PostgreSQL server.

This module is light: SQLAlchemy is imported with the first call that needs it, and a database that was never written
needs nothing. Every write is one short transaction, and every call may be made from any thread or process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from kedge.errors import EvidenceError, Refused
from kedge.evidence.place import Server
from kedge.evidence.span import GAP, Look, Span
from kedge.model.facts import Fact, Facts
from kedge.model.ports import Run, Step

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from kedge.evidence.outbox import Delivery, KeptIncident, Outgoing, Turn, Verdict
    from kedge.evidence.postgresql import PostgresServer
    from kedge.evidence.sqlite import SqliteFile

Kept = TypeVar("Kept")

PATIENCE = timedelta(seconds=10)
"""How long a call waits for other writers before it gives up."""

IMPORT_BATCH = 500
"""Lines that are imported in one transaction."""


class Database:
    """Keeps facts (as a Ledger), runs (as Runs) and spans in a file, which the first write makes, or at a server.

    Reading a database that is not there finds no facts and makes no file, and of a server's no tables.
    `kedge` is the version written beside a schema it made, for those who come with an older one.
    """

    def __init__(self, place: Path | Server, *, kedge: str = "", patience: timedelta = PATIENCE) -> None:
        self.place = place
        self.patience = patience
        self._kedge = kedge

    @property
    def path(self) -> Path | None:
        """Its file; None if a server keeps it."""
        return self.place if isinstance(self.place, Path) else None

    def facts(self, now: datetime) -> Facts:
        """Return the newest fact for each thing and what, as known at `now`."""
        with self._reading() as connection:
            if connection is None:
                return Facts(now)
            from kedge.evidence import ledger

            return Facts.of(ledger.read_newest(connection, now), now)

    def record(self, facts: Iterable[Fact], instead_of: Iterable[Fact] = ()) -> None:
        """Keep all of these facts or, on an error, none; one that is already known changes nothing.

        `instead_of` are facts that these say anew: they go.
        """
        from kedge.evidence import ledger

        new, old = list(facts), list(instead_of)
        with self._writing() as connection:
            ledger.remove_facts(connection, old)  # first, so that the others find room
            ledger.write_facts(connection, new)

    def begin(self, run: Run) -> None:
        """Keep a new run with all its steps; raises Refused if another one has its id."""
        from kedge.evidence import runs

        with self._writing() as connection:
            runs.insert_run(connection, run)

    def load(self, run: str) -> Run | None:
        """Return the run of this id, or None."""
        with self._reading() as connection:
            if connection is None:
                return None
            from kedge.evidence import runs

            return runs.read_run(connection, run)

    def unfinished(self) -> Sequence[Run]:
        """Return the runs that have not ended, oldest first."""
        with self._reading() as connection:
            if connection is None:
                return ()
            from kedge.evidence import runs

            return runs.read_unfinished(connection)

    def latest_runs(self, most: int) -> Sequence[Run]:
        """Return at most so many runs, ended or not, the newest last."""
        with self._reading() as connection:
            if connection is None:
                return ()
            from kedge.evidence import runs

            return runs.read_latest(connection, most)

    def mark_run(self, run: Run) -> None:
        """Keep a run's state, holder and end; raises Refused once it has ended."""
        from kedge.evidence import runs

        with self._writing() as connection:
            runs.update_run(connection, run)

    def mark_step(self, run: str, step: Step, facts: Iterable[Fact] = ()) -> None:
        """Keep where a step stands and, in the same transaction, what it learnt; raises Refused as mark_run does."""
        from kedge.evidence import ledger, runs

        learnt = list(facts)
        with self._writing() as connection:
            runs.update_step(connection, run, step)
            ledger.write_facts(connection, learnt)

    def append(self, looks: Iterable[Look], gap: timedelta = GAP) -> None:
        """Keep looks as spans: each extends the newest one of its thing, probe and vantage, or opens a new one.

        A look after more than `gap` always opens one; a look that is not newer than what is kept changes nothing.
        """
        from kedge.evidence import spans

        new = list(looks)
        with self._writing() as connection:
            spans.append_looks(connection, new, gap)

    def current_spans(self) -> Sequence[Span]:
        """Return the newest span of each thing, probe and vantage."""
        with self._reading() as connection:
            if connection is None:
                return ()
            from kedge.evidence import spans

            return spans.read_current(connection)

    def seen_from(self, vantage: str) -> frozenset[tuple[str, str]]:
        """Return thing and probe of every look from a vantage that saw something, as far back as spans go."""
        with self._reading() as connection:
            if connection is None:
                return frozenset()
            from kedge.evidence import spans

            return spans.read_seen(connection, vantage)

    def keep_turn(self, turn: Turn, vantage: str, looks: Iterable[Look] = (), gap: timedelta = GAP) -> None:
        """Keep all that one step of the watch leads to, with the looks that led to it; or, on an error, nothing.

        Its letters are given back by `due_letters` until one `end_try` says that they are done.
        """
        from kedge.evidence import outbox, spans

        new = list(looks)
        with self._writing() as connection:
            outbox.write_turn(connection, turn, vantage)
            if new:
                spans.append_looks(connection, new, gap)

    def due_letters(self, now: datetime, vantage: str = "") -> Sequence[Outgoing]:
        """Return the letters that are to be tried now, oldest first; all, or those that one vantage sees to."""
        return self._read_watch(lambda outbox, connection: outbox.read_due(connection, now, vantage))

    def latest_letters(self, most: int) -> tuple[Sequence[Outgoing], Sequence[Delivery]]:
        """Return at most so many letters, the newest last, and every try to deliver them."""
        letters = self._read_watch(lambda outbox, connection: outbox.read_latest_letters(connection, most))
        ids = [letter.id for letter in letters]
        return letters, self._read_watch(lambda outbox, connection: outbox.read_deliveries(connection, ids))

    def begin_try(self, letter: str, at: datetime) -> None:
        """Mark that a letter is about to be sent; whoever finds it so later knows that it may have arrived."""
        from kedge.evidence import outbox

        with self._writing() as connection:
            outbox.begin_try(connection, letter, at)

    def end_try(
        self, letter: str, deliveries: Sequence[Delivery], due: datetime | None, *, is_certain: bool = True
    ) -> None:
        """Keep what came of a try; without `due` the letter is done. Not certain: it may have arrived all the same."""
        from kedge.evidence import outbox

        with self._writing() as connection:
            outbox.end_try(connection, letter, deliveries, due, is_certain=is_certain)

    def verdicts(self, vantage: str = "") -> Sequence[Verdict]:
        """Return what is held of each probe, by one vantage or by all."""
        return self._read_watch(lambda outbox, connection: outbox.read_verdicts(connection, vantage))

    def incidents(self, *, is_open: bool, most: int = 1000) -> Sequence[KeptIncident]:
        """Return the open incidents, or the latest ones; the newest last."""
        return self._read_watch(
            lambda outbox, connection: outbox.read_incidents(connection, is_open=is_open, most=most)
        )

    def acknowledge(self, incident: str, by: str) -> bool:
        """Keep who takes care of an incident; False if there is none of this id that nobody has answered yet."""
        from kedge.evidence import outbox

        with self._writing() as connection:
            return outbox.acknowledge(connection, incident, by)

    def _read_watch(self, read: Callable[[Any, Connection], Sequence[Kept]]) -> Sequence[Kept]:
        with self._reading() as connection:
            if connection is None:
                return ()
            from kedge.evidence import outbox

            return read(outbox, connection) if outbox.has_outbox(connection) else ()

    def export_lines(self) -> Iterator[str]:
        """Yield everything as JSON lines, all of one moment; see transfer.py for their form."""
        from kedge.evidence import transfer

        with self._reading() as connection:
            yield from transfer.write_lines(connection, self._version())

    def import_lines(self, lines: Iterable[str]) -> int:
        """Return how many facts, runs and spans the lines hold; all are kept now, those already known as they were.

        Every line is read before the first is written. Importing again after an interruption is safe.
        """
        from kedge.evidence import transfer

        read = transfer.read_lines(lines)
        for start in range(0, len(read), IMPORT_BATCH):
            with self._writing() as connection:
                transfer.insert_lines(connection, read[start : start + IMPORT_BATCH])
        return len(read)

    @contextmanager
    def held(self, purpose: str) -> Iterator[None]:
        """Hold a purpose against every other machine; raises Refused if another holds it. A file has but one machine.

        It is held as long as the connection lasts: after a server's restart another one may take it.
        """
        if isinstance(self.place, Path):
            yield
            return
        with _open_server(self.place, self.patience).held(purpose) as is_ours:
            if not is_ours:
                raise Refused(
                    f"{purpose} is under way already on another machine with {self.place}",
                    hint="`SELECT client_addr FROM pg_stat_activity` shows where",
                )
            yield

    @contextmanager
    def _reading(self) -> Iterator[Connection | None]:
        if not self._is_there():
            yield None
            return
        from kedge.evidence.migrations import Opened, read_schema

        with self._ground().reading() as connection:
            schema = read_schema(connection, Opened(str(self.place), self._version))
            yield connection if schema else None

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        from kedge.evidence.migrations import SCHEMA, Opened, migrate, read_schema

        opened = Opened(str(self.place), self._version)
        with self._ground().opened() as connection:
            migrate(connection, opened)
            with connection.begin():
                if read_schema(connection, opened) != SCHEMA:  # somebody migrated, or replaced, the file just now
                    raise EvidenceError(f"{self.place} was changed by another kedge", hint="try again")
                yield connection

    def _ground(self) -> SqliteFile | PostgresServer:
        if isinstance(self.place, Server):
            return _open_server(self.place, self.patience)
        from kedge.evidence.sqlite import SqliteFile

        return SqliteFile(self.place, self.patience)

    def _is_there(self) -> bool:
        if isinstance(self.place, Server):
            return True
        from kedge.evidence.failure import explain_os

        try:
            self.place.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise explain_os(error, self.place) from error
        return True

    def _version(self) -> str:
        from importlib.metadata import version

        return self._kedge or version("kedge")


def _open_server(server: Server, patience: timedelta) -> PostgresServer:
    try:
        from kedge.evidence.postgresql import PostgresServer
    except ImportError as error:  # no psycopg, or none that finds libpq
        from kedge.evidence.server_failure import explain_driver

        raise explain_driver(str(server)) from error
    return PostgresServer(server, patience)
