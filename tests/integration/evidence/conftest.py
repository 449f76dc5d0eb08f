from datetime import timedelta
from pathlib import Path

import pytest

from kedge.evidence.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "state" / "evidence.sqlite", patience=timedelta(seconds=5))
