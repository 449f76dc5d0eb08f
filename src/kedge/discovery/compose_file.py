"""Compose files (https://compose-spec.io), read as files: containers, volumes, databases, ports, names. No engine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import yaml

from kedge.discovery.records import read_host
from kedge.discovery.sighting import Sighting
from kedge.discovery.sketch import clean, slug
from kedge.inventory.edit import Value
from kedge.inventory.secrecy import holds_password
from kedge.kinds.contained import SERVERS
from kedge.kinds.recognition import DATABASES, FRONTS, kind_of_image, plain_image

MOST_BYTES = 1 << 20
MOST = 200
"""Containers of one file that are read, and items of one list."""
_VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)(?:(:?[-?+])([^{}]*))?\}|\$([A-Za-z_]\w*)|\$\$")
_HOST_RULE = re.compile(r"Host(?:SNI)?\(([^)]*)\)")
_OTHER_DATABASES = re.compile(
    r"(?:.*/)?(mongo|mongodb|influxdb|clickhouse-server|couchdb|neo4j|cockroach|cassandra|elasticsearch|opensearch|"
    r"rqlite|mssql/server|oracle/database|surrealdb|arangodb|rethinkdb|timescaledb.*|questdb|victoria-metrics)(?:-.*)?$"
)
_NAMES = ("MYSQL_DATABASE", "MARIADB_DATABASE", "POSTGRES_DB", "POSTGRESQL_DATABASE", "MONGO_INITDB_DATABASE")
_ADDRESSES = (
    "VIRTUAL_HOST", "LETSENCRYPT_HOST", "DOMAIN", "ROOT_URL", "BASE_URL", "APP_URL", "SERVER_NAME", "LOCAL_DOMAIN",
    "OVERWRITEHOST", "NEXTCLOUD_TRUSTED_DOMAINS", "FORGEJO__server__DOMAIN", "GITEA__server__DOMAIN", "HOSTNAME",
    "MAILCOW_HOSTNAME", "SYNAPSE_SERVER_NAME", "CMD_DOMAIN", "PUBLIC_URL", "URL", "SITE_URL", "HOST",
)  # fmt: skip
SYSTEM_FOLDERS = re.compile(
    r"/(etc/(localtime|timezone|passwd|group|machine-id)|var/run|run|sys|proc|dev|lib/modules|tmp)(/|$)"
)
"""What is mounted from the host into containers and is nobody's data."""


class NotCompose(ValueError):  # noqa: N818 - caught where an import says so
    """The text is no compose file."""


@dataclass(frozen=True, slots=True)
class Built:
    """One service of a compose file. `kind` is empty where nobody knows its image."""

    name: str
    image: str
    kind: str = ""
    mounts: tuple[str, ...] = ()
    """What keeps its data: names of volumes, or absolute or relative folders of the host."""
    ports: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    database: str = ""
    """The database in it, if it is a database server; `all` where that is not told."""
    has_check: bool = False


@dataclass(frozen=True)
class Project:
    """A compose file: what it is called, its services, its named volumes, what was not understood."""

    name: str
    folder: str = ""
    services: tuple[Built, ...] = ()
    volumes: tuple[str, ...] = ()
    not_understood: tuple[str, ...] = ()
    domains: tuple[str, ...] = field(default=())


class _Loader(yaml.SafeLoader):
    """Reads YAML without its tags: `!reset`, `!override` and whatever else stand for what they hold."""


def _plain(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else None


_Loader.add_multi_constructor("!", _plain)


def load_yaml(text: str) -> Any:
    """Return a YAML document as plain data; raises NotCompose if it is too long or none."""
    if len(text) > MOST_BYTES:
        raise NotCompose(f"longer than {MOST_BYTES} bytes")
    if len(re.findall(r"(?m)[*&][A-Za-z]", text)) > 2000:
        raise NotCompose("too many references")
    try:
        return yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError, RecursionError, TypeError) as error:
        said = " ".join(str(error).split())
        raise NotCompose(f"no YAML: {said[:120]}") from error


def is_compose(data: object) -> bool:
    """Return whether YAML data looks like a compose file."""
    services = data.get("services") if isinstance(data, dict) else None
    return isinstance(services, dict) and any(
        isinstance(one, dict) and {"image", "build", "extends"} & set(one) for one in services.values()
    )


