"""What files were written as: `SHA256SUMS` beside them, as sha256sum(1) has it, taken where they were made."""

from __future__ import annotations

import re
from collections.abc import Mapping

SUMS = "SHA256SUMS"
LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")


def read_sums(data: bytes) -> Mapping[str, str]:
    """Return the SHA-256 of each file that is listed; lines that are none are passed over."""
    found = (LINE.fullmatch(line) for line in data.decode("utf-8", "replace").splitlines())
    return {match[2]: match[1] for match in found if match}
