"""Whether a text may leave: the second line behind the allow-list of `view.py`.

The allow-list decides which *fields* are public. Some of these are free text (`about`, a title, a finding), and free
text can name what is private. Such a text is left out as a whole, never cut: half a sentence still tells.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from kedge.model.inventory import Inventory
from kedge.model.people import Person
from kedge.model.thing import Thing

# E-mail addresses, IPv4, IPv6 with at least two colons, and user:password@ in URLs: private wherever they stand.
_ADDRESS = re.compile(
    r"[^\s@]+@[^\s@]+\.[^\s@]+|\b\d{1,3}(?:\.\d{1,3}){3}\b|(?<![\w:])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:])|://[^/\s]+@",
    re.IGNORECASE,
)
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = "\u00ad\u200c\u200d"
"""Soft hyphen, non-joiner, joiner: honest parts of German, Persian and emoji, though they cannot be seen."""


def keep_visible(text: str) -> str:
    """Return a text without control and direction-changing characters; other white space than a line end is a space."""
    if text.isprintable():
        return text
    return "".join(_keep(character) for character in text)


def _keep(character: str) -> str:
    if character.isspace():
        return character if character == "\n" else " "
    return "" if unicodedata.category(character) in _INVISIBLE and character not in _JOINERS else character


def clean(text: str) -> str:
    """Return the visible text on one line."""
    return " ".join(keep_visible(text).split())


@dataclass(frozen=True)
class Discretion:
    """The words that must not leave, and whether a text is free of them."""

    words: frozenset[str]

    @classmethod
    def of(cls, inventory: Inventory, public_names: Iterable[str]) -> Discretion:
        """Return what must stay private: every thing but public services and teams, opted-in people, public names."""
        names = {name.lower() for name in public_names}
        words = {clean(word).lower() for word in _private_words(inventory)}
        return cls(frozenset(word for word in words if word and not _is_public_domain(word, names)))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        # Longest first. A hyphen or inner dot belongs to a name: `mail` is not in `mail-lists` or `mail.example.org`.
        words = "|".join(re.escape(word) for word in sorted(self.words, key=lambda word: (-len(word), word)))
        return re.compile(rf"(?<![\w-])(?<!\w\.)(?:{words})(?![\w-]|\.\w)" if words else r"(?!)")

    def allows(self, text: str) -> bool:
        """Return whether a text names nothing private and holds no address."""
        plain = text.translate(dict.fromkeys(map(ord, _JOINERS))).lower()
        return not _ADDRESS.search(plain) and not self._pattern.search(plain)


def _is_public_domain(word: str, names: set[str]) -> bool:
    return "." in word and any(name == word or name.endswith("." + word) for name in names)


def _private_words(inventory: Inventory) -> Iterator[str]:
    for name, thing in inventory.things.items():
        if not getattr(thing, "public", False):
            yield from (name, thing.title)
            yield from _addresses(thing)
            yield from _name_parts(thing)
    for section in (inventory.sections.people, inventory.sections.teams):
        for member in section.values():
            for channel in getattr(member, "channels", None) or ():
                yield from (channel, channel.partition(" ")[2])


def _addresses(thing: Thing) -> Iterator[str]:
    """Yield what tells where a private thing is: addresses, names it is used under, logins, repositories."""
    for field in ("address", "domains", "login", "repository", "url", "to"):
        value = getattr(thing, field, None) or ()
        for text in (value,) if isinstance(value, str) else value:
            yield text
            yield text.rpartition("@")[2] if "@" in text else text.partition(" ")[2]


def _name_parts(thing: Thing) -> Iterator[str]:
    parts = thing.title.split()
    if isinstance(thing, Person) and len(parts) <= 3 and all(part[:1].isupper() for part in parts):
        yield from (part for part in parts if len(part) >= 3)
