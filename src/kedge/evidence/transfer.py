"""Everything in the database as JSON lines, and back.

The first line says what this is, the last how many lines lie between: a file that was cut short is refused. The others
are `{"fact": {…}}`, `{"run": {…, "steps": […]}}`, `{"span": {…}}` or, of the watch, `{"verdict": {…}}`,
`{"incident": {…}}`, `{"letter": {…}}` and `{"delivery": {…}}`, with moments as RFC 3339 and durations as ISO 8601.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from sqlalchemy import Connection

from kedge.errors import EvidenceError
from kedge.evidence import ledger, outbox, runs, spans
from kedge.evidence.outbox import Delivery, KeptIncident, Outgoing, Verdict
from kedge.evidence.span import Span
from kedge.model.facts import Fact
from kedge.model.ports import Run

FORMAT = 2
"""Raised when an older kedge could not import what this one exports."""

_FACT = TypeAdapter(Fact)
_RUN = TypeAdapter(Run)
_SPAN = TypeAdapter(Span)
_WATCHED: Mapping[str, TypeAdapter[Any]] = {
    "verdict": TypeAdapter(Verdict), "incident": TypeAdapter(KeptIncident), "letter": TypeAdapter(Outgoing),
    "delivery": TypeAdapter(Delivery),
}  # fmt: skip
_DAMAGED = "export it again; a copy may have been cut short"


class Line(BaseModel):
    """One line between the first and the last."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    fact: Fact | None = None
    run: Run | None = None
    span: Span | None = None
    verdict: Verdict | None = None
    incident: KeptIncident | None = None
    letter: Outgoing | None = None
    delivery: Delivery | None = None


def write_lines(connection: Connection | None, kedge: str) -> Iterator[str]:
    """Yield every line without its newline; of no database at all only the first and the last."""
    yield json.dumps({"kedge-evidence": FORMAT, "kedge": kedge})
    count = 0
    for line in _write_body(connection) if connection else ():
        count += 1
        yield line
    yield json.dumps({"end": count})


def read_lines(lines: Iterable[str]) -> Sequence[Line]:
    """Return what the lines say; raises EvidenceError that names the first line that is wrong."""
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not numbered:
        raise EvidenceError("the export is empty", hint=_DAMAGED)
    _check_first(numbered[0][1])
    _check_last(numbered[-1][1], len(numbered) - 2)
    return [_read_line(number, line) for number, line in numbered[1:-1]]


def insert_lines(connection: Connection, lines: Sequence[Line]) -> None:
    """Insert what is not there yet; a run or span that is there stays as it is."""
    ledger.write_facts(connection, [line.fact for line in lines if line.fact])
    for line in lines:
        if line.run and runs.read_run(connection, line.run.id) is None:
            runs.add_run(connection, line.run)
    if seen := [line.span for line in lines if line.span]:
        spans.insert_spans(connection, seen)
    outbox.insert_kept(connection, [kept for line in lines if (kept := _kept_by_watch(line))])


def _kept_by_watch(line: Line) -> outbox.Kept | None:
    return line.verdict or line.incident or line.letter or line.delivery


def _write_body(connection: Connection) -> Iterator[str]:
    facts = (f'{{"fact":{_FACT.dump_json(one).decode()}}}' for one in ledger.read_all(connection))
    kept = (f'{{"run":{_RUN.dump_json(one).decode()}}}' for one in runs.read_all(connection))
    seen = (f'{{"span":{_SPAN.dump_json(one).decode()}}}' for one in spans.read_all(connection))
    watched = (f'{{"{name}":{_WATCHED[name].dump_json(one).decode()}}}' for name, one in outbox.read_all(connection))
    return chain(facts, kept, seen, watched)


def _read_line(number: int, line: str) -> Line:
    try:
        read = Line.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise EvidenceError(f"line {number} of the export: {where} {first['msg']}", hint=_DAMAGED) from error
    if sum(value is not None for _, value in read) != 1:
        raise EvidenceError(f"line {number} of the export: expected one fact, run or span", hint=_DAMAGED)
    return read


def _check_first(line: str) -> None:
    said = _read_object(line)
    found = said.get("kedge-evidence")
    if not isinstance(found, int):
        raise EvidenceError("line 1 is not the beginning of an export of kedge", hint=_DAMAGED)
    if found > FORMAT:
        raise EvidenceError(f"this export is of format {found}; this kedge reads up to {FORMAT}",
                            hint=f"import it with kedge {said.get('kedge', 'of a newer version')}")  # fmt: skip


def _check_last(line: str, expected: int) -> None:
    if _read_object(line).get("end") != expected:
        raise EvidenceError("the export is not complete", hint=_DAMAGED)


def _read_object(line: str) -> dict[str, object]:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
