"""What a run is about: a service with its name, the services bound to its roles, and its copies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from kedge.errors import OutsideError
from kedge.kinds.saving import parts_of
from kedge.model.instance import ROOT, Instance, Part
from kedge.model.ports import Address, Site
from kedge.model.service import Service


@dataclass(frozen=True)
class Subject:
    """A service with its name and the services bound to its roles."""

    name: str
    service: Service
    uses: Mapping[str, Subject] = field(default_factory=dict)

    def parts(self) -> Iterator[Part]:
        """Yield what is saved of it: what its kind knows, then the dumps by commands that the inventory names."""
        yield from parts_of(self.service)

    def restored(self) -> Iterator[Subject]:
        """Yield those it uses and this service, as far as a copy of it is made of their snapshots, each once, in turn.

        A service that keeps a part of its own in another one brings what it needs of it: that one starts empty.
        """
        own = {part.of for part in self.parts()}
        found: dict[str, Subject] = {}
        for role, used in self.uses.items():
            if role not in own:
                found |= {subject.name: subject for subject in used.restored()}
        if own:
            found[self.name] = self
        yield from found.values()


def live(subject: Subject, enter: Callable[[Subject], Site]) -> Instance:
    """Return the live copy of a service, with the live copies of those it uses; `enter` opens the way to each."""
    uses = {role: live(used, enter) for role, used in subject.uses.items()}
    return Instance("live", enter(subject), dial_sockets(subject.service, ROOT), uses=uses)


def dial_sockets(service: Service, data: PurePosixPath) -> dict[str, Address]:
    """Return where a copy's sockets are, when its files lie below `data`."""
    return {name: Address(str(data / PurePosixPath(path).relative_to("/"))) for name, path in service.sockets().items()}


def instance_of(part: Part, at: Instance) -> Instance:
    """Return the copy that a part acts on: its own service's, or one that this uses."""
    if part.of == "self":
        return at
    if part.of not in at.uses:
        raise OutsideError(f"nothing is bound to '{part.of}'", hint=f"name it in the inventory as `{part.of}`")
    return at.uses[part.of]
