"""The night of 2007, watched: whatever is lost, those who can help hear of it by a way that still works."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_string, policy
from pathlib import Path
from typing import Any

import pytest

from kedge.inventory.read import read_inventory
from tests.lab.lab import Lab

pytestmark = pytest.mark.lab
KEDGE = str(Path(sys.executable).with_name("kedge"))
EXAMPLE = Path(__file__).parents[2] / "examples/lab/kedge.yaml"
LIMIT_S = 600
ROUND, ROUNDS = "10s", 2
"""How often it looks, and in which of these rounds, counted from the first look that failed, people are told."""
FIRST_ON_THE_DEAD_SERVER = {
    "anna: {channels: [sms anna, anna-outside]}": 'anna: {hours: always, channels: ["mail anna@verein.example", sms anna, anna-outside]}',
    "bert: {channels: [sms bert, bert-outside]}": 'bert: {channels: ["xmpp bert@verein.example", webhook-outside]}',
}
"""Their own server comes first, as people would have it; what is left of these must be chosen."""


@dataclass
class Watcher:
    """A running `kedge watch` at the vantage, and everything that came of it."""

    lab: Lab
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None

    def argv(self, *words: str) -> list[str]:
        settings = {"XDG_STATE_HOME": str(self.folder / "state"), "KEDGE_SENDER": "kedge@elsewhere.example"}
        env = [f"{name}={value}" for name, value in {**settings, **self.settings}.items()]
        return self.lab.vantage.argv(["env", *env, KEDGE, *words], folder=self.folder)

    def start(self) -> None:
        script = ["sh", "-c", f'echo $$ >{self.folder}/pid; exec "$@"', "sh"]
        argv = self.argv("watch", "--every", ROUND)
        at = argv.index("env", argv.index("env") + 1)  # what runs at the vantage, as the lab counts processes
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen([*argv[:at], *script, *argv[at:]], stderr=log, text=True)

    def stop(self) -> None:
        if self.process:
            self.lab.keeper.sh(f"kill -TERM {(self.folder / 'pid').read_text().strip()}")
            assert self.process.wait(LIMIT_S) == 0

    def answer(self, *words: str) -> Any:
        done = subprocess.run(self.argv(*words, "--json"), capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1), done.stderr
        return json.loads(done.stdout)

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def wait(self, what: str, is_so: Callable[[], object]) -> None:
        begun = time.monotonic()
        while not is_so():
            assert self.process is None or self.process.poll() is None, self.log()
            assert time.monotonic() - begun < LIMIT_S, f"not within {LIMIT_S} s: {what}\n{self.log()[-3000:]}"
            self._wait_for_news()

    def _wait_for_news(self) -> None:
        """Wait until the watch says something, or a while: each question is a process that takes its time from it."""
        said, until = len(self.log()), time.monotonic() + 3
        while len(self.log()) == said and time.monotonic() < until:
            time.sleep(0.1)

    def is_calm(self) -> bool:
        now = self.answer("status")
        states = {one["thing"]: one["status"] for one in now["things"]}
        return not now["incidents"] and set(states.values()) == {"ok"} and len(states) >= 15

    def letters(self, since: int, kind: str = "down") -> list[dict[str, Any]]:
        found = self.answer("alerts", "list", "--most", "500")[since:]
        return [one for one in found if f"/{kind}/" in one["id"]]

    def count(self) -> int:
        return len(self.answer("alerts", "list", "--most", "500"))

    def told(self, since: int, kind: str = "down") -> list[dict[str, Any]]:
        return [one for one in self.letters(since, kind) if one["state"] == "told"]

    def mail(self) -> list[Any]:
        """What lies in anna's mailbox at another company."""
        script = "cd /var/vmail/anna.privat@elsewhere.example/Maildir && for f in new/* cur/*; do [ -f $f ] && cat $f && echo ----kedge; done; true"
        texts = self.lab.host("elsewhere").sh(script).split("----kedge\n")
        return [message_from_string(one, policy=policy.default) for one in texts if one.strip()]

    def posts(self) -> list[dict[str, Any]]:
        """What was posted to the webhook there."""
        lines = self.lab.host("elsewhere").read("/var/lib/webhook/received.jsonl").splitlines()
        return [json.loads(json.loads(line)["body"]) for line in lines if '"incident' in json.loads(line)["body"]]


@pytest.fixture(scope="module")
def running(shared_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watcher]:
    folder = tmp_path_factory.mktemp("watch")
    text = EXAMPLE.read_text()
    for before, after in FIRST_ON_THE_DEAD_SERVER.items():
        assert before in text
        text = text.replace(before, after)
    (folder / "kedge.yaml").write_text(text)
    watcher = Watcher(shared_lab, folder)
    watcher.start()
    watcher.wait("everything was looked at and is ok", watcher.is_calm)
    yield watcher
    watcher.stop()


@pytest.fixture
def watcher(running: Watcher, lab: Lab) -> Iterator[Watcher]:
    """The watcher, calm; and calm again after what the test broke is repaired."""
    running.wait("all is calm", running.is_calm)
    yield running
    lab.repair()


def beneath(subject_or_text: str) -> set[str]:
    found = re.search(r"^(?:Beneath it|Davon betroffen): (.*)\.$", subject_or_text, re.MULTILINE)
    return set(re.split(r", | and | und ", found[1])) if found else set()


