"""What each command answers on the examples: exit codes, the shape of `--json`, what a person reads."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.acceptance.command import (
    AUTUMN,
    CLUB_12,
    EXAMPLES,
    MOMENTS,
    SMALL_CLUB,
    STATE_5,
    STATE_10,
    Kedge,
)

HETZNER = ("hetzner-new", "--inventory", STATE_5)
FINDING = {"rule": str, "severity": str, "thing": str, "title": str, "why": list, "fix": str, "symptoms": list}
WHAT_IF = {"lost": list, "down": list, "unrecoverable": list, "unnoticed": list, "circles": list, "plan": list}


def has_shape(answer: dict[str, Any], shape: dict[str, type]) -> bool:
    """Whether every key is there with a value of its type; more keys may be."""
    return all(isinstance(answer.get(key), kind) for key, kind in shape.items())


@pytest.mark.parametrize("path", MOMENTS, ids=lambda path: path.name)
def test_check_answers_as_promised(kedge: Kedge, path: Path) -> None:
    done = kedge("check", path, *MOMENTS[path], "--json")
    answer = done.json
    assert (done.code, done.err) == (1, "")
    assert has_shape(answer, {"now": str, "findings": list, "accepted": list, "levels": dict})
    assert answer["now"] == MOMENTS[path][1]
    for finding in answer["findings"]:
        assert has_shape(finding, FINDING)
        assert finding["severity"] in {"critical", "warning", "note"}
        assert all(isinstance(reason, str) and reason for reason in finding["why"])
        assert all(set(symptom) == {"rule", "thing"} for symptom in finding["symptoms"])
    services = yaml.safe_load((path / "kedge.yaml").read_text("utf-8"))["services"]
    assert set(answer["levels"]) == set(services)
    assert set(answer["levels"].values()) <= {0, 1, 2, 3, 4}


@pytest.mark.parametrize(
    ("path", "severity", "code"),
    [
        (STATE_5, "critical", 1),
        (STATE_5, "never", 0),
        ("web1 without a spare", "critical", 0),
        ("web1 without a spare", "warning", 1),
        ("web1 without a spare", "note", 1),
    ],
)
def test_check_fails_on_what_it_is_told(
    kedge: Kedge, tmp_path: Path, path: Path | str, severity: str, code: int
) -> None:
    if isinstance(path, str):
        path = tmp_path / "kedge.yaml"
        path.write_text(GREEN)
    assert kedge("check", path, *MOMENTS.get(path, AUTUMN), "--fail-on", severity).code == code


def test_accepted_finding_is_silent_until_its_day(kedge: Kedge, small: Path) -> None:
    with (small / "kedge.yaml").open("a", encoding="utf-8") as file:
        file.write("accepted:\n  - {rule: spof, thing: web1, why: too poor for two, by: anna, until: 2026-12-24}\n")
    before = kedge("check", small, *AUTUMN, "--json").json
    assert "spof" not in {f["rule"] for f in before["findings"]}
    (accepted,) = before["accepted"]
    assert has_shape(accepted, FINDING)
    assert (accepted["rule"], accepted["thing"]) == ("spof", "web1")
    after = kedge("check", small, "--now", "2026-12-25", "--json").json
    assert "spof" in {f["rule"] for f in after["findings"]}
    assert kedge("whatif", "web1", "-i", small, *AUTUMN, "--json").json["down"] == ["db", "wiki", "mail"]


def test_typical_club_is_told_little_and_nothing_twice(kedge: Kedge) -> None:
    findings = kedge("check", CLUB_12, "--json").json["findings"]
    said = Counter((f["rule"], f["thing"]) for f in findings)
    said.update((s["rule"], s["thing"]) for f in findings for s in f["symptoms"])
    assert len(findings) <= 7
    assert [what for what, count in said.items() if count > 1] == []


@pytest.mark.parametrize("path", [STATE_5, STATE_10, CLUB_12], ids=lambda path: path.name)
def test_record_of_a_moment_is_judged_at_that_moment(kedge: Kedge, path: Path) -> None:
    then, after = kedge("check", path, "--json").json, kedge("check", path, "--now", "2027-03-01", "--json").json
    assert (then["now"], after["now"]) == (MOMENTS[path][1], "2027-03-01T00:00:00Z")
    assert kedge("check", path, *MOMENTS[path], "--json").json == then


def test_thirty_lines_are_useful(kedge: Kedge) -> None:
    assert len((SMALL_CLUB / "kedge.yaml").read_text("utf-8").splitlines()) <= 30
    findings = kedge("check", SMALL_CLUB, *AUTUMN, "--json").json["findings"]
    assert {"spof", "bus-1"} <= {f["rule"] for f in findings}
    assert all(f["why"] and f["fix"] for f in findings)


def test_whatif_answers_as_promised(kedge: Kedge) -> None:
    done = kedge("whatif", *HETZNER, "--json")
    answer = done.json
    assert done.code == 0
    assert has_shape(answer, WHAT_IF)
    assert answer["lost"] == ["hetzner-new"]
    assert set(answer["down"]) == {"mail", "lists", "jabber", "tickets", "tickets-database"}
    assert set(answer["unnoticed"]) == set(answer["unrecoverable"]) == set(answer["down"])
    assert any({"hetzner", "hoster-mail", "mail"} <= set(circle) for circle in answer["circles"])
    assert answer["chain"] == ["hetzner", "hoster-mail", "mail", "vs-mail", "hetzner-new"]
    assert all({"step", "who", "needs", "takes"} <= set(step) for step in answer["plan"])


def test_whatif_fits_on_a_small_screen(kedge: Kedge) -> None:
    done = kedge("whatif", *HETZNER, COLUMNS="80")
    assert len(done.lines) <= 12
    assert max(map(len, done.lines)) <= 80
    assert "hetzner → hoster-mail → mail → vs-mail → hetzner-new" in done.out
    assert re.search(r"^1 +admin-server ", done.out, re.MULTILINE)
    assert "with hetzner-menu" in done.out
    assert "not before 8 January 2007, 07:00 UTC" in done.out
    assert "time unknown" in done.out


def test_people_are_told_moments_in_their_time_zone(kedge: Kedge, tmp_path: Path) -> None:
    text = (STATE_5 / "kedge.yaml").read_text("utf-8")
    zoned = text.replace("  as-of: 2007-01-05 20:00\n", "  as-of: 2007-01-05 20:00\n  time-zone: Europe/Berlin\n")
    (tmp_path / "kedge.yaml").write_text(zoned, "utf-8")
    asked = ("-i", tmp_path, *MOMENTS[STATE_5])
    assert "5 January 2007, 21:00 CET" in kedge("check", *asked).lines[0]
    for command in (("whatif",), ("before", "reboot")):
        said = " ".join(kedge(*command, "hetzner-new", *asked).out.split())
        assert "8 January 2007, 08:00 CET" in said
    assert kedge("check", *asked, "--json").json["now"] == MOMENTS[STATE_5][1]


@pytest.mark.parametrize(
    ("losses", "head"),
    [
        (["wiki:emptied"], "wiki emptied"),
        (["hoster-panel:misused"], "hoster-panel in wrong hands"),
        (["rack1", "nas", "hoster:withdrawn"], "rack1 and nas lost, hoster withdrawn"),
    ],
)
def test_whatif_takes_modes_and_several_losses(kedge: Kedge, losses: list[str], head: str) -> None:
    done = kedge("whatif", *losses, "-i", CLUB_12)
    assert done.code == 0
    assert done.lines[0].startswith(f"{head} · 21 November 2026")


@pytest.mark.parametrize(
    ("loss", "row", "key", "gone"),
    [
        ("nas", "no copy left  wiki, mail, mailboxes, cloud, forge", "without_copy", "wiki"),
        ("restic-password", "no copy left  wiki", "without_copy", "cloud"),
        ("dana", "nobody opens  registrar-login", "closed", "registrar-login"),
    ],
)
def test_loss_that_stops_nothing_is_not_called_nothing(kedge: Kedge, loss: str, row: str, key: str, gone: str) -> None:
    argv = ("whatif", loss, "-i", CLUB_12)
    assert row in kedge(*argv).out
    answer = kedge(*argv, "--json").json
    assert answer["down"] == []
    assert gone in answer[key]


def test_reboot_of_the_night_is_red_and_says_why(kedge: Kedge) -> None:
    done = kedge("before", "reboot", *HETZNER)
    assert done.code == 1
    assert done.lines[0] == "reboot hetzner-new: not yet"
    said = " ".join(done.out.split())
    for reason in (
        "NO fresh backup, proven by a restore? none:",
        "NO a second person reachable if this dies? nobody",
        "NO messages of hetzner readable if this dies? no: they go to hoster-mail, which needs hetzner-new",
        "NO support of hetzner open now? mon-fri 8-18 Europe/Berlin; next on 8 January 2007, 07:00 UTC",
        "? console or rescue way tested? nobody has tried it",
    ):
        assert reason in said
    answer = kedge("before", "reboot", *HETZNER, "--json").json
    assert answer["go"] is False
    assert {check["state"] for check in answer["checks"]} == {"red", "unknown"}
    assert "mail" in answer["down"]


GREEN = """\
organisation: {name: Club}
people:
  anna: {channels: sms anna}
  ben: {channels: phone ben}
