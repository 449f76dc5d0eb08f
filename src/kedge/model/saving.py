"""What is saved where: stores, and how a service is saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from kedge.model.quantity import Duration, Size
from kedge.model.thing import AccountRef, AnyRef, Declared, HostRef, OneOrMore, SecretRef, StoreRef, Thing


class Store(Thing):
    """A place that holds snapshots."""

    section: ClassVar[str] = "stores"
    on: AnyRef | None = Field(None, description="the host, place or provider that carries it")
    type: Literal["restic", "borg", "newest-file", "folder", "other"] = "other"
    repository: str = Field("", description="where it is: a restic or borg repository, or a newest-file pattern")
    passphrase: SecretRef | None = None
    deletable_by: Annotated[tuple[AccountRef, ...], OneOrMore] | None = None
    append_only: bool | None = None
    offline: bool | None = None
    dies_with: Annotated[tuple[AnyRef, ...], OneOrMore] = Field((), description="things whose loss takes it along")
    follows: AnyRef | None = Field(None, description="a mirror, replica or RAID of this thing: it repeats a deletion")


class Drill(Declared):
    """Where restores are rehearsed."""

    on: HostRef | None = None
    root: str = "host"
    every: Duration | None = None


class Save(Declared):
    """How a service is saved."""

    to: Annotated[tuple[StoreRef, ...], OneOrMore]
    every: Duration | None = None
    made_by: Literal["kedge", "other"] = "kedge"
    drill: Drill | None = None


def _read_save(value: Any) -> Any:
    if value == "none":
        return Save(to=())
    if isinstance(value, str | list | tuple):
        return {"to": value}
    if isinstance(value, Mapping) and value.get("to") == "none":
        return {**value, "to": []}
    return value


_Stores = Annotated[tuple[StoreRef, ...], OneOrMore]
SaveField = Annotated[Save, BeforeValidator(_read_save, json_schema_input_type=_Stores | Save)]


class Restore(Declared):
    """How long a restore takes: `takes` once, or for each of `units`."""

    takes: Duration | None = None
    units: int | None = Field(None, ge=1)
    size: Size | None = Field(None, description="room that a restored copy needs")


class Promise(Declared):
    """The RPO and RTO that a service is meant to keep."""

    rpo: Duration | None = None
    rto: Duration | None = None
