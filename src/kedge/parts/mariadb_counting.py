"""How a MariaDB server counts what it holds: for each table one row with its name, rows and digest.

Beside it rows are counted whose text has a question mark, or was UTF-8 taken for Latin-1 and encoded once more: what
damages text says nothing, so its growth must.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from kedge.model.census import DOUBLED, LARGEST, OUTSIDE, QUESTIONS, Census, Tally
from kedge.parts.mariadb_look import told_server
from kedge.parts.mariadb_words import literal, quote, unhex

TEXTS = frozenset(
    {"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set", "inet4", "inet6", "uuid"}
)
WRITTEN = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext"})
"""Types in which people's text is kept, and may be damaged."""
MOMENTS = frozenset({"datetime", "timestamp"})
DIGITS = frozenset({"binary", "varbinary", "char", "varchar"})
"""Types in which MediaWiki keeps moments, as fourteen digits."""
DIGITS_NOW = "DATE_FORMAT(NOW(), '%Y%m%d%H%i%S')"
LARGE = frozenset({"mediumtext", "longtext", "mediumblob", "longblob"})
"""Types of which one value may be larger than what a server takes at once; it is in hand where its digest is made."""
SERVER = "server"
TWICE = 2**32
# A letter from U+00C2 to U+00F4, as the first byte of a character is misread, and one that the next byte is misread as.
_MISREAD = (
    r"\\xC3[\\x82-\\xB4](\\xC2[\\x80-\\xBF]|\\xC5[\\x92\\x93\\xA0\\xA1\\xB8\\xBD\\xBE]|"
    r"\\xC6\\x92|\\xCB[\\x86\\x9C]|\\xE2[\\x80\\x82\\x84])"
)
_QUESTION = r"\\x3F|\\xEF\\xBF\\xBD"
MISREAD, QUESTION, SUSPECT = f"'{_MISREAD}'", f"'{_QUESTION}'", f"'{_QUESTION}|{_MISREAD}'"
"""Regular expressions of bytes, as SQL strings (windows-1252, as MySQL's latin1 is)."""
NO_BYTES = "CAST('' AS BINARY)"
"""Text joined with this is bytes; BINARY does the same, and took four times as long."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    schema: str
    table: str
    name: str
    type: str
    engine: str
    charset: str
    length: str = ""
    """So many characters or bytes, if it is text."""


def count_all(schemas: Sequence[str], columns: Sequence[Column]) -> Iterator[str]:
    """Yield the statements that count: one row for each table and each kind of object, after one of the server.

    A row is HEX of the name, count, digest, suspects, bytes of the largest row as far as it may be a large one, and the
    newest moments, as the columns have them.
    """
    yield "SET SESSION time_zone = '+00:00';"
    yield f"SELECT '{SERVER}', @@version, @@global.max_allowed_packet;"
    tables: dict[tuple[str, str], list[Column]] = {}
    for column in columns:
        tables.setdefault((column.schema, column.table), []).append(column)
    for (schema, table), found in tables.items():
        row = ", ".join(f"IFNULL(SHA1({_portable(column)}), '-')" for column in found)
        digest = f"SUM(CAST(CONV(LEFT(SHA1(CONCAT_WS('#', {row})), 16), 16, 10) AS UNSIGNED))"
        label, texts = literal(f"{schema}.{table}"), [column for column in found if column.type in WRITTEN]
        counted = f"COUNT(*), IFNULL({digest}, 0), {_suspects(texts)}, {_largest(found)}, {_newest(found)}"
        yield f"SELECT HEX({label}), {counted} FROM {quote(schema)}.{quote(table)};"
    for schema in schemas:
        for title, table, where, name in OBJECTS:
            label, names = literal(f"{schema} ({title})"), f"IFNULL(SUM(CRC32({name})), 0)"
            of = f"FROM information_schema.{table} WHERE {where} = {literal(schema)}"
            yield f"SELECT HEX({label}), COUNT(*), {names}, 0, 0, '' {of};"


OBJECTS = (
    ("views", "views", "table_schema", "table_name"),
    ("triggers", "triggers", "trigger_schema", "trigger_name"),
    ("routines", "routines", "routine_schema", "routine_name"),
    ("events", "events", "event_schema", "event_name"),
)


def _newest(columns: Sequence[Column]) -> str:
    """Return the newest moment in each column that holds moments, none in the future, with a comma between."""
    whole = [(quote(one.name), "NOW()") for one in columns if one.type in MOMENTS]
    digits = [(quote(one.name), DIGITS_NOW) for one in columns if one.type in DIGITS and one.length == "14"]
    moments = [f"MAX(IF({name} <= {now}, {name}, NULL))" for name, now in (*whole, *digits)]
    return f"CONCAT_WS(',', {', '.join(moments)})" if moments else "''"


def read_newest(said: str) -> Iterator[datetime]:
    """Yield the moments in what `count_all` says of them; what is none is passed over (MediaWiki's `infinity`)."""
    for text in said.split(","):
        digits = re.sub(r"[-: ]", "", text.partition(".")[0])
        with suppress(ValueError):
            if re.fullmatch(r"\d{14}", digits, re.ASCII):
                yield datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def _portable(column: Column) -> str:
    """Return a column as utf8mb4; what is UTF-8 already has the same bytes, and is not converted row by row."""
    quoted = quote(column.name)
    is_same = column.type in WRITTEN and column.charset in {"utf8mb4", "utf8mb3", "utf8"}
    return f"CONVERT({quoted} USING utf8mb4)" if column.type in TEXTS and not is_same else quoted


def _largest(columns: Sequence[Column]) -> str:
    """Return the bytes of the largest row in columns that may hold large values."""
    sizes = [f"IFNULL(OCTET_LENGTH({quote(column.name)}), 0)" for column in columns if column.type in LARGE]
    return f"IFNULL(MAX({' + '.join(sizes)}), 0)" if sizes else "0"


def _suspects(columns: Sequence[Column]) -> str:
    """Return what counts rows that look damaged: with a question mark, plus TWICE times those encoded twice.

    One sum, so that each row is looked through once: that costs as much as its digest.
    """
    marks = " | ".join(map(_marks, columns))
    return f"IFNULL(SUM(ELT(1 + ({marks}), 0, 1, {TWICE}, {TWICE + 1})), 0)" if columns else "0"


def _marks(column: Column) -> str:
    """Return 1 for a question mark or U+FFFD in a text, 2 if it is encoded twice, 3 for both; by bytes, not letters."""
    text = _portable(column)
    data = f"CONCAT({text}, {NO_BYTES})"
    asks, twice = f"({data} RLIKE {QUESTION})", f"({data} RLIKE {MISREAD} AND {_is_doubled(text)})"
    return f"IF({data} RLIKE {SUSPECT}, IFNULL({asks} + 2 * {twice}, 0), 0)"


def _is_doubled(text: str) -> str:
    """Return a test for UTF-8 that was taken for Latin-1 and encoded again: undone, and done again, it is the same."""
    undone = f"CONVERT(CAST(CONVERT({text} USING latin1) AS BINARY) USING utf8mb4)"
    again = f"CONVERT(CONVERT(CAST({undone} AS BINARY) USING latin1) USING utf8mb4)"
    return f"CAST({again} AS BINARY) = CAST({text} AS BINARY) AND {undone} <> BINARY {text}"


def read_census(part: str, at: datetime, said: bytes, columns: Sequence[Column]) -> Census:
    """Return what the statements of `count_all` said, with a report on text that may be damaged."""
    tallies: dict[str, Tally] = {}
    questions: dict[str, int] = {}
    doubled: dict[str, int] = {}
    newest: list[datetime] = []
    server: Mapping[str, str] = {}
    largest = (0, "")
    for line in said.decode().splitlines():
        hexed, count, digest, *rest = line.split("\t")
        if hexed == SERVER:
            server = told_server(count, digest)
            continue
        suspects, row_bytes, moments = rest
        name, (twice, asking) = unhex(hexed), divmod(int(suspects), TWICE)
        largest = max(largest, (int(row_bytes), name))
        if int(count) or "(" not in name:
            tallies[name] = Tally(int(count), digest)
        questions |= {name: asking} if asking else {}
        doubled |= {name: twice} if twice else {}
        newest += read_newest(moments)
    report = {QUESTIONS: questions, DOUBLED: doubled}
    counted = {what: ", ".join(f"{name} {rows}" for name, rows in found.items()) for what, found in report.items()}
    counted[LARGEST] = f"{largest[0]} ({largest[1]})" if largest[0] else ""
    remarks = {**_remarks(columns), **server, **{k: v for k, v in counted.items() if v}}
    return Census(part, at, tallies, max(newest, default=None), remarks)


def _remarks(columns: Sequence[Column]) -> Mapping[str, str]:
    """Return the charset report (columns by character set) and the tables outside any snapshot."""
    charsets: dict[str, int] = {}
    for column in columns:
        if column.charset:
            charsets[column.charset] = charsets.get(column.charset, 0) + 1
    outside = {f"{column.schema}.{column.table} ({column.engine})" for column in columns if column.engine != "InnoDB"}
    report = {"charsets": ", ".join(f"{name} {count}" for name, count in sorted(charsets.items()))}
    return {**report, **({OUTSIDE: ", ".join(sorted(outside))} if outside else {})}
