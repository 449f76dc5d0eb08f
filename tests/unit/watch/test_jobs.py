"""Which backups and drills are due."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from kedge.app.jobs import Jobs
from kedge.app.opening import Opened
from kedge.app.workshop import Workshop
from kedge.model.facts import Fact, Facts
from tests.unit.watch.conftest import CaseOf
from tests.unit.watch.play import START

CLUB = """
    hosts: {new: {}}
    stores: {vault: {type: restic}}
    services:
      mail: {kind: postfix, host: new, save: {to: vault, every: 10h, drill: {every: 10d}}}
      wiki: {kind: mediawiki, host: new, save: {to: vault, made-by: other}}
      chat: {kind: prosody, host: new, save: vault}
      news: {kind: other, host: new, save: none}
"""


def test_what_is_due(case_of: CaseOf, tmp_path: Path) -> None:
    case = case_of(CLUB)
    jobs = Jobs(Workshop.open(Opened(tmp_path, case.inventory)), lambda: START)

    def due(*facts: Fact) -> list[str]:
        return [" ".join(one) for one in jobs.due(case, Facts.of(facts, START))]

    fresh = Fact("mail", "backup", "id", START - timedelta(hours=7))
    assert due() == ["backup mail", "backup chat", "drill mail"]
    assert due(fresh) == ["backup chat", "drill mail"]
    assert due(replace(fresh, at=START - timedelta(hours=9))) == ["backup mail", "backup chat", "drill mail"]
    jobs.tried["backup", "mail"] = START - timedelta(minutes=59)
    assert due() == ["backup chat", "drill mail"]
    jobs.tried["backup", "mail"] = START - timedelta(hours=1)
    assert due()[0] == "backup mail"
