"""Until when a domain is registered; and what a list server says of itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.model.observation import Observation, Status
from kedge.model.ports import Exit
from kedge.probes.mailman import judge_mailman
from kedge.probes.registration import (
    RegistrationProbe,
    Registries,
    can_be_registered,
    judge_registration,
    read_registries,
)
from kedge.probes.rest import NotJson, parse_json
from tests.unit.probes.fakes import Answer, instance, serving, silent
from tests.unit.probes.test_http import page

AT = datetime(2007, 1, 6, tzinfo=UTC)


def ending(moment: str, *statuses: str) -> dict[str, Any]:
    events = [
        {"eventAction": "registration", "eventDate": "2000-01-01T00:00:00Z"},
        {"eventAction": "expiration", "eventDate": moment},
    ]
    return {"objectClassName": "domain", "events": events, "status": list(statuses)}


@pytest.mark.parametrize(
    ("answer", "status", "what"),
    [
        (ending("2008-01-01T00:00:00Z", "active"), Status.OK, "is registered for longer"),
        (ending("2007-01-20T00:00:00+01:00"), Status.DEGRADED, "expires within 30 days"),
        (ending("2007-01-05T00:00:00Z"), Status.DOWN, "has expired"),
        (ending("2008-01-01T00:00:00Z", "client hold"), Status.DOWN, "is on its way out: client hold"),
        (ending("2008-01-01", "Redemption Period"), Status.DOWN, "is on its way out: redemption period"),
        (ending("soon"), Status.OK, "its registry does not tell until when it is registered"),
        ({}, Status.OK, "its registry does not tell until when it is registered"),
    ],
)
def test_what_a_registry_says(answer: dict[str, Any], status: Status, what: str) -> None:
    found = judge_registration(answer, AT, "https://rdap.example/")
    assert (found.status, found.what) == (status, what)


def test_the_end_is_a_fact_in_utc() -> None:
    found = judge_registration(ending("2007-01-20T00:00:00+01:00"), AT, "x")
    assert found.evidence["expiry"] == "2007-01-19T23:00:00Z"


async def look(answer: Answer, known: dict[str, str] | None = None) -> Observation:
    async with serving(answer) as address:
        server = f"http://127.0.0.1:{address.port}"
        registries = Registries({"org": server} if known is None else known, where=server)
        probe = RegistrationProbe("example.org", timedelta(seconds=2), now=lambda: AT, registries=registries)
        return await probe.look(instance({}))


class TestAsking:
    async def test_a_registered_domain(self) -> None:
        assert (await look(page(json.dumps(ending("2008-01-01T00:00:00Z"))))).status is Status.OK

    async def test_one_that_nobody_has(self) -> None:
        assert (await look(page("{}", "404 Not Found"))).what == "is not registered"

    @pytest.mark.parametrize(
        "answer", [silent, page("<html>"), page("[]"), page("", "503 Unavailable"), page("x", "429 Slow")]
    )
    async def test_a_registry_in_trouble_says_nothing_about_the_domain(self, answer: Answer) -> None:
        assert (await look(answer)).status is Status.UNKNOWN

    async def test_a_registry_without_rdap_is_not_held_against_it(self) -> None:
        assert (await look(page("{}"), {"com": "https://rdap.example/"})).status is Status.OK

    async def test_where_to_ask_is_asked_first(self) -> None:
        assert (
            await look(page(json.dumps({"services": [[["net"], ["https://rdap.example/"]]]})), {})
        ).status is Status.OK
        assert (await look(page("{}"), {})).status is Status.UNKNOWN


def test_registries_are_read_as_published() -> None:
    told = {
        "services": [
            [["org", "ngo"], ["http://a.example/", "https://b.example/"]],
            [["com"], ["https://c.example"]],
            "x",
        ]
    }
    assert read_registries(told) == {
        "org": "https://b.example/",
        "ngo": "https://b.example/",
        "com": "https://c.example",
    }


def test_reserved_names_are_nobodys() -> None:
    assert can_be_registered("example.org")
    assert not can_be_registered("verein.example.")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8) | st.integers(),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["events", "status", "services", "eventAction", "eventDate", "versions", "queues", "name", "files"]) | st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(JSON.filter(lambda value: isinstance(value, dict)))
def test_any_json_is_judged(told: dict[str, Any]) -> None:
    assert judge_registration(told, AT, "x").what.isprintable()
    assert judge_mailman(Exit(0, json.dumps(told).encode()), AT).what.isprintable()
    try:
        assert read_registries(told)
    except NotJson:
        return


@given(st.binary(max_size=80))
def test_any_bytes_are_json_or_not(data: bytes) -> None:
    try:
        assert isinstance(parse_json(data), dict)
    except NotJson:
        return


def mailman(**queues: list[float]) -> Exit:
    entries = [
        {"name": name, "count": len(ages), "files": [f"{AT.timestamp() - age}+abc.pck" for age in ages]}
        for name, ages in queues.items()
    ]
    return Exit(0, json.dumps({"versions": {"mailman_version": "GNU Mailman 3.3.8"}, "queues": entries}).encode())


@pytest.mark.parametrize(
    ("ended", "status", "what"),
    [
        (mailman(out=[5.0, 60.0]), Status.OK, "answered, and works off its mail"),
        (mailman(out=[5.0, 3600.0]), Status.DOWN, "does not work off its mail: out"),
        (mailman(shunt=[5.0]), Status.DEGRADED, "has given up on messages: shunt"),
        (mailman(archive=[9999.0], retry=[9999.0]), Status.OK, "answered, and works off its mail"),
        (Exit(0, b'{"status": 401}'), Status.UNKNOWN, "refused the password in its settings"),
        (Exit(0, b'{"status": 500}'), Status.DOWN, "its REST interface did not answer"),
        (Exit(0, b'{"failure": "[Errno 111] Connection refused"}'), Status.DOWN, "its REST interface did not answer"),
        (Exit(1, b"", b"Traceback"), Status.UNKNOWN, "could not be asked on its host"),
        (Exit(None, b"", b"no login"), Status.UNKNOWN, "its host could not be entered"),
    ],
)
def test_what_mailman_says(ended: Exit, status: Status, what: str) -> None:
    found = judge_mailman(ended, AT)
    assert (found.status, found.what) == (status, what)
