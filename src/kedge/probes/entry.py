"""Why a host could not be entered, in words that do not vary: what the login said, as far as it is known."""

from __future__ import annotations

from collections.abc import Mapping

from kedge.model.observation import Observation, Status
from kedge.model.ports import Exit
from kedge.probes.wording import quote

REASONS: Mapping[str, str] = {
    "declares no login": "the inventory declares no login for it",
    "connection refused": "ssh was refused",
    "connection timed out": "ssh did not answer",
    "did not come about within": "ssh did not answer",
    "no route to host": "there is no route to it",
    "network is unreachable": "there is no route to it",
    "could not resolve hostname": "its name was not found",
    "host key verification failed": "its host key is not the known one",
    "permission denied": "it does not take kedge's key",
    "connection closed": "ssh hung up",
    "connection reset": "ssh hung up",
    "a password is required": "sudo asks for a password",
}
"""What ssh(1), sudo(8) and kedge itself say -> what that means."""


def not_entered(ended: Exit, host: str = "") -> Observation:
    """Return that nothing could be seen there (unknown): `its host could not be entered: ssh was refused`."""
    said = quote(ended.stderr)
    reason = next((means for phrase, means in REASONS.items() if phrase in said.lower()), "")
    what = f"{host} could not be entered".strip() + (f": {reason}" if reason else "")
    return Observation(Status.UNKNOWN, what, {"said": said})
