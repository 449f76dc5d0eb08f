"""The database of a PostgreSQL server: how it is reached, waited for and given up, and what its errors mean.

Every transaction opens a connection anew, as with the file: nothing has to be noticed or mended after a server was
restarted or moved, and a process may fork. Whoever writes holds one advisory lock from the beginning of the
transaction to its end, so that writers take turns as they do in SQLite, and every query may rely on that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, lru_cache
from typing import Any, TypeVar

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from kedge.evidence.place import Server
from kedge.evidence.server_failure import explain, explain_damage, explain_encoding

SILENCE_S = 15.0
"""For so long a server that did not answer is not asked again: what can go on without it must not wait each time."""
SHORTEST_S = 2.0
"""libpq waits no shorter for a connection."""

_TURN = "SELECT pg_advisory_xact_lock(20070106)"
_KEEPALIVE_S, _KEEPALIVES = 10, 3
_ANSWERS = 3
"""A query may take so many times the patience: others may have their turn before it."""

Result = TypeVar("Result")


class PostgresServer:
    """One database of a server; `patience` is how long to wait for others, or for an answer, before giving up."""

    def __init__(self, server: Server, patience: timedelta) -> None:
        self._where = str(server)
        self._line = _find_line(server, max(patience.total_seconds(), SHORTEST_S))

    @contextmanager
    def opened(self) -> Iterator[Connection]:
        """Open for writing. Each `begin` on it waits until nobody else writes."""
        with self._explaining(), self._line.writing.connect() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open one consistent view, read-only."""
        with self._explaining(), self._line.reading.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def held(self, purpose: str) -> Iterator[bool]:
        """Yield whether nobody else held this purpose, which is held now until the end or until the connection ends."""
        with ExitStack() as stack:
            with self._explaining():
                stack.enter_context(suppress(DBAPIError))  # it may end before the purpose does
                connection = stack.enter_context(self._line.writing.connect())
                query = "SELECT pg_try_advisory_lock(20070106, hashtext(%s))"
                is_ours = bool(connection.exec_driver_sql(query, (purpose,)).scalar())
                connection.rollback()
            yield is_ours

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, psycopg.Error) as error:
            raise explain(_driver_error(error), self._where) from error
        except (ValueError, TypeError, OverflowError) as error:  # a column holds what its type cannot mean
            raise explain_damage(error, self._where) from error


class _PatientConnection(psycopg.Connection[Any]):
    """A connection that is given up when the server stops to answer although its machine still does."""

    limit_s = float("inf")
    on_silence: Callable[[str], None] = staticmethod(lambda reason: None)

    def wait(self, gen: Generator[Any, Any, Result], *more: Any, **named: Any) -> Result:
        """Return what the driver's own dialogue leads to; raises OperationalError once it waited too long."""
        return super().wait(self._limited(gen), *more, **named)

    def _limited(self, dialogue: Generator[Any, Any, Result]) -> Generator[Any, Any, Result]:
        until = time.monotonic() + self.limit_s
        try:
            wanted = next(dialogue)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() > until:
                    self.close()
                    reason = f"no answer in {self.limit_s:g} s"
                    self.on_silence(reason)
                    raise psycopg.OperationalError(reason)
                wanted = dialogue.send(ready)
        except StopIteration as ended:
            return ended.value  # type: ignore[no-any-return]


@dataclass
class _Line:
    """The way to one server, as this process knows it: its engines, its password, whether it fell silent."""

    server: Server
    patience_s: float
    _password: str | None = None
    _silent: tuple[float, str] = (float("-inf"), "")

    @cached_property
    def writing(self) -> Engine:
        """For transactions that take turns."""
        engine = create_engine("postgresql+psycopg://", creator=lambda: self._connect(False), poolclass=NullPool)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(_TURN))
        return engine

    @cached_property
    def reading(self) -> Engine:
        """For views of one moment."""
        return create_engine("postgresql+psycopg://", creator=lambda: self._connect(True), poolclass=NullPool)

    def note_silence(self, reason: str) -> None:
        """Ask no more for a while."""
        self._silent = (time.monotonic() + SILENCE_S, reason)

    def _connect(self, is_reader: bool) -> psycopg.Connection[Any]:
        until, reason = self._silent
        if time.monotonic() < until:
            raise psycopg.OperationalError(reason)
        began = time.monotonic()
        try:
            connection = self._dial()
        except psycopg.Error as error:
            self._password = None  # another one may be right by now
            if time.monotonic() - began >= min(self.patience_s, SHORTEST_S):
                self.note_silence(str(error))
            raise
        self._prepare(connection, is_reader)
        return connection

    def _dial(self) -> _PatientConnection:
        if self._password is None and self.server.password:
            self._password = self.server.password()
        return _PatientConnection.connect(
            self.server.url, autocommit=True, connect_timeout=round(self.patience_s), client_encoding="utf8",
            application_name="kedge", keepalives_idle=_KEEPALIVE_S, keepalives_interval=_KEEPALIVE_S,
            keepalives_count=_KEEPALIVES, password=self._password,
        )  # fmt: skip

    def _prepare(self, connection: _PatientConnection, is_reader: bool) -> None:
        try:
            connection.limit_s = _ANSWERS * self.patience_s
            connection.on_silence = self.note_silence
            encoding = connection.info.parameter_status("server_encoding")
            if encoding != "UTF8":
                raise explain_encoding(str(encoding), str(self.server))
            connection.execute(_settings(self.patience_s).encode())
            connection.autocommit = False
            connection.read_only = is_reader or None  # None: as the server says, which may be "no writes"
            level = psycopg.IsolationLevel
            connection.isolation_level = level.REPEATABLE_READ if is_reader else level.READ_COMMITTED
        except BaseException:
            connection.close()
            raise


@lru_cache(maxsize=8)
def _find_line(server: Server, patience_s: float) -> _Line:
    return _Line(server, patience_s)


def _settings(patience_s: float) -> str:
    # Moments of the first and the last year have none but in UTC. A writer that vanished in its turn must not keep the
    # others waiting for the two hours after which TCP notices by itself.
    return f"""
        SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET lock_timeout = {round(patience_s * 1000)};
        SET tcp_keepalives_idle = {_KEEPALIVE_S}; SET tcp_keepalives_interval = {_KEEPALIVE_S};
        SET tcp_keepalives_count = {_KEEPALIVES}
    """


def _driver_error(error: DBAPIError | psycopg.Error) -> BaseException:
    return (error.orig or error) if isinstance(error, DBAPIError) else error
