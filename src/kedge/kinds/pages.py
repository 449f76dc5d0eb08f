"""The page of a kind, generated from its class: the code is the only place where it is described."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path, PurePosixPath
from socket import socket

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from kedge.errors import Refused
from kedge.kinds.database import WithDatabase
from kedge.kinds.grades import GRADES, Proof, read_proofs
from kedge.kinds.saving import parts_of
from kedge.model.instance import Instance
from kedge.model.ports import Address, Exit, Running
from kedge.model.service import Service
from kedge.model.thing import to_kebab

_REFERENCE = "../reference/inventory.md"


class Nowhere:
    """A site at which nothing can be done: a kind may be asked what it would do, but nothing is ever done."""

    @property
    def shell(self) -> Nowhere:
        """Itself."""
        return self

    @property
    def net(self) -> Nowhere:
        """Itself."""
        return self

    async def run(self, argv: Sequence[str], *, stdin: bytes = b"", limit: timedelta) -> Exit:
        """Refuse."""
        raise Refused("nothing can be run nowhere")

    def start(self, argv: Sequence[str]) -> AbstractAsyncContextManager[Running]:
        """Refuse."""
        raise Refused("nothing can be started nowhere")

    async def put(self, source: Path, target: PurePosixPath) -> None:
        """Refuse."""
        raise Refused("nothing can be copied nowhere")

    async def get(self, source: PurePosixPath, target: Path, known: str = "") -> None:
        """Refuse."""
        raise Refused("nothing can be copied from nowhere")

    async def connect(self, to: Address, *, limit: timedelta) -> socket:
        """Refuse."""
        raise Refused("nowhere has no network")


def example_of(kind: type[Service]) -> Service:
    """Return the kind's own example."""
    return kind.model_validate(dict(kind.example))


def instance_of(service: Service) -> Instance:
    """Return an instance of a service that exists on paper only, with every role bound."""
    dial = {endpoint.name: Address("192.0.2.1", endpoint.port) for endpoint in service.endpoints()}
    uses = {role: Instance("sandbox", Nowhere(), {}) for role in (*service.requires, *service.inner())}
    return Instance("sandbox", Nowhere(), dial, uses=uses)


def kind_page(kind: type[Service]) -> str:
    """Return the page of a kind in Markdown."""
    service = example_of(kind)
    at = instance_of(service)
    sections = (
        _heading(kind, read_proofs().get(kind.kind)),
        _fields("Its own fields", _own_fields(kind)),
        _roles(kind),
        _listed("Where it is used", (f"`{e.name}`: {e.transport} port {e.port}" for e in service.endpoints())),
        _listed("How it is looked at", (f"`{p.name}`: {_first_line(p)}" for p in service.probes(at))),
        _saved(service),
        _listed("How a restored copy is started", (f"`{step}`" for step in _steps(service, at))),
        _fields("Fields of every service", _shared_fields(kind)),
    )
    return "\n".join("\n".join(section) for section in sections if section)


def _heading(kind: type[Service], proof: Proof | None) -> list[str]:
    doc = " ".join((kind.__doc__ or "").split())
    grade = f"**{proof.grade}**: {GRADES[proof.grade]} (version {proof.version}, {proof.at})" if proof else ""
    unproven = f"**described**: {GRADES['described']}; nothing has been proven with a real one yet"
    facts = ["It keeps no data of its own." if kind.is_stateless else "It keeps data, which must be saved."]
    if kind.receives:
        facts.append(f"It receives what is sent to its `domains` by {kind.receives}.")
    return [
        f"# {kind.kind}",
        "",
        f"{kind.summary[0].upper()}{kind.summary[1:]}. {doc}",
        "",
        f"Grade: {grade or unproven}.",
        "",
        " ".join(facts),
        "",
    ]


def _own_fields(kind: type[Service]) -> dict[str, FieldInfo]:
    return {name: field for name, field in kind.model_fields.items() if name not in Service.model_fields}


def _shared_fields(kind: type[Service]) -> dict[str, FieldInfo]:
    return {name: field for name, field in kind.model_fields.items() if name in Service.model_fields}


def _fields(title: str, fields: dict[str, FieldInfo]) -> list[str]:
    if not fields:
        return []
    rows = [
        f"| `{field.alias or to_kebab(name)}` | {_meaning(field)} | {_default(field)} |"
        for name, field in fields.items()
    ]
    return [f"## {title}", "", "| field | meaning | if absent |", "|---|---|---|", *rows, ""]


def _meaning(field: FieldInfo) -> str:
    """Return what a field means; its links, written for the page of the inventory, lead there."""
    return (field.description or "").replace("](#", f"]({_REFERENCE}#")


def _default(field: FieldInfo) -> str:
    """Return what an absent field means: absent facts are unknown, absent settings have their default."""
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(f"`{entry}`" for entry in value) or "none"
    if isinstance(value, BaseModel):
        name = type(value).__name__.lower()
        return f"see [{name}]({_REFERENCE}#{name})"
    if value is None:
        return "unknown"
    return "none" if value in ("", {}) else f"`{value}`"


def _saved(service: Service) -> list[str]:
    """Return what is saved of a service; where its kind does not know, how the inventory says it."""
    parts = list(parts_of(service))
    if parts or not service.has_data:
        return _listed("What is saved", (f"`{p.name}`: {_first_line(p)}" for p in parts))
    ways = ["the folders that `paths` names", "what the commands in `dumps` write"]
    if isinstance(service, WithDatabase):
        ways.insert(0, "its database, if `database` and `database-name` name it")
    return _listed("What is saved", iter(ways))


def _roles(kind: type[Service]) -> list[str]:
    lines = (
        f"`{role}`: a service of kind {' or '.join(map(_code, sorted(kinds)))}" for role, kinds in kind.requires.items()
    )
    return _listed("What it needs to run, where named", lines)


def _code(text: str) -> str:
    return f"`{text}`"


def _listed(title: str, lines: Iterator[str]) -> list[str]:
    found = [f"- {line}" for line in lines]
    return [f"## {title}", "", *found, ""] if found else []


def _first_line(thing: object) -> str:
    return (type(thing).__doc__ or "").strip().partition("\n")[0]


def _steps(service: Service, at: Instance) -> Iterator[str]:
    for step in service.start(at):
        argv = getattr(step, "argv", None)
        yield " ".join(argv) if argv else f"write {getattr(step, 'path', '')}"
