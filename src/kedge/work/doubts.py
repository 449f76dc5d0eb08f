"""Doubts: what a census tells against the one before it. A backup can be complete, and of damaged or vanished data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kedge.model.census import DAMAGED, DOUBLED, QUESTIONS, Census

NONE = "none"
ENOUGH = 20
"""How many entries there must have been before the loss of half of them says anything."""
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Count:
    """What is kept of a census to compare the next one with."""

    entries: int
    pieces: int
    bytes: int
    questions: int

    @property
    def text(self) -> str:
        """Return it as the value of the fact `counted/PART`."""
        return f"{self.entries} entries in {self.pieces}, {self.bytes} bytes, {self.questions} with question marks"

    @classmethod
    def read(cls, text: str) -> Count | None:
        """Return what `text` gave, or None for anything else."""
        found = re.fullmatch(r"(\d+) entries in (\d+), (\d+) bytes, (\d+) with question marks", text)
        return cls(*map(int, found.groups())) if found else None


def count(census: Census) -> Count:
    """Return what is kept of a census."""
    tallies = census.tallies.values()
    questions = sum(_numbers(census.remarks.get(QUESTIONS, "")))
    return Count(sum(t.count for t in tallies), len(tallies), sum(t.size_bytes for t in tallies), questions)


def find_doubts(census: Census, before: Count | None) -> list[str]:
    """Return what speaks against a census, one clause each; an empty part that was empty before is none."""
    return [*_of_itself(census.remarks), *(_since(count(census), before) if before else ())]


def find_shrinking(now: Count, before: Count) -> list[str]:
    """Return what speaks against files that were counted, not read: fewer than half of them, or of their bytes."""
    if now.bytes * 2 < before.bytes:
        return [f"{before.bytes} -> {now.bytes} bytes since it was last looked at"]
    if before.entries >= ENOUGH and now.entries * 2 < before.entries:
        return [f"{before.entries} -> {now.entries} files since it was last looked at"]
    return []


def _of_itself(remarks: Mapping[str, str]) -> Iterator[str]:
    if found := remarks.get(DOUBLED):
        shown = found.split(", ")
        more = f" and {len(shown) - SHOWN} more" if len(shown) > SHOWN else ""
        yield f"text encoded twice (rows): {', '.join(shown[:SHOWN])}{more}"
    if found := remarks.get(DAMAGED):
        yield f"damaged, as its own program says: {found}"


def _since(now: Count, before: Count) -> Iterator[str]:
    if before.entries >= ENOUGH and now.entries * 2 < before.entries:
        yield f"{before.entries} -> {now.entries} entries since the last backup"
    elif now.pieces * 2 < before.pieces:
        yield f"{before.pieces} -> {now.pieces} tables or folders since the last backup"
    elif before.bytes and now.bytes * 2 < before.bytes and before.entries >= ENOUGH:
        yield f"{before.bytes} -> {now.bytes} bytes since the last backup"
    grown = now.questions - before.questions
    if grown >= ENOUGH and grown * 10 > before.questions and grown > now.entries - before.entries:
        yield f"question marks in {before.questions} -> {now.questions} rows since the last backup"


def _numbers(remark: str) -> list[int]:
    return [int(number) for number in re.findall(r" (\d+)(?:, |$)", remark)]
