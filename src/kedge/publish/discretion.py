"""Whether a text may leave: the second line behind the allow-list of `view.py`.

The allow-list decides which *fields* are public. Some of these are free text (`about`, a title, a finding), and free
text can name what is private. Such a text is left out as a whole, never cut: half a sentence still tells.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

from kedge.model.inventory import Inventory
from kedge.model.people import Person
from kedge.model.thing import Thing

# E-mail addresses, IPv4, IPv6 with at least two colons, and user:password@ in URLs: private wherever they stand.
_ADDRESS = re.compile(
    r"[^\s@]+@[^\s@]+\.[^\s@]+|\b\d{1,3}(?:\.\d{1,3}){3}\b|(?<![\w:])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:])|://[^/\s]+@",
    re.IGNORECASE,
)
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Soft hyphen, non-joiner, joiner: honest parts of German, Persian and emoji, though they cannot be seen.
_JOINERS = "\u00ad\u200c\u200d"
_NO_JOINERS = dict.fromkeys(map(ord, _JOINERS))
# A hyphen or a dot inside belongs to a name: `mail` is not named by `mail-lists` or `mail.example.org`.
_TOKEN = re.compile(r"\w+(?:[-.]+\w+)*")


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
    """The words that must not leave, and which of them a text holds."""

    words: frozenset[str]

    @classmethod
    def of(cls, inventory: Inventory, public_names: Iterable[str]) -> Discretion:
        """Return what must stay private: every thing but public services and teams, opted-in people, public names."""
        public = {parent for name in public_names for parent in _parents(name.lower())}
        public |= {clean(name).lower() for name, thing in inventory.things.items() if _is_public(thing)}
        words = {clean(word).lower() for word in _private_words(inventory)} - public
        return cls(frozenset(word for word in words if len(word) > 1))

    @cached_property
    def _phrases(self) -> Mapping[tuple[str, ...], str]:
        return {tuple(_TOKEN.findall(word)) or (word,): word for word in self.words}

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self._phrases), default=0)

    def find(self, text: str) -> str | None:
        """Return something private that a text names, whole words in any case, or an address it holds; or None."""
        plain = text.translate(_NO_JOINERS).lower()
        if address := _ADDRESS.search(plain):
            return address[0]
        tokens = _TOKEN.findall(plain)
        for start in range(len(tokens)):
            for end in range(start + 1, min(start + self._longest, len(tokens)) + 1):
                if word := self._phrases.get(tuple(tokens[start:end])):
                    return word
        return None

    def allows(self, text: str) -> bool:
        """Return whether a text names nothing private and holds no address."""
        return self.find(text) is None


def _parents(name: str) -> Iterator[str]:
    """Yield a domain name and the domains above it: `wiki.example.org`, `example.org`."""
    labels = name.split(".")
    for start in range(len(labels) - 1):
        yield ".".join(labels[start:])


def _is_public(thing: Thing) -> bool:
    return bool(getattr(thing, "public", False))


def _private_words(inventory: Inventory) -> Iterator[str]:
    for name, thing in inventory.things.items():
        if not _is_public(thing):
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
            yield from (text, text.partition(" ")[2], text.rpartition("@")[2], _host_of(text))


def _host_of(text: str) -> str:
    try:
        return urlsplit(text).hostname or ""
    except ValueError:
        return ""


def _name_parts(thing: Thing) -> Iterator[str]:
    parts = thing.title.split()
    if isinstance(thing, Person) and len(parts) <= 3 and all(part[:1].isupper() for part in parts):
        yield from (part for part in parts if len(part) >= 3)
