"""Commands on this machine: their ends, their limits, their children."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path, PurePosixPath

import pytest

from kedge.adapters.local import STDOUT_LIMIT_BYTES, LocalNet, LocalShell, LocalSite
from kedge.errors import OutsideError
from kedge.model.ports import Address, Site

LONG = timedelta(seconds=60)
SHORT = timedelta(seconds=0.3)


def is_alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


async def until(condition: Callable[[], bool]) -> bool:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - it is another process that makes it true
            await asyncio.sleep(0.01)
    return True


async def gone(pid: int) -> bool:
    return await until(lambda: not is_alive(pid))


class TestRun:
    async def test_what_it_said_and_how_it_ended(self) -> None:
        ended = await LocalShell().run(("sh", "-c", "cat; echo oops >&2; exit 3"), stdin=b"in\0put", limit=LONG)
        assert (ended.code, ended.stdout, ended.stderr) == (3, b"in\0put", b"oops\n")

    async def test_input_where_no_file_can_be_in_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As on macOS."""
        monkeypatch.delattr(os, "memfd_create")
        assert (await LocalShell().run(("cat",), stdin=b"in\0put", limit=LONG)).stdout == b"in\0put"

    async def test_arguments_pass_through_no_shell(self) -> None:
        odd = "$(id) `id` 'x' \"y\" \n ü *"
        assert (await LocalShell().run(("printf", "%s", odd), limit=LONG)).stdout == odd.encode()

    async def test_what_does_not_exist_never_ran(self) -> None:
        ended = await LocalShell().run(("no-such-program",), limit=LONG)
        assert ended.code is None
        assert b"no-such-program could not be run" in ended.stderr

    async def test_a_limit_ends_its_children_too(self) -> None:
        shell = LocalShell()
        ended = await shell.run(("sh", "-c", "sleep 1000 & wait"), limit=SHORT)
        assert ended.code is None
        assert b"killed" in ended.stderr

    async def test_children_do_not_outlive_a_limit(self, tmp_path: Path) -> None:
        note = tmp_path / "pid"
        await LocalShell().run(("sh", "-c", f"sleep 1000 & echo $! > {note}; wait"), limit=timedelta(seconds=1))
        assert await gone(int(note.read_text()))

    async def test_a_child_left_behind_does_not_hold_it_up(self, tmp_path: Path) -> None:
        note = tmp_path / "pid"
        ended = await LocalShell().run(("sh", "-c", f"sleep 1000 & echo $! > {note}; echo done"), limit=LONG)
        assert (ended.code, ended.stdout) == (0, b"done\n")
        assert await gone(int(note.read_text()))

    async def test_cancelling_ends_it(self, tmp_path: Path) -> None:
        note = tmp_path / "pid"
        running = asyncio.create_task(LocalShell().run(("sh", "-c", f"echo $$ > {note}; exec sleep 1000"), limit=LONG))
        await until(lambda: note.exists() and note.read_text() != "")
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert await gone(int(note.read_text()))

    async def test_an_answer_that_never_ends_is_cut_off_and_not_taken_for_one(self) -> None:
        ended = await LocalShell().run(("yes",), limit=LONG)
        assert ended.code is None
        assert str(STDOUT_LIMIT_BYTES).encode() in ended.stderr

    async def test_only_the_end_of_what_it_complains_is_kept(self) -> None:
        ended = await LocalShell().run(("sh", "-c", "yes no | head -c 1000000 >&2; echo end >&2"), limit=LONG)
        assert ended.stderr.endswith(b"end\n")
        assert len(ended.stderr) <= 65536

    async def test_it_may_leave_its_input_unread(self) -> None:
        assert (await LocalShell().run(("true",), stdin=b"x" * 10_000_000, limit=LONG)).code == 0


class TestStart:
    async def test_it_runs_as_long_as_the_context(self, tmp_path: Path) -> None:
        note = tmp_path / "pid"
        async with LocalShell().start(("sh", "-c", f"echo ready; echo $$ > {note}; exec sleep 1000")):
            await until(lambda: note.exists() and note.read_text() != "")
            assert is_alive(pid := int(note.read_text()))
        assert await gone(pid)

    async def test_one_that_ignores_the_signal_is_killed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("kedge.adapters.local.GRACE_S", 0.1)
        async with LocalShell().start(("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done")) as running:
            await until(lambda: "ready" in running.output())
            ending = asyncio.create_task(running.exit())
        assert (await ending).code == -9

    async def test_its_end_can_be_waited_for(self) -> None:
        async with LocalShell().start(("sh", "-c", "echo no config; exit 78")) as running:
            ended = await running.exit()
            assert ended.code == 78
            assert ended.stdout == b"no config\n"

    async def test_what_does_not_exist_cannot_be_started(self) -> None:
        with pytest.raises(OutsideError, match="no-such-program could not be run"):
            async with LocalShell().start(("no-such-program",)):
                pass


class TestCopy:
    async def test_there_and_back(self, tmp_path: Path) -> None:
        source = tmp_path / "source"
        source.write_bytes(os.urandom(300_000))
        await LocalShell().put(source, PurePosixPath(tmp_path / "- there ü"))
        await LocalShell().get(PurePosixPath(tmp_path / "- there ü"), tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == source.read_bytes()

    async def test_what_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(OutsideError, match="No such file"):
            await LocalShell().get(PurePosixPath(tmp_path / "nothing"), tmp_path / "back")

    async def test_a_full_disk(self, tmp_path: Path) -> None:
        (tmp_path / "source").write_bytes(b"x" * 100_000)
        with pytest.raises(OutsideError, match="No space left"):
            await LocalShell().put(tmp_path / "source", PurePosixPath("/dev/full"))

    async def test_a_copy_that_is_cut_short_on_its_way_is_noticed(self, tmp_path: Path) -> None:
        (tmp_path / "source").write_bytes(b"x" * 100_000)
        cutting = LocalShell(hop=lambda argv: ("sh", "-c", 'head -c 5 | "$@"', "sh", *argv))
        with pytest.raises(OutsideError, match="differs"):
            await cutting.put(tmp_path / "source", PurePosixPath(tmp_path / "there"))


class TestNet:
    async def test_by_address_name_and_path(self, tmp_path: Path) -> None:
        path = str(tmp_path / "s")
        with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
            local.bind(path)
            local.listen()
            port = server.getsockname()[1]
            for to in (Address("127.0.0.1", port), Address("localhost", port), Address(path)):
                with await LocalNet().connect(to, limit=LONG) as sock:
                    assert not sock.getblocking()

    async def test_refused(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as unused:
            port = unused.getsockname()[1]
        with pytest.raises(ConnectionRefusedError):
            await LocalNet().connect(Address("127.0.0.1", port), limit=LONG)

    async def test_a_full_queue_ends_with_the_limit(self) -> None:
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            server.listen(0)
            to = Address(*server.getsockname())
            with socket.create_connection((to.host, to.port)), pytest.raises(TimeoutError):
                await connect_often(to)


async def connect_often(to: Address) -> None:
    """Connect until the queue of the server is full; what was connected is closed at the end."""
    with ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(await LocalNet().connect(to, limit=SHORT))


def test_this_machine_is_a_site() -> None:
    assert isinstance(LocalSite(), Site)
