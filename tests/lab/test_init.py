"""`kedge init` against the lab: from a domain name alone, from outside; and from within both servers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kedge.inventory.read import read_inventory
from tests.lab.lab import Lab
from tests.lab.recipes.registry import PORT

pytestmark = pytest.mark.lab
DOMAIN = "verein.example"
RDAP = f"http://203.0.113.2:{PORT}"
KEDGE = str(Path(sys.executable).with_name("kedge"))


@pytest.fixture(scope="module")
def story(new_lab: Callable[..., Lab]) -> Lab:
    """The lab as it was in 2007."""
    return new_lab("init", "2007")


def init(lab: Lab, folder: Path, *words: str) -> dict[str, Any]:
    """What `kedge init` answers at the vantage; the inventory is in the folder."""
    argv = ["env", "-C", str(folder), KEDGE, "init", *words, "--rdap", RDAP, "--json"]
    done = lab.at_vantage(argv)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_a_domain_name_alone_tells_what_hurts(story: Lab, tmp_path: Path) -> None:
    story.host("hetzner-new").stop("prosody")
    try:
        answer = init(story, tmp_path, DOMAIN)
    finally:
        story.host("hetzner-new").start("prosody")
    found = {(one["rule"], one["thing"]) for one in answer["findings"]}
    assert found == {
        ("domain-expiry", DOMAIN),  # registered for twelve more days
        ("notice-loop", DOMAIN),  # the registrar writes to the domain itself
        ("down", "xmpp"),  # its SRV record still leads there
        ("shared-fate", "operator-example"),  # both name servers at one operator
        ("spof", "hetzner-new"),  # everything on one address
        ("spof", "hetzner-old"),
        ("unverified", "hetzner-new"),
    }
    assert answer["left"] == []


def test_every_service_that_can_be_seen_is_drawn(story: Lab, tmp_path: Path) -> None:
    answer = init(story, tmp_path, DOMAIN)
    assert "down" not in {one["rule"] for one in answer["findings"]}
    inventory = read_inventory(tmp_path / answer["written"])
    kinds = {service.kind: service for _, service in inventory.in_section("services")}
    assert set(kinds) == {"mediawiki", "other", "postfix", "dovecot", "prosody", "request-tracker"}
    assert kinds["postfix"].domains == (DOMAIN, f"lists.{DOMAIN}")
    assert {name for one in kinds.values() for name in one.host or ()} == {"hetzner-old", "hetzner-new"}
    assert inventory.sections.domains[DOMAIN].nameservers == ("ns1", "ns2")


def test_the_model_to_copy_gets_no_finding_of_that_kind(lab: Lab, tmp_path: Path) -> None:
    answer = init(lab, tmp_path, DOMAIN)
    assert {one["rule"] for one in answer["findings"]} <= {"spof", "unverified"}


def test_an_inventory_that_exists_stays_as_it_was(story: Lab, tmp_path: Path) -> None:
    (tmp_path / "kedge.yaml").write_text("# mine\n")
    answer = init(story, tmp_path, DOMAIN)
    assert answer["written"] == "kedge.new.yaml"
    assert (tmp_path / "kedge.yaml").read_text() == "# mine\n"


def test_a_domain_that_nobody_knows(story: Lab, tmp_path: Path) -> None:
    argv = ["env", "-C", str(tmp_path), KEDGE, "init", "nobody.example", "--rdap", RDAP, "--json"]
    done: subprocess.CompletedProcess[str] = story.at_vantage(argv)
    assert done.returncode == 2, done.stdout
    assert "nobody.example" in done.stderr
    assert not (tmp_path / "kedge.yaml").exists()


SSH = ("--ssh", "root@hetzner-new.verein.example", "--ssh", "root@hetzner-old.verein.example")
EXPECTED = {
    "wiki": ("mediawiki", "hetzner-old"),
    "forum": ("other", "hetzner-old"),
    "hetzner-old-db": ("mariadb", "hetzner-old"),
    "mail": ("postfix", "hetzner-new"),
    "mailboxes": ("dovecot", "hetzner-new"),
    "lists": ("mailman3", "hetzner-new"),
    "hetzner-new-db": ("postgresql", "hetzner-new"),
    "xmpp": ("prosody", "hetzner-new"),
    "tickets": ("request-tracker", "hetzner-new"),
    "tickets-database": ("mariadb", "tickets-db"),
}


def test_every_service_is_found_from_within(story: Lab, tmp_path: Path) -> None:
    answer = init(story, tmp_path, DOMAIN, *SSH)
    inventory = read_inventory(tmp_path / answer["written"])
    services = inventory.sections.services
    assert {name: (one.kind, *(one.host or ())) for name, one in services.items()} == EXPECTED
    databases = {
        name: set(getattr(one, "databases", ())) for name, one in services.items() if name.startswith("hetzner")
    }
    assert databases == {"hetzner-old-db": {"wiki", "forum"}, "hetzner-new-db": {"mailman"}}
    assert getattr(services["tickets-database"], "databases", ()) == ("rt",)
    bound = {name: getattr(services[name], "database", None) for name in ("wiki", "lists", "tickets")}
    assert bound == {"wiki": "hetzner-old-db", "lists": "hetzner-new-db", "tickets": "tickets-database"}
    hosts = inventory.sections.hosts
    assert hosts["tickets-db"].guest_of == "hetzner-new"
    assert all(hosts[name].volumes["root"].used and hosts[name].last_boot for name in ("hetzner-old", "hetzner-new"))
    assert inventory.sections.stores == {}  # nobody saved anything in 2007
    assert ("disk-limit", "hetzner-new") in {(one["rule"], one["thing"]) for one in answer["findings"]}


def test_backups_that_somebody_makes_are_found(story: Lab, tmp_path: Path) -> None:
    host = story.host("hetzner-old")
    host.write(
        "/etc/cron.d/dumps", "17 3 * * * root mysqldump --all-databases | gzip > /var/backups/db-$(date +%F).sql.gz\n"
    )
    host.write(
        "/etc/cron.d/restic",
        "RESTIC_REPOSITORY=sftp:store@backup.verein.example:restic\n5 4 * * * root restic backup /etc\n",
    )
    try:
        answer = init(story, tmp_path, DOMAIN, *SSH[2:])
    finally:
        host.sh("rm /etc/cron.d/dumps /etc/cron.d/restic")
    inventory = read_inventory(tmp_path / answer["written"])
    stores = {one.type: (one.repository, one.on) for one in inventory.sections.stores.values()}
    assert stores == {
        "newest-file": ("/var/backups/db-*.sql.gz", "hetzner-old"),
        "restic": ("sftp:store@backup.verein.example:restic", "backup"),
    }
    saved = {name: one.save and (one.save.to, one.save.made_by) for name, one in inventory.sections.services.items()}
    assert saved["hetzner-old-db"] == (("hetzner-old-mysqldump",), "other")
    assert saved["wiki"] == (("hetzner-old-restic",), "other")
    assert saved["mail"] is None


def test_whoever_may_not_see_everything_is_told_so(story: Lab, tmp_path: Path) -> None:
    host = story.host("hetzner-new")
    host.sh("id guest 2>/dev/null || useradd -m guest; install -d -o guest -m 700 /home/guest/.ssh")
    host.write("/home/guest/.ssh/authorized_keys", host.secrets["ssh-public-key"] + "\n", mode=0o600, owner="guest")
    init(story, tmp_path, "--ssh", "guest@hetzner-new.verein.example")
    text = (tmp_path / "kedge.yaml").read_text()
    kinds = {one.kind for one in read_inventory(tmp_path / "kedge.yaml").sections.services.values()}
    assert kinds >= {"postfix", "dovecot", "prosody", "mailman3", "request-tracker", "postgresql"}
    assert "could not be seen: " in text
    assert "only root may read" in text
    assert host.secrets["mailman-database"] not in text


def test_a_host_that_cannot_be_entered_does_not_hide_the_others(story: Lab, tmp_path: Path) -> None:
    answer = init(story, tmp_path, *SSH, "--ssh", "root@nobody.verein.example")
    assert len(answer["left"]) == 1
    assert "nobody.verein.example" in answer["left"][0]
    assert len(read_inventory(tmp_path / answer["written"]).sections.services) == len(EXPECTED)


def test_an_inventory_that_people_wrote_is_brought_up_to_date(story: Lab, tmp_path: Path) -> None:
    before = (Path(__file__).parents[2] / "examples/lab/2007/kedge.yaml").read_text()
    (tmp_path / "kedge.yaml").write_text(before)
    words = ["env", "-C", str(tmp_path), KEDGE, "init", DOMAIN, *SSH, "--rdap", RDAP, "--update", "--json"]
    shown = story.at_vantage(words)
    assert shown.returncode == 1, shown.stderr
    assert (tmp_path / "kedge.yaml").read_text() == before
    changes = json.loads(shown.stdout)["changes"]
    assert not any(
        change.startswith("+ services.") for change in changes
    )  # all ten are recognised, whatever their names
    applied = story.at_vantage([*words, "--apply"])
    assert applied.returncode == 0, applied.stdout
    inventory = read_inventory(tmp_path / "kedge.yaml")
    assert getattr(inventory.sections.services["web-db"], "databases", ()) == ("forum", "wiki")
    assert "# the mailbox is on the server the notices are about" in (tmp_path / "kedge.yaml").read_text()
    assert json.loads(story.at_vantage(words).stdout)["changes"] == []
