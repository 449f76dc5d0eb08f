"""The sections of one or several files, put together: every name once, every section of its right form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kedge.errors import Mistake
from kedge.inventory.secrecy import shown
from kedge.inventory.suggestion import close, did_you_mean
from kedge.inventory.syntax import Parsed
from kedge.inventory.text import Map, Node, Scalar, Seq, mark_of, mistake
from kedge.inventory.unknowns import WORD
from kedge.model.inventory import THING_SECTIONS, Mark, Sections, Unknown
from kedge.model.thing import NAME, RESERVED, to_kebab

VERSION = "1"
KEYS = tuple(field_.alias or to_kebab(name) for name, field_ in Sections.model_fields.items())


@dataclass
class Collected:
    """What stands in each section, from all files; nothing is typed yet."""

    things: dict[str, dict[str, Node]] = field(default_factory=lambda: {name: {} for name in THING_SECTIONS})
    singles: dict[str, Node] = field(default_factory=dict)
    accepted: list[Node] = field(default_factory=list)
    section_of: dict[str, str] = field(default_factory=dict)
    marks: dict[str, Mark] = field(default_factory=dict)
    unknowns: list[Unknown] = field(default_factory=list)
    holes: set[tuple[str, ...]] = field(default_factory=set)
    files: list[str] = field(default_factory=list)


def collect(collected: Collected, parsed: Parsed, file: str, mistakes: list[Mistake]) -> None:
    """Add one file to what was collected; adds what does not fit to the mistakes."""
    collected.files.append(file)
    collected.holes |= parsed.holes
    tree = parsed.tree
    if tree is None:
        return
    if not isinstance(tree, Map):
        text = f"expected sections ('organisation:', 'hosts:' …), found {shown(tree)}"
        mistakes.append(mistake(tree, text))
        collected.holes.add(())
        return
    collector = _Collector(collected, mistakes)
    for key, node in tree.items():
        collector.add(key, node)


class _Collector:
    def __init__(self, collected: Collected, mistakes: list[Mistake]) -> None:
        self._collected = collected
        self._mistakes = mistakes

    def add(self, section: str, node: Node) -> None:
        """Add one section of one file."""
        if section not in KEYS:
            self._refuse_section(section, node)
        elif isinstance(node, Scalar) and node == WORD:
            self._collected.unknowns.append(Unknown("", section, mark_of(node)))
        elif isinstance(node, Scalar) and not node:
            return
        elif section == "version":
            self._check_version(node)
        elif section == "accepted":
            self._add_accepted(node)
        elif section in THING_SECTIONS:
            self._add_things(section, node)
        else:
            self._add_single(section, node)

    def _refuse_section(self, section: str, node: Node) -> None:
        hint = did_you_mean(section, KEYS, f"; sections are {', '.join(KEYS)}")
        self._refuse(node.key or node, f"unknown section {shown(section)}{hint}")
        meant = [each for each in close(section, KEYS) if each in THING_SECTIONS]
        if meant and isinstance(node, Map):
            self._add_things(meant[0], node)  # read as what was meant, so that nothing else goes unchecked
        else:
            self._collected.holes.add(())

    def _check_version(self, node: Node) -> None:
        if node != VERSION:
            self._refuse(node, f"this kedge reads inventories of version {VERSION}, found {shown(node)}")

    def _add_accepted(self, node: Node) -> None:
        if isinstance(node, Seq):
            self._collected.accepted += node
        elif isinstance(node, Map):
            self._collected.accepted.append(node)
        else:
            self._refuse(node, f"expected a list of accepted findings ('- rule: …'), found {shown(node)}")

    def _add_single(self, section: str, node: Node) -> None:
        first = self._collected.singles.setdefault(section, node)
        if first is not node:
            where = mark_of(first.key or first)
            self._refuse(node.key or node, f"'{section}' stands twice, first at {where}; keep one of them")

    def _add_things(self, section: str, node: Any) -> None:
        if not isinstance(node, Map):
            self._refuse(node, f"expected names below '{section}' ('name:' and its fields), found {shown(node)}")
            self._collected.holes.add((section,))
            return
        for name, thing in node.items():
            if self._declare(section, name, thing):
                self._collected.things[section][name] = thing

    def _declare(self, section: str, name: str, node: Node) -> bool:
        key = node.key or node
        collected = self._collected
        if name in collected.section_of:
            where = f"in {collected.section_of[name]} at {collected.marks[name]}"
            self._refuse(key, f"the name {shown(name)} is taken {where}; names are unique across sections")
            return False
        collected.section_of[name] = section
        collected.marks[name] = mark_of(key)
        if name in RESERVED:
            self._refuse(key, f"'{name}' has a meaning of its own and cannot be a name; choose another")
        elif not NAME.fullmatch(name):
            self._refuse(key, _why_no_name(name))
        return True

    def _refuse(self, node: Node, sentence: str) -> None:
        self._mistakes.append(mistake(node, sentence))


def _why_no_name(name: str) -> str:
    if ":" in name:
        return f"{shown(name)} cannot be a name; is a space missing after ':'?"
    return f"{shown(name)} cannot be a name: letters a-z, digits, '.', '_' and '-' make one; put the rest under `title`"


def holes_by_section(holes: set[tuple[str, ...]]) -> Iterator[str]:
    """Yield the sections (`*`: any) in which names may be missing because they could not be read."""
    for path in holes:
        if len(path) < 2:
            yield path[0] if path else "*"
