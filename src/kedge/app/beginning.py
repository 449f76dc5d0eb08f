"""An inventory begun from the world: what is looked at, what is drawn, and the new file that is written."""

from __future__ import annotations

import ipaddress
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kedge.adapters.local import LocalShell
from kedge.app.names import Names
from kedge.app.opening import DEFAULT_NAMES, Opened
from kedge.app.vantage import DirectNet, LiveSite, NoShell, VantageNet
from kedge.discovery.composing import Composer, compose
from kedge.discovery.doors import Visitor
from kedge.discovery.first_findings import first_findings
from kedge.discovery.operators import Registry
from kedge.discovery.outside import Outlook, Watch
from kedge.discovery.records import read_host
from kedge.discovery.world import World
from kedge.errors import Bug, InventoryError, KedgeError, OutsideError, UsageError
from kedge.inventory.read import read_inventory
from kedge.model.finding import Finding
from kedge.model.inventory import Inventory
from kedge.model.ports import Address
from kedge.probes.delegation import Asker, system_resolver

RESOLVER_LIMIT = timedelta(seconds=3)
DOOR_LIMIT = timedelta(seconds=6)
REGISTRY_LIMIT = timedelta(seconds=8)
Told = Callable[[str], None]


@dataclass(frozen=True)
class Wish:
    """What a call asks for: where to look, through which resolver and registry, within which time."""

    domains: tuple[str, ...] = ()
    resolver: str = ""
    rdap: str = ""
    limit: timedelta = timedelta(seconds=20)
    name: str = ""


@dataclass(frozen=True)
class Beginning:
    """What was seen, and the inventory drawn from it."""

    world: World
    composer: Composer

    def findings(self, inventory: Inventory) -> tuple[Finding, ...]:
        """Return what is wrong as seen by the look itself."""
        return first_findings(self.world, inventory, self.composer.seen)


def read_domain(text: str) -> str:
    """Return a domain name in lower case, its umlauts as the DNS has them; raises UsageError."""
    try:
        plain = read_host(text.strip().encode("idna").decode("ascii") if not text.isascii() else text)
    except UnicodeError:
        plain = ""
    if not plain:
        raise UsageError(f"'{text}' is no domain name", hint="kedge init example.org")
    return plain


def read_resolver(text: str) -> tuple[Address, ...]:
    """Return the resolvers to ask: the one that was given, or this machine's; raises UsageError."""
    if not text:
        return system_resolver()
    try:
        return (Address(str(ipaddress.ip_address(text)), 53),)
    except ValueError as cause:
        raise UsageError(f"--resolver: {cause}") from cause


async def begin(wish: Wish, told: Told) -> Beginning:
    """Return what can be seen of the wished domains, drawn as an inventory."""
    domains = tuple(read_domain(one) for one in wish.domains)
    world = await _look(wish, domains, told) if domains else World()
    if domains and not world.domains:
        raise OutsideError("; ".join(world.left), hint="check the spelling, and that this machine can ask the DNS")
    now = datetime.now(UTC)
    composer = Composer(wish.name or next(iter(domains), "my organisation"), now.date())
    composer.sketch.header += [f"Drawn by kedge init on {now:%Y-%m-%d}, from what the world shows; correct it freely."]
    return Beginning(world, compose(composer.name, now.date(), world, composer=composer))


async def _look(wish: Wish, domains: Sequence[str], told: Told) -> World:
    resolver = read_resolver(wish.resolver)
    if not resolver:
        raise OutsideError("this machine knows no resolver", hint="--resolver 192.0.2.53")
    names = Names(DirectNet(), resolver)
    net = VantageNet(names=names)
    site = LiveSite(net, NoShell("nobody logs in there"), LocalShell())
    asker = Asker(net, resolver, RESOLVER_LIMIT)
    registry = Registry(net, asker, wish.rdap, REGISTRY_LIMIT)
    return await Outlook(site, asker, registry, Visitor(site, DOOR_LIMIT)).look(domains, Watch(wish.limit, told))


def choose_file(given: str | None) -> Path:
    """Return where a new inventory is written: as given, or `kedge.yaml` here; never where something is already."""
    wanted = Path(given or DEFAULT_NAMES[0])
    is_taken = wanted.exists() or (not given and any(Path(name).exists() for name in DEFAULT_NAMES))
    if not is_taken:
        return wanted
    numbers = ["new", *(f"new-{number}" for number in range(2, 1000))]
    return next(
        path for word in numbers if not (path := wanted.with_name(f"{wanted.stem}.{word}{wanted.suffix}")).exists()
    )


def check_text(text: str) -> Inventory:
    """Return the inventory in a text; raises Bug if kedge drew one that it would not read."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kedge.yaml"
        file.write_text(text, encoding="utf-8")
        try:
            return read_inventory(file)
        except InventoryError as error:
            said = "\n".join(str(replace(one, file="kedge.yaml")) for one in error.mistakes)
            raise Bug(f"kedge drew an inventory that it cannot read:\n{said}") from error


def write_new(path: Path, text: str) -> Opened:
    """Write a new inventory, which nobody had there before; return it opened. Raises Bug, OutsideError."""
    check_text(text)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OutsideError(f"{path} could not be written ({error.strerror})") from error
    try:
        return Opened(path, read_inventory(path))
    except KedgeError:
        path.unlink(missing_ok=True)
        raise
