"""Accounts of a MariaDB server that have rights on some databases: how they are made again where they are not.

A dump has none of them, so that a service restored to an empty server could not log in. What is kept are statements
with the hashes of passwords (SHOW CREATE USER, SHOW GRANTS: MariaDB 10.2 and later); they reach a server by standard
input only. Rights on everything (`ON *.*`) are not kept, nor are roles.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kedge.parts.mariadb_words import literal, quote

MARK = "-- account "


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """An account, and a pattern of databases on which it has rights."""

    user: str
    host: str
    pattern: str

    @property
    def name(self) -> str:
        """Its name as statements have it."""
        return f"{quote(self.user)}@{quote(self.host)}"


def accounts_of(schemas: Sequence[str]) -> str:
    """Return the query for the accounts with rights on databases, in hexadecimal: user, host, pattern."""
    whole = " OR ".join(f"{literal(schema)} LIKE db" for schema in schemas)
    tables = ", ".join(map(literal, schemas))
    rows = "SELECT HEX(user), HEX(host), HEX(db) FROM {} WHERE user <> '' AND host <> '' AND ({})"
    return f"{rows.format('mysql.db', whole)} UNION {rows.format('mysql.tables_priv', f'db IN ({tables})')}"


def told_statements(names: Iterable[str]) -> str:
    """Return the statements that make a server tell how these accounts are made."""
    return "".join(f"SHOW CREATE USER {name};\nSHOW GRANTS FOR {name};\n" for name in names)


def write_accounts(accounts: Sequence[Account], said: str) -> str:
    """Return the file that makes accounts again, of what a server told; empty without any."""
    ours = {account.name: [one.pattern for one in accounts if one.name == account.name] for account in sorted(accounts)}
    return "".join(f"{MARK}{name}\n{lines}" for name, lines in _made(ours, said.splitlines()))


def _made(accounts: Mapping[str, Sequence[str]], told: Sequence[str]) -> Iterator[tuple[str, str]]:
    for name, patterns in accounts.items():
        created = f"CREATE USER {name} "
        lines = [line for line in told if f"{line} ".startswith(created)][:1]
        lines += [line for line in told if _grants(line, name, patterns)]
        yield name, "".join(f"{line};\n" for line in lines)


def _grants(line: str, name: str, patterns: Sequence[str]) -> bool:
    """Whether a line gives an account rights on one of these patterns of databases."""
    to_it = f" TO {name}" in line and line.partition(f" TO {name}")[2][:1] in ("", " ")
    return line.startswith("GRANT ") and to_it and any(f" ON {quote(pattern)}." in line for pattern in patterns)


def read_accounts(text: str) -> Mapping[str, str]:
    """Return the statements that make each account, by its name, of a file that was kept."""
    blocks = f"\n{text}".split(f"\n{MARK}")[1:]
    return {name: f"{statements}\n" for name, _, statements in (block.partition("\n") for block in blocks)}


def lacking(names: Iterable[str], there: Iterable[str]) -> list[str]:
    """Return which of these accounts a server does not have: those that it has are never changed."""
    known = set(there)
    return [name for name in names if name not in known]
