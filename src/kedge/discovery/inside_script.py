"""What a host is asked from within: one read-only script, `inside.sh`, after the questions of the system probe."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from kedge.kinds.recognition import marker_names
from kedge.probes.system_report import SCRIPT as SYSTEM

LIMIT_S = 60
END = 'echo "== end"\n'


@cache
def inside_script() -> str:
    """Return the script: what the system probe asks, then everything about services."""
    names = " -o ".join(f"-name '{name}'" for name in marker_names())
    own = files("kedge.discovery").joinpath("inside.sh").read_text(encoding="utf-8")
    lines = [line for line in own.replace("@MARKERS@", names).splitlines() if not line.startswith("#")]
    return SYSTEM.replace(END, "") + "\n".join(lines) + "\n" + END
