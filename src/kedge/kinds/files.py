"""Folders of files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain, count
from typing import Any, ClassVar

from kedge.model.service import Service
from kedge.parts.folder import FolderPart


def part_name(folder: str) -> str:
    """Return the name of a folder's part: `/srv/www` is `srv-www`."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in folder.lower())
    return plain.strip("-") or "root"


def take_name(text: str, taken: set[str]) -> str:
    """Return a part's name for a text that no other part has, and note that it is taken."""
    plain = part_name(text)
    name = next(name for name in chain([plain], (f"{plain}-{n}" for n in count(2))) if name not in taken)
    taken.add(name)
    return name


def folder_parts(folders: Iterable[str], taken: set[str] | None = None) -> Iterable[FolderPart]:
    """Yield a part for each folder, under names that differ, also from those that are taken."""
    names = set() if taken is None else taken
    for folder in dict.fromkeys(folders):
        yield FolderPart(folder, take_name(folder, names))


class Files(Service):
    """Folders that are worth saving, whoever writes and serves them."""

    kind: ClassVar[str] = "files"
    summary: ClassVar[str] = "folders of files"
    example: ClassVar[Mapping[str, Any]] = {"paths": ["/srv/share"]}
