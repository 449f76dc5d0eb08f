"""Secrets and private values are planted everywhere; no byte of the public edition may hold one."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from kedge.model.facts import Fact
from kedge.model.finding import Finding, Loss, Severity, Symptom, Text
from kedge.model.inventory import Inventory, Mark, Unknown
from kedge.model.observation import Observation, Status
from kedge.publish.site import publish_site
from tests.unit.publish.club import NOW, facts, inventory, service

PLANTED = [
    "hosto", "198.51.100.77", "2001:db8:77::1", "root@hosto", "deep-rack", "hosterix", "acct-panel", "panelix",
    "keyholder", "s3cr3t-ref", "storix", "repo-path", "mail planted@private.example", "planted@private.example",
    "0151000777", "smsgate", "Zoe Geheim", "zoe-key", "Geheim", "vaultix", "Hidden Treasure", "hidden.example.org",
    "doc-runbook", "vantago", "limitix", "changix", "why-accepted", "watchphrase", "title-of-finding", "fix-of-finding",
    "why-of-finding", "unknown-field", "attested-by", "saw-inside", "left-person", "secret-team", "Secret Team",
    "group-x", "inside-about", "placed-at", "hosto.example.net", "evidence-detail", "skill-x",
]  # fmt: skip

NOT_THINGS = {
    "unknown-field", "attested-by", "saw-inside", "evidence-detail", "why-accepted", "watchphrase", "inside-about",
    "placed-at", "skill-x", "repo-path", "s3cr3t-ref", "panelix",
    "title-of-finding", "why-of-finding", "fix-of-finding",
}  # fmt: skip
"""Planted words that are no name, title or address: the allow-list alone keeps them in, so no text repeats them."""


def plant(*, opted: bool) -> Inventory:
    tellers = {
        f"tells{number}": service(title=f"Teller {number}", about=f"It lives at {word}", people="zoe-key")
        for number, word in enumerate(PLANTED)
        if word not in NOT_THINGS
    }
    services = {
        "wiki": service(
            "mediawiki", title="Wiki for hosto", about="Runs on hosto, ask Zoe Geheim.", host="hosto",
            needs={"run": ["vaultix"], "recover": ["doc-runbook"]}, save="storix",
            people=["zoe-key", "secret-team"], domains=["wiki.example.org", "198.51.100.77"],
        ),
        "vaultix": service(title="Hidden Treasure", public=False, domains="hidden.example.org", about="inside-about"),
        **tellers,
    }  # fmt: skip
    return inventory(
        services,
        organisation={"name": "Example Club", "public": {"levels": opted, "findings": opted}},
        places={"deep-rack": {"about": "placed-at"}},
        providers={"hosterix": {"notices-to": "mail planted@private.example", "url": "https://panelix.example/"}},
        hosts={
            "hosto": {"address": ["198.51.100.77", "2001:db8:77::1", "hosto.example.net"], "login": "ssh root@hosto"}
        },
        people={
            "zoe-key": {
                "title": "Zoe Geheim",
                "channels": ["sms 0151000777"],
                "skills": "skill-x",
                "about": "inside-about",
            },
            "left-person": {"left": "2006-01-01"},
        },
        teams={"secret-team": {"title": "Secret Team", "members": ["zoe-key", "left-person"], "public": False}},
        groups={"group-x": {"members": "zoe-key"}},
        channels={"smsgate": "sms 0151000777"},
        accounts={"acct-panel": {"opens": "hosto", "held-by": "zoe-key", "url": "https://panelix.example/login"}},
        secrets={"keyholder": {"kept": "zoe-key", "from": "env:s3cr3t-ref"}},
        documents={"doc-runbook": {"covers": "wiki", "kept": "hosto"}},
        stores={"storix": {"on": "hosto", "repository": "/srv/repo-path"}},
        vantages={"vantago": {"on": "hosto"}},
        limits={"limitix": {"of": "hosto", "what": "watchphrase"}},
        changes={"changix": {"what": "watchphrase"}},
        accepted=[{"rule": "spof", "thing": "hosto", "why": "why-accepted", "by": "zoe-key", "until": "2008-01-01"}],
    )


def plant_findings() -> list[Finding]:
    why = (Text("why-of-finding", "why-of-finding"),)
    told = Finding(
        "spof", "hosto", Severity.CRITICAL, Text("title-of-finding", "title-of-finding"), why,
        Text("fix-of-finding", "fix-of-finding"), (Loss("hosto"),), NOW, (Symptom("bus-1", "vaultix"),),
    )  # fmt: skip
    by_word = [
        Finding("x", "wiki", Severity.NOTE, Text("harmless", word), why, Text(word, "harmless"))
        for word in PLANTED
        if word not in NOT_THINGS
    ]
    return [told, *by_word]


@pytest.mark.parametrize("opted", [False, True], ids=["default", "opted-in"])
def test_nothing_planted_leaves(opted: bool, tmp_path: Path) -> None:
    planted = plant(opted=opted)
    whole = Inventory(
        planted.sections, (Unknown("hosto", "unknown-field", Mark("x", 1, 1)),), source="/home/zoe-key/inventory"
    )
    known = facts(
        Fact(
            "wiki", "drill", "ok evidence-detail", NOW - timedelta(days=1), "drilled", "attested-by", "hosto", "vantago"
        ),
        Fact("wiki", "observation", "ok", NOW, "observed", "attested-by", "saw-inside", "vantago"),
    )
    looked = {"wiki": Observation(Status.DOWN, "saw-inside 198.51.100.77", {"address": "198.51.100.77"})}
    written = publish_site(whole, known, plant_findings(), {"wiki": 1, "vaultix": 4}, looked, out=tmp_path / "site")
    everything = [path for path in (tmp_path / "site").rglob("*") if path.is_file()]
    assert len(everything) == len(written) + 1
    for path in everything:
        text = (path.name + "\n" + path.read_text(encoding="utf-8")).lower()
        assert [word for word in PLANTED if word.lower() in text] == [], path.name


def test_what_is_public_does_leave(tmp_path: Path) -> None:
    publish_site(plant(opted=True), facts(), [], {"wiki": 1}, out=tmp_path / "site")
    page = (tmp_path / "site/index.en.html").read_text(encoding="utf-8")
    assert "wiki.example.org" in page
    assert "Teller 8" in page
    assert "documented" in page
