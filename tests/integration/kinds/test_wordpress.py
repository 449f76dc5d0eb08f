"""A real WordPress on a real MariaDB: saved as a whole, started in a sandbox, its post with umlauts read there."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path, PurePosixPath

import pytest

from kedge.adapters.bubblewrap import Bubblewrap
from kedge.adapters.folder_store import FolderStore
from kedge.kinds.grades import Grade
from kedge.kinds.mariadb import MariaDB
from kedge.kinds.wordpress import WordPress
from kedge.model.instance import Instance
from kedge.model.observation import Status
from kedge.model.ports import Address, Snapshot
from tests.integration.begin import begin, say, write
from tests.integration.conftest import need
from tests.integration.installed import find_root
from tests.integration.kinds.test_mariadb import Now
from tests.integration.rehearsing import Subject, drill, save

PACKAGES = ("wordpress", "wordpress-theme-twentytwentythree")
FOLDER = "/var/www/blog"
TITLE, TEXT = "Größe zählt nicht", "Vereine in Göttingen, Köln und Zürich – auch „Łódź“ und ☃ 🎉."
DATABASE = MariaDB()
SITE = WordPress(
    url="https://blog.example.org/groesse-zaehlt-nicht/", text="Łódź", database="db", database_name="blog", folder=FOLDER,
)  # fmt: skip
SUBJECT = Subject("blog", SITE, {"database": Subject("db", DATABASE)})
# As `wp-config-sample.php` has it, with a cache that a plugin keeps outside.
CONFIG = """<?php
define( 'DB_NAME', 'blog' ); define( 'DB_USER', 'root' ); define( 'DB_PASSWORD', '' );
define( 'DB_HOST', 'localhost:@SOCKET' ); define( 'DB_CHARSET', 'utf8mb4' ); define( 'DB_COLLATE', '' );
define( 'WP_CACHE', true ); define( 'WP_DEBUG', false );
$table_prefix = 'wp_';
if ( ! defined( 'ABSPATH' ) ) { define( 'ABSPATH', __DIR__ . '/' ); }
require_once ABSPATH . 'wp-settings.php';
"""
CACHE = "<?php if ( ! defined( 'WP_INSTALLING' ) ) { die( 'no connection to the cache' ); }\n"
INSTALL = """<?php
define( 'WP_INSTALLING', true );
$_SERVER['HTTP_HOST'] = 'blog.example.org'; $_SERVER['HTTPS'] = 'on'; $_SERVER['REQUEST_URI'] = '/';
require '@FOLDER/wp-load.php';
require '@FOLDER/wp-admin/includes/upgrade.php';
function wp_mail() { return true; }
wp_install( 'Vereinsblog', 'anna', 'anna@example.org', true, '', 'not-a-secret-at-all' );
update_option( 'siteurl', 'https://blog.example.org' ); update_option( 'home', 'https://blog.example.org' );
update_option( 'permalink_structure', '/%postname%/' );
$made = wp_insert_post( [
    'post_title' => '@TITLE', 'post_name' => 'groesse-zaehlt-nicht', 'post_content' => '@TEXT', 'post_status' => 'publish',
] );
flush_rewrite_rules();
if ( ! $made ) { exit( 1 ); }
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of WordPress's own files, as people unpack it: of Debian's packages, which need not be installed."""
    need("apt-get", "apt")
    folder = tmp_path_factory.mktemp("wordpress")
    fetched = subprocess.run(["apt-get", "download", *PACKAGES], cwd=folder, capture_output=True, text=True)
    if fetched.returncode:
        pytest.skip(f"needs the Debian package wordpress, which apt cannot fetch: {fetched.stderr.strip()[-200:]}")
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, folder / "root"], check=True)
    (folder / "root/usr/share/wordpress/wp-config.php").unlink()
    return Path(shutil.make_archive(str(folder / "wordpress"), "tar", folder / "root/usr/share/wordpress"))


@pytest.fixture
def root() -> Path:
    return find_root(
        "PHP and MariaDB (Debian packages php-mysql, mariadb-server)",
        "usr/share/mediawiki", "usr/bin/php", "usr/sbin/mariadbd",
    )  # fmt: skip


@asynccontextmanager
async def live_site(root: Path, program: Path) -> AsyncIterator[Instance]:
    """A site that plays the live one, on a machine of its own."""
    async with Bubblewrap(programs=root).open() as site, AsyncExitStack() as stack:
        dial = {"sql": Address("127.0.0.1", 3306), "socket": Address(DATABASE.socket)}
        db = Instance("sandbox", site, dial)
        await begin(DATABASE.start(db), db, stack)
        await say(db, "mariadb", f"--socket={DATABASE.socket}", stdin="CREATE DATABASE blog CHARACTER SET utf8mb4")
        live = Instance("live", site, {}, uses={"database": Instance("live", site, dial)})
        await say(live, "mkdir", "-p", FOLDER)
        await site.shell.put(program, PurePosixPath("/drill/wordpress.tar"))
        await say(live, "tar", "-xf", "/drill/wordpress.tar", "-C", FOLDER)
        await write(live, f"{FOLDER}/wp-config.php", CONFIG.replace("@SOCKET", DATABASE.socket))
        install = INSTALL.replace("@FOLDER", FOLDER).replace("@TITLE", TITLE).replace("@TEXT", TEXT)
        await write(live, "/drill/install.php", install)
        assert await say(live, "php", "/drill/install.php") == ""
        await write(live, f"{FOLDER}/wp-content/object-cache.php", CACHE)
        await write(live, f"{FOLDER}/wp-content/uploads/2007/01/wappen.svg", "<svg/>")
        yield live


async def test_it_is_saved_started_and_read(
    root: Path, program: Path, tmp_path: Path, prove: Callable[[str, Grade], None]
) -> None:
    store = FolderStore(tmp_path / "store", Now())
    async with live_site(root, program) as live:
        snapshot = await save(SUBJECT, live, store)
        where = f"--socket={DATABASE.socket}"
        await say(live, "mariadb", where, "blog", stdin="UPDATE wp_posts SET post_content = 'Lodz'")
        later = await save(SUBJECT, live, store)
    parts = {census.part: census for census in snapshot.censuses}
    assert parts.keys() == {"site", "database"}
    assert parts["database"].tallies["blog.wp_users"].count == 1
    proof = await drill(SUBJECT, {"blog": snapshot}, store, Bubblewrap(programs=root), Now())
    assert (proof.obstacles, proof.differences) == ((), ())
    assert {name: seen.status for name, seen in proof.seen.items()} == {"http": Status.OK}, proof.seen
    assert proof.is_proven
    # What the page has lost is no difference of a later dump from its own census: the probe sees it.
    spoilt = Snapshot(later.id, "blog", later.at, later.censuses)
    proof = await drill(SUBJECT, {"blog": spoilt}, store, Bubblewrap(programs=root), Now())
    assert (proof.differences, proof.is_proven) == ((), False)
    assert "Łódź" in proof.seen["http"].what
    prove("wordpress", "proven")
