"""The systemd unit that keeps `kedge watch` running, for one user or for the machine."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from kedge.errors import OutsideError

NAME = "kedge-watch.service"
UNIT = """\
[Unit]
Description=kedge watches {inventory}
Documentation=man:kedge(1)
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStart={command}
EnvironmentFile=-{settings}
Restart=always
RestartSec=10
{user}TasksMax=1000
MemoryMax=1G

[Install]
WantedBy={target}
"""


def unit_text(inventory: Path, options: Sequence[str], whose: Literal["user", "system"]) -> str:
    """Return the unit's text; settings such as KEDGE_RELAY stand in a file beside it, which may be missing."""
    kedge = Path(sys.argv[0]).resolve()
    argv = [str(kedge), "watch", "--inventory", str(inventory.resolve()), *options]
    settings = "%h/.config/kedge/watch.env" if whose == "user" else "/etc/kedge/watch.env"
    user = "" if whose == "user" else f"User={os.environ.get('SUDO_USER') or 'kedge'}\n"
    target = "default.target" if whose == "user" else "multi-user.target"
    command = shlex.join(argv).replace("%", "%%")
    return UNIT.format(inventory=inventory.name, command=command, settings=settings, user=user, target=target)


def install_unit(text: str, whose: Literal["user", "system"]) -> Path:
    """Write the unit, start it now and at every boot, and return its file; raises OutsideError."""
    folder = Path.home() / ".config/systemd/user" if whose == "user" else Path("/etc/systemd/system")
    place = folder / NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    except OSError as failure:
        raise OutsideError(f"{place}: {failure.strerror}", hint="run as root, or `--install user`") from failure
    ours = ["--user"] if whose == "user" else []
    for words in (["daemon-reload"], ["enable", NAME], ["restart", NAME]):
        try:
            done = subprocess.run(["systemctl", *ours, *words], capture_output=True, text=True, check=False)
        except OSError as failure:
            raise OutsideError(f"{place} was written, but there is no systemctl here") from failure
        if done.returncode:
            raise OutsideError(f"{place} was written, but systemctl {words[0]} failed: {done.stderr.strip()}")
    return place