def read_compose(text: str, path: str = "", environment: Mapping[str, str] | None = None) -> Project:
    """Return the project in a compose file; `environment` are the variables of the `.env` beside it."""
    data = load_yaml(text)
    if not is_compose(data):
        raise NotCompose("no services with an image")
    folder = str(PurePosixPath(path).parent) if path.startswith("/") else ""
    name = _fill(_text(data.get("name")), environment) or PurePosixPath(path).parent.name or PurePosixPath(path).stem
    services, left = [], []
    for key, one in list(data["services"].items())[:MOST]:
        if isinstance(one, dict):
            services.append(_built(_text(key), one, environment or {}))
        else:
            left.append(f"{clean(_text(key))}: no mapping")
    declared = data.get("volumes")
    volumes = tuple(clean(_text(key)) for key in declared) if isinstance(declared, dict) else ()
    left += sorted(
        {f"{one.name}: {mount}: nobody told what this is" for one in services for mount in one.mounts if "$" in mount}
    )
    left += sorted(f"{path}: lies outside the project's folder, and is not saved with it" for path in _outside(data))
    names = tuple(dict.fromkeys(name for one in services for name in one.names))
    return Project(slug(name, "project"), folder, tuple(services), volumes[:MOST], tuple(left), names)


def _outside(data: Mapping[str, Any]) -> set[str]:
    """Return the files that a compose file names and that lie outside its folder; those in it are saved with it."""
    named = [data.get("include"), *(_files_of(data.get(key)) for key in ("configs", "secrets"))]
    for one in data["services"].values():
        if isinstance(one, dict):
            named += [one.get("env_file"), *_files_of({"extends": one.get("extends")})]
    return {clean(path)[:200] for each in named for path in _paths(each) if path.startswith(("/", "../", "~"))}


def _files_of(value: object) -> list[object]:
    return [one.get("file") for one in value.values() if isinstance(one, dict)] if isinstance(value, dict) else []


def _paths(value: object) -> Iterator[str]:
    """Yield the paths in a path, a list of them, or mappings with a `path`."""
    for one in value[:MOST] if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            yield from _paths(one.get("path"))
        elif isinstance(one, str):
            yield one


def _text(value: object) -> str:
    return "" if value is None or isinstance(value, (dict, list)) else str(value)


def _fill(text: str, environment: Mapping[str, str] | None) -> str:
    """Return a text with its variables replaced by their values or defaults; what nobody tells is left out."""

    def value(found: re.Match[str]) -> str:
        known = (environment or {}).get(found[1] or found[4] or "", "")
        return known or (found[3] or "" if (found[2] or "").endswith("-") else "")

    for _ in range(3):  # defaults may hold variables themselves
        text = _VARIABLE.sub(value, text)
    return clean(text)


def _built(name: str, one: Mapping[str, Any], environment: Mapping[str, str]) -> Built:
    raw = _text(one.get("image"))
    image = _fill(raw, environment).rstrip(":") or ("built here" if "build" in one else clean(raw) or "unknown")
    if holds_password(image):
        image = "unknown"
    said = dict(_pairs(one.get("environment")))
    kind = kind_of_image(image)
    return Built(
        clean(name)[:100],
        image.partition("@")[0][:200],
        kind,
        tuple(dict.fromkeys(_mounts(one.get("volumes"), environment))),
        tuple(dict.fromkeys(_ports(one.get("ports"), environment))),
        tuple(dict.fromkeys(_addresses(one, said, environment))),
        _database(kind, image, {key: _fill(value, environment) for key, value in said.items()}),
        isinstance(one.get("healthcheck"), dict),
    )


def _pairs(value: object) -> Iterator[tuple[str, str]]:
    """Yield keys and values of a mapping, or of a list of `KEY=value`."""
    if isinstance(value, dict):
        for key, one in list(value.items())[:MOST]:
            yield _text(key), _text(one)
    elif isinstance(value, list):
        for one in value[:MOST]:
            key, equals, rest = _text(one).partition("=")
            if equals:
                yield key.strip(), rest.strip()


