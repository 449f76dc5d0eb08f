"""The sandbox: nothing gets out, nothing gets in but its own connections, and nothing outlives it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from kedge.adapters.bubblewrap import Bubblewrap, Limits
from kedge.errors import OutsideError
from kedge.model.ports import Address, Exit, Sandbox, Site

pytestmark = pytest.mark.usefixtures("bwrap")
LONG = timedelta(seconds=60)
WEB = ("python3", "-m", "http.server", "8080", "--bind", "127.0.0.1", "--directory", "/drill")


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A folder that others may pass, unlike the one of the tests."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o711)
        yield Path(folder)


async def run(site: Site, script: str, limit: timedelta = LONG) -> Exit:
    return await site.shell.run(("sh", "-c", script), limit=limit)


async def connect_when_ready(site: Site, to: Address) -> socket.socket:
    async with asyncio.timeout(30):
        while True:
            try:
                return await site.net.connect(to, limit=LONG)
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)


async def test_it_fits_its_port() -> None:
    box: Sandbox = Bubblewrap()
    async with box.open() as site:
        assert isinstance(site, Site)


def own_tasks() -> int:
    """How many tasks this user has: the kernel counts them all where a user may have so many. Root has no limit."""
    own, tasks = str(os.getuid()), 0
    for status in Path("/proc").glob("[0-9]*/status") if os.getuid() else ():
        with contextlib.suppress(OSError):
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
            tasks += int(fields["Threads"]) if fields["Uid"].split()[0] == own else 0
    return tasks


class TestNothingGetsOut:
    @pytest.mark.parametrize("path", ["/usr/x", "/bin/x", "/dev/x", "/etc/passwd", "/etc/ssl/certs/x", "/proc/x"])
    async def test_nothing_of_the_host_is_writable(self, path: str) -> None:
        async with Bubblewrap().open() as site:
            assert (await run(site, f"echo > {path}")).code != 0
            assert (
                await run(site, "echo > /tmp/x && echo > /drill/x && mkdir -p /srv/www /etc/own && echo > /etc/own/x")
            ).code == 0

    async def test_the_hosts_secrets_and_people_are_not_there(self) -> None:
        async with Bubblewrap().open() as site:
            seen = (await run(site, "ls -a / /etc /home /root /var 2>&1; cat /etc/shadow 2>&1")).stdout
            assert b"root:x" not in seen
            assert b"cannot access '/home'" in seen
            assert b"cannot access '/var'" in seen
            assert b"shadow" not in seen.replace(b"/etc/shadow: No such file", b"")

    async def test_tmp_is_private(self, tmp_path: Path) -> None:
        async with Bubblewrap().open() as one, Bubblewrap().open() as other:
            await run(one, "echo > /tmp/mine")
            assert (await run(other, "ls /tmp")).stdout == b""
            assert not (Path("/tmp") / "mine").exists()

    async def test_there_is_no_network_beyond_itself(self) -> None:
        async with Bubblewrap().open() as site:
            devices = (await run(site, "tail -n +3 /proc/net/dev | cut -d: -f1")).stdout.split()
            assert devices == [b"lo"]
            with pytest.raises(OSError, match="unreachable"):
                await site.net.connect(Address("192.0.2.1", 80), limit=LONG)

    async def test_the_hosts_own_loopback_is_not_its_own(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            async with Bubblewrap().open() as site:
                with pytest.raises(ConnectionRefusedError):
                    await site.net.connect(Address("127.0.0.1", server.getsockname()[1]), limit=LONG)

    async def test_it_has_no_power(self) -> None:
        async with Bubblewrap().open() as site:
            status = (await run(site, "grep -E '^(CapEff|CapPrm|NoNewPrivs|Uid)' /proc/self/status")).stdout
            words = {line.split()[0]: line.split()[1] for line in status.decode().splitlines()}
            assert words == {"Uid:": "1000", "CapPrm:": "0" * 16, "CapEff:": "0" * 16, "NoNewPrivs:": "1"}

    @pytest.mark.parametrize("path", ["/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger"])
    async def test_the_kernel_cannot_be_reached_through_it(self, path: str) -> None:
        async with Bubblewrap().open() as site:
            opened = await site.shell.run(("python3", "-c", f"open({path!r}, 'r+b')"), limit=LONG)
            assert opened.code == 1
            assert b"Error" in opened.stderr

    async def test_it_sees_no_process_of_the_host(self) -> None:
        async with Bubblewrap().open() as site:
            pids = (await run(site, "ls -d /proc/[0-9]*")).stdout.split()
            assert len(pids) < 8

    async def test_names_are_not_resolved(self) -> None:
        async with Bubblewrap().open() as site:
            with pytest.raises(OutsideError, match="resolves no names"):
                await site.net.connect(Address("www.example.org", 80), limit=LONG)


class TestInside:
    async def test_a_server_in_it_can_be_reached_from_here_and_not_otherwise(self) -> None:
        async with Bubblewrap().open() as site:
            await run(site, "echo inside > /drill/page")
            async with site.shell.start(WEB):
                sock = await connect_when_ready(site, Address("localhost", 8080))
                reader, writer = await asyncio.open_connection(sock=sock)
                writer.write(b"GET /page HTTP/1.0\r\n\r\n")
                assert (await reader.read()).endswith(b"inside\n")
                writer.close()
                with pytest.raises(ConnectionRefusedError):
                    socket.create_connection(("127.0.0.1", 8080))

    async def test_ipv6_and_a_socket_in_the_file_system(self) -> None:
        serve = (
            "import socket,os\n"
            "a = socket.create_server(('::1', 8081), family=socket.AF_INET6)\n"
            "b = socket.socket(socket.AF_UNIX); b.bind('/drill/s'); b.listen()\n"
            "open('/drill/ready', 'w').close()\n"
            "a.accept()[0].send(b'six'); b.accept()[0].send(b'path')\n"
        )
        async with Bubblewrap().open() as site, site.shell.start(("python3", "-c", serve)):
            with await connect_when_ready(site, Address("::1", 8081)) as sock:
                assert await asyncio.get_running_loop().sock_recv(sock, 9) == b"six"
            with await site.net.connect(Address("/drill/s"), limit=LONG) as sock:
                assert await asyncio.get_running_loop().sock_recv(sock, 9) == b"path"

    async def test_many_connections_at_once(self) -> None:
        async with Bubblewrap().open() as site, site.shell.start(WEB):
            (await connect_when_ready(site, Address("127.0.0.1", 8080))).close()
            to = Address("127.0.0.1", 8080)
            for sock in await asyncio.gather(*(site.net.connect(to, limit=LONG) for _ in range(50))):
                sock.close()

    @pytest.mark.parametrize(
        ("limits", "script"),
        [
            (Limits(memory_bytes=300 * 2**20), "python3 -c 'bytearray(2**30)'"),
            (Limits(file_bytes=10_000), "head -c 20000 /dev/zero > /drill/x"),
            (Limits(tmp_bytes=1 << 20), "head -c 2000000 /dev/zero > /tmp/x"),
            (Limits(open_files=16), "python3 -c 'f = [open(\"/dev/null\") for _ in range(20)]'"),
        ],
        ids=["memory", "file", "tmp", "descriptors"],
    )  # fmt: skip
    async def test_limits(self, limits: Limits, script: str) -> None:
        async with Bubblewrap(limits=limits).open() as site:
            assert (await run(site, script)).code != 0

    async def test_a_limit_of_processes(self) -> None:
        async with Bubblewrap(limits=Limits(processes=own_tasks() + 100)).open() as site:
            assert (await run(site, "for i in $(seq 300); do sleep 3 & done")).code != 0

    async def test_a_limit_of_time_ends_a_command_in_it(self) -> None:
        async with Bubblewrap().open() as site:
            assert (await run(site, "sleep 1000 & wait", timedelta(seconds=0.5))).code is None
            assert b"sleep" not in (await run(site, "cat /proc/[0-9]*/stat | grep -v Z | cut -d' ' -f2")).stdout

    async def test_files_go_in_and_out(self, tmp_path: Path) -> None:
        (tmp_path / "in").write_bytes(os.urandom(100_000))
        async with Bubblewrap().open() as site:
            await site.shell.put(tmp_path / "in", Bubblewrap.root / "there")
            await site.shell.get(Bubblewrap.root / "there", tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == (tmp_path / "in").read_bytes()


def processes_with(word: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if (
                entry.name.isdigit()
                and word.encode() in (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
            ):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


class TestNothingOutlivesIt:
    async def test_its_folder_and_processes_go_with_it(self, scratch: Path) -> None:
        async with Bubblewrap(scratch=scratch).open() as site:
            await run(site, "mkdir -p /drill/a/b && touch /drill/a/b/c && chmod 000 /drill/a/b /drill/a")
            up = "setsid sh -c 'echo > /tmp/up; exec sleep 4242' >/dev/null 2>&1 &"
            await run(site, f"{up} until [ -e /tmp/up ]; do sleep 0.05; done")
            assert processes_with("4242")
        assert os.listdir(scratch) == []
        assert processes_with("4242") == []

    async def test_an_error_inside_the_context_closes_it(self, scratch: Path) -> None:
        with pytest.raises(ZeroDivisionError):
            async with Bubblewrap(scratch=scratch).open():
                raise ZeroDivisionError
        assert os.listdir(scratch) == []

    async def test_it_dies_with_kedge(self, scratch: Path) -> None:
        """kill -9 leaves no time to clean up: the pipe and the parent's death do it."""
        code = (
            "import asyncio\nfrom pathlib import Path\nfrom kedge.adapters.bubblewrap import Bubblewrap\n"
            "async def main():\n"
            f"    async with Bubblewrap(scratch=Path({str(scratch)!r})).open() as site:\n"
            "        async with site.shell.start(('sleep', '4343')):\n"
            "            print('open', flush=True); await asyncio.sleep(1000)\n"
            "asyncio.run(main())\n"
        )
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        assert await process.stdout.readline() == b"open\n"
        inside: list[int] = []
        async with asyncio.timeout(20):
            while not inside:  # it is started, and takes a moment to be there
                inside = [pid for pid in processes_with("4343") if pid != process.pid]
                await asyncio.sleep(0.01)
        process.kill()
        await process.wait()
        async with asyncio.timeout(20):
            while set(processes_with("4343")) & set(inside):  # noqa: ASYNC110 - the kernel ends them
                await asyncio.sleep(0.05)


