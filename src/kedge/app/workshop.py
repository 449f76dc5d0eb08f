"""What saving and drilling work with: stores, hosts and secrets of the inventory, the database, room for spools."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

from kedge.adapters.adopted import AdoptedStore, BorgReader, FileReader, Reader, ResticReader, find_wanted
from kedge.adapters.borg import BorgStore
from kedge.adapters.folder_store import FolderStore
from kedge.adapters.local import LocalShell, LocalSite
from kedge.adapters.login import enter
from kedge.adapters.restic import ResticStore
from kedge.adapters.secret import Secret, read_secret, without_secrets
from kedge.app.database import open_database
from kedge.app.opening import Opened
from kedge.errors import KedgeError, OutsideError, UsageError
from kedge.evidence.database import Database
from kedge.evidence.place import PASSWORD, find_folder
from kedge.inventory.secrecy import holds_password
from kedge.kinds.saving import parts_of
from kedge.model.ports import Repository, Site, SnapshotStore
from kedge.model.saving import Store
from kedge.model.service import Service
from kedge.work.lock import hold
from kedge.work.run import Logbook
from kedge.work.subject import Subject

# Children end with kedge, also when it is killed: what they did is looked at by the next run, not waited for.
DIES_TOO = ("setpriv", "--pdeathsig", "TERM", "--")
ENDS_TOO = ("setpriv", "--pdeathsig", "INT", "--")
PATIENCE_S = 10.0
"""How long to wait for the last holder of a lock: the children of a killed run take a moment to end."""

A_MOMENT = timedelta(minutes=5)
TELL: Callable[[str], None] = lambda line: None  # noqa: E731 - a default, not a function anybody looks for


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the present moment."""
        return datetime.now(UTC)


@dataclass(frozen=True)
class Way:
    """Another way into a store than the declared one, for those who may delete: its address, a file of credentials."""

    address: str = ""
    credentials: str = ""


DECLARED = Way()


