"""What the world shows and an inventory does not say: new things, changed measured values, things not seen any more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kedge.discovery.sighting import FAMILIES
from kedge.discovery.sketch import Sketch
from kedge.inventory.edit import Value, flow
from kedge.model.inventory import Inventory
from kedge.model.premises import Volume
from kedge.model.service import Service
from kedge.model.thing import Thing, to_kebab
from kedge.rules.dns_drift import declared_sets

SECTIONS = ("providers", "hosts", "stores", "services", "channels", "domains", "certificates")
"""The sections in which a look can find something, in the order they are written."""
MEASURED: Mapping[str, tuple[str, ...]] = {
    "hosts": ("address", "system", "guest-of", "last-boot"),
    "services": ("databases", "containers", "volumes", "ports", "listens", "zones"),
    "domains": ("expiry",),
    "certificates": ("expiry", "names"),
}
"""Fields whose measured value counts more than what is written; whatever else people wrote stays."""
REFERENCES = frozenset(
    {
        "host", "provider", "guest-of", "database", "mail", "mailboxes", "cache", "needs", "sells", "notices-to",
        "registrar", "nameservers", "used-by", "on", "save", "opens", "held-by", "people", "readers", "passphrase",
    }
)  # fmt: skip
"""The fields of a sketch that name other things."""
SIGNIFICANT = 0.05
"""So much of a file system must have been filled or freed to be worth an edit."""


@dataclass(frozen=True)
class Change:
    """One edit: a new thing (no field) or another value of a field; `before` is what was written."""

    section: str
    thing: str
    field: str
    before: str
    after: Value
    keys: tuple[str, ...] = ()
    """The field's keys one by one, where one of them has dots of its own (`zone`, `_imap._tcp`)."""

    def __str__(self) -> str:
        """Return it on one line: `+` is new, `~` is changed."""
        if not self.field:
            return f"+ {self.section}.{self.thing}: {flow(self.after)}"
        return f"~ {self.section}.{self.thing}.{self.field}: {self.before or 'nothing'} → {flow(self.after)}"


@dataclass
class Difference:
    """What would be changed; and what people must settle: what is written but was not seen is never removed."""

    changes: list[Change] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)


