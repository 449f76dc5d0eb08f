"""The German of probes' sentences: every one that can be written has one. They are collected from the source itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kedge
from kedge.probes import entry, reply
from kedge.rules.german import _owed, _pattern, _why, both, in_german
from kedge.rules.german_table import MEANINGS, OWED, REASONS, SENTENCES, STEPS

ROOT = Path(kedge.__file__).parent
SPEAKERS = [
    *sorted(ROOT.glob("probes/*.py")),
    *(ROOT / name for name in ("kinds/compose.py", "app/hearing.py", "app/probing.py", "work/doubts.py")),
    ROOT / "work/adopting.py",
]
WORDS = {
    "seen.what": "greeted", "awaited": "its greeting", "step": "the login", "limit": "5 s", "reply": "550 5.1.1",
    "reason": "Broken pipe", "host": "its host",
}  # fmt: skip
"""What stands in a sample for an expression with such a word in it; any other becomes X7."""
ELSEWHERE = {
    "'; '.join([*down, *_worn(report, at)])", "'; '.join(worn)", "'; '.join(problems)", "'; '.join(rest)",
    "worst.what", "found.what", "_told_apart(known)", "why", "f'{view.label} {view.failure}'",
}  # fmt: skip
"""Expressions whose sentences are collected where they are written."""


@dataclass(frozen=True)
class Said:
    """A sample of what may be said: how (`sentence`, `failure` of a name server, `reason`, `owed`, `step`), and where."""

    how: str
    text: str
    where: str


def spell(node: ast.expr, scope: ast.AST) -> list[str]:
    """Samples of the texts an expression may be; none if that cannot be told from the source."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            pieces = [
                spell_value(one.value, scope) if isinstance(one, ast.FormattedValue) else spell(one, scope)
                for one in parts
            ]
            return ["".join(each) for each in product(*pieces)]
        case ast.IfExp(body=one, orelse=other):
            return [*spell(one, scope), *spell(other, scope)]
        case ast.BinOp(op=ast.Add(), left=one, right=other):
            return ["".join(each) for each in product(spell(one, scope), spell(other, scope))]
        case ast.Call(func=ast.Attribute(value=inner, attr="strip"), args=[]):
            return [text.strip() for text in spell(inner, scope)]
        case ast.Name(id=name):
            return [text for value in assigned(scope, name) for text in spell(value, scope)]
    return []


def spell_value(node: ast.expr, scope: ast.AST) -> list[str]:
    """Samples of what a field of an f-string may hold."""
    if isinstance(node, ast.IfExp | ast.Name) and (found := spell(node, scope)):
        return found
    source = ast.unparse(node)
    return [next((sample for word, sample in WORDS.items() if word in source), "X7")]


def assigned(scope: ast.AST, name: str) -> Iterator[ast.expr]:
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign) and [ast.unparse(one) for one in node.targets] == [name]:
            yield node.value


def sources(node: ast.AST, function: str) -> Iterator[tuple[str, ast.expr]]:
    """The texts a node says, and how."""
    match node:
        case ast.Call(func=ast.Name(id="Observation" | "Hearsay"), args=[_, what, *_]):
            yield "sentence", what
        case ast.Call(func=ast.Name(id="Broken"), args=[what, *_]):
            yield "sentence", what
        case ast.Call(func=ast.Attribute(attr="down"), args=[what, *_]):
            yield "sentence", what
        case ast.Call(func=ast.Name(id="replace")):
            yield from (("sentence", one.value) for one in node.keywords if one.arg == "what")
        case ast.Call(func=ast.Name(id="_Unfit"), args=[what]):
            yield "failure", what
        case ast.Call(func=ast.Name(id="NoAnswer"), args=[what]):
            yield "reason", what
        case ast.Return(value=ast.expr() as what) if function == "explain":
            yield "failure", what
        case ast.Return(value=ast.expr() as what) if function == "_doubt" and not isinstance(what, ast.IfExp):
            yield "sentence", what
        case ast.Return(value=ast.List(elts=[what])) if function == "find_shrinking":
            yield "sentence", what
        case ast.Yield(value=ast.JoinedStr() | ast.Constant(value=str()) as what):
            yield "sentence", what
        case ast.Call(func=ast.Attribute(attr="say" | "send"), args=[_, what, *_]):
            yield "owed", what
        case ast.Assign(targets=[ast.Attribute(attr="awaited")], value=what):
            yield "owed", what
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[_, what, *_]):
            if name in ("command", "refusal", "_refused") and isinstance(what, ast.Constant):
                yield "step", what


