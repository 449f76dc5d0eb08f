"""`ask` and `note`: what people tell kedge lands in their files, comments kept, or nothing changes."""

from __future__ import annotations

import json
from difflib import ndiff
from pathlib import Path

import pytest

from tests.acceptance.command import AUTUMN, MOMENTS, Kedge


def changed(before: str, after: str) -> list[str]:
    """The lines taken out and put in."""
    lines = ndiff(before.splitlines(), after.splitlines())
    return [line for line in lines if line[0] in "+-"]


@pytest.fixture
def inventory(club: Path) -> Path:
    return club / "kedge.yaml"


def test_ask_puts_three_questions(kedge: Kedge) -> None:
    path = next(iter(MOMENTS))
    answer = kedge("ask", "-i", path, *MOMENTS[path], "--json").json
    assert len(answer["questions"]) == 3
    assert all({"thing", "field", "question"} <= set(question) for question in answer["questions"])
    weights = [question["weight"] for question in answer["questions"]]
    assert weights == sorted(weights, reverse=True)
    done = kedge("ask", "-i", path, *MOMENTS[path])
    assert [line.split("\t")[1] for line in done.lines] == [q["question"] for q in answer["questions"]]
    assert "kedge ask --answer" in done.err
    assert len(kedge("ask", "-i", path, *MOMENTS[path], "--count", "7").lines) == 7


def test_answer_is_written_and_comments_stay(kedge: Kedge, inventory: Path) -> None:
    text = inventory.read_text("utf-8").replace("people: admins}", "people: admins}   # Anna knows more", 1)
    inventory.write_text(text, "utf-8")
    done = kedge("ask", "-i", inventory, "--answer", "website.save=nas-restic")
    assert done.code == 0, done.err
    assert str(inventory) in done.err
    old, new = changed(text, inventory.read_text("utf-8"))
    assert old.startswith("-   website:")
    assert new == f"+{old[1:].replace('people: admins}', 'people: admins, save: nas-restic}')}"
    assert "website" not in {q["thing"] for q in kedge("ask", "-i", inventory, *AUTUMN, "--json").json["questions"]}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("website.save=nas-restc", "did you mean 'nas-restic'?"),
        ("website.sav=none", "did you mean 'save'?"),
        ("websit.save=none", "did you mean 'website'?"),
        ("rack1.changed=yesterday", "expected a date such as '2007-01-05'"),
        ("website.save=", "no answer given"),
        ("website", "expected THING.FIELD=TEXT"),
        ("website.people=nobody-here", "nobody-here"),
    ],
)
def test_wrong_answer_is_refused_and_nothing_changed(kedge: Kedge, inventory: Path, answer: str, said: str) -> None:
    before = inventory.read_bytes()
    done = kedge("ask", "-i", inventory, "--answer", answer)
    assert done.code == 2
    assert said in done.err
    assert inventory.read_bytes() == before
    assert "Traceback" not in done.err


def test_answers_of_every_question_are_taken(kedge: Kedge, inventory: Path) -> None:
    """What has no field of its own becomes an entry: instructions a document, a login an account."""
    done = kedge("ask", "-i", inventory, "--json", *(
        word for answer in (
            "website.instructions=paper at space, eli", "nas.account=dana, eli", "nas.replacement=bought in a day",
            "website.people=dana, eli", "hackspace.example.expiry=2028-05-01",
        ) for word in ("--answer", answer)
    ))  # fmt: skip
    assert done.code == 0, done.err
    assert "website.people" in done.json["written"]
    shown = kedge("show", "-i", inventory, "--json").json
    assert "website-instructions" in shown["documents"]
    assert "nas-login" in shown["accounts"]
    assert "expiry: 2028-05-01" in inventory.read_text("utf-8")


def test_asked_on_a_terminal(kedge: Kedge, inventory: Path) -> None:
    before = inventory.read_text("utf-8")
    terminal = kedge.on_terminal("ask", "-i", inventory, *AUTUMN)
    terminal.wait_for("Is website saved, and where?")
    terminal.type("nas-restc\n")
    terminal.wait_for("did you mean 'nas-restic'?")
    assert inventory.read_text("utf-8") == before
    terminal.wait_for("Is website saved, and where?")
    terminal.type("nas-restic\n")
    terminal.wait_for("What would replace nas")
    terminal.type("\n")
    assert terminal.end().code == 0
    assert len(changed(before, inventory.read_text("utf-8"))) == 2


