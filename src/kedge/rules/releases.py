"""When the security support of well-known systems ends, from their publishers' announcements (as of 2026).

Debian: LTS wiki; Ubuntu: release cycle page (standard support); CentOS and AlmaLinux: end-of-life pages.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

_ENDS = {
    ("debian", "4"): "2010-02-15",
    ("debian", "5"): "2012-02-06",
    ("debian", "6"): "2016-02-29",
    ("debian", "7"): "2018-05-31",
    ("debian", "8"): "2020-06-30",
    ("debian", "9"): "2022-06-30",
    ("debian", "10"): "2024-06-30",
    ("debian", "11"): "2026-08-31",
    ("debian", "12"): "2028-06-30",
    ("debian", "13"): "2030-06-30",
    ("ubuntu", "14.04"): "2019-04-30",
    ("ubuntu", "16.04"): "2021-04-30",
    ("ubuntu", "18.04"): "2023-05-31",
    ("ubuntu", "20.04"): "2025-05-31",
    ("ubuntu", "22.04"): "2027-04-30",
    ("ubuntu", "24.04"): "2029-04-30",
    ("centos", "5"): "2017-03-31",
    ("centos", "6"): "2020-11-30",
    ("centos", "7"): "2024-06-30",
    ("centos", "8"): "2021-12-31",
}
_SYSTEM = re.compile(r"(debian|ubuntu|centos)\D{0,20}?(\d{1,2}(?:\.\d\d)?)", re.IGNORECASE | re.ASCII)


def support_end(system: str) -> datetime | None:
    """Return when security updates of a system end (UTC); None for what is not in the table."""
    match = _SYSTEM.search(system)
    if not match:
        return None
    name, release = match[1].lower(), match[2]
    end = _ENDS.get((name, release)) or _ENDS.get((name, release.partition(".")[0]))
    return datetime.fromisoformat(end).replace(tzinfo=UTC) if end else None
