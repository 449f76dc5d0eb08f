"""A sweep: who waits for whom, what is kept, which causes are named."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from kedge.adapters.local import LocalShell
from kedge.app.facts_seen import due, keep, statuses_of
from kedge.app.names import Names, read_hosts
from kedge.app.opening import Opened
from kedge.app.probing import PER_PLACE, Sweep, beneath, choose_vantage, judge, look_everywhere
from kedge.app.targets import Target, survey
from kedge.app.vantage import LOGINS_AT_ONCE, DirectNet, LiveSite, NoShell, VantageNet, shell_into, ssh_port
from kedge.errors import OutsideError, UsageError
from kedge.evidence.database import Database
from kedge.evidence.span import Look
from kedge.inventory.read import read_inventory
from kedge.model.finding import Finding
from kedge.model.instance import Instance
from kedge.model.inventory import Inventory
from kedge.model.observation import Observation, Status
from kedge.model.people import Secret
from kedge.model.ports import Address, Exit
from kedge.probes.http import HttpProbe
from kedge.watch.machine import CAUSES
from tests.unit.idle_loop import run_idle
from tests.unit.probes.fakes import serving
from tests.unit.probes.nameservers import NameServer, name_servers
from tests.unit.probes.test_http import page

NOW = datetime(2007, 1, 6, 20, tzinfo=UTC)


@dataclass
class Staring:
    """A probe that looks for as long as `takes_s`, and remembers how many did so at once."""

    name: str = "stare"
    scope: str = "instance"
    endpoint: str = "web"
    takes_s: float = 0.0
    status: Status = Status.OK
    evidence: dict[str, str] = field(default_factory=dict)
    tells: ClassVar[frozenset[str]] = frozenset({"used", "boot"})
    dialled: list[Address] = field(default_factory=list)
    at_once: list[int] = field(default_factory=lambda: [0, 0])

    async def look(self, at: Instance) -> Observation:
        if self.endpoint in at.dial:
            self.dialled.append(at.dial[self.endpoint])
        self.at_once[0] += 1
        self.at_once[1] = max(self.at_once)
        await asyncio.sleep(self.takes_s)
        self.at_once[0] -= 1
        return Observation(self.status, "stared", self.evidence)


def target(probe: Any, host: str = "192.0.2.1", port: int = 80, thing: str = "wiki") -> Target:
    site = LiveSite(VantageNet(), NoShell("none"), NoShell("none"))
    return Target(thing, probe.name, probe, Instance("live", site, {"web": Address(host, port)}))


def run(targets: list[Target]) -> list[Look]:
    return run_idle(Sweep("here", now=lambda: NOW).run(targets))


class TestSweep:
    def test_looks_come_in_the_order_of_the_targets(self) -> None:
        slow, quick = Staring("slow", takes_s=0.05), Staring("quick")
        assert [look.probe for look in run([target(slow), target(quick)])] == ["slow", "quick"]

    def test_nobody_waits_for_a_silent_target(self) -> None:
        looked = Staring(takes_s=0.2)
        run([target(looked, port=port) for port in range(1, 200)])
        assert looked.at_once[1] == 199

    def test_one_place_is_not_stormed(self) -> None:
        looked = Staring(takes_s=0.01)
        run([target(looked) for _ in range(3 * PER_PLACE)])
        assert looked.at_once[1] == PER_PLACE

    def test_a_bug_in_one_probe_costs_no_other_look(self, caplog: pytest.LogCaptureFixture) -> None:
        broken = Staring("broken", takes_s=float("nan"))
        broken.dialled = None  # type: ignore[assignment]
        first, second = run([target(broken), target(Staring())])
        assert (first.seen.status, second.seen.status) == (Status.UNKNOWN, Status.OK)
        assert "probe failed" in caplog.text

    def test_everybody_is_told_of_each_look(self) -> None:
        told: list[Look] = []
        run_idle(Sweep("here", told.append).run([target(Staring()), target(Staring())]))
        assert len(told) == 2


RESOLVER = "192.0.2.53"
KNOWN = {
    "www.example.org. A": ["192.0.2.1"],
    "www.example.org. AAAA": ["2001:db8::1"],
    "xmpp.example.org. A": ["192.0.2.5"],
    "_xmpp-client._tcp.example.org. SRV": ["5 0 5222 xmpp.example.org.", "1 0 5223 xmpp.example.org."],
}


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    path = tmp_path / "hosts"
    path.write_text(
        "192.0.2.80 intern.example.org intern # a note\n"
        "127.0.0.2 two.example.org\n127.0.0.1 two.example.org\n"
        "127.0.0.1 both.example.org\n::1 both.example.org\n"
    )
    return path


async def seen_by(probe: Staring, host: str, hosts: Path, known: dict[str, list[str]] | None = None) -> Observation:
    resolver = NameServer(KNOWN if known is None else known, is_authoritative=False)
    async with name_servers({RESOLVER: resolver}) as net:
        names = Names(net, [Address(RESOLVER, 53)], hosts)
        at = Instance(
            "live", LiveSite(VantageNet(names), NoShell(""), NoShell("")), {probe.endpoint: Address(host, 80)}
        )
        return await look_everywhere(Target("wiki", "stare", probe, at))


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


class TestNames:
    async def test_every_address_is_looked_at(self, hosts: Path) -> None:
        probe = Staring()
        seen = await seen_by(probe, "www.example.org", hosts)
        assert sorted(address.host for address in probe.dialled) == ["192.0.2.1", "2001:db8::1"]
        assert seen.status is Status.OK

    async def test_one_family_dead_is_neither_fine_nor_down(self, hosts: Path) -> None:
        """A server that listens on IPv4 only, under a name that promises both."""
        if not has_ipv6():
            pytest.skip("does not apply: this machine has no IPv6")
        async with serving(page("Welcome")) as address:
            site = LiveSite(VantageNet(Names(DirectNet(), [], hosts)), NoShell(""), NoShell(""))
            at = Instance("live", site, {"web": Address("both.example.org", address.port)})
            probe = HttpProbe(f"http://both.example.org:{address.port}/", "Welcome")
            seen = await look_everywhere(Target("wiki", "http", probe, at))
        assert seen.status is Status.DEGRADED
        assert seen.what == "at ::1 could not be connected to: Connection refused"

    async def test_an_srv_record_leads_to_host_and_port(self, hosts: Path) -> None:
        probe = Staring(endpoint="xmpp-client")
        await seen_by(probe, "example.org", hosts)
        assert {(one.host, one.port) for one in probe.dialled} == {("192.0.2.5", 5222), ("192.0.2.5", 5223)}

    async def test_the_hosts_file_comes_first(self, hosts: Path) -> None:
        probe = Staring()
        await seen_by(probe, "intern.example.org", hosts)
        assert [address.host for address in probe.dialled] == ["192.0.2.80"]

    async def test_a_name_that_does_not_exist_is_down(self, hosts: Path) -> None:
        assert (await seen_by(Staring(), "gone.example.org", hosts)).status is Status.DOWN

    async def test_a_resolver_that_fails_is_unknown(self, hosts: Path) -> None:
        async with name_servers({RESOLVER: NameServer(is_silent=True, has_tcp=False)}) as net:
            names = Names(net, [], hosts)
            with pytest.raises(socket.gaierror) as failure:
                await names.addresses("www.example.org")
        assert failure.value.errno == socket.EAI_AGAIN

    async def test_no_text_is_more_than_a_name_that_does_not_exist(self, hosts: Path) -> None:
        for name in ("a..example.org", "x" * 70 + ".example.org", "-\udce4.example.org"):
            assert (await seen_by(Staring(), name, hosts)).status is Status.DOWN

    def test_what_hosts_files_say(self) -> None:
        text = "# hello\n::1 localhost ip6-localhost\n127.0.0.1 localhost\nnonsense here\n\n"
        assert read_hosts(text) == {"localhost": ("::1", "127.0.0.1"), "ip6-localhost": ("::1",)}


INVENTORY = """
version: 1
organisation: {name: Test}
hosts:
  old: {address: [192.0.2.10], login: ssh root@old.example.org, volumes: {/srv: {written-by: wiki}}}
  new: {address: [192.0.2.20]}
