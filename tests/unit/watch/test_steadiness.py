"""A clock that jumps, a resolver that dies, an uplink that is cut: what the watch leans on instead."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.adapters.local import LocalShell
from kedge.app.names import Names
from kedge.app.sending import LastingNames, PostOffice, SendingSettings
from kedge.app.steady_clock import SteadyClock
from kedge.app.uplink import Uplink, find_anchors
from kedge.app.vantage import DirectNet
from kedge.errors import UsageError
from kedge.inventory.read import read_inventory
from kedge.model.inventory import Inventory
from kedge.model.observation import Status
from kedge.model.ports import Address
from kedge.watch.sender import MailSender, ProgramSender, WebSender, XmppSender
from tests.unit.probes.fakes import serving, silent
from tests.unit.watch.play import DEGRADED, DOWN, OK, UNKNOWN

CLUB = """\
organisation: {name: Club}
services: {relay: {kind: postfix, hostname: relay.example.org}}
people: {anna: {channels: ["mail anna@example.net", "webhook http://127.0.0.1:9/x", "xmpp anna@example.net", "exec page"]}}
channels: {out: {to: mail anna@example.net, via: relay}, ring: phone anna}
"""


def inventory(folder: Path, text: str = CLUB) -> Inventory:
    file = folder / "kedge.yaml"
    file.write_text(text)
    return read_inventory(file)


def office(folder: Path, text: str = CLUB, **settings: str) -> PostOffice:
    return PostOffice(inventory(folder, text), SendingSettings(settings, folder), LocalShell())


class TestClock:
    @given(st.lists(st.tuples(st.floats(0.01, 100), st.floats(-5000, 5000)), max_size=30))
    def test_it_never_runs_backwards_nor_stands_still(self, jumps: list[tuple[float, float]]) -> None:
        wall, steady = [1e9], [0.0]
        clock = SteadyClock(lambda: wall[0], lambda: steady[0])
        last = clock.now()
        for passed, jump in jumps:
            steady[0] += passed
            wall[0] += passed + jump
            now = clock.now()
            assert now - last >= timedelta(seconds=0.89 * passed)
            last = now

    def test_a_clock_that_was_set_back_is_caught_up_with(self) -> None:
        wall, steady = [1e9], [0.0]
        clock = SteadyClock(lambda: wall[0], lambda: steady[0])
        wall[0] -= 60
        for _ in range(700):
            steady[0] += 1
            wall[0] += 1
            now = clock.now()
        assert now == datetime.fromtimestamp(wall[0], UTC)


class Answering(LastingNames):
    """Names of a resolver that can be told to die."""

    said: Sequence[str] = ("192.0.2.1",)
    failure: OSError | None = None

    async def _find(self, name: str) -> tuple[str, ...]:
        if self.failure:
            raise self.failure
        return tuple(self.said)


def names(folder: Path, *, is_lasting: bool = True) -> Answering:
    return Answering(DirectNet(), kept=folder / "work" / "names.json", life_s=0, is_lasting=is_lasting)


class TestNames:
    async def test_what_was_known_lasts_while_nobody_answers(self, tmp_path: Path) -> None:
        first = names(tmp_path)
        assert await first.addresses("relay.example.org") == ("192.0.2.1",)
        first.failure = socket.gaierror(socket.EAI_AGAIN, "no answer")
        assert await first.addresses("relay.example.org") == ("192.0.2.1",)
        second = names(tmp_path)
        second.failure = first.failure
        assert await second.addresses("relay.example.org") == ("192.0.2.1",)
        with pytest.raises(socket.gaierror):
            await second.addresses("other.example.org")

    async def test_a_name_that_is_no_more_is_no_more(self, tmp_path: Path) -> None:
        known = names(tmp_path)
        await known.addresses("relay.example.org")
        known.failure = socket.gaierror(socket.EAI_NONAME, "gone")
        with pytest.raises(socket.gaierror):
            await known.addresses("relay.example.org")

    async def test_probes_are_told_of_a_dead_resolver(self, tmp_path: Path) -> None:
        known = names(tmp_path, is_lasting=False)
        await known.addresses("wiki.example.org")
        known.failure = socket.gaierror(socket.EAI_AGAIN, "no answer")
        with pytest.raises(socket.gaierror):
            await known.addresses("wiki.example.org")

    async def test_a_new_address_is_taken(self, tmp_path: Path) -> None:
        known = names(tmp_path)
        await known.addresses("relay.example.org")
        known.said = ("192.0.2.9",)
        assert await known.addresses("relay.example.org") == ("192.0.2.9",)
        assert isinstance(known, Names)


class TestUplink:
    @pytest.mark.parametrize(
        ("statuses", "is_suspect"),
        [((DOWN, DOWN), True), ((DOWN, UNKNOWN, DOWN), True), ((DOWN, OK), False), ((DOWN,), False), ((), False),
         ((DOWN, DEGRADED), False)],
    )  # fmt: skip
    def test_who_sees_nothing_well_suspects_itself(self, statuses: tuple[Status, ...], is_suspect: bool) -> None:
        uplink = Uplink()
        for number, status in enumerate(statuses):
            uplink.take((f"thing-{number}", "probe"), status)
        assert uplink.is_suspect is is_suspect

    async def test_what_alerts_leave_by_is_asked(self, tmp_path: Path) -> None:
        async with serving(silent) as address:
            there = office(tmp_path, KEDGE_RELAY=f"smtp://127.0.0.1:{address.port}")
            assert not await Uplink().is_cut(there, timedelta(seconds=1))

    async def test_a_refusal_is_an_answer(self, tmp_path: Path) -> None:
        assert not await Uplink().is_cut(office(tmp_path), timedelta(seconds=1))

    async def test_without_anchors_nobody_is_cut_off(self, tmp_path: Path) -> None:
        text = "organisation: {name: Club}\npeople: {anna: {channels: exec page}}\n"
        assert not await Uplink().is_cut(office(tmp_path, text), timedelta(seconds=1))

    def test_anchors(self, tmp_path: Path) -> None:
        there = office(tmp_path, KEDGE_RELAY="smtp://k@relay.example.net:587", KEDGE_XMPP="kedge@example.org")
        found = [Address("relay.example.net", 587), Address("example.org", 5222), Address("127.0.0.1", 9)]
        assert list(find_anchors(there)) == found


class TestOffice:
    async def test_each_channel_has_its_sender(self, tmp_path: Path) -> None:
        there = office(tmp_path, KEDGE_RELAY="smtp://127.0.0.1:25", KEDGE_XMPP="kedge@x.example/127.0.0.1:5222",
                       KEDGE_XMPP_PASSWORD="env:WORD", WORD="geheim")  # fmt: skip
        kinds = {}
        for channel in there.inventory.sections.channels:
            found = await there.senders(channel, "anna@example.net")
            kinds[channel] = [type(one) for one in found]
        assert kinds == {
            "mail anna@example.net": [MailSender], "webhook http://127.0.0.1:9/x": [WebSender],
            "xmpp anna@example.net": [XmppSender], "exec page": [ProgramSender], "out": [MailSender], "ring": [],
        }  # fmt: skip

    async def test_a_relay_that_is_named_is_taken(self, tmp_path: Path) -> None:
        (sender,) = await office(tmp_path).senders("out", "anna@example.net")
        assert isinstance(sender, MailSender)
        assert (sender.host, sender.port) == ("relay.example.org", 25)

    async def test_a_relay_with_a_user_is_spoken_to_encrypted(self, tmp_path: Path) -> None:
        settings = {"KEDGE_RELAY_PASSWORD": "env:WORD", "WORD": "geheim"}
        first = office(tmp_path, KEDGE_RELAY="smtp://kedge%40example.net@relay.example.net", **settings)
        (sender,) = await first.senders("mail anna@example.net", "anna@example.net")
        assert isinstance(sender, MailSender)
        assert (sender.port, sender.encryption, sender.sender) == (587, "starttls", "kedge@example.net")
        second = office(tmp_path, KEDGE_RELAY="smtps://k@relay.example.net", **settings)
        (sender,) = await second.senders("mail anna@example.net", "anna@example.net")
        assert isinstance(sender, MailSender)
        assert (sender.port, sender.encryption) == (465, "tls")

    @pytest.mark.parametrize("relay", ["relay.example.net", "smtp://", "http://relay", "smtp://k:geheim@relay"])
    def test_no_relay(self, tmp_path: Path, relay: str) -> None:
        with pytest.raises(UsageError) as caught:
            _ = office(tmp_path, KEDGE_RELAY=relay).settings.relay
        assert "geheim" not in caught.value.message

    def test_what_cannot_be_sent_is_said(self, tmp_path: Path) -> None:
        there = office(tmp_path)
        assert str(there.obstacle("ring")) == "kedge itself cannot send phone"
        assert "KEDGE_XMPP" in str(there.obstacle("xmpp anna@example.net"))
        assert there.obstacle("exec page") is None
