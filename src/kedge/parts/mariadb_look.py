"""What is looked at of a MariaDB server before it is dumped or loaded: rights, views, sizes, releases, packets.

How large a dump becomes cannot be known: measured with 10.11, it was between a third of the tables' data (short rows)
and 1.8 times as much (compressed tables, bytes of value 0); indexes are not dumped. After deletions data may be mostly
empty: once a dump was made, its own size says more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from kedge.model.census import LARGEST, PACKET, VERSION
from kedge.model.instance import Obstacle
from kedge.model.quantity import format_size
from kedge.model.room import Extent, Fit, Growth
from kedge.parts.mariadb_words import literal, unhex

SYSTEM = ("information_schema", "performance_schema", "mysql", "sys")
PRIVILEGES = ("SELECT", "RELOAD", "LOCK TABLES", "PROCESS", "SHOW VIEW", "TRIGGER", "EVENT")
"""What a complete dump needs. Without TRIGGER, mariadb-dump leaves triggers out and says nothing."""
DUMPED: Growth = (0.3, 2.0)
"""How many times the data of its tables a dump has."""
GROWTH: Growth = (1.2, 2.5)
"""How many times its dump a loaded server has: 1.4 were measured with 1.2 GB, 2.2 with log files of 1 GB."""
LINE_BYTES = 2**20
"""How long a line of a dump becomes without any large row: mariadb-dump fills its lines up to this."""


@dataclass(frozen=True)
class Seen:
    """What a server said of itself."""

    schemas: Sequence[str]
    grants: str
    views: Sequence[tuple[str, str]]
    data_bytes: int
    version: str

    @property
    def extent(self) -> Extent:
        """Between which sizes a dump will be."""
        return Extent(self.data_bytes, self.data_bytes).grown(DUMPED)

    def words(self, client: str) -> Sequence[str]:
        """Return that the client, which has said its version, is of an older release than the server."""
        told = re.search(r"(?:Distrib|from) (\d+\.\d+\.\d+\S*)", client)
        if not told or not _is_newer(_named(self.version), _named(told[1])):
            return ()
        return (f"mariadb-dump {told[1]} is older than the server {self.version}: it may leave out what is new to it",)


def look(databases: Sequence[str]) -> str:
    """Return the statements whose answers `read_look` reads; the data of these databases is added up, or of all."""
    where = f"IN ({', '.join(map(literal, databases or SYSTEM))})"
    ours = f"table_schema {where if databases else f'NOT {where}'}"
    return (
        "SELECT 'version', @@version; SHOW GRANTS; "
        "SELECT 'schema', HEX(schema_name) FROM information_schema.schemata; "
        f"SELECT 'view', HEX(table_schema), HEX(table_name) FROM information_schema.tables WHERE table_type = 'VIEW' "
        f"AND {_not_system()}; "
        f"SELECT 'data', IFNULL(SUM(data_length), 0) FROM information_schema.tables WHERE {ours};"
    )


def _not_system() -> str:
    return f"table_schema NOT IN ({', '.join(map(literal, SYSTEM))})"


def read_look(said: str) -> Seen:
    """Return what a server answered to `look`."""
    rows = [line.split("\t") for line in said.splitlines()]

    def told(what: str) -> Iterator[list[str]]:
        yield from (rest for first, *rest in rows if first == what)

    return Seen(
        sorted(name for (hexed,) in told("schema") if (name := unhex(hexed)) not in SYSTEM),
        "\n".join(line for line in said.splitlines() if line.startswith("GRANT ")),
        [(unhex(schema), unhex(view)) for schema, view in told("view")],
        sum(int(float(size)) for (size,) in told("data")),
        next((version for (version,) in told("version")), ""),
    )


def missing_privileges(grants: str) -> list[str]:
    """Return which rights SHOW GRANTS does not give on everything (`ON *.*`)."""
    held: set[str] = set()
    for match in re.finditer(r"^GRANT (.+?) ON \*\.\*", grants, re.MULTILINE):
        held |= {right.strip() for right in match[1].split(",")}
    return [] if "ALL PRIVILEGES" in held else [right for right in PRIVILEGES if right not in held]


def told_server(version: str, packet_bytes: str) -> Mapping[str, str]:
    """Return the remarks of a census that say which server it is of, and how large a packet may be there."""
    return {VERSION: _named(version), PACKET: packet_bytes}


def judge_fit(saved: Mapping[str, str], version: str, packet_bytes: str, folder: str) -> Fit:
    """Return whether a server of this version and packets takes a dump with these remarks in its census."""
    obstacles, words = [], []
    was, now = saved.get(VERSION, ""), _named(version)
    if _is_newer(was, now):
        release = was.rpartition(".")[0]
        obstacles.append(Obstacle(f"saved from {was}, and this is {now}: it may refuse the dump half-way",
                                  f"install {release} there"))  # fmt: skip
    elif was and was.partition(" ")[0] != now.partition(" ")[0]:
        words.append(f"saved from {was}, and this is {now}")
    row, table = _largest(saved)
    if lacking := _too_small(saved, int(packet_bytes)):
        obstacles.append(Obstacle(lacking, "set max_allowed_packet=1G on the server"))
    elif int(packet_bytes) < 2 * row:  # where every byte of it is escaped
        words.append(f"its max_allowed_packet, {format_size(int(packet_bytes))}, is hardly enough for a row of {table}")
    elif int(packet_bytes) < int(saved.get(PACKET, 0)):
        words.append(f"its max_allowed_packet is smaller than where it was saved ({format_size(int(packet_bytes))})")
    return Fit(obstacles, words, PurePosixPath(folder))


def _largest(saved: Mapping[str, str]) -> tuple[int, str]:
    """Return the bytes of the largest row, and its table; 0 where none is known."""
    told = re.match(r"(\d+) \((.*)\)$", saved.get(LARGEST, ""))
    return (int(told[1]), told[2]) if told else (0, "")


def _too_small(saved: Mapping[str, str], packet_bytes: int) -> str:
    """Return why a server will not take a dump's lines; a census that does not know its server knows no rows either."""
    here, (row, table) = f"its max_allowed_packet is {format_size(packet_bytes)}", _largest(saved)
    if packet_bytes < row:
        return f"{here}, and a row of {table} has {format_size(row)}"
    if VERSION in saved and packet_bytes < LINE_BYTES:
        return f"{here}, and the lines of the dump have {format_size(LINE_BYTES)}"
    return ""


def _named(version: str) -> str:
    """Return product and version: `MariaDB 10.11.6`, `MySQL 8.0.36`."""
    plain = re.match(r"(?:5\.5\.5-)?([\d.]+)", version)
    return f"{'MariaDB' if 'mariadb' in version.lower() else 'MySQL'} {plain[1] if plain else version}"


def _is_newer(one: str, other: str) -> bool:
    """Return whether one is of a later release series of the same product than the other."""
    (product, series), (theirs, known) = _series(one), _series(other)
    return product == theirs and bool(series and known) and series > known


def _series(named: str) -> tuple[str, tuple[int, ...]]:
    product, _, version = named.partition(" ")
    return product, tuple(int(number) for number in version.split(".")[:2] if number.isdigit())
