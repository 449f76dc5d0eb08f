"""Real servers for a test: each in a folder of its own, on a port the kernel chose, ended with its context."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import socket
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import mkdtemp

READY_S = 60
NOBODY = 65534
POSTGRES = max(Path("/usr/lib/postgresql").glob("*/bin/initdb"), default=None)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def folder(owner: int = -1) -> Iterator[Path]:
    """Yield a folder that servers of other users can reach; pytest's own are closed to them."""
    path = Path(mkdtemp(prefix="kedge-test-"))
    try:
        path.chmod(0o755)
        if owner >= 0 and os.getuid() == 0:
            os.chown(path, owner, owner)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@asynccontextmanager
async def running(argv: Sequence[str], ready: Callable[[], Awaitable[bool]], log: Path) -> AsyncIterator[Process]:
    """Yield a server once it is ready; it is killed with everything it started, stopped or not."""
    with log.open("wb") as said:
        process = await asyncio.create_subprocess_exec(*argv, stdout=said, stderr=said, start_new_session=True)
    try:
        async with asyncio.timeout(READY_S):
            while not await ready():
                if process.returncode is not None:
                    raise AssertionError(f"{argv[0]} ended: {end_of(log)}")
                await asyncio.sleep(0.05)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


async def run(*argv: str, stdin: str = "") -> str:
    """Return what a command said; an AssertionError carries its complaints."""
    process = await asyncio.create_subprocess_exec(
        *argv, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate(stdin.encode())
    assert process.returncode == 0, f"{argv[0]}: {err.decode(errors='replace')}"
    return out.decode()


async def accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


def as_nobody() -> tuple[str, ...]:
    """What must stand before a command that refuses to be root."""
    if os.getuid():
        return ()
    return ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")


@asynccontextmanager
async def mariadb(path: Path, port: int) -> AsyncIterator[Process]:
    """MariaDB with the databases wiki and forum, the account kedge and root by the socket."""
    data, socket_file = path / "data", path / "sock"
    scratch = path / "tmp"  # a server that starts removes what others have in a folder they share
    scratch.mkdir()
    user = ["--user=root"] if os.getuid() == 0 else []
    await run(
        "mariadb-install-db",
        "--no-defaults",
        f"--datadir={data}",
        f"--tmpdir={scratch}",
        *user,
        "--skip-test-db",
        "--skip-name-resolve",
        "--auth-root-authentication-method=normal",
    )
    argv = [
        "mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={socket_file}", f"--port={port}", *user,
        "--bind-address=0.0.0.0", "--innodb-flush-log-at-trx-commit=0",
        f"--pid-file={path / 'pid'}", f"--tmpdir={scratch}",
    ]  # fmt: skip

    async def ready() -> bool:
        return socket_file.exists() and await accepts(port)

    async with running(argv, ready, path / "log") as process:
        me = pwd.getpwuid(os.getuid()).pw_name  # the client logs in as who runs it, by the socket
        await sql(
            path,
            f"CREATE USER IF NOT EXISTS '{me}'@'localhost' IDENTIFIED VIA unix_socket;"
            f"GRANT ALL ON *.* TO '{me}'@'localhost';"
            "CREATE DATABASE wiki; CREATE TABLE wiki.page (id INT); CREATE TABLE wiki.text (id INT);"
            "CREATE DATABASE forum; CREATE TABLE forum.post (id INT); CREATE DATABASE emptied;"
            "CREATE USER kedge@'127.0.0.1' IDENTIFIED BY 'geheim';"
            "GRANT SELECT ON wiki.* TO kedge@'127.0.0.1'; GRANT SELECT ON emptied.* TO kedge@'127.0.0.1';",
        )
        yield process


async def sql(path: Path, text: str) -> str:
    return await run("mariadb", "--no-defaults", "--user=root", f"--socket={path / 'sock'}", "-N", stdin=text)


@asynccontextmanager
async def postgresql(path: Path, port: int) -> AsyncIterator[Process]:
    """PostgreSQL with the database lists and the account kedge, by whose password SCRAM and md5 are tried."""
    assert POSTGRES
    data = path / "data"
    await run(*as_nobody(), str(POSTGRES), "-D", str(data), "-U", "postgres", "--auth=trust", "--no-sync")
    lines = "local all all trust\nhost all scram 127.0.0.1/32 scram-sha-256\nhost all old 127.0.0.1/32 md5\n"
    (data / "pg_hba.conf").write_text(lines + "host all clear 127.0.0.1/32 password\n")
    options = ("-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={path}", "-c", "fsync=off")
    argv = (*as_nobody(), str(POSTGRES.with_name("postgres")), "-D", str(data), "-p", str(port), *options)

    async def ready() -> bool:
        return (path / f".s.PGSQL.{port}").exists() and await accepts(port)

    async with running(argv, ready, path / "log") as process:
        await psql(
            path, port,
            "CREATE USER scram PASSWORD 'geheim'; CREATE USER clear PASSWORD 'geheim';"
            "SET password_encryption = md5; CREATE USER old PASSWORD 'geheim';",
        )  # fmt: skip
        await psql(path, port, "CREATE DATABASE lists;")
        await psql(path, port, "CREATE TABLE member (id INT);", "lists")
        yield process


async def psql(path: Path, port: int, text: str, database: str = "postgres") -> str:
    where = ("-h", str(path), "-p", str(port), "-U", "postgres", "-v", "ON_ERROR_STOP=1", "-qAt", database)
    return await run("psql", "-X", *where, stdin=text)


PROSODY = """
{root}
data_path = "{path}/data"
pidfile = "{path}/pid"
certificates = "{path}"
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {clients} }}
s2s_ports = {{ {servers} }}
c2s_require_encryption = true
authentication = "internal_plain"
modules_enabled = {{ "saslauth", "tls", "dialback", "disco" }}
log = {{ info = "*console" }}
ssl = {{ key = "{path}/key.pem", certificate = "{path}/cert.pem" }}
VirtualHost "example.org"
"""


@asynccontextmanager
async def prosody(path: Path, clients: int, servers: int) -> AsyncIterator[Process]:
    """Prosody for example.org, with the account kedge; its certificate is cert.pem."""
    subject = ("-subj", "/CN=example.org", "-addext", "subjectAltName=DNS:example.org")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(path / "key.pem"))
    await run("openssl", "req", "-x509", *key, *subject, "-out", str(path / "cert.pem"), "-days", "60")
    accounts = path / "data" / "example%2eorg" / "accounts"
    accounts.mkdir(parents=True)
    (accounts / "kedge.dat").write_text('return { ["password"] = "geheim"; };\n')
    root = "run_as_root = true" if os.getuid() == 0 else ""
    (path / "prosody.cfg.lua").write_text(PROSODY.format(root=root, path=path, clients=clients, servers=servers))

    async def ready() -> bool:
        return await accepts(clients) and await accepts(servers)

    argv = ("prosody", "--config", str(path / "prosody.cfg.lua"), "-F")
    async with running(argv, ready, path / "log") as process:
        yield process


