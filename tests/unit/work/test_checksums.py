"""Files whose SHA-256 was taken on their way to the disk: compared with that when copied, recorded without reading."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.adapters.local import LocalShell
from kedge.adapters.record import compare, make_record
from kedge.errors import OutsideError
from kedge.model.checksums import SUMS, read_sums
from kedge.work.spool import pull

DUMP = b"-- rows\n-- Dump completed\n"
NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """A spool with one part, which took the SHA-256 of its dump, and with one that did not."""
    (tmp_path / "spool/databases").mkdir(parents=True)
    (tmp_path / "spool/databases/dump.sql").write_bytes(DUMP)
    (tmp_path / "spool/databases" / SUMS).write_text(f"{hashlib.sha256(DUMP).hexdigest()}  dump.sql\n")
    (tmp_path / "spool/uploads").mkdir()
    (tmp_path / "spool/uploads/folder.tar").write_bytes(b"tar")
    return tmp_path / "spool"


def copy(folder: Path, target: Path) -> None:
    asyncio.run(pull(LocalShell(), PurePosixPath(folder), target))


def test_the_record_is_the_same_as_by_reading(spool: Path) -> None:
    files = make_record("wiki", NOW, (), spool).files
    for name in ("databases/dump.sql", "uploads/folder.tar"):
        assert files[name].sha256 == hashlib.sha256((spool / name).read_bytes()).hexdigest()
    compare("snapshot", spool)


def test_a_disk_that_changes_what_was_written_is_found_out(spool: Path) -> None:
    (spool / "databases/dump.sql").write_bytes(DUMP.replace(b"rows", b"rats"))
    make_record("wiki", NOW, (), spool)
    with pytest.raises(OutsideError, match=r"databases/dump\.sql of snapshot .* is not what was saved"):
        compare("snapshot", spool)


def test_a_copy_is_compared_with_what_was_written(spool: Path, tmp_path: Path) -> None:
    copy(spool / "databases", tmp_path / "here")
    assert (tmp_path / "here/dump.sql").read_bytes() == DUMP
    (spool / "databases/dump.sql").write_bytes(DUMP.replace(b"rows", b"rats"))
    with pytest.raises(OutsideError, match=r"dump\.sql differs"):
        copy(spool / "databases", tmp_path / "again")


def test_a_list_of_something_else_is_no_list(spool: Path, tmp_path: Path) -> None:
    (spool / "databases" / SUMS).write_bytes(b"\xff\xfe nonsense\n" + b"0" * 64 + b"  another.sql\n")
    copy(spool / "databases", tmp_path / "here")
    make_record("wiki", NOW, (), spool)
    compare("snapshot", spool)


@given(st.binary())
def test_any_bytes_are_read(data: bytes) -> None:
    assert all(len(digest) == 64 for digest in read_sums(data).values())
