"""A dump by a command of one's own: believed only if everything agrees, and loaded only where that can be."""

from __future__ import annotations

import hashlib
import os
import shlex
from dataclasses import replace
from datetime import timedelta
from pathlib import Path, PurePosixPath

import pytest
from pydantic import ValidationError

from kedge.adapters.local import LocalShell, LocalSite
from kedge.adapters.login import LoginNet, LoginShell, LoginSite
from kedge.errors import OutsideError, Refused, UsageError
from kedge.kinds.compose import Compose
from kedge.kinds.files import Files
from kedge.kinds.named import Other
from kedge.kinds.saving import parts_of, programs_of
from kedge.model.checksums import read_sums
from kedge.model.instance import Instance, Mode, Part
from kedge.parts.command import CommandPart, PlacedCommandPart


def copy(mode: Mode = "live", data: Path = Path("/"), *, runs: bool = True) -> Instance:
    return Instance(mode, LocalSite(), {}, PurePosixPath(data), runs=runs)


@pytest.fixture
def spool(tmp_path: Path) -> PurePosixPath:
    (tmp_path / "spool").mkdir()
    return PurePosixPath(tmp_path / "spool")


async def test_its_standard_output_is_the_dump(spool: PurePosixPath, tmp_path: Path) -> None:
    part = CommandPart("board", "printf 'Größe\\nEnde\\n'", ends_with="Ende")
    assert await part.preflight(copy()) == []
    census = await part.save(copy(), spool)
    tally = census.tallies["dump"]
    text = "Größe\nEnde\n".encode()
    assert (tally.count, tally.size_bytes, tally.digest) == (2, len(text), hashlib.sha256(text).hexdigest())
    assert sorted(os.listdir(spool)) == ["SHA256SUMS", "dump"]
    assert read_sums((tmp_path / "spool" / "SHA256SUMS").read_bytes()) == {"dump": tally.digest}
    assert os.stat(spool / "dump").st_mode & 0o077 == 0


async def test_behind_a_login_it_is_the_same(spool: PurePosixPath, tmp_path: Path) -> None:
    far = LoginShell((lambda argv: ("sh", "-c", shlex.join(argv)),))
    at = Instance("live", LoginSite(far, LoginNet(far)), {})
    count = "awk '{ print $1, NR }'"
    part = CommandPart("board", "printf 'a\\nb\\n' | cat", f"cat > {tmp_path}/back", count)
    assert await part.preflight(at) == []
    census = await part.save(at, spool)
    assert {name: tally.count for name, tally in census.tallies.items()} == {"dump": 2, "a": 1, "b": 2}
    await part.restore(replace(at, mode="target"), spool)
    assert (tmp_path / "back").read_text() == "a\nb\n"
    for command, said in (("echo x; exit 255", "exit code 121"), ("echo x; sleep 9", "not done after")):
        with pytest.raises(OutsideError, match=said):
            await replace(part, command=command, limit=timedelta(seconds=1)).save(at, spool)
    gone = LoginShell((lambda argv: ("sh", "-c", "echo 'row Geheim-1, then Connection reset' >&2; exit 255"),))
    with pytest.raises(OutsideError) as refused:
        await part.save(Instance("live", LoginSite(gone, LoginNet(gone)), {}), spool)
    assert refused.value.message.endswith("the login failed, Connection reset")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("echo half; exit 3", "exit code 3"),
        ("echo half; exit 255", "exit code 121"),
        ("false | cat; echo more", "exit code 1"),
        ("{ echo half; exit 7; } | cat", "exit code 7"),
        ("echo one; false; echo two", "exit code 1"),
        ("no-such-program --now", "not found (exit code 127)"),
        ("echo 'x", "exit code 2"),
        ("true", "is empty"),
        ("echo; echo cut off here", "'Ende' does not stand in its last line"),
        ("echo Ende; kill -9 $$", "failed"),
    ],
)
async def test_what_is_not_whole_is_no_dump(command: str, said: str, spool: PurePosixPath) -> None:
    part = CommandPart("board", command, ends_with="" if "empty" in said else "Ende")
    with pytest.raises(OutsideError, match="board") as refused:
        await part.save(copy(), spool)
    assert said in refused.value.message


