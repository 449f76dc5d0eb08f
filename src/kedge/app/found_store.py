"""A store and what opens it, and nothing else: no inventory, no evidence, no state. The inventory is found in it."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kedge.adapters.secret import Secret, read_secret
from kedge.app.opening import Opened
from kedge.app.workshop import TELL, Workshop
from kedge.errors import InventoryError, OutsideError, UsageError
from kedge.evidence.place import VARIABLE
from kedge.inventory.read import read_inventory
from kedge.inventory.secrecy import holds_password
from kedge.model.care import Organisation
from kedge.model.inventory import Inventory, Sections
from kedge.model.ports import Repository, Snapshot
from kedge.model.saving import Drill, Save, Store
from kedge.work.enclosure import ENCLOSED, INVENTORY, STORE

MOST_TRIES = 20
"""In so many snapshots, newest first, an inventory that can be read is looked for."""
PASSPHRASE, CREDENTIALS = "given-passphrase", "given-credentials"
NAMELESS = "store"
BORG = "This is a Borg Backup repository"


@dataclass(frozen=True)
class Given:
    """What somebody has in hand: a store's address, and files with what opens it; without one it is asked for.

    `credentials` is what a REST server or S3 asks for; `inventory` is to be used instead of the one in the store.
    """

    address: str
    ask: Callable[[], str]
    passphrase: str = ""
    credentials: str = ""
    inventory: str = ""

    @property
    def place(self) -> str:
        """The address, that of a folder as an absolute path; raises UsageError for one with a password in it."""
        if holds_password(self.address):
            raise UsageError("the address has a password in it", hint="put `name:password` into a --credentials-file")
        return self.address if ":" in self.address.partition("/")[0] else str(Path(self.address).absolute())

    def secrets(self) -> Mapping[str, Secret]:
        """Return what opens the store; raises OutsideError for a file that holds nothing."""
        files = {PASSPHRASE: self.passphrase, CREDENTIALS: self.credentials}
        found = {name: read_secret(f"file:{file}", {}) for name, file in files.items() if file}
        return found if PASSPHRASE in found else {**found, PASSPHRASE: Secret("what was typed", self.ask().encode())}


async def open_found(given: Given, tell: Callable[[str], None] = TELL) -> Workshop:
    """Return a workshop with the inventory beside a store's newest snapshot, for what that store holds.

    Raises OutsideError if the store does not open or has no inventory, UsageError for an address that cannot be meant.
    """
    workshop = _without_inventory(given, tell)
    store = workshop.repository(NAMELESS)
    snapshots = await store.list_all()
    if not snapshots:
        raise OutsideError(f"{given.place} holds no snapshot made by kedge")
    name, inventory = await _find_inventory(store, snapshots, given, tell)
    known = inventory.sections.stores.get(name)
    declared = workshop.opened.inventory.sections.stores[NAMELESS]
    declared = declared.model_copy(update={"packages": known.packages if known else None})
    saved = {snapshot.service for snapshot in snapshots}
    for service in sorted(saved - set(inventory.sections.services)):
        tell(f"{service} is saved here, but is not in the inventory: docs/restore.md, 'Without kedge'")
    return replace(workshop, opened=replace(workshop.opened, inventory=_narrowed(inventory, name, declared, saved)))


def _without_inventory(given: Given, tell: Callable[[str], None]) -> Workshop:
    """Return a workshop that knows one store only; its state is apart from that of any inventory."""
    where, secrets = given.place, given.secrets()
    environ = {name: value for name, value in os.environ.items() if name != VARIABLE}
    credentials = CREDENTIALS if CREDENTIALS in secrets else None
    store = Store(type=_type(where), repository=where, passphrase=PASSPHRASE, credentials=credentials)
    sections = Sections(organisation=Organisation(name=""), stores={NAMELESS: store})
    workshop = Workshop.open(Opened(Path("/", where), Inventory(sections)), tell)
    return replace(workshop, environ=environ, given=secrets)


def _type(where: str) -> str:
    """Return which program reads a store: borg by ssh:// or by what its folder says of itself, else restic."""
    if where.startswith(("ssh://", "file://")):
        return "borg"
    try:
        return "borg" if (Path(where) / "README").read_text(errors="replace").startswith(BORG) else "restic"
    except OSError:
        return "restic"


async def _find_inventory(
    store: Repository, snapshots: Sequence[Snapshot], given: Given, tell: Callable[[str], None]
) -> tuple[str, Inventory]:
    """Return the name of a store and its newest inventory that can be read; the given one, if there is one."""
    if given.inventory:
        return NAMELESS, read_inventory(Path(given.inventory))
    for snapshot in sorted(snapshots, key=lambda one: one.at, reverse=True)[:MOST_TRIES]:
        with tempfile.TemporaryDirectory(prefix="kedge-found-") as here:
            await store.fetch_below(snapshot, ENCLOSED, Path(here))
            try:
                found = await asyncio.to_thread(_read, Path(here, ENCLOSED))
            except InventoryError as failure:
                tell(f"the inventory of {snapshot.at:%Y-%m-%d %H:%M}Z cannot be used: {failure.mistakes[0].text}")
                continue
        if found:
            tell(f"found the inventory of {snapshot.at:%Y-%m-%d %H:%M}Z")
            return found
    raise OutsideError(
        f"no snapshot in {given.place} has an inventory beside it that can be read",
        hint="an older kedge saved none: --inventory FILE, if somebody has it; else docs/restore.md, 'Without kedge'",
    )


def _read(folder: Path) -> tuple[str, Inventory] | None:
    if not (folder / INVENTORY).is_dir():
        return None
    return (folder / STORE).read_text().strip(), read_inventory(folder / INVENTORY)


def _narrowed(inventory: Inventory, name: str, store: Store, saved: Collection[str]) -> Inventory:
    """Return an inventory in which what a store holds is saved to it alone, and nothing else is saved."""

    def save(declared: Save | None) -> Save:
        root = declared.drill.root if declared and declared.drill else "host"
        # The folder of programs may have been on the machine that is lost.
        is_here = root.startswith("folder:") and Path(root.removeprefix("folder:")).is_dir()
        return Save(to=(name,), drill=Drill(root=root if is_here else "host"))

    services = {
        service: declared.model_copy(update={"save": save(declared.save) if service in saved else None})
        for service, declared in inventory.sections.services.items()
    }
    stores = {**inventory.sections.stores, name: store}
    return replace(inventory, sections=inventory.sections.model_copy(update={"services": services, "stores": stores}))
