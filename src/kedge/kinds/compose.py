"""A compose project: containers described by one file, as one service."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Annotated, Any, ClassVar

from pydantic import Field

from kedge.kinds.contained import SERVERS, Contained, read_names
from kedge.kinds.files import folder_parts, take_name
from kedge.kinds.recognition import DATABASES, kind_of_image
from kedge.kinds.web import Web
from kedge.model.folder import Folder
from kedge.model.instance import Endpoint, Instance, Part, Probe, Scope
from kedge.model.observation import Observation, Status
from kedge.model.service import Service
from kedge.model.thing import OneOrMore

Port = Annotated[int, Field(ge=1, le=65535)]


class Compose(Web):
    """Containers described by one compose file.

    Databases are dumped; that file with all beside it, and other folders and volumes, are saved as files.
    """

    kind: ClassVar[str] = "compose"
    summary: ClassVar[str] = "containers started by Docker or Podman Compose"
    example: ClassVar[Mapping[str, Any]] = {
        "url": "https://cloud.example.org/",
        "folder": "/srv/cloud",
        "project": "cloud",
        "containers": {"app": "nextcloud:30", "db": "mariadb:11"},
        "volumes": {"./data": "app", "db": "db"},
        "databases": {"db": "mariadb nextcloud"},
        "ports": [8080],
    }

    folder: Folder | None = Field(None, description="the folder of its compose file, as it is called on its host")
    project: str = Field("", pattern="^[a-z0-9._-]*$", description="the project's name (default: that of its folder)")
    containers: Mapping[str, str] = Field({}, description="its containers → the image of each")
    volumes: Mapping[str, str] = Field(
        {}, description="what keeps its data, a volume's name or a folder → the containers that write there"
    )
    databases: Mapping[str, str] = Field(
        {},
        description="the containers that are database servers → kind and databases: `mariadb nextcloud`; all "
        "databases of a `mariadb` or `postgresql` are dumped, those named must be there",
    )
    ports: Annotated[tuple[Port, ...], OneOrMore] = Field((), description="the TCP ports it publishes on its host")

    def endpoints(self) -> Iterable[Endpoint]:
        """Yield its page, and the ports it publishes."""
        yield from super().endpoints()
        yield from (Endpoint(f"port-{port}", "", port) for port in dict.fromkeys(self.ports))

    def probes(self, at: Instance) -> Iterable[Probe]:
        """Yield a look at its page, and one at its containers with their health checks."""
        if at.mode != "sandbox":  # where no container runs
            yield from super().probes(at)
        if self.folder and at.mode == "live":
            yield ContainersProbe(self.folder, tuple(self.containers))

    def parts(self) -> Iterable[Part]:
        """Yield its own files, each volume and other folder, and a dump for each database server kedge knows."""
        from kedge.parts.volume import VolumePart

        servers = self._servers()
        dumped = {name: [v for v in self.volumes if name in self._writers(v)] for name in servers}
        known = servers.keys() | {dump.in_ for dump in self.dumps.values() if dump.in_ in self.databases}
        plain = [volume for volume in self.volumes if not known & self._writers(volume)]
        placed = {place: self._in_use(volume) for volume in plain if (place := self._place(volume))}
        placed.pop(self.folder or "", None)
        taken = {"project", *(server.part(()).name for server in servers.values())}
        yield from self._own_files(placed)
        yield from (replace(part, writer=placed[part.folder]) for part in folder_parts(placed, taken))
        for volume in plain:
            if self.project_name and _is_named(volume):
                name = take_name(f"volume {volume}", taken)
                yield VolumePart(volume, self.project_name, name, writer=self._in_use(volume))
        yield from (server.part(dumped[name]) for name, server in servers.items())

    def _own_files(self, saved: Iterable[str]) -> Iterable[Part]:
        """Yield the folder of its compose file without its volumes, unless that is, or lies in, one that is saved."""
        from kedge.parts.project import ProjectPart

        if self.folder and not any(f"{self.folder}/".startswith(f"{place}/") for place in saved):
            places = [self._place(volume).removeprefix(f"{self.folder}/") for volume in self.volumes]
            yield ProjectPart(self.folder, tuple(dict.fromkeys(place for place in places if place and place[0] != "/")))

    def dumped_volumes(self, container: str) -> tuple[str, ...]:
        """Return the volumes that are not saved as files, since a dump holds what a database server writes there."""
        return tuple(v for v in self.volumes if container in self.databases and container in self._writers(v))

    def inner(self) -> Mapping[str, Service]:
        """Return the database servers in its containers, as services of their own."""
        return {server.role: server.service for server in self._servers().values()}

    def _servers(self) -> dict[str, Contained]:
        told = ((name, *text.partition(" ")[::2]) for name, text in self.databases.items())
        return {
            name: Contained(name, SERVERS[server], self.project_name, self.host, read_names(rest))
            for name, server, rest in told
            if server in SERVERS
        }

    def _writers(self, volume: str) -> set[str]:
        return set(self.volumes[volume].split(", "))

    def _in_use(self, volume: str) -> str:
        """Return the database servers that write files into a volume while they are copied; empty: none."""
        known = {name for name, image in self.containers.items() if kind_of_image(image) in DATABASES}
        writers = self._writers(volume) & (known | set(self.databases))
        return ", ".join(f"the database server {name}" for name in sorted(writers))

    @property
    def project_name(self) -> str:
        """Its name as Compose has it: that of its folder in small letters, without what is no letter or digit."""
        return self.project or re.sub("[^a-z0-9_-]", "", (self.folder or "").rpartition("/")[2].lower())

    def _place(self, volume: str) -> str:
        """Return where a mounted folder lies on its host; empty where nobody can know, and for a named volume."""
        if volume.startswith("/") and "$" not in volume:
            return volume
        path = PurePosixPath(volume)
        if not self.folder or "$" in volume or ".." in path.parts or not volume.startswith("."):
            return ""
        return str(self.folder / path)


def _is_named(volume: str) -> bool:
    """Return whether this is the name of a volume, and no folder."""
    return not volume.startswith((".", "/", "~")) and "$" not in volume


@dataclass(frozen=True, slots=True)
class ContainersProbe:
    """Asks the engine which containers of a project run, and what their own health checks say."""

    folder: str
    expected: tuple[str, ...] = ()
    limit: timedelta = timedelta(seconds=20)
    name: str = "containers"
    scope: Scope = "instance"

    async def look(self, at: Instance) -> Observation:
        """Look once; who may not ask the engine does not know."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        argv = ("docker", "compose", "--project-directory", self.folder, "ps", "-a", "--format", "json")
        ended = await at.site.shell.run(argv, limit=self.limit)
        if ended.code != 0:
            said = " ".join(ended.stderr.decode(errors="replace").split())[:200]
            seen = Observation(Status.UNKNOWN, "its containers could not be asked for", {"said": said})
        else:
            seen = judge_containers(ended.stdout.decode(errors="replace"), self.expected)
        return replace(seen, took=timedelta(seconds=loop.time() - began))


