"""WordPress."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from pydantic import Field

from kedge.kinds.database import MYSQL, WebWithDatabase
from kedge.kinds.php import filled
from kedge.model.folder import Folder
from kedge.model.instance import Command, File, Instance, Part, Program, Start

# Read before anything of the site: a constant that is there already stays, and PHP only warns that it is.
BEFORE = """<?php
if ( $_SERVER['REQUEST_URI'] === '/kedge-ready' ) { echo 'ready'; exit; }
define( 'DB_HOST', @SERVER ); define( 'DB_USER', 'kedge' ); define( 'DB_PASSWORD', '' );
define( 'WP_HTTP_BLOCK_EXTERNAL', true ); define( 'DISABLE_WP_CRON', true ); define( 'WP_CACHE', false );
define( 'AUTOMATIC_UPDATER_DISABLED', true ); define( 'WP_DEBUG_DISPLAY', false );
if ( @SCHEME === 'https' ) { $_SERVER['HTTPS'] = 'on'; $_SERVER['SERVER_PORT'] = '443'; }
"""
SHARED = ("object-cache.php", "advanced-cache.php")
"""What a plugin puts there so that pages come from a cache outside, which a copy has not."""


class WordPress(WebWithDatabase):
    """A web site or blog: its pages in its database; its program, plugins, themes and uploads in one folder.

    All of it is saved if `folder` and `database-name` are given. A restored copy is served by PHP's own web server on
    the program that was saved, since its plugins fit no other; no mail leaves it, and no plugin reaches the world.
    """

    kind: ClassVar[str] = "wordpress"
    summary: ClassVar[str] = "a WordPress site"
    requires: ClassVar[Mapping[str, frozenset[str]]] = {"database": MYSQL}
    example: ClassVar[Mapping[str, Any]] = {
        "url": "https://www.example.org/",
        "text": "Welcome",
        "database": "db",
        "database-name": "blog",
        "folder": "/var/www/blog",
    }

    folder: Folder | None = Field(None, description="the folder of `wp-config.php` and of WordPress itself")

    def parts(self) -> Iterable[Part]:
        """Yield its folder, and its database if that is known by name."""
        from kedge.parts.folder import FolderPart

        if self.folder:
            yield FolderPart(self.folder, "site")
        yield from self.database_parts()

    def programs(self) -> Iterable[str]:
        """Yield the programs of a copy."""
        yield from ("php", "/usr/lib/php/*/mysqli.so")

    def start(self, at: Instance) -> Iterable[Start]:
        """Yield PHP's own web server over the restored folder, with the restored database."""
        from kedge.probes.http import HttpProbe

        web, database = at.dial.get("web"), at.uses.get("database")
        if at.mode != "sandbox" or web is None or database is None or not self.folder:
            return
        folder, before = at.path(self.folder), at.path("/drill/before.php")
        server = f"localhost:{database.dial['socket'].host}" if "socket" in database.dial else "localhost"
        yield File(before, filled(BEFORE, {"@SERVER": server, "@SCHEME": urlsplit(self.url).scheme}))
        yield Command(("rm", "-f", "--", *(str(folder / "wp-content" / name) for name in SHARED)))
        options = (f"auto_prepend_file={before}", "display_errors=stderr", "sendmail_path=/bin/true")
        php = ("env", "PHP_CLI_SERVER_WORKERS=2", "php", *(word for one in options for word in ("-d", one)))
        yield Program(
            (*php, "-S", f"{web.host}:{web.port}", "-t", str(folder)),
            HttpProbe("http://localhost/kedge-ready", name="ready"),
        )
