"""What is saved where: stores, and how a service is saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from kedge.model.quantity import Duration, Size
from kedge.model.thing import AccountRef, AnyRef, Declared, HostRef, OneOrMore, SecretRef, StoreRef, Thing


class Archive(Declared):
    """Where the Debian packages are kept that saved services run on."""

    on: HostRef = Field(description="the host that carries it")
    folder: Annotated[str, Field(pattern="^/.+$")] = Field(description="its folder there")


class Store(Thing):
    """A place that holds snapshots."""

    section: ClassVar[str] = "stores"
    on: AnyRef | None = Field(None, description="the host, place or provider that carries it")
    type: Literal["restic", "borg", "newest-file", "folder", "snapshot", "other"] = Field(
        "other", description="how it keeps them; `snapshot`: on the volume it is taken of, and lost with it"
    )
    repository: str = Field("", description="where it is: a restic or borg repository, or a newest-file pattern")
    passphrase: SecretRef | None = Field(None, description="the secret without which nothing in it can be read")
    credentials: SecretRef | None = Field(
        None, description="the secret a REST server or S3 asks for, as `name:password` or `key-id:key`"
    )
    deletable_by: Annotated[tuple[AccountRef, ...], OneOrMore] | None = Field(
        None, description="accounts that can delete what is in it"
    )
    append_only: bool | None = Field(None, description="who saves can add, and neither change nor delete")
    offline: bool | None = Field(None, description="connected only while something is saved")
    dies_with: Annotated[tuple[AnyRef, ...], OneOrMore] = Field((), description="things whose loss takes it along")
    packages: Archive | None = Field(
        None, description="the archive of Debian packages that services saved here run on; kedge fills it"
    )
    follows: AnyRef | None = Field(None, description="a mirror, replica or RAID of this thing: it repeats a deletion")

    @property
    def is_mirror(self) -> bool:
        """Whether it repeats what happens to the original: a mirror, replica or RAID, or a snapshot on its volume."""
        return self.follows is not None or self.type == "snapshot"


class Drill(Declared):
    """Where restores are rehearsed."""

    on: HostRef | None = Field(None, description="the host that rehearses (default: a spare, or one that is saved)")
    root: str = Field(
        "host", description="whose programs: the host's own, `empty` (a Debian built of packages) or `folder:PATH`"
    )
    every: Duration | None = Field(None, description="how often (default: 90 d)")


class Save(Declared):
    """How a service is saved."""

    to: Annotated[tuple[StoreRef, ...], OneOrMore] = Field(description="the stores it is saved to")
    every: Duration | None = Field(None, description="how often (default: within the promised RPO)")
    made_by: Literal["kedge", "other"] = Field("kedge", description="what saves it: kedge, or a job of your own")
    finds: Mapping[str, str] = Field(
        {}, description="in a backup made by others: part -> its path there (default for a folder: that folder)"
    )
    drill: Drill | None = Field(None, description="where restores of it are rehearsed")


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

    takes: Duration | None = Field(None, description="how long it takes, for all or for each unit")
    units: int | None = Field(None, ge=1, description="how many parts come back one after the other (default: 1)")
    size: Size | None = Field(None, description="room that a restored copy needs")


class Promise(Declared):
    """The RPO and RTO that a service is meant to keep."""

    rpo: Duration | None = Field(
        None, description="how much of the latest work may be lost (default: the organisation's, else 24 h)"
    )
    rto: Duration | None = Field(None, description="how long until it is back (default: the organisation's, else 3 d)")