def test_the_dead_server_is_one_page_by_another_way(watcher: Watcher, lab: Lab) -> None:
    since, posted = watcher.count(), len(watcher.posts())
    lab.host("hetzner-new").kill()
    watcher.wait("both were told", lambda: len(watcher.told(since)) == 2)
    told = watcher.told(since)
    assert sorted(one["person"] for one in told) == ["anna", "bert"]
    assert max(one["rounds"] for one in told) <= ROUNDS, told
    ways = {one["person"]: [each["channel"] for each in one["tries"]] for one in told}
    assert ways == {"anna": ["anna-outside"], "bert": ["webhook-outside"]}
    mail = [one for one in watcher.mail() if "hetzner-new" in one["Subject"]]
    assert len(mail) == 1
    assert mail[0]["Subject"].startswith("[kedge] hetzner-new ist")
    text = mail[0].get_content()
    assert beneath(text) >= {"mail", "lists", "xmpp", "tickets"}
    assert not beneath(text) & {"wiki", "forum", "dns", "dns-second", "verein.example"}
    assert "Erster Schritt: " in text
    assert "Nicht über mail anna@verein.example" in text
    (post,) = watcher.posts()[posted:]
    assert (post["thing"], post["to"], post["repeated"]) == ("hetzner-new", "bert", False)
    lab.start("hetzner-new")
    watcher.wait("its end was told", lambda: len(watcher.told(since, "resolved")) == 2)
    assert len(watcher.letters(since)) == 2, "no storm when it came back"


HOSTS = ("ns1", "hetzner-old", "ns2", "tickets-db", "backup", "spare")
"""Every host but hetzner-new, which the test before is about."""
SERVICES = (
    *(("hetzner-new", "prosody"), ("hetzner-old", "mariadb")),
    *(("ns1", "bind"), ("ns2", "knot"), ("tickets-db", "mariadb"), ("backup", "postgresql")),
    *(("hetzner-new", name) for name in ("postgresql", "dovecot", "postfix", "mailman3")),
    *(("hetzner-new", name) for name in ("request-tracker", "apache")),
    *(("hetzner-old", name) for name in ("spirit", "apache", "postfix")),
)
"""Every service that somebody uses. Whether kedge can log in is a question of its own, asked further down."""


MOST = None if os.environ.get("KEDGE_EVERY_LOSS") else 2
"""All of them take a quarter of an hour: KEDGE_EVERY_LOSS=1. Two of each kind are looked at each time, and
tests/integration/watch/test_losses.py goes through every loss that the inventory knows, without the world."""


@pytest.mark.parametrize("host", HOSTS[:MOST])
def test_every_other_host_that_is_lost_is_one_page(watcher: Watcher, lab: Lab, host: str) -> None:
    since = watcher.count()
    lab.host(host).cable()
    told_of_one_cause(watcher, lab, since, things_on(host))


@pytest.mark.parametrize(("host", "service"), SERVICES[:MOST])
def test_every_service_that_is_lost_is_told_of(watcher: Watcher, lab: Lab, host: str, service: str) -> None:
    since = watcher.count()
    lab.host(host).stop(service)
    told_of_one_cause(watcher, lab, since, things_on(host), most=2 if (host, service) in UNDRAWN else 1)


UNDRAWN = {("hetzner-old", "apache")}
"""What the inventory does not know; wiki and forum, which both need it, are two causes."""


def things_on(host: str) -> set[str]:
    """A host and the services on it, as the example calls them."""
    services = read_inventory(EXAMPLE).sections.services
    return {host, *(name for name, service in services.items() if host in (service.host or ()))}


def told_of_one_cause(watcher: Watcher, lab: Lab, since: int, things: set[str], most: int = 1) -> None:
    """Wait until everybody was told, of nothing but this loss; then undo it, and wait until that was told."""
    watcher.wait("somebody was told", lambda: watcher.told(since))
    watcher.wait("everybody was told", lambda: len(watcher.told(since)) == len(watcher.letters(since)))
    told = watcher.told(since)
    incidents = {one["id"].rpartition("/down/")[0] for one in told}
    assert {one.rpartition("-")[0] for one in incidents} <= things, [one["subject"] for one in told]
    assert len(incidents) <= most
    assert {one["person"] for one in told} == {"anna", "bert"}
    assert max(one["rounds"] for one in told) <= ROUNDS, told
    lab.repair()
    watcher.wait("its end was told", lambda: len(watcher.told(since, "resolved")) >= 2 * len(incidents))


def test_a_login_that_is_lost_is_told_by_day(watcher: Watcher, lab: Lab) -> None:
    since = watcher.count()
    lab.host("backup").stop("sshd")
    watcher.wait("who answers always was told", lambda: watcher.told(since, "unseen"))
    letters = watcher.letters(since, "unseen")
    assert {one["person"] for one in letters} == {"anna", "bert"}
    assert {one["subject"] for one in letters} == {"kedge sieht nicht mehr alles von backup"}  # it still answers pings
    assert not watcher.letters(since), "it is no page"
    lab.repair()
    watcher.wait("its end was told", lambda: watcher.told(since, "resolved"))
    assert watcher.letters(since, "resolved")[0]["subject"] == "kedge sieht backup wieder"


def test_an_mx_changed_by_hand_is_one_page(watcher: Watcher, lab: Lab, fresh_host: Callable[..., Any]) -> None:
    since = watcher.count()
    change = "server 127.0.0.1\nzone verein.example\nupdate delete verein.example. MX 20 mx2.verein.example.\nsend\n"
    fresh_host("ns1").run(["nsupdate", "-k", "/etc/bind/kedge.key"], stdin=change)
    watcher.wait("both were told", lambda: len(watcher.told(since)) == 2)
    assert {one["id"].rpartition("-")[0] for one in watcher.told(since)} == {"verein.example"}
    assert max(one["rounds"] for one in watcher.told(since)) == 1


def test_status_for_nagios(watcher: Watcher) -> None:
    done = subprocess.run(watcher.argv("status", "--nagios"), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()[1]) in ((0, "OK"), (1, "WARNING"))
