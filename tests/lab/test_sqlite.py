"""Services that keep their data in SQLite, on a host of the lab: saved while they write, drilled, brought back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.parts.test_sqlite import TABLES, WRITER
from tests.lab.host import Host, detached
from tests.lab.lab import Lab
from tests.lab.recipes.mailman3 import REST
from tests.lab.test_backup import PASSPHRASE, Desk

pytestmark = pytest.mark.lab
INVENTORY = """\
version: 1
organisation: {{name: Verein}}
hosts:
  hetzner-new: {{login: ssh root@hetzner-new.verein.example}}
  spare: {{login: ssh root@spare.verein.example}}
  backup: {{}}
secrets:
  passphrase: {{from: "file:passphrase", kept: paper}}
stores:
  vault:
    {{type: restic, on: backup, repository: "sftp:store@backup.verein.example:/srv/store/held", passphrase: passphrase}}
services:
  lists: {{kind: mailman3, host: hetzner-new, save: {{to: vault, drill: {{root: "folder:{root}"}}}}}}
  accounts: {{kind: files, host: hetzner-new, paths: /srv/accounts, save: {{to: vault, drill: {{root: "folder:{root}"}}}}}}
domains:
  verein.example: {{}}
"""
SETTINGS = "/etc/mailman3/mailman.cfg"
ON_SQLITE = rf"""
sed -i -e 's/^class: mailman.database.*/class: mailman.database.sqlite.SQLiteDatabase/' \
  -e 's|^url: postgresql.*|url: sqlite:////var/lib/mailman3/data/mailman.db|' {SETTINGS}
"""
START = f"setsid setpriv --reuid=list --regid=list --init-groups env -C / /usr/lib/mailman3/bin/master -C {SETTINGS} --force &"
# Members join all the time, each by a transaction of Mailman's own.
JOIN = f"""
password=$(sed -n 's/^admin_pass: //p' {SETTINGS}); n=0
while n=$((n + 1)); do
  curl -s -o /dev/null -u "restadmin:$password" -d list_id=verein.lists.verein.example -d "subscriber=m$n@example.org" \
    -d pre_verified=true -d pre_confirmed=true -d pre_approved=true {REST}/members
done
"""
MAKE = f"""
import sqlite3
live = sqlite3.connect("/srv/accounts/vault.db")
live.executescript({TABLES!r})
for table in ("giro", "savings"):
    live.executemany("INSERT INTO %s VALUES (?, ?, ?)" % table, [(n, 1000, "x" * 900) for n in range(400)])
live.commit()
"""
LOOK = """
import sqlite3
copy = sqlite3.connect("/srv/accounts/vault.db")
print(copy.execute("PRAGMA integrity_check").fetchall())
print(copy.execute("SELECT (SELECT sum(amount) FROM giro) + (SELECT sum(amount) FROM savings)").fetchone())
"""


@contextmanager
def running(host: Host, name: str, script: str) -> Iterator[None]:
    """Let a script run on a host, and end it there."""
    host.write(f"/root/{name}", script)
    program = "python3" if "import" in script else "sh"
    host.run(
        [
            "bash",
            "-c",
            detached(
                f"setsid sh -c 'echo $$ > /root/{name}.pid; exec {program} /root/{name} /srv/accounts/vault.db wal' &"
            ),
        ]
    )
    host.wait_until(f"[ -s /root/{name}.pid ]")
    try:
        yield
    finally:
        host.sh(f"kill -KILL $(cat /root/{name}.pid)")


def move_to_sqlite(host: Host) -> None:
    """Give Mailman the database that Debian's package has by default, with one list."""
    host.stop("mailman3")
    host.sh(ON_SQLITE)
    host.run(["bash", "-c", detached(f"rm -f /var/lib/mailman3/locks/*; {START}")])
    host.wait_until(host.component("mailman3").ready())
    login = f"restadmin:{host.secrets['mailman-rest']}"
    for what, field in (
        ("domains", "mail_host=lists.verein.example"),
        ("lists", "fqdn_listname=verein@lists.verein.example"),
    ):
        host.run(["curl", "-sSf", "-u", login, "-d", field, f"{REST}/{what}"])


def test_services_on_sqlite_are_saved_while_they_write_and_proven(
    lab: Lab, tmp_path: Path, fresh_host: Callable[[str], Host]
) -> None:
    new, spare = fresh_host("hetzner-new"), fresh_host("spare")
    fresh_host("backup")
    root = lab.image
    (tmp_path / "kedge.yaml").write_text(INVENTORY.format(root=root))
    (tmp_path / "passphrase").write_text(f"{PASSPHRASE}\n")
    desk = Desk(lab, tmp_path)
    assert desk.call("backup", "--init", "vault").returncode == 0
    move_to_sqlite(new)
    new.sh("mkdir -p /srv/accounts")
    new.run(["python3", "-c", MAKE])
    with running(new, "join", JOIN), running(new, "move", WRITER):
        new.wait_until("[ -s /srv/accounts/vault.db-wal ]")
        assert desk.state_of("backup") == {"lists": "saved", "accounts": "saved"}
        first = desk.answer("drill")
        assert desk.state_of("backup") == {"lists": "saved", "accounts": "saved"}
    assert {one["service"]: one["state"] for one in [*first, *desk.answer("drill")]} == {
        "lists": "proven", "accounts": "proven",
    }, first  # fmt: skip
    said = [step["result"] for run in desk.answer("runs") for step in desk.answer("runs", run["run"])]
    assert [one for one in said if one and ("held still" in one or "doubtful" in one or "not checked" in one)] == []
    restored = desk.call("restore", "accounts", "--to", "spare", "--yes-replace", "accounts")
    assert restored.returncode == 0, restored.stderr
    assert spare.sh("ls /srv/accounts").split() == ["vault.db"]
    assert spare.run(["python3", "-c", LOOK]).split("\n")[:2] == ["[('ok',)]", "(800000,)"]
    assert "kedge" not in new.sh("ls -a /srv/accounts /var/lib/mailman3/data /var/tmp")
