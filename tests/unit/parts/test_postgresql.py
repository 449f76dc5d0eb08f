"""What the part of a PostgreSQL server says and reads, without a server."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kedge.parts.postgresql_words import count_here, count_of_dump, string, without_roles

DUMP = """SET client_encoding = 'UTF8';
CREATE ROLE "read er";
ALTER ROLE "read er" WITH NOSUPERUSER;
CREATE ROLE anna;
ALTER ROLE anna WITH LOGIN PASSWORD 'SCRAM-SHA-256$x';
CREATE ROLE anna_2;
ALTER ROLE anna_2 SET search_path TO 'x';
GRANT "read er" TO anna;
"""


def test_roles_that_are_there_are_neither_made_nor_changed() -> None:
    left = without_roles(DUMP, ["anna", '"read er"', "postgres"])
    assert left.splitlines() == [
        "SET client_encoding = 'UTF8';",
        "CREATE ROLE anna_2;",
        "ALTER ROLE anna_2 SET search_path TO 'x';",
        'GRANT "read er" TO anna;',
    ]


def test_a_server_without_roles_gets_them_all() -> None:
    assert without_roles(DUMP, []) == DUMP


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_no_name_of_a_database_ends_a_string_or_a_line(name: str) -> None:
    said = string(name)
    assert said[1:-1].replace("''", "'") == name
    assert "'" not in said[1:-1].replace("''", "")
    assert name.encode().hex() in count_here(name)


def test_the_count_of_a_dump_is_the_count_of_what_is_there() -> None:
    counting = count_here("lists").partition("BEGIN")[2]
    during = count_of_dump("lists", ("pg_dump", "a b"))
    assert "(pg_dump 'a b' --snapshot=" in during
    assert [line for line in counting.splitlines() if line not in during] == []
