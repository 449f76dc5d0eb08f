"""MediaWiki."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from pydantic import Field

from kedge.kinds.database import DATABASES, WebWithDatabase
from kedge.kinds.php import filled
from kedge.model.folder import Folder
from kedge.model.instance import Command, File, Instance, Part, Probe, Program, Start

CACHE = "/tmp/kedge-wiki-cache"  # inside a sandbox, where /tmp is its own

# Restored settings first, then what must differ in a copy: its database, no mail, no cache of others.
SETTINGS = """<?php
require @SETTINGS;
$wgDBserver = @SERVER; $wgDBuser = 'kedge'; $wgDBpassword = ''; $wgDBservers = false;
$wgMainCacheType = CACHE_NONE; $wgMessageCacheType = CACHE_NONE; $wgParserCacheType = CACHE_NONE;
$wgSessionCacheType = CACHE_DB; $wgMemCachedServers = []; $wgCacheDirectory = @CACHE;
$wgUseCdn = false; $wgForceHTTPS = false; $wgEnableEmail = false; $wgJobRunRate = 0; $wgTmpDirectory = '/tmp';
"""
# What the web server's configuration does on the live host: the script path, and pages behind index.php.
ROUTER = """<?php
$kedge_install = @SOFTWARE;
preg_match( '/^\\s*\\$wgScriptPath\\s*=\\s*["\\']([^"\\']*)/m', file_get_contents( @SETTINGS ), $kedge_found );
$kedge_prefix = isset( $kedge_found[1] ) ? $kedge_found[1] : '';
$kedge_path = rawurldecode( (string)parse_url( $_SERVER['REQUEST_URI'], PHP_URL_PATH ) );
if ( $kedge_path === '/kedge-ready' ) { echo 'ready'; return true; }
$kedge_rest = strpos( $kedge_path, "$kedge_prefix/" ) === 0 ? substr( $kedge_path, strlen( $kedge_prefix ) ) : '';
$kedge_script = preg_match( '~^/([a-z_]+\\.php)(/.*)?$~s', $kedge_rest, $kedge_found ) ? $kedge_found[1] : 'index.php';
$_SERVER['SCRIPT_NAME'] = $_SERVER['PHP_SELF'] = "$kedge_prefix/$kedge_script";
$_SERVER['SCRIPT_FILENAME'] = "$kedge_install/$kedge_script";
$_SERVER['PATH_INFO'] = isset( $kedge_found[2] ) ? $kedge_found[2] : '';
chdir( $kedge_install );
require "$kedge_install/$kedge_script";
"""


class MediaWiki(WebWithDatabase):
    """A wiki: pages in its database, uploaded files in a folder.

    It is saved as a whole if `database-name` is given; else its database is saved with the service that holds it.
    """

    kind: ClassVar[str] = "mediawiki"
    summary: ClassVar[str] = "a MediaWiki"
    requires: ClassVar[Mapping[str, frozenset[str]]] = {"database": DATABASES}
    example: ClassVar[Mapping[str, Any]] = {
        "url": "https://wiki.example.org/wiki/Main_Page",
        "text": "Main Page",
        "database": "db",
        "database-name": "wiki",
        "settings": "/etc/mediawiki",
        "uploads": "/var/lib/mediawiki/images",
    }

    uploads: Folder | None = Field(None, description="the folder of uploaded files (`$wgUploadDirectory`)")
    settings: Folder | None = Field(None, description="the folder of `LocalSettings.php`")
    software: Folder = Field("/usr/share/mediawiki", description="the folder of MediaWiki's own `index.php`")

    def probes(self, at: Instance) -> Iterable[Probe]:
        """Yield a look at its page, and one at its interface, which answers from the database."""
        from kedge.probes.mediawiki import MediaWikiProbe

        yield from super().probes(at)
        if self.url:
            yield MediaWikiProbe(self.url)

    def parts(self) -> Iterable[Part]:
        """Yield its settings, its uploads, and its database if that is known by name."""
        from kedge.parts.folder import FolderPart

        if self.settings:
            yield FolderPart(self.settings, "settings")
        if self.uploads:
            yield FolderPart(self.uploads, "uploads")
        yield from self.database_parts()

    def programs(self) -> Iterable[str]:
        """Yield the programs of a copy."""
        yield from ("php", f"{self.software}/index.php")

    def start(self, at: Instance) -> Iterable[Start]:
        """Yield PHP's own web server over the installed software, with the restored settings and database."""
        from kedge.probes.http import HttpProbe

        web, database = at.dial.get("web"), at.uses.get("database")
        if at.mode != "sandbox" or web is None or database is None or not self.settings:
            return
        settings = at.path(self.settings) / "LocalSettings.php"
        words = {
            "@SETTINGS": str(settings),
            "@SERVER": f"localhost:{database.dial['socket'].host}" if "socket" in database.dial else "localhost",
            "@CACHE": CACHE,
            "@SOFTWARE": self.software,
        }
        copy, router = at.path("/drill/LocalSettings.php"), at.path("/drill/router.php")
        yield Command(("mkdir", "-p", CACHE))
        yield File(copy, filled(SETTINGS, words))
        yield File(router, filled(ROUTER, words))
        server = ("env", f"MW_CONFIG_FILE={copy}", "PHP_CLI_SERVER_WORKERS=2", "php", "-d", "display_errors=stderr")
        yield Program(
            (*server, "-S", f"{web.host}:{web.port}", str(router)),
            HttpProbe("http://localhost/kedge-ready", name="ready"),
        )