async def test_what_it_complains_is_shown_only_where_it_holds_no_data(spool: PurePosixPath) -> None:
    for said in ("INSERT INTO people VALUES ('anna', 'Geheim-1')", "Permission denied for 'Geheim-1'"):
        with pytest.raises(OutsideError) as refused:
            await CommandPart("board", f'echo "{said}" >&2; exit 1').save(copy(), spool)
        assert "Geheim" not in refused.value.message + refused.value.hint
    assert "Permission denied (exit code 1)" in refused.value.message


async def test_one_that_never_ends_is_killed(spool: PurePosixPath, tmp_path: Path) -> None:
    part = CommandPart("board", f"echo begun; sleep 60; touch {tmp_path}/late", limit=timedelta(seconds=1))
    with pytest.raises(OutsideError, match=r"killed: not done after 0:00:01"):
        await part.save(copy(), spool)


async def test_a_full_disk_is_told(tmp_path: Path) -> None:
    (tmp_path / "dump").symlink_to("/dev/full")
    with pytest.raises(OutsideError, match="No space left on device"):
        await CommandPart("board", "echo something").save(copy(), PurePosixPath(tmp_path))


async def test_an_empty_one_is_right_if_that_is_said(spool: PurePosixPath) -> None:
    census = await CommandPart("board", "true", may_be_empty=True).save(copy(), spool)
    assert census.tallies["dump"].count == 0


async def test_it_is_loaded_and_counted_again(spool: PurePosixPath, tmp_path: Path) -> None:
    live, back = tmp_path / "live", tmp_path / "back"
    live.write_text("a\nb\nb\n")
    count = "sort | uniq -c | awk '{ print $2, $1 }'"
    saved = await CommandPart("board", f"cat {live}", count=count).save(copy(), spool)
    assert {name: tally.count for name, tally in saved.tallies.items()} == {"dump": 3, "a": 1, "b": 2}
    part = CommandPart("board", f"cat {back}", f"cat > {back}", count)
    await part.restore(copy("target"), spool)
    assert saved.difference(await part.recount(copy("target"), spool)) == []
    back.write_text("a\nb\n")
    assert saved.difference(await part.recount(copy("target"), spool)) == ["b: 2 -> 1 entries"]


@pytest.mark.parametrize("count", ["echo", "true", "echo entries = 12", "echo entries many", "exit 1"])
async def test_a_count_that_counts_nothing_is_refused(count: str, spool: PurePosixPath) -> None:
    with pytest.raises(OutsideError, match="counts board"):
        await CommandPart("board", "echo x", count=count).save(copy(), spool)


async def test_a_load_that_fails_and_one_that_nobody_may_do(spool: PurePosixPath, tmp_path: Path) -> None:
    part = CommandPart("board", "echo x", "cat >/dev/null; echo 'row Geheim-1' >&2; exit 4")
    await part.save(copy(), spool)
    with pytest.raises(OutsideError, match="could not be loaded: exit code 4"):
        await part.restore(copy("target"), spool)
    with pytest.raises(Refused, match="live"):
        await part.restore(copy("live"), spool)
    with pytest.raises(Refused, match="nothing says how"):
        await CommandPart("board", "echo x").restore(copy("target"), spool)
    with pytest.raises(OutsideError, match="cut off"):
        await replace(part, ends_with="y").restore(copy("target"), spool)


async def test_a_folder_that_is_filled_must_be_empty(spool: PurePosixPath, tmp_path: Path) -> None:
    folder = tmp_path / "filled"
    part = PlacedCommandPart("board", "echo x", f"cat > {folder}/file", into=str(folder))
    await part.save(copy(), spool)
    await part.restore(copy("target"), spool)
    assert (folder / "file").read_text() == "x\n"
    with pytest.raises(Refused, match="not empty"):
        await part.restore(copy("target"), spool)


@pytest.mark.parametrize(
    ("part", "at", "is_loaded"),
    [
        (CommandPart("d", "x"), copy("target"), False),
        (CommandPart("d", "x", "y", needs_running=True), copy("target"), True),
        (CommandPart("d", "x", "y"), copy("target", Path("/srv/back")), False),
        (CommandPart("d", "x", "y", needs_running=True), copy("sandbox"), True),
        (CommandPart("d", "x", "y", needs_running=True), copy("sandbox", runs=False), False),
        (CommandPart("d", "x", "y"), copy("sandbox", runs=False), True),
        (CommandPart("d", "x", "y", enter=("env",)), copy("sandbox"), False),
        (CommandPart("d", "x", "y", enter=("env",)), copy("target"), True),
    ],
)
def test_where_it_is_loaded(part: CommandPart, at: Instance, is_loaded: bool) -> None:
    assert part.is_loaded(at) is is_loaded


