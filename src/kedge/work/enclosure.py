"""What lies beside the data in every snapshot: the inventory, the store's name, and how to restore without kedge.

Whoever has lost everything but a store and its passphrase finds in it what to restore, and how.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kedge.errors import OutsideError
from kedge.model.checksums import SUMS
from kedge.model.instance import Part
from kedge.model.package import PackageList
from kedge.work.spool import clear

ENCLOSED = "_kedge"
"""Its folder in a snapshot: no part is called so."""
INVENTORY, STORE, RECIPE, PACKAGES = "inventory", "store", "RESTORE.txt", "packages"

HEAD = """\
{service}, as kedge saved it to the store {store}.

With kedge, on any machine, with this store's address:
    kedge snapshots --from ADDRESS
    kedge drill {service} --from ADDRESS
    kedge restore {service} --from ADDRESS --to HOST

Without kedge:
    snapshot.json holds the moment, and the length and SHA-256 of every file here.
"""
FOLDER = """\
    mkdir -p {place}
    tar --extract --file {file} --directory {place} --same-owner --same-permissions --acls --xattrs
"""
VOLUME = """\
    docker volume create {place}   # or podman, here and below; nothing else may be in it
    tar --extract --file {file} --directory "$(docker volume inspect --format '{{{{.Mountpoint}}}}' {place})" \\
        --same-owner --same-permissions --acls --xattrs
"""
DUMP = "    mariadb --default-character-set=utf8mb4 --max-allowed-packet=1G < {file}\n"
ROLES = "    psql --dbname=postgres --file={file}\n"
DATABASE = "    pg_restore --create --dbname=postgres {file}\n"
LOAD = "    {{ {command}\n    }} < {file}\n"
OTHER = "    {file}: part {part} of {service}\n"
ACCOUNTS = "    mariadb --default-character-set=utf8mb4 < {file}   # where none of these accounts are yet\n"
MNESIA = """\
    ejabberdctl mnesia_change_nodename ejabberd@OLD ejabberd@NEW {file} /var/tmp/renamed   # OLD: strings {file}
    ejabberdctl install_fallback /var/tmp/renamed && ejabberdctl restart
"""
ZONE = "    {file} is a zone file: pdnsutil load-zone, or any name server\n"
LOADED = {
    "/zone": ZONE,
    "/dump.sql": DUMP,
    "/accounts.sql": ACCOUNTS,
    "/roles.sql": ROLES,
    ".dump": DATABASE,
    "/mnesia.backup": MNESIA,
}
TAIL = """
{inventory}/ is the inventory: what runs where, what needs what, who can act, and where each secret is kept.
"""
RUNS_ON = """\
{packages} are the Debian packages that its programs come from; how to make an empty host of them: docs/restore.md.
"""


@dataclass(frozen=True)
class Enclosure:
    """The inventory's files as they are, by name; none encloses nothing. `packages`: what its programs come from."""

    inventory: Mapping[str, bytes] = field(default_factory=dict)
    packages: PackageList | None = None

    def write(self, spool: Path, service: str, store: str, parts: Sequence[Part]) -> None:
        """Put it into a spool folder, in place of an older one; raises OutsideError."""
        if not self.inventory:
            return
        files = {f"{INVENTORY}/{name}": text for name, text in self.inventory.items()}
        files |= {STORE: f"{store}\n".encode(), RECIPE: _recipe(spool, service, store, parts).encode()}
        if self.packages:
            files[PACKAGES] = self.packages.write(service).encode()
            files[RECIPE] += RUNS_ON.format(packages=f"{ENCLOSED}/{PACKAGES}").encode()
        clear(spool / ENCLOSED)
        try:
            for name, text in files.items():
                (spool / ENCLOSED / name).parent.mkdir(parents=True, exist_ok=True)
                (spool / ENCLOSED / name).write_bytes(text)
        except OSError as failure:
            why = os.strerror(failure.errno or 0)
            raise OutsideError(f"the inventory could not be put beside the data in {spool}: {why}") from failure


def _recipe(spool: Path, service: str, store: str, parts: Sequence[Part]) -> str:
    steps = [
        _step(f"{part.name}/{path.name}", part, service)
        for part in parts
        for path in sorted((spool / part.name).iterdir())
        if path.name != SUMS
    ]
    return HEAD.format(service=service, store=store) + "".join(steps) + TAIL.format(inventory=f"{ENCLOSED}/{INVENTORY}")


def _step(file: str, part: Part, service: str) -> str:
    if volume := getattr(part, "volume", ""):
        return VOLUME.format(file=file, place=f"{getattr(part, 'project', '')}_{volume}")
    place = getattr(part, "folder", "")
    if place and file.endswith("/folder.tar"):
        return FOLDER.format(file=file, place=place)
    if load := getattr(part, "load", ""):
        return LOAD.format(command=load, file=file)
    for name, how in LOADED.items():
        if file.endswith(name):
            return how.format(file=file)
    return OTHER.format(file=file, part=part.name, service=service)
