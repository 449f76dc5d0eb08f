"""What an organisation could add, each a real change of its inventory: with its own account, key, place and person.

Nothing is wished away: a second copy is a store at a provider that can be lost as well, with a passphrase that has to
be kept. So what an addition removes can be counted, by compiling the inventory as it would then be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from kedge.inventory.compile import Compiled
from kedge.model.care import Alerts
from kedge.model.finding import Text
from kedge.model.inventory import Inventory, Sections
from kedge.model.people import Channel, Person
from kedge.model.thing import Thing
from kedge.rules.wording import listed

Things = dict[str, Thing]

MINUTES = Text("minutes", "Minuten")
EVENING = Text("an evening", "ein Abend")
WEEKEND = Text("a weekend", "ein Wochenende")
WEEKS = Text("some weeks", "einige Wochen")
EFFORTS = (MINUTES, EVENING, WEEKEND, WEEKS)
_SHOWN = 5


@dataclass(frozen=True)
class Addition:
    """One thing to do: in words, who could, the effort, and every thing of the inventory that is new or changes.

    `about`: the things whose loss it is meant for (empty: those that change).
    """

    what: Text
    who: tuple[str, ...]
    effort: Text
    things: Mapping[str, Thing]
    alerts: Alerts | None = None
    about: tuple[str, ...] = ()


def carried_out(inventory: Inventory, addition: Addition) -> Inventory:
    """Return the inventory as it would be."""
    changed: defaultdict[str, Things] = defaultdict(dict)
    for name, thing in addition.things.items():
        changed[thing.section][name] = thing
    sections = inventory.sections
    update: dict[str, object] = {name: {**getattr(sections, name), **things} for name, things in changed.items()}
    update["alerts"] = addition.alerts or sections.alerts
    return replace(inventory, sections=sections.model_copy(update=update))


@dataclass(frozen=True)
class Ground:
    """What additions are made to: an inventory, compiled, and the things that were there before any was made."""

    compiled: Compiled
    original: frozenset[str] = field(default_factory=frozenset)

    @property
    def sections(self) -> Sections:
        """The inventory's sections."""
        return self.compiled.inventory.sections

    def of(self, section: str) -> Iterator[tuple[str, Thing]]:
        """Yield the things of a section that are not themselves additions."""
        return ((name, thing) for name, thing in self.compiled.inventory.in_section(section) if name in self.original)

    @cached_property
    def able(self) -> tuple[str, ...]:
        """The people who are neither away nor gone."""
        now = self.compiled.now
        return tuple(name for name, person in self.sections.people.items() if person.can_act(now))

    def acting(self, names: Iterable[str] | None) -> tuple[str, ...]:
        """Return the people behind these people and teams who can act."""
        return tuple(name for name in self.compiled.inventory.persons(tuple(names or ())) if name in self.able)

    def responsible(self, services: Iterable[str]) -> tuple[str, ...]:
        """Return who can act for any of these services, each once."""
        every = (self.sections.services[name].people or () for name in services)
        return self.acting(dict.fromkeys(each for people in every for each in people))

    def holders(self, account: str) -> tuple[str, ...]:
        """Return who can act and log in, by name or through a group."""
        groups = (self.sections.groups[group].members or () for group in self.compiled.index.groups.get(account, ()))
        held = self.sections.accounts[account].held_by or ()
        return self.acting(dict.fromkeys([*held, *(member for members in groups for member in members)]))

    def named(self, services: Iterable[str], *, among: Iterable[str] | None = None) -> Text:
        """Return services as a phrase, in the inventory's order; `everything` if no other is there."""
        wanted = set(services)
        every = [name for name, _ in self.of("services")] if among is None else list(among)
        if len(every) > 1 and wanted >= set(every):
            return Text("everything", "alles")
        return listed([name for name in every if name in wanted], _SHOWN)

    def services_on(self, host: str) -> tuple[str, ...]:
        """Return the services on a host and its guests."""
        index = self.compiled.index
        return tuple(dict.fromkeys(s for each in index.inside(host) for s in index.services_on.get(each, ())))

    def outside(self, person: str) -> tuple[str, ...]:
        """Return the channels of a person that need nothing of one's own, and by which an alert can come."""
        channels = self.compiled.index.channels_of.get(person, ())
        return tuple(name for name in channels if self._is_outside(self.sections.channels[name]))

    def _is_outside(self, channel: Channel) -> bool:
        receivers, domain = self.compiled.index.receiver_of(channel)
        return not (receivers or domain or channel.via) and self.compiled.index.is_sent(channel)

    def reachable(self, person: str) -> Things:
        """Return what has to be added so that a person is reached whatever is lost here; nothing if that is so.

        A phone, where people tell each other; where something watches, what that can send.
        """
        if self.outside(person):
            return {}
        declared = self.sections.people.get(person) or Person()
        phone = Channel(to=f"phone {person}")
        name = self.new(phone.to if self.compiled.index.is_sent(phone) else f"mail {person}@outside.invalid")
        return {
            person: declared.model_copy(update={"channels": (*(declared.channels or ()), name)}),
            name: Channel(to=name),
        }

    def new(self, name: str) -> str:
        """Return a name like this that nothing has."""
        things, number, found = self.compiled.inventory.things, 1, name
        while found in things:
            number += 1
            found = f"{name}-{number}"
        return found