async def test_without_bubblewrap_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kedge.adapters.bubblewrap.ENV", {"PATH": "/nonexistent"})
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(OutsideError) as failure:
        async with Bubblewrap().open():
            pass
    assert "install bubblewrap" in failure.value.hint


@pytest.mark.skipif(os.getuid() != 0, reason="does not apply: only root can give a sandbox more than one user")
class TestUsers:
    """Run by root, a sandbox has users of its own: somebody inside, nobody outside."""

    async def test_its_root_becomes_others_and_owns_nothing_outside(self, scratch: Path) -> None:
        async with Bubblewrap(scratch=scratch).open() as site:
            root = site.root  # type: ignore[attr-defined]
            script = "chmod 755 / /etc; touch /drill/own; chown 33:33 /drill/own; stat -c %u:%g /drill/own; setpriv --reuid=33 id -u"
            ended = await root.run(("sh", "-ec", script), limit=LONG)
            assert ended.stdout.split() == [b"33:33", b"33"], ended.stderr
            (folder,) = os.listdir(scratch)
            outside = os.stat(scratch / folder / "drill" / "own")
            assert (outside.st_uid, outside.st_gid) == (0x7000_0000 + 33, 0x7000_0000 + 33)

    @pytest.mark.parametrize(
        "script", ["mount -t tmpfs none /mnt", "touch /usr/x", "date -s 2007-01-06", "mknod /x b 8 0"]
    )
    async def test_its_root_has_few_powers(self, script: str) -> None:
        async with Bubblewrap().open() as site:
            ended = await site.root.run(("sh", "-c", script), limit=LONG)  # type: ignore[attr-defined]
            assert ended.code not in (0, None)

    async def test_people_of_this_machine_are_not_shown(self) -> None:
        async with Bubblewrap().open() as site:
            ended = await site.shell.run(("cut", "-d:", "-f1,3", "/etc/passwd"), limit=LONG)
            users = dict(line.split(":") for line in ended.stdout.decode().split())
            assert {"root", "kedge", "nobody", "daemon"} <= users.keys()
            assert [name for name, uid in users.items() if int(uid) > 1000] == ["nobody"]
