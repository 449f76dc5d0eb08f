from collections.abc import Iterator
from pathlib import Path

import pytest

from kedge.evidence.database import Database
from tests.integration.evidence.places import Files, Places, Postgresql, a_postgresql


@pytest.fixture(scope="session")
def server() -> Iterator[Postgresql]:
    with a_postgresql() as running:
        yield running


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def places(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Places:
    """Where databases lie; whatever uses this runs with a file and with a server."""
    if request.param == "sqlite":
        return Files(tmp_path_factory.mktemp("files"))
    found: Postgresql = request.getfixturevalue("server")
    return found


@pytest.fixture
def database(places: Places) -> Database:
    return places.database()


@pytest.fixture
def file(tmp_path: Path) -> Database:
    """A database in a file, for what only files have."""
    return Database(tmp_path / "state" / "evidence.sqlite")
