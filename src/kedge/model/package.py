"""Debian packages by name, version, architecture and SHA-256, and the list of them that lies in a snapshot."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kedge.errors import OutsideError

UNKNOWN = "-"
LINE = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9+.-]+) (?P<version>[0-9][A-Za-z0-9.+:~-]*)"
    r" (?P<architecture>[a-z0-9-]+) (?P<sha256>[0-9a-f]{64}|-)",
    re.ASCII,
)
"""A line of the list; with what deb-control(5) allows in a name and a version, neither leads out of a folder."""
NOT_KNOWN = "# not known: "
HEAD = """\
# The Debian packages that the programs of {service} come from, and what those need: name, version, architecture,
# SHA-256. `kedge drill {service} --empty` builds a system of them alone; how to do it by hand: docs/restore.md.
"""


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """One version of a package; `sha256` of its file is empty if no source of its host's apt knows it."""

    name: str
    version: str
    architecture: str
    sha256: str = ""

    @property
    def file(self) -> str:
        """Its file's name, as `apt-get download` calls it."""
        return f"{self.name}_{self.version.replace(':', '%3a')}_{self.architecture}.deb"

    @property
    def exact(self) -> str:
        """What apt calls exactly this version."""
        return f"{self.name}={self.version}"

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True)
class PackageList:
    """The packages that something needs; `unknown` says what nobody could find out."""

    packages: tuple[Package, ...] = ()
    unknown: tuple[str, ...] = ()

    def write(self, service: str) -> str:
        """Return the list as the text that lies in a snapshot."""
        lines = [f"{NOT_KNOWN}{one}".replace("\n", " ") for one in self.unknown]
        fields = sorted((one.name, one.version, one.architecture, one.sha256 or UNKNOWN) for one in self.packages)
        return HEAD.format(service=service) + "".join(f"{line}\n" for line in (*lines, *map(" ".join, fields)))

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that change with any package."""
        lines = "\n".join(f"{one.exact} {one.architecture} {one.sha256}" for one in sorted(self.packages))
        return hashlib.sha256(lines.encode()).hexdigest()[:16]


def read_packages(text: str) -> PackageList:
    """Return the list that a text holds; raises OutsideError, with the line, for one that is none."""
    packages, unknown = [], []
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith(NOT_KNOWN):
            unknown.append(line.removeprefix(NOT_KNOWN))
        elif line and not line.startswith("#"):
            found = LINE.fullmatch(line)
            if not found:
                raise OutsideError(f"line {number} of the list of packages is none: {line[:80]!r}")
            name, version, architecture, sha256 = found.groups()
            packages.append(Package(name, version, architecture, "" if sha256 == UNKNOWN else sha256))
    return PackageList(tuple(sorted(set(packages))), tuple(unknown))


def merge(lists: Iterable[PackageList]) -> PackageList:
    """Return one list of several hosts' packages, each package in the newest version any of them has."""
    newest: dict[str, Package] = {}
    unknown: dict[str, None] = {}
    for one in lists:
        unknown |= dict.fromkeys(one.unknown)
        for package in one.packages:
            known = newest.get(package.name)
            order = compare(package.version, known.version) if known else 1
            if known is None or order > 0 or (order == 0 and package.sha256 > known.sha256):
                newest[package.name] = package
    return PackageList(tuple(sorted(newest.values())), tuple(unknown))


def compare(one: str, other: str) -> int:
    """Return whether a version is older (-1), the same (0) or newer (1) than another one (deb-version(7))."""
    first, second = _split(one), _split(other)
    if first[0] != second[0]:
        return 1 if first[0] > second[0] else -1
    return _compare_part(first[1], second[1]) or _compare_part(first[2], second[2])


def _split(version: str) -> tuple[int, str, str]:
    """Return epoch, upstream version and revision."""
    epoch, colon, rest = version.partition(":")
    upstream, dash, revision = (rest if colon else version).rpartition("-")
    number = int(epoch) if colon and epoch.isdigit() else 0
    return (number, upstream, revision) if dash else (number, revision, "")


def _compare_part(one: str, other: str) -> int:
    """Compare by turns what is not digits and what is: `~` before the end, the end before letters, those before all."""
    parts = [re.findall(r"(\D*)(\d*)", text) for text in (one, other)]
    length = max(map(len, parts))
    for (text, number), (other_text, other_number) in zip(*(_padded(part, length) for part in parts), strict=True):
        keys = [[*map(_weight, piece), 0] for piece in (text, other_text)]
        if keys[0] != keys[1]:
            return 1 if keys[0] > keys[1] else -1
        difference = int(number or 0) - int(other_number or 0)
        if difference:
            return 1 if difference > 0 else -1
    return 0


def _padded(parts: list[tuple[str, str]], length: int) -> list[tuple[str, str]]:
    return parts + [("", "")] * (length - len(parts))


def _weight(character: str) -> int:
    return -1 if character == "~" else ord(character) if character.isalpha() else ord(character) + 256


def by_file(packages: Iterable[Package]) -> Mapping[str, Package]:
    """Return packages by the names of their files."""
    return {package.file: package for package in packages}


def name_some(packages: Sequence[Package], most: int = 3) -> str:
    """Return the names and versions of the first packages, and how many more there are."""
    named = ", ".join(map(str, packages[:most]))
    return f"{named} and {len(packages) - most} more" if len(packages) > most else named