places: {cellar: {kind: building}}
providers:
  hoster: {sells: web1, notices-to: sms anna, support-hours: always, lead-time: 1d}
accounts: {panel: {opens: hoster, held-by: [anna, ben]}}
hosts:
  web1: {login: ssh web1, changed: 2026-11-01, last-boot: 2026-11-02, console: {account: panel, tried: 2026-11-02}}
  nas: {place: cellar}
stores: {disk: {on: nas, type: folder}}
services:
  site: {kind: files, host: web1, people: [anna, ben], save: disk}
"""
GREEN_EVIDENCE = """\
version: 1
facts:
  - {thing: site, what: backup, value: snapshot 1, at: 2026-11-21 03:00, by: anna}
  - {thing: site, what: drill, value: ok rpo=1h rto=20min, at: 2026-11-01, by: anna}
"""


def test_reboot_is_green_where_all_is_known_and_well(kedge: Kedge, tmp_path: Path) -> None:
    (tmp_path / "kedge.yaml").write_text(GREEN)
    (tmp_path / "evidence.yaml").write_text(GREEN_EVIDENCE)
    done = kedge("before", "reboot", "web1", "-i", tmp_path / "kedge.yaml", *AUTUMN)
    assert (done.code, done.lines[0]) == (0, "reboot web1: go"), done.out
    (tmp_path / "evidence.yaml").unlink()
    assert kedge("before", "reboot", "web1", "-i", tmp_path / "kedge.yaml", *AUTUMN).code == 1


def test_before_is_for_hosts_and_services_only(kedge: Kedge) -> None:
    done = kedge("before", "reboot", "dana", "-i", CLUB_12)
    assert (done.code, done.out) == (2, "")
    assert "neither a host nor a service" in done.err


def test_kinds_lists_what_the_project_names(kedge: Kedge) -> None:
    answer = kedge("kinds", "--json").json
    assert all(has_shape(entry, {"kind": str, "grade": str}) for entry in answer)
    named = {"http", "mediawiki", "mariadb", "postfix", "dovecot", "bind", "mailman3", "prosody", "phpbb", "otrs"}
    assert named | {"postgresql", "files"} <= {entry["kind"] for entry in answer}
    assert {entry["grade"] for entry in answer} <= {"described", "seen", "saved", "proven", "movable"}
    assert len(kedge("kinds").lines) == len(answer)


def test_schema_accepts_every_example(kedge: Kedge) -> None:
    schema = kedge("schema").json
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    files = sorted(EXAMPLES.rglob("kedge.yaml"))
    assert len(files) >= 4
    for file in files:
        errors = validator.iter_errors(yaml.load(file.read_text("utf-8"), Loader=yaml.BaseLoader))
        assert [f"{file}: {error.json_path}: {error.message}" for error in errors] == []


def test_schema_refuses_what_check_refuses(kedge: Kedge) -> None:
    validator = Draft202012Validator(kedge("schema").json)
    assert list(validator.iter_errors({"organisation": {"name": "X"}, "hosts": {"web1": {"adress": "192.0.2.1"}}}))


def test_explain_tells_every_rule(kedge: Kedge) -> None:
    rules = [entry["rule"] for entry in kedge("explain", "--json").json]
    assert len(rules) >= 14
    assert [line.split()[0] for line in kedge("explain").lines] == rules
    (entry,) = kedge("explain", "notice-loop", "--json").json
    assert {"rule", "summary", "meaning", "decision", "remedy"} <= set(entry)
    page = kedge("explain", "notice-loop", "--language", "de")
    assert "Was zu tun ist" in page.out
    assert max(map(len, page.lines)) <= 80


def test_show_tells_what_the_files_say_and_what_hangs_on_it(kedge: Kedge) -> None:
    done = kedge("show", *HETZNER)
    assert "changed: 2007-01-04               # vservers were still being set up" in done.out
    assert re.search(r"named by .*hetzner \(sells\)", done.out)
    answer = kedge("show", *HETZNER, "--json").json
    assert answer["section"] == "hosts"
    assert re.fullmatch(r".*2007-01-05/kedge\.yaml:\d+:3", answer["place"])
    assert "mail" in answer["takes_down"]["gone"]
    assert "last-boot" in answer["unknown"]


def test_show_tells_facts_and_every_name(kedge: Kedge) -> None:
    jabber = kedge("show", "jabber", "-i", STATE_10, *MOMENTS[STATE_10])
    assert re.search(r"status +down: answers pings", jabber.out)
    names = kedge("show", "-i", CLUB_12)
    assert re.search(r"^people +dana, eli$", names.out, re.MULTILINE)
    assert kedge("show", "-i", CLUB_12, "--json").json["people"] == ["dana", "eli"]


READ_OUT = re.compile(
    r"`.*?`|\b\w+-[\w-]+|\(.*?\)|^  .*(?=\n.*genannt von)|\nEs hätte vorhergesehen.*", re.DOTALL | re.MULTILINE
)
"""What is quoted as it is: commands, keys, the user's own lines, the names of outages."""


