"""Several real processes at once, and processes that are killed."""

import json
import random
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path
from threading import Thread

from kedge.evidence.database import Database
from kedge.evidence.place import Server
from kedge.model.facts import Facts
from tests.integration.evidence.places import Places
from tests.integration.evidence.samples import NIGHT

WORKER = Path(__file__).with_name("worker.py")
NOW = NIGHT + timedelta(days=9999)
WRITERS, EACH = 4, 20


def start(place: Path | Server, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(WORKER), place.url if isinstance(place, Server) else str(place), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def count_pairs(facts: Facts) -> Counter[int]:
    """Return for each pair how many of its two facts are there."""
    return Counter(int(what.partition("/")[2]) for _, what in facts.latest)


def test_several_writers_at_once_lose_nothing_from_the_first_moment(places: Places) -> None:
    """None makes the database for the others: they also race to create and migrate it."""
    path = places.place()
    workers = [start(path, "record", f"writer-{number}", str(EACH)) for number in range(WRITERS)]
    results = [worker.communicate() for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * WRITERS, results
    assert all(len(stdout.splitlines()) == EACH for stdout, _ in results)
    facts = Database(path).facts(NOW)
    assert len(facts.latest) == WRITERS * EACH * 2
    assert count_pairs(facts) == dict.fromkeys(range(EACH), WRITERS * 2)


def test_threads_of_one_process_may_share_it(database: Database) -> None:
    from tests.integration.evidence.worker import pair

    def write(name: str) -> None:
        for number in range(10):
            database.record(pair(number, name))

    threads = [Thread(target=write, args=(f"thread-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(database.facts(NOW).latest) == 80


def test_a_killed_writer_leaves_whole_transactions_and_all_it_acknowledged(places: Places) -> None:
    path = places.place()
    chance = random.Random(20070106)
    known = 0
    for life in range(5):
        acknowledged = kill_while_writing(path, f"life-{life}", after=chance.randrange(6))
        facts = Database(path).facts(NOW)
        mine = Facts(NOW, {key: one for key, one in facts.latest.items() if key[0] == f"life-{life}"})
        pairs = count_pairs(mine)
        assert set(pairs.values()) <= {2}, "a transaction was kept by half"
        assert set(range(acknowledged)) <= set(pairs), "an acknowledged fact is lost"
        assert len(pairs) <= acknowledged + 1
        known += 2 * len(pairs)
    assert len(Database(path).facts(NOW).latest) == known


def kill_while_writing(path: Path | Server, name: str, after: int) -> int:
    """Return how many pairs the worker acknowledged before it was killed in the midst of the next ones."""
    worker = start(path, "record", name)
    assert worker.stdout
    with worker:
        for _ in range(after):
            worker.stdout.readline()
        worker.kill()
        rest = worker.stdout.read()  # what readline has fetched already counts: communicate would miss it
    said = [json.loads(line) for line in rest.splitlines() if line.strip().isdecimal()]
    return max([after, *(number + 1 for number in said)])
