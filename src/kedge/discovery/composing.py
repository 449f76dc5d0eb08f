"""From everything that was seen to one inventory: hosts, providers, services, domains, certificates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from kedge.discovery.backups import FoundBackup, find_backups
from kedge.discovery.from_inside import Insider, guest_sightings
from kedge.discovery.from_outside import HostSeen, group_hosts, host_name, sightings_of
from kedge.discovery.imports import Imported
from kedge.discovery.inside import HostView, Process, is_address
from kedge.discovery.sighting import Sighting, merge_sightings
from kedge.discovery.sketch import Entry, harmless, one_or_list
from kedge.discovery.surroundings import UNKNOWN, Surroundings, registered_name
from kedge.discovery.world import World
from kedge.inventory.edit import Value
from kedge.kinds.recognition import DATABASES
from kedge.kinds.registry import KINDS
from kedge.model.thing import to_kebab

CONTAINER_HOST = "container-host"


@dataclass
class Composer(Surroundings):
    """Draws one inventory: the hosts, and what runs on them."""

    asked: list[str] = field(default_factory=list)
    """Hosts that were looked at from within."""
    _backups: list[tuple[str, FoundBackup]] = field(default_factory=list)

    def add_host(self, seen: HostSeen, domains: Iterable[str]) -> str:
        """Draw a machine that was seen from outside; one of its addresses or names may be known already."""
        name, entry = self._host(host_name(seen, domains), (*seen.addresses, seen.pointer))
        entry.fields.setdefault("login", UNKNOWN)
        calls = f"; calls itself {seen.pointer}" if seen.pointer else ""
        entry.comments.append(", ".join(seen.names[:8]) + calls)
        if seen.operator:
            provider = self.provider(seen.operator, name, seen.operator_how)
            if "provider" not in entry.fields:
                entry.put("provider", provider, "assumed")
        for one in seen.names:
            self.host_of.setdefault(one, name)
        return name

    def add_world(self, world: World) -> list[Sighting]:
        """Draw the hosts that were seen from outside; return the services there."""
        domains = [view.name for view in world.domains]
        for host in group_hosts(world):
            self.add_host(host, domains)
        return list(sightings_of(world, self.host_of))

    def add_insider(self, view: HostView, wanted: str = "") -> list[Sighting]:
        """Draw a host that was looked at from within, and its guests; return the services there."""
        name, entry = self._host(wanted or view.name, (*view.addresses, view.name))
        insider = Insider(view, name)
        self.asked.append(name)
        for key, value in insider.facts().items():
            entry.put(key, value, "" if key == "login" else self.measured)
        entry.comments += list(insider.remarks())
        found = [*insider.sightings(), *insider.containers(), *insider.projects()]
        for guest, processes in self._guests(view, name):
            found += guest_sightings(guest, processes)
        self.sketch.not_understood += insider.listed
        self._backups += [(name, one) for one in find_backups(insider.backup_files())]
        return found

    def _host(self, wanted: str, addresses: Iterable[str]) -> tuple[str, Entry]:
        """Return the host with one of these addresses or names, made if there is none."""
        own = list(dict.fromkeys(filter(None, addresses)))
        known = next((self.host_of[one] for one in own if one in self.host_of), "")
        if known:
            name, entry = known, self.sketch.sections["hosts"][known]
        else:
            name, entry = self.sketch.add("hosts", wanted.partition(".")[0], "host")
        said = [one for one in own if is_address(one)]
        before = entry.fields.get("address", [])
        listed = before if isinstance(before, list) else [before]
        if said:
            entry.put("address", one_or_list(map(str, [*listed, *said])), self.measured)
        for one in own:
            self.host_of.setdefault(one, name)
        return name, entry

    def add_import(self, path: str, told: Imported) -> list[Sighting]:
        """Draw the hosts a file names; return its services. What runs in containers needs a host: one is made up."""
        for one in told.hosts:
            _, entry = self._host(one.name, (*one.addresses, one.name))
            if one.remark:
                entry.comments.append(f"{one.remark}; from {path}")
            if one.login:
                entry.fields.setdefault("login", one.login)
            if one.system:
                entry.fields.setdefault("system", one.system)
        self.sketch.not_understood += told.not_understood
        for sighting in told.sightings:
            if sighting.kind == "compose" and not sighting.host:
                sighting.host = self._container_host()
        return told.sightings

    def _container_host(self) -> str:
        """Return the host that imported compose files run on: the only one there is, or one to be named."""
        hosts = list(self.sketch.of("hosts"))
        if len(hosts) == 1:
            return hosts[0]
        if CONTAINER_HOST not in hosts:
            name, entry = self._host(CONTAINER_HOST, (CONTAINER_HOST,))
            entry.comments.append("the machine that runs the imported compose files: give it its name and login")
            entry.put("login", UNKNOWN)
            entry.put("system", UNKNOWN)
            return name
        return CONTAINER_HOST

    def _guests(self, view: HostView, host: str) -> Iterable[tuple[str, list[Process]]]:
        """Yield the guests of a host with the programs that can be seen in them."""
        for space in view.spaces:
            processes = [process for process in view.processes if process.space == space.id]
            if processes and space.name:
                name, entry = self._host(space.name, (*space.addresses, space.name))
                entry.put("guest-of", host, self.measured)
                yield name, processes
        for guest in view.guests:
            if guest not in self.host_of:
                name, entry = self._host(guest, (guest,))
                entry.put("guest-of", host, self.measured)
                entry.put("login", UNKNOWN)

    def _far_databases(self, sightings: Sequence[Sighting]) -> list[Sighting]:
        """Return the database servers that settings speak of and nobody has seen; settle which host is meant."""
        new: list[Sighting] = []
        for one in sightings:
            told = one.uses.get("database")
            if told is None:
                continue
            host, kinds, database = told.split("/", 2)
            where = self._meant_host(host) if host else one.host
            one.uses["database"] = f"{where}/{kinds}/{database}"
            servers = [s for s in (*sightings, *new) if s.host == where and s.kind in (kinds.split("|") or DATABASES)]
            if host and not servers:
                kind = kinds.split("|")[0] or "mariadb"
                why = [f"the settings of {one.kind} on {one.host} name it"]
                wanted = f"{one.wanted or one.kind}-db"
                new.append(Sighting(kind, where, fields={"databases": [database]}, wanted=wanted, why=why))
            elif host and database:
                known = servers[0].fields.setdefault("databases", [])
                if isinstance(known, list) and database not in known:
                    known.append(database)
        return new

    def _meant_host(self, text: str) -> str:
        if text in self.host_of:
            return self.host_of[text]
        label = text.partition(".")[0]
        if label in self.sketch.of("hosts"):
            return label
        return self._host(label, (text,))[0]

    def add_services(self, sightings: Iterable[Sighting]) -> dict[str, Sighting]:
        """Draw the services, each once, and bind those that use one another; return them by name."""
        found = merge_sightings(sightings)
        found += self._far_databases(found)
        merged = sorted(found, key=lambda one: one.kind in DATABASES)
        named: dict[str, Sighting] = {}
        for one in merged:
            name, _ = self.sketch.add("services", one.wanted or one.kind, one.kind)
            named[name] = one
        for name, one in named.items():
            self._service(name, one, named)
        for host, backup in self._backups:
            self._store(host, backup, named)
        return named

    def _store(self, host: str, backup: FoundBackup, named: Mapping[str, Sighting]) -> None:
        """Draw a backup that somebody else makes, and which services it saves as far as one can tell."""
        kind = backup.tool if backup.type in ("newest-file", "other") else backup.type
        name, entry = self.sketch.add("stores", f"{host}-{kind}", "store")
        entry.comments.append(f"on {host}, {backup.why}")
        entry.put("type", backup.type)
        entry.put("repository", backup.repository)
        if backup.repository.startswith("/"):
            entry.put("on", host, self.measured)
        elif far := backup.far_host:
            entry.put("on", self._meant_host(far))
        else:
            entry.put("on", UNKNOWN)
        if backup.type in ("restic", "borg"):
            entry.put("passphrase", UNKNOWN)
        for service, one in named.items():
            if one.host == host and (one.kind in backup.saves if backup.saves else one.kind not in DATABASES):
                self._saved(self.sketch.sections["services"][service], name)

    def _saved(self, entry: Entry, store: str) -> None:
        before = entry.fields.get("save")
        stores = list(before["to"]) if isinstance(before, dict) and isinstance(before.get("to"), list) else []
        entry.put("save", {"to": [*stores, store], "made-by": "other"}, "assumed")

    def _service(self, name: str, one: Sighting, named: Mapping[str, Sighting]) -> None:
        entry = self.sketch.sections["services"][name]
        kind = KINDS[one.kind]
        keys = {field_.alias or to_kebab(key) for key, field_ in kind.model_fields.items()}
        entry.comments += one.why
        entry.put("kind", one.kind, "assumed" if one.is_guess else self.measured)
        if one.host:
            entry.put("host", one.host)
        elif one.sold_by:
            self.provider(registered_name(one.sold_by), name, f"the name {one.sold_by}")
        for key, value in one.fields.items():
            if key in keys and value:
                sure = "assumed" if key in one.assumed else ""
                entry.put(key, _listens(one.kind, value) if key == "listens" else value, sure)
        for role, bound in _bindings(one, named):
            if role in kind.requires:
                entry.put(role, bound)
            else:
                entry.put("needs", bound, "assumed")
        for unknown in ("people", "save", *one.unknown):
            entry.fields.setdefault(unknown, UNKNOWN)
        if one.seen:
            self.seen.setdefault(name, {}).update(one.seen)


def _listens(kind: str, value: Value) -> Value:
    """Return the listening ports in the order and words of the kind."""
    order = ("smtp", "submission", "submissions", "imap", "imaps", "pop3", "pop3s", "sieve")
    return [one for one in order if isinstance(value, list) and one in value]


def _bindings(one: Sighting, named: Mapping[str, Sighting]) -> list[tuple[str, str]]:
    """Return what a service is bound to: by what it says itself, or because its host has only one."""
    bound = []
    roles = dict(KINDS[one.kind].requires)
    if "database" in one.uses:
        roles.setdefault("database", DATABASES)
    for role, kinds in roles.items():
        candidates = [name for name, other in named.items() if other.kind in kinds and other is not one]
        near = [name for name in candidates if named[name].host == one.host]
        told = one.uses.get(role)
        if told is not None:
            near = [name for name in candidates if _is_meant(named[name], told)] or near[:1]
        elif role not in ("mailboxes", "mail"):
            near = []
        if len(near) == 1:
            bound.append((role, near[0]))
    return bound


def _is_meant(other: Sighting, told: str) -> bool:
    """Return whether a database server is the one told of: `HOST/KIND/DATABASE`, each part possibly empty."""
    host, _, rest = told.partition("/")
    kind, _, database = rest.partition("/")
    if host and other.host != host:
        return False
    if kind and other.kind not in kind.split("|"):
        return False
    databases = other.fields.get("databases")
    return not database or not databases or (isinstance(databases, list) and database in databases)


def compose(
    name: str,
    today: date,
    world: World,
    insiders: Sequence[HostView] = (),
    imports: Mapping[str, Imported] | None = None,
    composer: Composer | None = None,
) -> Composer:
    """Return the inventory drawn from everything that was seen: the closer look wins where two saw the same."""
    drawn = composer or Composer(name, today)
    plain = str(harmless(name))
    drawn.sketch.organisation.setdefault("name", plain if plain not in ("", UNKNOWN) else "unnamed")
    within = [one for view in insiders for one in drawn.add_insider(view)]
    outside = drawn.add_world(world)
    told = [one for path, each in (imports or {}).items() for one in drawn.add_import(path, each)]
    services = drawn.add_services([*outside, *within, *told])
    for view in world.domains:
        drawn.add_domain(view)
    for view in (view for each in (imports or {}).values() for view in each.domains):
        if view.name not in {one.name for one in world.domains}:
            drawn.add_domain(view)
    drawn.add_certificates(world, services)
    drawn.sketch.not_understood += [f"not looked at: {one}" for one in world.left]
    return drawn
