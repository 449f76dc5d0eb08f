"""`kedge alerts setup`: one question, one line more in the inventory, and a test that arrives."""

from __future__ import annotations

import re
from difflib import ndiff
from pathlib import Path

import pytest

from tests.acceptance.command import Kedge
from tests.integration.watch.receiver import receiving

TEXT = """\
# Ours since 2004.
organisation: {name: Club}   # registered
people:
  anna: {skills: everything}   # reachable at night, too
services:
  wiki: {kind: http, url: "https://wiki.example.org", people: anna}
"""
TWO = TEXT.replace("services:\n", "  bert: {channels: [sms bert]}   # by day\nservices:\n")
TOPIC = r"ntfy kedge-[a-z2-7]{16}"


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    path = tmp_path / "kedge.yaml"
    path.write_text(TEXT)
    return path


def changed(before: str, path: Path) -> list[str]:
    """The lines taken out and put in."""
    return [line for line in ndiff(before.splitlines(), path.read_text().splitlines()) if line[0] in "+-"]


def test_one_question_and_it_works(kedge: Kedge, inventory: Path) -> None:
    with receiving() as received:
        url = f"http://127.0.0.1:{received.port}/alarm"
        terminal = kedge.on_terminal("alerts", "setup", "-i", inventory, "--language", "en", columns=200)
        terminal.wait_for("Where should alerts go? [ntfy kedge-")
        terminal.type("call anna\n")
        terminal.wait_for("'call anna' is nowhere that kedge can send to")
        terminal.wait_for("Where should alerts go?")
        terminal.type(f"{url}\n")
        terminal.wait_for("+  anna: {skills: everything, channels: ")
        terminal.wait_for("sent")
        terminal.wait_for("Next: kedge watch")
        assert terminal.end().code == 0
        (post,) = received.at("/alarm")
    assert (post["to"], post["kind"]) == ("anna", "test")
    old, new = changed(TEXT, inventory)
    assert old == "-   anna: {skills: everything}   # reachable at night, too"
    assert new == f"+   anna: {{skills: everything, channels: webhook {url}}}   # reachable at night, too"


def test_enter_takes_a_topic_that_nobody_guesses(kedge: Kedge, inventory: Path) -> None:
    topics = set()
    for _ in range(2):
        inventory.write_text(TEXT)
        terminal = kedge.on_terminal("alerts", "setup", "-i", inventory, "--no-test", "--language", "de", columns=200)
        terminal.wait_for("Wohin sollen Alarme gehen?")
        terminal.type("\n")
        terminal.wait_for("in der ntfy-App")
        assert terminal.end().code == 0
        (found,) = re.findall(TOPIC, inventory.read_text())
        topics.add(found)
    assert len(topics) == 2


def test_an_interrupted_question_writes_nothing(kedge: Kedge, inventory: Path) -> None:
    terminal = kedge.on_terminal("alerts", "setup", "-i", inventory)
    terminal.wait_for("[ntfy kedge-")
    assert terminal.interrupt().code == 130
    assert inventory.read_text() == TEXT


def test_of_several_people_one_is_asked_for(kedge: Kedge, inventory: Path) -> None:
    inventory.write_text(TWO)
    terminal = kedge.on_terminal("alerts", "setup", "-i", inventory, "--no-test", "--language", "en", "ntfy")
    terminal.wait_for("For whom? (anna, bert) [anna]:")
    terminal.type("bert\n")
    assert terminal.end().code == 0
    lines = changed(TWO, inventory)
    assert re.fullmatch(rf"\+   bert: {{channels: \[sms bert, {TOPIC}\]}}   # by day", lines[1]), lines
    assert lines[2:] == ["+ alerts:", "+   tell: bert"], "who is responsible for nothing would hear of nothing"


def test_the_first_person_may_be_new(kedge: Kedge, inventory: Path) -> None:
    inventory.write_text("organisation: {name: Club}\n")
    done = kedge("alerts", "setup", "--for", "carla", "carla@home.example", "--no-test", "-i", inventory)
    assert done.code == 0, done.err
    assert "channels: mail carla@home.example" in inventory.read_text()


@pytest.mark.parametrize(
    ("answer", "channel"),
    [
        ("ntfy", TOPIC),
        ("club-alarm-7f3k9q", "ntfy club-alarm-7f3k9q"),
        ("https://ntfy.example.org/club", "ntfy https://ntfy.example.org/club"),
        ("https://hooks.example.org/x?y=z", r"webhook https://hooks\.example\.org/x\?y=z"),
        ("anna@home.example", "mail anna@home.example"),
        ("mailto:anna@home.example", "mail anna@home.example"),
        ("xmpp anna@jabber.example", "xmpp anna@jabber.example"),
        ("xmpp:anna@jabber.example", "xmpp anna@jabber.example"),
        ("apprise file:/etc/kedge/url", "apprise file:/etc/kedge/url"),
        ("exec notify-send kedge", "exec notify-send kedge"),
    ],
)
def test_where_in_many_words(kedge: Kedge, inventory: Path, answer: str, channel: str) -> None:
    done = kedge("alerts", "setup", "-i", inventory, "--dry-run", "--json", *answer.split())
    assert done.code == 0, done.err
    assert re.fullmatch(channel, done.json["channel"])
    assert any(line.startswith("+  anna: {skills: everything, channels: ") for line in done.json["difference"])
    assert (done.json["written"], done.json["tests"]) == (False, [])
    assert inventory.read_text() == TEXT


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "nobody said where alerts should go"),
        (("sms", "anna"), "kedge itself cannot send by 'sms'"),
        (("mail", "anna"), "'anna' is no address for mail"),
        (("ntfy", "two words"), "'two words' is no address for ntfy"),
        (("webhook", "ftp://x.example"), "'ftp://x.example' is no address for webhook"),
        (("apprise", "tgram://key/chat"), "is no address for apprise"),
        (("--for", "ana", "ntfy"), "did you mean 'anna'?"),
        (("--for", "wiki", "ntfy"), "'wiki' is no person of the inventory"),
    ],
)
def test_what_cannot_be_meant(kedge: Kedge, inventory: Path, words: tuple[str, ...], said: str) -> None:
    done = kedge("alerts", "setup", "-i", inventory, *words)
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err
    assert inventory.read_text() == TEXT


def test_without_a_terminal_several_people_are_no_guess(kedge: Kedge, inventory: Path) -> None:
    inventory.write_text(TWO)
    done = kedge("alerts", "setup", "-i", inventory, "ntfy")
    assert done.code == 2
    assert "--for anna; there are: anna, bert" in done.err


def test_a_way_that_does_not_work_is_told(kedge: Kedge, inventory: Path) -> None:
    with receiving(status=500) as received:
        done = kedge("alerts", "setup", "-i", inventory, f"http://127.0.0.1:{received.port}/")
    assert done.code == 1
    assert "NOT SENT" in done.out
    assert "kedge alerts test anna" in done.err


def test_a_second_time_changes_nothing(kedge: Kedge, inventory: Path) -> None:
    words = ("alerts", "setup", "-i", inventory, "--no-test", "--language", "en", "ntfy", "club-alarm-7f3k9q")
    assert kedge(*words).code == 0
    text = inventory.read_text()
    done = kedge(*words)
    assert (done.code, inventory.read_text()) == (0, text)
    assert "says so already" in done.err
