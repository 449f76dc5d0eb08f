"""The Debian packages of saved services: asked of their hosts, kept in an archive, built into an empty Debian."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from kedge.adapters.debian_root import DebianRoots, find_folder
from kedge.adapters.login import enter
from kedge.adapters.package_archive import PackageArchive
from kedge.app.workshop import A_MOMENT, Workshop, first_line
from kedge.errors import EvidenceError, KedgeError, Lacking, OutsideError, UsageError
from kedge.kinds.saving import programs_of
from kedge.model.facts import Fact
from kedge.model.package import PackageList, merge, name_some, read_packages
from kedge.model.ports import Repository, Snapshot, SnapshotStore
from kedge.work.enclosure import ENCLOSED, PACKAGES
from kedge.work.provenance import Provenance, ask, read_provenance
from kedge.work.rehearsal import WHY_CHARACTERS
from kedge.work.saving import write_whole
from kedge.work.subject import Subject

HOW = "packages: {on: HOST, folder: /srv/packages}"


@dataclass(frozen=True)
class Asked:
    """What a host said when it was last asked: kept, and believed until its packages look otherwise."""

    stamp: str
    programs: tuple[str, ...]
    checked: str
    said: str

    @classmethod
    def read(cls, file: Path) -> Asked | None:
        """Return what is kept in a file; None if that is nothing."""
        try:
            kept = json.loads(file.read_text())
            datetime.fromisoformat(kept["checked"])
            return cls(kept["stamp"], tuple(kept["programs"]), kept["checked"], kept["said"])
        except (OSError, ValueError, KeyError, TypeError):
            return None


async def list_by_host(workshop: Workshop, subject: Subject) -> Mapping[str, tuple[Subject, PackageList]]:
    """Return the packages that a copy of a service needs, by the host they are installed on, with a service there.

    Never raises: what cannot be found out is said in the list.
    """
    found: dict[str, tuple[Subject, PackageList]] = {}
    for host, subjects in _by_host(subject).items():
        programs = dict.fromkeys(program for one in subjects for program in programs_of(one.service))
        try:
            listed = (await _provenance(workshop, host, subjects[0])).list_for(programs)
        except KedgeError as failure:
            listed = PackageList((), (f"{host or subjects[0].name}: {first_line(failure)}",))
        found[host] = (subjects[0], listed)
    return found


async def list_packages(workshop: Workshop, subject: Subject) -> PackageList:
    """Return the packages that a copy of a service needs; what could not be found out stands in the list."""
    return merge(listed for _, listed in (await list_by_host(workshop, subject)).values())


def _by_host(subject: Subject) -> Mapping[str, list[Subject]]:
    found: dict[str, list[Subject]] = {}
    for one in _with_used(subject):
        found.setdefault((one.service.host or ("",))[0], []).append(one)
    return found


def _with_used(subject: Subject) -> Iterator[Subject]:
    yield subject
    for used in subject.uses.values():
        yield from _with_used(used)


async def _provenance(workshop: Workshop, host: str, subject: Subject) -> Provenance:
    """Return what a host says of its packages; it is asked once in a while whether that has changed."""
    services = workshop.opened.inventory.sections.services.values()
    here = [service for service in services if (service.host or ("",))[0] == host]
    programs = tuple(sorted({program for service in here for program in programs_of(service)}))
    file, now = workshop.folder / "packages" / f"{host}.json", workshop.clock.now()
    known = await asyncio.to_thread(Asked.read, file)
    if known and known.programs != programs:
        known = None
    if known and now - datetime.fromisoformat(known.checked) < A_MOMENT:
        return await asyncio.to_thread(read_provenance, known.said)
    stamp, said = await ask(workshop.site(subject).shell, programs, known.stamp if known else "")
    asked = Asked(stamp, programs, now.isoformat(), said or (known.said if known else ""))
    provenance = await asyncio.to_thread(read_provenance, asked.said)
    with contextlib.suppress(OSError, OutsideError):  # then it is asked for again
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        await asyncio.to_thread(write_whole, file, json.dumps(asdict(asked)).encode())
    return provenance


async def keep_packages(workshop: Workshop, name: str) -> None:
    """Bring the packages of a service into the archives of its stores; what stands in the way is told and noted."""
    subject = workshop.subject(name)
    stores = subject.service.save.to if subject.service.save else ()
    try:
        archives = [archive for store in stores if (archive := find_archive(workshop, store))]
        if not archives:
            return
        lists = await list_by_host(workshop, subject)
        filled = [await _fill(workshop, archive, *one) for archive in archives for one in lists.values()]
        faults = dict.fromkeys(fault for one in filled for fault in one)
    except KedgeError as failure:
        faults = {first_line(failure): None}
    for fault in faults:
        workshop.tell(f"packages: {fault}")
    value = f"failed: {'; '.join(faults)}"[:WHY_CHARACTERS] if faults else "ok"
    with contextlib.suppress(EvidenceError):
        workshop.database.record([Fact(name, "packages", value, workshop.clock.now(), "counted", by="kedge")])


async def _fill(workshop: Workshop, archive: PackageArchive, used: Subject, listed: PackageList) -> list[str]:
    """Return what is missing in an archive after it was filled with what one host has."""
    faults = [*listed.unknown]
    try:
        missing = await archive.find_missing([one for one in listed.packages if one.sha256])
        if missing:
            workshop.tell(f"packages: fetching {len(missing)} into {archive.name}")
            lost = await archive.fill(workshop.site(used).shell, missing)
            faults += [f"{archive.name} lacks {name_some(lost)}"] if lost else []
    except KedgeError as failure:
        faults.append(first_line(failure))
    return faults


def find_archive(workshop: Workshop, store: str) -> PackageArchive | None:
    """Return the archive of packages that belongs to a store; raises UsageError if its host cannot be entered."""
    declared = workshop.opened.inventory.sections.stores[store].packages
    if declared is None:
        return None
    login = workshop.opened.inventory.sections.hosts[declared.on].login
    if not login:
        raise UsageError(f"host {declared.on} has no `login`", hint="it carries the archive of packages")
    shell = enter(login, workshop.near).shell
    return PackageArchive(shell, PurePosixPath(declared.folder), f"{declared.on}:{declared.folder}")


def require_archive(workshop: Workshop, stores: Sequence[str]) -> PackageArchive:
    """Return the first archive of packages that belongs to one of these stores; raises UsageError if there is none."""
    for store in stores:
        if archive := find_archive(workshop, store):
            return archive
    raise UsageError(f"no archive of packages is declared for {', '.join(stores)}", hint=f"in the store: {HOW}")


async def read_lists(copies: Mapping[str, tuple[SnapshotStore, Snapshot]]) -> PackageList:
    """Return the packages that lie listed in these snapshots, by service; raises Lacking if one has no list."""
    return merge([await _read_list(service, *copy) for service, copy in copies.items()])


async def _read_list(service: str, store: SnapshotStore, snapshot: Snapshot) -> PackageList:
    text = ""
    if isinstance(store, Repository):
        with tempfile.TemporaryDirectory(prefix="kedge-found-") as here:
            await store.fetch_below(snapshot, ENCLOSED, Path(here))
            text = await asyncio.to_thread(_read, Path(here, ENCLOSED, PACKAGES))
    listed = read_packages(text)
    if not listed.packages:
        why = f" ({'; '.join(listed.unknown)})" if listed.unknown else ""
        raise Lacking(f"snapshot {snapshot.id[:8]} of {service} lists no packages{why}", hint="save it again")
    return listed


def _read(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def debian_roots(workshop: Workshop) -> DebianRoots:
    """Return where empty Debians are kept."""
    return DebianRoots(find_folder(workshop.environ), workshop.near)
