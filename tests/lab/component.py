"""What a component of the lab is: one service on one host, with its recipe."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from tests.lab.host import Host


@dataclass(frozen=True)
class Component:
    """A service and how to set it up, start, await and stop it.

    `prepare` runs once, without network and with passwords that are thrown away; its result is cached.
    `personalise` runs at every start of a fresh disk: keys, certificates, passwords of this lab.
    A dataclass, so that its text says what it is set up with: the cache goes by that.
    The scripts are for `bash`; `ready` is asked again and again until it ends with 0.
    """

    name: ClassVar[str]
    """The service's name, as in `freeze HOST SERVICE`."""
    packages: ClassVar[frozenset[str]] = frozenset()
    python_packages: ClassVar[frozenset[str]] = frozenset()
    process: ClassVar[str]
    """A regular expression that finds the service's processes by their command lines."""

    def prepare(self, host: Host) -> None:
        """Set the service up, once, on an empty host; what it starts it may leave running."""

    def personalise(self, host: Host) -> None:
        """Put this lab's secrets in, before the first start from a fresh disk."""

    def start(self) -> str:
        """The script that starts the service and comes back."""
        return ""

    def ready(self) -> str:
        """The script that ends with 0 once the service answers in its own protocol."""
        return "true"

    def stop(self) -> str:
        """The script that stops the service as an admin would, and waits for it."""
        return ""

    def settle(self, host: Host) -> None:
        """What can be put right only while the service runs; after the first start from a fresh disk."""


def greets(port: int, hello: str, ask: str = "") -> str:
    """A script that ends with 0 if the TCP port says hello, after being asked something if need be."""
    send = f"printf '{ask}\\r\\n' >&3; " if ask else ""
    return f"exec 3<>/dev/tcp/127.0.0.1/{port} && {send}read -r -t 5 line <&3 && [[ $line == *{hello}* ]]"


def ended(pattern: str, ask: str = "", limit_s: int = 20) -> str:
    """A script that asks a service to end (default: SIGTERM), waits for it, and kills what is left after the limit.

    The pattern is a regular expression over command lines.
    """
    # In brackets, so that the pattern does not match the command line of the shell that runs this script.
    own = re.sub(r"([a-z])", r"[\1]", pattern, count=1)
    ask = ask or f"pkill -f '{own}'"
    return (
        f"{ask}; "
        f"for i in $(seq {limit_s * 20}); do pgrep -f '{own}' >/dev/null || break; sleep 0.05; done; "
        f"pkill -9 -f '{own}' || true"
    )
