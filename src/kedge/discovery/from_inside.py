"""What a host says from within, in the words of an inventory: its facts, and the services that run there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from kedge.discovery.compose_file import NotCompose, project_sighting, read_compose
from kedge.discovery.inside import HostView, Process, Socket
from kedge.discovery.records import read_host
from kedge.discovery.settings import Settings, read_settings
from kedge.discovery.sighting import Sighting
from kedge.discovery.sketch import clean
from kedge.discovery.vhosts import Site, read_sites
from kedge.inventory.edit import Value
from kedge.kinds.named import NAMED
from kedge.kinds.recognition import (
    DATABASES,
    FRONTS,
    kind_of_file,
    kind_of_image,
    kind_of_program,
    program_of,
)

PLACES = {"mediawiki": "settings", "wordpress": "folder"}
"""Kinds whose marker lies in the folder that this field names."""
PLAIN = frozenset(kind.kind for kind in NAMED)
"""Kinds that know no folders of their own."""
SYSTEM_PROGRAMS = re.compile(
    r"(sshd|systemd.*|init|chronyd|ntpd|ntpsec.*|dhclient|dhcpcd|rpcbind|rpc\..*|cupsd|avahi-daemon|docker-proxy|dockerd|"
    r"containerd.*|conmon|podman|rootlessport|slirp4netns|pasta.*|NetworkManager|snmpd|lldpd|nrpe|node_exporter|"
    r"prometheus-.*exporter|zabbix_agent.*|munin-node|fail2ban.*|tailscaled|rsyslogd|master|smtpd|dropbear|exim4?|dnsmasq|"
    r"lxd|incusd|libvirtd|virtlogd|pvedaemon.*|pveproxy.*|spiceproxy.*|iscsid|in\.tftpd|acpid|xinetd|inetd)$"
)
"""What listens on many hosts and is part of the system."""
PORTS: Mapping[str, frozenset[int]] = {
    "postfix": frozenset({25, 465, 587}), "exim": frozenset({25, 465, 587}),
    "dovecot": frozenset({24, 110, 143, 993, 995, 4190}),
    "apache": frozenset({80, 443}), "nginx": frozenset({80, 443}), "caddy": frozenset({80, 443, 2019}),
    "prosody": frozenset({5222, 5223, 5269, 5280, 5281, 5347}),
    "ejabberd": frozenset({1883, 5222, 5223, 5269, 5280, 5443}),
    "mariadb": frozenset({3306}), "mysql": frozenset({3306, 33060}), "postgresql": frozenset({5432}),
    "redis": frozenset({6379}), "bind": frozenset({53, 953}), "knot": frozenset({53}), "unbound": frozenset({53, 8953}),
    "powerdns": frozenset({53, 8081}), "mailman3": frozenset({8001, 8024}), "openldap": frozenset({389, 636}),
    "samba": frozenset({139, 445}),
}  # fmt: skip
"""Ports that a kind listens on: who may not see the programs behind ports can still tell."""
WANTED = {
    "postfix": "mail", "exim": "mail", "dovecot": "mailboxes", "prosody": "xmpp", "ejabberd": "xmpp",
    "mailman3": "lists", "sympa": "lists",
    "mediawiki": "wiki", "dokuwiki": "wiki", "request-tracker": "tickets", "otrs": "tickets",
    "bind": "dns", "knot": "dns", "powerdns": "dns", "matrix-synapse": "matrix", "nextcloud": "cloud",
    "wordpress": "website", "phpbb": "forum", "discourse": "forum",
}  # fmt: skip
MAIL_LISTENS = {25: "smtp", 587: "submission", 465: "submissions"}
BOX_LISTENS = {143: "imap", 993: "imaps", 110: "pop3", 995: "pop3s", 4190: "sieve"}


@dataclass
class Insider:
    """Reads one host's answers as services; `host` is what the inventory calls it."""

    view: HostView
    host: str
    sites: list[Site] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)
    """What nobody recognised, in words."""
    settings: dict[str, list[Settings]] = field(default_factory=dict)
    _explained: set[tuple[str, ...]] = field(default_factory=set)
    """The sites that a service was found behind."""

    def sightings(self) -> list[Sighting]:
        """Return every service on this host, in no containers; what is left over is listed."""
        self.sites = read_sites(self.view.files.get("vhosts", {}))
        running = dict(self._running())
        found = [self._service(kind, process) for kind, process in running.items() if kind not in FRONTS]
        found += self._installed(set(running))
        found += self._strangers(found)
        found += self._static(set(running) & FRONTS)
        return found

    def _running(self) -> Iterator[tuple[str, Process]]:
        """Yield the kinds whose programs run on the host itself, each with its first process."""
        seen = set()
        for process in self.view.processes:
            kind = "" if process.space else kind_of_program(process.argv)
            if kind and kind not in seen:
                seen.add(kind)
                yield kind, process

    def _service(self, kind: str, process: Process) -> Sighting:
        why = f"on {self.host}: {clean(' '.join(process.argv))[:100]}"
        one = Sighting(kind, self.host, why=[why], wanted=WANTED.get(kind, ""))
        self._add_details(one)
        return one

    def _add_details(self, one: Sighting) -> None:
        kind, view = one.kind, self.view
        ports = {socket.port for socket in view.sockets}
        if kind in DATABASES:
            names = view.databases.get("postgres" if kind == "postgresql" else "mysql", ())
            if names:
                one.fields["databases"] = list(names)
            one.wanted = database_name(self.host)
        elif kind in ("postfix", "exim"):
            one.fields["listens"] = [name for port, name in MAIL_LISTENS.items() if port in ports]
            if host := read_host(view.mail.get("myhostname", "")):
                one.fields["hostname"] = host
            one.fields["domains"] = list(_mail_domains(view.mail))
        elif kind == "dovecot":
            one.fields["listens"] = [name for port, name in BOX_LISTENS.items() if port in ports]
            if folder := re.match(r"(?:maildir|mdbox|sdbox|mbox):(/[^:%~\s]*)", view.boxes):
                one.fields["mail"] = folder[1].rstrip("/") or "/"
        elif kind in ("prosody", "ejabberd"):
            one.fields["domains"] = self._prosody_domains()
        elif kind in ("bind", "knot", "powerdns"):
            one.fields["zones"] = self._zones()
        for path, text in view.files.get("settings", {}).items():
            if _is_of(kind, path):
                self._apply(one, read_settings(path, text))

    def _apply(self, one: Sighting, said: Settings) -> None:
        """Add what an application's settings say to its service."""
        if said.url:
            one.fields.setdefault("url", said.url)
            one.names = (*one.names, urlsplit(said.url).hostname or "")
            self._explain(*one.names)
        if said.server:
            one.uses.setdefault("database", said.told)
        if said.database:
            one.fields.setdefault("database-name", said.database)

    def _explain(self, *names: str) -> None:
        self._explained |= {site.names for site in self.sites if set(site.names) & set(names)}

    def _prosody_domains(self) -> list[Value]:
        hosts = [
            name
            for path, text in self.view.files.get("settings", {}).items()
            if "prosody" in path
            for name in re.findall(r"(?m)^\s*VirtualHost\s*\(?\s*[\"']([^\"']+)", text)
        ]
        return [name for name in dict.fromkeys(map(read_host, hosts)) if name]

    def _zones(self) -> list[Value]:
        said = [
            name
            for path, text in self.view.files.get("settings", {}).items()
            if re.search(r"named\.conf|knot|nsd", path) and "default-zones" not in path
            for name in re.findall(r"(?m)^\s*(?:zone\s+\"|-?\s*domain:\s*\"?)([A-Za-z0-9._-]+)", text)
        ]
        return [name for name in dict.fromkeys(map(read_host, said)) if name]

    def _installed(self, running: set[str]) -> Iterator[Sighting]:
        """Yield web applications that have files but no program of their own; a web server must run."""
        if not running & FRONTS:
            return
        seen: set[tuple[str, str]] = set()
        for path in self.view.markers:
            kind, folder = kind_of_file(path), str(PurePosixPath(path).parent)
            if not kind or kind in running or (kind, folder) in seen:
                continue
            seen.add((kind, folder))
            one = Sighting(kind, self.host, why=[f"on {self.host}: {clean(path)[:150]}"], wanted=WANTED.get(kind, ""))
            text = self.view.files.get("settings", {}).get(path, "")
            site = self._site_of(PurePosixPath(folder))
            if kind in PLACES:
                one.fields[PLACES[kind]] = folder
            elif kind in PLAIN:
                one.fields["paths"] = [site.folder if site else folder]
            self._apply(one, read_settings(path, text))
            if site and not one.names:
                one.names = site.names
                one.fields.setdefault("url", f"https://{site.names[0]}/")
            self._explain(*one.names)
            yield one

    def _site_of(self, folder: PurePosixPath) -> Site | None:
        """Return the site in whose folder this one lies: the innermost, as a web server's default has them all."""
        around = [site for site in self.sites if site.folder and folder.is_relative_to(site.folder)]
        return max(around, key=lambda site: len(PurePosixPath(site.folder).parts), default=None)

    def _strangers(self, found: list[Sighting]) -> Iterator[Sighting]:
        """Yield a service for each listening program that no kind knows; those nobody can attribute are listed."""
        by_pid = {process.pid: process for process in self.view.processes}
        kinds = {one.kind for one in found}
        usual = {port for kind in kinds | self._fronts() for port in PORTS.get(kind, ())}
        seen: set[str] = set()
        for socket in self.view.sockets:
            process = next((by_pid[pid] for pid in socket.pids if pid in by_pid), None)
            if process is None or process.space:
                self._list_unseen(socket, usual)
                continue
            name = PurePosixPath(program_of(process.argv)).name.rstrip(":")
            if kind_of_program(process.argv) or SYSTEM_PROGRAMS.match(name) or SYSTEM_PROGRAMS.match(socket.program):
                continue
            site = next((site for site in self.sites if site.port == socket.port), None)
            label = site.names[0] if site else name
            if label not in seen:
                seen.add(label)
                yield self._stranger(process, socket, site, name)

    def _fronts(self) -> set[str]:
        return {kind for kind, _ in self._running() if kind in FRONTS}

    def _list_unseen(self, socket: Socket, usual: set[int]) -> None:
        said = (
            f"{self.host}: something listens on {socket.transport} port {socket.port}; nobody could see which program"
        )
        is_known = (
            socket.port in usual or SYSTEM_PROGRAMS.match(socket.program or "-") or socket.port in (22, 68, 123, 5353)
        )
        if not is_known and not socket.pids and said not in self.listed:
            self.listed.append(said)

    def _stranger(self, process: Process, socket: Socket, site: Site | None, name: str) -> Sighting:
        words = clean(" ".join(process.argv))[:100]
        one = Sighting("other", self.host, why=[f"on {self.host}, port {socket.port}: {words}; no kind knows it"])
        one.wanted = name
        if site:
            one.names = site.names
            one.wanted = site.names[0].partition(".")[0]
            one.fields["url"] = f"https://{site.names[0]}/"
            self._explained.add(site.names)
        every = {database for names in self.view.databases.values() for database in names}
        if one.wanted in every:
            one.uses["database"] = f"//{one.wanted}"
            one.why.append(f"a database is called {one.wanted}, so it is probably its own")
        return one

    def _static(self, fronts: set[str]) -> Iterator[Sighting]:
        """Yield the web servers' sites behind which nothing was found; a web server without any is a service itself."""
        left = [site for site in self.sites if site.names not in self._explained and not site.port]
        for site in left:
            if site.folder:
                fields: dict[str, Value] = {"url": f"https://{site.names[0]}/", "folder": site.folder}
                yield Sighting(
                    "static-site", self.host, site.names, fields, [f"on {self.host}: a site in {site.folder}"],
                    site.names[0].partition(".")[0], is_guess=True,
                )  # fmt: skip
        if not self.sites:
            for kind in sorted(fronts):
                yield Sighting(kind, self.host, why=[f"on {self.host}: it runs, and names no site"], wanted=kind)

    def facts(self) -> Mapping[str, Value]:
        """Return what the host's own entry says: system, disks, last boot."""
        view = self.view
        found: dict[str, Value] = {"login": view.login}
        if view.system:
            found["system"] = view.system
        if volumes := self._volumes():
            found["volumes"] = volumes
        if view.report.booted:
            found["last-boot"] = view.report.booted.date().isoformat()
        return found

    def _volumes(self) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for volume in self.view.report.volumes:
            if volume.kind in ("tmpfs", "nfs", "nfs4", "cifs") and volume.mount != "/":
                continue
            name = "root" if volume.mount == "/" else clean(volume.mount)
            found[name] = {"size": _mebibytes(volume.used + volume.free), "used": _mebibytes(volume.used)}
        room = sum(size for size in self.view.report.unallocated.values() if size > 1 << 30)
        first = found.get("root")
        if room and isinstance(first, dict):
            found["root"] = {**first, "unallocated": _mebibytes(room)}
        return found

    def backup_files(self) -> Mapping[str, str]:
        """Return every file in which a backup may be told of."""
        return {**self.view.files.get("cron", {}), **self.view.files.get("backups", {})}

    def remarks(self) -> Iterator[str]:
        """Yield what is worth a comment at the host: guests, pending updates, what could not be seen."""
        view = self.view
        if view.updates:
            yield f"{view.updates} packages wait for an update"
        if view.report.needs_reboot:
            yield "it waits for a reboot"
        if view.report.failed_units:
            yield f"failed: {', '.join(map(clean, view.report.failed_units[:8]))}"
        if view.guests:
            yield f"guests: {', '.join(view.guests[:12])}"
        if view.unseen:
            yield f"could not be seen: {'; '.join(view.unseen[:6])}"

    def projects(self) -> Iterator[Sighting]:
        """Yield the compose projects whose files were found; those that cannot be read are listed."""
        for path, text in self.view.files.get("compose", {}).items():
            try:
                project = read_compose(text, path)
            except NotCompose as reason:
                self.listed.append(clean(f"{self.host}: {path}: {reason}")[:250])
                continue
            running = [one for one in self.view.containers if one.project == project.name]
            state = f", {sum(one.state == 'running' for one in running)} containers run" if running else ""
            yield project_sighting(project, self.host, clean(f"on {self.host}: {path}{state}"))

    def containers(self) -> Iterator[Sighting]:
        """Yield what runs in containers that no compose file describes."""
        known = {PurePosixPath(path).parent.name.lower() for path in self.view.files.get("compose", {})}
        for one in self.view.containers:
            if one.project and one.project in known:
                continue
            kind = kind_of_image(one.image)
            why = f"on {self.host}: container {one.name} of image {one.image}, {one.state}"
            if kind in FRONTS:
                self.listed.append(f"{why}; a web server in front of others")
                continue
            fields: dict[str, Value] = {}
            if kind in DATABASES:
                fields = {"container": one.service or one.name, "project": one.project}
            yield Sighting(kind or "other", self.host, (), fields, [clean(why)], one.name, is_contained=True)


