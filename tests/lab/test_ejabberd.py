"""ejabberd on a host of the lab: saved over its login, drilled, brought back on a host whose node has another name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab.host import Host
from tests.lab.lab import Lab
from tests.lab.test_backup import PASSPHRASE, Desk

pytestmark = pytest.mark.lab
INVENTORY = """\
version: 1
organisation: {{name: Verein}}
hosts:
  hetzner-old: {{login: ssh root@hetzner-old.verein.example}}
  spare: {{login: ssh root@spare.verein.example}}
  backup: {{}}
secrets:
  passphrase: {{from: "file:passphrase", kept: paper}}
stores:
  vault:
    {{type: restic, on: backup, repository: "sftp:store@backup.verein.example:/srv/store/chat", passphrase: passphrase}}
services:
  chat:
    kind: ejabberd
    host: hetzner-old
    domains: verein.example
    save: {{to: vault, drill: {{root: "folder:{root}"}}}}
domains:
  verein.example: {{}}
"""
START = "cd /; setsid ejabberdctl start </dev/null >/dev/null 2>&1; ejabberdctl started"
PEOPLE = """
ejabberdctl register anna verein.example Geheim-1 && ejabberdctl register bert verein.example Geheim-2 &&
ejabberdctl add_rosteritem anna verein.example bert verein.example Bert Vorstand both
"""


def bring_up(host: Host, node: str) -> None:
    """Start Debian's ejabberd under a node's name, with its own settings but for the domain."""
    host.sh(f"echo ERLANG_NODE={node} >> /etc/default/ejabberd")
    host.sh("sed -i 's/^  - localhost$/  - verein.example/' /etc/ejabberd/ejabberd.yml; rm -rf /var/lib/ejabberd/*.D*")
    host.sh("install -d -o ejabberd -g ejabberd /run/ejabberd /var/log/ejabberd")
    host.sh(START)


def test_it_comes_back_on_a_host_whose_node_is_called_otherwise(
    lab: Lab, tmp_path: Path, fresh_host: Callable[[str], Host]
) -> None:
    old, spare = fresh_host("hetzner-old"), fresh_host("spare")
    fresh_host("backup")
    root = lab.image
    (tmp_path / "kedge.yaml").write_text(INVENTORY.format(root=root))
    (tmp_path / "passphrase").write_text(f"{PASSPHRASE}\n")
    desk = Desk(lab, tmp_path)
    assert desk.call("backup", "--init", "vault").returncode == 0
    assert desk.state_of("backup", code=1) == {"chat": "failed"}  # it does not run yet
    bring_up(old, "alt@localhost")
    old.sh(PEOPLE)
    assert desk.state_of("backup") == {"chat": "saved"}
    assert desk.answer("drill")[0]["state"] == "proven"
    bring_up(spare, "ejabberd@localhost")
    restored = desk.call("restore", "chat", "--to", "spare", "--yes-replace", "chat")
    assert restored.returncode == 0, restored.stderr
    spare.sh("ejabberdctl check_password anna verein.example Geheim-1")
    assert "bert@verein.example" in spare.sh("ejabberdctl get_roster anna verein.example")
    assert "kedge" not in old.sh("ls /var/lib/ejabberd") + spare.sh("ls /var/lib/ejabberd")
