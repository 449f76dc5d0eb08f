"""The one question before the first alert: where to, for whom; and the edit of the inventory that the answer makes."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from kedge.app.alerting import whoever
from kedge.app.opening import Opened
from kedge.discovery.operators import MAIL
from kedge.discovery.sketch import slug
from kedge.errors import UsageError
from kedge.inventory.edit import Edits
from kedge.model.inventory import Inventory
from kedge.model.people import CHANNEL_TYPES, SENDABLE
from kedge.model.thing import NAME
from kedge.watch.sender import NTFY

TOPIC = re.compile(r"[-_A-Za-z0-9]{1,64}", re.ASCII)
"""What the server of ntfy takes as a topic (docs.ntfy.sh/publish)."""
GUESSED = 12
"""A topic of fewer characters is soon guessed."""
FORMS = "ntfy, ntfy TOPIC, https://…, anna@home.example, xmpp anna@jabber.example, apprise file:PATH"
REFERENCES = ("env:", "file:", "command:")


@dataclass(frozen=True)
class Setup:
    """A channel for a person, and the edits that bring it into the inventory."""

    person: str
    channel: str
    edits: Edits
    is_told_of_all: bool
    """Whether the person had to be put into `alerts: tell` to hear of anything."""

    @property
    def topic(self) -> str:
        """The address to subscribe to in the app of ntfy; empty for another type."""
        kind, _, address = self.channel.partition(" ")
        if kind != "ntfy":
            return ""
        return address if "://" in address else f"{NTFY}/{address}"

    @property
    def is_guessed(self) -> bool:
        """Whether others may guess the topic, and read along."""
        return self.topic.startswith(f"{NTFY}/") and len(self.topic.rpartition("/")[2]) < GUESSED


def propose_channel() -> str:
    """Return a topic of ntfy that nobody guesses: 80 random bits."""
    return f"ntfy kedge-{base64.b32encode(secrets.token_bytes(10)).decode().lower()}"


def read_channel(text: str, inventory: Inventory, proposed: str) -> str:
    """Return the channel somebody means, as the inventory has it; `proposed` is what `ntfy` alone means.

    Raises UsageError with what was expected.
    """
    text = " ".join(text.split())
    if text == "ntfy":
        return proposed
    if text in inventory.sections.channels:
        _require_sendable(inventory.sections.channels[text].type)
        return text
    kind, address = _split(text)
    _require_sendable(kind)
    if not _is_fit(kind, address):
        raise UsageError(f"'{address}' is no address for {kind}", hint=f"expected one of: {FORMS}")
    return f"{kind} {address}"


def _split(text: str) -> tuple[str, str]:
    """Return type and address of a channel, however it is written; raises UsageError."""
    kind, _, address = text.partition(" ")
    if kind in CHANNEL_TYPES:
        return kind, address
    if text.startswith(("http://", "https://")):
        return "ntfy" if text.partition("//")[2].startswith("ntfy.") else "webhook", text
    scheme, colon, rest = text.partition(":")
    if colon and scheme in ("mailto", "xmpp"):
        return ("mail" if scheme == "mailto" else scheme), rest
    if "@" in text:
        return "mail", text
    if TOPIC.fullmatch(text):
        return "ntfy", text
    raise UsageError(f"'{text}' is nowhere that kedge can send to", hint=f"expected one of: {FORMS}")


def _require_sendable(kind: str) -> None:
    if kind not in SENDABLE:
        hint = f"`apprise` or `exec` may, through a provider of yours; expected one of: {FORMS}"
        raise UsageError(f"kedge itself cannot send by '{kind}'", hint=hint)


def _is_fit(kind: str, address: str) -> bool:
    match kind:
        case "ntfy":
            name = urlsplit(address).path.strip("/") if _is_url(address) else address
            return bool(TOPIC.fullmatch(name))
        case "webhook":
            return _is_url(address)
        case "mail" | "xmpp":
            return bool(MAIL.fullmatch(address))
        case "apprise":
            return address.startswith(REFERENCES)
    return bool(address)


def _is_url(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and " " not in address


def people_to_choose(inventory: Inventory) -> Sequence[str]:
    """Return for whom a channel may be set up, the likeliest first: who is told of everything, then all others."""
    told = inventory.actors((inventory.sections.alerts and inventory.sections.alerts.tell) or ())
    people = inventory.sections.people
    chosen = dict.fromkeys([*(one for one in told if one in people), *people])
    return tuple(chosen) or (slug(whoever(), "admin"),)


def choose_person(inventory: Inventory, given: str) -> str:
    """Return for whom a channel is: who was named, or the only one there is; a first person may be new.

    Raises UsageError if that is nobody, or could be several.
    """
    people = inventory.sections.people
    if given in people or (given and not people and NAME.fullmatch(given) and given not in inventory.things):
        return given
    if given and given not in people:
        inventory.find(given)
        raise UsageError(f"'{given}' is no person of the inventory", hint=f"there are: {', '.join(people) or 'none'}")
    choice = people_to_choose(inventory)
    if len(choice) > 1:
        raise UsageError(
            "for whom? There are several people", hint=f"--for {choice[0]}; there are: {', '.join(people)}"
        )
    return choice[0]


def prepare(opened: Opened, person: str, channel: str) -> Setup:
    """Return the setup that gives a person a channel more, the last in order, and has her told of something.

    Raises InventoryError if it does not fit.
    """
    edits, inventory = Edits(opened.path), opened.inventory
    known = inventory.sections.people.get(person)
    if known is None:
        edits.add_entry("people", person, {"channels": channel})
    elif channel not in (known.channels or ()):
        edits.set_value(person, "channels", [*known.channels, channel] if known.channels else channel)
    is_deaf = known is not None and not _hears(inventory, person)
    if is_deaf:
        told = (inventory.sections.alerts and inventory.sections.alerts.tell) or ()
        edits.set_value("", "alerts.tell", [*told, person] if told else person)
    return Setup(person, channel, edits, is_deaf)


def _hears(inventory: Inventory, person: str) -> bool:
    """Whether a person is told of anything: responsible for a service, or told of all, as all are where nobody is."""
    told = (inventory.sections.alerts and inventory.sections.alerts.tell) or ()
    named = [service.people or () for service in inventory.sections.services.values()]
    return person in inventory.persons(told) or any(
        person in inventory.persons(people) if people else not told for people in named or [()]
    )