NAMED = """
options {{
    directory "{path}"; pid-file "{path}/pid"; session-keyfile "{path}/session.key"; lock-file none;
    listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
    recursion no; dnssec-validation no; notify no; max-refresh-time 3600; min-refresh-time 3600;
}};
controls {{ }};
key "change." {{ algorithm hmac-sha256; secret "c2VjcmV0IG9mIGEgdGVzdCBhbmQgb2Ygbm90aGluZw=="; }};
zone "example.org" {{ {zone} }};
"""
ZONE = """$TTL 3600
@ SOA ns1 admin 2007010601 3600 600 604800 300
@ NS ns1
@ NS ns2
@ MX 10 mail
ns1 A 198.51.100.1
ns2 A 203.0.113.1
mail A 192.0.2.20
www A 192.0.2.10
"""


@asynccontextmanager
async def bind(path: Path, port: int, primary: int = 0) -> AsyncIterator[Process]:
    """BIND for example.org: the zone's primary, or the secondary of the one on a port."""
    kept = 'type primary; file "example.org"; allow-update { key "change."; };'
    if primary:
        kept = f'type secondary; file "example.org"; primaries port {primary} {{ 127.0.0.1; }};'
    else:
        (path / "example.org").write_text(ZONE)
    (path / "named.conf").write_text(NAMED.format(path=path, port=port, zone=kept))

    async def ready() -> bool:
        return "all zones loaded" in (path / "log").read_text(errors="replace") and (
            not primary or "Transfer status: success" in (path / "log").read_text(errors="replace")
        )

    async with running(("named", "-g", "-c", str(path / "named.conf")), ready, path / "log") as process:
        yield process


async def nsupdate(port: int, *lines: str) -> None:
    key = "key hmac-sha256:change. c2VjcmV0IG9mIGEgdGVzdCBhbmQgb2Ygbm90aGluZw=="
    await run("nsupdate", stdin="\n".join((f"server 127.0.0.1 {port}", key, *lines, "send", "")))
