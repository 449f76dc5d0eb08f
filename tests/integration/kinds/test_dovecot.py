"""Mailboxes: saved, and opened by a real Dovecot in a sandbox."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kedge.adapters.bubblewrap import Bubblewrap
from kedge.adapters.folder_store import FolderStore
from kedge.adapters.local import LocalSite
from kedge.kinds.dovecot import Dovecot
from kedge.kinds.grades import Grade
from kedge.model.instance import Instance
from kedge.model.observation import Status
from tests.integration.installed import find_root
from tests.integration.rehearsing import DrillResult, Subject, drill, save

MAIL = "From: anna@example.org\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n\nListe Mitglieder,\n"


class Now:
    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture
def root() -> Path:
    return find_root("dovecot (Debian package dovecot-imapd)", "usr/sbin/dovecot")


@pytest.fixture
def mailboxes(tmp_path: Path) -> Path:
    for name in ("anna@example.org/Maildir", "bert@example.org/Maildir", "bert@example.org/Maildir/.Alte Post"):
        for part in ("cur", "new", "tmp"):
            (tmp_path / "vmail" / name / part).mkdir(parents=True)
        (tmp_path / "vmail" / name / "cur" / "1168000000.M1P1.host:2,S").write_text(MAIL)
    return tmp_path / "vmail"


async def rehearse(tmp_path: Path, root: Path, mailboxes: Path) -> DrillResult:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "dovecot.conf").write_text("protocols = imap\n")
    service = Dovecot(hostname="imap.example.org", mail=str(mailboxes), settings=str(tmp_path / "etc"))
    store, subject = FolderStore(tmp_path / "store", Now()), Subject("mail", service)
    snapshot = await save(subject, Instance("live", LocalSite(), {}), store)
    return await drill(subject, {"mail": snapshot}, store, Bubblewrap(programs=root), Now())


async def test_mailboxes_are_saved_and_opened(
    tmp_path: Path, root: Path, mailboxes: Path, prove: Callable[[str, Grade], None]
) -> None:
    result = await rehearse(tmp_path, root, mailboxes)
    assert (result.obstacles, result.differences) == ((), ())
    assert result.seen["imap"].status is Status.OK, result.seen
    assert result.is_proven
    prove("dovecot", "proven")


async def test_a_mailbox_that_cannot_be_opened_is_not_proven(tmp_path: Path, root: Path, mailboxes: Path) -> None:
    (mailboxes / "anna@example.org" / "Maildir" / "dovecot-uidlist").mkdir()
    result = await rehearse(tmp_path, root, mailboxes)
    assert not result.is_proven
    assert "mail" in result.obstacles[0].what
