"""How `kedge` behaves as a process: signals, pipes, terminals, bugs, help, completion."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from kedge.cli.main import COMMANDS
from tests.acceptance.command import (
    AUTUMN,
    CLUB_12,
    ESCAPES,
    KEDGE,
    LIMIT_S,
    MOMENTS,
    ROOT,
    SMALL_CLUB,
    STATE_5,
    Kedge,
)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An inventory that keeps kedge busy for seconds."""
    path = tmp_path_factory.mktemp("large") / "kedge.yaml"
    subprocess.run([ROOT / "script/generate-inventory", path, "1000"], check=True, capture_output=True)
    return path


def test_help_lists_every_command_and_the_exit_codes(kedge: Kedge) -> None:
    done = kedge("--help")
    assert done.code == 0
    assert [line.split()[0] for line in done.lines if re.match(r"  [a-z]+ +[A-Z]", line)] == list(COMMANDS)
    assert "0 fine, 1 findings or refused, 2 usage or inventory, 3 a bug" in done.out
    assert re.fullmatch(r"kedge \S+\n", kedge("--version").out)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_examples_that_are_no_mistakes(kedge: Kedge, command: str) -> None:
    done = kedge(command, "--help")
    assert done.code == 0
    assert max(map(len, done.lines)) <= 95
    examples = re.findall(r"^ +kedge (.+)$", done.out.partition("Examples:")[2], re.MULTILINE)
    assert examples
    assert all(example.startswith(command) for example in examples)
    assert "--json" in done.out
    for option in {word for example in examples for word in re.findall(r"--[a-z-]+", example)}:
        assert re.search(rf"^  (-\w, )?{option}\b", done.out, re.MULTILINE), f"{option} is no option of {command}"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["chek"], "did you mean 'check'"),
        (["check", "--nwo", "x"], "Did you mean '--now'"),
        (["explain", "notice"], "did you mean 'notice-loop'"),
        (["explain", "zzzz"], "`kedge explain` lists them all"),
        (["whatif", "rack", "-i", str(CLUB_12)], "did you mean 'rack1'"),
        (["whatif", "rack1:exploded", "-i", str(CLUB_12)], "expected one of gone, emptied, misused, withdrawn"),
        (["show", "wikki", "-i", str(CLUB_12)], "did you mean 'wiki'"),
        (["before", "rebot", "rack1", "-i", str(CLUB_12)], "'reboot', 'resize', 'stop', 'move'"),
        (["check", str(CLUB_12), "--fail-on", "error"], "'note', 'warning', 'critical', 'never'"),
        (["check", str(CLUB_12), "--now", "yesterday"], "--now: expected a date such as '2007-01-05'"),
        (["check", str(CLUB_12), "--now", ""], "--now: expected a date"),
        (["check", str(CLUB_12), "--now", "2007-02-30"], "found '2007-02-30'"),
        (["check", str(CLUB_12), "--now", "2007-01-05T25:00"], "found '2007-01-05T25:00'"),
        (["whatif"], "THING"),
        (["publish"], "--out"),
        ([], "Usage: kedge"),
    ],
)
def test_wrong_use_is_told_with_what_was_meant(kedge: Kedge, argv: list[str], said: str) -> None:
    done = kedge(*argv)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "Traceback" not in done.err
    lines = [line.strip() for line in done.err.splitlines() if line.strip()]
    assert len(lines) == len(set(lines)), "nothing is said twice"


@pytest.mark.parametrize("now", ["2007-01-05", "2007-01-05 20:00", "2007-01-05T21:00:00+01:00", "2007-01-05T20:00:00Z"])
def test_now_is_taken_in_every_form(kedge: Kedge, now: str) -> None:
    answer = kedge("check", STATE_5, "--now", now, "--json").json
    assert answer["now"] == ("2007-01-05T00:00:00Z" if len(now) == 10 else "2007-01-05T20:00:00Z")


def test_interrupt_at_a_question_ends_with_130(kedge: Kedge) -> None:
    terminal = kedge.on_terminal("ask", "-i", STATE_5)
    terminal.wait_for("On which host does dns run?")
    done = terminal.interrupt()
    assert done.code == 130
    assert "interrupted\n" in done.out
    assert "Traceback" not in done.out


def test_interrupt_while_busy_ends_with_130(kedge: Kedge, large: Path) -> None:
    argv = [KEDGE, "check", large, *AUTUMN]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=kedge.settings()) as process:
        while process.poll() is None and not is_reading(process.pid):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, out, err.strip()) == (130, b"", b"interrupted")


def test_interrupt_while_it_starts_ends_with_130(kedge: Kedge, tmp_path: Path) -> None:
    """Somebody who mistyped presses ^C before anything was loaded."""
    early = tmp_path / "early"
    early.mkdir()
    (early / "click.py").write_text("import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)\n")
    done = kedge("check", SMALL_CLUB, PYTHONPATH=str(early))
    assert (done.code, done.out, done.err) == (130, "", "interrupted\n")


