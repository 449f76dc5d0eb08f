"""Folders, as an inventory names them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator


def check_folder(folder: str) -> str:
    """Return an absolute folder, or raise ValueError that names the expected form."""
    if not folder.startswith("/") or ".." in folder.split("/") or "\0" in folder:
        raise ValueError(f"expected an absolute folder such as '/srv/share', found '{folder}'")
    return folder.rstrip("/") or "/"


Folder = Annotated[str, AfterValidator(check_folder)]
