"""What is saved of a service: what its kind knows, and what the inventory names besides, folders and commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields

from kedge.errors import UsageError
from kedge.kinds.compose import Compose
from kedge.kinds.container import enter
from kedge.kinds.files import folder_parts
from kedge.model.dump import Dump
from kedge.model.instance import Part
from kedge.model.service import Service

PROGRAM = re.compile(r"(?:exec\s+)?([A-Za-z0-9_.+-]+)(?=\s|$)")


def parts_of(service: Service) -> Iterator[Part]:
    """Yield every part of a service; raises UsageError for two of one name. What others save has no dumps of ours."""
    own = list(service.parts())
    yield from own
    taken = {part.name for part in own}
    yield from folder_parts(service.paths, taken)
    if service.save and service.save.made_by == "other":
        return
    for name, dump in service.dumps.items():
        if name in taken:
            raise UsageError(f"two parts are called '{name}'", hint="give the entry of `dumps` another name")
        yield _part(service, name, dump)


def programs_of(service: Service) -> Iterator[str]:
    """Yield the programs of a copy: those of its kind, and those that load the dumps the inventory names."""
    yield from service.programs()
    for dump in service.dumps.values():
        found = PROGRAM.match(dump.load)
        if found and not dump.in_:
            yield found[1]


def _part(service: Service, name: str, dump: Dump) -> Part:
    from kedge.parts.command import LONG, CommandPart, PlacedCommandPart

    project = service.project_name if isinstance(service, Compose) else str(getattr(service, "project", ""))
    part = CommandPart(
        name,
        dump.save,
        dump.load,
        dump.count,
        dump.ends_with,
        dump.may_be_empty,
        bool(dump.load) and dump.needs_running,
        dump.limit or LONG,
        enter(project, dump.in_) if dump.in_ else (),
        service.dumped_volumes(dump.in_) if isinstance(service, Compose) else (),
    )
    if not (dump.into and dump.load):
        return part
    placed = {field.name: getattr(part, field.name) for field in fields(part)}
    return PlacedCommandPart(**placed, into=dump.into)
