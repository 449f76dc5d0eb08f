import os
from pathlib import Path

import pytest

from kedge.errors import EvidenceError
from kedge.evidence.place import find_place, name_inventory


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


def test_a_server_is_refused_without_showing_its_password() -> None:
    with pytest.raises(EvidenceError) as refused:
        find_place(Path("x"), {"KEDGE_EVIDENCE": "postgresql://kedge:hunter2@db.example.org/kedge"})
    assert "hunter2" not in str(refused.value)
    assert refused.value.hint
