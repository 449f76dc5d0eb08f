"""Where the database of an inventory lies.

`KEDGE_EVIDENCE` names the file. Without it: `$XDG_STATE_HOME/kedge/<inventory-id>/evidence.sqlite`, where the
variable defaults to `~/.local/state` (XDG Base Directory Specification 0.8) and the id is the inventory's last name
and the start of the SHA-256 of its real path, such as `small-club-1f0c5d2a9b3e`. So every inventory of every user has
its own database and no two mix; an inventory that is moved takes it along by renaming that folder or by the variable.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from kedge.errors import EvidenceError

VARIABLE = "KEDGE_EVIDENCE"
FILE_NAME = "evidence.sqlite"


def find_place(inventory: Path, environ: Mapping[str, str]) -> Path:
    """Return the absolute path of an inventory's database file, which need not exist."""
    chosen = environ.get(VARIABLE, "")
    if "://" in chosen:
        raise EvidenceError(f"{VARIABLE}={chosen.partition('://')[0]}://…: kedge keeps evidence in a SQLite file only",
                            hint=f"set {VARIABLE} to the path of a file on a local disk")  # fmt: skip
    if chosen:
        return Path(os.path.abspath(_expand(chosen)))
    return _state_home(environ) / "kedge" / name_inventory(inventory) / FILE_NAME


def name_inventory(inventory: Path) -> str:
    """Return the id of an inventory: readable, safe as a folder's name, one for each real path."""
    real = Path(os.path.realpath(inventory))
    digest = hashlib.sha256(os.fsencode(real)).hexdigest()[:12]
    slug = re.sub(r"[^a-z0-9]+", "-", real.stem.lower(), flags=re.ASCII).strip("-")[:40]
    return f"{slug}-{digest}" if slug else digest


def _state_home(environ: Mapping[str, str]) -> Path:
    # The specification: a relative path is invalid and to be ignored.
    home = Path(environ.get("XDG_STATE_HOME", ""))
    return home if home.is_absolute() else _expand("~/.local/state")


def _expand(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise EvidenceError(
            f"no home folder is known for {path}", hint=f"set {VARIABLE} to the path of a file on a local disk"
        ) from error