def judge_containers(text: str, expected: Iterable[str] = ()) -> Observation:
    """Return what `docker compose ps --format json` means: one JSON object a line, or one list (before 2.21)."""
    try:
        states = {str(one["Service"]): one for one in _objects(text)}
    except (ValueError, TypeError, KeyError):
        return Observation(Status.UNKNOWN, "its containers were not told in a way kedge knows")
    gone = sorted(name for name, one in states.items() if _has_failed(one))
    missing = sorted(set(expected) - set(states)) if states else sorted(expected)
    sick = sorted(name for name, one in states.items() if one.get("Health") == "unhealthy")
    evidence = {name: f"{one.get('State', '')} {one.get('Health', '')}".strip() for name, one in states.items()}
    if gone or (expected and not states):
        return Observation(Status.DOWN, f"containers do not run: {', '.join(gone or missing)}", evidence)
    if sick:
        return Observation(Status.DEGRADED, f"containers say they are not well: {', '.join(sick)}", evidence)
    if missing:
        return Observation(Status.DEGRADED, f"containers are missing: {', '.join(missing)}", evidence)
    return Observation(Status.OK, "all containers run", evidence)


def _objects(text: str) -> Iterator[Mapping[str, Any]]:
    for line in text.splitlines():
        found = json.loads(line) if line.strip() else []
        yield from found if isinstance(found, list) else [found]


def _has_failed(one: Mapping[str, Any]) -> bool:
    """Whether a container ended with an error or is stuck; those that did their work and ended are fine."""
    state = one.get("State")
    return state in ("dead", "restarting", "created", "paused") or (state == "exited" and one.get("ExitCode") != 0)
