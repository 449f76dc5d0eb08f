"""Dumps by commands of an admin's own: what a service has to say about saving that its kind does not know."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from kedge.model.quantity import Duration
from kedge.model.thing import Declared

_WORD = r"(?:pass(?:wor[dt]|wd|phrase)?|pwd|token|secret)"
_PASSWORD = re.compile(
    rf"""{_WORD}["']?=["']?[^\s$"'/<{{(`]|-[\w-]*{_WORD}\s+["']?[^\s$"'/<{{(`|>&;-]""", re.IGNORECASE
)
_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^@\s/$]+@", re.IGNORECASE)


def check_command(command: str) -> str:
    """Return a command, or raise ValueError if it is empty or holds a password: whoever is on that host could read it.

    A password that a variable or a file holds is none.
    """
    if not command.strip() or "\0" in command:
        raise ValueError("expected a command such as 'slapcat -n 1'")
    if _PASSWORD.search(command) or _URL.search(command):
        raise ValueError(
            "expected a command without a password: everybody on its host can read it there; let the program take it "
            "from its own file (`~/.my.cnf`, `~/.pgpass`), or from a variable that its container has"
        )
    return command


CommandText = Annotated[str, AfterValidator(check_command)]
Name = Annotated[str, Field(pattern="^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]


class Dump(Declared):
    """A dump made by a command of one's own; short form: the command alone."""

    save: CommandText = Field(description="the command whose standard output is the dump; the host's `sh` reads it")
    load: CommandText = Field("", description="the command that reads the dump on its standard input")
    count: CommandText = Field(
        "", description="a command that reads a dump on its standard input and prints lines: `name number [digest]`"
    )
    ends_with: str = Field("", description="what stands in its last line: without it, a dump that is cut off passes")
    may_be_empty: bool = Field(False, description="whether a dump of nothing is right")
    into: str = Field(
        "",
        pattern="^(/.*[^/])?$",
        description="the folder that `load` fills; what is in it is renamed before, and it is empty then",
    )
    needs_running: bool = Field(True, description="whether `load` needs the service to run")
    in_: str = Field(
        "", alias="in", pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]*)?$", description="the container the commands run in"
    )
    limit: Duration | None = Field(None, description="how long each command may take (default: 12 h)")


def _read_dump(value: Any) -> Any:
    return {"save": value} if isinstance(value, str) else value


DumpField = Annotated[Dump, BeforeValidator(_read_dump, json_schema_input_type=CommandText | Dump)]
DumpsField = Mapping[Name, DumpField]
