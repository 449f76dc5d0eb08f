"""Where the database of an inventory lies.

`KEDGE_EVIDENCE` names a file, or the database of a PostgreSQL server as `postgresql://USER@HOST/NAME`. Without it:
`$XDG_STATE_HOME/kedge/<inventory-id>/evidence.sqlite`, where the variable defaults to `~/.local/state` (XDG Base
Directory Specification 0.8) and the id is the inventory's last name and the start of the SHA-256 of its real path, such
as `small-club-1f0c5d2a9b3e`. So every inventory of every user has its own database and no two mix; an inventory that is
moved takes it along by renaming that folder or by the variable.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl

from kedge.errors import EvidenceError

VARIABLE = "KEDGE_EVIDENCE"
PASSWORD = "KEDGE_EVIDENCE_PASSWORD"
FILE_NAME = "evidence.sqlite"

_HOST = r"(?:\[[0-9A-Fa-f:.]+\]|[^:@/?#,\[\]]*)(?::\d+)?"
# Narrower than libpq's own (https://www.postgresql.org/docs/current/libpq-connect.html §34.1.1.2): whatever could hold
# a password, also one with odd characters in it, is refused before it is shown to anybody.
_URL = re.compile(
    rf"postgres(?:ql)?://(?P<shown>(?:[^:@/?#]+@)?{_HOST}(?:,{_HOST})*(?:/[^@?#/]*)?)(?:\?(?P<more>[^@#]*))?"
)
_SECRETS = frozenset({"password", "sslpassword"})


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL database: its address without a password, and who can be asked for the password."""

    url: str
    password: Callable[[], str] | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return self.url.partition("?")[0]


def find_place(inventory: Path, environ: Mapping[str, str]) -> Path | Server:
    """Return the absolute path of an inventory's database file, which need not exist, or the server that has it."""
    chosen = environ.get(VARIABLE, "")
    if "://" in chosen:
        return _read_server(chosen)
    return Path(os.path.abspath(_expand(chosen))) if chosen else _own_folder(inventory, environ) / FILE_NAME


def find_folder(inventory: Path, environ: Mapping[str, str]) -> Path:
    """Return the folder on this machine for what must not lie in a database: locks, spools, caches."""
    place = find_place(inventory, environ)
    file = place if isinstance(place, Path) else _own_folder(inventory, environ) / FILE_NAME
    return file.with_name(f"{file.stem}.work")


def name_inventory(inventory: Path) -> str:
    """Return the id of an inventory: readable, safe as a folder's name, one for each real path."""
    real = Path(os.path.realpath(inventory))
    digest = hashlib.sha256(os.fsencode(real)).hexdigest()[:12]
    slug = re.sub(r"[^a-z0-9]+", "-", real.stem.lower(), flags=re.ASCII).strip("-")[:40]
    return f"{slug}-{digest}" if slug else digest


def _read_server(url: str) -> Server:
    # What is wrong is not shown: it may be, or hold, a password.
    matched = _URL.fullmatch(url)
    if not matched or _SECRETS & {name for name, _ in parse_qsl(matched["more"] or "", keep_blank_values=True)}:
        raise EvidenceError(
            f"{VARIABLE} is neither a file nor postgresql://USER@HOST/NAME without a password",
            hint=f"say in {PASSWORD} where the password is (file:PATH, env:NAME or command:…), or keep it in ~/.pgpass",
        )
    return Server(url)


def _own_folder(inventory: Path, environ: Mapping[str, str]) -> Path:
    return _state_home(environ) / "kedge" / name_inventory(inventory)


def _state_home(environ: Mapping[str, str]) -> Path:
    # The specification: a relative path is invalid and to be ignored.
    home = Path(environ.get("XDG_STATE_HOME", ""))
    return home if home.is_absolute() else _expand("~/.local/state")


def _expand(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise EvidenceError(
            f"no home folder is known for {path}", hint=f"set {VARIABLE} to the path of a file on a local disk"
        ) from error
