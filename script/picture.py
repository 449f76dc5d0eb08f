"""Runs a command on a terminal of 92 columns and draws its first lines: picture.py OUT.svg LINES COMMAND [ARGUMENT]…

The picture is the same whenever the output is the same, and loads nothing from anywhere.
"""

import fcntl
import io
import os
import pty
import re
import shlex
import struct
import subprocess
import sys
import termios
from pathlib import Path

from rich.console import Console
from rich.text import Text

COLUMNS = 92
FONT_FACES = re.compile(r"@font-face \{.*?\}", re.DOTALL)


def record(argv: list[str]) -> str:
    """What the command prints on a terminal, with its colours; findings (exit code 1) are fine."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    path = f"{Path('.venv/bin').resolve()}:{os.environ['PATH']}"
    settings = {"PATH": path, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=settings) as child:
        os.close(theirs)
        output = b"".join(iter(lambda: read_some(ours), b""))
    os.close(ours)
    if child.returncode not in (0, 1):
        raise SystemExit(f"{shlex.join(argv)} ended with {child.returncode}:\n{output.decode()}")
    return output.decode().replace("\r\n", "\n").rstrip("\n")


def read_some(terminal: int) -> bytes:
    """The next bytes; nothing once the other side has closed (Linux says EIO then)."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def cut(output: str, most: int) -> str:
    """At most so many lines of it."""
    lines = output.split("\n")
    return output if len(lines) <= most else "\n".join([*lines[: most - 1], "…"])


def draw(output: str, title: str, name: str) -> str:
    """The SVG of a terminal window with this output; its fonts are the reader's own."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), color_system="truecolor", force_terminal=True)
    console.print(Text(f"$ {title}", style="bold"))
    console.print(Text.from_ansi(output))
    return FONT_FACES.sub("", console.export_svg(title=title, unique_id=name)).replace("Fira Code", "monospace")


if __name__ == "__main__":
    target, most, argv = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    target.parent.mkdir(parents=True, exist_ok=True)
    picture = draw(cut(record(argv), most), shlex.join(argv), target.stem)
    target.write_text("\n".join(line.rstrip() for line in picture.splitlines()) + "\n", encoding="utf-8")
