"""The stub under which commands run behind a login, with `sh` in the place of ssh."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.adapters.local import LocalShell, LocalSite
from kedge.adapters.login import STUB, LoginNet, LoginShell, enter, read_login
from kedge.errors import OutsideError, UsageError
from kedge.model.ports import Address

LIMIT = timedelta(seconds=20)
# What ssh does with a command: one text, read by the far user's shell.
SHELL = LoginShell((lambda argv: ("sh", "-c", shlex.join(argv)),))


@given(st.lists(st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",))), max_size=3))
def test_arguments_arrive_as_they_are(words: list[str]) -> None:
    ended = asyncio.run(SHELL.run(("printf", r"%s\0", "x", *words), limit=LIMIT))
    assert ended.stdout.decode().split("\0")[:-1] == ["x", *words]


@pytest.mark.parametrize("data", [b"", b"\0\xff\n", b"x" * 300_000])
async def test_input_arrives_whole(data: bytes) -> None:
    ended = await SHELL.run(("cat",), stdin=data, limit=LIMIT)
    assert (ended.code, ended.stdout) == (0, data)


@pytest.mark.parametrize(("code", "seen"), [(0, 0), (3, 3), (255, 121)])
async def test_exit_codes_are_the_commands_own(code: int, seen: int) -> None:
    assert (await SHELL.run(("sh", "-c", f"echo hm >&2; exit {code}"), limit=LIMIT)).code == seen


async def test_a_login_that_fails_is_unknown() -> None:
    ended = await LoginShell((lambda argv: ("sh", "-c", "echo Connection refused >&2; exit 255"),)).run(
        ("true",), limit=LIMIT
    )
    assert ended.code is None
    assert b"Connection refused" in ended.stderr


async def test_a_limit_ends_the_command_there(tmp_path: Path) -> None:
    script = f"sleep 60 & echo $! > {tmp_path}/pid; wait"
    ended = await SHELL.run(("sh", "-c", script), limit=timedelta(seconds=1))
    assert ended.code is None
    assert b"not done after" in ended.stderr
    assert is_gone(int((tmp_path / "pid").read_text()))


def is_gone(pid: int) -> bool:
    for _ in range(200):
        try:
            if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


KILLED = """
import asyncio, sys
from datetime import timedelta
from tests.unit.adapters.test_login import SHELL
asyncio.run(SHELL.run(("sh", "-c", f"echo $$ > {sys.argv[1]}/pid; exec sleep 60"), limit=timedelta(seconds=60)))
"""


def test_the_command_ends_when_kedge_is_killed(tmp_path: Path) -> None:
    kedge = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], env={**os.environ, "PYTHONPATH": os.getcwd()}
    )
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        time.sleep(0.02)
    kedge.send_signal(signal.SIGKILL)
    kedge.wait()
    assert is_gone(int((tmp_path / "pid").read_text()))


async def test_nothing_is_left_of_the_stub() -> None:
    def left() -> set[str]:
        return {name for name in os.listdir("/dev/shm") if name.startswith("kedge.")}

    before = left()
    await SHELL.run(("true",), stdin=b"secret", limit=LIMIT)
    assert left() <= before


def test_nothing_is_left_when_nobody_listens_any_more(tmp_path: Path) -> None:
    """At whatever moment the login is cut: no folder with what was read, no command that goes on."""
    environ = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    argv = ("sh", "-c", STUB, "kedge", "300", "6", "sh", "-c", f"cd {tmp_path} && sleep 250 && echo x")
    for moment in range(40):
        stub = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ
        )
        assert stub.stdin and stub.stdout and stub.stderr  # noqa: PT018 - for the type checker
        stub.stdin.write(b"secret")
        stub.stdin.flush()
        time.sleep(moment / 1000)
        for pipe in (stub.stderr, stub.stdout, stub.stdin):
            pipe.close()
        stub.wait()
    assert os.listdir(tmp_path) == []
    assert not [pid for pid in Path("/proc").glob("[0-9]*") if str(tmp_path).encode() in words_of(pid)]


def words_of(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


async def test_files_are_copied_and_compared(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(os.urandom(200_000))
    await SHELL.put(tmp_path / "a", PurePosixPath(tmp_path / "b b"))
    await SHELL.get(PurePosixPath(tmp_path / "b b"), tmp_path / "c")
    assert (tmp_path / "c").read_bytes() == (tmp_path / "a").read_bytes()
    with pytest.raises(OutsideError, match="could not copy"):
        await SHELL.get(PurePosixPath(tmp_path / "nothing"), tmp_path / "d")


class TestLogins:
    def test_local(self) -> None:
        assert isinstance(enter("local", LocalShell()), LocalSite)

    def test_hops_come_outermost_first(self) -> None:
        shell = LoginShell(read_login("ssh -p 2222 kedge@web1.example.org, sudo, docker exec wiki"))
        argv = list(shell._hopped(("echo", "a b")))
        assert argv[0] == "ssh"
        assert argv[-4:] == ["2222", "--", "kedge@web1.example.org", "sudo -n -- docker exec -i wiki echo 'a b'"]

    @pytest.mark.parametrize(
        "login",
        ["telnet web1", "ssh", "ssh -oProxyCommand=evil web1", "ssh -p", "ssh web1 reboot", "docker exec -it x"],
    )
    def test_others_are_refused(self, login: str) -> None:
        with pytest.raises(UsageError, match="login"):
            read_login(login)


def has_children() -> bool:
    """Whether a child runs, or asyncio, which waits for each in a thread, has not heard of its end."""
    running = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return bool(running) or any("waitpid" in thread.name for thread in threading.enumerate())


class TestConnections:
    async def test_one_is_carried_both_ways_and_ends_with_either_side(self) -> None:
        net = LoginNet(SHELL)
        ended = asyncio.Event()

        async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while line := await reader.readline():
                writer.write(line.upper())
                if line == b"bye\n":
                    break
            writer.close()
            ended.set()

        server = await asyncio.start_server(shout, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, asyncio.timeout(20):
            for last in (b"bye\n", b""):
                ended.clear()
                sock = await net.connect(Address("127.0.0.1", port), limit=LIMIT)
                reader, writer = await asyncio.open_connection(sock=sock)
                writer.write(b"x" * 30_000 + b"\n" + last)
                assert await reader.readline() == b"X" * 30_000 + b"\n"
                if last:
                    assert await reader.read() == b"BYE\n"
                writer.close()
                await ended.wait()
                while has_children():  # noqa: ASYNC110 - processes
                    await asyncio.sleep(0.01)

    async def test_nobody_there_a_login_that_fails_and_one_that_hangs(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        with pytest.raises(ConnectionRefusedError, match="nobody answers"):
            await LoginNet(SHELL).connect(Address("127.0.0.1", port), limit=LIMIT)
        failing = LoginShell((lambda argv: ("sh", "-c", "echo Permission denied >&2; exit 255"),))
        with pytest.raises(OutsideError, match="the login failed: Permission denied"):
            await LoginNet(failing).connect(Address("127.0.0.1", port), limit=LIMIT)
        missing = LoginShell((lambda argv: ("no-such-program",),))
        with pytest.raises(OutsideError, match="could not be run"):
            await LoginNet(missing).connect(Address("127.0.0.1", port), limit=LIMIT)
        hanging = LoginShell((lambda argv: ("sh", "-c", "cat >/dev/null"),))
        with pytest.raises(TimeoutError):
            await LoginNet(hanging).connect(Address("127.0.0.1", port), limit=timedelta(seconds=0.5))
        with pytest.raises(OutsideError, match="no connection to the socket"):
            await LoginNet(SHELL).connect(Address("/run/x.sock"), limit=LIMIT)
