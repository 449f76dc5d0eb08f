"""A real Postfix: its settings and tables saved, started in a sandbox, asked for a recipient there."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kedge.adapters.bubblewrap import Bubblewrap
from kedge.adapters.folder_store import FolderStore
from kedge.adapters.local import LocalSite
from kedge.kinds.grades import Grade
from kedge.kinds.postfix import Postfix
from kedge.model.instance import Instance, Program, Start
from kedge.model.observation import Status
from tests.integration.installed import find_root
from tests.integration.rehearsing import DrillResult, Subject, drill, save

MAIN = """\
myhostname = mail.example.org
mydestination = localhost
virtual_mailbox_domains = example.org
virtual_mailbox_maps = texthash:{folder}/vmailbox
virtual_alias_maps = texthash:{folder}/virtual
transport_maps = hash:/var/lib/mailman3/data/postfix_lmtp
relayhost = [smtp.example.net]:587
smtpd_tls_cert_file = /etc/ssl/private/none.pem
smtpd_tls_security_level = may
smtpd_milters = inet:127.0.0.1:8891
"""
MASTER = """\
smtp inet n - y - - smtpd
submission inet n - y - - smtpd
pickup unix n - y 60 1 pickup
cleanup unix n - y - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - y - - trivial-rewrite
bounce unix - - y - 0 bounce
defer unix - - y - 0 bounce
anvil unix - - y - 1 anvil
proxymap unix - - n - - proxymap
scache unix - - y - 1 scache
retry unix - - y - - error
error unix - - y - - error
postlog unix-dgram n - n - 1 postlogd
"""


class Now:
    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture
def root() -> Path:
    if os.getuid():
        pytest.skip("does not apply: only root can give a sandbox more than one user")
    return find_root("Postfix (Debian package postfix)", "usr/lib/postfix/sbin/master", "etc/postfix/master.cf.proto")


class Impatient(Postfix):
    """Waits ten seconds only."""

    def start(self, at: Instance) -> list[Start]:
        return [
            replace(step, limit=timedelta(seconds=10)) if isinstance(step, Program) else step
            for step in super().start(at)
        ]


async def rehearse(tmp_path: Path, root: Path, recipient: str, kind: type[Postfix] = Postfix) -> DrillResult:
    folder = tmp_path / "postfix"
    folder.mkdir()
    for name in ("postfix-files", "dynamicmaps.cf"):  # what the package puts there
        (folder / name).write_text((root / "etc/postfix" / name).read_text())
    tables = {"vmailbox": "anna@example.org x\n", "virtual": f"{recipient} anna@example.org\n"}
    files = {"main.cf": MAIN.format(folder="/drill/postfix"), "master.cf": MASTER, **tables}
    for name, text in files.items():
        (folder / name).write_text(text)
    service = kind(hostname="mail.example.org", domains=("example.org",), settings=str(folder))
    store, subject = FolderStore(tmp_path / "store", Now()), Subject("mail", service)
    snapshot = await save(subject, Instance("live", LocalSite(), {}), store)
    return await drill(subject, {"mail": snapshot}, store, Bubblewrap(programs=root), Now())


async def test_it_is_saved_and_takes_a_recipient(
    tmp_path: Path, root: Path, prove: Callable[[str, Grade], None]
) -> None:
    result = await rehearse(tmp_path, root, "postmaster@example.org")
    assert (result.obstacles, result.differences) == ((), ())
    assert result.seen["smtp"].status is Status.OK, result.seen
    assert result.is_proven
    prove("postfix", "proven")


async def test_one_that_refuses_its_postmaster_is_not_proven(tmp_path: Path, root: Path) -> None:
    result = await rehearse(tmp_path, root, "nobody-else@example.org", Impatient)
    assert not result.is_proven
    assert "not ready" in result.obstacles[0].what
