"""Which inventory is found in a store: the newest that can be read, or the one that somebody has."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from kedge.adapters.restic import ResticStore
from kedge.app.found_store import Given, open_found
from kedge.app.workshop import Workshop
from kedge.errors import OutsideError, UsageError
from kedge.parts.folder import FolderPart
from kedge.work.enclosure import Enclosure
from tests.integration.work.test_restic import CENSUS, PASSPHRASE, spool, store

__all__ = ["spool", "store"]
GOOD = "version: 1\norganisation: {{name: {name}}}\nservices: {{wiki: {{kind: files, paths: /srv/wiki}}}}\n"


async def save(store: ResticStore, spool: Path, inventory: str, *, hours: int) -> None:
    parts = [FolderPart("/srv/wiki", "databases")]
    enclosure = Enclosure({"kedge.yaml": inventory.encode()} if inventory else {})
    await asyncio.to_thread(enclosure.write, spool, "wiki", "offsite", parts)
    await store.save("wiki", spool, [replace(CENSUS, at=CENSUS.at + timedelta(hours=hours))])


async def found(folder: Path, inventory: str = "", said: list[str] | None = None) -> Workshop:
    given = Given(str(folder / "repository"), lambda: PASSPHRASE, inventory=inventory)
    return await open_found(given, (said if said is not None else []).append)


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


async def test_the_newest_that_can_be_read_counts(store: ResticStore, spool: Path, tmp_path: Path) -> None:
    for hours, inventory in enumerate((GOOD.format(name="old"), GOOD.format(name="new"), "version: 1\nhosts: [")):
        await save(store, spool, inventory, hours=hours)
    said: list[str] = []
    workshop = await found(tmp_path, said=said)
    sections = workshop.opened.inventory.sections
    assert sections.organisation.name == "new"
    assert sections.services["wiki"].save is not None
    assert sections.services["wiki"].save.to == ("offsite",)
    assert "cannot be used" in said[0]


async def test_of_an_older_kedge_somebody_must_have_it(store: ResticStore, spool: Path, tmp_path: Path) -> None:
    await save(store, spool, "", hours=0)
    with pytest.raises(OutsideError, match="has an inventory beside it"):
        await found(tmp_path)
    (tmp_path / "mine.yaml").write_text(
        GOOD.format(name="mine").replace("wiki}}", "wiki}, mail: {kind: files, paths: /srv/mail}}")
    )
    workshop = await found(tmp_path, str(tmp_path / "mine.yaml"))
    sections = workshop.opened.inventory.sections
    assert {name: bool(one.save) for name, one in sections.services.items()} == {"wiki": True, "mail": False}


async def test_an_empty_store_and_an_address_with_a_password(store: ResticStore, tmp_path: Path) -> None:
    with pytest.raises(OutsideError, match="no snapshot"):
        await found(tmp_path)
    with pytest.raises(UsageError, match="password in it"):
        await open_found(Given("rest:https://kedge:geheim@vault.example.net/club", lambda: PASSPHRASE))
