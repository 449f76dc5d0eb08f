"""The reference organisation: which hosts it has, where, and what runs on them; well built, or as it was in 2007."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from tests.lab import names
from tests.lab.component import Component
from tests.lab.errors import LabError
from tests.lab.network import Network, Plug
from tests.lab.recipes import (
    apache,
    bind,
    dovecot,
    knot,
    mailman3,
    mariadb,
    mediawiki,
    postfix,
    postgresql,
    prosody,
    registry,
    request_tracker,
    spirit,
    sshd,
    store,
    webhook,
)

DOMAIN = "verein.example"
FOREIGN_DOMAIN = "elsewhere.example"
LISTS = f"lists.{DOMAIN}"
TICKETS = "tickets"
PEOPLE = ("anna", "bert")
WATCHER = "kedge"
"""The account, with a mailbox of its own, as which kedge looks; there was nothing of the kind in 2007."""
OUTSIDERS = ("carl", "anna.privat", "bert.privat")
ALIASES = (
    ("vorstand", f"anna@{DOMAIN}, bert@{DOMAIN}"),
    ("hostmaster", f"anna@{DOMAIN}, bert@{DOMAIN}, anna.privat@{FOREIGN_DOMAIN}"),
)
VANTAGE = "vantage"
STORIES = ("", "2007")
SMALL_MB = 256
"""The one partition of a server in 2007; on the real one it was 20 GB."""

HETZNER = Network("hetzner", "192.0.2", "2001:db8:2")
OPERATOR = Network("operator", "198.51.100", "2001:db8:51")
ELSEWHERE = Network("elsewhere", "203.0.113", "2001:db8:113")


@dataclass(frozen=True)
class Machine:
    """One host: where it is plugged in, its partitions, its components in the order they are set up."""

    name: str
    network: Network
    numbers: tuple[int, ...]
    """The last numbers of its addresses; the first is the host's own, the others belong to services."""
    components: tuple[Component, ...]
    domain: str = DOMAIN
    guest_of: str = ""
    size_mb: int = 2048
    volumes: tuple[tuple[str, int], ...] = ()
    """Own partitions: mount point and size in MB."""
    certified: tuple[str, ...] = ()
    """The names in its certificate; none: it has no certificate."""
    free_mb: int = 0
    """What an old dump leaves free on its root, once everything runs; 0: there is no old dump."""
    learns_from: str = ""
    """The machine whose data this one copies or remembers; it gets a fresh disk whenever that one does."""

    @property
    def full_name(self) -> str:
        """The host's name with its domain."""
        return f"{self.name}.{self.domain}"


@dataclass(frozen=True)
class Organisation:
    """Everything there is in one lab."""

    story: str
    machines: tuple[Machine, ...]
    zone: names.Zone
    networks: tuple[Network, ...] = (HETZNER, OPERATOR, ELSEWHERE)
    vantage_network: Network = ELSEWHERE
    vantage_number: int = 99
    resolver: str = ELSEWHERE.ipv4(3)

    def packages(self) -> set[str]:
        """The Debian packages all components need."""
        return {package for one in self._components() for package in one.packages}

    def python_packages(self) -> set[str]:
        """The Python packages all components need."""
        return {package for one in self._components() for package in one.python_packages}

    def _components(self) -> list[Component]:
        return [component for machine in self.machines for component in machine.components]

    def groups(self) -> list[tuple[Machine, ...]]:
        """Each machine with its guests."""
        return [self.group(machine) for machine in self.machines if not machine.guest_of]

    def group(self, machine: Machine) -> tuple[Machine, ...]:
        """The machine this one is or is a guest of, with all its guests."""
        head = machine.guest_of or machine.name
        return tuple(one for one in self.machines if head in (one.name, one.guest_of))

    def plug(self, machine: Machine) -> Plug:
        """Where the machine is plugged in."""
        others = [other for other in self.group(machine) if other != machine]
        beside = tuple(number for other in others for number in other.numbers)
        has_guests = bool(others) and not machine.guest_of
        return Plug(machine.name, machine.network, machine.numbers, machine.guest_of, has_guests, beside)

    def all_names(self) -> str:
        """Every host in the manner of /etc/hosts, for a place without DNS."""
        lines = (f"{one.network.ipv4(one.numbers[0])} {one.full_name} {one.name}\n" for one in self.machines)
        return "".join(lines)


