"""Which backups and drills are due."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from kedge.app.jobs import Jobs
from kedge.app.opening import Opened
from kedge.app.workshop import Workshop
from kedge.model.facts import Fact, Facts
from tests.unit.watch.conftest import CaseOf
from tests.unit.watch.play import START

CLUB = """
    hosts: {new: {}}
    stores: {vault: {type: restic}, old: {type: newest-file, repository: /srv/dumps/*.sql}}
    services:
      mail: {kind: postfix, host: new, save: {to: vault, every: 10h, drill: {every: 10d}}}
      wiki: {kind: mediawiki, host: new, save: {to: vault, made-by: other, drill: {}}}
      forum: {kind: mediawiki, host: new, save: {to: old, made-by: other, drill: {every: 10d}}}
      chat: {kind: prosody, host: new, save: vault}
      news: {kind: other, host: new, save: none}
"""


def test_what_is_due(case_of: CaseOf, tmp_path: Path) -> None:
    case = case_of(CLUB)
    jobs = Jobs(Workshop.open(Opened(tmp_path, case.inventory)), lambda: START)

    def due(*facts: Fact) -> list[str]:
        return [" ".join(one) for one in jobs.due(case, Facts.of(facts, START))]

    fresh = Fact("mail", "backup", "id", START - timedelta(hours=7))
    assert due() == ["backup mail", "look forum", "backup chat", "drill mail", "drill forum"]
    assert due(fresh) == ["look forum", "backup chat", "drill mail", "drill forum"]
    assert due(replace(fresh, at=START - timedelta(hours=9)))[0] == "backup mail"
    jobs.tried["backup", "mail"] = START - timedelta(minutes=59)
    assert due()[0] == "look forum"
    jobs.tried["backup", "mail"] = START - timedelta(hours=1)
    assert due()[0] == "backup mail"


@pytest.mark.parametrize(("hours", "is_due"), [(19, False), (20, True)])
def test_a_backup_of_others_is_looked_for_when_the_last_one_grows_old(
    case_of: CaseOf, tmp_path: Path, hours: int, is_due: bool
) -> None:
    case = case_of(CLUB)
    jobs = Jobs(Workshop.open(Opened(tmp_path, case.inventory)), lambda: START)
    seen = Fact("forum", "backup/old", "id", START - timedelta(hours=hours))
    assert (("look", "forum") in jobs.due(case, Facts.of([seen], START))) is is_due
