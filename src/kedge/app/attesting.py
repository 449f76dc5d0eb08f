"""Attested facts, written into the `evidence.yaml` beside an inventory: comments kept, replaced as a whole."""

from __future__ import annotations

import io
import os
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from kedge.app.opening import Opened
from kedge.errors import OutsideError, UsageError
from kedge.inventory.read import read_inventory

FILE_NAME = "evidence.yaml"


def attest_works(opened: Opened, account: str, by: str, at: datetime) -> Path:
    """Note that somebody opened an account at this moment; returns the file. Raises UsageError for anything else."""
    accounts, people = opened.inventory.sections.accounts, opened.inventory.sections.people
    if account not in accounts:
        opened.inventory.find(account)
        raise UsageError(f"'{account}' is not an account", hint=f"accounts: {', '.join(accounts) or 'none declared'}")
    if not by:
        holders = opened.inventory.persons(accounts[account].held_by)
        raise UsageError(
            "who tried it?", hint=f"--by NAME; {account} is held by {', '.join(holders) or 'nobody known'}"
        )
    if by not in people:
        raise UsageError(f"'{by}' is not a person of the inventory", hint=f"people: {', '.join(people)}")
    fact = {"thing": account, "what": f"works/{by}", "value": "yes", "at": f"{at:%Y-%m-%d %H:%M}", "by": by}
    return _append(opened.path, fact)


def _append(inventory: Path, fact: dict[str, str]) -> Path:
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    file = (inventory if inventory.is_dir() else inventory.parent) / FILE_NAME
    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 10_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    before = file.read_bytes() if file.exists() else None
    content: Any = yaml.load(before.decode()) if before else None
    content = content if content else CommentedMap({"version": 1})
    if not content.get("facts"):
        content["facts"] = CommentedSeq()
    entry = CommentedMap(fact)
    entry.fa.set_flow_style()
    content["facts"].append(entry)
    text = io.StringIO()
    yaml.dump(content, text)
    _replace(file, text.getvalue().encode())
    try:
        read_inventory(inventory)
    except BaseException:
        file.unlink() if before is None else _replace(file, before)
        raise
    return file


def _replace(file: Path, content: bytes) -> None:
    """Put the new content in place as a whole; the mode stays."""
    try:
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.", delete=False) as new:
            new.write(content)
            new.flush()
            os.fsync(new.fileno())
        os.chmod(new.name, file.stat().st_mode & 0o7777 if file.exists() else 0o644)
        os.replace(new.name, file)
    except OSError as cause:
        raise OutsideError(f"{file} could not be written", hint="nothing was changed") from cause
