"""Every kind of service kedge knows, by name."""

from __future__ import annotations

from collections.abc import Mapping

from kedge.kinds.named import NAMED
from kedge.model.service import Service

KINDS: Mapping[str, type[Service]] = {kind.kind: kind for kind in NAMED}
"""Name -> class; one module per kind, listed here by hand so that reading it needs no import magic."""
