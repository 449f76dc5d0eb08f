"""This machine as a place to look from: its network, the logins into hosts, and the secrets kedge was given."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import shlex
import socket
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path, PurePosixPath
from weakref import WeakKeyDictionary

from kedge.adapters.local import LocalShell, connect_socket
from kedge.adapters.login import enter
from kedge.adapters.secret import read_secret
from kedge.app.names import Names
from kedge.errors import OutsideError, UsageError
from kedge.model.people import Secret
from kedge.model.ports import Address, Exit, Net, Running, Shell
from kedge.probes.echo import open_echo

GRACE = timedelta(seconds=1)
LOGINS_AT_ONCE = 4
"""sshd refuses at random who comes with more than ten at once (MaxStartups, sshd_config(5))."""


class DirectNet:
    """Connects from this machine to IP addresses, by streams and by datagrams; pings them."""

    async def connect(self, to: Address, *, limit: timedelta) -> socket.socket:
        """Return a connected socket."""
        return await _connect(to.host, to.port, socket.SOCK_STREAM)

    async def connect_datagram(self, to: Address, *, limit: timedelta) -> socket.socket:
        """Return a connected UDP socket."""
        return await _connect(to.host, to.port, socket.SOCK_DGRAM)

    def open_echo(self, address: str) -> socket.socket:
        """Return a connected ICMP socket; raises PermissionError where this machine may not ping."""
        return open_echo(address)


@dataclass(frozen=True)
class VantageNet(DirectNet):
    """Connects from this machine to names as well; `pins` say where a name leads regardless of the DNS."""

    names: Names = field(default_factory=lambda: Names(DirectNet()))
    pins: Mapping[str, str] = field(default_factory=dict)

    async def connect(self, to: Address, *, limit: timedelta) -> socket.socket:
        """Return a connected socket; every address of a name gets its share of the limit."""
        if to.host.startswith("/"):
            return await connect_socket(socket.socket(socket.AF_UNIX), to.host)
        *others, last = (pin,) if (pin := self.pins.get(to.host)) else await self.names.addresses(to.host)
        for address in others:
            with contextlib.suppress(OSError, TimeoutError):
                share = limit.total_seconds() / (len(others) + 1)
                async with asyncio.timeout(share):
                    return await _connect(address, to.port, socket.SOCK_STREAM)
        return await _connect(last, to.port, socket.SOCK_STREAM)


async def _connect(address: str, port: int, kind: socket.SocketKind) -> socket.socket:
    family = socket.AF_INET6 if ipaddress.ip_address(address.partition("%")[0]).version == 6 else socket.AF_INET
    return await connect_socket(socket.socket(family, kind), (address, port))


@dataclass(frozen=True)
class TurnsShell:
    """A shell behind a login, entered by a few at once."""

    login: str
    shell: Shell

    async def run(self, argv: Sequence[str], *, stdin: bytes = b"", limit: timedelta) -> Exit:
        """Run a command there to its end, or to its limit; waiting for one's turn does not count.

        The limit holds for the login as well: ssh alone would try every address of a dead host for 20 s each.
        """
        async with _turns(self.login):
            try:
                async with asyncio.timeout((limit + GRACE).total_seconds()):
                    return await self.shell.run(argv, stdin=stdin, limit=limit)
            except TimeoutError:
                return Exit(None, stderr=f"the login did not come about within {limit}".encode())

    def start(self, argv: Sequence[str]) -> AbstractAsyncContextManager[Running]:
        """Run a program there for as long as the context lasts."""
        return self.shell.start(argv)

    async def put(self, source: Path, target: PurePosixPath) -> None:
        """Copy a file there and compare length and SHA-256; raises OutsideError."""
        await self.shell.put(source, target)

    async def get(self, source: PurePosixPath, target: Path, known: str = "") -> None:
        """Copy a file here and compare length and SHA-256; raises OutsideError."""
        await self.shell.get(source, target, known)


@dataclass(frozen=True)
class NoShell:
    """A host that kedge was given no login for: everything there is unknown."""

    why: str

    async def run(self, argv: Sequence[str], *, stdin: bytes = b"", limit: timedelta) -> Exit:
        """Return that nothing was run."""
        return Exit(None, stderr=self.why.encode())

    def start(self, argv: Sequence[str]) -> AbstractAsyncContextManager[Running]:
        """Raise OutsideError."""
        raise OutsideError(self.why)

    async def put(self, source: Path, target: PurePosixPath) -> None:
        """Raise OutsideError."""
        raise OutsideError(self.why)

    async def get(self, source: PurePosixPath, target: Path, known: str = "") -> None:
        """Raise OutsideError."""
        raise OutsideError(self.why)


def _turns(login: str) -> asyncio.Semaphore:
    """Return what those who want to log in there now wait for."""
    known = _TURNS.setdefault(asyncio.get_running_loop(), {})
    return known.setdefault(login, asyncio.Semaphore(LOGINS_AT_ONCE))


_TURNS: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, asyncio.Semaphore]] = WeakKeyDictionary()


def shell_into(login: str, near: LocalShell, entry: Sequence[str] = ()) -> Shell:
    """Return the shell that a declared login opens, through the one here; without a login, one that runs nothing.

    `entry` are the words that lead on from the host, into a container.
    """
    if not login:
        return NoShell("the inventory declares no login for its host")
    try:
        return TurnsShell(login, enter(login, near, entry).shell)
    except UsageError as error:
        return NoShell(error.message)


def ssh_port(login: str) -> int | None:
    """Return the port that a login by ssh connects to from here, as its words say; None for other logins."""
    words = shlex.split(login.partition(",")[0])
    if words[:1] != ["ssh"] or "-J" in words:
        return None
    given = [after for word, after in pairwise(words) if word == "-p"]
    return int(given[0]) if given and given[0].isdigit() else 22


@dataclass(frozen=True)
class LiveSite:
    """A host as it is seen from here: connections come from this machine, commands run there."""

    net: Net
    shell: Shell
    here: Shell
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    folder: Path = Path()

    async def open_secret(self, name: str) -> str:
        """Return a secret that the inventory says kedge may use; raises OutsideError."""
        secret = self.secrets.get(name)
        if secret is None or not secret.from_:
            raise OutsideError(f"the inventory does not say where kedge finds the secret '{name}'")
        found = await asyncio.to_thread(read_secret, secret.from_, os.environ, self.folder)
        return found.value.decode(errors="surrogateescape")