@pytest.mark.parametrize("command", ["check", "whatif", "before", "show", "explain", "ask"])
def test_german_is_german(kedge: Kedge, command: str) -> None:
    argv: dict[str, list[str | Path]] = {
        "check": ["check", STATE_5],
        "whatif": ["whatif", *HETZNER],
        "before": ["before", "reboot", *HETZNER],
        "show": ["show", *HETZNER],
        "explain": ["explain", "bk-none"],
        "ask": ["ask", "-i", STATE_5],
    }
    done = kedge(*argv[command], LANG="de_DE.UTF-8")
    assert done.out == kedge(*argv[command], "--language", "de").out
    own = READ_OUT.sub("", done.out)
    assert re.findall(r"\b(the|and|nobody|unknown|down|lost|of|with|is|not|before|critical|warning|more)\b", own) == []


def test_looking_writes_nothing(kedge: Kedge, small: Path) -> None:
    kedge("check", small, *AUTUMN)
    assert list(kedge.home.iterdir()) == []


def test_folder_of_files_is_one_inventory(kedge: Kedge, tmp_path: Path) -> None:
    whole = yaml.load(GREEN, Loader=yaml.BaseLoader)
    folder = tmp_path / "kedge"
    folder.mkdir()
    for section, content in whole.items():
        (folder / f"{section}.yaml").write_text(json.dumps({section: content}))
    done = kedge("check", cwd=tmp_path)
    assert done.code in (0, 1), done.err
    assert done.lines[0].startswith("Club · ")


def test_inventory_is_found_where_it_is_said_to_be(kedge: Kedge, small: Path) -> None:
    expected = kedge("check", small, *AUTUMN).out
    assert kedge("check", *AUTUMN, cwd=small).out == expected
    assert kedge("check", *AUTUMN, KEDGE_INVENTORY=str(small / "kedge.yaml")).out == expected
    assert kedge("check", "-i", small, *AUTUMN).out == expected


def test_empty_inventory_is_not_called_fine(kedge: Kedge, tmp_path: Path) -> None:
    (tmp_path / "kedge.yaml").write_text("organisation: {name: X}\n")
    done = kedge("check", tmp_path)
    assert "nothing could be judged" in done.out
