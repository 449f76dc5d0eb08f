"""Logins that probes may use: names in the configuration, passwords only when they are needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from kedge.model.instance import Instance
from kedge.model.observation import Status
from kedge.probes.dialogue import Broken


@runtime_checkable
class Keyring(Protocol):
    """An optional ability of a site: it can open the secrets that kedge itself was given."""

    async def open_secret(self, name: str) -> str:
        """Return the secret; raises OutsideError if it cannot be had."""
        ...


@dataclass(frozen=True, slots=True)
class Login:
    """Who to log in as, and the name of the secret in the inventory that holds the password."""

    user: str
    secret: str


async def open_login(at: Instance, login: Login) -> tuple[str, str]:
    """Return user and password; raises Broken (unknown) where kedge has no secrets, OutsideError if it has not this."""
    if not isinstance(at.site, Keyring):
        raise Broken(f"kedge was not given the secret '{login.secret}'", Status.UNKNOWN)
    return login.user, await at.site.open_secret(login.secret)