@dataclass
class Comparison:
    """Compares a sketch, and the inventory it reads as, with the inventory there is."""

    sketch: Sketch
    drawn: Inventory
    known: Inventory
    looked_at: frozenset[str] = frozenset()
    """Hosts of the sketch that were asked from within: what they do not show is not there."""
    by_hand: list[str] = field(default_factory=list)
    """Differences that no single edit can settle."""
    names: dict[str, str] = field(default_factory=dict)
    """Name in the sketch -> name in the inventory."""

    def difference(self) -> Difference:
        """Return what is different."""
        found = Difference()
        for section in ("hosts", "domains", "providers", "services", "stores", "channels", "certificates"):
            for name, thing in self.drawn.in_section(section):
                if match := self._match(section, name, thing):
                    self.names[name] = match
        for section in SECTIONS:
            for name, thing in self.drawn.in_section(section):
                if name in self.names:
                    found.changes += self._changes(section, name, thing)
                else:
                    found.changes.append(Change(section, self._free(name), "", "", self._new(section, name)))
        found.unseen += [*self._unseen(), *self.by_hand]
        return found

    def _match(self, section: str, name: str, thing: Thing) -> str:
        taken = set(self.names.values())
        others = [(each, one) for each, one in self.known.in_section(section) if each not in taken]
        same = (each for each, one in others if self._is_same(section, (name, thing), (each, one)))
        return next((each for each, _ in others if each == name), "") or next(same, "")

    def _is_same(self, section: str, new: tuple[str, Any], old: tuple[str, Any]) -> bool:
        (_, seen), (_, known) = new, old
        match section:
            case "hosts":
                logins = {seen.login, known.login} - {""}
                return bool(set(seen.address) & set(known.address)) or (
                    bool(seen.login) and len(logins) == 1 and seen.login == known.login
                )
            case "services":
                return self._is_same_service(seen, known)
            case "channels":
                return bool(seen.to == known.to)
            case "stores":
                return bool(seen.repository) and seen.repository == known.repository
            case "certificates":
                return bool(set(seen.names) & set(known.names))
            case "providers":
                sold = {self.names.get(one, one) for one in seen.sells}
                return bool(sold & set(known.sells))
        return False

    def _is_same_service(self, seen: Service, known: Service) -> bool:
        hosts = {self.names.get(one, one) for one in seen.host or ()}
        is_there = not hosts or not known.host or bool(hosts & set(known.host))
        kinds = {seen.kind, known.kind}
        alike = len(kinds) == 1 or "other" in kinds or any(kinds <= family for family in FAMILIES)
        if not is_there or not (alike or "compose" in kinds):
            return False
        ours, theirs = set(seen.names()), set(known.names())
        return bool(ours & theirs) or (len(kinds) == 1 and seen.kind != "other" and not (ours and theirs))

    def _free(self, name: str) -> str:
        """Return a name nobody in the inventory has."""
        number, wanted = 1, name
        while name in self.known.things or name in self.names.values():
            number += 1
            name = f"{wanted}-{number}"
        self.names[wanted] = name
        return name

    def _new(self, section: str, name: str) -> Value:
        values = self.sketch.sections[section][name].values()
        return {key: self._renamed(key, value) for key, value in values.items()}

    def _renamed(self, key: str, value: Value) -> Value:
        return self._translated(value) if key in REFERENCES else value

    def _translated(self, value: Value) -> Value:
        """Return a value in which things are called as the inventory calls them."""
        if isinstance(value, Mapping):
            return {key: self._translated(each) for key, each in value.items()}
        if isinstance(value, str):
            return self.names.get(value, value)
        return [self._translated(each) for each in value] if isinstance(value, Sequence) else value

    def _changes(self, section: str, name: str, seen: Thing) -> Iterator[Change]:
        known_as = self.names[name]
        known = getattr(self.known.sections, section)[known_as]
        drawn = self.sketch.sections[section][name].values()
        for key in MEASURED.get(section, ()):
            attribute = _attribute(seen, key)
            if key not in drawn or not attribute or not hasattr(known, attribute) or drawn[key] == "unknown":
                continue
            before, after = getattr(known, attribute), getattr(seen, attribute)
            if not _says(before, after):
                yield Change(
                    section, known_as, key, _shown(known, key), self._renamed(key, _merged(before, drawn[key]))
                )
        if section == "hosts":
            yield from self._volumes(known_as, getattr(seen, "volumes", {}), getattr(known, "volumes", {}), drawn)
        if section == "domains":
            yield from self._zone(known_as, seen, known, drawn)

    def _volumes(
        self, host: str, seen: Mapping[str, Volume], known: Mapping[str, Volume], drawn: Any
    ) -> Iterator[Change]:
        for name, volume in seen.items():
            before = known.get(name)
            written = drawn["volumes"][name]
            if before is None:
                yield Change("hosts", host, f"volumes.{name}", "", written, ("volumes", name))
                continue
            for key in ("size", "used", "unallocated"):
                old, new = getattr(before, key), getattr(volume, key)
                if new is not None and (old is None or abs(new - old) > SIGNIFICANT * max(volume.size or new, 1)):
                    shown = "" if old is None else f"{old >> 20} MiB"
                    yield Change("hosts", host, f"volumes.{name}.{key}", shown, written[key], ("volumes", name, key))

    def _zone(self, name: str, seen: Any, known: Any, drawn: Any) -> Iterator[Change]:
        """Yield owners whose records differ; owners that share a line with others are told, and changed by hand."""
        now, before = declared_sets(seen), declared_sets(known)
        for owner in dict.fromkeys(owner for owner, _ in now):
            ours = {kind: data for (one, kind), data in before.items() if one == owner}
            theirs = {kind: data for (one, kind), data in now.items() if one == owner}
            if any(ours.get(kind) != data for kind, data in theirs.items()):
                said = "; ".join(f"{kind} {one}" for kind, data in sorted(ours.items()) for one in sorted(data))
                kept = [f"{kind} {one}" for kind, data in ours.items() if kind not in theirs for one in sorted(data)]
                if any(owner in key.split() and key.strip() != owner for key in known.zone):
                    told = "; ".join(f"{kind} {one}" for kind, data in sorted(theirs.items()) for one in sorted(data))
                    self.by_hand.append(
                        f"domains.{name}.zone: {owner} shares a line, and is now {told}: change it by hand"
                    )
                    continue
                written = drawn["zone"][owner]
                after = [*([written] if isinstance(written, str) else written), *kept]
                yield Change("domains", name, f"zone.{owner}", said, after, ("zone", owner))

    def _unseen(self) -> Iterator[str]:
        """Yield the services on hosts that were asked from within and do not show them."""
        asked = {self.names.get(one, one) for one in self.looked_at}
        seen = set(self.names.values())
        for name, service in self.known.in_section("services"):
            hosts = set(getattr(service, "host", None) or ())
            if hosts and hosts <= asked and name not in seen:
                yield f"services.{name} was not seen on {', '.join(sorted(hosts))}"


def _attribute(thing: Thing, key: str) -> str:
    fields = type(thing).model_fields
    return next((name for name, one in fields.items() if (one.alias or to_kebab(name)) == key), "")


def _says(before: object, after: object) -> bool:
    """Return whether what is written covers what was seen: the same, or a list that has all of it."""
    if isinstance(before, tuple) and isinstance(after, tuple):
        return set(after) <= set(before)
    return before == after


def _merged(before: object, drawn: Value) -> Value:
    """Return what is written with what was seen added: an address that was not seen may still be there."""
    if not isinstance(before, tuple):
        return drawn
    listed: Iterable[Value] = [drawn] if isinstance(drawn, str) else drawn if isinstance(drawn, list) else []
    return list(dict.fromkeys([*map(str, before), *map(str, listed)]))


def _shown(thing: Thing, key: str) -> str:
    data = thing.model_dump(mode="json", by_alias=True, exclude_defaults=True).get(key)
    return "" if data is None else flow(_text(data))


def _text(data: Any) -> Value:
    if isinstance(data, Mapping):
        return {str(key): _text(each) for key, each in data.items()}
    return [_text(each) for each in data] if isinstance(data, list) else str(data)
