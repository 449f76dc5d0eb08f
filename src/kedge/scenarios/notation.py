"""Compiled rules as text: one line a rule, the same rules always the same text.

    rules 1
    component host:web1
    greatest up:wiki = all up:db host:web1
    least back:wiki = any up:wiki way:wiki
    least way:wiki = 2 of copy:a copy:b copy:c

Names are separated by blanks. A name that holds a blank or a quotation mark, or starts with `#` or `=`, is written as
a JSON string. `#` starts a comment. `all` of nothing is always true, `any` of nothing never. The order of the lines is
the order of the ids; a name may be used before its own line.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from kedge.errors import InventoryError, Mistake
from kedge.scenarios.ruleset import COMPONENT, GREATEST, Rules, RuleSet

_HEADER = "rules 1"
_PLAIN = re.compile(r'[^\s"#=][^\s"]*')
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"(?!\S)|\S+')
_NUMBER = re.compile(r"[0-9]{1,9}")
_GUESSES = 20


def write_rules(rules: Rules) -> str:
    """The text form, ids ascending; `read_rules` gives back the same ids, names and gates."""
    names = [name if _PLAIN.fullmatch(name) else json.dumps(name) for name in rules.names]
    lines = (_rule_line(rules, id, names) for id in range(rules.never + 1, len(rules)))
    return "\n".join([_HEADER, *lines]) + "\n"


def _rule_line(rules: Rules, id: int, names: list[str]) -> str:
    if rules.strata[id] == COMPONENT:
        return f"component {names[id]}"
    need, of = rules.gate(id)
    how = "all" if need == len(of) else "any" if need == 1 else f"{need} of"
    stratum = "greatest" if rules.strata[id] == GREATEST else "least"
    return " ".join([stratum, names[id], "=", how, *(names[child] for child in of)])


def read_rules(text: str, file: str) -> RuleSet:
    """The rules a text describes; `InventoryError` with every mistake in it (file, line, column)."""
    return _Reader(file).read(text)


@dataclass(slots=True)
class _Draft:
    """One gate as it was read, before its names are looked up: its line, id, need (-1: all) and names."""

    line: int
    id: int
    need: int
    of: list[str]


class _Reader:
    """Reads in two passes, so that every name is known before the first gate is defined."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.rules = RuleSet()
        self.lines: list[str] = []
        self.mistakes: list[Mistake] = []
        self.drafts: list[_Draft] = []
        self.guesses = 0

    def read(self, text: str) -> RuleSet:
        self.lines = text.split("\n")
        started = False
        for number, line in enumerate(self.lines, 1):
            words = self._words(number, line)
            if words and not started:
                started = True
                self._header(number, words)
                if self.mistakes:
                    break  # some other file: one mistake, not one for each of its lines
            elif words:
                self._declare(number, words)
        if not started:
            self._say(1, 0, f"expected '{_HEADER}' in the first line, found nothing")
        for draft in self.drafts:
            self._define(draft)
        if self.mistakes:
            raise InventoryError(self.mistakes)
        return self.rules

    def _words(self, number: int, line: str) -> list[str]:
        if '"' not in line and "#" not in line:
            return line.split()
        words: list[str] = []
        for token in _TOKEN.findall(line):
            if token.startswith("#"):
                break
            words.append(self._plain(number, len(words), token))
        return words

    def _plain(self, number: int, place: int, token: str) -> str:
        if not token.startswith('"'):
            if '"' in token:
                self._say(number, place, "a name with a quotation mark must be a JSON string")
            return token
        try:
            return str(json.loads(token))
        except ValueError:
            self._say(number, place, f"{token} is not a JSON string")
            return token

    def _header(self, number: int, words: list[str]) -> None:
        if " ".join(words) != _HEADER:
            self._say(number, 0, f"expected '{_HEADER}' in the first line")

    def _declare(self, number: int, words: list[str]) -> None:
        if words[0] == "component":
            self._declare_component(number, words)
        elif words[0] in ("least", "greatest"):
            self._declare_node(number, words)
        else:
            self._say(number, 0, f"expected component, least or greatest, found '{words[0]}'")

    def _declare_component(self, number: int, words: list[str]) -> None:
        if len(words) != 2:
            self._say(number, min(2, len(words) - 1), "expected one name after component")
        elif self._is_new(number, words[1]):
            self.rules.component(words[1])

    def _declare_node(self, number: int, words: list[str]) -> None:
        if len(words) < 4 or words[2] != "=":
            self._say(number, min(2, len(words) - 1), f"expected '{words[0]} NAME = all|any|N of NAMES'")
            return
        need, start = self._how(words)
        if need is None:
            self._say(number, 3, f"expected all, any or 'N of', found '{words[3]}'")
        elif self._is_new(number, words[1]):
            id = self.rules.node(words[1], greatest=words[0] == "greatest")
            self.drafts.append(_Draft(number, id, need, words[start:]))

    def _how(self, words: list[str]) -> tuple[int | None, int]:
        if words[3] == "all":
            return -1, 4
        if words[3] == "any":
            return 1, 4
        if _NUMBER.fullmatch(words[3]) and words[4:5] == ["of"]:
            return int(words[3]), 5
        return None, 0

    def _is_new(self, number: int, name: str) -> bool:
        if name not in self.rules.ids:
            return True
        self._say(number, 1, f"{name} is already taken")
        return False

    def _define(self, draft: _Draft) -> None:
        ids, rules = self.rules.ids, self.rules
        of = [ids[name] for name in draft.of if name in ids]
        if len(of) < len(draft.of):
            self._say_unknown(draft)
            return
        if rules.strata[draft.id] == GREATEST:
            self._check_strata(draft, of)
        rules.define(draft.id, len(of) if draft.need < 0 else draft.need, of)

    def _check_strata(self, draft: _Draft, of: list[int]) -> None:
        rules = self.rules
        for place, child in enumerate(of, len(self._words(draft.line, self.lines[draft.line - 1])) - len(of)):
            if rules.strata[child] not in (COMPONENT, GREATEST):
                self._say(draft.line, place, f"a greatest node may not refer to {rules.names[child]}, a least one")

    def _say_unknown(self, draft: _Draft) -> None:
        first = len(self._words(draft.line, self.lines[draft.line - 1])) - len(draft.of)
        for place, name in enumerate(draft.of, first):
            if name not in self.rules.ids:
                self._say(draft.line, place, f"{name} is neither a component nor a node{self._guess(name)}")

    def _guess(self, name: str) -> str:
        self.guesses += 1
        if self.guesses > _GUESSES:
            return ""
        from difflib import get_close_matches  # only needed where there is a mistake

        near = get_close_matches(name, self.rules.names, 1)
        return f"; did you mean '{near[0]}'?" if near else ""

    def _say(self, number: int, place: int, text: str) -> None:
        """Notes a mistake at the place-th word of a line."""
        columns = [match.start() for match in _TOKEN.finditer(self.lines[number - 1])] if self.lines else []
        column = columns[place] + 1 if place < len(columns) else 1
        self.mistakes.append(Mistake(self.file, number, column, text))
