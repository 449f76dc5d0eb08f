"""A service: one declared thing people use. Its kind describes; engines act."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from kedge.model.dump import DumpsField
from kedge.model.folder import Folder
from kedge.model.instance import Endpoint, Instance, Part, Probe, Start
from kedge.model.need import Needs, NeedsField
from kedge.model.quantity import Moment
from kedge.model.saving import Promise, Restore, SaveField
from kedge.model.thing import AnyRef, HostRef, OneOrMore, PeopleRef, Thing


@dataclass(frozen=True, slots=True)
class Need:
    """An edge that a kind derives from its fields: this service needs that thing in this phase."""

    of: str
    phase: Literal["run", "use", "start", "change", "recover"] = "run"


class Service(Thing, ABC):
    """The fields every kind shares. A kind adds its own and says what it needs, serves, saves and starts.

    `requires` binds roles to kinds: the role is also the name of the field that holds the bound service's name.
    A stateless kind keeps no data of its own. The reader takes `kind:` to choose the class; it is no field.
    `example` are the fields of a minimal service of this kind: for its page, and for the contract test of all kinds.
    """

    # A kind's validator is built when the kind is first used: an inventory uses few of the many.
    model_config = ConfigDict(defer_build=True)

    section: ClassVar[str] = "services"
    kind: ClassVar[str] = ""
    summary: ClassVar[str] = ""
    requires: ClassVar[Mapping[str, frozenset[str]]] = {}
    is_stateless: ClassVar[bool] = False
    receives: ClassVar[str] = ""
    """The type of channel whose messages it receives for its `domains` (`mail`, `xmpp`); empty: none."""
    example: ClassVar[Mapping[str, Any]] = {}
    """The smallest declaration of this kind, as the inventory would say it."""

    host: Annotated[tuple[HostRef, ...], OneOrMore] | None = Field(None, description="where it runs")
    at_least: int = Field(1, ge=1, description="of several hosts, how many must run")
    needs: NeedsField = Field(Needs(), description="what else it needs, and when")
    people: Annotated[tuple[PeopleRef, ...], OneOrMore] | None = Field(None, description="who is responsible")
    promise: Promise = Field(Promise(), description="the RPO and RTO it is meant to keep")
    save: SaveField | None = Field(None, description="where its data is saved; `none` where it is not")
    paths: Annotated[tuple[Folder, ...], OneOrMore] = Field(
        (), description="folders that are saved with it, besides what its kind knows"
    )
    dumps: DumpsField = Field(
        {}, description="dumps by commands of one's own: name → command, or its [fields](#dump); saved besides the rest"
    )
    starts: Literal["by-itself", "by-hand"] | None = Field(None, description="what happens after a boot of its host")
    reports_on: Annotated[tuple[AnyRef, ...], OneOrMore] = Field((), description="things whose status it shows")
    restore: Restore = Field(Restore(), description="how long a restore takes, and what room it needs")
    supported_until: Moment | None = Field(None, description="end of security updates of its software")
    keeps_data: bool | None = Field(None, description="whether it keeps data of its own (default: as its kind does)")
    domains: Annotated[tuple[str, ...], OneOrMore] = Field((), description="names under which it is used")
    public: bool = Field(True, description="shown on the public page")

    @property
    def has_data(self) -> bool:
        """Whether there is data of its own to save: as declared, else as its kind does."""
        return not self.is_stateless if self.keeps_data is None else self.keeps_data

    @property
    def is_startable(self) -> bool:
        """Whether its kind says how a restored copy is started."""
        return type(self).start is not Service.start

    def required(self) -> Iterable[Need]:
        """Yield the needs that follow from this kind's own fields (a bound database: to run)."""
        for role in self.requires:
            name = getattr(self, role.replace("-", "_"), None)
            if name:
                yield Need(name)

    def names(self) -> Iterable[str]:
        """Yield the domain names under which this service is used."""
        yield from self.domains

    def endpoints(self) -> Iterable[Endpoint]:
        """Yield where this service is used."""
        return ()

    def sockets(self) -> Mapping[str, str]:
        """Return the sockets through which programs of its own host reach it, by name; an instance dials them too."""
        return {}

    def entry(self) -> tuple[str, ...]:
        """Return the words that lead a command from its host into where it runs (a container); empty: it runs there."""
        return ()

    def inner(self) -> Mapping[str, Service]:
        """Return the services that run within this one and hold its parts, by the role that those parts name."""
        return {}

    def probes(self, at: Instance) -> Iterable[Probe]:
        """Yield the looks that tell whether this copy is up."""
        return ()

    def parts(self) -> Iterable[Part]:
        """Yield what must be saved; nothing means stateless."""
        return ()

    def programs(self) -> Iterable[str]:
        """Yield the programs, or files, whose packages a copy needs to be restored, started and looked at.

        A name, or an absolute path in which `*` stands for anything. What begins with `-` may be missing, and is taken
        without what belongs to it.
        """
        return ()

    def start(self, at: Instance) -> Iterable[Start]:
        """Yield, in order, what starts a restored copy."""
        return ()
