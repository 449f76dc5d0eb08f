"""A malicious or broken far side: it can neither hang the look, nor put anything into a command, nor end it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kedge.app.beginning import check_text, read_domain, read_host_login
from kedge.discovery.composing import compose
from kedge.discovery.doors import Visitor
from kedge.discovery.inside import read_inside
from kedge.discovery.inside_script import inside_script
from kedge.discovery.operators import Registry, read_registration
from kedge.discovery.outside import Outlook, Watch
from kedge.discovery.pages import NotHttp, PageLook, parse_page
from kedge.discovery.questions import questions
from kedge.discovery.world import AddressView, DomainView, Door, DoorView, Operator, Page, Registration, Shown, World
from kedge.errors import UsageError
from kedge.model.observation import Observation, Status
from kedge.model.ports import Address
from kedge.probes.delegation import Asker
from kedge.probes.system_report import NoReport
from tests.unit.probes.fakes import QUICK, Here, dripping, endless, hanging_up, serving, silent
from tests.unit.probes.nameservers import NameServer, TestNet, name_servers

TODAY = date(2026, 11, 22)
Done = TypeVar("Done")


def run(look: Awaitable[Done]) -> Done:
    async def bounded() -> Done:
        async with asyncio.timeout(60):  # far beyond every limit of the look: it would hang
            return await look

    return asyncio.run(bounded())


@dataclass(frozen=True)
class Town(TestNet):
    """A net in which every door but those of name servers leads to the same server."""

    __test__ = False
    door: list[Address] = field(default_factory=list)

    async def connect(self, to: Address, *, limit: timedelta) -> socket.socket:
        if (to.host, to.port) in self.ports:
            return await super().connect(to, limit=limit)
        if not self.door:
            raise ConnectionRefusedError(111, "refused")
        return await super(TestNet, self).connect(self.door[0], limit=limit)

    def _real(self, to: Address) -> Address:
        if (to.host, to.port) not in self.ports:
            raise OSError(101, "Network is unreachable")
        return super()._real(to)


MANY = [f"{n} mail{n}.example.org." for n in range(30)]
RECORDS = {
    "example.org. SOA": ["ns.example.org. $\\(id\\).example.org. 1 2 3 4 5"],
    "example.org. NS": ["ns.example.org.", "`id`.example.org.", "-oProxyCommand=id.example.org."],
    "example.org. MX": [*MANY, "1 mail.example.org.", "5 \\$\\(reboot\\).example.org."],
    "example.org. A": [f"198.51.100.{n}" for n in range(1, 60)],
    "mail.example.org. A": ["192.0.2.10"],
    "wiki.example.org. A": ["192.0.2.10"],
    "lists.example.org. CNAME": ["lists.example.org."],
    "_xmpp-client._tcp.example.org. SRV": ["0 0 65535 mail.example.org.", "0 0 0 .", "0 0 22 -x.example.org."],
    "example.org. TXT": [f'"{"v=spf1 " * 20}{n}"' for n in range(5)],
}


async def look_around(door: Any) -> World:
    server = NameServer(RECORDS, zone="example.org.")
    async with name_servers({"192.0.2.1": server}) as net, serving(door) as address:
        town = Town(ports=net.ports, door=[address])
        asker = Asker(town, (Address("192.0.2.1", 53),), timedelta(seconds=1))
        registry = Registry(town, asker, "http://rdap.example.org", QUICK)
        outlook = Outlook(Here(town), asker, registry, Visitor(Here(town), QUICK))
        return await outlook.look(["example.org"], Watch(timedelta(seconds=8)))


@pytest.mark.parametrize(
    "door",
    [
        endless(b"220 " + b"x" * 70000),
        endless(b"220-more\r\n" * 2000),
        endless(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 2000),
        endless(b"HTTP/1.1 302 Found\r\nLocation: /again\r\n\r\n" * 1000),
        endless((b"* OK [" + b"\x1b[2J\x00\n") * 2000),
        dripping(b"HTTP/1.1 200 OK\r\n\r\n" + b"z" * 500),
        endless(b"<stream:stream xmlns:stream='http://etherx.jabber.org/streams'>" + b"<a>" * 5000),
        silent,
        hanging_up,
    ],
    ids=["line", "lines", "headers", "redirects", "control", "dripping", "nesting", "silent", "hanging-up"],
)
def test_no_far_side_hangs_or_ends_the_look(door: Any) -> None:
    world = run(look_around(door))
    text = compose("example.org", TODAY, world).sketch.to_text()
    inventory = check_text(text)
    assert "example.org" in inventory.sections.domains
    assert not any(bad in text for bad in ("$(", "`", "\x1b", "\x00", "-oProxy"))


def test_a_page_without_end_is_read_only_so_far() -> None:
    async def look() -> DoorView | None:
        async with serving(endless(b"HTTP/1.0 200 OK\r\nServer: x\r\n\r\n" + b"y" * 9000)) as address:
            return await PageLook(Town(door=[address]), "192.0.2.1", QUICK * 5).look("www.example.org")

    seen = run(look())
    assert seen is not None
    assert seen.page is not None
    assert len(seen.page.text) <= 256 * 1024


@pytest.mark.parametrize(
    "text",
    ["-oProxyCommand=id", "-x", "root@-oProxyCommand=id", "a b", "a;id", "$(id)", "ssh -oProxyCommand=id x", "ssh -p", "",
     "ssh x, rm -rf /", "a\nb", "root@", "@x", "ssh -p 22 -oX=y h"],
)  # fmt: skip
def test_no_host_is_an_option_or_a_command(text: str) -> None:
    with pytest.raises(UsageError):
        read_host_login(text)


@pytest.mark.parametrize("text", ["web1", "root@web1.example.org", "192.0.2.1", "ssh -p 2222 root@web1, sudo", "local"])
def test_hosts_as_people_write_them(text: str) -> None:
    assert read_host_login(text).removeprefix("ssh ") == text.removeprefix("ssh ")


@given(st.text(max_size=60))
def test_any_word_is_a_domain_or_refused(text: str) -> None:
    try:
        name = read_domain(text)
    except UsageError:
        return
    assert name.isascii()
    assert not name.startswith("-")


@given(st.binary(max_size=400))
def test_any_bytes_are_a_page_or_none(data: bytes) -> None:
    try:
        page, location = parse_page("http://www.example.org/", b"HTTP/1.0 200 OK\r\n" + data)
    except NotHttp:
        return
    assert all(value.isprintable() for value in page.headers.values())
    assert location == ""


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=12)
    | st.sampled_from(["registrant", "x@example.org", "vcard"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["entities", "roles", "vcardArray", "events", "eventAction", "status"]), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["entities", "events", "status", "name"]), JSON))
def test_any_answer_of_a_registry_is_read(answer: dict[str, Any]) -> None:
    read_registration(answer, datetime.now(UTC), "https://rdap.example.org")


WILD = st.text(max_size=30) | st.sampled_from(
    ["$(id)", "`id`", "-oProxyCommand=x", "unknown", "none", "a: b", "- x", "#", "\x1b[2J", "\u2028", "!!python", "*a", "y" * 300,
     "https://u:p@x", "{", "]", "'", '"', "\\", "null", "~", "<<", "=", "2007-01-06", "ünïcode", "🚢"]
)  # fmt: skip


@settings(max_examples=30)
@given(st.data())
def test_whatever_is_seen_the_inventory_is_valid(data: st.DataObject) -> None:
    def word() -> str:
        return data.draw(WILD)

    seen = Observation(Status.OK, word(), {"greeting": word(), "features": word()})
    page = Page("https://wiki.example.org/" + "x", 200, {"server": word()}, f"<title>{word()}</title>{word()}")
    shown = Shown((word(), "wiki.example.org"), datetime(2027, 1, 1, tzinfo=UTC))
    doors = (
        DoorView(Door("smtp", "mail.example.org", 25, "example.org", True), "192.0.2.1", seen, certificate=shown),
        DoorView(Door("xmpp-client", "mail.example.org", 5222, "example.org", True), "192.0.2.1", seen),
        DoorView(Door("web", "wiki.example.org", 443, "example.org"), "192.0.2.1", seen, page, shown),
    )
    view = DomainView(
        "example.org", servers=("ns.example.org",), mail_hosts=("mail.example.org",), mail_domains=("example.org",),
        names={"mail.example.org": ("192.0.2.1",), "wiki.example.org": ("192.0.2.1",)}, records={"@": ("A 192.0.2.1",)},
        registration=Registration(word(), ("x@example.org",)),
    )  # fmt: skip
    addresses = {"192.0.2.1": AddressView("192.0.2.1", "web1.example.org", Operator(word(), word()))}
    composer = compose(word() or "x", TODAY, World((view,), addresses, doors, (word(),)))
    for question in list(questions(composer.sketch)):
        try:
            question.apply(word())
        except ValueError:
            continue
    check_text(composer.sketch.to_text())


REPORT = """\
== time
1700000000
== space
Filesystem 1024-blocks Used Available Capacity Mounted on
/dev/vda1 1000 500 500 50% /
== user
 0
