"""Alerts arrive although kedge is killed, the disk is full, the clock jumps, the resolver is dead, a way hangs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.watch.receiver import hanging, receiving

PIPELINE = Path(__file__).with_name("pipeline.py")
INVENTORY = """\
organisation: {{name: Club}}
people: {{anna: {{channels: [{channels}]}}}}
services:
{services}
"""


def write(folder: Path, *channels: str, services: int = 1) -> Path:
    lines = [f"  wiki-{n}: {{kind: http, url: 'http://192.0.2.{n}/', people: anna}}" for n in range(1, services + 1)]
    listed = ", ".join(json.dumps(channel) for channel in channels)
    (folder / "kedge.yaml").write_text(INVENTORY.format(channels=listed, services="\n".join(lines)))
    return folder


def pipeline(folder: Path, *words: object, before: tuple[str, ...] = (), **settings: str) -> list[Any]:
    argv = [*before, sys.executable, str(PIPELINE), str(folder), *map(str, words)]
    done = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, **settings}, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_killed_at_every_step_nothing_is_lost_and_a_second_copy_says_so(tmp_path: Path) -> None:
    with receiving() as received:
        ended = pipeline(write(tmp_path, f"webhook http://127.0.0.1:{received.port}/alert"), "crash", 26)
        killed = [number for number, status in ended if status == 9]
        assert len(killed) >= 20
        doubled = []
        for number in killed:
            posts = received.at(f"/alert-{number}")
            assert posts, f"lost when killed at step {number}"
            assert len(posts) <= 2
            assert len({post["id"] for post in posts}) == 1
            assert all(post["repeated"] for post in posts[1:])
            doubled += [number] if len(posts) == 2 else []
        between = range(doubled[0], doubled[-1] + 1)
        assert doubled == list(between), "only those between accept and commit"
        assert set(killed) - set(between)


def test_a_disk_that_others_fill(tmp_path: Path) -> None:
    require_mounts()
    with receiving() as received:
        folder = write(tmp_path, f"webhook http://127.0.0.1:{received.port}/alert", services=10)
        recorded, after = pipeline(folder, "fill", "later", before=("unshare", "-m"))
        assert recorded == [10, 10]
        assert after == [10, 10]
        assert len(received.posts) == 10
        assert not any("Not recorded" in post["text"] for _, post in received.posts)


def test_a_disk_that_was_full_before_the_first_start(tmp_path: Path) -> None:
    require_mounts()
    with receiving() as received:
        folder = write(tmp_path, f"webhook http://127.0.0.1:{received.port}/alert", services=3)
        recorded, after = pipeline(folder, "fill", "before", before=("unshare", "-m"))
        assert recorded == [0, 0]
        assert len(received.posts) == 3
        assert all(post["text"].startswith("(Not recorded") for _, post in received.posts)
        assert after == [3, 3], "once there is room it is written down, as delivered"


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_jumps(tmp_path: Path, hours: int) -> None:
    with receiving() as received:
        folder = write(tmp_path, f"webhook http://127.0.0.1:{received.port}/alert")
        (outcomes,) = pipeline(folder, "jump", hours)
        assert len(outcomes) == len(received.posts) == 1


def test_a_relay_that_refuses_and_a_server_that_hangs_are_passed_by(tmp_path: Path) -> None:
    with receiving(503) as refusing, receiving() as received, hanging() as silent:
        folder = write(
            tmp_path,
            f"webhook http://127.0.0.1:{refusing.port}/alert", "mail anna@127.0.0.1.example",
            "xmpp anna@verein.example", "exec false", f"webhook http://127.0.0.1:{received.port}/alert",
        )  # fmt: skip
        told, tries = pipeline(
            folder, "alert", KEDGE_RELAY="smtp://127.0.0.1:1", KEDGE_XMPP=f"kedge@verein.example/127.0.0.1:{silent}",
            KEDGE_XMPP_PASSWORD="env:SECRET", SECRET="geheim", LIMIT_S="3",
        )  # fmt: skip
        assert [outcome.startswith("by webhook") for _, outcome in told] == [True]
        assert [accepted for _, accepted, _ in tries] == [False, False, False, False, True]
        assert len(received.posts) == 1


def test_a_dead_resolver(tmp_path: Path) -> None:
    """Names that were known once lead where they did; a way without a name is open as well."""
    with receiving() as received:
        folder = write(tmp_path, f"webhook http://alarm.invalid.example:{received.port}/alert")
        names = folder / "state" / "evidence.work" / "names.json"
        names.parent.mkdir(parents=True)
        names.write_text(json.dumps({"alarm.invalid.example": ["127.0.0.1"]}))
        told, _ = pipeline(folder, "alert", before=without_resolver(tmp_path))
        assert [outcome.startswith("by webhook") for _, outcome in told] == [True]


def require_mounts() -> None:
    if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs root and mount namespaces")


def without_resolver(folder: Path) -> tuple[str, ...]:
    """What runs a command where the one resolver is silent."""
    require_mounts()
    resolv = folder / "resolv.conf"
    resolv.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    return ("unshare", "-m", "sh", "-c", f'mount --bind {resolv} /etc/resolv.conf && exec "$@"', "sh")