def organisation(story: str = "") -> Organisation:
    """The organisation, built conservatively; or, with story `2007`, as it was that night."""
    if story not in STORIES:
        raise LabError(f"no story {story!r}; there is: 2007")
    faulty = story == "2007"
    zone = names.organisation_zone(DOMAIN, faulty=faulty)
    own = (*_name_servers(zone, faulty=faulty), *_new(faulty=faulty), _old(faulty=faulty), _backup())
    organised = (*own, *([] if faulty else [_spare()]), _elsewhere())
    return Organisation(story, (_resolver(), _root(organised, zone, faulty=faulty), *organised), zone)


def _root(machines: Sequence[Machine], zone: names.Zone, *, faulty: bool) -> Machine:
    """The world's name server and its registries."""
    address = ELSEWHERE.ipv4(2)
    server = bind.RootServer(names.world(address, machines, zone, FOREIGN_DOMAIN))
    known = registry.Registry(json.dumps(_registered(faulty=faulty), sort_keys=True))
    return Machine("root", ELSEWHERE, (2,), (server, known), domain="root.example", size_mb=256)


def _registered(*, faulty: bool) -> dict[str, object]:
    """What registries know: whom they write to, and until when; in 2007 the domain would have ended within days."""
    companies = ((HETZNER, "Hetzner Online GmbH"), (OPERATOR, "Operator Example AG"), (ELSEWHERE, "Elsewhere Ltd"))
    return {
        "domain": DOMAIN,
        "days": 12 if faulty else 400,
        "registrar": "Registrar Example GmbH",
        "contact": f"hetzner@{DOMAIN}" if faulty else f"anna.privat@{FOREIGN_DOMAIN}",
        "networks": [
            [prefix, name]
            for network, name in companies
            for prefix in (f"{network.ipv4_block}.0/24", f"{network.ipv6_block}::/48")
        ],
    }


def _resolver() -> Machine:
    server = bind.Resolver(ELSEWHERE.ipv4(2))
    return Machine("resolver", ELSEWHERE, (3,), (server,), domain="root.example", size_mb=256, learns_from="ns1")


def _name_servers(zone: names.Zone, *, faulty: bool) -> list[Machine]:
    """Two servers, two programs; at two operators, or in 2007 both at one."""
    at, number = (OPERATOR, 54) if faulty else (ELSEWHERE, 53)
    primary = bind.Primary(zone.name, zone.text, (at.ipv4(number),), "hand" if faulty else "nsupdate")
    secondary = knot.Secondary(zone.name, OPERATOR.ipv4(53))
    return [
        Machine("ns1", OPERATOR, (53,), (sshd.Sshd(), primary), size_mb=256),
        Machine("ns2", at, (number,), (sshd.Sshd(), secondary), size_mb=256, learns_from="ns1"),
    ]


def _old(*, faulty: bool) -> Machine:
    """Wiki, forum and their database; built well it is the second way in for mail, too."""
    wiki, forum = f"wiki.{DOMAIN}", f"forum.{DOMAIN}"
    components = (
        sshd.Sshd(),
        mariadb.MariaDB((mariadb.Database("wiki"), mariadb.Database("forum"))),
        mediawiki.MediaWiki(f"http://{wiki}", is_latin1=faulty),
        spirit.Spirit(f"http://{forum}"),
        apache.Apache((apache.Site(wiki), apache.Site(forum, behind=spirit.PORT))),
    )
    host = f"hetzner-old.{DOMAIN}"
    if faulty:
        return Machine("hetzner-old", HETZNER, (10,), components, size_mb=SMALL_MB, certified=(host, wiki, forum))
    return Machine(
        "hetzner-old",
        HETZNER,
        (10, 11, 12, 13),
        (*components, _second_mx()),
        volumes=(("/var/lib/mysql", 1024),),
        certified=(host, wiki, forum, f"mx2.{DOMAIN}"),
    )


