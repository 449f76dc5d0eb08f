"""Fixtures: a running lab for the whole session; fresh disks for one test.

A lab needs root, namespaces and overlayfs. Without them its tests are skipped with the reason;
with CI=true or KEDGE_REQUIRE_LAB=1 they fail instead.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from tests.lab.errors import NoGroundError
from tests.lab.ground import require_ground
from tests.lab.host import Host
from tests.lab.lab import Lab
from tests.lab.progress import Progress


def is_required() -> bool:
    """Whether a missing lab is a failure."""
    return os.environ.get("CI") == "true" or os.environ.get("KEDGE_REQUIRE_LAB") == "1"


@pytest.fixture(scope="session")
def ground() -> None:
    """Skip, or fail where the lab is required, if this machine cannot carry a lab."""
    try:
        require_ground()
    except NoGroundError as reason:
        if is_required():
            pytest.fail(f"the lab is required here, but {reason}")
        pytest.skip(f"no lab: {reason}")


@pytest.fixture(scope="session")
def new_lab(ground: None) -> Iterator[Callable[..., Lab]]:
    """Brings up labs of the test session's own; they end with it, also if it is killed."""
    reader, writer = os.pipe()
    labs: list[Lab] = []

    def begin(name: str, story: str = "") -> Lab:
        labs.append(Lab.up(f"test-{os.getpid()}-{name}", story, progress=Progress(), lifeline=reader))
        return labs[-1]

    yield begin
    for one in labs:
        one.down()
    os.close(writer)
    os.close(reader)


@pytest.fixture(scope="session")
def shared_lab(new_lab: Callable[..., Lab]) -> Lab:
    """The session's lab as it is; tests take `lab`, which puts right what they break."""
    return new_lab("shared")


@pytest.fixture
def lab(shared_lab: Lab) -> Iterator[Lab]:
    """The running, conservative lab. What a test breaks through the lab's own failures is repaired after it."""
    yield shared_lab
    shared_lab.repair()


@pytest.fixture
def fresh_host(lab: Lab) -> Iterator[Callable[[str], Host]]:
    """A host for a test that writes on it: it (and its guests) get fresh disks when the test is over."""
    used: list[str] = []

    def take(name: str) -> Host:
        used.append(name)
        return lab.host(name)

    yield take
    lab.reset(*used)


@pytest.fixture
def lab_reset(lab: Lab) -> Iterator[Lab]:
    """The lab for a test that writes in many places: every host gets a fresh disk when the test is over."""
    yield lab
    lab.reset()
