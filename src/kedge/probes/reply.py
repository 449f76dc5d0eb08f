"""Replies of SMTP servers (RFC 5321 §4.2), and what they mean for whoever looks."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kedge.model.observation import Status
from kedge.probes.dialogue import Broken, Dialogue, not_spoken
from kedge.probes.wording import quote

_LINE = re.compile(rb"([2-5][0-9][0-9])([ -]|$)(.*)", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s|$)")

MEANINGS = {
    "4.2.1": "the mailbox is closed", "4.2.2": "the mailbox is full", "4.3.0": "trouble inside its mail system",
    "4.3.1": "its storage is full", "4.3.2": "it takes no mail now", "4.3.5": "it is set up wrongly",
    "4.4.3": "its directory of users does not answer", "4.7.0": "logging in does not work now",
    "5.1.1": "there is no such mailbox", "5.1.2": "it does not know the domain", "5.2.1": "the mailbox is closed",
    "5.2.2": "the mailbox is full", "5.3.1": "its storage is full", "5.3.5": "it is set up wrongly",
    "5.7.1": "its rules forbid it",
}  # fmt: skip
"""What the codes of RFC 3463 mean that say more than yes or no."""
ABOUT_US = re.compile(
    r"client host|client was not|blocked using|block ?list|black ?list|spamhaus|your ip\b|reverse (dns|hostname)"
    r"|helo command rejected|ehlo .*rejected|too many (connections|errors)|rate.?limit|too much mail",
    re.IGNORECASE,
)
"""Texts of refusals that are about who asks; they say nothing about the service."""
GREYLISTED = re.compile(r"gr[ea]y.?list|try again later.*first time|temporarily deferred", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete reply: its code and its lines."""

    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """All lines as one."""
        return quote(" ".join(self.lines))

    @property
    def enhanced(self) -> str:
        """Its enhanced status code (RFC 2034), empty without."""
        found = _ENHANCED.match(self.lines[-1]) if self.lines else None
        return found[1] if found else ""

    @property
    def is_about_us(self) -> bool:
        """Whether it refuses this vantage, not the mail."""
        return self.code >= 400 and bool(ABOUT_US.search(self.text))

    @property
    def is_greylisting(self) -> bool:
        """Whether it defers strangers on principle (RFC 6647)."""
        return self.code in (450, 451) and bool(GREYLISTED.search(self.text))

    def __str__(self) -> str:
        meaning = MEANINGS.get(self.enhanced)
        return " ".join(filter(None, [str(self.code), self.enhanced])) + (f" ({meaning})" if meaning else "")


def parse_line(line: bytes) -> tuple[int, bool, str] | None:
    """Return the code of a line, whether it is the last, and its text; None if it is no such line."""
    found = _LINE.fullmatch(line)
    return (int(found[1]), found[2] != b"-", found[3].decode(errors="replace")) if found else None


async def read_reply(line: Dialogue) -> Reply:
    """Return the next reply, whole; raises Broken if what comes is none."""
    texts: list[str] = []
    while True:
        raw = await line.read_line()
        parsed = parse_line(raw)
        if parsed is None:
            raise not_spoken("SMTP", raw, line)
        code, is_last, text = parsed
        texts.append(text)
        if is_last:
            return Reply(code, tuple(texts))


def refusal(line: Dialogue, step: str, reply: Reply) -> Broken:
    """Return what a reply other than the hoped for means: down, or unknown if it is this vantage that is refused."""
    evidence = {**line.evidence, "answer": f"{reply.code} {reply.text}"}
    if reply.is_about_us:
        return Broken(f"refuses to talk to this vantage: {step} was answered with {reply}", Status.UNKNOWN, evidence)
    return Broken(f"answered {step} with {reply}", Status.DOWN, evidence)
