"""An organisation of any size as compiled rules, for measuring: a core with every classical circle, units around it.

The core: two sites, three hosts, mail, DNS, single sign-on, vault, chat, code hosting, wiki and monitoring; accounts at
a hoster, a registrar, a DNS provider and a cloud, opened with a password (vault or paper) and a second factor or reset
by mail; people with phones and laptops; two stores and their key. Mail is needed to reset the account that is needed to
bring mail back, the vault's key lies in the vault and on paper, and so on: one large strongly connected set.

A unit: a site, three hosts (every other one with a mirrored disk) that also form a cluster, two people, a store, a
domain, and services that run on a host or on two of three, use each other and the core, and come back through both.
About fifty components, a hundred and thirty nodes and eight services; the units know only the core.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from kedge.scenarios.ruleset import RuleSet

_CORE_SERVICES = ("dns", "mail", "sso", "vault", "chat", "git", "wiki", "monitor")
_ACCOUNTS = ("hoster", "registrar", "dnshost", "cloud")
_UNIT_SERVICES = 8


@dataclass(frozen=True)
class Organisation:
    """Rules and the nodes worth asking about: per service its `up` and its `back`, in the order they were made."""

    rules: RuleSet
    up: dict[str, int] = field(default_factory=dict)
    back: dict[str, int] = field(default_factory=dict)

    @property
    def targets(self) -> list[int]:
        """Every `up`, then every `back`."""
        return [*self.up.values(), *self.back.values()]


def organisation(size: int, seed: int = 2007, *, tangle: float = 0.0) -> Organisation:
    """An organisation with about `size` components (74 at least); the same size and seed give the same rules.

    `tangle` is the probability that a service can also be brought back with the help of some other unit's service: it
    joins the units into one large strongly connected set.
    """
    builder = _Builder(Organisation(RuleSet()), random.Random(seed), tangle)
    builder.build_core()
    number = 0
    while builder.count < size:
        builder.build_unit(number, size - builder.count)
        number += 1
    builder.entangle()
    builder.made.rules.check()
    return builder.made


class _Builder:
    def __init__(self, made: Organisation, dice: random.Random, tangle: float) -> None:
        self.made = made
        self.rules = made.rules
        self.dice = dice
        self.tangle = tangle
        self.count = 0
        self.ways: dict[str, list[int]] = {}

    # The four things rules are made of

    def part(self, name: str) -> int:
        self.count += 1
        return self.rules.component(name)

    def runs(self, name: str, of: list[int], need: int | None = None) -> int:
        node = self.rules.node(f"up:{name}", greatest=True)
        self.rules.define(node, len(of) if need is None else need, of)
        return node

    def every(self, name: str, *of: int) -> int:
        node = self.rules.node(name)
        self.rules.all(node, of)
        return node

    def one(self, name: str, *of: int) -> int:
        node = self.rules.node(name)
        self.rules.any(node, of)
        return node

    def up(self, name: str) -> int:
        return self.rules.node(f"up:{name}", greatest=True)

    def back(self, name: str) -> int:
        return self.rules.node(f"back:{name}")

    # What core and units share

    def site(self, name: str) -> int:
        return self.runs(name, [self.part(f"{name} {what}") for what in ("building", "power", "uplink")])

    def host(self, name: str, site: int, *, mirrored: bool) -> int:
        disks = [self.part(f"{name} disk {letter}") for letter in ("ab" if mirrored else "a")]
        return self.runs(name, [self.part(f"{name} machine"), site, self.runs(f"{name} disks", disks, 1)])

    def person(self, name: str) -> int:
        """Somebody who can be told and can act: the node is true if both."""
        self_, phone, laptop = (self.part(f"{name}{what}") for what in ("", " phone", " laptop"))
        by_mail = self.every(f"mail to {name}", self.back("mail"), self.one(f"{name} reads", phone, laptop))
        by_chat = self.every(f"chat to {name}", self.back("chat"), laptop)
        by_sms = self.every(f"sms to {name}", phone, self.rules.component("sms gateway"))
        told = self.one(f"told:{name}", by_mail, by_chat, by_sms)
        desk = self.one(f"{name} works", laptop, self.rules.component("spare laptop"))
        return self.every(f"acts:{name}", self_, told, desk)

    def store(self, name: str, *of: int) -> int:
        return self.every(f"copy in {name}", *of, self.one(f"key of {name}", self.back("vault"), self.paper))

    @property
    def paper(self) -> int:
        return self.rules.component("paper in the safe")

    def service(self, name: str, runs_on: int, uses: list[int], ways: list[int], copies: list[int]) -> None:
        """A service, how it runs, and its ways back: on its old place or on one of `ways`."""
        own = [self.part(f"{name} {what}") for what in ("software", "machine", "volume")]
        self.made.up[name] = self.runs(name, [*own, runs_on, *uses])
        needs = [self.back(self.rules.name(use).removeprefix("up:")) for use in uses]
        route = self.one(f"route:{name}", runs_on, self.rules.node("open:dnshost"), self.rules.node("open:registrar"))
        place = self.one(f"place:{name}", runs_on, *ways)
        restore = self.every(
            f"restore:{name}",
            place,
            self.one(f"data:{name}", *copies),
            self.one(f"who:{name}", *self.staff),
            route,
            *needs,
        )
        self.ways[name] = [self.up(name), restore]

    # The core

    def build_core(self) -> None:
        self.part("sms gateway"), self.part("spare laptop"), self.part("paper in the safe")
        sites = [self.site("north"), self.site("south")]
        hosts = [self.host(f"core{i}", sites[i > 0], mirrored=i < 2) for i in range(3)]
        self.staff = [self.person(f"admin{i}") for i in range(3)]
        for account in _ACCOUNTS:
            self.account(account)
        rented = self.every("rented machine", self.rules.node("open:hoster"), self.part("hoster"))
        self.core_copies = [
            self.store("south", self.part("south store"), sites[1]),
            self.store("cloud", self.part("cloud bucket"), self.rules.node("open:cloud")),
        ]
        self.core_ways = [hosts[2], rented]
        either = self.runs("two name servers", hosts[:2], 1)
        place = {"dns": either, "mail": hosts[0], "wiki": hosts[0], "sso": hosts[1], "vault": hosts[1]}
        uses = {"dns": [], "mail": ["dns", "sso"], "sso": ["dns", "mail"], "vault": ["sso"], "monitor": ["dns"]}
        for name in _CORE_SERVICES:
            used = [self.up(use) for use in uses.get(name, ["dns", "sso"])]
            self.service(name, place.get(name, hosts[2]), used, self.core_ways, self.core_copies)

    def account(self, name: str) -> None:
        contract, token, private = (self.part(f"{name} {what}") for what in ("contract", "token", "private mailbox"))
        password = self.one(f"password of {name}", self.back("vault"), self.paper)
        factor = self.one(f"factor of {name}", token, self.rules.component("admin0 phone"))
        login = self.every(f"login to {name}", password, factor)
        reset = self.every(f"reset of {name}", self.one(f"mailbox of {name}", self.back("mail"), private), factor)
        way = self.one(f"way into {name}", login, reset) if name != "cloud" else login
        self.every(f"open:{name}", contract, way)

    # The units

    def build_unit(self, number: int, room: int) -> None:
        """One unit of about fifty components, or fewer services if there is less room."""
        unit = f"unit{number}"
        site = self.site(unit)
        hosts = [self.host(f"{unit} host{i}", site, mirrored=i % 2 == 0) for i in range(3)]
        cluster = self.runs(f"{unit} cluster", hosts, 2)
        self.staff = [*(self.person(f"{unit} admin{i}") for i in range(2)), self.rules.id("acts:admin0")]
        copies = [self.store(unit, self.part(f"{unit} store"), site), self.dice.choice(self.core_copies)]
        domain = self.runs(f"{unit} domain", [self.part(f"{unit} domain"), self.up("dns")])
        self.one(f"back:{unit} domain", domain, self.rules.node("open:registrar"))
        made: list[str] = []
        while len(made) < _UNIT_SERVICES and (room > 20 + len(made) * 3.5 or not made):
            made.append(self.unit_service(f"{unit} service{len(made)}", made, [*hosts, cluster], domain, copies))

    def unit_service(self, name: str, made: list[str], places: list[int], domain: int, copies: list[int]) -> str:
        uses = [domain]
        if made and self.dice.random() < 0.5:
            uses.append(self.up(self.dice.choice(made)))
        if self.dice.random() < 0.4:
            uses.append(self.up(self.dice.choice(("sso", "mail", "git"))))
        if self.dice.random() < 0.5:
            copies = [*copies, self.every(f"export of {name}", self.part(f"{name} export"), self.back("vault"))]
        ways = [self.dice.choice(places), self.dice.choice(self.core_ways)]
        self.service(name, self.dice.choice(places), uses, ways, copies)
        return name

    def entangle(self) -> None:
        """Defines every `back` node, some with one more way through another service."""
        names = list(self.ways)
        for name, ways in self.ways.items():
            if self.tangle and self.dice.random() < self.tangle:
                helper = self.dice.choice(names)
                ways.append(self.every(f"help for {name}", self.back(helper), self.rules.id(f"who:{name}")))
            self.made.back[name] = self.one(f"back:{name}", *dict.fromkeys(ways))
