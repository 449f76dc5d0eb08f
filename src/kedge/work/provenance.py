"""Which Debian packages programs come from: found on their host by dpkg(1), with what those packages need.

What is found: the packages of the programs; installed packages of the same source (dovecot-imapd beside dovecot-core,
php8.2-mysql beside php8.2-cli); what the packages of the programs recommend or suggest, as far as it is installed; what
all of these depend on; and what Debian itself consists of (Essential).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from kedge.errors import OutsideError
from kedge.model.package import Package, PackageList, name_some
from kedge.model.ports import Exit, Shell
from kedge.work.spool import SAID_CHARACTERS

LIMIT = timedelta(minutes=3)
NO_DEBIAN = 3
FIELDS = (
    "Package", "Architecture", "Version", "db:Status-Status", "Essential", "source:Package", "Provides", "Pre-Depends",
    "Depends", "Recommends", "Suggests",
)  # fmt: skip
FIELD, RECORD = "\x1f", "\x1e"
"""What ends a field and a package in what dpkg says: it folds long fields by newlines."""
MARK = re.compile(r"^=== (\w+)$", re.MULTILINE)
# $1 what the host's packages looked like when last asked, $2 dpkg-query's format, then programs: names or patterns of
# paths. Since /bin became a link to /usr/bin, dpkg may know a file by either name; a program may be a link itself.
SCRIPT = r"""
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8; export PATH LC_ALL
before=$1 format=$2; shift 2
command -v dpkg-query >/dev/null 2>&1 || exit 3
now=$(stat -L -c %Y:%s /var/lib/dpkg/status /var/lib/apt/lists 2>/dev/null | tr '\n' ' ')
printf '=== stamp\n%s\n' "$now"
[ "$now" != "$before" ] || exit 0
printf '=== architecture\n'; dpkg --print-architecture
printf '=== programs\n'
programs=$(for program do
  case $program in /*) set -- $program ;; *) set -- "$(command -v "$program")" ;; esac
  for path do
    real=$(readlink -e -- "$path") || continue
    for name in "$path" "$real" "${path#/usr}" "${real#/usr}"; do printf '%s\t%s\n' "$program" "$name"; done
  done
done)
printf '%s\n' "$programs"
printf '=== owners\n'
dpkg-query -S $(printf '%s\n' "$programs" | cut -f 2 | sort -u) 2>/dev/null
printf '=== installed\n'; dpkg-query -W -f "$format" || exit 4
exit 0
"""
# What apt's sources know of exactly these versions; it says nothing of those that none has.
KNOWN = r"""
command -v apt-cache >/dev/null 2>&1 || exit 0
LC_ALL=C.UTF-8 apt-cache show "$@" 2>/dev/null | grep -E '^((Package|Version|Architecture|SHA256): |$)'
exit 0
"""


@dataclass(frozen=True)
class Installed:
    """One installed package, and what it needs: groups of alternatives, by name."""

    package: Package
    source: str
    is_essential: bool
    provides: tuple[str, ...]
    needs: tuple[tuple[str, ...], ...]
    hints: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Provenance:
    """What a host said of its packages: the packages of each program, and all that are installed."""

    programs: Mapping[str, frozenset[str]]
    installed: Mapping[str, Installed]

    def list_for(self, programs: Iterable[str]) -> PackageList:
        """Return the packages that these programs need; a name that begins with `-` may be missing."""
        wanted: dict[bool, set[str]] = {True: set(), False: set()}
        unknown = []
        for program in programs:
            name = program.removeprefix("-")
            found = self.programs.get(name, frozenset()) & self.installed.keys()
            wanted[name == program] |= found
            if not found and name == program:
                unknown.append(f"no package here holds {name}")
        packages = sorted(one.package for one in self._closure(wanted[True], wanted[False]))
        unsure = [one for one in packages if not one.sha256]
        if unsure:
            unknown.append(f"no source of the host's apt has {name_some(unsure)}, so their SHA-256 is not known")
        return PackageList(tuple(packages), tuple(unknown))

    def _closure(self, wanted: set[str], alone: set[str]) -> Iterator[Installed]:
        providers: dict[str, set[str]] = {name: {name} for name in self.installed}
        for name, one in self.installed.items():
            for virtual in one.provides:
                providers.setdefault(virtual, set()).add(name)
        todo = {name for name, one in self.installed.items() if one.is_essential} | alone
        todo |= self._beside(wanted, providers)
        found: set[str] = set()
        while todo:
            name = todo.pop()
            found.add(name)
            needed = {provider for group in self.installed[name].needs for other in group
                      for provider in providers.get(other, ())}  # fmt: skip
            todo |= needed - found
        return (self.installed[name] for name in found)

    def _beside(self, wanted: set[str], providers: Mapping[str, set[str]]) -> set[str]:
        """Return the packages of programs, those of the same sources, and what they recommend or suggest."""
        sources = {self.installed[name].source for name in wanted}
        found = {name for name, one in self.installed.items() if one.source in sources}
        hinted = {other for name in wanted for group in self.installed[name].hints for other in group}
        return found | {provider for other in hinted for provider in providers.get(other, ())}


async def ask(shell: Shell, programs: Sequence[str], before: str = "") -> tuple[str, str]:
    """Return a host's stamp, and what it says of these programs' packages: nothing if the stamp is as before.

    Raises OutsideError if it cannot be asked, or is no Debian.
    """
    layout = "".join(f"${{{field}}}{FIELD}" for field in FIELDS) + RECORD
    names = [program.removeprefix("-") for program in programs]
    ended = await shell.run(("sh", "-c", SCRIPT, "sh", before, layout, *names), limit=LIMIT)
    if ended.code == NO_DEBIAN:
        raise OutsideError("it has no dpkg, so its packages are not known")
    text = _said(ended)
    stamp = _sections(text).get("stamp", "").strip()
    if before and stamp == before:
        return stamp, ""
    needed = [one.exact for one in read_provenance(text).list_for(programs).packages]
    known = _said(await shell.run(("sh", "-c", KNOWN, "sh", *needed), limit=LIMIT))
    return stamp, f"{text}\n=== known\n{known}"


def _said(ended: Exit) -> str:
    if ended.code != 0:
        said = ended.stderr.decode(errors="replace").strip()[-SAID_CHARACTERS:]
        raise OutsideError(f"its packages are not known: {said or f'exit code {ended.code}'}")
    return ended.stdout.decode(errors="replace")


def read_provenance(text: str) -> Provenance:
    """Return what a host said, in words that can be asked; raises OutsideError for what cannot be understood."""
    said = _sections(text)
    native = said.get("architecture", "").strip()
    known = dict(_known(said.get("known", "")))
    lines = [line.split(FIELD) for line in said.get("installed", "").strip("\n").split(RECORD)[:-1]]
    if not native or not lines or any(len(fields) != len(FIELDS) + 1 for fields in lines):
        raise OutsideError("what dpkg said of its packages is not understood")
    installed = {fields[0]: _installed(fields, known) for fields in lines if _is_there(fields, native)}
    return Provenance(_programs(said), installed)


def _programs(said: Mapping[str, str]) -> Mapping[str, frozenset[str]]:
    """Return the packages of each program: dpkg says `bind9: /usr/sbin/named`, and several if it is a folder."""
    owners: dict[str, set[str]] = {}
    for line in said.get("owners", "").splitlines():
        names, _, path = line.rpartition(": ")
        if not line.startswith("diversion "):
            owners.setdefault(path, set()).update(name.strip().partition(":")[0] for name in names.split(","))
    programs: dict[str, set[str]] = {}
    for line in said.get("programs", "").splitlines():
        program, _, path = line.partition("\t")
        programs.setdefault(program, set()).update(owners.get(path, ()))
    return {program: frozenset(names) for program, names in programs.items()}


def _sections(text: str) -> Mapping[str, str]:
    parts = MARK.split(text)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _is_there(fields: Sequence[str], native: str) -> bool:
    return fields[3] == "installed" and fields[1] in {native, "all"}


def _installed(fields: Sequence[str], known: Mapping[tuple[str, str, str], str]) -> Installed:
    name, architecture, version, _, essential, source, provides, *needs = fields[: len(FIELDS)]
    package = Package(name, version, architecture, known.get((name, version, architecture), ""))
    depends, hints = f"{needs[0]},{needs[1]}", f"{needs[2]},{needs[3]}"
    virtual = tuple(other for group in read_relations(provides) for other in group)
    return Installed(package, source, essential == "yes", virtual, read_relations(depends), read_relations(hints))


def read_relations(text: str) -> tuple[tuple[str, ...], ...]:
    """Return the names in a field such as `Depends` (deb-control(5)): groups of which one is needed."""
    groups = [[re.split(r"[\s(:\[<]", one.strip(), maxsplit=1)[0] for one in group.split("|")]
              for group in text.split(",")]  # fmt: skip
    return tuple(named for group in groups if (named := tuple(name for name in group if name)))


def _known(text: str) -> Iterator[tuple[tuple[str, str, str], str]]:
    """Yield the SHA-256 of each file that apt's sources have, by name, version and architecture."""
    for stanza in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in stanza.strip().splitlines() if ": " in line)
        if "SHA256" in fields:
            yield (
                (fields.get("Package", ""), fields.get("Version", ""), fields.get("Architecture", "")),
                fields["SHA256"],
            )