services:
  wiki: {kind: mediawiki, host: old, url: "http://wiki.example.org/", database: db}
  forum: {kind: other, host: old, url: "http://forum.example.org/", needs: db}
  db: {kind: mariadb, host: old}
  tickets: {kind: request-tracker, host: new, url: "http://tickets.example.org/", database: tickets-db}
  tickets-db: {kind: mariadb, host: new}
  dns: {kind: bind, host: new, hostname: ns1.example.org}
  mx2: {kind: postfix, host: old, hostname: mx2.example.org}
  relay: {kind: postfix, host: old, hostname: out.example.org}
domains:
  example.org: {nameservers: dns, zone: {"wiki www": A 192.0.2.10, "@": [MX 10 mail, MX 20 mx2.example.org.]}}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "kedge.yaml"
    made.write_text(INVENTORY)
    return made


@pytest.fixture
def inventory(path: Path) -> Inventory:
    return read_inventory(path)


@pytest.fixture
def opened(path: Path, inventory: Inventory) -> Opened:
    return Opened(path, inventory)


class TestSurvey:
    def test_services_and_domains_are_looked_at(self, opened: Opened) -> None:
        found = {(one.thing, one.name) for one in survey(opened)}
        assert {("wiki", "http"), ("forum", "http"), ("example.org", "zone")} <= found

    def test_a_host_is_knocked_at_and_entered(self, opened: Opened) -> None:
        found: dict[str, Any] = {one.name: one for one in survey(opened, ["old"])}
        assert set(found) == {"reach", "system"}
        assert found["reach"].probe.ports == (22, 80, 25)
        assert found["reach"].places == (Address("192.0.2.10"),)

    def test_a_host_kedge_cannot_enter_is_only_knocked_at(self, opened: Opened) -> None:
        assert [one.name for one in survey(opened, ["new"])] == ["reach"]

    def test_only_what_is_named(self, opened: Opened) -> None:
        assert {one.thing for one in survey(opened, ["wiki"])} == {"wiki"}

    def test_a_domain_brings_its_records_and_its_own_servers(self, opened: Opened) -> None:
        (one,) = (one for one in survey(opened) if one.thing == "example.org")
        probe: Any = one.probe
        assert probe.declared[("www", "A")] == ("192.0.2.10",)
        assert probe.servers == {"ns1.example.org": ("192.0.2.20",)}

    def test_another_address_is_dialled_whatever_the_dns_says(self, opened: Opened) -> None:
        one, *_ = survey(opened, ["wiki"], "198.51.100.7")
        site: Any = one.at.site
        assert site.net.pins == {"wiki.example.org": "198.51.100.7"}
        assert isinstance(site.shell, NoShell)

    def test_a_second_way_in_must_take_the_mail_of_the_domain_that_points_to_it(self, opened: Opened) -> None:
        second: Any
        relay: Any
        second, relay = survey(opened, ["mx2", "relay"])
        assert (second.probe.recipient, relay.probe.recipient) == ("postmaster@example.org", "")

    def test_bound_services_come_along(self, opened: Opened) -> None:
        one, *_ = survey(opened, ["wiki"])
        assert set(one.at.uses) == {"database"}

    def test_a_host_is_entered_by_its_login(self, opened: Opened) -> None:
        one, *_ = survey(opened, ["wiki"])
        shell: Any = one.at.site.shell
        assert shell.login == "ssh root@old.example.org"