@dataclass(frozen=True)
class Workshop:
    """An inventory at work. Children get the environment without the variables that hold secrets."""

    opened: Opened
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    tell: Callable[[str], None] = TELL
    clock: SystemClock = field(default_factory=SystemClock)
    near: LocalShell = field(default_factory=LocalShell)
    opened_at: dict[str, datetime] = field(default_factory=dict)
    """When this process last saved to, or made, each store."""
    given: Mapping[str, Secret] = field(default_factory=dict)
    """Secrets that were handed over, and are declared nowhere."""

    @classmethod
    def open(cls, opened: Opened, tell: Callable[[str], None] = TELL) -> Workshop:
        """Return the workshop of an inventory."""
        references = [secret.from_ for secret in opened.inventory.sections.secrets.values() if secret.from_]
        references.append(os.environ.get(PASSWORD, ""))
        environ = {**without_secrets(os.environ, references), "LC_ALL": "C.UTF-8"}
        near = LocalShell(hop=lambda argv: (*DIES_TOO, *argv), env=environ)
        return cls(opened, tell=tell, near=near)

    @property
    def folder(self) -> Path:
        """Where locks, spools and restic's cache lie: beside the database, if that is a file."""
        return find_folder(self.opened.path, self.environ)

    @property
    def database(self) -> Database:
        """Where runs and facts are kept."""
        return open_database(self.opened.path, self.environ)

    @property
    def logbook(self) -> Logbook:
        """Where runs are written down."""
        return Logbook(self.database, self.clock, version("kedge"), self.tell)

    @contextmanager
    def locked(self, purpose: str) -> Iterator[Workshop]:
        """Yield a workshop whose children hold the lock of this purpose; raises Refused if another one does."""
        with hold(self.folder / "locks", purpose, patience_s=PATIENCE_S) as number:
            yield replace(self, near=replace(self.near, fds=(number,)))

    def note_open(self, *stores: str) -> None:
        """Remember that these stores opened just now."""
        self.opened_at.update(dict.fromkeys(stores, self.clock.now()))

    def just_opened(self) -> set[str]:
        """Return the stores that opened a moment ago: they need not be tried again before the next service."""
        return {name for name, at in self.opened_at.items() if self.clock.now() - at < A_MOMENT}

    def subject(self, name: str) -> Subject:
        """Return a service with the services bound to its roles; raises KedgeError if it is none."""
        service = self.opened.inventory.sections.services.get(name)
        if service is None:
            self.opened.inventory.find(name)
            raise UsageError(f"'{name}' is not a service")
        bound = {role: getattr(service, role.replace("-", "_"), None) for role in service.requires}
        uses = {role: self.subject(other) for role, other in bound.items() if other}
        inner = {role: Subject(f"{name}/{role}", one) for role, one in service.inner().items()}
        return Subject(name, service, {**uses, **inner})

    def site(self, subject: Subject) -> Site:
        """Return the way into a service's host; raises UsageError if the inventory names none."""
        hosts = subject.service.host or ()
        login = self.opened.inventory.sections.hosts[hosts[0]].login if hosts else ""
        if not login:
            where = f"host {hosts[0]} has no `login`" if hosts else f"{subject.name} has no `host`"
            raise UsageError(where, hint="login: local, or login: ssh kedge@web1.example.org, sudo")
        return enter(login, self.near, subject.service.entry())

    def is_here(self, site: Site) -> bool:
        """Return whether a site's files are kedge's own."""
        return isinstance(site, LocalSite)

    def store(self, name: str, service: str = "") -> SnapshotStore:
        """Return a store, not yet looked at, adopted if others save this service to it; raises KedgeError."""
        one = self.opened.inventory.sections.services.get(service)
        if one and one.save and one.save.made_by == "other":
            return self.adopted(name, one)
        store = self.opened.inventory.sections.stores[name]
        if store.type == "folder" and store.repository:
            return FolderStore(Path(store.repository), self.clock)
        return self.repository(name)

    def adopted(self, name: str, service: Service) -> AdoptedStore:
        """Return a store to which others save this service; raises KedgeError if kedge cannot read it."""
        finds = service.save.finds if service.save else {}
        return AdoptedStore(self._reader(name, service.host or ()), find_wanted(list(parts_of(service)), finds))

    def repository(self, name: str, way: Way = DECLARED) -> Repository:
        """Return a store that restic or borg keeps for kedge, by the way in that is given; raises KedgeError."""
        declared = self.opened.inventory.sections.stores.get(name)
        if declared is None:
            self.opened.inventory.find(name)
            raise UsageError(f"'{name}' is not a store")
        if declared.type not in {"restic", "borg"}:
            raise UsageError(
                f"store {name} is of type '{declared.type}'", hint="kedge can do this to type: restic or borg"
            )
        if not declared.repository:
            raise UsageError(f"store {name} has no `repository`", hint="its address, such as sftp:user@host:/folder")
        return self._restic(name, way) if declared.type == "restic" else self._borg(name, way)

    def _restic(self, name: str, way: Way) -> ResticStore:
        store = self._without_password(name, way)
        passphrase = self._secret(store.passphrase)
        if passphrase is None:
            raise UsageError(f"store {name} has no `passphrase`", hint="name a secret; `kedge backup` needs its `from`")
        # restic removes its lock when it is interrupted, not when it is terminated (0.14).
        near = replace(self.near, hop=lambda argv: (*ENDS_TOO, *argv))
        given = read_secret(f"file:{way.credentials}", {}) if way.credentials else self._secret(store.credentials)
        return ResticStore(store.repository, passphrase, self.folder / "cache", near, given)

    def _borg(self, name: str, way: Way) -> BorgStore:
        """Return a store that is a borg repository; without a `passphrase` it is taken for one without encryption."""
        if way.credentials:
            raise UsageError(f"store {name}: borg asks for no credentials", hint="its key is ssh's: --through ssh://…")
        store = self._without_password(name, way)
        is_closed = bool(store.append_only)
        where = store.repository.partition("::")[0]
        # By two addresses a repository is two of the same id to borg, which then asks whether that is meant.
        cache = self.folder / ("borg-through" if way.address else "borg")
        return BorgStore(where, self._secret(store.passphrase), cache, self.near, is_closed)

    def _without_password(self, name: str, way: Way) -> Store:
        store = self.opened.inventory.sections.stores[name]
        store = store.model_copy(update={"repository": way.address}) if way.address else store
        if holds_password(store.repository):
            raise UsageError(f"store {name}: its repository has a password in it", hint="`credentials`: name a secret")
        return store

    def _secret(self, name: str | None) -> Secret | None:
        if name and name in self.given:
            return self.given[name]
        declared = self.opened.inventory.sections.secrets.get(name or "")
        if declared is None:
            return None
        if not declared.from_:
            what = f"the inventory does not say where kedge gets the secret '{name}'"
            raise OutsideError(what, hint="`from: env:NAME`, `file:PATH` or `command:…`, beside `kept`")
        path = self.opened.path
        return read_secret(declared.from_, self.environ, path if path.is_dir() else path.parent)

    def _reader(self, name: str, hosts: Sequence[str]) -> Reader:
        """Return what reads a store that others fill; raises KedgeError for one that kedge cannot read."""
        store = self.opened.inventory.sections.stores[name]
        if store.type == "restic":
            return ResticReader(self._restic(name, DECLARED), hosts)
        if store.type == "borg":
            return BorgReader(self._borg(name, DECLARED), hosts, store.repository.partition("::")[2] or "*")
        if store.type == "newest-file" and store.repository.startswith("/"):
            host = self.opened.inventory.sections.hosts.get(store.on or "")
            return FileReader(enter(host.login if host and host.login else "local", self.near).shell, store.repository)
        raise UsageError(
            f"store {name}: kedge cannot read type '{store.type}'",
            hint="type: restic, borg, or newest-file with a pattern such as /srv/dumps/wiki-*.sql.gz",
        )


def first_line(failure: KedgeError) -> str:
    """Return what a failure says, with what to do, in one line."""
    return f"{failure.message} ({failure.hint})" if failure.hint else failure.message