def _is_of(kind: str, path: str) -> bool:
    words = {
        "request-tracker": "request-tracker",
        "mailman3": "mailman3",
        "matrix-synapse": "synapse",
        "forgejo": "forgejo",
    }
    word = words.get(kind, kind)
    return word in path or (kind == "forgejo" and "gitea" in path) or kind_of_file(path) == kind


def _mail_domains(said: Mapping[str, str]) -> Iterator[Value]:
    own = said.get("myhostname", "")
    for key in ("virtual_mailbox_domains", "virtual_alias_domains", "mydestination", "relay_domains"):
        for word in re.split(r"[,\s]+", said.get(key, "")):
            if (
                (host := read_host(word))
                and host not in (own, "localhost.localdomain")
                and not host.startswith("localhost")
            ):
                yield host


def _mebibytes(size: int) -> str:
    return f"{size / (1 << 30):.1f} GiB" if size >= 10 << 30 else f"{size >> 20} MiB"


def database_name(host: str) -> str:
    """Return what the database server of a host is called: `web1-db`; that of `tickets-db`: `tickets-database`."""
    return f"{host.removesuffix('-db')}-database" if host.endswith("-db") else f"{host}-db"


def guest_sightings(guest: str, processes: Sequence[Process]) -> list[Sighting]:
    """Return the services whose programs run in a guest that shares its host's kernel."""
    kinds: dict[str, Process] = {}
    for process in processes:
        if kind := kind_of_program(process.argv):
            kinds.setdefault(kind, process)
    return [
        Sighting(kind, guest, why=[f"in the guest {guest}: {clean(' '.join(process.argv))[:100]}"],
                 wanted=database_name(guest) if kind in DATABASES else WANTED.get(kind, ""))
        for kind, process in kinds.items()
    ]  # fmt: skip
