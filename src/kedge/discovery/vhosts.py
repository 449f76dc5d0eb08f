"""Web servers' sites as their configuration names them: names, the folder they show, the port they pass on to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kedge.discovery.records import read_host

_BEGIN = re.compile(r"^\s*(<VirtualHost|server\s*\{)", re.IGNORECASE)
_NAMES = re.compile(r"^\s*(?:ServerName|ServerAlias|server_name)\s+([^;#]+)", re.IGNORECASE)
_ROOT = re.compile(r"^\s*(?:DocumentRoot|root)\s+[\"']?(/[^\s\"';]*)", re.IGNORECASE)
_PROXY = re.compile(
    r"^\s*(?:ProxyPass\s+\S+|proxy_pass|reverse_proxy)\s+\"?(?:https?://)?(?:127\.0\.0\.1|localhost|\[::1\]):(\d{1,5})",
    re.I,
)
_CADDY = re.compile(r"^(?:https?://)?([a-z0-9.-]+\.[a-z]{2,})(?::\d+)?(?:\s*,.*)?\s*\{", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Site:
    """One site of a web server: the names it answers to, its folder or the local port behind it."""

    names: tuple[str, ...]
    folder: str = ""
    port: int = 0


def read_sites(files: Mapping[str, str]) -> list[Site]:
    """Return every named site, each once: the one with TLS and the one without are the same."""
    found: dict[tuple[str, ...], Site] = {}
    for path, text in files.items():
        for site in _sites(path, text):
            known = found.get(site.names)
            if site.names and (known is None or not (known.folder or known.port)):
                found[site.names] = site
    return list(found.values())


def _sites(path: str, text: str) -> Iterator[Site]:
    names: list[str] = []
    folder, port, has_begun = "", 0, False
    is_caddy = path.endswith("Caddyfile")
    for line in text.splitlines():
        begins = _CADDY.match(line) if is_caddy else _BEGIN.match(line)
        if begins:
            if has_begun:
                yield Site(tuple(dict.fromkeys(names)), folder, port)
            names, folder, port, has_begun = ([read_host(begins[1])] if is_caddy else []), "", 0, True
        if said := _NAMES.match(line):
            names += filter(None, (read_host(name.strip("\"'")) for name in said[1].split()))
        elif said := _ROOT.match(line):
            folder = folder or said[1].rstrip("/")
        elif said := _PROXY.match(line):
            port = port or int(said[1])
    if has_begun:
        yield Site(tuple(dict.fromkeys(filter(None, names))), folder, port)
