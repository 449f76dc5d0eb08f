"""Names that name other things: they must be declared, in a section that fits, and not in a ring."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from kedge.errors import Mistake
from kedge.inventory.secrecy import shown
from kedge.inventory.shapes import references_of
from kedge.inventory.suggestion import close, did_you_mean, either
from kedge.inventory.text import Map, Node, Scalar, Seq, mark_of, mistake
from kedge.model.inventory import Mark
from kedge.model.people import CHANNEL_TYPES, Channel
from kedge.model.service import Service
from kedge.model.thing import Refers, Thing

SINGULAR: Mapping[str, str] = {
    "places": "place",
    "providers": "provider",
    "hosts": "host",
    "services": "service",
    "domains": "domain",
    "certificates": "certificate",
    "limits": "limit",
    "people": "person",
    "teams": "team",
    "groups": "group",
    "channels": "channel",
    "accounts": "account",
    "secrets": "secret",
    "documents": "document",
    "stores": "store",
    "vantages": "vantage",
    "changes": "change",
}
_MAX_HINTS = 50
_NOTHING = frozenset({"none", "null", "~", "nobody", "nothing", "-"})


@dataclass
class Register:
    """Every declared name: its section, the thing built from it, where it stands."""

    section_of: dict[str, str] = field(default_factory=dict)
    things: dict[str, Thing] = field(default_factory=dict)
    nodes: dict[str, Map] = field(default_factory=dict)
    marks: dict[str, Mark] = field(default_factory=dict)
    holes: set[str] = field(default_factory=set)
    """Sections (`*`: any) of which a part could not be read, so that names may be missing."""

    def names_in(self, sections: Collection[str]) -> list[str]:
        """Return the declared names of these sections (none: of all)."""
        return [name for name, section in self.section_of.items() if not sections or section in sections]


class References:
    """Checks all names that things hold; declares the channels written in place."""

    def __init__(self, register: Register, mistakes: list[Mistake]) -> None:
        self.register = register
        self.channels: dict[str, Channel] = {}
        self._mistakes = mistakes
        self._hints = 0

    def check(self, thing: Any, node: Map) -> None:
        """Check every name in a thing (or another mapping of the inventory) read from this node."""
        section_of = self.register.section_of
        model: type[BaseModel] = type(thing)
        for key, name, refers in references_of(model)(thing):
            section = section_of.get(name)
            if section is None or (refers.to and section not in refers.to):
                self._refuse(key, name, refers, node)

    def _refuse(self, key: str, name: str, refers: Refers, node: Map) -> None:
        spots: list[Node] = [*find_scalars(node.get(key), name)]
        spots = spots or [node.get(key) or node]
        if "channels" in refers.to and self._declare(name, spots[0]):
            return
        if self.register.holes & {"*", *(refers.to or self.register.holes)}:
            return
        self._mistakes += [mistake(spot, self._why(key, name, refers)) for spot in spots]

    def _declare(self, text: str, spot: Node) -> bool:
        """Make a channel written in place a thing of its own; returns whether it was one."""
        if text in self.channels:
            return True
        if text.partition(" ")[0] not in CHANNEL_TYPES or " " not in text:
            return False
        wrong = channel_mistake(text)
        if wrong:
            self._mistakes.append(mistake(spot, wrong))
        self.channels[text] = Channel(to=text)
        self.register.marks.setdefault(text, mark_of(spot))
        return True

    def _why(self, key: str, name: str, refers: Refers) -> str:
        wanted = " or ".join(SINGULAR.get(section, section) for section in sorted(refers.to)) or "thing"
        if refers.to == {"secrets"}:
            return _why_no_secret(key, self.register.names_in(refers.to))
        found = self.register.section_of.get(name)
        if found:
            hint = self._hint(name, refers)
            return f"{shown(name)} is {_a(SINGULAR[found])}, but '{key}' names {_a(wanted)}{hint}"
        if "channels" in refers.to:
            return _why_no_channel(name) + self._hint(name, refers)
        if name.lower() in _NOTHING:
            return f"no {wanted} is called {shown(name)}; for none at all write [], for not known write unknown"
        return f"no {wanted} is called {shown(name)}{self._hint(name, refers, _declare_it(refers))}"

    def _hint(self, name: str, refers: Refers, otherwise: str = "") -> str:
        self._hints += 1
        if self._hints > _MAX_HINTS:
            return otherwise
        return did_you_mean(name, [*self.register.names_in(refers.to), "unknown"], otherwise)


def _a(noun: str) -> str:
    return f"{'an' if noun[:1] in 'aeio' else 'a'} {noun}"


def _declare_it(refers: Refers) -> str:
    sections = either(sorted(refers.to)).replace("'", "`")
    return f"; declare it under {sections}" if refers.to else "; declare it in its section"


def _why_no_secret(key: str, declared: list[str]) -> str:
    known = f"; declared are {', '.join(declared[:10])}" if declared else ""
    return (
        f"'{key}' names an entry of `secrets`, and there is none of this name{known}"
        " (the secret itself never stands here)"
    )


def _why_no_channel(name: str) -> str:
    text = f"{shown(name)} is no channel"
    if "@" in name and " " not in name:
        return f"{text}; did you mean 'mail {name}'?"
    if name.lstrip("+").replace(" ", "").isdigit():
        return f"{text}; did you mean 'sms {name}' or 'phone {name}'?"
    word = name.partition(" ")[0]
    if " " in name:
        types = f"{', '.join(CHANNEL_TYPES)}){did_you_mean(word, CHANNEL_TYPES)}"
        return f"{text}: {shown(word)} is no type of channel ({types}"
    return f"{text}; write its type and address ('mail a@b.example', 'sms anna') or declare it under `channels`"


def channel_mistake(text: str) -> str:
    """Return what is wrong with a channel's type and address, nothing if it is fine."""
    word, _, address = text.partition(" ")
    if word not in CHANNEL_TYPES:
        return _why_no_channel(text)
    if not address.strip():
        return f"expected an address after '{word}', such as '{word} {'a@b.example' if word == 'mail' else 'anna'}'"
    if word == "mail" and not address.strip().partition("@")[2]:
        close_ = close(address, ())
        return f"expected a mail address after 'mail', found {shown(address)}" + "".join(close_)
    return ""


