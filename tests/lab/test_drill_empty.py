"""Services proven on a Debian of nothing but archived packages: no program of any machine here is used for it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab.cache import Cache
from tests.lab.debs import mirror
from tests.lab.lab import Lab
from tests.lab.test_backup import INVENTORY, KEDGE, PAGE, PASSPHRASE, REPOSITORY, Desk

pytestmark = pytest.mark.lab
ARCHIVE = "/srv/packages"
HOSTS = ("hetzner-old", "ns1")
NEAR, PORT = "203.0.113.99", 8099
SOURCE = "/etc/apt/sources.list.d/near.list"
UPDATE = f"apt-get -q -o Dir::Etc::sourcelist={SOURCE} -o Dir::Etc::sourceparts=- update"


@dataclass(frozen=True)
class ColdDesk(Desk):
    """A desk whose empty Debians are kept where nobody else keeps any."""

    @property
    def roots(self) -> Path:
        return Path(f"/var/tmp/kedge-lab-roots.{self.folder.name}")

    def argv(self, *words: str) -> list[str]:
        env = ("env", f"XDG_STATE_HOME={self.folder / 'state'}", f"XDG_CACHE_HOME={self.roots}")
        return self.lab.vantage.argv((*env, KEDGE, *words), folder=self.folder)

    def drill(self, *services: str, code: int = 0) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self.answer("drill", *services, "--empty", code=code)
        return found

    def built(self) -> list[Path]:
        return [path / "root" for path in self.roots.glob("kedge/roots/*-*") if (path / "record.json").exists()]


@contextmanager
def serving(lab: Lab, folder: Path) -> Iterator[None]:
    """Show a folder to the lab's hosts for as long as the context lasts."""
    server = (sys.executable, "-m", "http.server", str(PORT), "--bind", NEAR, "--directory", str(folder))
    process = subprocess.Popen(lab.vantage.argv(server), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        lab.host(HOSTS[0]).wait_until(f"curl -sf http://{NEAR}:{PORT}/Packages -o /dev/null")
        yield
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def desk(shared_lab: Lab) -> Iterator[ColdDesk]:
    """What was saved, and kept in the archive, while the hosts had a mirror of Debian near them; now they have none."""
    text = INVENTORY.format(save="vault", page=PAGE, repository=REPOSITORY)
    text = text.replace("backup: {}", "backup: {login: ssh root@backup.verein.example}")
    text = text.replace("    on: backup\n", f"    on: backup\n    packages: {{on: backup, folder: {ARCHIVE}}}\n")
    with tempfile.TemporaryDirectory(prefix="kedge-empty-") as place:
        desk = ColdDesk(shared_lab, Path(place))
        (desk.folder / "kedge.yaml").write_text(text)
        (desk.folder / "passphrase").write_text(f"{PASSPHRASE}\n")
        (desk.folder / "passphrase").chmod(0o600)
        with serving(shared_lab, mirror(shared_lab._image, Cache())):
            for name in HOSTS:
                shared_lab.host(name).write(SOURCE, f"deb [trusted=yes] http://{NEAR}:{PORT}/ ./\n")
                shared_lab.host(name).sh(UPDATE)
            assert desk.call("backup", "--init", "vault").returncode == 0
            saved = desk.call("backup", "wiki", "names")
            assert saved.returncode == 0, saved.stderr
        for name in HOSTS:
            shared_lab.host(name).sh(f"rm -rf {SOURCE} /var/lib/apt/lists/*")
        yield desk
        shared_lab.host("backup").sh(f"rm -rf /srv/store/kedge {ARCHIVE}")
        shutil.rmtree(desk.roots, ignore_errors=True)


def test_two_services_are_proven_on_an_empty_debian(desk: ColdDesk) -> None:
    assert all(desk.fact(name, "packages") == "ok" for name in ("names", "wiki"))
    drilled = desk.drill("names", "wiki")
    assert {one["service"]: one["state"] for one in drilled} == {"names": "proven", "wiki": "proven"}, drilled
    assert all("onto an empty Debian of" in one["why"] for one in drilled), drilled
    assert all(desk.fact(name, "drill").startswith("ok rpo=") for name in ("names", "wiki"))
    has_named = {root: (root / "usr/sbin/named").exists() for root in desk.built()}
    assert sorted(has_named.values()) == [False, True]  # each has what it needs, and not what the other one does
    assert not [root for root in has_named if (root / "usr/bin/restic").exists() or (root / "usr/bin/git").exists()]


def test_nothing_but_that_root_is_used(desk: ColdDesk) -> None:
    """What is taken out of it is missed, although the machine, or its image, has it."""
    assert desk.drill("names")[0]["state"] == "proven"
    (root,) = (root for root in desk.built() if (root / "usr/sbin/named").exists())
    (root / "usr/sbin/named").rename(root / "usr/sbin/unnamed")
    (failed,) = desk.drill("names", code=1)
    assert failed["state"] == "failed"
    assert "named" in failed["why"]
    (root / "usr/sbin/unnamed").rename(root / "usr/sbin/named")
    assert desk.drill("names")[0]["state"] == "proven"


def test_what_the_archive_lacks_is_named(desk: ColdDesk) -> None:
    backup = desk.lab.host("backup")
    backup.sh(f"cd {ARCHIVE} && mkdir aside && mv bind9_*.deb aside && printf x >> $(ls bind9-libs_*.deb)")
    (missing,) = desk.drill("names", code=1)
    assert missing["state"] == "impossible"
    assert f"the archive backup:{ARCHIVE} lacks bind9 1:9." in missing["why"]
    assert desk.fact("names", "drill/empty").startswith("failed the archive ")
    assert desk.fact("names", "drill").startswith("ok ")  # of its data, which is what it was
    backup.sh(f"cd {ARCHIVE} && mv aside/* . && rmdir aside")
    (other,) = desk.drill("names", code=1)
    assert "bind9-libs 1:9." in other["why"]
    assert "has another SHA-256" in other["why"]
    backup.sh(f"cd {ARCHIVE} && truncate -s -1 bind9-libs_*.deb")
    assert desk.drill("names")[0]["state"] == "proven"
