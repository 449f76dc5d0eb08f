"""The scripts of a checkout, run as a volunteer would run them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def list_scripts() -> list[str]:
    folders = (ROOT / "script", ROOT / ".ci")
    return [str(path.relative_to(ROOT)) for folder in folders for path in sorted(folder.iterdir()) if not path.suffix]


@pytest.mark.parametrize("script", list_scripts())
def test_script_can_be_started(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)
    assert run("bash", "-n", script).stderr == ""


@pytest.mark.parametrize("script", list_scripts())
def test_script_says_what_it_does(script: str) -> None:
    lines = (ROOT / script).read_text("utf-8").splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert lines[1].startswith("# ")
    assert any(line == "set -euo pipefail" for line in lines[:12])


def test_bootstrap_does_nothing_twice() -> None:
    first = run("script/bootstrap")
    before = (ROOT / ".venv/ready").stat().st_mtime_ns
    second = run("script/bootstrap")
    assert (first.returncode, second.returncode) == (0, 0)
    assert second.stderr == "bootstrap: ready, nothing to do\n"
    assert (ROOT / ".venv/ready").stat().st_mtime_ns == before


def test_bootstrap_lists_packages_with_a_reason() -> None:
    rows = [line for line in (ROOT / "script/packages.txt").read_text("utf-8").splitlines() if line and line[0] != "#"]
    for row in rows:
        _package, group, _there, *why = row.split()
        assert group in {"all", "test", "lab", "ci", "bench"}
        assert len(why) >= 3, row


def test_test_runs_what_it_is_told() -> None:
    done = run("script/test", "tests/unit/test_docs.py", "-k", "glossary", CI="", KEDGE_REQUIRE_LAB="")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "unit: " in done.stdout
    assert "integration: " not in done.stdout


@pytest.fixture
def skipping_test(tmp_path: Path) -> Path:
    path = tmp_path / "test_skipping.py"
    path.write_text(
        "import pytest\n"
        "def test_here(): pytest.skip('needs named')\n"
        "def test_there(): pytest.skip('does not apply to root')\n"
    )
    return path


@pytest.mark.parametrize(("required", "failed"), [("", 0), ("1", 1)])
def test_missing_server_fails_only_where_everything_is_required(
    skipping_test: Path, required: str, failed: int
) -> None:
    argv = [".venv/bin/python", "-m", "pytest", "-p", "tests.levels", "-p", "no:cacheprovider", str(skipping_test)]
    done = run(*argv, KEDGE_REQUIRE_LAB=required)
    assert done.returncode == failed, done.stdout
    assert ("1 failed" in done.stdout) == bool(failed)
    assert ("1 skipped" in done.stdout) == bool(failed)


def test_demo_tells_of_the_night_and_leaves_the_page() -> None:
    done = run("script/demo", "--no-serve", COLUMNS="80")
    assert done.returncode == 0, done.stderr
    shown = [line.split()[2] for line in done.stdout.splitlines() if line.startswith("$ kedge ")]
    assert shown == ["check", "whatif", "before", "publish"]
    for word in ("[notice-loop hoster-mail]", "[bk-none ", "[disk-limit hetzner-new]", "reboot hetzner-new: not yet"):
        assert word in done.stdout
    (folder,) = re.findall(r"^The pages are in (.+)$", done.stdout, re.MULTILINE)
    assert "Wiki" in (Path(folder) / "index.de.html").read_text("utf-8")


def test_demo_serves_the_page_until_interrupted() -> None:
    with subprocess.Popen(
        ["script/demo"], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as demo:  # fmt: skip
        assert demo.stdout
        lines = iter(demo.stdout.readline, "")
        (address,) = next(found for line in lines if (found := re.findall(r"http://127\.0\.0\.1:\d+/", line)))
        with urllib.request.urlopen(address) as answer:
            page = answer.read().decode()
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=60)
    assert "<html" in page
    assert demo.returncode == 0


def test_demo_refuses_what_it_does_not_know() -> None:
    done = run("script/demo", "--serve-not")
    assert done.returncode == 2
    assert "--no-serve" in done.stderr


def test_generated_inventory_has_the_size_asked_for(tmp_path: Path) -> None:
    done = run("script/generate-inventory", str(tmp_path / "inventory.yaml"), "20")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "inventory.yaml").read_text("utf-8").count('"kind": ') == 20 + 2  # two rooms have a kind as well


def test_dependencies_are_installed_with_bytecode() -> None:
    assert list((ROOT / ".venv").glob("lib/python3*/site-packages/click/__pycache__/*.pyc"))
