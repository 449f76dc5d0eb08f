"""The SQLite file: how it is opened, waited for, read where nothing may be written, and what its errors mean.

The rest of this room speaks SQLAlchemy and knows no dialect. Every use opens the file anew: a kept connection would go
on writing into a file that was meanwhile deleted or restored, and what it acknowledged would be lost.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Lock
from typing import TypeVar
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from kedge.errors import EvidenceError
from kedge.evidence.copy import copy_at_rest
from kedge.evidence.failure import OUTSIDE_REACH, explain, explain_damage, explain_os, is_busy, primary_code

Result = TypeVar("Result")

# Held while a file is made: closing it drops the locks that another thread may just have taken on it.
_MAKING = Lock()


class SqliteFile:
    """One database file; `patience` is how long to wait for others before giving up."""

    def __init__(self, path: Path, patience: timedelta) -> None:
        self.path = path
        self.patience_s = patience.total_seconds()

    @contextmanager
    def opened(self) -> Iterator[Connection]:
        """Open for writing; makes folder (0700) and file (0600) if needed. Each `begin` on it is BEGIN IMMEDIATE."""
        with self._explaining():
            self._create()
            engine = self._engine("rw", begin="BEGIN IMMEDIATE")
            with self._patiently(engine.connect) as connection:
                yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open one consistent view, read-only; where the file cannot be read in place, of a copy."""
        with self._explaining(), ExitStack() as stack:
            with _MAKING:
                require_file(self.path)
            try:
                connection = self._view(self.path, stack)
            except DBAPIError as error:
                if primary_code(_driver_error(error)) not in OUTSIDE_REACH:
                    raise
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="kedge-"))
                connection = self._view(copy_at_rest(self.path, Path(folder)), stack)
            yield connection

    def _view(self, path: Path, stack: ExitStack) -> Connection:
        with ExitStack() as attempt:
            engine = self._engine("ro", begin="BEGIN", path=path)
            connection = attempt.enter_context(engine.connect())
            attempt.enter_context(connection.begin())
            inspect(connection).get_table_names()  # SQLite touches the file only now
            stack.enter_context(attempt.pop_all())
            return connection

    def _create(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _MAKING:
            try:
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            except FileExistsError:
                require_file(self.path)

    def _engine(self, mode: str, begin: str, path: Path | None = None) -> Engine:
        uri = f"file:{quote(os.fsencode(path or self.path))}?mode={mode}"

        def connect() -> sqlite3.Connection:
            connection = sqlite3.connect(uri, uri=True, timeout=self.patience_s, isolation_level=None)
            if mode == "rw":
                _prepare(connection)
            return connection

        engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
        return engine

    def _patiently(self, act: Callable[[], Result]) -> Result:
        """Repeat what is busy until it works or patience ends.

        SQLite waits by itself for every lock but one: the first change of a new file to WAL, which several may try.
        """
        until = time.monotonic() + self.patience_s
        while True:
            try:
                return act()
            except (DBAPIError, sqlite3.Error) as error:
                if not is_busy(_driver_error(error)) or time.monotonic() >= until:
                    raise
            time.sleep(0.02)

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, sqlite3.Error) as error:
            raise explain(_driver_error(error), self.path) from error
        except OSError as error:
            raise explain_os(error, self.path) from error
        except (ValueError, TypeError, OverflowError) as error:  # a column holds what its type cannot mean
            raise explain_damage(error, self.path) from error


def require_file(path: Path) -> None:
    """Raise EvidenceError unless this is a regular file."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise EvidenceError(f"{path} is not a file", hint="name a file in KEDGE_EVIDENCE")


def _prepare(connection: sqlite3.Connection) -> None:
    # FULL: what was acknowledged survives a power failure, not only a killed process.
    try:
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
    except BaseException:
        connection.close()
        raise


def _driver_error(error: DBAPIError | sqlite3.Error) -> BaseException:
    return (error.orig or error) if isinstance(error, DBAPIError) else error
