"""What the look from outside says of an organisation that rents most of what it has."""

from __future__ import annotations

from datetime import UTC, date, datetime

from kedge.app.beginning import check_text
from kedge.discovery.composing import compose
from kedge.discovery.first_findings import first_findings
from kedge.discovery.world import (
    AddressView,
    DomainView,
    Door,
    DoorView,
    Operator,
    Page,
    Registration,
    Shown,
    Srv,
    World,
)
from kedge.model.observation import Observation, Status

OK = Observation(Status.OK, "answered")


def page(name: str, address: str, text: str, seen: Observation = OK) -> DoorView:
    shown = Shown((name,), datetime(2027, 1, 1, tzinfo=UTC))
    door = Door("web", name, 443, "club.example")
    return DoorView(door, address, seen, Page(f"https://{name}/", 200, {"server": "nginx"}, text), shown)


def world(*contacts: str) -> World:
    view = DomainView(
        "club.example", servers=("ns1.dns-house.example",), mail_hosts=("mx.mail-house.example",),
        mail_domains=("club.example",), srv=(Srv("_xmpp-client._tcp", "chat.other.example", 5222),),
        names={"club.example": ("203.0.113.9",), "www.club.example": ("203.0.113.9",), "cloud.club.example": ("192.0.2.5",)},
        records={"@": ("A 203.0.113.9",)}, registration=Registration("DNS-House GmbH", contacts),
    )  # fmt: skip
    doors = (
        page("www.club.example", "203.0.113.9", '<meta name="generator" content="WordPress 6">'),
        page("club.example", "203.0.113.9", '<meta name="generator" content="WordPress 6">'),
        page("cloud.club.example", "192.0.2.5", "<title>Nextcloud</title>"),
        DoorView(Door("xmpp-client", "chat.other.example", 5222, "club.example", True), "203.0.113.77", OK),
    )
    addresses = {
        "203.0.113.9": AddressView("203.0.113.9", "web5.big.example", Operator("Big Hosting AG", "a registry"))
    }
    return World((view,), addresses, doors)


def test_what_others_run_is_theirs_and_is_not_forgotten() -> None:
    inventory = check_text(compose("club", date(2026, 11, 22), world("x@elsewhere.example")).sketch.to_text())
    services = {name: (one.kind, one.host) for name, one in inventory.sections.services.items()}
    assert services == {
        "club": ("wordpress", ("www-host",)),
        "cloud": ("nextcloud", ("cloud-host",)),
        "mail": ("other", None),
        "xmpp": ("prosody", None),
    }
    sold = {name: one.sells for name, one in inventory.sections.providers.items()}
    assert sold == {
        "big-hosting": ("www-host",), "mail-house.example": ("mail",), "other.example": ("xmpp",),
        "dns-house": ("club.example",),
    }  # fmt: skip
    assert inventory.sections.domains["club.example"].nameservers == ("dns-house",)


def test_a_contact_outside_is_no_finding_and_one_inside_is() -> None:
    for contacts, expected in (
        (("x@elsewhere.example",), []),
        (("x@club.example", "x@elsewhere.example"), []),
        (("x@club.example", "y@mail.club.example"), ["notice-loop"]),
        ((), []),
    ):
        seen = world(*contacts)
        composer = compose("club", date(2026, 11, 22), seen)
        inventory = check_text(composer.sketch.to_text())
        assert [one.rule for one in first_findings(seen, inventory, composer.seen)] == expected
