"""Room that will run out is seen before anything is written: on the host, here, in the store, where a copy comes to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from types import MappingProxyType

import pytest

from kedge.adapters.bubblewrap import Bubblewrap
from kedge.adapters.folder_store import FolderStore
from kedge.adapters.local import LocalShell, LocalSite
from kedge.adapters.restic import ResticStore
from kedge.adapters.secret import Secret
from kedge.errors import Refused
from kedge.kinds.files import Files
from kedge.kinds.mariadb import MariaDB
from kedge.kinds.postgresql import Postgresql
from kedge.model.census import LARGEST, PACKET, VERSION, Census
from kedge.model.instance import Instance
from kedge.model.ports import Site, SnapshotStore
from kedge.model.room import Extent, Sized
from kedge.parts.folder import FolderPart
from kedge.parts.mariadb import MariaDBPart
from kedge.parts.postgresql import PostgresPart
from kedge.work.fetching import Copy
from kedge.work.landing import look_at_target
from kedge.work.outlook import look_ahead, worth_asking
from kedge.work.rehearsal import rehearse
from kedge.work.restoring import Restoration
from kedge.work.room import Outlook
from kedge.work.saving import Preflight
from kedge.work.spool import Spool, size_of
from tests.integration.begin import make_spool
from tests.integration.conftest import need
from tests.integration.kinds import test_mariadb as mariadb
from tests.integration.kinds import test_postgresql as postgresql
from tests.integration.probes.servers import POSTGRES
from tests.integration.rehearsing import Subject, save
from tests.integration.work.disks import host_with_small_spool, small_disk

LIMIT = timedelta(minutes=2)
MEGABYTE = 1_000_000


class Now:
    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture
def share(tmp_path: Path) -> Path:
    """A folder of about 3 MB: a large file, and one of two names."""
    folder = tmp_path / "share"
    (folder / "cache").mkdir(parents=True)
    (folder / "big").write_bytes(os.urandom(2 * MEGABYTE))
    (folder / "once").write_bytes(os.urandom(MEGABYTE))
    (folder / "twice").hardlink_to(folder / "once")
    (folder / "cache" / "page").write_bytes(os.urandom(MEGABYTE))
    for number in range(100):
        (folder / f"brief {number}\n").write_text("Liebe Mitglieder")
    return folder


def files(share: Path) -> Subject:
    return Subject("share", Files(paths=(str(share),)))


async def outlook(
    share: Path,
    spool: Path,
    stores: Mapping[str, SnapshotStore] = MappingProxyType({}),
    site: Site | None = None,
    sizes: Mapping[str, int] = MappingProxyType({}),
) -> Outlook:
    at = Instance("live", site or LocalSite(), {})
    place = Spool("run", spool, lambda one: isinstance(one, LocalSite))
    return await look_ahead(files(share), at, worth_asking(stores, ()), place, sizes)


async def test_a_folder_tells_the_size_of_its_archive(share: Path, tmp_path: Path) -> None:
    part, at = FolderPart(str(share), without=("cache",)), Instance("live", LocalSite(), {})
    survey = await part.survey(at)
    await part.save(at, PurePosixPath(tmp_path))
    size = (tmp_path / "folder.tar").stat().st_size
    assert survey.extent
    assert survey.extent.least <= size + 10240  # tar fills its last record
    assert size <= survey.extent.most + 10240
    assert size < 4 * MEGABYTE < survey.extent.most  # of two names, and saved once


async def test_without_awk_it_tells_no_size_and_still_what_cannot_be_read(share: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bin"
    bare.mkdir()
    for program in ("sh", "find", "tar", "xargs", "sha256sum", "grep"):
        (bare / program).symlink_to(f"/usr/bin/{program}")
    shell = LocalSite().shell
    site = replace(LocalSite(), shell=replace(shell, env={**shell.env, "PATH": str(bare)}))
    survey = await FolderPart(str(share)).survey(Instance("live", site, {}))
    assert (list(survey.obstacles), survey.extent) == ([], None)
    (share / "cache").chmod(0o000)
    if os.geteuid():  # root reads everything
        (obstacle,) = (await FolderPart(str(share)).survey(Instance("live", site, {}))).obstacles
        assert obstacle.what == f"{share}/cache cannot be read"


async def test_no_room_on_the_host(share: Path, tmp_path: Path) -> None:
    with host_with_small_spool("2m") as host:
        seen = await outlook(share, tmp_path / "spool", site=host)
        (obstacle,) = seen.obstacles
        assert "not enough room in /var/tmp of its host: 2.1 MB free, 4.1 to 5.2 MB needed" in obstacle.what
        with pytest.raises(Refused, match="not enough room"):
            await Preflight(files(share), Instance("live", host, {}), {}, Spool("run", tmp_path / "spool")).do()
    assert not (tmp_path / "spool").exists()


async def test_hardly_enough_is_a_word_and_no_obstacle(share: Path, tmp_path: Path) -> None:
    with host_with_small_spool("5m") as host:
        seen = await outlook(share, tmp_path / "spool", site=host)
    assert seen.obstacles == []
    (word,) = seen.words
    assert word.startswith("hardly enough room in /var/tmp of its host: ")


async def test_no_room_here_where_all_parts_wait_together(share: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "state", "2m") as state:
        (obstacle,) = (await outlook(share, state / "spool" / "run")).obstacles
        assert f"not enough room in {state}/spool/run" in obstacle.what
        assert os.listdir(state) == []


async def test_no_room_in_a_store_that_keeps_all_of_it(share: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "shelf", "2m") as shelf:
        store = FolderStore(shelf, Now())
        (obstacle,) = (await outlook(share, tmp_path / "spool", {"shelf": store})).obstacles
        assert f"not enough room in the store {shelf}" in obstacle.what


async def test_a_store_on_the_disk_of_the_spool_has_to_share_it(share: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "state", "7m") as state:
        (state / "shelf").mkdir()
        alone = await outlook(share, state / "spool")
        both = await outlook(share, state / "spool", {"shelf": FolderStore(state / "shelf", Now())})
    assert (alone.obstacles, len(both.obstacles)) == ([], 1)


async def test_a_repository_needs_only_what_is_new(share: Path, tmp_path: Path) -> None:
    need("restic", "restic")
    (share / "big").write_bytes(os.urandom(20 * MEGABYTE))
    for size, expected in (("18m", ([], 1)), ("6m", (1, 0))):
        with small_disk(tmp_path / "repository", size) as repository:
            store = ResticStore(str(repository), Secret("env:X", b"petersilie"), tmp_path / "cache")
            seen = await outlook(share, tmp_path / "spool", {"offsite": store})
            assert (seen.obstacles and len(seen.obstacles), len(seen.words)) == expected


@pytest.fixture
def sftp() -> None:
    if not os.path.exists("/usr/lib/openssh/sftp-server"):
        pytest.skip("needs sftp-server (Debian package openssh-sftp-server)")


async def test_a_repository_behind_sftp_tells_what_is_free(sftp: None, share: Path, tmp_path: Path) -> None:
    door = tmp_path / "ssh"  # leads to a real server, and no other way
    door.write_text('#!/bin/sh\nfor last; do :; done\n[ "$last" = sftp ] && exec /usr/lib/openssh/sftp-server\n')
    door.chmod(0o755)
    near = LocalShell(hop=lambda argv: (argv[0], "-S", str(door), *argv[1:]))
    with small_disk(tmp_path / 'vault "1"', "1m") as vault:
        store = ResticStore(f"sftp:store@vault.example.net:{vault}", Secret("env:X", b"x"), tmp_path / "cache", near)
        (obstacle,) = (await outlook(share, tmp_path / "spool", {"offsite": store})).obstacles
        assert f"not enough room in the store sftp:store@vault.example.net:{vault}: 1 MB free" in obstacle.what
        gone = replace(store, repository="sftp://store@vault.example.net:2222//nowhere")
        assert await gone.room() is None


async def test_what_nobody_can_tell_is_no_obstacle(share: Path, tmp_path: Path) -> None:
    secret, cache = Secret("env:X", b"petersilie"), tmp_path / "cache"
    stores: dict[str, SnapshotStore] = {
        "gone": FolderStore(tmp_path / "gone", Now()),
        "rest": ResticStore("rest:https://vault.example.net/club", secret, cache),
        "sftp": ResticStore("sftp:nobody@nowhere.invalid:/srv/store", secret, cache),
    }
    seen = await outlook(share, tmp_path / "spool", stores)
    assert (seen.obstacles, seen.words) == ([], [])


async def test_the_last_dump_says_more_than_any_estimate() -> None:
    estimate = Extent(300, 2000)
    assert estimate.told(None) == estimate
    assert estimate.told(900) == Extent(900, 2000)
    assert estimate.told(5000) == Extent(2000, 5000)  # it may have been emptied since
    assert Extent(70, 70).told(900) == Extent(70, 70)


@pytest.fixture
def servers() -> None:
    need("bwrap", "bubblewrap")
    need("mariadbd", "mariadb-server-core")
    need("mariadb-dump", "mariadb-client")


SHAPES = """
CREATE DATABASE wiki CHARACTER SET utf8mb4; USE wiki;
CREATE TABLE number (id INT PRIMARY KEY, a INT, b TINYINT); INSERT INTO number SELECT seq, seq * 7, 1 FROM seq_1_to_50000;
CREATE TABLE page (id INT PRIMARY KEY, t TEXT); INSERT INTO page SELECT seq, REPEAT('Größe ', 99) FROM seq_1_to_5000;
CREATE TABLE zero (id INT, t LONGBLOB); INSERT INTO zero SELECT seq, REPEAT(X'00', 5000) FROM seq_1_to_500;
ANALYZE TABLE number, page, zero;
"""


async def test_mariadb_tells_between_which_sizes_its_dump_will_be(servers: None) -> None:
    async with mariadb.live_server(SHAPES) as live:
        part, spool = mariadb.PART, await make_spool(live)
        survey = await part.survey(live)
        await part.save(live, spool)
        size = int((await live.site.shell.run(("stat", "-c", "%s", f"{spool}/dump.sql"), limit=LIMIT)).stdout)
        assert (list(survey.obstacles), list(survey.words)) == ([], [])
        assert survey.extent
        assert MEGABYTE < survey.extent.least <= size <= survey.extent.most < 10 * size
        fit = await part.fit(live, None)
        assert (list(fit.obstacles), fit.place) == ([], PurePosixPath("/drill/var/lib/mysql"))


async def test_a_server_of_an_older_release_or_with_smaller_packets_is_refused_before_loading(servers: None) -> None:
    content = (
        "CREATE DATABASE wiki; CREATE TABLE wiki.page (t LONGTEXT); INSERT INTO wiki.page VALUES (REPEAT('x', 3000000))"
    )
    async with mariadb.live_server(content) as live:
        census = await mariadb.PART.census(live)
        assert (census.remarks[LARGEST], census.remarks[PACKET]) == ("3000000 (wiki.page)", str(2**30))
        assert list((await mariadb.PART.fit(live, census)).obstacles) == []

        async def obstacles(**remarks: str) -> list[str]:
            told = {name.replace("_", "-"): value for name, value in remarks.items()}
            fit = await mariadb.PART.fit(live, replace(census, remarks={**census.remarks, **told}))
            return [obstacle.what for obstacle in fit.obstacles]

        (what,) = await obstacles(server="MariaDB 99.1.2")
        assert what.startswith("saved from MariaDB 99.1.2, and this is MariaDB ")
        assert await obstacles(server="MariaDB 10.3.39") == await obstacles(server="MySQL 99.0.1") == []
        await mariadb.sql(live, "SET GLOBAL max_allowed_packet = 2097152")
        assert await obstacles() == ["its max_allowed_packet is 2.1 MB, and a row of wiki.page has 3 MB"]
        assert await obstacles(largest_row="1500 (wiki.page)") == []
        old = Census(census.part, census.at, census.tallies)  # of a kedge that did not look
        assert list((await mariadb.PART.fit(live, old)).obstacles) == []


@pytest.mark.parametrize(
    ("part", "program", "package"),
    [
        (MariaDBPart("/run/kedge-nobody/mysqld.sock"), "mariadb", "mariadb-server"),
        (PostgresPart("/run/kedge-nobody/.s.PGSQL.5432"), "psql", "postgresql"),
    ],
)
async def test_a_server_that_is_not_started_or_not_installed_is_told_before_loading(
    part: MariaDBPart | PostgresPart, program: str, package: str, tmp_path: Path
) -> None:
    """What whoever restores onto an empty host meets first."""
    need(program, f"{package.removesuffix('-server')}-client")
    for other in ("sh", "id", "setpriv", "df", "stat"):
        (tmp_path / other).symlink_to(shutil.which(other) or "")
    words = ("env", f"PATH={tmp_path}", "sh", "-c", '"$@"', "sh")
    for shell, meaning, fix in (
        (LocalShell(), "nothing listens at its socket", f"is {package} installed there, and started?"),
        (LocalShell(lambda argv: (*words, *argv)), "its programs are not there", f"apt install {package}"),
    ):
        at = Instance("target", replace(LocalSite(), shell=shell), {})
        (obstacle,) = (await look_at_target(at, [(part, tmp_path)], {})).obstacles
        assert obstacle.what.startswith(f"databases: the server did not answer: {meaning}")
        assert obstacle.fix == fix


async def test_postgresql_tells_sizes_and_refuses_what_an_older_one_cannot_read() -> None:
    need("bwrap", "bubblewrap")
    if not POSTGRES:
        pytest.skip("needs initdb (Debian package postgresql)")
    text = "CREATE TABLE page AS SELECT i, repeat(md5(i::text), 20) AS t FROM generate_series(1, 9000) i"
    async with postgresql.live_server(
        f"CREATE ROLE kedge SUPERUSER LOGIN; CREATE DATABASE wiki;\n\\connect wiki\n{text}"
    ) as live:
        part, made = postgresql.PART, await live.site.shell.run(("mktemp", "-d", "/drill/spool.XXXXXX"), limit=LIMIT)
        spool = PurePosixPath(made.stdout.decode().strip())
        survey = await part.survey(live)
        assert list(survey.obstacles) == []
        census = await part.save(live, spool)
        du = await live.site.shell.run(("du", "-sb", str(spool)), limit=LIMIT)
        size = int(du.stdout.split()[0])
        assert survey.extent
        assert MEGABYTE < survey.extent.least <= size <= survey.extent.most < 10 * size
        assert list((await part.fit(live, census)).obstacles) == []
        newer = replace(census, remarks={VERSION: "PostgreSQL 99"})
        (obstacle,) = (await part.fit(live, newer)).obstacles
        assert obstacle.what.startswith("saved from PostgreSQL 99, and ")
        assert list((await part.fit(live, replace(census, remarks={}))).obstacles) == []


async def test_nothing_is_put_aside_where_what_is_restored_does_not_fit(share: Path, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store", Now())
    snapshot = await save(files(share), Instance("live", LocalSite(), {}), store)
    with small_disk(tmp_path / "target", "2m") as target:
        there = Instance("target", LocalSite(), {}, PurePosixPath(target))
        place = Path(str(there.path(str(share))))
        os.makedirs(place)
        (place / "neuer.txt").write_text("später geschrieben")
        of = Restoration("r1", files(share), Copy(store, snapshot), there, tmp_path / "fetched")
        with pytest.raises(Refused, match="not enough room"):
            await of.deeds()[0].do()
        assert os.listdir(place.parent) == ["share"]
        assert os.listdir(place) == ["neuer.txt"]
    with small_disk(tmp_path / "fetched", "2m") as here:
        (part,) = files(share).parts()
        of = replace(of, folder=here / "r1", sizes={part.name: 4 * MEGABYTE})
        with pytest.raises(Refused, match="needed for what is fetched"):
            await of.deeds()[0].do()
        assert os.listdir(here) == []


async def test_a_drill_is_not_begun_where_its_copy_does_not_fit(share: Path, tmp_path: Path) -> None:
    need("bwrap", "bubblewrap")
    store = FolderStore(tmp_path / "store", Now())
    snapshot = await save(files(share), Instance("live", LocalSite(), {}), store)
    (part,) = files(share).parts()
    assert isinstance(part, Sized)
    size = size_of(store.root)
    with small_disk(tmp_path / "room", "6m") as room:
        copies = {"share": Copy(store, snapshot)}
        last = {"share": {part.name: size}}
        with pytest.raises(Refused, match="needed for a restored copy"):
            await rehearse(files(share), copies, Bubblewrap(), Now(), room, sizes=last)
        assert os.listdir(room) == []
        (room / "ballast").write_bytes(bytes(1_500_000))
        proof = await rehearse(files(share), copies, Bubblewrap(), Now(), room)  # no size is known before it is there
        assert "not enough room" in proof.value


def test_every_server_tells_its_size() -> None:
    parts = [part for kind in (MariaDB(), Postgresql()) for part in kind.parts()]
    assert all(isinstance(part, Sized) for part in parts)
