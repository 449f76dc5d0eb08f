"""The watch's memory: its state out of the database, each step into it; and what to do while the disk is full."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import RLock

from pydantic import TypeAdapter

from kedge.errors import EvidenceError
from kedge.evidence.database import Database
from kedge.evidence.outbox import Delivery, KeptIncident, Outgoing, Turn, Verdict
from kedge.evidence.span import Look
from kedge.model.observation import Observation, Status
from kedge.watch.letter import Letter
from kedge.watch.state import Incident, State, Step
from kedge.watch.verdict import Standing

_LOG = logging.getLogger(__name__)
_INCIDENT = TypeAdapter(Incident)
_LETTER = TypeAdapter(Letter)
BALLAST = "ballast"
BALLAST_BYTES = 4 << 20
NO_WAY = "there is no way that kedge could send through"


@dataclass
class Keeper:
    """Keeps what the watch knows, in one database and for one vantage.

    What cannot be kept waits in memory, is sent all the same, and is kept as soon as that is possible again.
    """

    database: Database
    vantage: str
    waiting: list[tuple[Turn, list[Look]]] = field(default_factory=list)
    unkept: dict[str, Outgoing] = field(default_factory=dict)
    """Letters that are in no database; by id."""
    ended: dict[str, tuple[Sequence[Delivery], datetime | None, bool]] = field(default_factory=dict)
    """What came of tries, where that could not be kept yet; by letter."""
    trouble: str = ""
    is_loaded: bool = False
    """Whether what was known when the last watch ended could be read."""
    lock: RLock = field(default_factory=RLock, repr=False)

    # -- out of the database -------------------------------------------------------------------

    def load(self) -> State:
        """Return what was known when the last watch ended; nothing if the database cannot be read."""
        try:
            verdicts = self.database.verdicts(self.vantage)
            kept = [one for one in self.database.incidents(is_open=True) if one.vantage == self.vantage]
            seen = self.database.seen_from(self.vantage)
            lately = [one for one in self.database.incidents(is_open=False) if one.vantage == self.vantage]
        except EvidenceError as failure:
            self._say(failure)
            return State()
        self.is_loaded = True
        incidents = [replace(_INCIDENT.validate_json(one.content), acknowledged=one.acknowledged) for one in kept]
        openings: dict[str, tuple[datetime, ...]] = {}
        for one in lately:
            openings[one.thing] = (*openings.get(one.thing, ()), one.opened)
        standings = {(key := (one.thing, one.probe)): _standing(one, was_seen=key in seen) for one in verdicts}
        return State(standings, {one.thing: one for one in incidents}, openings)

    def recall(self, state: State) -> State:
        """Return the state with what is only known now, if the database could not be read when the watch began.

        An incident of before goes on, or its end would never be told; what took its place meanwhile is closed.
        """
        if self.is_loaded:
            return state
        known = self.load()
        doubles = [one for thing, one in state.incidents.items() if thing in known.incidents]
        if doubles:
            with self.lock:
                self.waiting.append((Turn(incidents=[self._incident(one, one.opened) for one in doubles]), []))
        return replace(
            state,
            standings={**known.standings, **state.standings},
            incidents={**state.incidents, **known.incidents},
            openings={**known.openings, **state.openings},
        )

    def answered(self, state: State) -> Mapping[str, str]:
        """Return who answered which incident."""
        if all(one.acknowledged for one in state.incidents.values()):
            return {}
        try:
            return {one.id: one.acknowledged for one in self.database.incidents(is_open=True) if one.acknowledged}
        except EvidenceError as failure:
            self._say(failure)
            return {}

    # -- into the database ---------------------------------------------------------------------

    def keep(self, before: State, step: Step, letters: Iterable[Letter], looks: Sequence[Look]) -> None:
        """Keep a step: all of it in one transaction, once what waits from before is kept."""
        turn = Turn(
            tuple(self._new_verdicts(before, step.state)),
            tuple(self._new_incidents(before, step)),
            tuple(map(_outgoing, letters)),
        )
        with self.lock:
            if turn != Turn() or looks:
                self.waiting.append((turn, list(looks)))
            self._flush()

    def forget(self, keys: Sequence[tuple[str, str]]) -> None:
        """Drop what is watched no more."""
        with self.lock:
            if keys:
                self.waiting.append((Turn(forgotten=tuple(keys)), []))
            self._flush()

    def _flush(self) -> None:
        """Keep all that waits; on a full disk the ballast makes room, once."""
        while self.waiting:
            turn, looks = self.waiting[0]
            try:
                self._write(turn, looks)
            except EvidenceError as failure:
                self._say(failure)
                self.unkept |= {
                    one.id: one for waiting, _ in self.waiting for one in waiting.letters if one.id not in self.unkept
                }
                self.waiting = [(one, []) for one, _ in self.waiting if one != Turn()]  # looks are worth no memory
                return
            del self.waiting[0]
        self.unkept.clear()
        for letter, ended in list(self.ended.items()):
            if self._end(letter, *ended):
                del self.ended[letter]
        if self.trouble and not self.ended:
            _LOG.info("the database can be written again")
            self.trouble = ""

    def _write(self, turn: Turn, looks: Sequence[Look]) -> None:
        turn = replace(turn, letters=[self.unkept.get(one.id, one) for one in turn.letters])
        try:
            self.database.keep_turn(turn, self.vantage, looks)
        except EvidenceError:
            if not self.drop_ballast():
                raise
            self.database.keep_turn(turn, self.vantage)

    def _new_verdicts(self, before: State, state: State) -> Iterable[Verdict]:
        for key, one in state.standings.items():
            known = before.standings.get(key)
            if known is None or known.status is not one.status:
                yield Verdict(one.thing, one.probe, self.vantage, one.status.value, one.since, _clean(one.what.what))

    def _new_incidents(self, before: State, step: Step) -> Iterable[KeptIncident]:
        for thing, one in step.state.incidents.items():
            if before.incidents.get(thing) != one:
                yield self._incident(one)
        for thing, one in before.incidents.items():
            now = step.state.incidents.get(thing)
            if now is None or now.id != one.id:
                closed = next(
                    (n.at for n in step.notices if n.incident.id == one.id and n.kind == "resolved"), one.well
                )
                yield self._incident(one, closed or one.opened)

    def _incident(self, one: Incident, closed: datetime | None = None) -> KeptIncident:
        content = _clean(_INCIDENT.dump_json(one).decode())
        return KeptIncident(one.id, one.thing, self.vantage, one.opened, content, one.acknowledged, closed)

    def _say(self, failure: EvidenceError) -> None:
        if failure.message != self.trouble:
            _LOG.error("%s: alerts are sent from memory until it can be written", failure.message)
        self.trouble = failure.message

    # -- letters -------------------------------------------------------------------------------

    def due(self, now: datetime) -> list[tuple[Outgoing, Letter]]:
        """Return the letters to be sent now, those first that no database holds."""
        with self.lock:
            found = [one for one in self.unkept.values() if one.done is None and one.due <= now]
            with contextlib.suppress(EvidenceError):
                kept = self.database.due_letters(now, self.vantage)
                found += [one for one in kept if one.id not in self.unkept and one.id not in self.ended]
        return [(one, _LETTER.validate_json(one.content)) for one in found]

    def begin(self, letter: Outgoing, now: datetime) -> bool:
        """Mark that a letter is about to be sent; False if it is in no database."""
        with self.lock:
            if known := self.unkept.get(letter.id):
                self.unkept[letter.id] = replace(known, tries=known.tries + 1, begun=now)
                return False
            try:
                self.database.begin_try(letter.id, now)
            except EvidenceError as failure:
                self._say(failure)
            return True

    def end(self, letter: Outgoing, deliveries: Sequence[Delivery], due: datetime | None, *, is_certain: bool) -> None:
        """Keep what came of a try; while that cannot be kept, it is remembered, so that nothing is sent twice."""
        with self.lock:
            if known := self.unkept.get(letter.id):
                last = deliveries[-1]
                outcome = f"{'by' if last.is_accepted else 'not by'} {last.channel}: {last.what}"
                done = None if due else last.at
                self.unkept[letter.id] = replace(known, outcome=outcome, done=done, due=due or known.due)
            elif not self._end(letter.id, deliveries, due, is_certain):
                self.ended[letter.id] = (deliveries, due, is_certain)

    def _end(self, letter: str, deliveries: Sequence[Delivery], due: datetime | None, is_certain: bool) -> bool:
        try:
            self.database.end_try(letter, deliveries, due, is_certain=is_certain)
        except EvidenceError as failure:
            self._say(failure)
            return False
        return True

    # -- ballast -------------------------------------------------------------------------------

    @property
    def ballast(self) -> Path | None:
        """The file that keeps room for alerts on a disk that others fill; none beside a server's database."""
        return self.database.path.with_name(BALLAST) if self.database.path else None

    def lay_ballast(self) -> None:
        """Take the room, if there is twice as much."""
        ballast = self.ballast
        if ballast is None:
            return
        folder = ballast.parent
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            room = os.statvfs(folder)
            if ballast.exists() or room.f_bavail * room.f_frsize < 2 * BALLAST_BYTES:
                return
            with ballast.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, BALLAST_BYTES)
        except OSError:
            with contextlib.suppress(OSError):
                ballast.unlink(missing_ok=True)

    def drop_ballast(self) -> bool:
        """Give the room back; False if there is none."""
        ballast = self.ballast
        try:
            if ballast is None:
                return False
            ballast.unlink()
        except OSError:
            return False
        _LOG.warning("%s: the disk is full; the ballast was dropped to keep alerts", ballast.parent)
        return True


def _standing(one: Verdict, *, was_seen: bool) -> Standing:
    status = Status(one.status)
    lost = one.since if was_seen and status is Status.UNKNOWN else None
    return Standing(one.thing, one.probe, status, one.since, Observation(status, one.what), one.since, lost=lost)


def _outgoing(letter: Letter) -> Outgoing:
    content = _clean(_LETTER.dump_json(letter).decode())
    return Outgoing(letter.id, letter.incident, letter.person, letter.made, letter.not_before, content)


def _clean(text: str) -> str:
    return text.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


RETRY, RETRY_MOST = timedelta(seconds=30), timedelta(minutes=15)


def next_try(now: datetime, tries: int) -> datetime:
    """Return when to try again after so many tries: 30 s, doubling to 15 minutes."""
    return now + min(RETRY * (1 << min(tries, 10)), RETRY_MOST)
