"""A folder as a part: whatever lies in it comes back, and whatever differs is counted."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.adapters.local import LocalShell, LocalSite
from kedge.errors import OutsideError, Refused
from kedge.kinds.files import folder_parts
from kedge.model.census import Census
from kedge.model.instance import Instance, Mode
from kedge.parts.folder import Entry, FolderPart, take_census

AT = datetime(2007, 1, 5, tzinfo=UTC)


def copy(mode: Mode, data: Path = Path("/"), shell: LocalShell | None = None) -> Instance:
    return Instance(mode, LocalSite(shell or LocalShell()), {}, PurePosixPath(data))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "live ü" / "share"
    (folder / "deep" / "deeper").mkdir(parents=True)
    (folder / "empty").mkdir(mode=0o750)
    (folder / "deep" / "deeper" / "file").write_bytes(bytes(range(256)) * 999)
    (folder / "-n $(id)\n'\"").write_text("odd name")
    (folder / "zero").touch(mode=0o600)
    (folder / "deep" / "link").symlink_to("deeper/file")
    (folder / "broken").symlink_to("/nowhere\n")
    os.link(folder / "zero", folder / "deep" / "same")
    os.utime(folder / "zero", (1167768000, 1167768000))
    return folder


@pytest.fixture
def spool(tmp_path: Path) -> PurePosixPath:
    (tmp_path / "spool").mkdir()
    return PurePosixPath(tmp_path / "spool")


async def test_it_comes_back_equal(folder: Path, spool: PurePosixPath, tmp_path: Path) -> None:
    part = FolderPart(str(folder))
    assert await part.preflight(copy("live")) == []
    saved = await part.save(copy("live"), spool)
    at = copy("target", tmp_path / "back")
    await part.restore(at, spool)
    back = Path(at.path(str(folder)))
    assert saved.difference(await part.census(at)) == []
    assert {name: tally.count for name, tally in saved.tallies.items()} == {".": 3, "deep": 5, "empty": 1}
    assert (back / "deep" / "deeper" / "file").read_bytes() == (folder / "deep" / "deeper" / "file").read_bytes()
    assert os.readlink(back / "broken") == "/nowhere\n"
    assert (back / "empty").stat().st_mode == (folder / "empty").stat().st_mode
    assert (back / "zero").stat().st_mtime == 1167768000


def overwrite(folder: Path) -> None:
    data = folder / "deep" / "deeper" / "file"
    data.write_bytes(data.read_bytes()[:-1] + b"\0")


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda folder: (folder / "deep" / "same").unlink(), "deep: 5 -> 4 entries"),
        (lambda folder: (folder / "empty").rmdir(), "empty: missing"),
        (lambda folder: (folder / "new").mkdir(), "new: added"),
        (lambda folder: (folder / "empty").chmod(0o777), "empty: same number of entries, different content"),
        (lambda folder: (folder / "zero").rename(folder / "null"), ".: same number of entries, different content"),
        (overwrite, "deep: same number of entries, different content"),
    ],
    ids=["gone", "folder", "added", "mode", "name", "content"],
)
async def test_every_difference_is_counted(folder: Path, change: Callable[[Path], None], line: str) -> None:
    part = FolderPart(str(folder))
    before = await part.census(copy("live"))
    change(folder)
    assert before.difference(await part.census(copy("live"))) == [line]


async def test_an_empty_folder_is_equal_to_itself(spool: PurePosixPath, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    part = FolderPart(str(tmp_path / "nothing"))
    saved = await part.save(copy("live"), spool)
    await part.restore(copy("sandbox", tmp_path / "back"), spool)
    assert saved == Census("folder", saved.at, {})
    assert saved.difference(await part.census(copy("sandbox", tmp_path / "back"))) == []


async def test_a_name_of_old_that_is_no_utf8(spool: PurePosixPath, tmp_path: Path) -> None:
    os.makedirs(bytes(tmp_path) + b"/share/B\xfccher")
    part = FolderPart(str(tmp_path / "share"))
    saved = await part.save(copy("live"), spool)
    await part.restore(copy("sandbox", tmp_path / "back"), spool)
    assert list(saved.tallies) == [r"B\xfccher"]
    assert saved.difference(await part.census(copy("sandbox", tmp_path / "back"))) == []
    assert os.listdir(bytes(tmp_path) + b"/back" + bytes(tmp_path) + b"/share") == [b"B\xfccher"]


async def test_pipes_and_sockets_are_left_out(folder: Path, spool: PurePosixPath, tmp_path: Path) -> None:
    os.mkfifo(folder / "deep" / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.open(folder, os.O_RDONLY)
        server.bind(f"/proc/self/fd/{here}/socket")
        os.close(here)
        part = FolderPart(str(folder))
        saved = await part.save(copy("live"), spool)
    await part.restore(copy("sandbox", tmp_path / "back"), spool)
    assert saved.difference(await part.census(copy("sandbox", tmp_path / "back"))) == []
    assert not (tmp_path / "back" / str(folder)[1:] / "deep" / "pipe").exists()
    assert (tmp_path / "spool" / "skipped").read_text().splitlines() == ["./socket", "./deep/pipe"]


async def test_a_folder_that_never_holds_still_is_counted_as_it_was_saved(
    folder: Path, spool: PurePosixPath, tmp_path: Path
) -> None:
    def meddle(argv: Sequence[str]) -> Sequence[str]:
        with (folder / "deep" / "log").open("a") as log:
            log.write("line\n")
        return argv

    part = FolderPart(str(folder))
    saved = await part.save(copy("live", shell=LocalShell(hop=meddle)), spool)
    await part.restore(copy("sandbox", tmp_path / "back"), spool)
    assert saved.difference(await part.census(copy("sandbox", tmp_path / "back"))) == []
    assert saved.difference(await part.census(copy("live"))) == ["deep: same number of entries, different content"]
    assert not (tmp_path / "spool" / "count").exists()


CHURN = """\
while :; do
  for n in 1 2 3 4 5 6 7 8 9; do mkdir -p d$n/e; : > d$n/e/x; : > f$n; : > -$n; done
  rm -rf d? f? ./-?
