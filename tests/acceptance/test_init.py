"""`kedge init` as it is called: from files alone, never over another file, and what cannot be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.command import Kedge

COMPOSE = """\
services:
  app: {image: "vaultwarden/server:1", volumes: ["./data:/data"], ports: ["8080:80"]}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "vault"
    folder.mkdir()
    (folder / "compose.yaml").write_text(COMPOSE)
    return folder / "compose.yaml"


def test_an_inventory_from_a_file(kedge: Kedge, file: Path, tmp_path: Path) -> None:
    target = tmp_path / "mine.yaml"
    done = kedge("init", "--import", str(file), "-o", str(target), "--json")
    assert done.code == 0, done.err
    answer = done.json
    assert answer["written"] == str(target)
    assert {"findings", "levels", "left"} <= set(answer)
    assert "vaultwarden/server:1" in target.read_text()
    assert kedge("check", str(target)).code in (0, 1)


def test_an_organisation_lives_where_this_machine_does_if_that_is_known(
    kedge: Kedge, file: Path, tmp_path: Path
) -> None:
    known, unknown = tmp_path / "known.yaml", tmp_path / "unknown.yaml"
    assert kedge("init", "--import", file, "-o", known, TZ="Europe/Berlin").code == 0
    assert kedge("init", "--import", file, "-o", unknown, TZ="UTC").code == 0
    assert "time-zone: Europe/Berlin}" in known.read_text()
    assert "time-zone" not in unknown.read_text()


def test_what_exists_is_never_overwritten(kedge: Kedge, file: Path, tmp_path: Path) -> None:
    target = tmp_path / "mine.yaml"
    target.write_text("# mine\n")
    names = [kedge("init", "--import", file, "-o", target, "--json").json["written"] for _ in "12"]
    assert [Path(name).name for name in names] == ["mine.new.yaml", "mine.new-2.yaml"]
    assert target.read_text() == "# mine\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "nothing to look at"),
        (("no domain",), "'no domain' is no domain name"),
        (("--ssh", "-oProxyCommand=touch x"), "is no host"),
        (("--import", "/nowhere/compose.yaml"), "could not be read"),
        (("--resolver", "none", "example.org"), "--resolver"),
    ],
)
def test_what_cannot_be_meant(kedge: Kedge, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = kedge("init", *words, "-o", str(tmp_path / "x.yaml"))
    assert done.code == 2
    assert said in done.err
    assert not (tmp_path / "x.yaml").exists()


def test_an_update_shows_before_it_writes(kedge: Kedge, file: Path, tmp_path: Path) -> None:
    target = tmp_path / "mine.yaml"
    kedge("init", "--import", str(file), "-o", str(target))
    before = target.read_text().replace("vaultwarden/server:1", "vaultwarden/server:0")
    target.write_text(before)
    words = ("init", "--import", str(file), "-i", str(target), "--update")
    shown = kedge(*words)
    assert (shown.code, target.read_text()) == (1, before)
    assert "~ services.vault.containers" in shown.out
    assert kedge(*words, "--apply").code == 0
    assert "vaultwarden/server:1" in target.read_text()
    assert kedge(*words).code == 0


def test_at_a_terminal_it_asks_and_takes_no_nonsense(kedge: Kedge, file: Path, tmp_path: Path) -> None:
    target = tmp_path / "mine.yaml"
    terminal = kedge.on_terminal("init", "--import", file, "-o", target, "--language", "en")
    terminal.wait_for("Who looks after all this?")
    terminal.type("anna nowhere x\n")
    terminal.wait_for("'nowhere x' is no way to reach somebody")
    terminal.type("anna sms anna, ben\n")
    terminal.wait_for("Is there a backup?")
    terminal.type("none\n")
    terminal.wait_for("was written")
    assert terminal.end().code == 0
    text = target.read_text()
    assert "people: [anna, ben]" in text
    assert "save: none" in text
