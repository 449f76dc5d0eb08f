"""The inventory as it is enclosed in each snapshot, and found again in a store."""

from __future__ import annotations

from kedge.app.workshop import Workshop
from kedge.errors import KedgeError
from kedge.inventory.files import find_files
from kedge.model.package import PackageList
from kedge.work.enclosure import Enclosure

ALONE = "kedge.yaml"
"""How an inventory of one file is called in a snapshot, whatever it is called here."""


def read_enclosure(workshop: Workshop, packages: PackageList | None = None) -> Enclosure:
    """Return the inventory's files as they are now; nothing, and a word about it, if they cannot be read.

    Data without an inventory beside it is worth more than no snapshot.
    """
    path = workshop.opened.path
    try:
        files = find_files(path)
        found = {ALONE if each == path else each.name: each.read_bytes() for each in files.inventory}
        if files.evidence.is_file():
            found[files.evidence.name] = files.evidence.read_bytes()
    except (OSError, KedgeError) as failure:
        workshop.tell(f"the inventory is not saved beside the data: {failure}")
        return Enclosure()
    return Enclosure(found, packages)
