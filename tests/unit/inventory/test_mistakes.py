"""Every mistake stands where it was made, says what was found and expected, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.unit.inventory.test_read import mistakes

HEAD = "organisation: {name: X}\n"

SYNTAX = [
    ("hosts:\n\tweb1: {}\n", "3:1", "a tab stands in the indentation"),
    ("hosts:\n  web1:\n\t  system: x\n", "4:1", "a tab stands in the indentation"),
    ("hosts:\n  web1:\n    system: Debian: 12\n", "4:19", "put the value in quotes"),
    ("hosts:\n  web1:\n    system:Debian\n    login: x\n", "4:5", "is a ':' missing, or the space after it?"),
    ("hosts:\n  web1:\n    system Debian\n    login: x\n", "4:5", "is a ':' missing, or the space after it?"),
    ("hosts:\n  web1:\n    system: 'Debian\n    login: x\n", "4:13", "this quotation mark is never closed: add '"),
    ('hosts:\n  web1:\n    system: "Debian\n  web2: {}\n', "4:13", 'this quotation mark is never closed: add "'),
    ("hosts:\n  web1:\n    system: 'it's'\n", "4:17", "text follows a closing quotation mark"),
    ('hosts:\n  web1:\n    system: "C:\\Windows"\n', "4:16", "use single quotes here"),
    ("hosts:\n  web1:\n    address: [a, b\n    login: x\n", "4:14", "this '[' is never closed"),
    ("hosts:\n  web1: {address: [a, b}\n", "3:19", "this '[' is never closed"),
    ("hosts:\n  web1: {system: x\n", "3:9", "this '{' is never closed"),
    ("hosts:\n  web1: {system: x}}\n", "3:20", "this '}' closes or parts nothing"),
    ("hosts:\n  web1:\n    login: @web1\n", "4:12", "a text may not begin with '@': put it in quotes"),
    ("hosts:\n  web1:\n    login: `web1`\n", "4:12", "a text may not begin with '`': put it in quotes"),
    ("hosts:\n  web1:\n    login: *.example.org\n", "4:12", "a text may not begin with '*': put it in quotes"),
    ("hosts:\n  web1:\n    login: *web1\n", "4:12", "anchors and aliases"),
    ("hosts:\n  web1: &a {}\n", "3:9", "anchors and aliases"),
    ("hosts:\n  <<: {web2: {}}\n", "3:3", "merges (<<) are not part"),
    ("hosts:\n  web1: {system: !x y}\n", "3:18", "tags (!) are not part of the language"),
    ("hosts:\n  web1:\n     system: x\n    login: y\n", "5:5", "the indentation of this line fits no line above"),
    ("hosts:\n  web1:\n    system: x\n      login: y\n", "5:7", "indented deeper than its neighbours"),
    ("hosts:\n  web1:\n    address: - a\n", "4:14", "a list item cannot begin here"),
    ("hosts:\n  web1:\n    address:\n      - a\n      b: c\n", "6:7", "here a list ('- ') and keys ('key:') are mixed"),
    ("hosts: {}\n---\nservices: {}\n", "3:1", "a second document begins here"),
    ("hosts:\n  web1: {}\n  web1: {}\n", "4:3", "'web1' stands twice here, first in line 3"),
    ("hosts:\n  web1:\n    login: x\n    login: y\n", "5:5", "'login' stands twice here, first in line 4"),
    ("hosts: {}\nhosts: {}\n", "3:1", "'hosts' stands twice here, first in line 2"),
    ("hosts:\n  [a]: {}\n", "3:3", "a key must be plain text"),
    ('hosts:\n  web1: {system: "a\\0b"}\n', "3:18", "an unprintable character"),
    ("hosts:\n  web1: {system: a\x07b}\n", "3:19", "an invisible character (U+0007)"),
    ("hosts:\n  wéb\u200b1: {}\n", "3:3", "'wéb\u200b1' cannot be a name"),
    ("hosts:\n  web1: {system: ä\u2028b}\n", "3:19", "an invisible character (U+2028)"),
    ("hosts: " + "[" * 40 + "]" * 40 + "\n", "2:39", "too many levels"),
]  # fmt: skip

MEANING = [
    ("version: 2\n", "2:10", "reads inventories of version 1, found '2'"),
    ("hots: {}\n", "2:1", "unknown section 'hots'; did you mean 'hosts'?"),
    ("servers: {}\n", "2:1", "did you mean 'hosts'"),
    ("hosts: [web1]\n", "2:8", "expected names below 'hosts' ('name:' and its fields), found a list"),
    ("hosts: web1\n", "2:8", "expected names below 'hosts' ('name:' and its fields), found 'web1'"),
    ("hosts:\n  web1: Debian\n", "3:9", "expected the fields of host 'web1' below it ('key: value'), found 'Debian'"),
    ("hosts:\n  web 1: {}\n", "3:3", "'web 1' cannot be a name"),
    ("hosts:\n  unknown: {}\n", "3:3", "'unknown' has a meaning of its own"),
    ("people:\n  anna: {hours: mon-fri 9-17 Berlin}\n", "3:17", "found 'Berlin'; did you mean 'Europe/Berlin'?"),
    ("hosts:\n  web1: {os: Debian}\n", "3:10", "unknown key 'os' for a host; did you mean 'system'"),
    ("hosts:\n  web1: {last_boot: x}\n", "3:10", "unknown key 'last_boot' for a host; did you mean 'last-boot'?"),
    ("hosts:\n  web1: {login:x}\n", "3:10", "unknown key 'login:x' for a host; is a space missing after ':'?"),
    ("hosts:\n  web1: {volumes: {root: {siez: 20 GB}}}\n", "3:27", "unknown key 'siez' under 'volumes'; did you mean 'size'?"),
    ("hosts:\n  web1: {volumes: {root: 20 GB}}\n", "3:26", "expected a mapping ('key: value' below it), found '20 GB'"),
    ("hosts:\n  web1: {volumes: {root: {size: big}}}\n", "3:33", "expected a size such as '20 GB', found 'big'"),
    ("hosts:\n  web1: {login: [a]}\n", "3:17", "expected a single value, found a list"),
    ("hosts:\n  web1: {address: {a: b}}\n", "3:19", "expected a single value, found a mapping"),
    ("hosts:\n  web1: {last-boot: yesterday}\n", "3:21", "expected a date such as '2007-01-05'"),
    ("hosts:\n  web1: {guest-of: web2}\n", "3:20", "no host is called 'web2'; did you mean 'web1'?"),
    ("hosts:\n  web1: {guest-of: null}\n", "3:20", "write []"),
    ("hosts:\n  web1: {guest-of: web1}\n", "3:20", "a host cannot be 'guest-of' itself: web1 → web1"),
    ("hosts:\n  a: {guest-of: b}\n  b: {guest-of: a}\n", "3:17", "'guest-of' goes in a ring: a → b → a"),
    ("places:\n  a: {in: b}\n  b: {in: [c]}\n  c: {in: a}\n", "3:11", "'in' goes in a ring: a → b → c → a"),
    ("stores:\n  a: {follows: b}\n  b: {follows: a}\n", "3:16", "'follows' goes in a ring: a → b → a"),
    ("hosts:\n  web1: {place: anna}\npeople:\n  anna: {}\n", "3:17", "'anna' is a person, but 'place' names a place"),
    ("hosts:\n  web1: {needs: {runs: web1}}\n", "3:18", "unknown key 'runs' under 'needs'; did you mean 'run'"),
    ("hosts:\n  web1: {needs: [{at-least: 2, of: [web1]}]}\n", "3:18", "needs at least 2 of only 1"),
    ("hosts:\n  web1: {needs: [{at-least: x, of: [web1]}]}\n", "3:29", "expected a whole number, found 'x'"),
    ("hosts:\n  web1: {needs: [{of: [web1]}]}\n", "3:18", "'at-least' is missing here"),
    ("hosts:\n  web1: {needs: [{any: []}]}\n", "3:24", "expected at least 1 entries here, found 0"),
    ("hosts:\n  web1: {needs: [[web1]]}\n", "3:18", "expected a single value, found a list"),
    ("hosts:\n  web1: {needs: {run: [{any: [{any: [nothere]}]}]}}\n", "3:38", "no thing is called 'nothere'"),
    ("services:\n  wiki: {}\n", "3:3", "service 'wiki' lacks its 'kind'"),
    ("services:\n  wiki: {kind: [a]}\n", "3:16", "unknown kind a list"),
    ("services:\n  wiki: {kind: mediawki}\n", "3:16", "unknown kind 'mediawki'; did you mean 'mediawiki'?"),
    ("services:\n  wiki: {kind: mediawiki, prot: 80}\n", "3:27", "unknown key 'prot' for kind mediawiki"),
    ("services:\n  wiki: {kind: mediawiki, starts: byhand}\n", "3:35", "expected one of by-itself, by-hand; found 'byhand'; did you mean 'by-hand'"),
    ("services:\n  wiki: {kind: mediawiki, at-least: 0}\n", "3:37", "expected at least 1, found '0'"),
    ("services:\n  wiki: {kind: mediawiki, public: maybe}\n", "3:35", "expected 'yes' or 'no', found 'maybe'"),
    ("services:\n  wiki: {kind: mediawiki, save: {every: 1d}}\n", "3:27", "'to' is missing here: add 'to: …'"),
    ("services:\n  wiki: {kind: mediawiki, save: nas}\n", "3:33", "no store is called 'nas'; declare it under `stores`"),
    ("services:\n  wiki: {kind: mediawiki, database: mail}\n  mail: {kind: postfix}\n  db: {kind: mariadb}\n", "3:37", "found one of kind postfix; did you mean 'db'?"),
    ("domains:\n  example.org: {zone: {www: A 192.0.2}}\n", "3:29", "'A 192.0.2' is not a valid A record"),
    ("domains:\n  example.org: {zone: {www: 192.0.2.1}}\n", "3:29", "expected a record such as 'A 192.0.2.10'"),
    ("domains:\n  example.org: {zone: {www: [A 192.0.2.1, MX mail]}}\n", "3:43", "'MX mail' is not a valid MX record"),
    ("domains:\n  example.org: {zone: {www: AA 192.0.2.1}}\n", "3:29", "'AA' is no type of DNS record"),
    ("domains:\n  example.org: {zone: {a..b: A 192.0.2.1}}\n", "3:24", "'a..b' cannot be the name of a record"),
    ("people:\n  anna: {channels: mial a@example.org}\n", "3:20", "did you mean 'mail'"),
    ("people:\n  anna: {channels: a@example.org}\n", "3:20", "did you mean 'mail a@example.org'?"),
    ("people:\n  anna: {channels: [+49 30 1234]}\n", "3:21", "did you mean 'sms +49 30 1234'"),
    ("people:\n  anna: {channels: [mail anna]}\n", "3:21", "expected a mail address after 'mail', found 'anna'"),
    ("channels:\n  desk: fax 1234\n", "3:9", "'fax' is no type of channel"),
    ("people:\n  anna: {away: soon}\n", "3:16", "expected 'until 2007-02-01'"),
    ("people:\n  anna: {sure: {left: surely}}\n", "3:23", "expected one of measured, attested"),
    ("teams:\n  a: {members: [anna, bert]}\npeople:\n  anna: {}\n", "3:23", "no person is called 'bert'"),
    ("people:\n  a: {}\nteams:\n  a: {}\n", "5:3", "the name 'a' is taken in people at "),
    ("limits:\n  a: {value: many}\n", "3:14", "expected a number, found 'many'"),
    ("limits:\n  a: {value: nan}\n", "3:14", "expected a number, found 'nan'"),
    ("accepted:\n  - {rule: bus-1, why: x, by: anna}\npeople:\n  anna: {}\n", "3:5", "'until' is missing here"),
    ("accepted: bus-1\n", "2:11", "expected a list of accepted findings"),
    ("accepted: [bus-1]\n", "2:12", "expected 'rule: …' and its fields, found 'bus-1'"),
    ("alerts: [anna]\n", "2:9", "expected the fields of 'alerts' below it"),
    ("alerts: {tell: anna}\n", "2:16", "no person or team is called 'anna'"),
]  # fmt: skip

SECRET = [
    ("accounts:\n  a: {password: Hunter2x}\n", "3:17"),
    ("accounts:\n  a: {api-key: Hunter2x}\n", "3:16"),
    ("accounts:\n  a: {needs: {token: Hunter2x}}\n", "3:22"),
    ("accounts:\n  a: {url: 'https://me:Hunter2x@example.org/'}\n", "3:12"),
    ("accounts:\n  a: {factors: Hunter2x}\n", "3:16"),
    ("accounts:\n  a: {factors: [Hunter2x]}\n", "3:17"),
    ("stores:\n  a: {passphrase: Hunter2x}\n", "3:19"),
    ("stores:\n  a: {repository: 'sftp://me:Hunter2x@example.org'}\n", "3:19"),
    ("secrets:\n  a: Hunter2x\n", "3:6"),
    ("secrets:\n  a: {from: Hunter2x}\n", "3:13"),
    ("secrets:\n  a: {value: Hunter2x}\n", "3:7"),
    ("secrets:\n  a: {secret: [Hunter2x]}\n", "3:7"),
    ("hosts:\n  a:\n    password:Hunter2x\n", "4:5"),
    ("hosts:\n  a:\n    password: 'Hunter2x\n", "4:15"),
]


@pytest.mark.parametrize(("text", "at", "says"), SYNTAX + MEANING, ids=lambda value: repr(value)[:60])
def test_one_mistake_is_one_message_at_its_place(tmp_path: Path, text: str, at: str, says: str) -> None:
    found = mistakes(tmp_path, HEAD + text)
    assert len(found) == 1, found
    assert found[0].startswith(f"{at}: "), found
    assert says in found[0], found


@pytest.mark.parametrize(("text", "at", "says"), SYNTAX, ids=lambda value: repr(value)[:60])
def test_places_are_the_same_without_libyaml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, at: str, says: str
) -> None:
    monkeypatch.delattr(yaml, "CSafeLoader")
    assert [each.split(": ")[0] for each in mistakes(tmp_path, HEAD + text)] == [at]


@pytest.mark.parametrize(("text", "at"), SECRET)
def test_a_secret_is_refused_and_never_shown(tmp_path: Path, text: str, at: str) -> None:
    found = mistakes(tmp_path, HEAD + text)
    assert [each.split(": ")[0] for each in found] == [at], found
    assert "Hunter2x" not in "".join(found)


def test_a_mistyped_time_zone_names_the_right_one(tmp_path: Path) -> None:
    (said,) = mistakes(tmp_path, "organisation: {name: X, time-zone: Europe/Belin}\n")
    assert "1:36" in said
    assert "expected a time zone such as 'Europe/Berlin', found 'Europe/Belin'; did you mean 'Europe/Berlin'" in said


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "- a\n", "just words\n", "hosts: {}\n", "organisation:\n", "organisation: X\n"]
)
def test_an_inventory_says_whose_it_is(tmp_path: Path, text: str) -> None:
    assert len(mistakes(tmp_path, text)) == 1


def test_all_mistakes_of_a_thing_are_told_at_once(tmp_path: Path) -> None:
    text = """\