def is_reading(pid: int) -> bool:
    """Whether the process has loaded the YAML parser: past its start, in the midst of its work."""
    return b"yaml" in Path(f"/proc/{pid}/maps").read_bytes()


def test_bug_ends_with_3_and_a_file(kedge: Kedge, tmp_path: Path) -> None:
    """A module of a dependency that breaks in the midst of the work, as after a half-done upgrade."""
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "yaml.py").write_text("raise RuntimeError('half an upgrade')\n")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = kedge("check", SMALL_CLUB, PYTHONPATH=str(broken), TMPDIR=str(temporary))
    assert (done.code, done.out) == (3, "")
    assert "kedge has a bug: RuntimeError: half an upgrade" in done.err
    assert "Traceback" not in done.err
    (file,) = temporary.iterdir()
    assert str(file) in done.err
    report = file.read_text("utf-8")
    assert "half an upgrade" in report
    assert "Traceback" in report
    assert f"kedge check {SMALL_CLUB}" in report
    assert file.stat().st_mode & 0o077 == 0
    debugged = kedge("--debug", "check", SMALL_CLUB, PYTHONPATH=str(broken), TMPDIR=str(temporary))
    assert debugged.code == 3
    assert "Traceback" in debugged.err


def test_bug_is_told_where_no_file_can_be_written(kedge: Kedge, tmp_path: Path) -> None:
    (tmp_path / "yaml.py").write_text("import tempfile; tempfile.tempdir = '/nowhere'; raise RuntimeError('oh')\n")
    done = kedge("check", SMALL_CLUB, PYTHONPATH=str(tmp_path))
    assert done.code == 3
    assert "kedge has a bug: RuntimeError: oh" in done.err
    assert done.err.count("Traceback") == 1
    assert "During handling" not in done.err


def test_damaged_database_is_told_in_plain_words(kedge: Kedge, tmp_path: Path) -> None:
    (tmp_path / "evidence.sqlite").write_text("no database")
    done = kedge("check", SMALL_CLUB, KEDGE_EVIDENCE=str(tmp_path / "evidence.sqlite"))
    assert (done.code, done.out) == (2, "")
    assert "evidence.sqlite is damaged" in done.err
    assert "hint: " in done.err
    assert not re.search(r"SELECT|sqlalche\.me|Traceback|because", done.err)


@pytest.mark.parametrize("place", ["before", "after"])
def test_debug_shows_where_an_error_came_from(kedge: Kedge, place: str) -> None:
    argv = ["check", "nosuch"]
    argv.insert(0 if place == "before" else 2, "--debug")
    done = kedge(*argv)
    assert done.code == 2
    assert "Traceback" in done.err
    assert done.err.endswith("hint: name the inventory: a YAML file or a folder of them\n")
    assert "Traceback" not in kedge("check", "nosuch").err


