"""File systems in which a server is installed: this machine's own, or the image of the lab."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.integration.conftest import need
from tests.lab.cache import DEFAULT_FOLDER, Cache
from tests.lab.ground import install_tools
from tests.lab.image import Image
from tests.lab.organisation import organisation
from tests.lab.progress import Progress


def find_root(what: str, *files: str) -> Path:
    """Return a file system that has all these files; skips the test if there is none.

    Where the lab may not be missing, its image is made now (two to four minutes, once).
    """
    need("bwrap", "bubblewrap")
    cache = Path(os.environ.get("KEDGE_LAB_CACHE", DEFAULT_FOLDER))
    for root in (Path("/"), *sorted(cache.glob("image-*[0-9a-f]"))):
        if all(os.path.lexists(root / file) for file in files):
            return root
    if os.environ.get("KEDGE_REQUIRE_LAB") and not os.environ.get("KEDGE_LAB_OBSTACLE"):
        plan, progress = organisation(), Progress()
        install_tools(progress)
        return Image(plan.packages(), plan.python_packages()).folder(Cache(), progress)
    pytest.skip(f"needs {what}, or script/lab up")
