"""Nagios plugins, and greetings of which only the first line is read."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.adapters.local import LocalNet, LocalShell, LocalSite
from kedge.model.instance import Instance
from kedge.model.observation import Observation, Status
from kedge.model.ports import Exit
from kedge.probes.greeting import GreetingProbe
from kedge.probes.plugin import PluginProbe, judge_plugin
from tests.unit.probes.fakes import QUICK, Answer, Lines, dripping, endless, hanging_up, instance, serving, silent


@dataclass(frozen=True)
class Vantage(LocalSite):
    here: LocalShell = field(default_factory=LocalShell)
    net: LocalNet = field(default_factory=LocalNet)


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """Exits with its first argument after saying the second."""
    path = tmp_path / "check_thing"
    path.write_text('#!/bin/sh\nprintf "%s\\n" "$2"\nexit "$1"\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.mark.parametrize(
    ("code", "status", "what"),
    [
        (0, Status.OK, "check_thing said OK"),
        (1, Status.DEGRADED, "check_thing said WARNING"),
        (2, Status.DOWN, "check_thing said CRITICAL"),
        (3, Status.UNKNOWN, "check_thing said UNKNOWN"),
        (77, Status.UNKNOWN, "check_thing ended with exit code 77"),
        (127, Status.UNKNOWN, "check_thing could not be run"),
    ],
)
async def test_its_exit_code_is_the_status(plugin: Path, code: int, status: Status, what: str) -> None:
    probe = PluginProbe((str(plugin), str(code), "THING OK - 3 of 5 | things=3;4;5 more=1"))
    found = await probe.look(Instance("live", Vantage(), {}))
    assert (found.status, found.what) == (status, what)
    if code < 100:
        assert found.evidence == {"output": "THING OK - 3 of 5", "data": "things=3;4;5 more=1"}


async def test_numbers_do_not_change_the_sentence(plugin: Path) -> None:
    looks = [
        await PluginProbe((str(plugin), "0", f"OK - {number} messages")).look(Instance("live", Vantage(), {}))
        for number in (1, 2)
    ]
    assert looks[0].what == looks[1].what


async def test_on_the_host_itself(plugin: Path) -> None:
    found = await PluginProbe((str(plugin), "0", "fine"), is_on_host=True).look(Instance("live", LocalSite(), {}))
    assert found.status is Status.OK


async def test_a_plugin_that_is_not_there_is_unknown() -> None:
    found = await PluginProbe(("check_nothing_at_all",)).look(Instance("live", Vantage(), {}))
    assert (found.status, found.what) == (Status.UNKNOWN, "check_nothing_at_all could not be run")


async def test_a_hanging_one_is_unknown_within_its_limit() -> None:
    found = await PluginProbe(("sleep", "60"), limit=timedelta(seconds=0.2)).look(Instance("live", Vantage(), {}))
    assert found.status is Status.UNKNOWN


async def test_a_copy_has_no_vantage() -> None:
    assert (await PluginProbe(("true",)).look(Instance("sandbox", LocalSite(), {}))).status is Status.UNKNOWN


@given(st.binary(max_size=80), st.integers(-10, 260) | st.none())
def test_any_output_is_judged(said: bytes, code: int | None) -> None:
    found = judge_plugin("/x/check_y", Exit(code, said, said))
    assert found.what.isprintable()
    assert all(value.isprintable() for value in found.evidence.values())


POP = GreetingProbe("POP3", "+OK", "pop3", "QUIT\r\n", limit=QUICK)


async def look(answer: Answer) -> Observation:
    async with serving(answer) as address:
        return await POP.look(instance({"pop3": address}))


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Lines(b"+OK Dovecot ready.\r\n", {"QUIT": None}), Status.OK),
        (Lines(b"-ERR no\r\n", {}), Status.DOWN),
        (Lines(b"* OK imap\r\n", {}), Status.DOWN),
        (silent, Status.DOWN),
        (hanging_up, Status.DOWN),
        (dripping(b"+OK\r\n", 0.3), Status.DOWN),
        (endless(b"x" * 4096), Status.DOWN),
    ],
)
async def test_greetings(answer: Answer, status: Status) -> None:
    assert (await look(answer)).status is status