@pytest.mark.parametrize("argv", [("check", STATE_5), ("kinds",), ("schema",), ("check", STATE_5, "--json")])
def test_reader_that_goes_leaves_no_noise(kedge: Kedge, argv: tuple[str | Path, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.run(
        [KEDGE, *argv], stdout=writing, stderr=subprocess.PIPE, env=kedge.settings(), timeout=LIMIT_S, check=False
    )
    os.close(writing)
    assert (process.returncode, process.stderr) == (141, b"")


def test_closed_stdout_leaves_no_noise(kedge: Kedge) -> None:
    line = f"exec {KEDGE} check {STATE_5} >&-"
    done = subprocess.run(["sh", "-c", line], capture_output=True, env=kedge.settings(), timeout=LIMIT_S, check=False)
    assert (done.returncode, done.stderr) == (1, b"")


def test_colours_are_for_terminals_only(kedge: Kedge) -> None:
    argv = ("check", STATE_5)
    assert "\x1b" not in kedge(*argv).out
    coloured = kedge.on_terminal(*argv)
    coloured.end()
    assert "\x1b[1;31m" in coloured.raw
    plain = kedge.on_terminal(*argv, NO_COLOR="1")
    plain.end()
    assert not re.search(r"\x1b\[[\d;]*3\d", plain.raw)
    dumb = kedge.on_terminal(*argv, TERM="dumb")
    dumb.end()
    assert "\x1b" not in dumb.raw


@pytest.mark.parametrize("columns", [60, 80, 200])
@pytest.mark.parametrize("language", ["en", "de"])
def test_terminals_of_any_width(kedge: Kedge, columns: int, language: str) -> None:
    said: dict[str, str] = {}
    for name, argv in {
        "check": ("check", STATE_5),
        "whatif": ("whatif", "hetzner-new", "-i", STATE_5),
        "before": ("before", "resize", "hetzner-new", "-i", STATE_5),
        "explain": ("explain", "bk-none"),
    }.items():
        terminal = kedge.on_terminal(*argv, "--language", language, columns=columns)
        said[name] = terminal.end().out
    for name, text in said.items():
        lines = ESCAPES.sub("", text).splitlines()
        assert max(map(len, lines)) <= min(columns, 100), name
        assert [line for line in lines if line != line.rstrip()] == [], name


def test_brief_is_one_line_for_each_finding(kedge: Kedge) -> None:
    findings = kedge("check", STATE_5, "--json").json["findings"]
    done = kedge("check", STATE_5, "--brief", COLUMNS="60")
    lines = [line for line in done.lines if re.match(r"(critical|warning|note) ", line)]
    assert len(lines) == len(findings)
    assert all(line.endswith(f"[{f['rule']} {f['thing']}]") for line, f in zip(lines, findings, strict=True))


def test_terminals_that_know_ascii_only(kedge: Kedge) -> None:
    settings = {"PYTHONIOENCODING": "ascii", "LANG": "C"}
    done = kedge("whatif", "hetzner-new", "-i", STATE_5, **settings)
    assert done.code == 0, done.err
    assert "hetzner ? hoster-mail ? mail" in done.out
    text = kedge("check", STATE_5, "--json", "--language", "de", **settings)
    assert text.json == kedge("check", STATE_5, "--json", "--language", "de").json


def test_stdout_is_data_and_stderr_is_talk(kedge: Kedge, small: Path, tmp_path: Path) -> None:
    assert kedge("publish", "--out", tmp_path / "site", "-i", small, *AUTUMN).out == ""
    assert kedge("note", "x", "-i", small).out == ""
    assert kedge("ask", "--answer", "mail.save=none", "-i", small).out == ""
    assert kedge("check", small).err == ""


def complete(kedge: Kedge, line: str, cwd: Path) -> list[str]:
    """What bash would offer after this line, asked of bash itself."""
    script = f"""
        eval "$({KEDGE} completion bash)"
        COMP_LINE={line!r}; COMP_POINT=${{#COMP_LINE}}
        read -ra COMP_WORDS <<< "$COMP_LINE"; [[ $COMP_LINE != *' ' ]] || COMP_WORDS+=('')
        COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _kedge_completion kedge
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    path = f"{KEDGE.parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=cwd,
        env=kedge.settings(PATH=path),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("kedge w", ["watch", "whatif"]),
        ("kedge before re", ["reboot", "resize"]),
        ("kedge whatif ra", ["rack1"]),
        ("kedge before reboot na", ["nas", "nas-restic"]),
        ("kedge show pas", ["passwords"]),
        ("kedge note --works ro", ["root-login"]),
        ("kedge note --thing mum", ["mumble"]),
        ("kedge explain notice", ["notice-loop"]),
        ("kedge check --fa", ["--fail-on"]),
    ],
)
def test_bash_completes(kedge: Kedge, club: Path, line: str, offered: list[str]) -> None:
    assert complete(kedge, line, club) == offered


def test_bash_completes_names_of_the_inventory_named_on_the_line(kedge: Kedge, club: Path) -> None:
    assert complete(kedge, f"kedge whatif -i {club} rack", kedge.home) == ["rack1"]
    assert complete(kedge, "kedge whatif rack", kedge.home) == []


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_a_script(kedge: Kedge, shell: str) -> None:
    assert "_KEDGE_COMPLETE" in kedge("completion", shell).out
    if shutil.which(shell):
        done = subprocess.run([shell, "-n"], input=kedge("completion", shell).out, text=True, check=False)
        assert done.returncode == 0


@pytest.mark.parametrize("private", [False, True])
def test_publish_writes_a_folder(kedge: Kedge, tmp_path: Path, private: bool) -> None:
    out = tmp_path / "site"
    argv = ("publish", "--out", out, "-i", STATE_5, *(["--private"] if private else []))
    done = kedge(*argv, "--json")
    assert done.code == 0, done.err
    name = "private" if private else "index"
    assert {Path(file).name for file in done.json["files"]} >= {f"{name}.html", f"{name}.de.html", f"{name}.en.html"}
    pages = "".join(file.read_text("utf-8") for file in out.glob("*.html"))
    assert "Wiki" in pages
    assert "<script" not in pages
    assert ("bk-none" in pages) == private
    assert ("192.0.2.200" in pages) == private
    assert kedge(*argv).code == 0, "what kedge wrote, it may write again"
    assert str(out / f"{name}.html") in kedge(*argv).err


def test_publish_refuses_a_folder_of_others(kedge: Kedge, tmp_path: Path) -> None:
    mine = tmp_path / "photos" / "cat.jpg"
    mine.parent.mkdir()
    mine.write_text("meow")
    done = kedge("publish", "--out", mine.parent, "-i", SMALL_CLUB)
    assert done.code == 1
    assert "nothing was changed" in done.err
    assert list(mine.parent.iterdir()) == [mine]


@pytest.mark.parametrize("path", MOMENTS, ids=lambda path: path.name)
def test_publish_takes_every_example(kedge: Kedge, tmp_path: Path, path: Path) -> None:
    assert kedge("publish", "--out", tmp_path / "site", "-i", path, *MOMENTS[path]).code == 0