done
"""


async def test_what_vanishes_meanwhile_is_no_failure(folder: Path, spool: PurePosixPath) -> None:
    """A mailbox or a cache is never still: files and folders go while they are listed."""
    part, at = FolderPart(str(folder)), copy("live")
    churn = await asyncio.create_subprocess_exec("sh", "-c", CHURN, cwd=folder, stderr=subprocess.DEVNULL)
    try:
        for _ in range(60):
            assert not (await part.survey(at)).obstacles
            await part.census(at)
        saved = await part.save(at, spool)
    finally:
        churn.kill()
        await churn.wait()
    assert saved.tallies["deep"].count == 5


class TestRefusals:
    async def test_never_over_a_live_copy(self, folder: Path, spool: PurePosixPath) -> None:
        part = FolderPart(str(folder))
        await part.save(copy("live"), spool)
        with pytest.raises(Refused, match="live"):
            await part.restore(copy("live"), spool)

    async def test_never_over_other_files(self, folder: Path, spool: PurePosixPath) -> None:
        part = FolderPart(str(folder))
        await part.save(copy("live"), spool)
        with pytest.raises(Refused, match="not empty"):
            await part.restore(copy("target"), spool)

    async def test_a_cut_archive(self, folder: Path, spool: PurePosixPath, tmp_path: Path) -> None:
        part = FolderPart(str(folder))
        await part.save(copy("live"), spool)
        os.truncate(spool / "folder.tar", 100_000)
        with pytest.raises(OutsideError, match="could not be unpacked"):
            await part.restore(copy("sandbox", tmp_path / "back"), spool)

    async def test_a_full_spool(self, folder: Path) -> None:
        part = FolderPart(str(folder))
        with pytest.raises(OutsideError, match="could not be saved"):
            await part.save(copy("live"), PurePosixPath("/proc"))

    async def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        (obstacle,) = await FolderPart(str(tmp_path / "missing")).preflight(copy("live"))
        assert obstacle.what.endswith("missing is not there")

    async def test_a_program_that_is_not_there(self, folder: Path) -> None:
        part = FolderPart(str(folder), needs_programs=("tar", "no-such-tar"))
        assert [obstacle.what for obstacle in await part.preflight(copy("live"))] == ["no-such-tar is missing"]

    async def test_a_file_that_cannot_be_read(self, folder: Path) -> None:
        (folder / "deep" / "secret").touch(mode=0o000)
        somebody = LocalShell()
        if os.geteuid() == 0:
            for path in (folder, *list(folder.parents)[:-2]):
                path.chmod(0o755)
            somebody = LocalShell(hop=lambda argv: ("setpriv", "--reuid=65534", "--clear-groups", *argv))
        obstacles = await FolderPart(str(folder)).preflight(copy("live", shell=somebody))
        assert "cannot be read" in obstacles[0].what


names = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=5)
entries = st.lists(
    st.builds(
        Entry,
        path=st.lists(names, min_size=1, max_size=3).map("/".join),
        type=st.sampled_from("fdl"),
        mode=st.sampled_from(["644", "755"]),
        size=st.integers(0, 9),
        modified=st.floats(0, 2e9),
        target=names,
        stamp=st.just(("0", "0")),
    ),
    unique_by=lambda entry: entry.path,
)


@given(entries, st.randoms(use_true_random=False))
def test_a_census_does_not_depend_on_order(found: list[Entry], random: object) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert take_census("x", AT, found, {}) == take_census("x", AT, shuffled, {})
    assert sum(tally.count for tally in take_census("x", AT, found, {}).tallies.values()) == len(found)


@given(st.lists(st.sampled_from(["/srv/www", "/srv-www", "/Srv/WWW", "/", "/ä", "/ö", "/a", "/A", "/a-2"]), max_size=6))
def test_the_parts_of_several_folders_can_be_told_apart(folders: list[str]) -> None:
    parts = list(folder_parts(folders))
    assert len({part.name for part in parts}) == len(parts)


async def test_what_is_made_anew_is_left_out(folder: Path, spool: PurePosixPath, tmp_path: Path) -> None:
    (folder / "locks").mkdir()
    (folder / "locks" / "master.lck").write_text("1")
    (folder / "locks" / "deep").mkdir()
    part = FolderPart(str(folder), without=("locks", "no-such-folder"))
    saved = await part.save(copy("live"), spool)
    (folder / "locks" / "master.lck").write_text("another")
    await part.restore(copy("sandbox", tmp_path / "back"), spool)
    assert saved.tallies["locks"].count == 1
    assert saved.difference(await part.census(copy("sandbox", tmp_path / "back"))) == []
    assert list((tmp_path / "back" / str(folder)[1:] / "locks").iterdir()) == []
    assert FolderPart(str(folder)).without == ()
