"""What is said of SQLite databases, and how their names travel."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.adapters.local import LocalShell
from kedge.model.census import DAMAGED, OUTSIDE, UNCHECKED
from kedge.parts.sqlite import CHUNK_BYTES, HEADER, Held, chunks, find_databases, printable

names = st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=20) | st.just(
    "B\udcfccher"
)


@given(st.lists(names | st.just("x" * (CHUNK_BYTES // 3)), max_size=30))
def test_every_name_travels_once_and_no_pipe_is_filled(found: list[str]) -> None:
    parts = list(chunks(found))
    assert [name for part in parts for name in part] == found
    sizes = [sum(len(name.encode("utf-8", "surrogateescape")) + 3 for name in part) for part in parts]
    assert all(0 < size <= CHUNK_BYTES for size in sizes)


@given(names)
def test_a_name_is_said_on_one_line_as_valid_text(name: str) -> None:
    said = printable(name)
    assert said.isprintable()
    assert said.encode()


@given(st.dictionaries(names, st.sampled_from(["held", "damaged", "broken", "unchecked", "locked", "bare", "gone"])))
def test_nothing_but_what_was_held_goes_without_a_word(words: dict[str, str]) -> None:
    held = Held(PurePosixPath("/held"), words)
    remarks = dict(held.remarks())
    said = {DAMAGED: {"damaged", "broken"}, UNCHECKED: {"unchecked"}, OUTSIDE: {"locked", "bare"}}
    assert {key for key in said if key in remarks} == {key for key, found in said.items() if found & {*words.values()}}
    assert held.names == {name for name, word in words.items() if word in {"held", "damaged", "unchecked"}}
    assert held.names <= held.replaced


async def test_databases_are_found_among_thousands_of_files_by_what_they_begin_with(tmp_path: Path) -> None:
    data = {
        f"{'long' * 20}-{number:04}": HEADER + bytes(496) if number % 9 == 0 else bytes(512) for number in range(2000)
    }
    data |= {
        "odd": HEADER + bytes(497),
        "small": HEADER,
        "later": b"x" + HEADER + bytes(495),
        "==> . <==\n": bytes(512),
    }
    for name, content in data.items():
        (tmp_path / name).write_bytes(content)
    files = [(name, len(content)) for name, content in data.items()]
    gone = [("gone", 512), ("-n", 512)]
    expected = [name for name in data if name.startswith("long") and int(name[-4:]) % 9 == 0]
    assert await find_databases(LocalShell(), str(tmp_path), [*gone, *files]) == expected


async def test_nothing_is_run_where_no_file_can_be_one() -> None:
    shell = LocalShell(hop=lambda argv: pytest.fail(f"ran {argv}"))
    assert await find_databases(shell, "/", [("small", 511), ("odd", 1000), ("empty", 0)]) == []
