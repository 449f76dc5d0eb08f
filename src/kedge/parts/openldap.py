"""The databases of an OpenLDAP server: dumped by slapcat(8) while it runs, loaded by slapadd(8) while it does not.

slapcat reads one transaction of a database of the `mdb` kind, so that a dump is of one moment; its census counts the
dump itself. slapadd keeps what slapcat wrote, operational attributes and order of entries included, so that a dump of
the loaded copy is the same byte for byte.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kedge.model.instance import Instance, Obstacle
from kedge.parts.command import QUICK, PlacedCommandPart

# Entries by their structural class, and everything with a digest.
COUNT = """
file=$(mktemp); trap 'rm -f "$file"' EXIT; cat >"$file"
awk '/^structuralObjectClass: / { n[$2]++ } END { for (name in n) print name, n[name] }' "$file"
echo "entries $(grep -c '^dn:' "$file") $(sha256sum <"$file" | cut -c 1-64)"
"""
# Debian's user is openldap, others' is ldap; where neither is, a sandbox has only one anyway.
OWN = """[ "$(id -u)" != 0 ] || for as in openldap ldap; do
  ! id $as >/dev/null 2>&1 || chown -R $as: {folder}
done"""
KEPT_ELSEWHERE = frozenset({"config", "frontend", "monitor", "ldap", "meta", "asyncmeta", "relay", "null", "dnssrv"})
"""Backends that keep nothing of their own, and the settings themselves."""
DATABASE = re.compile(rb"^olcDatabase: \{(\d+)\}(\w+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class DirectoryPart(PlacedCommandPart):
    """The settings, or a database, of the directory as LDIF (slapcat); counted by classes of entries."""

    settings: str = ""
    numbers: frozenset[str] = frozenset()

    async def preflight(self, at: Instance) -> Sequence[Obstacle]:
        """Return what stands in the way: programs, settings nobody may read, a database the inventory does not name."""
        if found := await PlacedCommandPart.preflight(self, at):
            return found
        asked = await self._run(at, f"slapcat -F {shlex.quote(self.settings)} -n 0 -o ldif-wrap=no", QUICK)
        if asked.code != 0:
            why = f"slapcat cannot read the settings in {self.settings}"
            return [Obstacle(why, "let kedge become root there (sudoers line); slapd.conf: convert it by slaptest -F")]
        return list(self._unnamed(asked.stdout))

    def _unnamed(self, settings: bytes) -> Iterator[Obstacle]:
        for number, backend in DATABASE.findall(settings):
            name = number.decode()
            if int(number) > 0 and backend.decode() not in KEPT_ELSEWHERE and name not in self.numbers:
                what = f"the directory has a database {{{name}}}{backend.decode()} that the inventory does not name"
                yield Obstacle(what, f"databases: {{…, {name}: the folder of its olcDbDirectory}}")


def directory_part(
    name: str, number: str, folder: str, settings: str, databases: Sequence[tuple[str, str]]
) -> DirectoryPart:
    """Return the part of one database (0: the settings), given all `databases` as numbers and folders."""
    words = f"-F {shlex.quote(settings)} -n {number}"
    folders = " ".join(shlex.quote(one) for _, one in databases)
    # Settings that name a missing folder are refused.
    before = f"mkdir -p {folders}; " if number == "0" and folders else ""
    own = OWN.format(folder=shlex.quote(folder))
    return DirectoryPart(
        name,
        f"slapcat {words} -o ldif-wrap=no",
        f"{before}slapadd {words}; {own}",
        COUNT,
        may_be_empty=number != "0",
        into=folder,
        settings=settings,
        numbers=frozenset(one for one, _ in databases),
    )
