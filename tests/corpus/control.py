"""Well-run organisations, in which the tempting rules must stay quiet."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import yaml

from kedge.model.finding import Finding
from tests.corpus.match import Said, find_place, judge_file

AT_MOST = 7
"""Findings that a control may have at all."""


@dataclass(frozen=True)
class Control:
    """What kedge says of one control."""

    name: str
    forbidden: Collection[str]
    said: Said

    @property
    def findings(self) -> Sequence[Finding]:
        """Its findings."""
        return self.said.findings

    @property
    def false(self) -> tuple[str, ...]:
        """The forbidden classes that were found, as a finding or as a symptom."""
        return tuple(rule for rule in self.forbidden if find_place(self.findings, rule, "any"))

    @property
    def is_quiet(self) -> bool:
        """Whether it was judged, has no forbidden finding and few others."""
        return not self.said.failure and not self.false and len(self.findings) <= AT_MOST


def judge_control(folder: Path) -> Control:
    """Return what kedge says of a control at the moment written beside all of them."""
    forbidden = tuple(yaml.safe_load((folder / "quiet.yaml").read_text("utf-8"))["quiet"])
    now = datetime.fromisoformat((folder.parent / "now.txt").read_text("utf-8").strip())
    return Control(folder.name, forbidden, judge_file(folder / "kedge.yaml", now))


def list_controls(corpus: Path) -> list[Path]:
    """Return the folders of all controls, by name."""
    return sorted(path.parent for path in (corpus / "controls").glob("*/quiet.yaml"))
