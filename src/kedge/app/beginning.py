"""An inventory begun from the world: what is looked at, what is drawn, and the new file that is written."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kedge.adapters.local import LocalShell
from kedge.adapters.login import enter, read_login
from kedge.app.names import Names
from kedge.app.opening import DEFAULT_NAMES, Opened
from kedge.app.vantage import DirectNet, LiveSite, NoShell, VantageNet
from kedge.discovery.compose_file import MOST_BYTES
from kedge.discovery.composing import Composer, compose
from kedge.discovery.doors import Visitor
from kedge.discovery.first_findings import first_findings
from kedge.discovery.imports import Imported, read_environment, read_import
from kedge.discovery.inside import HostView, read_inside
from kedge.discovery.inside_script import LIMIT_S, inside_script
from kedge.discovery.operators import Registry
from kedge.discovery.outside import Outlook, Watch
from kedge.discovery.records import read_host
from kedge.discovery.world import World
from kedge.errors import Bug, InventoryError, KedgeError, OutsideError, UsageError
from kedge.inventory.read import read_inventory
from kedge.model.finding import Finding
from kedge.model.inventory import Inventory
from kedge.model.ports import Address, Shell
from kedge.model.time_zone import local_zone
from kedge.probes.delegation import Asker, system_resolver
from kedge.probes.system_report import NoReport
from kedge.probes.wording import quote

RESOLVER_LIMIT = timedelta(seconds=3)
DOOR_LIMIT = timedelta(seconds=6)
REGISTRY_LIMIT = timedelta(seconds=8)
Told = Callable[[str], None]


@dataclass(frozen=True)
class Wish:
    """What a call asks for: where to look, through which resolver and registry, within which time."""

    domains: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
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
    logins = [read_host_login(one) for one in wish.hosts]
    shells = [enter(login, LocalShell()).shell for login in logins]
    within = (_ask(login, shell, told) for login, shell in zip(logins, shells, strict=True))
    world, answers = await asyncio.gather(_look(wish, domains, told), asyncio.gather(*within))
    insiders = [one for one in answers if isinstance(one, HostView)]
    world = replace(world, left=(*world.left, *(one for one in answers if isinstance(one, str))))
    imports = {path: read_file(path) for path in wish.files}
    if not world.domains and not insiders and not imports:
        raise OutsideError("; ".join(world.left), hint="check the spelling, and that this machine can reach them")
    now = datetime.now(UTC)
    composer = Composer(wish.name or next(iter((*domains, *(one.name for one in insiders))), "unnamed"), now.date())
    composer.sketch.header += [f"Drawn by kedge init on {now:%Y-%m-%d}, from what the world shows; correct it freely."]
    drawn = compose(composer.name, now.date(), world, insiders, imports, composer)
    if zone := choose_zone(own_zone(), insiders):
        drawn.sketch.organisation["time-zone"] = zone
    return Beginning(world, drawn)


def own_zone(environ: Mapping[str, str] = os.environ, root: Path = Path("/")) -> str:
    """Return the time zone this machine was told it is in (localtime(5), environ(7)); empty if nobody told it."""
    if said := environ.get("TZ"):
        return local_zone(said)
    with contextlib.suppress(OSError):
        if zone := local_zone(os.readlink(root / "etc/localtime")):
            return zone
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return local_zone((root / "etc/timezone").read_text())
    return ""


def choose_zone(own: str, insiders: Sequence[HostView]) -> str:
    """Return where an organisation lives: where this machine is, else where all hosts are that say so; or nothing."""
    zones = {one.zone for one in insiders if one.zone}
    return own or (zones.pop() if len(zones) == 1 else "")


def read_file(path: str) -> Imported:
    """Return what a file to import tells; raises UsageError if it cannot be read at all."""
    file = Path(path).resolve()
    try:
        if file.stat().st_size > MOST_BYTES:
            return Imported(not_understood=[f"{path}: longer than {MOST_BYTES} bytes"])
        text = file.read_bytes().decode(errors="replace")
    except OSError as error:
        raise UsageError(f"--import: {path} could not be read ({error.strerror})") from error
    beside = file.parent / ".env"
    environment = {}
    with contextlib.suppress(OSError):
        environment = read_environment(beside.read_text(errors="replace")) if beside.is_file() else {}
    return read_import(str(file), text, environment)


LOGIN_HOST = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?[A-Za-z0-9_](?:[A-Za-z0-9_.:-]*[A-Za-z0-9])?", re.ASCII)


def read_host_login(text: str) -> str:
    """Return the login of a host given as `web1`, `root@web1.example.org`, or `ssh -p 2222 root@web1, sudo`.

    Raises UsageError; nothing that begins with a dash ever reaches ssh as a host.
    """
    if LOGIN_HOST.fullmatch(text):
        return f"ssh {text}"
    if not text.startswith("ssh ") and text != "local":
        raise UsageError(f"--ssh: '{text}' is no host", hint="--ssh root@web1.example.org")
    read_login(text)
    return text


async def _ask(login: str, shell: Shell, told: Told) -> HostView | str:
    """Return what a host says from within, or why it could not be asked."""
    told(f"asking {login.removeprefix('ssh ')}")
    try:
        ended = await shell.run(("sh", "-c", inside_script()), limit=timedelta(seconds=LIMIT_S))
        if ended.code is None:
            return f"{login}: {quote(ended.stderr)}"
        return read_inside(login, ended.stdout.decode(errors="replace"))
    except OutsideError as failure:
        return f"{login}: {failure.message}"
    except NoReport:
        return f"{login}: it did not answer all questions; {quote(ended.stderr)}"


async def _look(wish: Wish, domains: Sequence[str], told: Told) -> World:
    if not domains:
        return World()
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