def find_scalars(node: Any, text: str) -> Iterator[Scalar]:
    """Yield every scalar (or key) of this text inside a node, in reading order."""
    if isinstance(node, Scalar):
        if node == text:
            yield node
    elif isinstance(node, Seq):
        for each in node:
            yield from find_scalars(each, text)
    elif isinstance(node, Map):
        for key, value in node.items():
            if key == text and value.key is not None:
                yield value.key
            yield from find_scalars(value, text)


def check_roles(register: Register, mistakes: list[Mistake]) -> None:
    """Check that a service that another one requires (its database) is of a kind it can use."""
    for name, thing in register.things.items():
        if not isinstance(thing, Service):
            continue
        for role, kinds in thing.requires.items():
            bound = register.things.get(getattr(thing, role.replace("-", "_"), None) or "")
            if isinstance(bound, Service) and bound.kind not in kinds:
                mistakes.append(_wrong_role(register, name, role, kinds, bound))


def _wrong_role(register: Register, name: str, role: str, kinds: Collection[str], bound: Service) -> Mistake:
    node = register.nodes[name]
    fitting = [each for each, thing in register.things.items() if getattr(thing, "kind", "") in kinds]
    hint = f"; did you mean {either(fitting[:3])}?" if fitting else ""
    text = f"'{role}' needs a service of kind {' or '.join(sorted(kinds))}, found one of kind {bound.kind}{hint}"
    return mistake(node.get(role) or node, text)


_RINGS = {"hosts": ("guest_of", "guest-of"), "places": ("within", "in"), "stores": ("follows", "follows")}


def check_rings(register: Register, mistakes: list[Mistake]) -> None:
    """Check that no host is, through others, a guest of itself, no place in itself, no store its own copy."""
    for section, (attribute, key) in _RINGS.items():
        edges = {
            name: _targets(getattr(thing, attribute, None))
            for name, thing in register.things.items()
            if register.section_of.get(name) == section
        }
        for ring in rings(edges):
            node = register.nodes[ring[0]]
            path = " → ".join([*ring, ring[0]])
            what = f"a {SINGULAR[section]} cannot be '{key}' itself" if len(ring) == 1 else f"'{key}' goes in a ring"
            mistakes.append(mistake(node.get(key) or node, f"{what}: {path}; take one step out"))


def _targets(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def rings(edges: Mapping[str, tuple[str, ...]]) -> Iterator[list[str]]:
    """Yield one ring for each group of names that reach themselves, beginning where it was declared first."""
    done: set[str] = set()
    for start in edges:
        if start not in done:
            path = _ring_from(start, edges, done)
            if path:
                yield path


def _ring_from(start: str, edges: Mapping[str, tuple[str, ...]], done: set[str]) -> list[str]:
    """Walk depth first without recursion; `done` gains all that was reached."""
    path, ahead = [start], [iter(edges[start])]
    found: list[str] = []
    while path:
        step = next((each for each in ahead[-1] if each in edges and each not in done), None)
        if step is None:
            done.add(path.pop())
            ahead.pop()
        elif step in path:
            found = found or path[path.index(step) :]
        else:
            path.append(step)
            ahead.append(iter(edges[step]))
    return found
