"""A real Prosody that keeps its accounts in SQLite: saved while people register, started on what was saved."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kedge.adapters.bubblewrap import Bubblewrap
from kedge.adapters.folder_store import FolderStore
from kedge.adapters.local import LocalSite
from kedge.kinds.xmpp import Prosody
from kedge.model.instance import Instance
from kedge.model.observation import Status
from tests.integration.conftest import need
from tests.integration.kinds.test_mariadb import Now
from tests.integration.probes.servers import accepts, free_port, run, running
from tests.integration.rehearsing import Subject, drill, save

DRIVERS = list(Path("/usr/lib").glob("*/lua/5.*/dbd/sqlite3.so"))
SETTINGS = """\
{root}
data_path = "{data}"
pidfile = "{data}/pid"
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {clients} }}
s2s_ports = {{ {servers} }}
authentication = "internal_hashed"
modules_enabled = {{ "roster", "saslauth", "dialback", "disco" }}
log = {{ info = "*console" }}
storage = "sql"
sql = {{ driver = "SQLite3", database = "prosody.sqlite" }}
VirtualHost "example.org"
"""


async def register(folder: Path, name: str) -> None:
    config = str(folder / "prosody.cfg.lua")
    root = ("--root",) if os.geteuid() == 0 else ()
    await run("prosodyctl", *root, "--config", config, "register", name, "example.org", "geheim")


async def register_all_the_time(folder: Path) -> None:
    number = 0
    while True:
        number += 1
        await register(folder, f"person{number}")


async def test_accounts_in_sqlite_are_saved_while_people_register(tmp_path: Path) -> None:
    need("prosody", "prosody")
    need("bwrap", "bubblewrap")
    if not DRIVERS:
        pytest.skip("needs Lua's driver for SQLite (Debian package lua-dbi-sqlite3)")
    settings, data, clients, servers = tmp_path / "etc", tmp_path / "data", free_port(), free_port()
    for folder in (settings, data):
        folder.mkdir()
    root = "run_as_root = true" if os.geteuid() == 0 else ""
    config = settings / "prosody.cfg.lua"
    config.write_text(SETTINGS.format(root=root, data=data, clients=clients, servers=servers))
    subject = Subject("xmpp", Prosody(domains=("example.org",), settings=str(settings), data=str(data)))
    store, live = FolderStore(tmp_path / "store", Now()), Instance("live", LocalSite(), {})

    async def is_ready() -> bool:
        return await accepts(clients) and await accepts(servers)

    async with running(("prosody", "--config", str(config), "-F"), is_ready, tmp_path / "log"):
        await register(settings, "anna")
        people = asyncio.create_task(register_all_the_time(settings))
        await asyncio.sleep(1)
        try:
            snapshot = await save(subject, live, store)
            assert not people.done()
        finally:
            people.cancel()
    with closing(sqlite3.connect(data / "prosody.sqlite")) as accounts:
        assert accounts.execute("SELECT count(DISTINCT user) FROM prosody WHERE store = 'accounts'").fetchone()[0] > 1
    proof = await drill(subject, {"xmpp": snapshot}, store, Bubblewrap(), Now())
    assert (proof.is_proven, proof.faults) == (True, ())
    assert {name: seen.status for name, seen in proof.seen.items()} == dict.fromkeys(("clients", "servers"), Status.OK)
    assert [census.remarks for census in snapshot.censuses] == [{}, {}]
