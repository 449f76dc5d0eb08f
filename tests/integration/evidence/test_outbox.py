"""What the watch keeps: whole turns, letters until they are delivered, every try."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kedge.errors import EvidenceError
from kedge.evidence.database import Database
from kedge.evidence.outbox import ADOPTED_AFTER, Delivery, KeptIncident, Outgoing, Turn, Verdict
from kedge.evidence.span import Look
from kedge.model.observation import Observation, Status
from tests.integration.evidence.places import Places
from tests.integration.evidence.samples import NIGHT

VERDICT = Verdict("wiki", "http", "home", "down", NIGHT, "HTTP 500")
INCIDENT = KeptIncident("wiki-1", "wiki", "home", NIGHT, '{"thing": "wiki"}')
LETTER = Outgoing("wiki-1/down/1/anna", "wiki-1", "anna", NIGHT, NIGHT, "text")
TURN = Turn([VERDICT], [INCIDENT], [LETTER])
LATER = NIGHT + timedelta(minutes=5)
FAILED = Delivery(LETTER.id, "mail anna@verein.example", NIGHT, False, "refused")
TAKEN = Delivery(LETTER.id, "sms anna", NIGHT, True, "it took it")


def test_nothing_is_known_of_a_database_that_is_not_there(database: Database, places: Places) -> None:
    assert (
        list(database.verdicts()) == list(database.incidents(is_open=True)) == list(database.due_letters(NIGHT)) == []
    )
    assert places.is_untouched(database)


def test_a_turn_is_kept(database: Database) -> None:
    look = Look("wiki", "http", "home", NIGHT, Observation(Status.DOWN, "HTTP 500"))
    database.keep_turn(TURN, "home", [look])
    assert list(database.verdicts("home")) == [VERDICT]
    assert list(database.verdicts("elsewhere")) == []
    assert list(database.incidents(is_open=True)) == [INCIDENT]
    assert list(database.due_letters(NIGHT)) == [LETTER]
    assert [span.thing for span in database.current_spans()] == ["wiki"]


def test_a_turn_is_kept_whole_or_not_at_all(database: Database) -> None:
    with pytest.raises(EvidenceError):
        database.keep_turn(replace(TURN, letters=[replace(LETTER, content="\0")]), "home")
    assert list(database.verdicts()) == []
    assert list(database.incidents(is_open=True)) == []


def test_keeping_a_turn_twice_sends_nothing_twice(database: Database) -> None:
    database.keep_turn(TURN, "home")
    database.begin_try(LETTER.id, NIGHT)
    database.end_try(LETTER.id, [TAKEN], None)
    database.keep_turn(TURN, "home")
    assert list(database.due_letters(LATER)) == []


def test_a_turn_kept_late_tells_of_the_tries_meanwhile(database: Database) -> None:
    """The connection broke at the commit, nobody knew whether it was kept, and the letter was sent from memory."""
    sent = replace(LETTER, tries=1, begun=NIGHT, done=NIGHT, outcome="by sms anna: it took it")
    database.keep_turn(TURN, "home")
    database.keep_turn(replace(TURN, letters=[sent]), "home")
    assert list(database.due_letters(LATER)) == []
    assert list(database.latest_letters(5)[0]) == [sent]


def test_another_vantage_leaves_a_letter_until_it_is_long_overdue(database: Database) -> None:
    database.keep_turn(TURN, "home")
    assert list(database.due_letters(LATER, "home")) == [LETTER]
    assert list(database.due_letters(LATER, "elsewhere")) == []
    assert list(database.due_letters(LATER)) == [LETTER]
    assert list(database.due_letters(NIGHT + ADOPTED_AFTER, "elsewhere")) == [LETTER]


def test_a_letter_is_due_until_it_is_done(database: Database) -> None:
    database.keep_turn(TURN, "home")
    assert list(database.due_letters(NIGHT - timedelta(seconds=1))) == []
    database.begin_try(LETTER.id, NIGHT)
    assert [letter.begun for letter in database.due_letters(NIGHT)] == [NIGHT]
    database.end_try(LETTER.id, [FAILED], LATER)
    assert list(database.due_letters(NIGHT)) == []
    assert [(letter.begun, letter.tries) for letter in database.due_letters(LATER)] == [(None, 1)]
    database.end_try(LETTER.id, [FAILED, TAKEN], None)
    assert list(database.due_letters(LATER)) == []
    letters, deliveries = database.latest_letters(5)
    assert [letter.outcome for letter in letters] == ["by sms anna: it took it"]
    assert list(deliveries) == [FAILED, FAILED, TAKEN]


def test_an_uncertain_try_stays_known_as_such(database: Database) -> None:
    database.keep_turn(TURN, "home")
    database.begin_try(LETTER.id, NIGHT)
    database.end_try(LETTER.id, [FAILED], LATER, is_certain=False)
    assert [letter.begun for letter in database.due_letters(LATER)] == [NIGHT]


def test_an_incident_is_answered_once(database: Database) -> None:
    database.keep_turn(TURN, "home")
    assert database.acknowledge("wiki-1", "anna")
    assert not database.acknowledge("wiki-1", "bert")
    assert not database.acknowledge("wiki-2", "bert")
    database.keep_turn(Turn(incidents=[replace(INCIDENT, closed=LATER)]), "home")
    assert [one.acknowledged for one in database.incidents(is_open=False)] == ["anna"]
    assert list(database.incidents(is_open=True)) == []


def test_what_is_watched_no_more_is_forgotten(database: Database) -> None:
    database.keep_turn(TURN, "home")
    database.keep_turn(Turn(forgotten=[("wiki", "http")]), "elsewhere")
    assert list(database.verdicts()) == [VERDICT]
    database.keep_turn(Turn(forgotten=[("wiki", "http")]), "home")
    assert list(database.verdicts()) == []
