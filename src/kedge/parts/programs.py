"""Whether the programs are there that a part is saved by."""

from __future__ import annotations

from datetime import timedelta

from kedge.model.instance import Obstacle
from kedge.model.ports import Shell

LIMIT = timedelta(minutes=5)
# $@ the programs; the first that is missing is named. What the last one says of its version is asked for as well.
SCRIPT = """
for program; do command -v "$program" >/dev/null || { echo "$program"; exit 1; }; done
"$program" --version || true
"""


async def find_programs(shell: Shell, *programs: str, package: str) -> tuple[list[Obstacle], str]:
    """Return what stands in the way, and what the last of the programs says of its version."""
    found = await shell.run(("sh", "-c", SCRIPT, "sh", *programs), limit=LIMIT)
    said = found.stdout.decode(errors="replace").strip()
    if found.code is None:
        why = found.stderr.decode(errors="replace").strip()[:300]
        return [Obstacle(why, "let kedge in, to the server's place")], ""
    return ([Obstacle(f"{said} is missing", f"install {package}")] if found.code else []), said
