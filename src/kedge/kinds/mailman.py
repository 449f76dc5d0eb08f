"""Mailman 3."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any, ClassVar

from pydantic import Field

from kedge.kinds.database import DATABASES, MAIL, WebWithDatabase, socket_of
from kedge.model.folder import Folder
from kedge.model.instance import Command, File, Instance, Part, Probe, Program, Start
from kedge.model.thing import ServiceRef

LONG = timedelta(hours=1)
COPY = "/drill/mailman.cfg"
SCRATCH = "/tmp/kedge-mailman"  # inside a sandbox, where /tmp is its own
MADE_ANEW = ("locks", "cache")
# Restored settings first, then what must differ in a copy: its database, and empty queues, so that nobody gets a
# message twice. Only what its interface needs is started.
SETTINGS = """
import configparser, sys
from urllib.parse import urlencode, urlsplit
source, target, scratch, parameters = sys.argv[1:5]
settings = configparser.RawConfigParser(strict=False, allow_no_value=True)
settings.optionxform = str
settings.read(source)
def change(section, **values):
    if not settings.has_section(section):
        settings.add_section(section)
    for key, value in values.items():
        settings.set(section, key, value)
layout = settings.get("mailman", "layout", fallback="dev")
change("paths." + layout, queue_dir=scratch + "/queue", lock_dir=scratch + "/locks", log_dir=scratch + "/log",
       pid_file=scratch + "/master.pid", lock_file=scratch + "/locks/master.lck")
change("mta", incoming="mailman.mta.null.NullMTA", outgoing="mailman.mta.null.NullMTA", smtp_host="127.0.0.1")
change("mailman", pre_hook="", post_hook="")
for runner in "archive bounces command in lmtp nntp out pipeline retry task virgin digest".split():
    change("runner." + runner, start="no")
if parameters:
    url = urlsplit(settings.get("database", "url", fallback=""))
    change("database", url="%s://%s@%s?%s" % (url.scheme, url.username or "kedge", url.path, parameters))
with open(target, "w") as file:
    settings.write(file)
"""
# Every list is opened by Mailman itself, with its settings and one of its members.
OPEN = """
import base64, configparser, json, sys, urllib.parse, urllib.request
settings = configparser.RawConfigParser(strict=False, allow_no_value=True)
settings.read(sys.argv[1])
def word(name, default):
    return settings.get("webservice", name, fallback=default)
secret = base64.b64encode((word("admin_user", "restadmin") + ":" + word("admin_pass", "restpass")).encode()).decode()
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
def ask(path):
    url = "http://%s:%s/3.1/%s" % (word("hostname", "localhost"), word("port", "8001"), path)
    return json.load(opener.open(urllib.request.Request(url, headers={"Authorization": "Basic " + secret}), timeout=60))
for one in ask("lists").get("entries", []):
    name = urllib.parse.quote(one["list_id"])
    ask("lists/%s/config" % name)
    ask("lists/%s/roster/member?count=1&page=1" % name)
"""
MASTER = 'PATH=/usr/lib/mailman3/bin:$PATH exec master -C "$1" --force'


class Lists(WebWithDatabase):
    """What every kind of mailing list server shares."""

    requires: ClassVar[Mapping[str, frozenset[str]]] = {"database": DATABASES, "mail": MAIL}
    mail: ServiceRef | None = Field(None, description="the mail server that brings and takes its mail")


class Mailman3(Lists):
    """Mailing lists: in their database, and in a folder with queues and templates.

    Its web pages (Postorius, HyperKitty) are not part of it.
    """

    kind: ClassVar[str] = "mailman3"
    summary: ClassVar[str] = "Mailman 3 mailing lists"
    example: ClassVar[Mapping[str, Any]] = {
        "domains": ["lists.example.org"], "database": "db", "database-name": "mailman",
    }  # fmt: skip
    settings: Folder = Field("/etc/mailman3", description="the folder of `mailman.cfg`, as it is called on its host")
    data: Folder = Field("/var/lib/mailman3", description="the folder of its queues, templates and messages")

    def probes(self, at: Instance) -> Iterable[Probe]:
        """Yield a look at its page, and one at its interface and queues."""
        from kedge.probes.mailman import MailmanProbe

        if at.mode == "sandbox":  # its page is not part of it, and its interface is started with settings of its own
            yield MailmanProbe(COPY)
            return
        yield from super().probes(at)
        yield MailmanProbe(f"{self.settings}/mailman.cfg")

    def parts(self) -> Iterable[Part]:
        """Yield its settings, its folder without what it makes anew, and its database if that is known by name."""
        from kedge.parts.folder import FolderPart

        yield FolderPart(self.settings, "settings")
        yield FolderPart(self.data, "data", without=MADE_ANEW)
        yield from self.database_parts()

    def programs(self) -> Iterable[str]:
        """Yield the programs of a copy."""
        yield from ("python3", "/usr/lib/mailman3/bin/master")

    def start(self, at: Instance) -> Iterable[Start]:
        """Yield Mailman itself on the restored lists, each of which it has to open; its queues stay where they are."""
        from kedge.probes.mailman import MailmanProbe

        if at.mode != "sandbox" or (self.database and "database" not in at.uses):
            return
        script, opening, copy = "/drill/settings.py", "/drill/open.py", str(at.path(COPY))
        folders = [f"{SCRATCH}/{name}" for name in ("queue", "locks", "log")]
        yield Command(("mkdir", "-p", *folders))
        yield File(at.path(script), SETTINGS)
        yield File(at.path(opening), OPEN)
        source = str(at.path(self.settings) / "mailman.cfg")
        yield Command(("python3", "-I", str(at.path(script)), source, copy, SCRATCH, _parameters(at)))
        yield Program(("sh", "-c", MASTER, "sh", copy), MailmanProbe(COPY))
        yield Command(("python3", "-I", str(at.path(opening)), copy), LONG)


def _parameters(at: Instance) -> str:
    """Return what its database's address says of the server's socket."""
    found = socket_of(at)
    if not found:
        return ""
    server, socket = found
    if server == "mysql":
        return f"unix_socket={socket}"
    return f"host={socket.parent}&port={PurePosixPath(socket).suffix.removeprefix('.')}"
