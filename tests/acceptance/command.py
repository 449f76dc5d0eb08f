"""The installed `kedge` as a process: what it was given, what it printed, how it ended."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).parents[2]
KEDGE = Path(sys.executable).with_name("kedge")
EXAMPLES = ROOT / "examples"
LIMIT_S = 120
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

EVENING = ("--now", "2007-01-05T20:00:00Z")
AFTER = ("--now", "2007-01-10T19:00:00Z")
STATE_5 = EXAMPLES / "piratenpartei-2007" / "2007-01-05"
STATE_10 = EXAMPLES / "piratenpartei-2007" / "2007-01-10"
CLUB_12, SMALL_CLUB = EXAMPLES / "club-12", EXAMPLES / "small-club"
AUTUMN = ("--now", "2026-11-21T12:00:00Z")
"""The moments at which the examples are judged; the first two and the club of twelve say so themselves."""

MOMENTS: Mapping[Path, tuple[str, str]] = {STATE_5: EVENING, STATE_10: AFTER, CLUB_12: AUTUMN, SMALL_CLUB: AUTUMN}


@dataclass(frozen=True)
class Done:
    """A process that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, as data."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        """The lines it printed on stdout."""
        return self.out.splitlines()


@dataclass(frozen=True)
class Kedge:
    """Starts `kedge` in a folder, as a user whose home is empty; nothing of the caller's settings comes along."""

    home: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def settings(self, **more: str) -> dict[str, str]:
        fixed = {"HOME": str(self.home), "LANG": "C.UTF-8", "TERM": "xterm-256color", "PATH": os.environ["PATH"]}
        return {**fixed, **self.environment, **more}

    def __call__(self, *argv: str | Path, cwd: Path | None = None, stdin: str = "", **settings: str) -> Done:
        ended = subprocess.run(
            [KEDGE, *map(str, argv)],
            cwd=cwd or self.home,
            env=self.settings(**settings),
            input=stdin.encode(),
            capture_output=True,
            timeout=LIMIT_S,
            check=False,
        )
        return Done(ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    def on_terminal(
        self, *argv: str | Path, columns: int = 80, lines: int = 24, cwd: Path | None = None, **settings: str
    ) -> Terminal:
        return Terminal([str(KEDGE), *map(str, argv)], (lines, columns), cwd or self.home, self.settings(**settings))


class Terminal:
    """A process on a terminal of its own: type into it, wait for what it says."""

    def __init__(self, argv: list[str], size: tuple[int, int], cwd: Path, settings: dict[str, str]) -> None:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        # Its controlling terminal: only so a typed ^C becomes a signal.
        self.process = subprocess.Popen(argv, cwd=cwd, env=settings, preexec_fn=lambda: os.login_tty(theirs))
        os.close(theirs)
        self._ours, self._raw, self._read_to = ours, "", 0

    @property
    def said(self) -> str:
        """All it said until now, without colours."""
        return ESCAPES.sub("", self._raw).replace("\r\n", "\n")

    @property
    def raw(self) -> str:
        """All it said until now, colours included."""
        return self._raw

    def wait_for(self, text: str) -> None:
        """Read until it says this, after what was waited for before; fails if it ends first."""
        while (at := self.said.find(text, self._read_to)) < 0:
            if not self._read():
                self._fail(f"ended without saying {text!r}")
        self._read_to = at + len(text)

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def interrupt(self) -> Done:
        """Press ^C until it ends: between a prompt and its first look at the keys, Python's readline is deaf."""
        is_open = True
        while is_open:
            self.type("\x03")
            while is_open and select.select([self._ours], [], [], 1)[0]:
                is_open = self._read()
        return self.end()

    def end(self) -> Done:
        """Read to its end and return how it ended."""
        while self._read():
            pass
        os.close(self._ours)
        return Done(self.process.wait(LIMIT_S), self.said, "")

    def _read(self) -> bool:
        ready, _, _ = select.select([self._ours], [], [], LIMIT_S)
        if not ready:
            self._fail(f"said nothing for {LIMIT_S} s")
        try:
            got = os.read(self._ours, 65536)
        except OSError:  # Linux: the other side is closed
            got = b""
        self._raw += got.decode(errors="replace")
        return bool(got)

    def _fail(self, why: str) -> NoReturn:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)
        raise AssertionError(f"{why}:\n{self.said}")