@cache
def everything_said() -> tuple[Said, ...]:
    found = []
    for file in SPEAKERS:
        tree = ast.parse(file.read_text())
        functions = [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
        for scope in functions:
            for node in ast.walk(scope):
                for how, what in sources(node, scope.name):
                    where = f"{file.name}:{what.lineno}"
                    samples = [] if how == "sentence" and ast.unparse(what) in ELSEWHERE else spell(what, scope)
                    found += [Said(how, text, where) for text in samples]
                    if not samples and ast.unparse(what) not in {*ELSEWHERE, "what"} and how != "owed":
                        found.append(Said("unclear", ast.unparse(what), where))
    return tuple(dict.fromkeys(found))


def test_enough_is_collected() -> None:
    """A collector that finds nothing would find nothing wrong."""
    count = {how: sum(one.how == how for one in everything_said()) for how in ("sentence", "failure", "owed", "step")}
    assert count["sentence"] > 130, count
    assert min(count.values()) > 5, count


def test_every_sentence_can_be_told_from_the_source() -> None:
    assert [one for one in everything_said() if one.how == "unclear"] == []


def test_every_sentence_has_a_german_form() -> None:
    missing = [one for one in everything_said() if one.how == "sentence" and in_german(one.text) is None]
    assert missing == []


def test_every_failure_of_a_name_server_has_a_german_form() -> None:
    assert [one for one in everything_said() if one.how == "failure" and in_german(f"X7 {one.text}") is None] == []


def test_every_part_of_a_sentence_has_a_german_form() -> None:
    said = everything_said()
    assert [one for one in said if one.how == "owed" and _owed(one.text) is None] == []
    assert [one for one in said if one.how == "reason" and _why(one.text) == one.text] == []
    assert [one for one in said if one.how == "step" and one.text not in STEPS and not one.text.isupper()] == []
    assert set(entry.REASONS.values()) <= REASONS.keys()
    assert set(reply.MEANINGS.values()) == MEANINGS.keys()


BESIDES = {
    "could not be entered: {why}", "could not be entered", "is full", "has no inodes left", "went read-only",
    "at {list} {rest}", "differs from what is declared: {list}",
}  # fmt: skip
"""Said in ways the collector does not follow: of a host itself, of its volumes, of several addresses."""


def test_no_line_is_there_for_nothing() -> None:
    texts = [f"X7 {one.text}" if one.how == "failure" else one.text for one in everything_said()]
    parts = [part for text in texts for part in (text, *text.split("; "))]
    idle = [english for english in SENTENCES if not any(_pattern(english, False).fullmatch(part) for part in parts)]
    assert set(idle) <= BESIDES, idle


@pytest.mark.parametrize("table", [OWED, REASONS, SENTENCES, STEPS, MEANINGS])
def test_what_varies_is_in_both_languages(table: dict[str, str]) -> None:
    for english, german in table.items():
        assert set(re.findall(r"\{\w+\}", english)) >= set(re.findall(r"\{\w+\}", german)), english
        assert english != german


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("/ and /var are full; its clock is wrong", "/ und /var sind voll; die Uhr geht falsch"),
        (
            "at 192.0.2.1 could not be connected to: Connection refused; at 2001:db8::1 did not answer within 5 s",
            "an 192.0.2.1: war nicht zu erreichen: Verbindung abgewiesen; an 2001:db8::1: hat binnen 5 s nicht geantwortet",
        ),
        (
            "answered RCPT TO with 452 4.3.1 (its storage is full)",
            "hat auf RCPT TO mit 452 4.3.1 (der Speicher ist voll) geantwortet",
        ),
        (
            "hung up instead of sending the answer to the login; a peer sees it well",
            "hat aufgelegt, statt die Antwort auf die Anmeldung zu senden; ein anderer Wächter sieht es gut",
        ),
        (
            "refused kedge's login; its password may have changed",
            "hat die Anmeldung von kedge abgelehnt; vielleicht wurde das Passwort geändert",
        ),
        (
            "accepted the recipient, but its certificate ends within 14 days",
            "hat den Empfänger angenommen, aber das Zertifikat endet binnen 14 Tagen",
        ),
        (
            "ns1 (192.0.2.1) did not answer; differs from what is declared: A of www and MX of @",
            "ns1 (192.0.2.1) hat nicht geantwortet; weicht von den Angaben ab: A von www und MX von @",
        ),
        (
            "its host could not be entered: ssh did not answer",
            "der Host war nicht zu betreten: ssh hat nicht geantwortet",
        ),
        ("could not be looked at: a vault, closed; ask anna", "war nicht zu sehen: a vault, closed; ask anna"),
    ],
)
def test_in_german(english: str, german: str) -> None:
    assert in_german(english) == german
    assert both(english).en == english


@pytest.mark.parametrize(
    "text", ["", "as nobody speaks", "greeted; as nobody speaks", "; ", "greeted; " * 5000, "at " * 300]
)
def test_what_nobody_knows_stays_as_it_is(text: str) -> None:
    assert in_german(text) is None
    assert (both(text).en, both(text).de) == (text, text)


@given(st.text())
def test_any_text_may_be_said(text: str) -> None:
    assert both(f"could not be looked at: {text}").en == f"could not be looked at: {text}"
    both(text)
