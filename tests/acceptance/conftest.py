"""What acceptance tests share: the command, and copies of the examples to write into."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.acceptance.command import CLUB_12, SMALL_CLUB, Kedge


@pytest.fixture
def kedge(tmp_path: Path) -> Kedge:
    home = tmp_path / "home"
    home.mkdir()
    return Kedge(home)


@pytest.fixture
def club(tmp_path: Path) -> Path:
    """A copy of examples/club-12."""
    return Path(shutil.copytree(CLUB_12, tmp_path / "club"))


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A copy of examples/small-club."""
    return Path(shutil.copytree(SMALL_CLUB, tmp_path / "small"))
