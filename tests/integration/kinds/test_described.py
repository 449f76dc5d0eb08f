"""Kinds of which kedge knows their needs only: saved by what the inventory says of them, and proven no further."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kedge.adapters.bubblewrap import Bubblewrap
from kedge.adapters.folder_store import FolderStore
from kedge.kinds.mariadb import MariaDB
from kedge.kinds.named import Nextcloud
from kedge.model.instance import Instance
from kedge.model.ports import Address
from tests.integration.begin import say, write
from tests.integration.kinds.test_mariadb import SOCKET, Now, live_server, sql
from tests.integration.rehearsing import Subject, drill, save

CLOUD = Nextcloud(
    url="https://cloud.verein.example/", database="db", database_name="forum", paths=("/var/www/cloud", "/srv/cloud"),
)  # fmt: skip
SUBJECT = Subject("cloud", CLOUD, {"database": Subject("db", MariaDB())})


async def test_its_folders_and_its_database_come_back(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store", Now())
    async with live_server() as database:
        dialled = replace(database, dial={"socket": Address(str(database.path(SOCKET)))})
        live = Instance("live", database.site, {}, database.data, uses={"database": dialled})
        await write(live, live.path("/var/www/cloud/config/config.php"), "<?php // Größe")
        await write(live, live.path("/srv/cloud/anna/Mitgliederliste Köln.ods"), "PK")
        await sql(database, "INSERT INTO forum.post (text) VALUES ('Größe')")
        snapshot = await save(SUBJECT, live, store)
        await sql(database, "DELETE FROM forum.post")
        await say(live, "rm", "-r", str(live.path("/srv/cloud/anna")))
        later = await save(SUBJECT, live, store)
    counted = {census.part: {name: t.count for name, t in census.tallies.items()} for census in snapshot.censuses}
    assert counted == {"database": {"forum.post": 1}, "var-www-cloud": {"config": 2}, "srv-cloud": {"anna": 2}}
    proof = await drill(SUBJECT, {"cloud": snapshot}, store, Bubblewrap(), Now())
    assert (proof.is_proven, proof.obstacles, proof.differences) == (True, (), ())
    assert proof.grounds.startswith("3 tallies compared; ")
    assert proof.grounds.endswith("no probes, so only its data")
    losses = [line for old, new in zip(snapshot.censuses, later.censuses, strict=True) for line in old.difference(new)]
    assert losses == ["forum.post: 1 -> 0 entries", "anna: missing"]