def _mounts(value: object, environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the volumes and folders a container writes to; sockets, clocks and read-only files are left out.

    One that a variable names of which nobody tells the value keeps that name: `${UPLOADS}`.
    """
    for one in value[:MOST] if isinstance(value, list) else []:
        if isinstance(one, dict):
            is_read_only, raw = one.get("read_only") in (True, "true"), _text(one.get("source"))
            if one.get("type") in ("tmpfs", "npipe"):
                continue
        else:
            words = re.split(r":(?![-?+])", _text(one))
            raw, is_read_only = words[0], "ro" in words[-1].split(",") and len(words) > 2
            if len(words) == 1:  # an anonymous volume: lost with its container
                continue
        source = _fill(raw, environment)
        if not source.strip("./") and "$" in raw:
            source = clean(raw)
        plain = source.rstrip("/") or "/"
        if source and not is_read_only and not SYSTEM_FOLDERS.match(plain) and not plain.endswith(".sock"):
            yield clean(plain)[:200]


def _ports(value: object, environment: Mapping[str, str]) -> Iterator[int]:
    """Yield the ports that are published to others than the host itself."""
    for one in value[:MOST] if isinstance(value, list) else []:
        text = _text(one.get("published")) if isinstance(one, dict) else _text(one)
        published, _, target = _fill(text, environment).partition("/")[0].rpartition(":")
        address, _, port = (published if not isinstance(one, dict) else target).rpartition(":")
        first = port.partition("-")[0]
        if address not in ("127.0.0.1", "[::1]", "localhost") and first.isdigit() and 0 < int(first[:6]) < 65536:
            yield int(first)


def _addresses(one: Mapping[str, Any], said: Mapping[str, str], environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the names under which it is used: in labels of reverse proxies and in well-known variables."""
    for key, value in _pairs(one.get("labels")):
        filled = _fill(value, environment)
        for rule in _HOST_RULE.findall(filled):
            yield from filter(None, (read_host(word.strip(" `'\"")) for word in rule.split(",")))
        if key == "caddy":
            yield from filter(None, map(read_host, filled.split()))
    for key in _ADDRESSES:
        for word in re.split(r"[\s,;]+", _fill(said.get(key, ""), environment)):
            host = re.sub(r"^https?://", "", word).partition("/")[0].partition(":")[0]
            if "." in host and (name := read_host(host)):
                yield name


def _database(kind: str, image: str, said: Mapping[str, str]) -> str:
    is_other = bool(_OTHER_DATABASES.match(plain_image(image)))
    if kind not in DATABASES and not is_other:
        return ""
    named = next((said[key] for key in _NAMES if said.get(key)), "")
    if not named and kind == "postgresql":
        named = said.get("POSTGRES_USER", "") or "postgres"  # https://hub.docker.com/_/postgres
    return named[:64] if named and named != "hidden" else "all"


def project_sighting(project: Project, host: str, why: str) -> Sighting:
    """Return a project as a service of kind `compose`: everything in it named."""
    writers: dict[str, str] = {}
    for one in project.services:
        for mount in one.mounts:
            writers[mount] = f"{writers[mount]}, {one.name}" if mount in writers else one.name
    for volume in project.volumes:
        writers.setdefault(volume, "nobody")
    databases = {
        one.name: f"{one.kind or plain_image(one.image)} {one.database}" for one in project.services if one.database
    }
    fields: dict[str, Value] = {"project": project.name}
    if project.folder:
        fields["folder"] = project.folder
    fields["containers"] = {one.name: one.image for one in project.services}
    if writers:
        fields["volumes"] = dict(writers)
    if databases:
        fields["databases"] = dict(databases)
    if not writers and not databases:
        fields["keeps-data"] = False
    if ports := list(dict.fromkeys(port for one in project.services for port in one.ports)):
        fields["ports"] = list(map(str, ports))
    if project.domains:
        fields["domains"] = list(project.domains)
    if title := _title(project.services):
        fields["title"] = title
    told = [why, *(_how_saved(one) for one in project.services if one.database)]
    return Sighting(
        "compose", host, project.domains, fields, told, project.name, is_contained=True, unknown=(),
    )  # fmt: skip


def _how_saved(server: Built) -> str:
    """Return how the data of a database server is saved: by a dump, or as files that may not fit together."""
    if server.kind in SERVERS:
        return f"{server.name}: its databases are dumped, so its files are not saved"
    what = server.kind or plain_image(server.image)
    return f"{server.name}: kedge cannot dump {what}; its files are copied while it writes, so let a job dump it"


def _title(services: Iterable[Built]) -> str:
    kinds = [one.kind for one in services if one.kind and one.kind not in FRONTS | DATABASES | {"redis"}]
    return ", ".join(dict.fromkeys(kind.replace("-", " ").title() for kind in kinds))[:100]
