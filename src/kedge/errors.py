"""The exception tree. An exception means *kedge cannot do its job*; a broken world is a finding or an observation.

KedgeError                 exit 2 unless a subclass says otherwise
├── InventoryError         mistakes in the user's files, all of them at once
├── UsageError             a command line or an API call that cannot be meant
├── Refused                a plan or act that would be unsafe; exit 1
├── OutsideError           a program, a service or the disk failed us; may be worth another try
│   ├── EvidenceError      the database could not be read or written
│   └── Lacking            what was saved is not enough to recover by
└── Bug                    an invariant of kedge itself is broken; exit 3
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class KedgeError(Exception):
    """kedge cannot do its job. `hint` says what to do; `permanent` says whether trying again can help."""

    exit_code: ClassVar[int] = 2
    permanent: ClassVar[bool] = True

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake in a user's file: where (1-based), what was found and expected, what to do."""

    file: str
    line: int
    column: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.text}"


class InventoryError(KedgeError):
    """The inventory has mistakes; carries every one of them, in file order."""

    def __init__(self, mistakes: Sequence[Mistake], *, hint: str = "") -> None:
        self.mistakes = tuple(sorted(set(mistakes)))
        super().__init__("\n".join(map(str, self.mistakes)), hint=hint)


class UsageError(KedgeError):
    """The call cannot be meant as it was written."""


class Refused(KedgeError):  # noqa: N818 - a refusal is not an error
    """kedge will not do this: the message carries the number or the reason that made it unsafe."""

    exit_code = 1


class OutsideError(KedgeError):
    """Something outside kedge failed; trying again may help."""

    permanent = False


class EvidenceError(OutsideError):
    """The database could not be read or written."""


class Lacking(OutsideError):  # noqa: N818 - what it says of what was saved
    """What was saved is not enough to recover by: that was tried and is known, and trying again will not help."""

    permanent = True


class Bug(KedgeError):  # noqa: N818
    """An invariant of kedge itself is broken."""

    exit_code = 3
