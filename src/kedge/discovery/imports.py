"""Files that describe something already: compose files, Ansible inventories, zones, Gatus, tables of hosts."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from kedge.discovery.compose_file import NotCompose, is_compose, load_yaml, project_sighting, read_compose
from kedge.discovery.inside import is_address
from kedge.discovery.records import read_host
from kedge.discovery.sighting import Sighting
from kedge.discovery.sketch import clean
from kedge.discovery.world import DomainView, Srv

MOST = 5000
LOGIN_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}", re.ASCII)
NAME_COLUMNS = ("name", "device", "vm", "virtual machine", "host", "hostname", "server", "display")
ADDRESS_COLUMNS = (
    "primary_ip4", "primary_ip", "primary ip", "ip address", "ipv4 address", "ip", "address", "primary_ip6",
    "ipv6 address",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class HostTold:
    """A host that a file names: its addresses, how one logs in, what the file says besides."""

    name: str
    addresses: tuple[str, ...] = ()
    login: str = ""
    system: str = ""
    remark: str = ""


@dataclass
class Imported:
    """What one file tells, and what of it was not understood."""

    what: str = ""
    hosts: list[HostTold] = field(default_factory=list)
    sightings: list[Sighting] = field(default_factory=list)
    domains: list[DomainView] = field(default_factory=list)
    not_understood: list[str] = field(default_factory=list)


def read_import(path: str, text: str, environment: Mapping[str, str] | None = None) -> Imported:
    """Return what a file tells; one of no known kind tells nothing, and says so."""
    found = Imported()
    try:
        _read(path, text, environment or {}, found)
    except (NotCompose, ValueError) as reason:
        found.not_understood.append(str(reason) or "no kind of file that kedge knows")
    found.not_understood = [clean(f"{path}: {one}")[:250] for one in found.not_understood]
    return found


def _read(path: str, text: str, environment: Mapping[str, str], found: Imported) -> None:
    lower = path.lower()
    if lower.endswith(".csv") or (lower.endswith(".txt") and text.partition("\n")[0].count(",") > 1):
        _read_table(text, found)
    elif _is_zone(lower, text):
        _read_zone(path, text, found)
    elif lower.endswith((".ini", ".cfg", "hosts", ".hosts")) or re.match(r"\s*(?:[#;].*\n\s*)*\[[\w:.-]+\]", text):
        _read_ini(text, found)
    else:
        _read_yaml(path, text, environment, found)


def _is_zone(path: str, text: str) -> bool:
    return path.endswith((".zone", ".db")) or bool(
        re.search(r"(?mi)^\$ORIGIN\s|^\S*\s+(?:\d+\s+)?(?:IN\s+)?SOA\s", text) and "services:" not in text
    )


def _read_yaml(path: str, text: str, environment: Mapping[str, str], found: Imported) -> None:
    data = load_yaml(text)
    if is_compose(data):
        project = read_compose(text, path, environment)
        found.what = "a compose file"
        found.sightings.append(project_sighting(project, "", f"described in {clean(path)}"))
        found.not_understood += project.not_understood
    elif isinstance(data, dict) and isinstance(data.get("endpoints"), list):
        _read_gatus(data, found)
    elif isinstance(data, dict) and any(_is_group(one) for one in data.values()):
        found.what = "an Ansible inventory"
        for group, one in data.items():
            _read_group(str(group), one, found, 0)
    else:
        raise ValueError("no kind of YAML that kedge knows (compose, Gatus, Ansible inventory)")


# Ansible (https://docs.ansible.com/ansible/latest/inventory_guide/intro_inventory.html)


def _is_group(one: object) -> bool:
    return isinstance(one, dict) and bool({"hosts", "children"} & set(one))


def _read_group(group: str, one: object, found: Imported, depth: int) -> None:
    if not isinstance(one, dict) or depth > 10:
        found.not_understood.append(f"{group}: no group")
        return
    hosts = one.get("hosts")
    for name, values in hosts.items() if isinstance(hosts, dict) else ():
        _add_ansible(str(name), values if isinstance(values, dict) else {}, group, found)
    children = one.get("children")
    for name, inner in children.items() if isinstance(children, dict) else ():
        if inner is not None:
            _read_group(str(name), inner, found, depth + 1)


def _read_ini(text: str, found: Imported) -> None:
    found.what = "an Ansible inventory"
    group = "ungrouped"
    for line in text.splitlines()[:MOST]:
        plain = line.partition(" #")[0].strip()
        if not plain or plain[0] in "#;":
            continue
        if heading := re.fullmatch(r"\[([^\]]+)\]", plain):
            group = heading[1]
        elif ":vars" not in group and ":children" not in group:
            name, *rest = plain.split()
            _add_ansible(name, dict(word.split("=", 1) for word in rest if "=" in word), group, found)


def _add_ansible(name: str, values: Mapping[str, Any], group: str, found: Imported) -> None:
    if "[" in name:
        found.not_understood.append(f"the range {name}")
        return
    told = str(values.get("ansible_host") or name).strip("\"'")
    host = (
        told if is_address(told) else read_host(told) or ("" if not re.fullmatch(r"[A-Za-z0-9-]{1,63}", told) else told)
    )
    if not host:
        found.not_understood.append(f"the host {name}")
        return
    user, port = str(values.get("ansible_user") or ""), str(values.get("ansible_port") or "")
    options = f"-p {port} " if port.isdigit() else ""
    login = f"ssh {options}{user + '@' if LOGIN_USER.fullmatch(user) else ''}{host}"
    remark = "" if group in ("all", "ungrouped") else f"in the group {group}"
    known = next((one for one in found.hosts if one.name == name), None)
    if known is None:
        found.hosts.append(
            HostTold(name, (host,), login if values.get("ansible_connection") != "local" else "local", "", remark)
        )


# Gatus (https://github.com/TwiN/gatus#configuration)


def _read_gatus(data: Mapping[str, Any], found: Imported) -> None:
    found.what = "a Gatus configuration"
    for one in data["endpoints"][:MOST]:
        url = str(one.get("url") or "") if isinstance(one, dict) else ""
        name = clean(str(one.get("name") or url)) if isinstance(one, dict) else ""
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc:
            why = [f"watched by Gatus as {name}"]
            host = read_host(parts.hostname)
            found.sightings.append(
                Sighting("other", "", (host,) if host else (), {"url": clean(url)[:300]}, why, name or host)
            )
        else:
            found.not_understood.append(f"the endpoint {name or 'without a name'}: {clean(url)[:80] or 'no url'}")


# Zone files (RFC 1035 section 5)


def _read_zone(path: str, text: str, found: Imported) -> None:
    import dns.exception
    import dns.rdatatype
    import dns.zone

    origin = re.search(r"(?mi)^\$ORIGIN\s+(\S+)", text)
    stem = re.sub(r"^(db\.|zone\.)|(\.zone|\.db|\.txt)$", "", path.rpartition("/")[2])
    name = read_host(origin[1] if origin else stem)
    if not name:
        raise ValueError("a zone without $ORIGIN, and its file is not named after it")
    try:
        zone = dns.zone.from_text(text, f"{name}.", relativize=True, check_origin=False)
    except (dns.exception.DNSException, ValueError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"no zone: {' '.join(str(error).split())[:120]}") from error
    found.what = f"the zone {name}"
    records: dict[str, list[str]] = {}
    for owner, _ttl, data in islice(zone.iterate_rdatas(), MOST):
        kind = dns.rdatatype.to_text(data.rdtype)
        if kind in ("A", "AAAA", "MX", "NS", "SRV", "CNAME"):
            absolute = data.to_text(origin=zone.origin, relativize=False)
            records.setdefault(owner.to_text(), []).append(f"{kind} {absolute}")
    found.domains.append(_zone_view(name, records))


def _zone_view(name: str, records: Mapping[str, list[str]]) -> DomainView:
    def of(owner: str, kind: str) -> list[list[str]]:
        return [one.split()[1:] for one in records.get(owner, ()) if one.startswith(f"{kind} ")]

    def full(owner: str) -> str:
        return name if owner == "@" else f"{owner}.{name}"

    addresses = {
        full(owner): tuple(words[0] for kind in ("A", "AAAA") for words in of(owner, kind))
        for owner in records
        if "*" not in owner
    }
    return DomainView(
        name,
        servers=tuple(filter(None, (read_host(words[0]) for words in of("@", "NS")))),
        mail_hosts=tuple(filter(None, (read_host(words[1]) for words in of("@", "MX") if len(words) == 2))),
        mail_domains=tuple(full(owner) for owner in records if of(owner, "MX") and "*" not in owner),
        srv=tuple(
            Srv(owner, read_host(words[3]), int(words[2]))
            for owner in records
            for words in of(owner, "SRV")
            if len(words) == 4 and words[2].isdigit()
        ),
        names={owner: found for owner, found in addresses.items() if found and read_host(owner)},
        records={owner: tuple(sorted(said)) for owner, said in records.items()},
        has_spf=True,  # texts are not read from files
        has_wildcard=any("*" in owner for owner in records),
    )


# Tables: NetBox exports devices and virtual machines as CSV (https://netboxlabs.com/docs/netbox/getting-started/)


def _read_table(text: str, found: Imported) -> None:
    found.what = "a table of hosts"
    try:
        rows = list(islice(csv.DictReader(io.StringIO(text), strict=True), MOST))
    except csv.Error as error:
        raise ValueError(f"no table: {error}") from error
    columns = {str(key).strip().lower().lstrip("\ufeff"): key for key in (rows[0] if rows else {}) if key}
    name_column = next((columns[one] for one in NAME_COLUMNS if one in columns), None)
    if name_column is None:
        raise ValueError(f"a table without a column for names ({', '.join(NAME_COLUMNS[:4])} …)")
    unknown = sorted(set(columns) - {*NAME_COLUMNS, *ADDRESS_COLUMNS, "platform", "status", "role", "site", "cluster"})
    if unknown:
        found.not_understood.append(f"the columns {', '.join(clean(one) for one in unknown[:12])}")
    for row in rows:
        cell = _cells(row, columns)
        name = clean(str(row.get(name_column) or ""))
        if name:
            addresses = (cell(column).partition("/")[0] for column in ADDRESS_COLUMNS)
            remark = ", ".join(filter(None, (cell(one) for one in ("role", "site", "cluster", "status"))))
            known = tuple(dict.fromkeys(one for one in addresses if is_address(one) or read_host(one)))
            found.hosts.append(HostTold(name, known, "", cell("platform")[:60], remark[:150]))


def _cells(row: Mapping[str, Any], columns: Mapping[str, str]) -> Callable[[str], str]:
    return lambda column: clean(str(row.get(columns.get(column, ""), "") or ""))


def read_environment(text: str) -> dict[str, str]:
    """Return the variables of a `.env` file, without those that sound like passwords."""
    return {key: value for key, value in _variables(text) if not re.search(r"PASS|SECRET|TOKEN|KEY", key)}


def _variables(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines()[:MOST]:
        if found := re.match(r"\s*(?:export\s+)?([A-Za-z_]\w*)=[\"']?([^\"'\n]*)", line):
            yield found[1], found[2].strip()
