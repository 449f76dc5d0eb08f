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
