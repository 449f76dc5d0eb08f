"""Save and drill without keeping a run: how the tests of kinds try one out."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path

from kedge.model.instance import Instance
from kedge.model.ports import Clock, Sandbox, Snapshot, SnapshotStore
from kedge.work.fetching import Copy
from kedge.work.rehearsal import Proof, rehearse
from kedge.work.saving import Dump, Preflight
from kedge.work.spool import Spool
from kedge.work.subject import Subject, instance_of

__all__ = ["DrillResult", "Subject", "drill", "save"]
DrillResult = Proof


async def save(subject: Subject, at: Instance, store: SnapshotStore) -> Snapshot:
    """Save every part of a service as one snapshot; raises Refused with the first obstacle."""
    with tempfile.TemporaryDirectory(prefix="kedge-spool-") as here:
        spool = Spool(uuid.uuid4().hex, Path(here))
        await Preflight(subject, at, {}, spool).do()
        censuses = []
        spool.files.mkdir()
        for part in subject.parts():
            dump = Dump(part, instance_of(part, at), spool)
            try:
                await dump.do()
            except BaseException:
                await dump.undo()
                raise
            censuses.append(dump.census())
        return await store.save(subject.name, spool.files, censuses)


async def drill(
    subject: Subject, snapshots: Mapping[str, Snapshot], store: SnapshotStore, sandbox: Sandbox, clock: Clock
) -> DrillResult:
    """Return what restoring these snapshots (service -> snapshot) into a sandbox proved."""
    copies = {name: Copy(store, snapshot) for name, snapshot in snapshots.items()}
    with tempfile.TemporaryDirectory(prefix="kedge-drill-") as here:
        return await rehearse(subject, copies, sandbox, clock, Path(here))
