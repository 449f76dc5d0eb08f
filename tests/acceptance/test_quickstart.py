"""The documentation's commands do what the pages say: the quickstart from its first line to its last, the README."""

from __future__ import annotations

import html
import re
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.command import KEDGE, LIMIT_S, ROOT, SMALL_CLUB, Kedge

QUICKSTART = ROOT / "docs" / "quickstart.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
ELSEWHERE = ("./script/demo", "uv tool install", "kedge alerts setup", "kedge watch")
"""Commands that other tests run."""


def read_commands(block: str) -> list[tuple[str, list[str]]]:
    """The commands of a console block, each with the lines it is said to print."""
    found: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line.removeprefix("$ ").partition("  #")[0], []))
        elif found:
            found[-1][1].append(line)
    return found


def is_printed(expected: list[str], out: str) -> bool:
    """Whether these lines were printed; `…` stands for any text."""
    parts = (re.escape("\n".join(expected)).replace("…", ".*"), "\n?")
    return re.fullmatch("".join(parts), out, re.DOTALL) is not None


def run(command: str, cwd: Path, kedge: Kedge) -> subprocess.CompletedProcess[str]:
    path = f"{KEDGE.parent}:/usr/bin:/bin"
    settings = kedge.settings(PATH=path)
    return subprocess.run(
        ["bash", "-c", command], cwd=cwd, env=settings, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )


def test_quickstart_works_as_it_is_written(kedge: Kedge, tmp_path: Path) -> None:
    ran = 0
    for language, block in FENCE.findall(QUICKSTART.read_text("utf-8")):
        if language == "yaml":
            (tmp_path / "kedge.yaml").write_text(block, "utf-8")
            continue
        for command, expected in read_commands(block):
            if command.startswith(ELSEWHERE):
                continue
            done = run(command, tmp_path, kedge)
            ran += 1
            assert done.returncode in (0, 1), f"{command}: {done.stderr}"
            assert (done.returncode == 1) == command.startswith("kedge check"), command
            assert not expected or is_printed(expected, done.stdout), f"{command}:\n{done.stdout}"
    assert ran >= 8
    assert (tmp_path / "site" / "index.html").is_file()


@pytest.mark.parametrize("page", ["quickstart.md", "install.md", "../README.md"])
def test_commands_shown_exist(kedge: Kedge, page: str) -> None:
    text = (ROOT / "docs" / page).read_text("utf-8")
    shown = set(re.findall(r"(?:^\$ |`)kedge ([a-z]+)", text, re.MULTILINE))
    assert [word for word in shown if kedge(word, "--help").code != 0] == []


def test_readme_shows_the_small_club() -> None:
    blocks = dict(FENCE.findall((ROOT / "README.md").read_text("utf-8")))
    assert blocks["yaml"] == (SMALL_CLUB / "kedge.yaml").read_text("utf-8")


def test_pictures_show_what_is_printed_today(kedge: Kedge) -> None:
    """The words of each picture; script/pictures draws them anew."""
    pictures = re.findall(r"\((docs/images/\w+\.svg)\)", (ROOT / "README.md").read_text("utf-8"))
    assert len(pictures) >= 2
    for picture in pictures:
        drawn = (ROOT / picture).read_text("utf-8")
        (command,) = re.findall(r'-title"[^>]*>(.*?)<', drawn)
        printed = run(html.unescape(command).replace("\N{NO-BREAK SPACE}", " "), ROOT, kedge).stdout
        words = html.unescape(re.sub(r"<[^>]+>", " ", drawn)).split()
        shown = [word for word in words[words.index("$") :] if word != "…"]
        assert set(shown) - set(printed.split()) <= {"$", "kedge", *html.unescape(command).split()}, picture
        assert len(shown) > 60
