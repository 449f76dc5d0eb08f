"""LDAP (RFC 4511): not only its greeting, for it has none, but an entry of each database."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import timedelta

from kedge.model.instance import Instance, Scope
from kedge.model.observation import Observation, Status
from kedge.probes.dialogue import Broken, Call, Dialogue, converse, not_spoken
from kedge.probes.ldap_wire import (
    BOUND,
    DONE,
    ENTRY,
    NOTICE,
    REFERENCE,
    UNBIND,
    Found,
    NotLdap,
    bind,
    message,
    read_message,
    result_code,
    search,
    tlv,
    values,
)
from kedge.probes.login import Login, open_login
from kedge.probes.trust import default_trust

SUCCESS, NO_SUCH_OBJECT, WRONG_LOGIN = 0, 32, 49
WANTS_LOGIN = frozenset({8, 13, 48, 50, 53})
"""strongerAuthRequired, confidentialityRequired, inappropriateAuthentication, insufficientAccessRights, unwilling."""
NOTHING = "1.1"
"""The name of no attribute (§4.5.1.8): that an entry is there is enough."""
MOST = 1000


@dataclass(frozen=True, slots=True)
class LdapProbe:
    """Reads the top entry of each database: what only greets, or lost its data, does not pass."""

    suffixes: tuple[str, ...] = ()
    login: Login | None = None
    hostname: str = ""
    is_tls: bool = False
    endpoint: str = "ldap"
    limit: timedelta = timedelta(seconds=10)
    name: str = "ldap"
    scope: Scope = "instance"
    trust: ssl.SSLContext | None = None

    async def look(self, at: Instance) -> Observation:
        """Look once."""
        is_plain = bool((dial := at.dial.get(self.endpoint)) and dial.is_plain)

        async def talk(line: Dialogue) -> Observation:
            try:
                return await self._talk(line, at)
            except NotLdap as error:
                raise not_spoken("LDAP", str(error).encode(), line) from error

        trust = (self.trust or default_trust()) if self.is_tls and not is_plain else None
        return await converse(at, Call(self.endpoint, self.limit, trust, self.hostname), talk)

    async def _talk(self, line: Dialogue, at: Instance) -> Observation:
        if self.login:
            await _log_in(line, *await open_login(at, self.login))
        line.parting = message(9, tlv(UNBIND))
        suffixes = self.suffixes or await self._told(line)
        for number, suffix in enumerate(suffixes, 3):
            found = await _ask(line, number, suffix, NOTHING)
            if found.code != SUCCESS or not found.entries:
                raise self._missing(found.code, suffix, line)
        return Observation(Status.OK, f"holds {', '.join(suffixes)}", line.evidence)

    async def _told(self, line: Dialogue) -> tuple[str, ...]:
        """Return what the server says that it holds (RFC 4512 §5.1)."""
        found = await _ask(line, 2, "", "namingContexts")
        told = tuple(value for entry in found.entries for value in entry if value and value.isprintable())
        if found.code == SUCCESS and told:
            return told
        raise self._missing(found.code, "any directory", line)

    def _missing(self, code: int, what: str, line: Dialogue) -> Broken:
        evidence = {**line.evidence, "result": str(code)}
        if code in WANTS_LOGIN or (code in {SUCCESS, NO_SUCH_OBJECT} and not self.login):
            said = f"answers, but shows nothing of {what} to whoever is not logged in"
            return Broken(said, Status.UNKNOWN, evidence)
        if code in {SUCCESS, NO_SUCH_OBJECT}:
            return Broken(f"does not hold {what}", Status.DOWN, evidence)
        return Broken(f"answered a search for {what} with result {code}", Status.DOWN, evidence)


async def _log_in(line: Dialogue, user: str, password: str) -> None:
    await line.say(message(1, bind(user, password)), "the result of the login")
    _, tag, content = await read_message(line)
    if tag != BOUND:
        raise NotLdap("no answer to a login")
    if code := result_code(content):
        refused = "refused kedge's login; its password may have changed"
        status = Status.UNKNOWN if code in WANTS_LOGIN | {WRONG_LOGIN} else Status.DOWN
        said = refused if status is Status.UNKNOWN else f"answered a login with result {code}"
        raise Broken(said, status, {**line.evidence, "result": str(code)})


async def _ask(line: Dialogue, number: int, base: str, attribute: str) -> Found:
    """Return what a search for one entry came to; raises NotLdap and Broken."""
    await line.say(message(number, search(base, attribute)), "the result of a search")
    entries: list[tuple[str, ...]] = []
    for _ in range(MOST):
        answered, tag, content = await read_message(line)
        if tag == NOTICE:
            raise Broken("said that it ends the conversation", evidence=line.evidence)
        if answered != number or tag not in {ENTRY, DONE, REFERENCE}:
            raise NotLdap("an answer to another question")
        if tag == DONE:
            return Found(result_code(content), tuple(entries))
        if tag == ENTRY:
            entries.append(values(content))
    raise NotLdap("an answer without end")
