"""A real ejabberd: its own database saved at one moment, and loaded into a node of another name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import pytest

from kedge.adapters.bubblewrap import Bubblewrap
from kedge.adapters.folder_store import FolderStore
from kedge.errors import OutsideError, Refused
from kedge.kinds.grades import Grade
from kedge.kinds.xmpp import Ejabberd
from kedge.model.instance import File, Instance
from kedge.model.observation import Status
from kedge.model.ports import Address
from kedge.parts.ejabberd import BACKUP, CONTROL, EjabberdPart
from tests.integration.begin import begin, make_spool, say, write
from tests.integration.installed import find_root
from tests.integration.rehearsing import Subject, drill, save

LONG = timedelta(minutes=2)
SERVICE = Ejabberd(domains=("verein.example",))
PART = EjabberdPart("/var/lib/ejabberd")
SETTINGS = "etc/ejabberd/ejabberd.yml"
PEOPLE = """
register anna verein.example Geheim-1
register ben verein.example Geheim-2
add_rosteritem anna verein.example ben verein.example Ben Freunde both
set_vcard anna verein.example FN Größe
create_room vorstand conference.verein.example verein.example
change_room_option vorstand conference.verein.example persistent true
send_message chat anna@verein.example ben@verein.example Hallo später
"""


class Now:
    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture(scope="module")
def root() -> Path:
    return find_root("ejabberd", "usr/sbin/ejabberdctl", SETTINGS)


@asynccontextmanager
async def server(root: Path, people: str = PEOPLE, node: str = "alt@localhost") -> AsyncIterator[Instance]:
    """A server with Debian's own settings and the archive of messages, on a machine of its own."""
    settings = (root / SETTINGS).read_text().replace("- localhost", "- verein.example")
    settings = settings.replace("mod_ping:", "mod_mam:\n    default: always\n  mod_ping:")
    async with Bubblewrap(programs=root).open() as site, AsyncExitStack() as stack:
        dial = {"xmpp-client": Address("127.0.0.1", 22001, True), "xmpp-server": Address("127.0.0.1", 22002, True)}
        at = Instance("sandbox", site, dial)
        await write(at, PurePosixPath("/") / SETTINGS, settings)
        steps = SERVICE.start(at)
        renamed = [
            replace(one, content=one.content.replace("kedge@localhost", node)) if isinstance(one, File) else one
            for one in steps
        ]
        await begin(renamed, at, stack)
        for line in filter(None, people.splitlines()):
            await control(at, *line.split())
        yield at


async def control(at: Instance, *argv: str) -> str:
    return await say(at, CONTROL, *argv)


async def test_it_is_saved_and_answers_again_under_another_node(
    tmp_path: Path, root: Path, prove: Callable[[str, Grade], None]
) -> None:
    store, subject = FolderStore(tmp_path / "store", Now()), Subject("xmpp", SERVICE)
    async with server(root) as live:
        snapshot = await save(subject, live, store)
    census = {census.part: census for census in snapshot.censuses}["accounts"]
    counts = {name: tally.count for name, tally in census.tallies.items()}
    assert counts.items() >= {
        "passwd": 2, "roster": 1, "vcard": 1, "muc_room": 1, "offline_msg": 1, "archive_msg": 2,
    }.items()  # fmt: skip
    proof = await drill(subject, {"xmpp": snapshot}, store, Bubblewrap(programs=root), Now())
    assert (proof.obstacles, proof.differences) == ((), ())
    assert {name: seen.status for name, seen in proof.seen.items()} == {"clients": Status.OK, "servers": Status.OK}
    assert proof.is_proven
    prove("ejabberd", "proven")


async def test_passwords_and_rooms_work_again(root: Path) -> None:
    async with server(root) as live:
        spool = await make_spool(live)
        saved = await PART.save(live, spool)
        await control(live, "register", "late", "verein.example", "Geheim-3")
        assert saved.difference(await PART.census(live))[-1:] == ["passwd: 2 -> 3 entries"]
        packed = await live.site.shell.run(("cat", str(spool / BACKUP)), limit=LONG)
        with pytest.raises(Refused, match="live"):
            await PART.restore(Instance("live", live.site, live.dial), spool)
        with pytest.raises(Refused, match="already 3 accounts"):
            await PART.restore(live, spool)
    async with server(root, people="", node="neu@localhost") as empty:
        spool = await make_spool(empty)
        script = ("sh", "-c", 'cat > "$1"', "sh", str(spool / BACKUP))
        # Told in time: what is cut off, and what would be taken by a node of its own name only.
        assert (await empty.site.shell.run(script, stdin=packed.stdout[:-200], limit=LONG)).code == 0
        with pytest.raises(OutsideError, match="cannot be read to its end"):
            await PART.restore(empty, spool)
        assert (await empty.site.shell.run(script, stdin=packed.stdout, limit=LONG)).code == 0
        said = await empty.site.shell.run((CONTROL, "install_fallback", str(spool / BACKUP)), limit=LONG)
        assert (said.code, b"No disc resident schema" in said.stdout) == (1, True)
        await PART.restore(empty, spool)
        assert saved.difference(await PART.census(empty)) == []
        await control(empty, "check_password", "anna", "verein.example", "Geheim-1")
        assert "vorstand@conference.verein.example" in await control(empty, "muc_online_rooms", "global")
        wrong = await empty.site.shell.run((CONTROL, "check_password", "anna", "verein.example", "x"), limit=LONG)
        assert wrong.code == 1


async def test_a_server_that_does_not_run_is_an_obstacle(root: Path) -> None:
    async with Bubblewrap(programs=root).open() as site:
        at = Instance("target", site, {})
        (obstacle,) = await PART.preflight(at)
        assert "does not answer" in obstacle.what
