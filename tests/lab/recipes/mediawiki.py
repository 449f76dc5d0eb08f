"""MediaWiki 1.39 on MariaDB, with pages that only a right character set can show."""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass
from typing import ClassVar

from tests.lab.component import Component
from tests.lab.host import Host

PAGES = {
    "Hauptseite": "Willkommen im Wiki des Vereins. Siehe [[Übersicht der Vereine]].\n",
    "Übersicht der Vereine": "Vereine in Göttingen, Köln und Zürich: '''alle''' mit Umlaut, auch „Łódź“ und ☃.\n",
    "Łódź – Straße": "Kreuzung der Zeichensätze: ÄÖÜ äöü ß Ł ź – … € 😀\n",
    "Protokoll 2007-01-06": "Der Server ist umgezogen. Ungefähr 40 Änderungen fehlen.\n",
}
SETTINGS = """
$wgMainCacheType = CACHE_NONE;
$wgSessionCacheType = CACHE_DB;
$wgJobRunRate = 0;
$wgEnableUploads = true;
"""
MODULES = ("mysql", "curl", "intl", "mbstring", "xml", "gd", "apcu")
FROM_FOLDER = "php /usr/share/mediawiki/maintenance/"
LATIN1 = """
SELECT CONCAT('ALTER TABLE `', table_name, '` MODIFY `', column_name, '` ', REPLACE(REPLACE(column_type,
  'varbinary', 'varchar'), 'blob', 'text'), ' CHARACTER SET latin1 COLLATE latin1_bin',
  IF(is_nullable = 'NO', ' NOT NULL', ''), IF(column_default IS NULL, '', CONCAT(' DEFAULT ', column_default)), ';')
FROM information_schema.columns
WHERE table_schema = 'wiki' AND (table_name, column_name) IN (('page', 'page_title'), ('text', 'old_text'),
  ('comment', 'comment_text'), ('user', 'user_name'), ('actor', 'actor_name'), ('recentchanges', 'rc_title'),
  ('pagelinks', 'pl_title'), ('searchindex', 'si_text'))
"""
"""As a wiki of 2007 was made: UTF-8 bytes in columns that say latin1; a page is right as long as nobody converts."""


@dataclass(frozen=True)
class MediaWiki(Component):
    """The wiki; Apache serves it."""

    url: str
    is_latin1: bool = False
    name = "mediawiki"
    packages = frozenset({"mediawiki", "libapache2-mod-php", "php-cli", *(f"php-{name}" for name in MODULES)})
    process = r"^php .*mediawiki"
    settings: ClassVar[str] = "/etc/mediawiki/LocalSettings.php"

    def prepare(self, host: Host) -> None:
        """Install it, write pages and one picture."""
        host.run([*self._install(), "--pass", host.secrets["wiki-admin"], "--dbpass", host.secrets["wiki-database"],
                  "Vereinswiki", "Admin"])  # fmt: skip
        host.append(self.settings, SETTINGS)
        host.sh(
            f"chmod 640 {self.settings}; chgrp www-data {self.settings}; ln -sf {self.settings} /var/lib/mediawiki/"
        )
        self._write_pages(host)
        if self.is_latin1:
            host.sh('mariadb wiki -e "$(mariadb -N information_schema)"', stdin=LATIN1)

    def _install(self) -> list[str]:
        return [
            "php", "/usr/share/mediawiki/maintenance/install.php", "--dbtype=mysql", "--dbserver=localhost",
            "--dbname=wiki", "--dbuser=wiki", f"--server={self.url}", "--scriptpath=/mediawiki", "--lang=de",
            "--confpath=/etc/mediawiki",
        ]  # fmt: skip

    def _write_pages(self, host: Host) -> None:
        for title, text in PAGES.items():
            host.write(f"/tmp/pages/{title}.txt", text)
        host.sh(f"cd /tmp/pages; {FROM_FOLDER}importTextFiles.php --user Admin --overwrite --rc -s 'angelegt' *.txt")
        place = host.path("/tmp/pictures")
        place.mkdir()
        (place / "Wappen_grün.png").write_bytes(picture())
        host.sh(f"cd /tmp/pictures; {FROM_FOLDER}importImages.php --user Admin --comment 'Wappen' .")
        host.sh("chown -R www-data:www-data /var/lib/mediawiki/images")

    def personalise(self, host: Host) -> None:
        """Write this lab's database password and keys into LocalSettings.php."""
        text = host.read(self.settings)
        for variable, secret in {"wgDBpassword": "wiki-database", "wgSecretKey": "wiki-secret-key"}.items():
            text = re.sub(rf'(?m)^\${variable} = ".*";$', f'${variable} = "{host.secrets[secret]}";', text)
        host.write(self.settings, text)
        host.sh(f"chmod 640 {self.settings}; chgrp www-data {self.settings}")

    def start(self) -> str:
        """Nothing to start: Apache serves it."""
        return ""

    def ready(self) -> str:
        """It shows the page with the umlaut."""
        name = self.url.partition("//")[2]
        page = "index.php/%C3%9Cbersicht_der_Vereine?action=raw"
        return f"curl -sf -m 10 -H 'Host: {name}' 'http://127.0.0.1/mediawiki/{page}' | grep -q 'Köln und Zürich'"

    def settle(self, host: Host) -> None:
        """Give the administrator this lab's password."""
        password = host.secrets["wiki-admin"]
        host.run(
            ["php", "/usr/share/mediawiki/maintenance/changePassword.php", "--user", "Admin", "--password", password]
        )


def picture() -> bytes:
    """A small green PNG, a whole file of its own (PNG specification, section 5)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\x20\x90\x40" * 16 for _ in range(16))
    head = struct.pack(">2I5B", 16, 16, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
