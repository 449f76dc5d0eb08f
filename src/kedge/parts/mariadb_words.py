"""How statements of MariaDB name things, how it tells texts, and what its complaints mean."""

from __future__ import annotations

import re

from kedge.errors import OutsideError
from kedge.model.ports import Exit

ERROR_LINE = re.compile(r"ERROR \d+ \([0-9A-Z]+\)(?: at line \d+)?|ERROR at line \d+(?=: Unknown command)")
MEANINGS = (
    (re.compile(r"ERROR (?:1153|2006|2013|2020) |[Ee]rror:? (?:2013|2020)\b"),
     "the server went away, or a row is larger than its max_allowed_packet", "set max_allowed_packet=1G on the server"),
    (re.compile(r"ERROR 1273 "), "this server does not know a collation of the dump",
     "restore to the same product and release, or change the collation in a copy of the dump"),
    (re.compile(r"ERROR at line 1: Unknown command"), "this client is older than the dump",
     "a mariadb-client of May 2024 or later; the dump begins with a line that older ones refuse"),
    (re.compile(r"\bmariadb(?:-dump)?: (?:command )?not found"),
     "its programs are not there", "apt install mariadb-server"),
    (re.compile(r"ERROR 2002 .*\((?:2|111)\)"), "nothing listens at its socket",
     "is mariadb-server installed there, and started?"),
    (re.compile(r"ERROR 1045 "), "the server refused the login", "unix_socket account, or ~/.my.cnf"),
    (re.compile(r"ERROR (?:1114|1021|3) |Errcode: 28\b|No space left"), "no room is left", "make room on the server"),
)  # fmt: skip
"""What the programs say -> what it means, and what to do."""


def quote(name: str) -> str:
    """Return a name so that nothing in it can end it."""
    return "`" + name.replace("`", "``") + "`"


def literal(text: str) -> str:
    """Return a string literal of any text: hexadecimal, so that nothing in it can end it."""
    return f"CONVERT(X'{text.encode().hex()}' USING utf8mb4)"


def unhex(text: str) -> str:
    """Return the text that a server told in hexadecimal digits."""
    return bytes.fromhex(text).decode("utf-8", "replace")


def failed(what: str, ended: Exit) -> OutsideError:
    """Return an error that shows the number of the server's error only: its text repeats whole rows of data."""
    said = ended.stderr.decode("utf-8", "replace")
    if ended.code is None:
        return OutsideError(f"{what}: {said.strip()[:200]}")
    found = ERROR_LINE.search(said) or re.search(r"[Ee]rror:? \d+", said)
    number = found[0] if found else f"exit code {ended.code}"
    for sign, meaning, hint in MEANINGS:
        if sign.search(said):
            return OutsideError(f"{what}: {meaning} ({number})", hint=hint)
    return OutsideError(f"{what}: {number}")