def _second_mx() -> postfix.SecondMx:
    local = [*PEOPLE, WATCHER, "postmaster", TICKETS, *dict(ALIASES)]
    recipients = (*(f"{name}@{DOMAIN}" for name in local), f"@{LISTS}")
    return postfix.SecondMx((DOMAIN, LISTS), f"mx2.{DOMAIN}", recipients)


def _new(*, faulty: bool) -> list[Machine]:
    """Mail, lists, XMPP and tickets; the tickets' database is a guest on the same machine and dies with it."""
    services = tuple(f"{name}.{DOMAIN}" for name in ("mail", "lists", "xmpp", "tickets"))
    machine = Machine(
        "hetzner-new",
        HETZNER,
        (20,) if faulty else (20, 21, 22, 23, 24),
        _new_components(faulty=faulty),
        size_mb=SMALL_MB if faulty else 2048,
        free_mb=24 if faulty else 0,
        volumes=() if faulty else (("/var/vmail", 512),),
        certified=(f"hetzner-new.{DOMAIN}", *services, DOMAIN),
    )
    database = mariadb.MariaDB((mariadb.Database("rt", used_from="%"),), listens_on="*")
    guest = Machine("tickets-db", HETZNER, (29,), (sshd.Sshd(), database), guest_of=machine.name)
    return [machine, guest]


def _new_components(*, faulty: bool) -> tuple[Component, ...]:
    members = (*(f"{name}@{DOMAIN}" for name in PEOPLE), f"carl@{FOREIGN_DOMAIN}")
    # In 2007 the provider's notices went to a mailbox on the very server they were about.
    aliases = (("hetzner", f"anna@{DOMAIN}"),) if faulty else ALIASES
    accounts = PEOPLE if faulty else (*PEOPLE, WATCHER)
    return (
        sshd.Sshd(),
        postgresql.PostgreSQL(("mailman",)),
        dovecot.Dovecot(DOMAIN, accounts),
        postfix.MailServer(DOMAIN, f"mail.{DOMAIN}", accounts, aliases, lists_domain=LISTS, tickets=TICKETS),
        mailman3.Mailman(LISTS, f"anna@{DOMAIN}", members),  # after Postfix, for which it writes tables
        prosody.Prosody(DOMAIN, accounts),
        request_tracker.RequestTracker(f"tickets.{DOMAIN}", DOMAIN, f"tickets-db.{DOMAIN}"),
        apache.Apache((apache.Site(f"tickets.{DOMAIN}", behind=8080),)),
    )


def _backup() -> Machine:
    """Room for backups at another provider, and the database of kedge's evidence."""
    evidence = postgresql.PostgreSQL(("kedge",), listens_on="*", allowed_from=("0.0.0.0/0", "::/0"))
    return Machine("backup", OPERATOR, (30,), (sshd.Sshd(), store.Store(), evidence), volumes=(("/srv/store", 1024),))


def _spare() -> Machine:
    """An empty host at a third company: the programs are installed, nothing is set up and nothing runs."""
    return Machine("spare", ELSEWHERE, (60,), (sshd.Sshd(),))


def _elsewhere() -> Machine:
    """Somebody else's mail, XMPP and webhook receiver; the organisation's people have mailboxes here, too."""
    components = (
        dovecot.Dovecot(FOREIGN_DOMAIN, OUTSIDERS),
        postfix.MailServer(FOREIGN_DOMAIN, FOREIGN_DOMAIN, OUTSIDERS),
        prosody.Prosody(FOREIGN_DOMAIN, OUTSIDERS),
        webhook.WebhookReceiver(),
    )
    return Machine(
        "elsewhere", ELSEWHERE, (40,), components, domain=FOREIGN_DOMAIN, size_mb=512, certified=(FOREIGN_DOMAIN,)
    )