== node
 {0}
== release
 ID={1}
 VERSION_ID={2}
== sockets
 tcp LISTEN 0 80 0.0.0.0:{3} 0.0.0.0:* users:(("{4}",pid=7,fd=1))
== processes
 7	/	{5}
 8	/docker-abc	/usr/sbin/mariadbd
== spaces
 pid:[1]	{6}	192.0.2.9/24
== containers
 docker	{7}	{8}	running	80/tcp		x
== mysql
 {9}
== vhosts
 @@ /etc/nginx/sites-enabled/{10}
 >server {{
 >  server_name {11};
 >  root {12};
== settings
 @@ /etc/mediawiki/LocalSettings.php
 >$wgDBname = "{13}";
 >$wgDBserver = "{14}";
 >$wgServer = "{15}";
== markers
 /etc/mediawiki/LocalSettings.php
 {16}
== cron
 @@ /etc/cron.d/{17}
 >5 4 * * * root restic -r {18} backup / > {19}
== compose
 @@ /srv/{20}/compose.yml
 >services: {{ {21}: {{image: {22}}} }}
== updates
 {23}
== end
"""


@settings(max_examples=30)
@given(st.lists(WILD, min_size=24, max_size=24))
def test_whatever_a_host_says_the_inventory_is_valid(words: list[str]) -> None:
    try:
        view = read_inside("ssh web1", REPORT.format(*words))
    except NoReport:
        return
    check_text(compose("x", TODAY, World(), [view]).sketch.to_text())


@given(st.text(max_size=500))
def test_any_text_is_a_report_or_none(text: str) -> None:
    with pytest.raises(NoReport):
        read_inside("ssh web1", text)


def test_nothing_in_the_script_changes_anything() -> None:
    script = inside_script()
    for word in (" rm ", " mv ", " tee ", "mkdir", "mktemp", "sudo", " > /", ">> ", "curl", "wget", "INSERT", "chmod"):
        assert word not in script.replace(">/dev/null", "").replace("2>&1", ""), word
