"""A real MediaWiki on a real MariaDB: saved as a whole, started in a sandbox, its page with umlauts read there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kedge.adapters.bubblewrap import Bubblewrap
from kedge.adapters.folder_store import FolderStore
from kedge.kinds.grades import Grade
from kedge.kinds.mariadb import MariaDB
from kedge.kinds.mediawiki import MediaWiki
from kedge.model.instance import Instance
from kedge.model.observation import Status
from kedge.model.ports import Address, Snapshot
from tests.integration.begin import begin, say
from tests.integration.installed import find_root
from tests.integration.rehearsing import Subject, drill, save

LONG = timedelta(minutes=5)
TITLE, TEXT = "Übersicht der Vereine", "Vereine in Göttingen, Köln und Zürich – auch „Łódź“ und ☃ 🎉."
WIKI = MediaWiki(
    url="http://wiki.example.org/w/index.php/%C3%9Cbersicht_der_Vereine", text=TEXT, database="db",
    database_name="wiki", settings="/etc/mediawiki", uploads="/var/lib/mediawiki/images",
)  # fmt: skip
DATABASE = MariaDB()
SUBJECT = Subject("wiki", WIKI, {"database": Subject("db", DATABASE)})
INSTALL = (
    "php", "/usr/share/mediawiki/maintenance/install.php", "--dbtype=mysql", "--dbname=wiki", "--dbuser=root",
    "--server=http://wiki.example.org", "--scriptpath=/w", "--lang=de", "--pass=not-a-secret-at-all",
    "--confpath=/etc/mediawiki",
)  # fmt: skip


class Now:
    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture
def root() -> Path:
    return find_root(
        "MediaWiki, PHP and MariaDB (Debian packages mediawiki, php-mysql, mariadb-server)",
        "usr/share/mediawiki", "usr/bin/php", "usr/sbin/mariadbd",
    )  # fmt: skip


@asynccontextmanager
async def live_wiki(root: Path) -> AsyncIterator[Instance]:
    """A wiki that plays the live one, on a machine of its own."""
    async with Bubblewrap(programs=root).open() as site, AsyncExitStack() as stack:
        socket = Address(DATABASE.socket)
        db = Instance("sandbox", site, {"sql": Address("127.0.0.1", 3306), "socket": socket})
        await begin(list(DATABASE.start(db)), db, stack)
        wiki = Instance("sandbox", site, {"web": Address("127.0.0.1", 8000, is_plain=True)}, uses={"database": db})
        for folder in ("/etc/mediawiki", "/var/lib/mediawiki/images/a"):
            await say(wiki, "mkdir", "-p", folder)
        await say(wiki, *INSTALL, f"--dbserver=localhost:{DATABASE.socket}", "Vereinswiki", "Admin")
        await say(wiki, "ln", "-s", "/etc/mediawiki/LocalSettings.php", "/var/lib/mediawiki/LocalSettings.php")
        await say(wiki, "sh", "-c", "cat > /var/lib/mediawiki/images/a/wappen.svg", stdin="<svg/>")
        edit = ("php", "/usr/share/mediawiki/maintenance/edit.php", "--user", "Admin", TITLE)
        await say(wiki, *edit, stdin=TEXT)
        live = Instance("live", site, wiki.dial, uses={"database": Instance("live", site, db.dial)})
        yield live


@dataclass
class World:
    root: Path
    store: FolderStore

    async def save(self, live: Instance) -> Snapshot:
        return await save(SUBJECT, live, self.store)


async def test_it_is_saved_started_and_read(root: Path, tmp_path: Path, prove: Callable[[str, Grade], None]) -> None:
    store = FolderStore(tmp_path / "store", Now())
    async with live_wiki(root) as live:
        snapshot = await save(SUBJECT, live, store)
    parts = {census.part: census for census in snapshot.censuses}
    assert parts.keys() == {"settings", "uploads", "database"}
    assert parts["database"].tallies["wiki.page"].count == 2
    result = await drill(SUBJECT, {"wiki": snapshot}, store, Bubblewrap(programs=root), Now())
    assert (result.obstacles, result.differences) == ((), ())
    assert {name: seen.status for name, seen in result.seen.items()} == {"http": Status.OK, "siteinfo": Status.OK}, (
        result.seen
    )
    assert result.is_proven
    prove("mediawiki", "proven")


async def test_a_lost_page_is_a_difference_and_down(root: Path, tmp_path: Path) -> None:
    """The page was deleted in the dump, but not in the census: as when a dump and its count are of two moments."""
    store = FolderStore(tmp_path / "store", Now())
    async with live_wiki(root) as live:
        counted = await save(SUBJECT, live, store)
        await say(live, "mariadb", f"--socket={DATABASE.socket}", "wiki", stdin="DELETE FROM page; DELETE FROM text")
        later = await save(SUBJECT, live, store)
    claimed = Snapshot(later.id, "wiki", later.at, counted.censuses)
    result = await drill(SUBJECT, {"wiki": claimed}, store, Bubblewrap(programs=root), Now())
    assert "wiki, database: wiki.page: 2 -> 0 entries" in result.differences
    assert result.seen["http"].status is not Status.OK
    assert not result.is_proven
