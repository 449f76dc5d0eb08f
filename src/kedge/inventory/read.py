"""The inventory, read: from files to the model, or all mistakes at once."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from kedge.errors import InventoryError, Mistake
from kedge.inventory.attested import read_facts
from kedge.inventory.builder import Builder
from kedge.inventory.files import find_files, read_text
from kedge.inventory.sections import Collected, collect
from kedge.inventory.syntax import parse
from kedge.model.inventory import Inventory


def read_inventory(path: Path, instead: Mapping[Path, str] | None = None) -> Inventory:
    """Return the inventory in a file or a folder, with the attested facts beside it.

    `instead` are texts to read in place of what some of its files hold, before they are written there.
    Raises InventoryError with every mistake, in file order: `file:line:column: sentence`.
    """
    mistakes: list[Mistake] = []
    with _without_collections():
        inventory = _read(path, instead or {}, mistakes)
    if mistakes or inventory is None:
        raise InventoryError(mistakes, hint="`kedge schema` describes the language")
    return inventory


def _read(path: Path, instead: Mapping[Path, str], mistakes: list[Mistake]) -> Inventory | None:
    files = find_files(path)
    collected = Collected()
    for each in files.inventory:
        text = instead[each] if each in instead else read_text(each, mistakes)
        if text is not None:
            collect(collected, parse(text, str(each), mistakes), str(each), mistakes)
    builder = Builder(collected, mistakes)
    sections = builder.build()
    facts = read_facts(files.evidence, builder.register, mistakes)
    if sections is None or mistakes:
        return None
    return Inventory(sections, tuple(builder.unknowns), facts, builder.register.marks, str(path))


@contextmanager
def _without_collections() -> Iterator[None]:
    """Building 100,000 nodes makes no garbage; looking for it would cost a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