def look(thing: str, status: Status, what: str = "said so", **evidence: str) -> Look:
    return Look(thing, "http", "here", NOW, Observation(status, what, evidence))


def judged(inventory: Inventory, *looks: Look) -> tuple[Finding, ...]:
    return judge(inventory, [target(Staring(), thing=look.thing) for look in looks], looks)


class TestJudge:
    def test_a_page_that_blames_its_database_makes_it_the_suspect(self, inventory: Inventory) -> None:
        what = "answered with an error page: it cannot reach its database"
        found = judged(inventory, look("tickets", Status.DOWN, what), look("dns", Status.OK))
        assert [finding.thing for finding in found] == ["tickets-db"]

    def test_a_full_volume_takes_down_who_writes_there_and_nothing_else(self, inventory: Inventory) -> None:
        full = Look("old", "system", "here", NOW, Observation(Status.DOWN, "/srv is full", {"stopped//srv": "is full"}))
        down = [look(name, Status.DOWN) for name in ("wiki", "forum", "tickets")]
        found = judged(inventory, full, look("example.org", Status.OK), *down)
        assert {str(one.title): [symptom.thing for symptom in one.symptoms] for one in found} == {
            "old /srv is full": ["wiki"],
            "forum is down": [],
            "tickets is down": [],
        }
        (cause,) = (one for one in found if one.thing == "old")
        assert [str(reason) for reason in cause.why] == ["wiki, http: said so"]

    def test_a_changed_record_is_a_finding_of_its_own_with_before_and_after(self, inventory: Inventory) -> None:
        what = "ns2 did not answer; differs from what is declared: MX of @"
        evidence = {"rrset/@ MX": "5 other.example.net.", "drifted/@ MX": "ns1"}
        zone = Look("example.org", "zone", "here", NOW, Observation(Status.DEGRADED, what, evidence))
        lame, drift = judged(inventory, zone)
        assert [str(reason) for reason in lame.why] == ["example.org, zone: ns2 did not answer"]
        assert (drift.rule, str(drift.title)) == ("dns-drift", "MX of example.org was changed")
        assert drift.rule in CAUSES  # or the watch would see it and tell nobody
        assert [str(reason) for reason in drift.why] == [
            "Declared: 10 mail; 20 mx2.example.org",
            "Seen on ns1: 5 other.example.net",
        ]

    def test_what_needs_a_writer_fails_though_the_writer_answers(self, inventory: Inventory) -> None:
        """Mail that finds no room in its mailbox, while the mailbox can still be read."""
        full = Look("new", "system", "here", NOW, Observation(Status.DOWN, "/ is full", {"stopped//": "is full"}))
        looks = [full, look("tickets-db", Status.OK), look("tickets", Status.DOWN), look("example.org", Status.OK)]
        assert {str(one.title): [symptom.thing for symptom in one.symptoms] for one in judged(inventory, *looks)} == {
            "new / is full": ["tickets"]
        }

    def test_without_a_word_on_who_writes_everything_on_the_host_may(self, inventory: Inventory) -> None:
        evidence = {"stopped//": "went read-only"}
        full = Look(
            "old", "system", "here", NOW, Observation(Status.DOWN, "/ went read-only; waits for a reboot", evidence)
        )
        found = judged(inventory, full, look("wiki", Status.DOWN), look("forum", Status.DOWN))
        assert {str(one.title): [symptom.thing for symptom in one.symptoms] for one in found} == {
            "old / went read-only": ["forum", "wiki"],
            "old works, but not as it should": [],
        }

    def test_what_a_broken_thing_needs_is_looked_at_next(self, inventory: Inventory) -> None:
        assert beneath(inventory, [look("wiki", Status.DOWN)]) == ["db", "old", "example.org", "dns", "new"]
        assert beneath(inventory, [look("wiki", Status.OK)]) == []
        assert "db" not in beneath(inventory, [look("wiki", Status.DOWN), look("db", Status.OK)])

    def test_an_organisation_in_order_has_no_cause(self, inventory: Inventory) -> None:
        assert judged(inventory, look("wiki", Status.OK)) == ()

    def test_a_host_that_is_there_clears_no_service(self, inventory: Inventory) -> None:
        """A killed host answers pings as long as its kernel runs."""
        there = Staring()
        there.is_shallow = True  # type: ignore[attr-defined]
        looks = [look("wiki", Status.DOWN), look("forum", Status.DOWN), look("old", Status.OK)]
        targets = [target(Staring()), target(Staring()), target(there, thing="old")]
        assert [finding.thing for finding in judge(inventory, targets, looks)] == ["db"]


