from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import groupby, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from kedge.evidence.database import Database
from kedge.evidence.span import GAP, Look, Span
from kedge.model.observation import Observation, Status
from tests.integration.evidence.places import Places
from tests.integration.evidence.samples import NIGHT

OK, DOWN = Observation(Status.OK, "HTTP 200"), Observation(Status.DOWN, "no answer")


def look(minute: int, seen: Observation = OK, thing: str = "wiki") -> Look:
    return Look(thing, "http", "home", NIGHT + timedelta(minutes=minute), seen)


def spans(database: Database) -> list[tuple[int, int, int, str]]:
    """Return first and last minute, count and status of every span, by way of an export."""
    from kedge.evidence.transfer import read_lines

    kept = [line.span for line in read_lines(database.export_lines()) if line.span]
    return [(minute(one.first), minute(one.last), one.n, one.seen.status.value) for one in kept]


def minute(moment: object) -> int:
    return (moment - NIGHT) // timedelta(minutes=1)  # type: ignore[operator, no-any-return]


def test_the_same_again_extends_and_another_opens(database: Database) -> None:
    for number in range(3):
        database.append([look(number)])
    database.append([look(3, DOWN), look(4, DOWN), look(5), look(6)])
    assert spans(database) == [(0, 2, 3, "ok"), (3, 4, 2, "down"), (5, 6, 2, "ok")]


def test_another_sentence_opens_too_but_other_evidence_does_not(database: Database) -> None:
    database.append([look(0), look(1, replace(OK, evidence={"code": "200"}, took=timedelta(seconds=2)))])
    database.append([look(2, replace(OK, what="HTTP 204"))])
    assert spans(database) == [(0, 1, 2, "ok"), (2, 2, 1, "ok")]


def test_the_last_evidence_is_kept(database: Database) -> None:
    last = replace(OK, evidence={"raw": "ü"}, took=timedelta(microseconds=7))
    database.append([look(0)])
    database.append([look(1, last)])
    assert list(database.current_spans()) == [Span("wiki", "http", "home", look(0).at, look(1).at, 2, last)]


def test_nobody_knows_what_was_in_a_gap(database: Database) -> None:
    database.append([look(0), look(15), look(31)])
    assert spans(database) == [(0, 15, 2, "ok"), (31, 31, 1, "ok")]


def test_appending_twice_changes_nothing(database: Database) -> None:
    looks = [look(0), look(1, DOWN), look(2, DOWN)]
    database.append(looks)
    before = spans(database)
    database.append(looks)
    database.append(looks[:1])
    assert spans(database) == before


def test_what_a_server_sent_cannot_spoil_the_looks_beside_it(database: Database) -> None:
    odd = replace(DOWN, what="said \0 \udcff", evidence={"raw": "\0\udcff"})
    database.append([look(0, odd), look(0, OK, "mail")])
    mail, wiki = sorted(database.current_spans(), key=lambda one: one.thing)
    assert mail.seen == OK
    assert wiki.seen == replace(DOWN, what="said \ufffd ?", evidence={"raw": "\ufffd?"})
    assert len(spans(database)) == 2


def test_importing_twice_or_older_history_keeps_what_is_there(database: Database, places: Places) -> None:
    older = places.database()
    older.append([look(0, DOWN), look(1)])
    database.append([look(1), look(2)])
    for _ in range(2):
        database.import_lines(older.export_lines())
    assert sorted(spans(database)) == [(0, 0, 1, "down"), (1, 2, 2, "ok")]
    database.append([look(3)])
    assert sorted(spans(database)) == [(0, 0, 1, "down"), (1, 3, 3, "ok")]


minutes = st.lists(st.tuples(st.integers(0, 60), st.booleans(), st.sampled_from(["wiki", "mail"])), max_size=20)


@settings(max_examples=20, deadline=None)
@given(minutes, st.integers(1, 5))
def test_spans_are_what_the_model_says_however_they_were_batched(
    places: Places, given: list[tuple[int, bool, str]], size: int
) -> None:
    looks = sorted({(at, thing): look(at, OK if up else DOWN, thing) for at, up, thing in given}.values(), key=when)
    database = places.database()
    for start in range(0, len(looks), size):
        database.append(reversed(looks[start : start + size]))
    found = {(one.thing, minute(one.first), minute(one.last), one.n) for one in database.current_spans()}
    assert len(spans(database)) == sum(len(list(model(looks, thing))) for thing in ("wiki", "mail"))
    assert found == {(thing, *last) for thing in ("wiki", "mail") for last in list(model(looks, thing))[-1:]}


def when(one: Look) -> object:
    return one.at


def model(looks: list[Look], thing: str) -> Iterable[tuple[int, int, int]]:
    """Yield first, last and n of every span, found by grouping instead of by growing."""
    mine = [one for one in looks if one.thing == thing]
    breaks = [0]
    for before, after in pairwise(mine):
        broken = before.seen.status != after.seen.status or after.at - before.at > GAP
        breaks.append(breaks[-1] + broken)
    for _, group in groupby(zip(breaks, mine, strict=False), key=lambda pair: pair[0]):
        members = [one for _, one in group]
        yield minute(members[0].at), minute(members[-1].at), len(members)


def test_what_some_look_from_a_vantage_saw(database: Database) -> None:
    assert database.seen_from("home") == frozenset()
    unknown = Observation(Status.UNKNOWN, "no login")
    database.append([look(0), look(1, unknown), look(0, unknown, "mail"), replace(look(0, DOWN, "dns"), vantage="far")])
    assert database.seen_from("home") == {("wiki", "http")}
    assert database.seen_from("far") == {("dns", "http")}
