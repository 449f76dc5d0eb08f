"""What applications' own settings say: their database, their address; read from lines, never run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from kedge.discovery.records import read_host

_PAIR = (
    re.compile(r"^\s*\$(wg\w+)\s*=\s*[\"']?([^\"';]*)"),  # LocalSettings.php
    re.compile(r"^\s*define\(\s*[\"'](\w+)[\"']\s*,\s*[\"']([^\"']*)"),  # wp-config.php
    re.compile(r"^\s*[\"']([\w.]+)[\"']\s*=>\s*[\"']?([^\"',]*)"),  # Nextcloud's config.php
    re.compile(r"^\s*Set\(\s*\$(\w+)\s*,\s*[\"']([^\"']*)"),  # RT_SiteConfig.d
    re.compile(r"^\s*([A-Za-z_]+)\s*[:=]\s*[\"']?([^\"'\s]*)"),  # mailman.cfg, homeserver.yaml, app.ini
)
SERVERS = {
    **dict.fromkeys(("mysql", "mysqli", "mariadb"), "mariadb|mysql"),
    **dict.fromkeys(("pgsql", "postgres", "postgresql", "pg", "psycopg2"), "postgresql"),
}
"""What settings call a database server -> the kinds that may be meant."""
LOCAL = frozenset({"", "localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Settings:
    """What one application says of itself; `server` are the kinds its database may have, empty for none."""

    url: str = ""
    server: str = ""
    host: str = ""
    database: str = ""
    folder: str = ""

    @property
    def told(self) -> str:
        """What its database is known by: `HOST/KINDS/NAME`; a host on this machine is empty."""
        return f"{self.host}/{self.server}/{self.database}"


def read_settings(path: str, text: str) -> Settings:
    """Return what the lines of a settings file say."""
    said: dict[str, str] = {}
    for line in text.splitlines():
        for pattern in _PAIR:
            if found := pattern.match(line):
                said.setdefault(found[1].lower(), found[2].strip())
                break
    return _settings(said, str(PurePosixPath(path).parent))


def _settings(said: Mapping[str, str], folder: str) -> Settings:
    link = re.match(r"([a-z0-9]+)(?:\+\w+)?://(?:[^/@]*@)?([^/:?]*)(?::\d+)?/([^?\s]*)", said.get("url", ""))
    type_ = _first(said, "wgdbtype", "dbtype", "databasetype", "db_type") or (link[1] if link else "")
    if not type_ and "db_name" in said and "db_host" in said:
        type_ = "mysql"  # WordPress knows no other
    host = _first(said, "wgdbserver", "db_host", "dbhost", "databasehost", "host") or (link[2] if link else "")
    name = _first(said, "wgdbname", "db_name", "dbname", "databasename", "name") or (link[3] if link else "")
    url = _first(said, "wgserver", "overwrite.cli.url", "webbaseurl", "root_url")
    if said.get("wgserver"):
        url = said["wgserver"] + said.get("wgscriptpath", "")
    plain = host.rpartition(":")[0] if re.fullmatch(r"[^:]+:\d+", host) else host
    return Settings(
        url if re.fullmatch(r"https?://[a-z0-9.-]+(:\d+)?(/[!-~]*)?", url, re.IGNORECASE) else "",
        SERVERS.get(type_.lower(), ""),
        "" if plain.lower() in LOCAL else read_host(plain) or plain[:60],
        name[:64],
        folder,
    )


def _first(said: Mapping[str, str], *keys: str) -> str:
    return next((said[key] for key in keys if said.get(key)), "")
