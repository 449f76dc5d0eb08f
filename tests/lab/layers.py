"""Prepared hosts: everything set up and filled, stopped cleanly, kept as one layer per host."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab import component
from tests.lab.cache import Cache, digest
from tests.lab.progress import Progress, side_by_side

if TYPE_CHECKING:
    from tests.lab.host import Host
    from tests.lab.lab import Lab
    from tests.lab.organisation import Machine


class Layers:
    """The prepared layers of an organisation's machines; a machine and its guests are prepared together."""

    def __init__(self, cache: Cache, image_key: str) -> None:
        self.cache = cache
        self.image_key = image_key

    def key(self, group: Sequence[Machine]) -> str:
        """Changes with the image, the machines' declarations and the recipes they use."""
        used = [type(one) for machine in group for one in machine.components]
        sources = {inspect.getsource(inspect.getmodule(kind) or kind) for kind in used}
        return digest(self.image_key, repr(group), inspect.getsource(component), *sorted(sources))

    def missing(self, groups: Sequence[Sequence[Machine]]) -> list[Sequence[Machine]]:
        """The groups not prepared yet."""
        return [group for group in groups if not self.cache.has("layer", self.key(group))]

    def layer(self, group: Sequence[Machine], name: str) -> Path:
        """The machine's layer."""
        return self.cache.path("layer", self.key(group)) / name

    def keep(self, group: Sequence[Machine], lab: Lab) -> None:
        """Keep what was written on these machines' disks; they must be off."""

        def copy(half: Path) -> None:
            for machine in group:
                upper = lab.host(machine.name).disk / "upper"
                lab.keeper.run(["cp", "-a", str(upper), str(half / machine.name)])

        self.cache.entry("layer", self.key(group), copy)


def prepare(lab: Lab, groups: Sequence[Sequence[Machine]], progress: Progress) -> None:
    """Set up every component of these machines, each machine's in their order; then stop them cleanly."""
    hosts = [lab.host(machine.name) for group in groups for machine in group]
    # A guest first: what runs on the machine may need it.
    guests = [one for one in hosts if one.machine.guest_of]
    side_by_side(*(_preparing(one, progress) for one in guests))
    side_by_side(*(_preparing(one, progress) for one in hosts if one not in guests))
    side_by_side(*(_stopping(one) for one in hosts if one not in guests))
    side_by_side(*(_stopping(one) for one in guests))


def _preparing(host: Host, progress: Progress) -> Callable[[], None]:
    def work() -> None:
        for one in host.machine.components:
            with progress.step(f"prepared {host.name}: {one.name}"):
                one.prepare(host)

    return work


def _stopping(host: Host) -> Callable[[], None]:
    def work() -> None:
        for one in reversed(host.machine.components):
            host.try_run(["bash", "-c", one.stop()])
        host.kill()

    return work
