"""What integration tests need of the machine: a missing program is a skip on a laptop and a failure in CI."""

from __future__ import annotations

import os
import shutil

import pytest


def need(program: str, package: str) -> None:
    """Skip with a reason, or fail in CI, if a program is missing."""
    if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin"):
        return
    reason = f"needs {program} (Debian package {package})"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def bwrap() -> None:
    need("bwrap", "bubblewrap")
