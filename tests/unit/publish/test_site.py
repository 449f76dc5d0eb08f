"""The pages: both editions, both languages, hostile input, the same bytes for the same input."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from kedge.model.facts import Fact
from kedge.model.finding import Finding, Severity, Symptom, Text
from kedge.model.inventory import Inventory, Mark, Sections, Unknown
from kedge.model.observation import Observation, Status
from kedge.publish import site, wording
from kedge.publish.private_texts import PRIVATE
from kedge.publish.render import anchor
from kedge.publish.site import publish_site
from kedge.publish.texts import COUNTED, PUBLIC
from tests.unit.publish.club import (
    NOW,
    club,
    club_facts,
    club_findings,
    club_looks,
    drilled,
    facts,
    insiders_club,
    inventory,
    looks,
    service,
)
from tests.unit.publish.page import Page

HOSTILE = "</p><script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7*7 }}{% x %}{0}&lt;\u202e\x00\ud800%s"
LONG = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen" * 3


def read(folder: Path, name: str) -> Page:
    return Page((folder / name).read_text(encoding="utf-8"))


def write(out: Path, whole: Inventory, *, private: bool = False, **more: Any) -> Path:
    publish_site(whole, more.pop("facts", facts()), out=out, private=private, **more)
    return out


def hostile() -> Inventory:
    return Inventory(
        Sections.model_validate(
            {
                "organisation": {"name": HOSTILE, "url": "javascript:alert(1)", "contact": HOSTILE},
                "services": {
                    HOSTILE: service(
                        title=HOSTILE, about=HOSTILE, people=[HOSTILE, "team" + HOSTILE], domains=[HOSTILE]
                    ),
                    "b": service(host=HOSTILE, save=HOSTILE, people="b" + HOSTILE),
                },
                "people": {
                    HOSTILE: {"title": HOSTILE, "public": True, "channels": [HOSTILE], "skills": [HOSTILE]},
                    "b" + HOSTILE: {"public": True},
                },
                "teams": {"team" + HOSTILE: {"title": HOSTILE, "about": HOSTILE, "members": [HOSTILE]}},
                "hosts": {
                    "h" + HOSTILE: {"address": HOSTILE, "about": HOSTILE, "volumes": {HOSTILE: {"size": "1 GB"}}}
                },
                "accounts": {"a" + HOSTILE: {"held-by": HOSTILE, "url": "javascript:alert(1)"}},
                "accepted": [{"rule": HOSTILE, "thing": HOSTILE, "why": HOSTILE, "by": HOSTILE, "until": "2008-01-01"}],
            }
        ),
        (Unknown(HOSTILE, HOSTILE, Mark(HOSTILE, 1, 1)),),
        source=HOSTILE,
    )


def hostile_finding() -> Finding:
    text = Text(HOSTILE, HOSTILE)
    return Finding(HOSTILE, HOSTILE, Severity.NOTE, text, (text,), text, (), NOW, (Symptom(HOSTILE, HOSTILE),))


@pytest.mark.parametrize("private", [False, True])
def test_hostile_strings_stay_text(private: bool, tmp_path: Path) -> None:
    known = facts(Fact("b", "drill", HOSTILE, NOW), Fact(HOSTILE, "observation", HOSTILE, NOW))
    looked = {HOSTILE: Observation(Status.OK, HOSTILE), "b": Observation(Status.OK, HOSTILE)}
    out = write(
        tmp_path / "site", hostile(), private=private, facts=known, findings=[hostile_finding()], statuses=looked
    )
    for path in out.glob("*.html"):
        page = Page(path.read_text(encoding="utf-8"))
        assert not {"script", "img", "iframe", "object"} & {tag for tag, _ in page.tags}
        assert not [name for _, found in page.tags for name in found if name.startswith("on") or name == "style"]
        assert not [link for link in page.values("href") if re.match(r"\s*(javascript|vbscript)", link, re.IGNORECASE)]
        assert "{{ 7*7 }}{% x %}{0}&lt;%s" in page.text
        assert not set("\u202e\x00\ud800") & set(page.source)


@pytest.mark.parametrize("private", [False, True])
def test_the_same_input_gives_the_same_bytes(private: bool, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, insiders_club(), private=private, facts=club_facts(), findings=club_findings())
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two


@pytest.mark.parametrize(("private", "stem"), [(False, "index"), (True, "private")])
def test_each_page_says_its_language_and_leads_to_the_other(private: bool, stem: str, tmp_path: Path) -> None:
    out = write(tmp_path / "site", club(), private=private)
    for language, other in (("en", "de"), ("de", "en")):
        page = read(out, f"{stem}.{language}.html")
        assert page.all("html") == [{"lang": language}]
        alternates = {link["hreflang"]: link["href"] for link in page.all("link") if link["rel"] == "alternate"}
        assert alternates == {"en": f"{stem}.en.html", "de": f"{stem}.de.html", "x-default": f"{stem}.html"}
        assert [link["href"] for link in page.all("a") if link.get("hreflang")] == [f"{stem}.{other}.html"]


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_first_page_is_in_the_language_of_the_organisation(language: str, tmp_path: Path) -> None:
    out = write(tmp_path / "site", inventory({}, organisation={"name": "Club", "language": language}))
    assert (out / "index.html").read_bytes() == (out / f"index.{language}.html").read_bytes()


@pytest.mark.parametrize("private", [False, True])
def test_every_link_leads_somewhere_and_nothing_is_fetched(private: bool, tmp_path: Path) -> None:
    out = write(
        tmp_path / "site", insiders_club(), private=private, facts=club_facts(), findings=club_findings(),
        statuses=club_looks(),
    )  # fmt: skip
    for path in out.glob("*.html"):
        page = Page(path.read_text(encoding="utf-8"))
        ids = page.values("id")
        assert len(ids) == len(set(ids))
        for link in (found["href"] for found in page.all("a")):
            local = link.startswith("#") and link[1:] in ids
            assert local or (out / link).is_file() or link.startswith(("https://", "mailto:")), link
        assert not page.values("src")
        assert {link["rel"] for link in page.all("link")} == {"alternate", "icon"}
        assert "url(" not in page.source
        assert "@import" not in page.source


def test_the_policy_allows_the_style_sheet_and_nothing_else(tmp_path: Path) -> None:
    page = read(write(tmp_path / "site", club()), "index.html")
    policy = next(meta["content"] for meta in page.all("meta") if "http-equiv" in meta)
    style = re.search(r"<style>(.*?)</style>", page.source, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy.split("; ") == [
        "default-src 'none'", f"style-src 'sha256-{digest}'", "img-src data:", "base-uri 'none'", "form-action 'none'",
    ]  # fmt: skip


@pytest.mark.parametrize("private", [False, True])
def test_a_page_has_landmarks_and_headings_in_order(private: bool, tmp_path: Path) -> None:
    out = write(tmp_path / "site", insiders_club(), private=private, facts=club_facts(), findings=club_findings())
    for path in out.glob("*.html"):
        page = Page(path.read_text(encoding="utf-8"))
        tags = [tag for tag, _ in page.tags]
        assert [tags.count(tag) for tag in ("header", "main", "footer", "h1", "title")] == [1, 1, 1, 1, 1]
        levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
        assert all(after - before <= 1 for before, after in pairwise(levels)), levels
        labelled = [section["aria-labelledby"] for section in page.all("section")]
        assert set(labelled) <= set(page.values("id"))


def test_a_private_page_says_so_everywhere(tmp_path: Path) -> None:
    out = write(tmp_path / "site", insiders_club(), private=True, findings=club_findings())
    names = [path.name for path in out.glob("[!.]*")]
    assert sorted(names) == ["private.de.html", "private.en.html", "private.html"]
    for name, mark in (("private.en.html", "Private edition"), ("private.de.html", "Private Ausgabe")):
        page = read(out, name)
        assert page.text.count(mark) == 3
        assert any(meta.get("name") == "robots" and "noindex" in meta["content"] for meta in page.all("meta"))


def test_the_private_edition_shows_everything(tmp_path: Path) -> None:
    out = write(
        tmp_path / "site", insiders_club(), private=True, facts=club_facts(), findings=club_findings(),
        levels={"wiki": 1}, statuses=club_looks(),
    )  # fmt: skip
    text = read(out, "private.en.html").text
    for said in (
        "Password vault", "Ben Muster", "away until 1 February 2007", "sms 0151000001", "192.0.2.10",
        "ssh root@192.0.2.10", "mon-fri 8-18", "18.4 GB", "300 MB/d", "mail runs on web1",
        "Use the 140 GB that no partition uses", "alert-loop",
        "1 of 4", "fresh copies in a store", "save (club.yaml:12:5), host (club.yaml:13:5)",
        "closed for good in spring",
        "2006-06-01 04:12", "A 192.0.2.10", "/srv/backup", "Read from club.yaml.",
    ):  # fmt: skip
        assert said in text, said


def test_what_is_missing_is_said_in_the_words_of_whoever_judged(tmp_path: Path) -> None:
    asked = {"wiki": Text("a drill since May", "eine Übung seit Mai")}
    out = write(tmp_path / "site", insiders_club(), private=True, levels={"wiki": 2}, missing=asked)
    assert "To level 3 a drill since May" in read(out, "private.en.html").text
    assert "Bis Stufe 3 eine Übung seit Mai" in read(out, "private.de.html").text


def test_the_matrix_says_who_and_how(tmp_path: Path) -> None:
    page = read(write(tmp_path / "site", insiders_club(), private=True), "private.en.html").text
    tickets = page[page.index("Questions to the board 3") :]
    assert tickets.startswith("Questions to the board 3 ● responsible ○ through a team ○ through a team Calendar ?")


def test_the_public_page_reads_like_this(tmp_path: Path) -> None:
    out = write(tmp_path / "site", club(), facts=club_facts(), statuses=club_looks())
    english, german = read(out, "index.en.html").text, read(out, "index.de.html").text
    assert "Eight services, looked after by four people. Four work One is limited One is down" in english
    assert "Restore proven for 3 of 7 Help wanted for 2 As of 5 January 2007, 20:00 UTC" in english
    assert "Questions to the board Status Not known worked five hours ago" in english
    assert "Chat only one person Calendar nobody recorded To help, write to it@example.org ." in english
    assert "Acht Dienste, betreut von vier Personen. Vier laufen Einer ist gestört" in german
    assert "Wiederherstellung erprobt 3. Januar 2007 vor zwei Tagen" in german
    assert "Zuständig Web team Anna Beispiel, Caro und eine weitere" in german


@pytest.mark.parametrize(
    ("services", "seen", "said"),
    [
        ({}, {}, "No service is listed here yet."),
        ({"wiki": "anna"}, {}, "One service, looked after by one person. Whether it works is not observed yet."),
        ({"wiki": None}, {"wiki": "ok"}, "One service. Nobody is recorded as responsible yet. It works."),
        (
            {"a": "anna", "b": "anna"},
            {"a": "ok", "b": "ok"},
            "Two services, looked after by one person. All of them work.",
        ),
        ({"a": "anna", "b": "anna"}, {"a": "ok", "b": "down"}, "One works One is down"),
    ],
)
def test_few_services_read_well(services: dict[str, Any], seen: dict[str, str], said: str, tmp_path: Path) -> None:
    whole = inventory(
        {name: service(people=people) for name, people in services.items()}, people={"anna": {"public": True}}
    )
    assert said in read(write(tmp_path / "site", whole, statuses=looks(**seen)), "index.en.html").text


@pytest.mark.parametrize(
    ("contact", "link"),
    [
        ("it@example.org", "mailto:it@example.org"), ("mail it@example.org", "mailto:it@example.org"),
        ("https://example.org/help?a=b&c", "https://example.org/help?a=b&c"), ("the bar on Thursdays", None),
        ("https://user:pw@example.org/", None), ("data:text/html,x", None), ("it@example.org?bcc=x@example.org", None),
    ],
)  # fmt: skip
def test_a_contact_is_a_link_where_that_is_safe(contact: str, link: str | None, tmp_path: Path) -> None:
    whole = inventory({"wiki": service()}, organisation={"name": "Club", "contact": contact})
    page = read(write(tmp_path / "site", whole), "index.en.html")
    outward = [found["href"] for found in page.all("a") if ":" in found["href"]]
    assert outward == ([link] if link else [])


def test_a_page_is_small(tmp_path: Path) -> None:
    assert max(path.stat().st_size for path in write(tmp_path / "a", club(), facts=club_facts()).iterdir()) < 20_000
    many = inventory(
        {f"s{number}": service(title=f"Service {number}", people="anna") for number in range(60)},
        people={"anna": {"public": True}},
    )
    known = facts(*(drilled(f"s{number}", days=number) for number in range(60)))
    assert max(path.stat().st_size for path in write(tmp_path / "b", many, facts=known).iterdir()) < 45_000


def test_status_json_says_the_same(tmp_path: Path) -> None:
    out = write(tmp_path / "site", club(), facts=club_facts(), statuses=club_looks())
    said = json.loads((out / "status.json").read_text(encoding="utf-8"))
    assert (said["version"], said["now"]) == (1, "2007-01-05T20:00:00Z")
    chat = next(entry for entry in said["services"] if entry["name"] == "chat")
    assert chat == {
        "name": "chat", "title": "Chat", "about": "Jabber for members, with rooms for every group.",
        "names": ["jabber.example.org"], "status": "down", "seen": "down", "seen-at": "2007-01-05T19:56:00Z",
        "restore-proven-at": None, "teams": [], "people": ["Caro"], "count": 1, "help-wanted": True,
    }  # fmt: skip
    assert "findings" not in said


def test_every_text_is_used_and_every_used_text_exists() -> None:
    here = Path(site.__file__).parent
    code = "".join(path.read_text(encoding="utf-8") for path in (*here.glob("templates/*"), *here.glob("[srw]*.py")))
    quoted = set(re.findall(r"['\"]([a-z][a-z0-9-]*)['\"]", code))
    built = ("was-", "level-", "next-", "section-", "state-", *(severity.word for severity in Severity))
    spoken = set(re.findall(r"\bsay\(['\"]([a-z0-9-]+)['\"]\s*[,)]", code))
    counted = set(re.findall(r"\bcount\(['\"]([a-z0-9-]+)['\"]\s*,", code))
    texts = {**PUBLIC, **PRIVATE}
    assert spoken <= set(texts)
    assert counted <= set(COUNTED)
    assert [key for key in (*texts, *COUNTED) if key not in quoted and not key.startswith(built)] == []


def test_both_languages_fill_in_the_same_values() -> None:
    pairs = [*PUBLIC.items(), *PRIVATE.items(), *((key, text) for key, both in COUNTED.items() for text in both)]
    for key, text in pairs:
        assert text.en, key
        assert text.de, key
        assert re.findall(r"\{\w*\}", text.en) == re.findall(r"\{\w*\}", text.de), key


def test_different_names_have_different_places() -> None:
    names = ["a b", "a_b", "a-b", "a.b", "a_20_b", "A-b", "ä"]
    assert len({anchor("s", name) for name in names}) == len(names)
    assert all(re.fullmatch(r"s-[A-Za-z0-9_-]+", anchor("s", name)) for name in names)


def test_ages_and_dates() -> None:
    assert wording.as_iso(NOW) == "2007-01-05T20:00:00Z"