class TestKeep:
    @pytest.fixture
    def database(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
        monkeypatch.setenv("KEDGE_EVIDENCE", str(tmp_path / "evidence.sqlite"))
        return Database(tmp_path / "evidence.sqlite")

    def test_looks_become_spans_and_facts(self, database: Database, path: Path) -> None:
        probe = Staring(evidence={"used/root": "5 GB", "other": "x"})
        targets = [target(probe, thing="old")]
        keep(path, targets, run(targets))
        (span,) = database.current_spans()
        assert (span.thing, span.probe, span.vantage, span.seen.status) == ("old", "stare", "here", Status.OK)
        facts = database.facts(NOW).latest
        assert {key: fact.value for key, fact in facts.items()} == {
            ("old", "used/root"): "5 GB",
            ("old", "base/root"): "5 GB",
            ("old", "observation"): "ok: stared",
        }

    def test_growth_is_measured_over_days(self, database: Database, path: Path) -> None:
        for days, used in ((0, "5 GB"), (0.1, "5.1 GB"), (2, "6 GB")):
            targets = [target(Staring(evidence={"used/root": used}), thing="old")]
            keep(path, targets, [replace(one, at=NOW + timedelta(days=days)) for one in run(targets)])
        facts = database.facts(NOW + timedelta(days=3))
        growth = facts.get("old", "growth/root")
        assert growth
        assert growth.value == "500 MB/d"

    def test_a_boot_is_known_by_its_moment(self, database: Database, path: Path) -> None:
        booted = "2007-01-01T03:00:00+00:00"
        targets = [target(Staring(evidence={"boot": booted}), thing="old")]
        keep(path, targets, run(targets))
        keep(path, targets, [replace(one, at=NOW + timedelta(days=1)) for one in run(targets)])
        fact = database.facts(NOW + timedelta(days=3)).get("old", "boot")
        assert fact
        assert (fact.value, fact.at.isoformat()) == ("ok", booted)

    def test_what_is_looked_at_once_a_day_is_left_out_until_then(self, database: Database, path: Path) -> None:
        daily = Staring("registration")
        daily.every = timedelta(days=1)  # type: ignore[attr-defined]
        targets = [target(daily), target(Staring())]
        assert due(path, targets, NOW) == targets
        keep(path, targets, run(targets))
        assert due(path, targets, NOW + timedelta(hours=23)) == targets[1:]
        assert due(path, targets, NOW + timedelta(hours=25)) == targets

    def test_a_thing_is_as_bad_as_its_worst_probe(self) -> None:
        targets = [target(Staring()), target(Staring("other", status=Status.DOWN))]
        (fact,) = statuses_of(run(targets))
        assert fact.value == "down: stared"

    @pytest.mark.parametrize(("minutes", "moment"), [(1, 0), (5, 5)])
    def test_an_unchanged_state_is_said_anew_before_it_grows_old(
        self, database: Database, path: Path, minutes: int, moment: int
    ) -> None:
        targets = [target(Staring())]
        first = run(targets)
        keep(path, targets, first)
        keep(path, targets, [replace(first[0], at=NOW + timedelta(minutes=minutes))])
        (state,) = [line for line in database.export_lines() if '"observation"' in line]
        known = database.facts(NOW + timedelta(hours=1)).get("wiki", "observation")
        assert known
        assert known.at == NOW + timedelta(minutes=moment)
        assert known.value in state

    def test_a_day_without_change_is_one_row_and_each_change_another(self, database: Database, path: Path) -> None:
        targets, broken = [target(Staring())], [target(Staring(status=Status.DOWN))]
        for minute in range(0, 24 * 60, 20):
            seen = broken if minute == 600 else targets
            keep(path, seen, [replace(run(seen)[0], at=NOW + timedelta(minutes=minute))])
        states = [line for line in database.export_lines() if '"observation"' in line]
        assert ["down: stared" in line for line in states] == [False, True, False]

    def test_a_changed_one_at_once(self, database: Database, path: Path) -> None:
        targets = [target(Staring())]
        first = run(targets)
        keep(path, targets, first)
        worse = replace(first[0], at=NOW + timedelta(seconds=1), seen=Observation(Status.DOWN, "gone"))
        keep(path, targets, [worse])
        fact = database.facts(NOW + timedelta(seconds=2)).get("wiki", "observation")
        assert fact
        assert fact.value == "down: gone"


class TestVantage:
    async def test_a_pin_leads_elsewhere(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            net = VantageNet(pins={"www.example.org": "127.0.0.1"})
            to = Address("www.example.org", server.getsockname()[1])
            with await net.connect(to, limit=timedelta(seconds=5)) as sock:
                assert sock.getpeername() == server.getsockname()

    async def test_a_dead_address_does_not_hide_a_living_one(self, hosts: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            net = VantageNet(Names(DirectNet(), [], hosts))
            with await net.connect(
                Address("two.example.org", server.getsockname()[1]), limit=timedelta(seconds=5)
            ) as sock:
                assert sock.getpeername() == server.getsockname()

    async def test_without_a_login_nothing_is_run(self) -> None:
        ended = await NoShell("no login").run(["true"], limit=timedelta(seconds=1))
        assert (ended.code, ended.stderr) == (None, b"no login")

    async def test_a_host_is_entered_by_a_few_at_once(self) -> None:
        shell: Any = shell_into("local", Counting())
        await asyncio.gather(*(shell.run(["true"], limit=timedelta(seconds=5)) for _ in range(3 * LOGINS_AT_ONCE)))
        assert shell.shell.at_once[1] == LOGINS_AT_ONCE

    async def test_a_login_that_is_none_runs_nothing(self) -> None:
        for login in ("", "telnet host"):
            assert (await shell_into(login, LocalShell()).run(["true"], limit=timedelta(seconds=5))).code is None

    @pytest.mark.parametrize(
        ("login", "port"), [("ssh a@b", 22), ("ssh -p 2222 a@b, sudo", 2222), ("local", None), ("ssh -J x a@b", None)]
    )
    def test_the_port_of_a_login(self, login: str, port: int | None) -> None:
        assert ssh_port(login) == port

    async def test_secrets(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("THE_SECRET", "geheim")
        declared = {"given": Secret.model_validate({"from": "env:THE_SECRET"}), "kept": Secret()}
        site = LiveSite(VantageNet(), NoShell(""), NoShell(""), declared, tmp_path)
        assert await site.open_secret("given") == "geheim"
        for name in ("kept", "other"):
            with pytest.raises(OutsideError):
                await site.open_secret(name)


@dataclass(frozen=True)
class Counting(LocalShell):
    at_once: list[int] = field(default_factory=lambda: [0, 0])

    async def run(self, argv: Sequence[str], *, stdin: bytes = b"", limit: timedelta) -> Exit:
        self.at_once[0] += 1
        self.at_once[1] = max(self.at_once)
        await asyncio.sleep(0.01)
        self.at_once[0] -= 1
        return Exit(0)


def test_a_vantage_must_be_declared_where_others_are(tmp_path: Path) -> None:
    file = tmp_path / "kedge.yaml"
    file.write_text("version: 1\norganisation: {name: T}\nvantages: {outside: {}, home: {}}\nplaces: {office: {}}\n")
    declared = read_inventory(file)
    assert choose_vantage(declared, "home") == "home"
    with pytest.raises(UsageError):
        choose_vantage(declared, "office")
    assert choose_vantage(declared, "") == socket.gethostname()