def test_measure_is_watched_until_it_ends(kedge: Kedge, inventory: Path) -> None:
    before = inventory.read_text("utf-8")
    sentence = "MX → other server because mail is down"
    argv = ("note", sentence, "--until", "2026-11-25", "--thing", "mail", "--by", "dana", "-i", inventory, *AUTUMN)
    done = kedge(*argv, "--json")
    assert done.code == 0, done.err
    name = done.json["noted"]
    after = inventory.read_text("utf-8")
    assert all(line[0] == "+" for line in changed(before, after))
    assert sentence in after

    def left(now: str) -> list[str]:
        findings = kedge("check", inventory, "--now", now, "--json").json["findings"]
        return [finding["thing"] for finding in findings if finding["rule"] == "change-left"]

    assert left("2026-11-25T23:00:00Z") == []
    assert left("2026-11-26") == [name]
    assert kedge("ask", "-i", inventory, "--answer", f"{name}.done=yes").code == 0
    assert left("2026-11-26") == []


def test_measure_without_an_end_is_a_finding_at_once(kedge: Kedge, inventory: Path) -> None:
    assert "--until" in kedge("note", "firewall off", "-i", inventory, *AUTUMN).err
    findings = kedge("check", inventory, *AUTUMN, "--json").json["findings"]
    assert ("change-left", "firewall-off") in {(f["rule"], f["thing"]) for f in findings}


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["x", "--thing", "mial"], "did you mean 'mail'"),
        (["x", "--until", "tomorrow"], "expected a date"),
        (["x", "--until", "2026-11-01"], "already past"),
        (["x", "--works", "root-login"], "either a sentence or --works"),
        ([], "either a sentence or --works"),
        (["--works", "root-logn"], "did you mean 'root-login'"),
        (["--works", "wiki", "--by", "dana"], "'wiki' is not an account"),
        (["--works", "root-login"], "held by dana, eli"),
        (["--works", "root-login", "--by", "anna"], "people: dana, eli"),
    ],
)
def test_note_refuses_what_cannot_be_meant(kedge: Kedge, club: Path, argv: list[str], said: str) -> None:
    before = {file.name: file.read_bytes() for file in club.iterdir()}
    done = kedge("note", *argv, "-i", club, *AUTUMN)
    assert done.code == 2
    assert said in done.err
    assert {file.name: file.read_bytes() for file in club.iterdir()} == before


def test_attested_access_reaches_level_1(kedge: Kedge, tmp_path: Path) -> None:
    inventory = tmp_path / "kedge.yaml"
    inventory.write_text(
        "organisation: {name: Club}\n"
        "people: {anna: {channels: sms anna}, ben: {channels: sms ben}}\n"
        "hosts: {web1: {}}\n"
        "accounts: {web1-root: {opens: web1, held-by: [anna, ben]}}\n"
        "services: {site: {kind: static-site, host: web1, people: [anna, ben]}}\n"
    )

    def level() -> int:
        levels = kedge("check", inventory, *AUTUMN, "--json").json["levels"]
        return int(levels["site"])

    assert level() == 0
    assert kedge("note", "--works", "web1-root", "--by", "anna", "-i", inventory, *AUTUMN).code == 0
    assert level() == 0
    done = kedge("note", "--works", "web1-root", "--by", "ben", "-i", inventory, *AUTUMN)
    assert str(tmp_path / "evidence.yaml") in done.err
    assert level() >= 1
    assert kedge("check", inventory, "--now", "2028-01-01", "--json").json["levels"]["site"] == 0


def test_attesting_keeps_the_comments_of_evidence(kedge: Kedge, club: Path) -> None:
    evidence = club / "evidence.yaml"
    text = f"# what we saw\n{evidence.read_text('utf-8')}"
    evidence.write_text(text, "utf-8")
    assert kedge("note", "--works", "root-login", "--by", "dana", "-i", club, *AUTUMN).code == 0
    (new,) = changed(text, evidence.read_text("utf-8"))
    assert "root-login" in new
    assert json.dumps("works/dana")[1:-1] in new
