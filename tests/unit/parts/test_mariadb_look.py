"""What is read from the answers of a MariaDB server and its programs, and what an estimate looks like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.model.census import LARGEST, PACKET, VERSION
from kedge.model.room import Extent, Free
from kedge.parts.mariadb_look import judge_fit, read_look
from kedge.work.room import Outlook, by_disk, needed

SAID = """version\t10.11.6-MariaDB-0+deb12u1
GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION
schema\t77696B69
schema\t6D7973716C
view\t77696B69\t7469746C6573
data\t16384000
"""


@pytest.mark.parametrize(
    ("client", "is_older"),
    [
        ("mariadb-dump  Ver 10.19 Distrib 10.11.6-MariaDB, for debian-linux-gnu (x86_64)", False),
        ("mysqldump  Ver 10.17 Distrib 10.3.39-MariaDB, for debian-linux-gnu (x86_64)", True),
        ("mariadb-dump from 11.4.2-MariaDB, client 10.19 for debian-linux-gnu (x86_64)", False),
        ("mysqldump  Ver 8.0.36 for Linux on x86_64 (MySQL Community Server - GPL)", False),  # nobody can compare them
        ("", False),
    ],
)
def test_a_client_older_than_the_server_is_a_word(client: str, is_older: bool) -> None:
    seen = read_look(SAID)
    assert bool(seen.words(client)) is is_older
    assert (seen.schemas, list(seen.views)) == (["wiki"], [("wiki", "titles")])
    assert seen.extent == Extent(4915200, 32768000)


@pytest.mark.parametrize(
    ("saved", "obstacles", "words"),
    [
        ({}, 0, 0),
        ({VERSION: "MariaDB 10.11.6", PACKET: "16777216"}, 0, 0),
        ({VERSION: "MariaDB 11.4.2", PACKET: "16777216"}, 1, 0),
        ({VERSION: "MariaDB 5.5.68", PACKET: "16777216"}, 0, 0),
        ({VERSION: "MySQL 8.0.36", PACKET: "16777216"}, 0, 1),
        ({VERSION: "MariaDB 10.11.6", PACKET: "1073741824"}, 0, 1),
        ({VERSION: "MariaDB 10.11.6", PACKET: "1073741824", LARGEST: "9000000 (wiki.text)"}, 0, 1),
        ({VERSION: "MariaDB 10.11.6", PACKET: "1073741824", LARGEST: "20000000 (wiki.text)"}, 1, 0),
        ({VERSION: "MariaDB 11.4.2", LARGEST: "20000000 (wiki.text)"}, 2, 0),
    ],
)
def test_a_server_is_compared_with_what_was_saved(saved: dict[str, str], obstacles: int, words: int) -> None:
    fit = judge_fit(saved, "10.11.6-MariaDB-0+deb12u1", "16777216", "/var/lib/mysql/")
    assert (len(fit.obstacles), len(fit.words)) == (obstacles, words)


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_any_version_is_compared_or_left_alone(was: str, row: str, now: str) -> None:
    judge_fit({VERSION: was, LARGEST: row}, now, "16777216", "/var/lib/mysql/")


@pytest.mark.parametrize(
    ("extent", "told"),
    [
        (Extent(0, 0), "0 B"),
        (Extent(1_200_000_000, 1_200_000_000), "1.2 GB"),
        (Extent(600_000_000, 1_200_000_000), "600 MB to 1.2 GB"),
        (Extent(1_100_000_000, 2_000_000_000), "1.1 to 2 GB"),
        (Extent(5, 900), "5 to 900 B"),
    ],
)
def test_an_extent_is_told_as_people_say_it(extent: Extent, told: str) -> None:
    assert needed(extent) == told


@pytest.mark.parametrize(("free", "obstacles", "words"), [(99, 1, 0), (100, 0, 1), (249, 0, 1), (250, 0, 0)])
def test_only_what_even_the_least_does_not_fit_is_an_obstacle(free: int, obstacles: int, words: int) -> None:
    outlook = Outlook()
    outlook.weigh(Free("/var/tmp", free), Extent(100, 200), "wiki", "make room")
    assert (len(outlook.obstacles), len(outlook.words)) == (obstacles, words)
    outlook.weigh(None, Extent(100, 200), "wiki", "make room")
    assert (len(outlook.obstacles), len(outlook.words)) == (obstacles, words)


def test_places_on_one_disk_share_its_room_and_unknown_ones_do_not() -> None:
    need, one, other = Extent(1, 2), Free("/a", 9, "8:1"), Free("/b", 9, "8:1")
    assert list(by_disk([(one, need), (other, need)])) == [(Free("/a and /b", 9, "8:1"), Extent(2, 4))]
    assert len(list(by_disk([(Free("/a", 9), need), (Free("/b", 9), need)]))) == 2
