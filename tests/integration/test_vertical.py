"""Files and a web page: saved, restored into a sandbox, started there, and looked at by the probes of the live one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kedge.adapters.bubblewrap import Bubblewrap
from kedge.adapters.folder_store import FolderStore
from kedge.adapters.local import LocalSite
from kedge.app.drill_slice import Subject, drill, save
from kedge.kinds.static_site import StaticSite
from kedge.model.instance import Instance
from kedge.model.observation import Status
from kedge.model.ports import Address

pytestmark = pytest.mark.usefixtures("bwrap")


@dataclass
class Watch:
    """A clock that is told how late it is."""

    time: datetime = datetime(2007, 1, 5, 20, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


@pytest.fixture
def site_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "www"
    (folder / "bilder").mkdir(parents=True)
    (folder / "index.html").write_text("<h1>Schöne Grüße aus dem Verein</h1>", encoding="utf-8")
    (folder / "bilder" / "wappen ä\n.svg").write_bytes(bytes(range(256)))
    (folder / "bilder" / "neu.svg").symlink_to("wappen ä\n.svg")
    (folder / "bilder" / "leer").touch(mode=0o600)
    return folder


async def test_a_site_is_saved_restored_started_and_looked_at(site_folder: Path, tmp_path: Path) -> None:
    clock = Watch()
    site = StaticSite(url="https://www.example.org/", text="Schöne Grüße", folder=str(site_folder))
    live = Instance("live", LocalSite(), {"web": Address("127.0.0.1", 1)})
    store = FolderStore(tmp_path / "store", clock)
    snapshot = await save(Subject("www", site), live, store)
    clock.time += timedelta(hours=3)
    result = await drill(Subject("www", site), {"www": snapshot}, store, Bubblewrap(), clock)
    assert result.obstacles == ()
    assert result.differences == ()
    assert result.seen["http"].status is Status.OK
    assert result.is_proven
    assert result.rpo == timedelta(hours=3)
