"""A folder is replaced as a whole, or not at all, and only if it is kedge's own."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from kedge.errors import OutsideError, Refused
from kedge.publish.folder import MARKER, write_folder

FILES = {"index.html": b"one", "status.json": b"{}"}


def listing(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != MARKER}


def test_a_new_folder_holds_the_files_and_the_marker(tmp_path: Path) -> None:
    written = write_folder(tmp_path / "deep/site", FILES, "public")
    assert written == [tmp_path / "deep/site/index.html", tmp_path / "deep/site/status.json"]
    assert listing(tmp_path / "deep/site") == FILES
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["site"]


def test_an_own_folder_is_replaced_and_what_is_gone_is_gone(tmp_path: Path) -> None:
    write_folder(tmp_path / "site", FILES, "public")
    write_folder(tmp_path / "site", {"index.html": b"two"}, "public")
    assert listing(tmp_path / "site") == {"index.html": b"two"}
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    write_folder(tmp_path / "site", FILES, "public")
    assert listing(tmp_path / "site") == FILES


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "site").symlink_to("real")
    write_folder(tmp_path / "site", FILES, "public")
    assert (tmp_path / "site").is_symlink()
    assert listing(tmp_path / "real") == FILES


@pytest.mark.parametrize(
    "marker",
    [None, b"", b"kedge", b"[]", b"{}", b'{"written-by": "else", "edition": "public", "files": []}', b"\xff\xfe",
     b'{"written-by": "kedge", "edition": "public"}', b'{"written-by": "kedge", "edition": "public", "files": 3}'],
)  # fmt: skip
def test_a_folder_that_is_not_ours_is_left_alone(marker: bytes | None, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    if marker is not None:
        (tmp_path / MARKER).write_bytes(marker)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(Refused, match="did not write"):
        write_folder(tmp_path, FILES, "public")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_strange_file_in_our_folder_is_not_deleted(tmp_path: Path) -> None:
    write_folder(tmp_path / "site", FILES, "public")
    (tmp_path / "site/CNAME").write_text("status.example.org")
    with pytest.raises(Refused, match="CNAME"):
        write_folder(tmp_path / "site", {"index.html": b"two"}, "public")
    assert (tmp_path / "site/index.html").read_bytes() == b"one"


@pytest.mark.parametrize(("first", "second"), [("public", "private"), ("private", "public")])
def test_one_edition_never_replaces_the_other(first: str, second: str, tmp_path: Path) -> None:
    write_folder(tmp_path / "site", FILES, first)
    with pytest.raises(Refused, match=f"holds the {first} edition"):
        write_folder(tmp_path / "site", {"index.html": b"two"}, second)
    assert listing(tmp_path / "site") == FILES


def test_a_file_in_the_way_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "site").write_text("a file")
    with pytest.raises(Refused, match="not a folder"):
        write_folder(tmp_path / "site", FILES, "public")
    assert (tmp_path / "site").read_text() == "a file"


@pytest.mark.parametrize("where", [".", "..", "inner/.."])
def test_the_folder_one_stands_in_is_not_replaced(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here/inner").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(Refused, match="where you are standing"):
        write_folder(Path(where), FILES, "public")


def test_a_write_that_fails_leaves_the_old_folder_and_no_rest(tmp_path: Path) -> None:
    write_folder(tmp_path / "site", FILES, "public")
    with pytest.raises(OutsideError, match="could not write"):
        write_folder(tmp_path / "site", {"index.html": b"two", "no-such-folder/x": b""}, "public")
    assert listing(tmp_path / "site") == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


@pytest.mark.parametrize(("edition", "folder", "file"), [("public", 0o755, 0o644), ("private", 0o700, 0o600)])
def test_only_the_public_edition_is_readable_by_all(edition: str, folder: int, file: int, tmp_path: Path) -> None:
    write_folder(tmp_path / "site", FILES, edition)
    assert stat.S_IMODE((tmp_path / "site").stat().st_mode) == folder
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "site").iterdir()} == {file}
