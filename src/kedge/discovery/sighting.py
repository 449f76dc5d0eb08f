"""One service as it was seen, by whomever: from outside, from within a host, or in a file that describes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from kedge.inventory.edit import Value
from kedge.model.observation import Observation

FAMILIES = ({"prosody", "ejabberd"}, {"postfix", "exim", "mailcow"}, {"dovecot", "mailcow"}, {"mariadb", "mysql"})
"""Kinds that do the same: which of them it is, a closer look tells."""
ONCE = frozenset(
    {
        "postfix", "exim", "dovecot", "prosody", "ejabberd", "mailman3", "bind", "knot", "powerdns", "unbound",
        "mariadb", "postgresql", "redis", "samba", "openldap", "mumble", "request-tracker", "sympa", "jitsi",
        "bigbluebutton", "matrix-synapse", "gitlab", "mailcow", "openvpn", "wireguard",
    }
)  # fmt: skip
"""Kinds of which a host has one, unless they are in containers."""


@dataclass
class Sighting:
    """A service: its kind, where it runs, under which names it is used, and how one knows."""

    kind: str
    host: str = ""
    names: tuple[str, ...] = ()
    fields: dict[str, Value] = field(default_factory=dict)
    why: list[str] = field(default_factory=list)
    wanted: str = ""
    """What it would be called."""
    sold_by: str = ""
    """The name of somebody else that it runs under, where it is on no host of one's own."""
    is_guess: bool = False
    """Whether the kind was only guessed from the protocol."""
    is_contained: bool = False
    """Whether it is (in) a container: then there may be several of its kind on one host."""
    seen: dict[str, Observation] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    """Fields nobody could tell."""
    assumed: tuple[str, ...] = ()
    """Fields that are probably so."""
    uses: dict[str, str] = field(default_factory=dict)
    """Role -> what it is known by: the name of a database (`database: wiki`), bound once all are known."""


def merge_sightings(sightings: Iterable[Sighting]) -> list[Sighting]:
    """Return each service once: what several saw is one; the closer look (the later one) wins."""
    merged: list[Sighting] = []
    for one in sightings:
        same = next((other for other in merged if _is_same(other, one, merged)), None)
        if same is None:
            merged.append(one)
        else:
            _absorb(same, one)
    return merged


def _is_same(known: Sighting, new: Sighting, all_known: Sequence[Sighting]) -> bool:
    if known.host != new.host:
        return False
    if "compose" in (known.kind, new.kind):  # a page outside is that of the containers behind it
        return known.kind != new.kind and bool(set(known.names) & set(new.names))
    if known.is_contained != new.is_contained:
        return False
    if set(known.names) & set(new.names) and (known.kind == new.kind or "other" in (known.kind, new.kind)):
        return True
    if known.kind == new.kind:
        return known.kind in ONCE or (not known.is_contained and _is_only(known, new, all_known))
    family = any({known.kind, new.kind} <= one for one in FAMILIES)
    return family and (known.is_guess or new.is_guess)


def _is_only(known: Sighting, new: Sighting, all_known: Sequence[Sighting]) -> bool:
    """Return whether there is one of this kind on the host, and one of the two says nothing of its names."""
    rivals = [one for one in all_known if (one.kind, one.host) == (known.kind, known.host)]
    return known.kind != "other" and len(rivals) == 1 and not (known.names and new.names)


def _absorb(known: Sighting, new: Sighting) -> None:
    if known.is_guess or (known.kind == "other" and new.kind != "other") or new.kind == "compose":
        known.kind, known.is_guess = new.kind, new.is_guess
        known.is_contained = new.is_contained
    for key, value in new.fields.items():
        before = known.fields.get(key)
        if isinstance(before, list) and isinstance(value, list):
            known.fields[key] = list(dict.fromkeys([*before, *value]))
        elif value and not (key == "url" and before and known.seen):  # that address was seen to work
            known.fields[key] = value
    known.names = tuple(dict.fromkeys((*known.names, *new.names)))
    known.why += [why for why in new.why if why not in known.why]
    known.seen |= new.seen
    known.uses |= new.uses
    known.wanted = known.wanted or new.wanted
    known.unknown = tuple(dict.fromkeys((*known.unknown, *new.unknown)))