async def test_what_is_missing_is_an_obstacle(tmp_path: Path) -> None:
    (obstacle,) = await CommandPart("d", "exec no-such-program --all").preflight(copy())
    assert obstacle.what == "no-such-program is missing"
    assert await CommandPart("d", "LANG=C exec no-such-program").preflight(copy()) == []  # not a plain word
    closed = CommandPart("d", "cat", enter=("sh", "-c", "echo 'the container db does not run' >&2; exit 255"))
    (obstacle,) = await closed.preflight(copy())
    assert obstacle.what == "the container db does not run"
    (tmp_path / "sh").symlink_to("/bin/dash")
    without_bash = Instance("live", LocalSite(LocalShell(env={"PATH": str(tmp_path)})), {})
    (obstacle,) = await CommandPart("d", "echo x | cat").preflight(without_bash)
    assert "no shell there says when" in obstacle.what
    assert await CommandPart("d", "echo x || echo y").preflight(without_bash) == []


def of(service: Files | Other | Compose) -> dict[str, Part]:
    return {part.name: part for part in parts_of(service)}


def test_a_few_characters_of_inventory_are_enough() -> None:
    service = Other.model_validate({"dumps": {"directory": "slapcat -n 1"}})
    part = of(service)["directory"]
    assert isinstance(part, CommandPart)
    assert (part.command, part.load, part.needs_running) == ("slapcat -n 1", "", False)
    assert list(programs_of(service)) == []


def test_the_long_form_says_the_rest() -> None:
    fields = {"save": "a", "load": "b -x", "count": "c", "ends-with": "d", "into": "/srv/x", "limit": "2h"}
    service = Files.model_validate({"paths": "/srv/share", "dumps": {"board": {**fields, "needs-running": "no"}}})
    part = of(service)["board"]
    assert isinstance(part, PlacedCommandPart)
    assert (part.load, part.count, part.ends_with, part.into) == ("b -x", "c", "d", "/srv/x")
    assert (part.limit, part.needs_running) == (timedelta(hours=2), False)
    assert list(programs_of(service)) == ["b"]
    assert set(of(service)) == {"srv-share", "board"}


def test_two_parts_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="two parts are called 'srv-share'"):
        of(Files.model_validate({"paths": "/srv/share", "dumps": {"srv-share": "true"}}))


def test_a_backup_made_by_others_has_no_dumps_of_ours() -> None:
    foreign = {"to": "store", "made-by": "other"}
    service = Other.model_validate({"paths": "/srv/board", "dumps": {"board": "true"}, "save": foreign})
    assert set(of(service)) == {"srv-board"}


@pytest.mark.parametrize(
    "command",
    [
        "x --api-token geheim",
        "mysqldump --password=geheim all",
        "mysqldump --password geheim all",
        "PGPASSWORD=geheim pg_dump x",
        "redis-cli --pass 'geheim' --rdb -",
        "mongodump mongodb://root:geheim@db/ --archive",
        "",
    ],
)
def test_a_password_or_nothing_is_no_command(command: str) -> None:
    with pytest.raises(ValidationError, match="expected a command"):
        Other.model_validate({"dumps": {"all": command}})


@pytest.mark.parametrize(
    "command",
    ["MYSQL_PWD=$MYSQL_ROOT_PASSWORD exec mysqldump -u root x", 'x --password="$(cat /run/secrets/x)"', "pass"],
)
def test_a_password_from_elsewhere_is_none(command: str) -> None:
    assert Other.model_validate({"dumps": {"all": command}}).dumps["all"].save == command


def test_in_a_container_the_files_of_a_dumped_server_are_not_saved() -> None:
    told = {
        "project": "club", "volumes": {"index": "index", "uploads": "app", "both": "app, index"},
        "databases": {"index": "mongo all"}, "dumps": {"index": {"in": "index", "save": "exec mongodump --archive"}},
    }  # fmt: skip
    parts = of(Compose.model_validate(told))
    assert set(parts) == {"index", "volume-uploads"}
    part = parts["index"]
    assert isinstance(part, CommandPart)
    assert part.enter[4:6] == ("club", "index")
    assert part.instead_of == ("index", "both")
    without: dict[str, object] = {**told, "dumps": {}}
    assert len(of(Compose.model_validate(without))) == 3
