import os
from pathlib import Path

import pytest

from kedge.errors import EvidenceError
from kedge.evidence.place import Server, find_folder, find_place, name_inventory


def test_default_lies_in_the_state_folder(tmp_path: Path) -> None:
    place = find_place(tmp_path / "Small Club.yaml", {"XDG_STATE_HOME": "/state"})
    assert place.parts[:3] == ("/", "state", "kedge")
    assert place.parent.name.startswith("small-club-")
    assert place.name == "evidence.sqlite"


@pytest.mark.parametrize("ignored", ["", "relative/state"])
def test_without_a_valid_variable_it_is_the_specification_default(ignored: str, tmp_path: Path) -> None:
    place = find_place(tmp_path, {"XDG_STATE_HOME": ignored})
    assert place.is_relative_to(Path.home() / ".local" / "state" / "kedge")


def test_each_inventory_has_its_own(tmp_path: Path) -> None:
    names = {name_inventory(tmp_path / name) for name in ("a/club.yaml", "b/club.yaml", "b/club", "ü", "")}
    assert len(names) == 5
    assert all(name.isascii() and "/" not in name for name in names)


def test_same_inventory_by_another_path_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    names = {name_inventory(Path(path)) for path in ("real", "./real", "link", str(tmp_path / "real"))}
    assert len(names) == 1


def test_variable_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_place(Path("x"), {"KEDGE_EVIDENCE": "here.sqlite"}) == Path(os.path.realpath(tmp_path)) / "here.sqlite"
    assert find_place(Path("x"), {"KEDGE_EVIDENCE": "~/e"}) == Path.home() / "e"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://kedge@db.example.org/kedge",
        "postgres://db.example.org",
        "postgresql:///kedge?host=/run/postgresql",
        "postgresql://kedge@[2001:db8::1]:5433,db.example.org:5432/kedge?sslmode=verify-full&passfile=/etc/kedge/pgpass",
    ],
)
def test_variable_names_a_server(url: str, tmp_path: Path) -> None:
    environ = {"KEDGE_EVIDENCE": url, "XDG_STATE_HOME": "/state"}
    place = find_place(tmp_path, environ)
    assert place == Server(url)
    assert str(place) == url.partition("?")[0]
    folder = find_folder(tmp_path, environ)
    assert folder == find_folder(tmp_path, {"XDG_STATE_HOME": "/state"})
    assert folder.parent == Path("/state/kedge") / name_inventory(tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://kedge:hunter2@db.example.org/kedge",
        "postgresql://kedge:hun/hunter2@db.example.org/kedge",
        "postgresql://kedge:hun?hunter2@db.example.org/kedge",
        "postgresql://kedge:hun#hunter2@db.example.org/kedge",
        "postgresql://kedge:hun@hunter2@db.example.org/kedge",
        "postgresql://kedge:hunter2/kedge",
        "postgresql://kedge@db.example.org/kedge?sslmode=require&password=hunter2",
        "postgresql://kedge@db.example.org/kedge?sslp%61ssword=hunter2",
        "mysql://kedge@db.example.org/hunter2",
    ],
)
def test_a_password_in_the_address_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(EvidenceError) as refused:
        find_place(Path("x"), {"KEDGE_EVIDENCE": url})
    assert "hunter2" not in str(refused.value) + refused.value.hint
    assert "KEDGE_EVIDENCE_PASSWORD" in refused.value.hint
