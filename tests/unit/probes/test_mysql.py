"""Rights that a complete dump of a database server needs."""

from __future__ import annotations

import pytest

from kedge.parts.mariadb_look import PRIVILEGES, missing_privileges


@pytest.mark.parametrize(
    ("grants", "missing"),
    [
        ("GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION", []),
        (f"GRANT {', '.join(PRIVILEGES)} ON *.* TO `kedge`@`localhost` IDENTIFIED VIA unix_socket", []),
        ("GRANT USAGE ON *.* TO `kedge`@`%`\nGRANT ALL PRIVILEGES ON `wiki`.* TO `kedge`@`%`", list(PRIVILEGES)),
        ("GRANT SELECT, RELOAD, LOCK TABLES, PROCESS, SHOW VIEW, EVENT ON *.* TO `kedge`@`%`", ["TRIGGER"]),
        ("", list(PRIVILEGES)),
    ],
)
def test_rights_that_a_complete_dump_needs(grants: str, missing: list[str]) -> None:
    assert missing_privileges(grants) == missing
