"""All kinds as a table: the answer of `kedge kinds`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from kedge.kinds.grades import Grade, read_proofs
from kedge.kinds.registry import KINDS


@dataclass(frozen=True, slots=True)
class KindEntry:
    """One kind: its name, its grade with date and version of the proof, and what it is."""

    kind: str
    grade: Grade
    summary: str
    at: date | None
    version: str
    is_stateless: bool

    def to_json(self) -> dict[str, str | bool | None]:
        """Return it as JSON data."""
        return {
            "kind": self.kind,
            "grade": self.grade,
            "summary": self.summary,
            "at": self.at.isoformat() if self.at else None,
            "version": self.version or None,
            "stateless": self.is_stateless,
        }


def list_kinds() -> Sequence[KindEntry]:
    """Return every kind, in order of their names."""
    proofs = read_proofs()
    entries = []
    for name, kind in KINDS.items():
        proof = proofs.get(name)
        grade: Grade = proof.grade if proof else "described"
        at, version = (proof.at, proof.version) if proof else (None, "")
        entries.append(KindEntry(name, grade, kind.summary, at, version, kind.is_stateless))
    return entries
