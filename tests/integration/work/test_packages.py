"""An archive of packages, filled by a real apt from a source of its own, and compared by real files."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kedge.adapters.local import LocalShell
from kedge.adapters.package_archive import PackageArchive, read_index
from kedge.errors import OutsideError
from kedge.model.package import Package, PackageList, compare
from kedge.work.provenance import ask, read_provenance
from tests.integration.conftest import need

CONTROL = (
    "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: x\n"
)
SETTINGS = """\
APT::Sandbox::User "root";
Dir::Etc::sourcelist "{place}/sources.list";
Dir::Etc::sourceparts "-";
Dir::State::lists "{place}/lists";
Dir::Cache "{place}/cache";
"""


def make(folder: Path, name: str, version: str) -> Package:
    """Return a package whose file is made in a folder."""
    tree = folder / f"{name}-tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(CONTROL.format(name=name, version=version))
    package = Package(name, version, "all")
    subprocess.run(
        ["dpkg-deb", "--build", "--root-owner-group", tree, folder / package.file], check=True, capture_output=True
    )
    shutil.rmtree(tree)
    digest = subprocess.run(["sha256sum", folder / package.file], check=True, capture_output=True, text=True).stdout
    return Package(name, version, "all", digest[:64])


@pytest.fixture
def source(tmp_path: Path) -> tuple[LocalShell, list[Package]]:
    """A host whose apt has one source, and the packages that are there."""
    for program in ("apt-get", "dpkg-deb"):
        need(program, "apt")
    folder = tmp_path / "source"
    folder.mkdir()
    packages = [make(folder, "kedge-one", "1:1.0-1"), make(folder, "kedge-two", "2.0~rc1")]
    index = "".join(stanza_of(folder / one.file, one) for one in packages)
    (folder / "Packages").write_text(index)
    (tmp_path / "sources.list").write_text(f"deb [trusted=yes] file:{folder} ./\n")
    for name in ("lists/partial", "cache/archives/partial"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "apt.conf").write_text(SETTINGS.format(place=tmp_path))
    env = {**os.environ, "APT_CONFIG": str(tmp_path / "apt.conf"), "LC_ALL": "C.UTF-8"}
    subprocess.run(["apt-get", "-q", "update"], env=env, check=True, capture_output=True)
    return LocalShell(env=env), packages


def stanza_of(file: Path, package: Package) -> str:
    control = CONTROL.format(name=package.name, version=package.version)
    return f"{control}Filename: ./{file.name}\nSize: {file.stat().st_size}\nSHA256: {package.sha256}\n\n"


@pytest.fixture
def archive(tmp_path: Path) -> PackageArchive:
    return PackageArchive(LocalShell(), PurePosixPath(tmp_path / "archive"), "here:/archive")


async def test_what_is_fetched_is_kept_and_comes_back(
    source: tuple[LocalShell, list[Package]], archive: PackageArchive, tmp_path: Path
) -> None:
    host, packages = source
    assert await archive.find_missing(packages) == packages
    assert await archive.fill(host, packages[:1]) == []
    assert await archive.find_missing(packages) == packages[1:]
    assert await archive.fill(host, packages[1:]) == []
    (tmp_path / "back").mkdir()
    await archive.fetch(packages, tmp_path / "back")
    assert sorted(path.name for path in (tmp_path / "back").iterdir()) == sorted(
        ["Packages", *(one.file for one in packages)]
    )
    assert set(read_index((tmp_path / "back" / "Packages").read_text())) == {one.sha256 for one in packages}


async def test_what_is_not_what_it_should_be_is_not_kept(
    source: tuple[LocalShell, list[Package]], archive: PackageArchive
) -> None:
    host, (one, two) = source
    other = Package(one.name, one.version, one.architecture, "d" * 64)
    assert await archive.fill(host, [other, two]) == [other]
    assert await archive.find_missing([one, two]) == [one]


async def test_what_is_wrong_in_an_archive_is_named(
    source: tuple[LocalShell, list[Package]], archive: PackageArchive, tmp_path: Path
) -> None:
    host, (one, two) = source
    with pytest.raises(OutsideError, match=r"lacks kedge-one 1:1\.0-1, kedge-two 2\.0~rc1"):
        await archive.compare([one, two])
    await archive.fill(host, [one, two])
    with (tmp_path / "archive" / two.file).open("ab") as file:
        file.write(b"x")
    with pytest.raises(OutsideError, match=r"kedge-two 2\.0~rc1 has another SHA-256"):
        await archive.fetch([one, two], tmp_path)
    with pytest.raises(OutsideError, match=r"SHA-256 of kedge-one 1:1\.0-1 is not known"):
        await archive.compare([Package(one.name, one.version, one.architecture)])


async def test_the_command_of_the_page_finds_what_is_not_whole(
    source: tuple[LocalShell, list[Package]], archive: PackageArchive, tmp_path: Path
) -> None:
    host, packages = source
    await archive.fill(host, packages)
    (tmp_path / "_kedge").mkdir()
    (tmp_path / "_kedge" / "packages").write_text(PackageList(tuple(packages), ("a remark",)).write("wiki"))
    page = Path(__file__).parents[3] / "docs" / "restore.md"
    (command,) = (line.strip() for line in page.read_text().splitlines() if line.endswith("sha256sum --check --quiet"))
    command = command.replace("/srv/packages", str(tmp_path / "archive"))
    assert await asyncio.to_thread(subprocess.call, ["sh", "-c", command], cwd=tmp_path) == 0
    (tmp_path / "archive" / packages[0].file).write_bytes(b"x")
    assert await asyncio.to_thread(subprocess.call, ["sh", "-c", command], cwd=tmp_path) == 1


async def test_this_very_machine_can_say_what_its_programs_come_from() -> None:
    need("dpkg-query", "dpkg")
    stamp, said = await ask(LocalShell(), ("tar", "/usr/bin/d?kg", "no-such-program"))
    listed = read_provenance(said).list_for(("tar", "no-such-program"))
    assert {"tar", "libc6", "dpkg", "bash"} <= {one.name for one in listed.packages}
    assert "no package here holds no-such-program" in listed.unknown
    assert await ask(LocalShell(), ("tar",), stamp) == (stamp, "")


VERSION = st.from_regex(r"([0-9]:)?[0-9][A-Za-z0-9.+~]{0,8}(-[A-Za-z0-9.+~]{1,6})?", fullmatch=True)


@settings(max_examples=100, deadline=None)
@given(VERSION, VERSION)
def test_versions_are_ordered_as_by_dpkg(one: str, other: str) -> None:
    need("dpkg", "dpkg")
    said = {subprocess.run(["dpkg", "--compare-versions", one, word, other]).returncode: word for word in ("gt", "lt")}
    assert compare(one, other) == {"gt": 1, "lt": -1}.get(said.get(0, ""), 0)