services:
  wiki:
    kind: mediawki
    host: web2
    save: {to: nas, evry: 1d}
    people: [anna
    starts: sometimes
    at-least: two
hosts:
  web1: {}
"""
    assert [each.split(": ")[0] for each in mistakes(tmp_path, HEAD + text)] == [
        "4:11", "5:11", "6:16", "6:21", "7:13", "8:13", "9:15",
    ]  # fmt: skip


def test_what_was_cut_out_is_not_missed_elsewhere(tmp_path: Path) -> None:
    text = "hosts:\n  web1:\n    system: @x\n  web2: {\nservices:\n  wiki: {kind: http, host: [web1, web2]}\n"
    text += "  mail:\n    kind: @postfix\n    host: web1\n"
    assert [each.split(": ")[0] for each in mistakes(tmp_path, HEAD + text)] == ["4:13", "5:9", "9:11"]


def test_a_thousand_wrong_names_are_a_thousand_mistakes(tmp_path: Path) -> None:
    hosts = "".join(f"  h{number}: {{guest-of: x{number}}}\n" for number in range(1000))
    assert len(mistakes(tmp_path, f"{HEAD}hosts:\n{hosts}")) == 1000


def test_pydantic_does_not_speak(tmp_path: Path) -> None:
    found = [line for text, _, _ in SYNTAX + MEANING for line in mistakes(tmp_path, HEAD + text)]
    for words in (
        "Input should",
        "validation",
        "pydantic.dev",
        "valid string",
        "type=",
        "mapping values are not allowed",
    ):
        assert [line for line in found if words in line] == []
