"""What is heard: heartbeats of jobs, peers, and when two places have to agree."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from kedge.app.hearing import Agreement, Heartbeats, Peer, certain
from kedge.app.listening import Page, json_page, listening
from kedge.app.vantage import VantageNet
from kedge.errors import OutsideError, UsageError
from kedge.model.observation import Observation, Status
from kedge.watch.verdict import Seen, Thresholds, fold
from tests.unit.probes.fakes import serving, silent
from tests.unit.watch.play import DOWN, OK, START, UNKNOWN

EVERY = timedelta(minutes=1)
KEY = ("wiki", "http")


class TestHeartbeats:
    def beats(self) -> Heartbeats:
        return Heartbeats(lambda name: timedelta(hours=24))

    @pytest.mark.parametrize(
        ("word", "status"), [("", OK), ("0", OK), ("fail", DOWN), ("1", DOWN), ("255", DOWN), ("start", None)]
    )
    def test_what_a_ping_says(self, word: str, status: Status | None) -> None:
        said = self.beats().ping("backup", word, START)
        assert (said.status if said else None) is status

    def test_who_is_silent_too_long_is_down_once(self) -> None:
        beats = self.beats()
        beats.ping("backup", "", START)
        assert beats.overdue(START + timedelta(hours=29)) == []
        assert [name for name, _ in beats.overdue(START + timedelta(hours=31))] == ["backup"]
        assert beats.overdue(START + timedelta(hours=32)) == []
        beats.ping("backup", "", START + timedelta(hours=33))
        assert beats.overdue(START + timedelta(hours=40)) == []

    def test_a_jobs_word_counts_at_once(self) -> None:
        standing = None
        for seen in certain("backup", "heartbeat", START, Observation(DOWN, "ended with 1"), Thresholds()):
            standing = fold(standing, seen, Thresholds())
        assert standing is not None
        assert standing.status is DOWN


class TestAgreement:
    def agreement(self, status: Status | None = None, at: timedelta = timedelta()) -> Agreement:
        peer = Peer("http://other.example:8800", answered=START)
        if status:
            peer.looks = {KEY: (status, START + at)}
        return Agreement([peer], EVERY)

    def weigh(self, agreement: Agreement, status: Status = DOWN, after: timedelta = timedelta()) -> Status | None:
        at = START + after
        seen = agreement.weigh(Seen(*KEY, at, Observation(status, "refused")), at)
        return seen.what.status if seen else None

    def test_what_no_peer_looks_at_counts(self) -> None:
        assert self.weigh(self.agreement()) is DOWN

    def test_what_a_peer_sees_down_as_well_counts(self) -> None:
        assert self.weigh(self.agreement(DOWN, timedelta(seconds=1))) is DOWN

    def test_what_a_peer_sees_well_since_then_is_unknown(self) -> None:
        assert self.weigh(self.agreement(OK, timedelta(seconds=1))) is UNKNOWN

    def test_a_peer_that_has_yet_to_look_is_waited_for_a_while(self) -> None:
        agreement = self.agreement(OK, timedelta(seconds=-30))
        assert self.weigh(agreement) is None
        assert self.weigh(agreement, after=timedelta(seconds=60)) is None
        assert self.weigh(agreement, after=timedelta(seconds=95)) is DOWN

    def test_a_silent_peer_is_not_waited_for(self) -> None:
        agreement = self.agreement(OK, timedelta(seconds=-30))
        assert self.weigh(agreement, after=timedelta(minutes=3)) is DOWN

    def test_what_is_well_needs_nobody(self) -> None:
        agreement = self.agreement(DOWN)
        assert self.weigh(agreement, OK) is OK
        assert not agreement.is_in_doubt


class TestListening:
    async def ask(self, request: bytes) -> bytes:
        async def answer(path: str) -> Page:
            return json_page({"path": path}) if path.startswith("/ping/") else Page(404, "nothing here\n")

        async with listening("127.0.0.1:0", answer) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            said = await reader.read()
            writer.close()
            return said

    @pytest.mark.parametrize(
        ("request_", "begin"),
        [
            (b"GET /ping/x HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 200 OK"),
            (b"POST /ping/x HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK"),
            (b"GET /else HTTP/1.1\r\n\r\n", b"HTTP/1.1 404 "),
            (b"DELETE /ping/x HTTP/1.1\r\n\r\n", b"HTTP/1.1 405 "),
            (b"what is this\r\n\r\n", b"HTTP/1.1 400 "),
            (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n", b""),
        ],
    )
    async def test_what_is_answered(self, request_: bytes, begin: bytes) -> None:
        assert (await self.ask(request_)).startswith(begin)

    async def test_a_path_is_decoded_and_its_query_left_out(self) -> None:
        said = await self.ask(b"GET /ping/a%20b/3?x=1 HTTP/1.1\r\n\r\n")
        assert json.loads(said.partition(b"\r\n\r\n")[2]) == {"path": "/ping/a b/3"}

    async def test_a_head_has_no_body(self) -> None:
        assert (await self.ask(b"HEAD /ping/x HTTP/1.1\r\n\r\n")).endswith(b"\r\n\r\n")

    async def test_where_nobody_can_listen(self) -> None:
        async def answer(path: str) -> Page:
            return Page(200, "")

        with pytest.raises(UsageError):
            async with listening("8800", answer):
                pass
        with pytest.raises(OutsideError):
            async with listening("192.0.2.1:1", answer):
                pass


class TestPeer:
    async def test_it_tells_what_it_last_saw(self) -> None:
        looks = [{"thing": "wiki", "probe": "http", "status": "ok", "at": START.isoformat()}]

        async def answer(path: str) -> Page:
            return json_page({"looks": looks})

        async with listening("127.0.0.1:0", answer) as port:
            peer = Peer(f"http://127.0.0.1:{port}/")
            assert peer.name == f"peer 127.0.0.1:{port}"
            assert (await peer.ask(VantageNet(), START)).status is OK
            assert peer.looks == {KEY: (OK, START)}
            assert not peer.may_ask(START, EVERY)
            assert peer.may_ask(START + EVERY, EVERY)

    @pytest.mark.parametrize("text", ["[]", "{", '{"looks": [{}]}', '{"looks": 3}'])
    async def test_what_makes_no_sense_is_no_answer(self, text: str) -> None:
        async def answer(path: str) -> Page:
            return Page(200, text, "application/json")

        async with listening("127.0.0.1:0", answer) as port:
            peer = replace(Peer(f"http://127.0.0.1:{port}"))
            assert (await peer.ask(VantageNet(), START)).status is DOWN
            assert peer.answered is None

    async def test_a_dead_peer_is_down(self) -> None:
        async with serving(silent) as address:
            port = address.port
        assert (await Peer(f"http://127.0.0.1:{port}").ask(VantageNet(), START)).status is DOWN
