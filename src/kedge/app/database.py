"""The database of an inventory: a file of this machine, or a server's, with the password that it asks for.

The password is named as every secret is, by `KEDGE_EVIDENCE_PASSWORD=file:PATH`, `env:NAME` or `command:…`. Without it
the client library finds one by its own ways, or needs none (https://www.postgresql.org/docs/current/libpq-pgpass.html).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from kedge.evidence.database import Database
from kedge.evidence.place import PASSWORD, Server, find_place


def open_database(inventory: Path, environ: Mapping[str, str] | None = None) -> Database:
    """Return an inventory's database; nothing is opened before the first call of it. Raises EvidenceError."""
    known = os.environ if environ is None else environ
    place = find_place(inventory, known)
    if isinstance(place, Server) and known.get(PASSWORD):
        place = replace(place, password=lambda: _read_password(inventory, known))
    return Database(place)


def _read_password(inventory: Path, environ: Mapping[str, str]) -> str:
    from kedge.adapters.secret import read_secret

    folder = inventory if inventory.is_dir() else inventory.parent
    return read_secret(environ[PASSWORD], environ, folder).value.decode(errors="surrogateescape")
