"""What a failed call of a PostgreSQL server means for people: one EvidenceError with a hint for each way.

Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html; the first two characters are the class.
"""

from __future__ import annotations

from collections.abc import Mapping

from kedge.errors import EvidenceError

_BUSY, _FULL = "55P03", "53100"
_LOST = ("08", "57P")
"""The connection broke, or the server ended it."""

_SAID: Mapping[str, tuple[str, str]] = {
    _BUSY: ("is locked by another process", "try again; `SELECT * FROM pg_stat_activity` shows who works there"),
    _FULL: ("cannot grow: the server's disk is full", "make room on the server"),
    "42501": ("permission denied", "as its owner: `ALTER DATABASE … OWNER TO` the user that KEDGE_EVIDENCE names"),
    "3F000": ("has no schema that this user may use", "`GRANT USAGE, CREATE ON SCHEMA …`, or choose its owner as user"),
    "25006": ("takes no writes: it is a standby, or was made read-only", "name the primary in KEDGE_EVIDENCE"),
    "22001": ("a text is too long to be kept", "shorten the names in the inventory"),
    "54000": ("a text is too long to be kept", "shorten the names in the inventory"),
}
_DAMAGED = "look into the server's log; restore its last backup, or import the last export into an empty database"


def explain(error: BaseException, where: str) -> EvidenceError:
    """Return what to tell people about an error of the driver."""
    code = getattr(error, "sqlstate", None) or ""
    if code in _SAID:
        what, hint = _SAID[code]
        return EvidenceError(f"{where}: {what}" if code == "42501" else f"{where} {what}", hint=hint)
    if not code or code.startswith(_LOST):
        return explain_unreachable(error, where)
    if code.startswith(("53", "40", "58")):
        return EvidenceError(f"{where} failed ({_first_line(error)})", hint="try again; the server's log says more")
    return explain_damage(error, where)


def explain_unreachable(error: BaseException, where: str) -> EvidenceError:
    """Return what to say about a server that nobody gets through to, or that does not let this user in."""
    return EvidenceError(
        f"{where} cannot be reached: {_reason(error)}", hint=f"look whether it answers here: `psql {where}`"
    )


def explain_damage(error: BaseException, where: str) -> EvidenceError:
    """Return what to say about a database whose content makes no sense."""
    return EvidenceError(f"{where} is damaged ({_first_line(error)})", hint=_DAMAGED)


def explain_driver(where: str) -> EvidenceError:
    """Return what to say where the client library is missing."""
    return EvidenceError(
        f"{where} needs psycopg, which is not installed",
        hint="install kedge with it: `pip install 'kedge[postgresql]'`",
    )


def explain_encoding(encoding: str, where: str) -> EvidenceError:
    """Return what to say about a database that cannot hold every text."""
    return EvidenceError(
        f"{where} keeps texts as {encoding}, not as UTF8",
        hint="make another one: `createdb --encoding=UTF8 --template=template0 NAME`",
    )


def _reason(error: BaseException) -> str:
    # "connection failed: connection to server at "192.0.2.1", port 5432 failed: Connection refused": the end says why.
    return _first_line(error).rpartition(" failed: ")[2]


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].strip()
