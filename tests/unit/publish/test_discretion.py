"""What free text may say, and what makes it private."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.publish.discretion import Discretion, clean
from tests.unit.publish.club import inventory, service


def discretion() -> Discretion:
    whole = inventory(
        {"wiki": service(domains="wiki.example.org"), "mail": service(title="Post Office", public=False)},
        hosts={"web1": {"address": ["192.0.2.10", "web1.example.net"], "login": "ssh root@gate.example.com"}},
        people={"ben": {"title": "Ben Muster"}, "anna": {"public": True, "channels": ["sms 0151000001", "xmpp anna"]}},
        accounts={"hoster-login": {"url": "https://panel.example/login"}},
        domains={"example.org": {}, "example.com": {}},
    )
    return Discretion.of(whole, ["wiki.example.org"])


@pytest.mark.parametrize(
    "text",
    [
        "Runs on web1.", "WEB1", "(web1)", "Ask Ben", "ask muster today", "See the post office", "the mail service",
        "Call 0151000001", "at web1.example.net", "gate.example.com", "Look at 192.0.2.10", "2001:db8::1 answers",
        "somebody@example.org", "http://user:pw@wiki.example.org/", "we\u00adb1", "example.com", "::1",
        "https://panel.example:8443/x", "See (panel.example).", "web1's disk", "-web1-", "web1,web2",
    ],
)  # fmt: skip
def test_private_texts_stay(text: str) -> None:
    assert not discretion().allows(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "The wiki of the club", "wiki.example.org", "at example.org", "Ask Anna", "web11 and web-pages", "Benefits",
        "mail-lists", "mailing lists", "Open 18:30 to 20:00", "MediaWiki 1.39.4", "Musterung", "Since 5.1.2007",
    ],
)  # fmt: skip
def test_harmless_texts_leave(text: str) -> None:
    assert discretion().allows(text)


def test_nothing_private_forbids_nothing() -> None:
    assert Discretion(frozenset()).allows("anything at all")


@given(st.text())
def test_a_clean_text_is_one_visible_line(text: str) -> None:
    once = clean(text)
    assert once == clean(once)
    assert once == once.strip()
    assert not set(once) & set("\n\r\t\x00\u202e\u2066\u200b")
    once.encode()


@given(
    st.sampled_from(["web1", "Ben", "post office"]), st.text(" .,;!?()äß", max_size=5), st.text(" ,;!?()", max_size=5)
)
def test_a_private_word_is_found_between_any_marks(word: str, before: str, after: str) -> None:
    padded = f"{before.rstrip('äß.')}{word}{after}"
    assert not discretion().allows(padded)
