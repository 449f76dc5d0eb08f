"""The whole organisation: saved by one command, proven by a second, and one service brought back on an empty host."""

from __future__ import annotations

import html
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kedge.kinds.grades import Grade
from tests.integration.conftest import prove
from tests.lab.host import Host, detached
from tests.lab.lab import Lab
from tests.lab.recipes.apache import Apache
from tests.lab.recipes.mariadb import MariaDB
from tests.lab.test_backup import KEDGE, ProcessList, drill_folders, spools

pytestmark = pytest.mark.lab
__all__ = ["prove"]
EXAMPLE = Path(__file__).parents[2] / "examples" / "lab" / "kedge.yaml"
PASSPHRASE = "halbmond-3-anker-dille"
SERVICES = {
    "wiki": "http, siteinfo", "forum": "http", "web-db": "sql", "mail": "smtp", "mailboxes": "imap", "second-mx": "smtp",
    "lists": "mailman", "lists-db": "sql", "xmpp": "clients, servers", "tickets": "http", "tickets-database": "sql",
    "dns": "soa-verein.example", "dns-second": "soa-verein.example",
    "evidence": "sql",
}  # fmt: skip
"""Every service of the example, and the probes that its restored copy has to pass."""
BESIDE = {"evidence": 1}
"""What is kept on the very host that has the store: a copy there is none."""
KINDS = ("mailman3", "postgresql", "prosody", "request-tracker", "spirit", "knot")
ROW = "kontonummer-4711-0816"
PRIVATE = ("Schlüssel fürs Büro", "Schöne Grüße", ROW)
"""Text of tickets, posts and a database: saved, and to be seen nowhere."""
IN_LISTS = ("setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "psql", "-q", "mailman")
SSH = """\
Host *.verein.example
    ControlPath {sockets}/%h
Include /etc/ssh/ssh_config
"""


@dataclass(frozen=True)
class Desk:
    """Where somebody sits at the vantage, calls kedge, and has a connection to every host open already."""

    lab: Lab
    folder: Path

    @property
    def inventory(self) -> Path:
        return self.folder / "kedge.yaml"

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        state = ("env", f"XDG_STATE_HOME={self.folder / 'state'}", KEDGE, *words)
        argv = self.lab.vantage.argv(state, folder=self.folder)
        return subprocess.run(argv, capture_output=True, text=True, check=False)

    def answer(self, *words: str, code: int = 0) -> Any:
        done = self.call(*words, "--json")
        assert done.returncode == code, done.stderr + done.stdout
        return json.loads(done.stdout)

    def states(self, *words: str) -> dict[str, str]:
        """Return what came of each service, and why not."""
        found = json.loads(self.call(*words, "--json").stdout)
        return {one["service"]: one["state"] if one["state"] in ("saved", "proven") else one["why"] for one in found}

    def private_levels(self) -> dict[str, int]:
        """Return the level of each service, as the private page shows it."""
        assert self.call("publish", "--private", "--out", "board").returncode == 0
        page = (self.folder / "board" / "private.en.html").read_text()
        sheets = re.findall(r'<article class="sheet" id="s-([^"]+)">(.*?)</article>', page, re.DOTALL)
        found = {name: re.search(r"<dt>Recovery level</dt>\s*<dd>(\d) of 4", sheet) for name, sheet in sheets}
        return {name: int(level[1]) for name, level in found.items() if level}

    def connect(self, host: str) -> None:
        master = f"ssh -F {self.folder}/ssh -o ControlMaster=yes -o ControlPersist=yes -fN {host}.verein.example"
        assert self.lab.at_vantage(["sh", "-c", f"{master} >/dev/null 2>&1 </dev/null"]).returncode == 0

    def leave(self, host: str) -> None:
        self.lab.at_vantage(["ssh", "-F", str(self.folder / "ssh"), "-O", "exit", f"{host}.verein.example"])


@dataclass(frozen=True)
class Story:
    """What happened when everything was saved and then drilled."""

    desk: Desk
    levels: tuple[dict[str, int], dict[str, int], dict[str, int]]
    saved: dict[str, str]
    drilled: dict[str, str]
    runs: list[dict[str, Any]]
    said: str
    seen: str


def write_inventory(folder: Path, root: Path) -> None:
    """Write the example as it is, but for what only this test knows: a passphrase, programs, and a way to ssh."""
    text = EXAMPLE.read_text()
    for before, after in {
        "save: restic": f'save: {{to: restic, drill: {{root: "folder:{root}"}}}}',
        "command:cat $CREDENTIALS_DIRECTORY/store": "file:passphrase",
        "login: ssh root@": f"login: ssh -F {folder}/ssh root@",
    }.items():
        assert before in text
        text = text.replace(before, after)
    (folder / "kedge.yaml").write_text(text)
    (folder / "passphrase").write_text(f"{PASSPHRASE}\n")
    (folder / "passphrase").chmod(0o600)


PROGRAMS = ("pg_dump", "psql", "mariadb", "perl", "gunicorn", "prosody")
"""What reads or carries something private while the story runs."""
HOSTS = ("hetzner-old", "hetzner-new", "tickets-db", "ns1", "ns2", "spare", "backup")


@pytest.fixture(scope="module")
def desk(shared_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    sockets = tmp_path_factory.mktemp("s")
    (folder / "ssh").write_text(SSH.format(sockets=sockets))
    write_inventory(folder, shared_lab.image)
    desk = Desk(shared_lab, folder)
    for host in HOSTS:
        desk.connect(host)
    shared_lab.host("hetzner-new").run(IN_LISTS, stdin=f"CREATE TABLE beside AS SELECT '{ROW}' AS t")
    assert desk.call("backup", "--init", "restic").returncode == 0
    for person in ("anna", "bert"):
        assert desk.call("note", "--works", "root-login", "--by", person).returncode == 0
    yield desk
    shared_lab.host("hetzner-new").run(IN_LISTS, stdin="DROP TABLE beside")
    for host in HOSTS:
        desk.leave(host)
    shared_lab.reset("spare", "hetzner-old", "ns1", "backup")


@pytest.fixture(scope="module")
def story(desk: Desk) -> Story:
    watcher = ProcessList(0.2, *(program.encode() for program in PROGRAMS))
    before = desk.private_levels()
    saved = desk.states("backup")
    middle = desk.private_levels()
    drilled = desk.states("drill")
    after = desk.private_levels()
    watcher.stop()
    asked = [desk.call(*words) for words in (("runs",), ("check",), ("snapshots",), ("show", "lists"))]
    said = "".join(one.stdout + one.stderr for one in asked) + json.dumps([saved, drilled], ensure_ascii=False)
    return Story(desk, (before, middle, after), saved, drilled, desk.answer("runs"), said, watcher.seen)


def test_one_command_saves_it_and_a_second_proves_it(story: Story, prove: Callable[[str, Grade], None]) -> None:
    assert story.saved == dict.fromkeys(SERVICES, "saved")
    assert story.drilled == dict.fromkeys(SERVICES, "proven")
    for kind in KINDS:
        prove(kind, "proven")


@pytest.mark.parametrize("service", SERVICES)
def test_its_own_probes_were_run_on_the_copy(story: Story, service: str) -> None:
    result = next(
        step["result"] for step in story.desk.answer("runs", drill_of(story, service)) if step["step"] == "rehearse"
    )
    measured = r"ok rpo=\d+(s|min|h)\S* rto=\d+(s|min|h)\S* \(\d+ tall(?:y|ies) compared; (newest entry \d{4}-\S+ \d\d:\d\dZ; )?"
    assert re.match(measured + re.escape(SERVICES[service] or "no probes, so only its data"), result), result


def drill_of(story: Story, service: str) -> str:
    (run,) = [one for run in story.runs if re.fullmatch(rf"drill-{service}-2\d{{3}}.*", one := str(run["run"]))]
    return run


def test_the_private_page_shows_levels_rising(story: Story) -> None:
    before, saved, drilled = story.levels
    assert before == dict.fromkeys(SERVICES, 1)
    assert saved == {**dict.fromkeys(SERVICES, 2), **BESIDE}
    assert drilled.keys() == SERVICES.keys()
    assert {name: min(level, 3) for name, level in drilled.items()} == {**dict.fromkeys(SERVICES, 3), **BESIDE}
    page = html.unescape((story.desk.folder / "board" / "private.en.html").read_text())
    assert len(re.findall(r"<dt>Last drill</dt> <dd>ok rpo=\d\S+ rto=\d", page)) == len(SERVICES)


def test_nothing_private_is_seen_and_nothing_is_left(story: Story) -> None:
    lab, desk = story.desk.lab, story.desk
    planted = ("mailman-database", "rt-database", "wiki-database", "forum-database", "forum-key", "mailman-rest")
    secrets = [PASSPHRASE, *(lab.secrets[name] for name in planted), *PRIVATE, *hashes(lab.host("hetzner-old"))]
    # It did look; some are over between two looks.
    assert len([program for program in PROGRAMS if program in story.seen]) >= 3
    assert [text for text in secrets if text in story.seen + story.said] == []
    kept = [path for path in (desk.folder / "state").rglob("*") if path.is_file()]
    assert kept
    assert [text for text in secrets for path in kept if text.encode() in path.read_bytes()] == []
    assert [name for name in HOSTS if spools(lab.host(name))] == []
    assert drill_folders(desk) == []


def hashes(host: Host) -> list[str]:
    """What a MariaDB server keeps of its accounts' passwords: in the snapshots, and to be seen nowhere."""
    strings = host.sh(
        "mariadb -BN -e \"SELECT authentication_string FROM mysql.user WHERE authentication_string <> ''\""
    )
    # An account without a password holds the word "invalid" instead, which others say too.
    found = [one for one in strings.split() if re.fullmatch(r"\*[0-9A-F]{40}", one)]
    assert found
    return found


def test_the_wiki_comes_back_on_an_empty_host(story: Story) -> None:
    """Its host is dead for good: another one gets its data, its web server and its name."""
    desk, lab = story.desk, story.desk.lab
    secrets = hashes(lab.host("hetzner-old"))
    lab.host("hetzner-old").kill()
    spare = lab.host("spare")
    assert desk.answer("probe", "wiki", code=1)
    prepare_empty_server(spare)
    plan = desk.answer("restore", "wiki", "--to", "spare", "--plan")
    assert not plan["live"]
    watcher = ProcessList(0.02, b"mariadb")
    restored = desk.call("restore", "wiki", "--to", "spare", "--yes-replace", "wiki")
    watcher.stop()
    assert restored.returncode == 0, restored.stderr
    assert [text for text in secrets if text in watcher.seen + restored.stdout + restored.stderr] == []
    serve_wiki(spare)
    move_name(lab)
    text = desk.inventory.read_text()
    desk.inventory.write_text(
        text.replace("kind: mediawiki\n    host: hetzner-old", "kind: mediawiki\n    host: spare")
    )
    seen = {one["probe"]: one["status"] for one in desk.answer("probe", "wiki")["observations"]}
    assert seen == {"http": "ok", "siteinfo": "ok"}


def prepare_empty_server(host: Host) -> None:
    """Start the database server of a freshly installed host; nothing is in it."""
    server = MariaDB(())
    host.run(["bash", "-c", detached(server.start())])
    host.wait_until(server.ready())


def serve_wiki(host: Host) -> None:
    """Do by hand what is no data of the wiki: where its settings are looked for, and a web server in front of it."""
    host.sh("ln -sf /etc/mediawiki/LocalSettings.php /var/lib/mediawiki/")
    host.write("/etc/apache2/sites-available/000-default.conf", "<VirtualHost *:80>\n</VirtualHost>\n")
    host.sh("a2enconf -q mediawiki; a2ensite -q 000-default")
    server = Apache(())
    host.run(["bash", "-c", detached(server.start())])
    host.wait_until(server.ready())


def move_name(lab: Lab) -> None:
    """Let the wiki's name lead to the spare host, as somebody with the key for DNS does."""
    change = "server 127.0.0.1\nupdate delete wiki.verein.example\n"
    change += "update add wiki.verein.example 60 A 203.0.113.60\nsend\n"
    lab.host("ns1").run(["nsupdate", "-k", "/etc/bind/kedge.key"], stdin=change)
    asked = "dig +short @127.0.0.1 wiki.verein.example A | grep -qx 203.0.113.60"
    lab.host("resolver").wait_until(asked)
