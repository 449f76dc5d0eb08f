"""What integration tests need of the machine, and how what they prove of a kind is recorded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import date
from importlib.metadata import version
from pathlib import Path

import pytest

import kedge.kinds
from kedge.kinds.grades import FILE, GRADES, PROOFS, Grade, Proof


def need(program: str, package: str) -> None:
    """Skip with a reason if a program is missing; tests/levels.py makes a failure of it where none may be missing."""
    if not shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin"):
        pytest.skip(f"needs {program} (Debian package {package})")


@pytest.fixture
def bwrap() -> None:
    need("bwrap", "bubblewrap")


@pytest.fixture
def prove(request: pytest.FixtureRequest) -> Callable[[str, Grade], None]:
    """Record what a test has just proven of a kind, if KEDGE_RECORD_GRADES=1; called as its last statement.

    The date is the day it was proven, so that a recorded grade grows old like any other evidence.
    """

    def record(kind: str, grade: Grade) -> None:
        if os.environ.get("KEDGE_RECORD_GRADES") != "1":
            return
        path = Path(kedge.kinds.__path__[0]) / FILE
        proofs = PROOFS.validate_json(path.read_bytes())
        order = list(GRADES)
        if kind in proofs and order.index(proofs[kind].grade) > order.index(grade):
            return  # another test has proven more
        by = f"{request.path.relative_to(request.config.rootpath)}::{request.function.__name__}"
        proofs[kind] = Proof(grade, date.today(), version("kedge"), by)
        path.write_bytes(PROOFS.dump_json(dict(sorted(proofs.items())), indent=2) + b"\n")

    return record
