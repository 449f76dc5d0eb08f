"""How kinds write the settings of a copy: whatever a name holds, it stays a name."""

from __future__ import annotations

import ast
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.kinds.pages import Nowhere
from kedge.kinds.request_tracker import _settings as perl
from kedge.kinds.spirit import _settings as python
from kedge.kinds.xmpp import Prosody
from kedge.model.instance import File, Instance
from kedge.model.ports import Address

SOCKETS = {"postgresql": "/run/postgresql/.s.PGSQL.5433", "mysql": "/run/mysqld/mysqld.sock"}
names = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=30)


@given(names, st.sampled_from(sorted(SOCKETS)))
def test_python_stays_python(module: str, server: str) -> None:
    tree = ast.parse(python(module, server, PurePosixPath(SOCKETS[server])))
    called = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module")
    ]
    assert [ast.literal_eval(node.args[0]) for node in called] == [module]


@pytest.mark.parametrize(("server", "expected"), [("postgresql", "'5433'"), ("mysql", "undef")])
def test_a_copy_asks_its_own_database(server: str, expected: str) -> None:
    text = perl(server, PurePosixPath(SOCKETS[server]))
    assert f"Set($DatabasePort, {expected});" in text
    assert "@" not in text.replace("@{", "")
    assert "Set($MailCommand, 'testfile');" in text


def written(service: Prosody, server: str) -> str:
    dial = {name: Address("127.0.0.1", port) for name, port in (("xmpp-client", 21001), ("xmpp-server", 21002))}
    used = {"postgresql": "postgresql", "mysql": "socket"}[server]
    database = Instance("sandbox", Nowhere(), {used: Address(SOCKETS[server])})
    at = Instance("sandbox", Nowhere(), dial, uses={"database": database})
    return next(step.content for step in service.start(at) if isinstance(step, File))


@pytest.mark.parametrize(("server", "driver"), [("postgresql", "PostgreSQL"), ("mysql", "MySQL")])
def test_prosody_is_told_of_its_database_and_ports(server: str, driver: str) -> None:
    service = Prosody(domains=("example.org",), database="db", database_name='x"; os.exit() --')
    text = written(service, server)
    assert f'driver = "{driver}", database = "x\\"; os.exit() --"' in text
    assert "c2s_ports = { 21001 }" in text
    assert text.index('Include "/etc/prosody') < text.index("c2s_ports")
