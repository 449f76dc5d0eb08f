"""Secrets by reference: `env:NAME`, `file:PATH`, `command:…`; read when they are used, kept by nobody.

What was read reaches a program through a pipe that can be read once, or in a file in memory where it reads it again and
again: never its arguments, which everybody sees, nor its environment, which its own children inherit.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kedge.adapters.local import open_memory
from kedge.errors import OutsideError

COMMAND_LIMIT_S = 60
MOST_BYTES = 4096
HOW = "declare it under `secrets` with `from: env:NAME`, `file:PATH` or `command:…`"


@dataclass(frozen=True)
class Secret:
    """A secret and where it came from; printing it shows the latter only."""

    reference: str
    value: bytes = field(repr=False)

    @contextmanager
    def piped(self) -> Iterator[int]:
        """Yield a descriptor from which a child can read the secret once."""
        reading, writing = os.pipe()
        try:
            os.write(writing, self.value)
            os.close(writing)
            yield reading
        finally:
            os.close(reading)

    @contextmanager
    def opened(self) -> Iterator[int]:
        """Yield a descriptor whose `/dev/fd/N` a child can open as often as it likes."""
        with open_memory(self.value) as file:
            file.flush()
            yield file.fileno()

    def hide(self, text: str) -> str:
        """Return a text without the secret in it."""
        value = self.value.decode("utf-8", "replace")
        return text.replace(value, "***") if value else text


def read_secret(reference: str, environ: Mapping[str, str], folder: Path = Path()) -> Secret:
    """Return the first line of what a reference names; a file lies relative to a folder.

    Raises OutsideError, never with a value.
    """
    how, _, where = reference.partition(":")
    match how:
        case "env" if where:
            found = _from_environment(where, environ)
        case "file" if where:
            found = _from_file(where, folder)
        case "command" if where:
            found = _from_command(where, environ)
        case _:
            raise OutsideError("a secret that kedge needs does not say where it is", hint=HOW)
    value = found.split(b"\n", 1)[0].removesuffix(b"\r")
    if not value or len(value) > MOST_BYTES:
        raise OutsideError(f"{_named(how, where)} holds no secret", hint="expected one line of 1 to 4096 bytes")
    return Secret(_named(how, where), value)


def without_secrets(environ: Mapping[str, str], references: list[str]) -> dict[str, str]:
    """Return an environment for children: without the variables that hold secrets."""
    hidden = {where for how, _, where in (text.partition(":") for text in references) if how == "env"}
    return {name: value for name, value in environ.items() if name not in hidden}


def _named(how: str, where: str) -> str:
    return f"{how}:{where}" if how != "command" else f"command:{where.split()[0]} …"


def _from_environment(name: str, environ: Mapping[str, str]) -> bytes:
    if name not in environ:
        raise OutsideError(f"env:{name} is not set", hint="it must hold the secret when kedge is called")
    return os.fsencode(environ[name])


def _from_file(path: str, folder: Path) -> bytes:
    try:
        with (folder / Path(path).expanduser()).open("rb") as file:
            return file.read(MOST_BYTES + 2)
    except (OSError, RuntimeError) as failure:
        raise OutsideError(f"file:{path} cannot be read") from failure


def _from_command(command: str, environ: Mapping[str, str]) -> bytes:
    try:
        ended = subprocess.run(
            ["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_LIMIT_S,
            env=dict(environ), check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        # Not `from`: a TimeoutExpired carries what was said so far.
        raise OutsideError(f"{_named('command', command)} did not end in {COMMAND_LIMIT_S} s") from None
    if ended.returncode:
        raise OutsideError(f"{_named('command', command)} ended with {ended.returncode}")
    return ended.stdout
