"""An inventory of any size for benches: always the same one for the same number, shaped like many small organisations.

One unit is a club of 10 services and 100 things; 100 units make the reference size of 1,000 services.
Units lean on each other as real ones do: ten share a name server and a login, five a provider.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Things = Iterator[tuple[str, str, dict[str, Any]]]

SHARING_LOGIN = 10
SHARING_PROVIDER = 5


def describe_services(unit: str, hub: str) -> Things:
    """Ten services: a database, what uses it, mail, names, files, a login and pages."""
    people = [f"{unit}-admins"]
    saved = {"people": people, "save": {"to": [f"{unit}-near", f"{unit}-far"], "every": "6h"}}
    with_database = {**saved, "database": f"{unit}-db"}
    yield "services", f"{unit}-db", {"kind": "mariadb", "host": f"{unit}-host-0", **saved}
    yield (
        "services",
        f"{unit}-wiki",
        {"kind": "mediawiki", "host": f"{unit}-host-1", "needs": [f"{hub}-dns"], **with_database},
    )
    yield "services", f"{unit}-forum", {"kind": "phpbb", "host": f"{unit}-host-1", **with_database}
    yield (
        "services",
        f"{unit}-tickets",
        {"kind": "otrs", "host": f"{unit}-host-1", "needs": [f"{unit}-mail"], **with_database},
    )
    yield (
        "services",
        f"{unit}-mail",
        {"kind": "postfix", "host": f"{unit}-host-2", "needs": {"use": [f"{hub}-dns"]}, **saved},
    )
    yield (
        "services",
        f"{unit}-lists",
        {"kind": "mailman3", "host": f"{unit}-host-2", "mail": f"{unit}-mail", **with_database},
    )
    yield (
        "services",
        f"{unit}-chat",
        {"kind": "prosody", "host": f"{unit}-host-3", "needs": {"use": [f"{hub}-login"]}, **saved},
    )
    yield (
        "services",
        f"{unit}-dns",
        {"kind": "bind", "host": [f"{unit}-host-3", f"{unit}-host-4"], "at-least": "1", **saved},
    )
    yield "services", f"{unit}-login", {"kind": "other", "host": f"{unit}-host-4", "needs": [f"{unit}-db"], **saved}
    yield (
        "services",
        f"{unit}-pages",
        {"kind": "http", "host": f"{unit}-host-1", "people": people, "reports-on": [f"{unit}-host-1"]},
    )


def describe_premises(unit: str, number: int, provider: str) -> Things:
    """A place, a provider, six hosts and four stores."""
    yield "places", f"{unit}-room", {"kind": "room"}
    yield (
        "providers",
        f"{unit}-hoster",
        {
            "notices-to": f"mail notices@{unit}-0.example",
            "contract": f"{unit}-person-0",
            "lead-time": "2d",
            "support-hours": "mon-fri 8-18",
        },
    )
    for host in range(6):
        yield (
            "hosts",
            f"{unit}-host-{host}",
            {
                "provider" if host < 5 else "place": provider if host < 5 else f"{unit}-room",
                "address": f"2001:db8:{number:x}::{host + 1}",
                "volumes": {
                    "/": {"size": "400 GB", "used": f"{100 + 17 * (number + host) % 280} GB", "growth": "1 GB/d"}
                },
            },
        )
    for store, carrier in (("near", "host-4"), ("far", "host-5"), ("old", "host-5"), ("copy", "host-0")):
        yield (
            "stores",
            f"{unit}-{store}",
            {
                "on": f"{unit}-{carrier}",
                "type": "restic",
                "passphrase": f"{unit}-secret-0",
                "deletable-by": [f"{unit}-account-0"],
            },
        )
    yield "vantages", f"{unit}-lookout", {"on": f"{unit}-host-5"}


def describe_people(unit: str) -> Things:
    """Six people, two teams, two groups, twelve channels; half of the mail lives in the unit itself."""
    for person in range(6):
        domain = f"{unit}-0.example" if person % 2 else f"private-{person}.example"
        yield "people", f"{unit}-person-{person}", {"channels": [f"{unit}-mail-{person}", f"{unit}-phone-{person}"]}
        yield "channels", f"{unit}-mail-{person}", {"to": f"mail person-{person}@{domain}"}
        yield "channels", f"{unit}-phone-{person}", {"to": f"sms {unit}-person-{person}"}
    for team, first in (("admins", 0), ("board", 3)):
        members = [f"{unit}-person-{person}" for person in range(first, first + 3)]
        yield "teams", f"{unit}-{team}", {"members": members}
        yield "groups", f"{unit}-{team}-group", {"members": members, "grants": [f"{unit}-account-{first}"]}


def describe_access(unit: str, hub: str, provider: str) -> Things:
    """Sixteen accounts, fourteen secrets, six documents."""
    opened = [
        provider,
        *(f"{unit}-host-{host}" for host in range(6)),
        *(f"{unit}-{domain}.example" for domain in range(4)),
    ]
    opened += [f"{unit}-{service}" for service in ("wiki", "mail", "dns", "chat", "login")]
    for account, target in enumerate(opened):
        yield (
            "accounts",
            f"{unit}-account-{account}",
            {
                "opens": target,
                "held-by": [f"{unit}-person-{account % 3}", f"{unit}-person-{(account + 1) % 3}"],
                "reset-by": f"{unit}-mail-{account % 6}",
                "factors": [f"{unit}-secret-{account % 14}"],
                "needs": [f"{hub}-login"] if account % 4 == 3 else [],
            },
        )
    for secret in range(14):
        yield "secrets", f"{unit}-secret-{secret}", {"kept": [f"{unit}-person-{secret % 3}", "paper"]}
    for document in range(6):
        yield (
            "documents",
            f"{unit}-document-{document}",
            {
                "covers": [f"{unit}-host-{document}"],
                "kept": [f"{unit}-wiki" if document % 2 else "paper"],
            },
        )


def describe_names(unit: str, hub: str, provider: str) -> Things:
    """Four domains, eight certificates, four limits, three changes."""
    for domain in range(4):
        yield (
            "domains",
            f"{unit}-{domain}.example",
            {
                "registrar": provider,
                "nameservers": [f"{unit}-dns", f"{hub}-dns"] if unit != hub else [f"{unit}-dns"],
                "expiry": "2031-05-01",
                "zone": {"wiki mail lists": "AAAA 2001:db8::1", "@": f"MX 10 mail.{unit}-{domain}.example."},
            },
        )
    for certificate in range(8):
        yield (
            "certificates",
            f"{unit}-certificate-{certificate}",
            {
                "names": f"wiki.{unit}-{certificate % 4}.example",
                "used-by": f"{unit}-wiki",
                "expiry": "2030-03-01",
            },
        )
    for limit in range(4):
        yield (
            "limits",
            f"{unit}-limit-{limit}",
            {"of": f"{unit}-host-{limit}", "what": "inodes", "value": "1000", "used": "600"},
        )
    for change in range(3):
        yield (
            "changes",
            f"{unit}-change-{change}",
            {"what": "update", "of": f"{unit}-host-{change}", "when": "2030-02-01"},
        )


def describe_unit(number: int) -> Things:
    """All hundred things of one unit: section, name, value."""
    unit = f"u{number}"
    hub = f"u{number - number % SHARING_LOGIN}"
    provider = f"u{number - number % SHARING_PROVIDER}-hoster"
    yield from describe_services(unit, hub)
    yield from describe_premises(unit, number, provider)
    yield from describe_people(unit)
    yield from describe_access(unit, hub, provider)
    yield from describe_names(unit, hub, provider)


def write_inventory(services: int) -> str:
    """An inventory with this many services (rounded up to tens) and ten times as many things, one per line."""
    sections: dict[str, list[str]] = {}
    for number in range((services + 9) // 10):
        for section, name, value in describe_unit(number):
            sections.setdefault(section, []).append(f"  {name}: {json.dumps(value)}")
    lines = ["version: 1", "organisation: {name: Generated}"]
    for section, things in sections.items():
        lines += [f"{section}:", *things]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(write_inventory(int(sys.argv[2]) if len(sys.argv) > 2 else 1000), encoding="utf-8")
