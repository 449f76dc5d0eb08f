"""The whole lab: an organisation, running."""

from __future__ import annotations

import json
import os
import secrets as randomness
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.lab import network
from tests.lab.boot import volume_folder
from tests.lab.cache import Cache
from tests.lab.errors import DialogueError, LabError
from tests.lab.ground import install_tools
from tests.lab.host import Host, Vantage
from tests.lab.image import Image
from tests.lab.keeper import Keeper, state_folder
from tests.lab.keys import install_keys, make_keys, ssh_settings, write_credentials, write_ssh_keys
from tests.lab.layers import Layers, prepare
from tests.lab.organisation import VANTAGE, Machine, Organisation, organisation
from tests.lab.progress import Progress, side_by_side
from tests.lab.secrets import Secrets

COMPLETE = "complete"
LOCALHOST = "127.0.0.1 localhost\n::1 localhost ip6-localhost\n"


class Lab:
    """A running lab; `up` makes one, `find` finds one that runs."""

    def __init__(
        self, keeper: Keeper, plan: Organisation, cache: Cache, progress: Progress, *, building: bool = False
    ) -> None:
        self.keeper = keeper
        self.plan = plan
        self.progress = progress
        self.secrets = Secrets(keeper.state / "secrets.json")
        self._building = building
        self._booting = threading.Semaphore(os.cpu_count() or 1)
        self._image = Image(plan.packages(), plan.python_packages())
        self._cache = cache
        self._layers = Layers(cache, self._image.key)
        self._hosts = {machine.name: self._host(machine) for machine in plan.machines}
        self.vantage = Vantage(keeper, network.Plug(VANTAGE, plan.vantage_network, (plan.vantage_number,)))

    def _host(self, machine: Machine) -> Host:
        if self._building:
            machine = replace(machine, volumes=(), size_mb=4096)
        return Host(self.keeper, machine, self.plan.plug(machine), self.secrets)

    # -- the whole -----------------------------------------------------------------------------

    @classmethod
    def up(cls, name: str, story: str = "", *, progress: Progress, lifeline: int | None = None) -> Lab:
        """Bring a lab up: image and layers from the cache or made now, then every host, until every service answers."""
        install_tools(progress)
        plan, cache = organisation(story), Cache()
        ensure_layers(plan, cache, progress)
        lab = cls._begin(name, plan, cache, progress, lifeline=lifeline)
        try:
            lab._open()
        except BaseException:
            lab.down()
            raise
        (lab.keeper.state / COMPLETE).touch()
        return lab

    @classmethod
    def find(cls, name: str, *, progress: Progress) -> Lab | None:
        """The lab that runs under this name, if one does."""
        state = state_folder(name)
        keeper = Keeper.find(state)
        if keeper is None:
            return None
        story = json.loads((state / "lab.json").read_text())["story"]
        return cls(keeper, organisation(story), Cache(), progress)

    @classmethod
    def _begin(
        cls,
        name: str,
        plan: Organisation,
        cache: Cache,
        progress: Progress,
        *,
        lifeline: int | None = None,
        building: bool = False,
    ) -> Lab:
        state = state_folder(name)
        if Keeper.find(state):
            raise LabError(f"a lab named {name!r} runs already; 'script/lab down' ends it")
        sweep(state.parent)
        keeper = Keeper.begin(state, lifeline=lifeline)
        (state / "lab.json").write_text(json.dumps({"story": plan.story}))
        return cls(keeper, plan, cache, progress, building=building)

    @classmethod
    @contextmanager
    def _building_site(cls, plan: Organisation, cache: Cache, progress: Progress) -> Iterator[Lab]:
        """A lab without names and services, in which hosts are prepared."""
        reader, writer = os.pipe()
        with os.fdopen(writer, "wb"), os.fdopen(reader, "rb"):
            lab = cls._begin(f"build-{os.getpid()}", plan, cache, progress, lifeline=reader, building=True)
            try:
                yield lab
            finally:
                lab.down()

    def is_complete(self) -> bool:
        """Whether `up` came to its end; false for a lab whose `up` was killed."""
        return (self.keeper.state / COMPLETE).exists()

    def down(self) -> None:
        """End the lab; nothing of it stays but the cache."""
        self.keeper.end()
        shutil.rmtree(self.keeper.state, ignore_errors=True)

    @property
    def image(self) -> Path:
        """The root with all packages: the programs of every host."""
        return self._cache.path("image", self._image.key)

    def at_vantage(self, argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """A command, finished, run outside the organisation: this machine's files, the lab's network and names."""
        return self.vantage.try_run(argv)

    def ask(self, dialogue: str, *arguments: object) -> Any:
        """What came of a dialogue (see dialogue.py) held at the vantage; DialogueError if it failed."""
        said = json.loads(self.vantage.module("dialogue", dialogue, json.dumps(arguments)))
        if "error" in said:
            raise DialogueError(said["error"], said["text"], said["took_s"])
        return said["result"]

    @property
    def known_hosts(self) -> str:
        """The public host keys of all hosts, as ssh's known_hosts has them."""
        return (self.keeper.state / "ssh" / "known_hosts").read_text()

    @property
    def authority(self) -> str:
        """The file with the certificate of the lab's authority."""
        return str(self.keeper.state / "authority.pem")

    def _open(self) -> None:
        with self.progress.step("networks"):
            self._build_networks(self.plan.machines)
        with self.progress.step("vantage, keys"):
            side_by_side(lambda: self.vantage.boot(self._vantage_files()), lambda: make_keys(self))
        self.switch_on(*self.hosts())
        write_credentials(self)

    def _build_networks(self, machines: Sequence[Machine]) -> None:
        network.build_internet(self.keeper, list(self.plan.networks))
        for machine in machines:
            network.plug_in(self.keeper, self.plan.plug(machine))
        network.plug_in(self.keeper, self.vantage.plug)

    # -- hosts ---------------------------------------------------------------------------------

    def hosts(self) -> list[Host]:
        """All hosts, a machine before its guests."""
        return list(self._hosts.values())

    def host(self, name: str) -> Host:
        """The host of this name."""
        if name not in self._hosts:
            raise LabError(f"no host {name!r}; there are: {', '.join(self._hosts)}")
        return self._hosts[name]

    def guests(self, host: Host) -> list[Host]:
        """The guests on this machine."""
        return [other for other in self.hosts() if other.machine.guest_of == host.name]

    def switch_on(self, *hosts: Host) -> None:
        """Boot these hosts and start their services, all at once; on a fresh disk, put this lab's secrets in first."""
        fresh = [host for host in hosts if not host.has_disk()]
        names = {host.name for host in hosts}
        heads = [host for host in hosts if host.machine.guest_of not in names]
        groups = [[head, *(one for one in self.guests(head) if one in hosts)] for head in heads]
        groups.sort(key=lambda group: -sum(len(host.services()) for host in group))  # who has most to do comes first
        side_by_side(*(self._switching_on(group, fresh) for group in groups))
        for host in hosts:
            host.broken.clear()
            if host in fresh and host.machine.free_mb:
                host.leave_free(host.machine.free_mb)
        write_ssh_keys(self)

    def _switching_on(self, group: Sequence[Host], fresh: Sequence[Host]) -> Callable[[], None]:
        """Switch a machine on with its guests; no other machine's slow start keeps it waiting."""

        def work() -> None:
            with self._booting, self.progress.step(f"booted {', '.join(host.name for host in group)}"):
                for host in group:
                    self._boot(host)
            side_by_side(*(self._personalising(host) for host in group if host in fresh))
            starts = [(host, service) for host in group for service in host.services()]
            side_by_side(*(self._starting(host, service, settle=host in fresh) for host, service in starts))

        return work

    def _boot(self, host: Host) -> None:
        inside = self.host(host.machine.guest_of) if host.machine.guest_of else None
        host.boot(self._lower(host.machine), self._host_files(host), inside)

    def _personalising(self, host: Host) -> Callable[[], None]:
        def work() -> None:
            install_keys(host)
            for component in host.machine.components:
                component.personalise(host)

        return work

    def _starting(self, host: Host, service: str, *, settle: bool) -> Callable[[], None]:
        def work() -> None:
            with self.progress.step(f"{host.name}: {service} answers"):
                host.start(service)
                if settle:
                    host.component(service).settle(host)

        return work

    def start(self, name: str) -> None:
        """Switch a dead host on again, with its guests; its disk is as the power cut left it."""
        host = self.host(name)
        dead = [one for one in (host, *self.guests(host)) if not one.is_alive()]
        self.switch_on(*dead)

    def reset(self, *names: str) -> None:
        """Give these hosts (default: all) fresh disks, plugged in and running, as after `up`.

        Their guests get fresh disks with them, and so does who copied or remembers what was written on them: a
        secondary name server keeps a zone whose serial is higher than that of a fresh primary.
        """
        chosen = {self.host(name).name for name in names or self._hosts}
        hosts = [one for one in self.hosts() if chosen & {one.name, one.machine.guest_of, one.machine.learns_from}]
        for host in reversed(hosts):
            host.kill()
            host.wipe()
        for host in hosts:
            network.set_cable(self.keeper, host.plug, plugged=True)
            network.clear_filter(self.keeper, host.plug)
        self.switch_on(*hosts)

    @contextmanager
    def rescue(self, name: str) -> Iterator[Path]:
        """A dead host's disk, read-only, as a rescue system would mount it; usable by this process."""
        host = self.host(name)
        if host.is_alive():
            raise LabError(f"{name} runs; a disk can be read from outside only when its host is off")
        place = self.keeper.state / "disks" / f"rescue-{name}"
        layers = [host.disk / "upper", *self._lower(host.machine)]
        self.keeper.sh(f"mkdir -p {place}; mount -t overlay -o ro,lowerdir={':'.join(map(str, layers))} rescue {place}")
        for path, _ in host.machine.volumes:
            self.keeper.sh(f"mount --bind {volume_folder(host.disk, path)} {place}{path}")
        try:
            yield self.keeper.inside(place)
        finally:
            self.keeper.sh(f"umount -R {place}; rmdir {place}")

    def repair(self) -> None:
        """Undo every failure this process caused, in the order a person would: network, space, processes, power."""
        for host in self.hosts():
            if host.broken:
                self._repair(host)

    def _repair(self, host: Host) -> None:
        broken, host.broken = host.broken, []
        host.plug_in()
        host.unfilter()
        if not host.is_alive():
            self.start(host.name)
            return
        for how, what in broken:
            if how == "fill":
                host.free(what)
            elif how == "freeze" and host.pids(what):
                host.thaw(what)
        # A stopped service may answer for a moment yet: children of a daemon hold its port until they are done.
        stopped = {what for how, what in broken if how == "stop"}
        silent = [service for service in host.services() if service in stopped or not host.answers(service)]
        for service in silent:
            host.run(["bash", "-c", host.component(service).stop()])
        side_by_side(*(self._starting(host, service, settle=False) for service in silent))

    # -- what a host starts with ---------------------------------------------------------------

    def _lower(self, machine: Machine) -> list[Path]:
        image = self._image.folder(self._cache, self.progress)
        if self._building:
            return [image]
        return [self._layers.layer(self.plan.group(machine), machine.name), image]

    def _host_files(self, host: Host) -> dict[str, str]:
        own = f"{LOCALHOST}{host.plug.address()} {host.machine.full_name} {host.name}\n"
        others = self.plan.all_names() if self._building else ""
        resolver = "" if self._building else f"nameserver {self.plan.resolver}\n"
        return {
            "/etc/hostname": f"{host.name}\n",
            "/etc/hosts": own + others,
            "/etc/resolv.conf": f"{resolver}options timeout:1 attempts:2\n",
            "/etc/machine-id": randomness.token_hex(16) + "\n",
        }

    def _vantage_files(self) -> dict[str, str]:
        return {
            "/etc/resolv.conf": f"nameserver {self.plan.resolver}\noptions timeout:1 attempts:2\n",
            "/etc/hosts": LOCALHOST,
            "/etc/ssh/ssh_config": ssh_settings(self.keeper.state),
        }


def sweep(states: Path) -> None:
    """Remove the state folders of labs that were killed and could not do it themselves."""
    for state in states.glob("*"):
        if (state / "keeper.json").exists() and not Keeper.find(state):
            shutil.rmtree(state, ignore_errors=True)


def ensure_layers(plan: Organisation, cache: Cache, progress: Progress) -> None:
    """Make the image and the prepared layers the cache does not have (cold: four to five minutes)."""
    image = Image(plan.packages(), plan.python_packages())
    image.folder(cache, progress)
    layers = Layers(cache, image.key)
    missing = layers.missing(plan.groups())
    if not missing:
        return
    machines = [machine for group in missing for machine in group]
    names = ", ".join(machine.name for machine in machines)
    with progress.step(f"preparing {names}", announce=True), Lab._building_site(plan, cache, progress) as lab:
        lab._build_networks(machines)
        for machine in machines:
            lab._boot(lab.host(machine.name))
        prepare(lab, missing, progress)
        for group in missing:
            layers.keep(group, lab)
