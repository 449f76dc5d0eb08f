"""A domain as the DNS tells it: who answers for it, where its mail goes, which of the usual names it has."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from kedge.discovery.world import DomainView, Srv
from kedge.kinds.recognition import usual_names
from kedge.probes.delegation import Asker, NoAnswer

if TYPE_CHECKING:
    import dns.message

MOST = 40
"""Records of one RRset that are read; who has more has more than a first look can show."""
AT_ONCE = 16
HOST_NAME = re.compile(r"(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]", re.A)
MAIL_NAME = re.compile(r"[a-z0-9._+-]{1,64}", re.ASCII)
SERVICES = (
    "_xmpp-client._tcp", "_xmpp-server._tcp", "_imap._tcp", "_imaps._tcp", "_submission._tcp", "_submissions._tcp",
    "_matrix._tcp", "_matrix-fed._tcp", "_caldavs._tcp", "_carddavs._tcp", "_sip._udp", "_ldap._tcp",
)  # fmt: skip
SELECTORS = ("default", "mail", "dkim", "selector1", "selector2", "google", "k1", "s1", "2024", "2025", "2026")
"""DKIM selectors (RFC 6376 §3.1) that programs and providers usually take; others cannot be guessed."""
WITH_MAIL = ("lists", "list", "ml", "tickets", "mail")
"""Names below a domain that often take mail of their own."""

RRsets = Mapping[tuple[str, str], list[Any]]
"""(label, type) -> the records of that name itself."""


def read_host(text: object) -> str:
    """Return a host name in lower case without its last dot; empty if it is none."""
    plain = str(text).strip().rstrip(".").lower()
    return plain if HOST_NAME.fullmatch(plain) else ""


async def survey_domain(asker: Asker, domain: str, limit: timedelta, others: tuple[str, ...] = ()) -> DomainView:
    """Return what the records of a domain say; one that nobody knows, or could be asked about, is not there.

    What is not answered within the limit is left, and counted. `others` are full names to look for besides the usual.
    """
    survey = _Survey(asker, domain, limit)
    base = await survey.ask([("@", kind) for kind in ("SOA", "NS")])
    if not any(base.values()):
        return DomainView(domain, is_there=False)
    wild = f"kedge-{secrets.token_hex(6)}"
    labels = ["@", wild, *(_label(name, domain) for name in others if name.endswith(f".{domain}")), *usual_names()]
    questions = [(label, kind) for label in dict.fromkeys(labels) for kind in ("A", "AAAA")]
    questions += [(label, "MX") for label in ("@", *WITH_MAIL)] + [(label, "SRV") for label in SERVICES]
    questions += [(label, "TXT") for label in ("@", "_dmarc", *(f"{one}._domainkey" for one in SELECTORS))]
    rrsets = {**base, **await survey.ask(questions)}
    return replace(_view(domain, rrsets, wild), left=survey.left)


def _label(name: str, domain: str) -> str:
    return name.removesuffix(f".{domain}")


@dataclass
class _Survey:
    """Asks one domain's questions through the resolver, a few at a time."""

    asker: Asker
    domain: str
    limit: timedelta
    left: int = 0
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def ask(self, questions: list[tuple[str, str]]) -> RRsets:
        """Return what was answered; aliases count as records of type CNAME. Who does not answer has nothing."""
        tasks = [asyncio.ensure_future(self._answer(label, kind)) for label, kind in questions]
        _, waiting = await asyncio.wait(tasks, timeout=self.limit.total_seconds())
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        self.left += len(waiting)
        found: dict[tuple[str, str], list[Any]] = {}
        for (label, kind), task in zip(questions, tasks, strict=True):
            answer = None if task in waiting else task.result()
            for rrset in answer.answer if answer else ():
                type_ = _type_name(rrset.rdtype)
                if type_ == kind:
                    found.setdefault((label, kind), []).extend(list(rrset)[:MOST])
                elif type_ == "CNAME" and (label, "CNAME") not in found:
                    found[label, "CNAME"] = list(rrset)[:1]
        return found

    async def _answer(self, label: str, kind: str) -> dns.message.Message | None:
        import dns.exception
        import dns.name

        name = self.domain if label == "@" else f"{label}.{self.domain}"
        async with self._turns:
            try:
                return await self.asker.resolve(dns.name.from_text(name), kind)
            except (NoAnswer, dns.exception.DNSException, UnicodeError):
                return None


def _type_name(number: int) -> str:
    import dns.rdatatype

    return dns.rdatatype.to_text(dns.rdatatype.RdataType(number))


def _view(domain: str, rrsets: RRsets, wild: str) -> DomainView:
    """Return the view that follows from all answers; what only a wildcard answers is no name."""
    everywhere = _addresses(rrsets, wild)
    labels = list(dict.fromkeys(label for label, kind in rrsets if kind in ("A", "AAAA", "CNAME") and label != wild))
    labels = [label for label in labels if label == "@" or not everywhere or _addresses(rrsets, label) != everywhere]
    mail = sorted(rrsets.get(("@", "MX"), []), key=lambda one: int(one.preference))
    return DomainView(
        domain,
        servers=tuple(sorted(filter(None, (read_host(one.target) for one in rrsets.get(("@", "NS"), []))))),
        contact=_contact(rrsets),
        mail_hosts=tuple(filter(None, (read_host(one.exchange) for one in mail))),
        mail_domains=tuple(_full(label, domain) for label in ("@", *WITH_MAIL) if rrsets.get((label, "MX"))),
        srv=tuple(
            Srv(label, read_host(one.target), int(one.port))
            for label in SERVICES
            for one in rrsets.get((label, "SRV"), [])
        ),
        names={_full(label, domain): found for label in labels if (found := _addresses(rrsets, label))},
        aliases={_full(label, domain): read_host(rrsets[label, "CNAME"][0].target)
                 for label in labels if (label, "CNAME") in rrsets},
        records=dict(_records(rrsets, labels)),
        has_wildcard=bool(everywhere),
        has_spf="v=spf1" in _texts(rrsets, "@"),
        has_dmarc="v=dmarc1" in _texts(rrsets, "_dmarc"),
        dkim=tuple(one for one in SELECTORS if "p=" in _texts(rrsets, f"{one}._domainkey")),
    )  # fmt: skip


def _full(label: str, domain: str) -> str:
    return domain if label == "@" else f"{label}.{domain}"


def _addresses(rrsets: RRsets, label: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(one) for kind in ("A", "AAAA") for one in rrsets.get((label, kind), [])))


def _texts(rrsets: RRsets, label: str) -> str:
    found = rrsets.get((label, "TXT"), [])
    return "\n".join(b"".join(one.strings).decode(errors="replace").lower() for one in found)


def _contact(rrsets: RRsets) -> str:
    """Return the mail address in a SOA record (RFC 1035 §3.3.13: the first label is the mailbox)."""
    for record in rrsets.get(("@", "SOA"), []):
        labels = [label.decode(errors="replace").lower() for label in record.rname.labels if label]
        domain = read_host(".".join(labels[1:]))
        if domain and MAIL_NAME.fullmatch(labels[0]):
            return f"{labels[0]}@{domain}"
    return ""


def _records(rrsets: RRsets, labels: list[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the records worth declaring, by owner; texts are left out, they change without anybody noticing."""
    for owner in dict.fromkeys(["@", *labels, *WITH_MAIL, *SERVICES]):
        kinds = ("CNAME",) if (owner, "CNAME") in rrsets else ("NS", "A", "AAAA", "MX", "SRV")
        said = [f"{kind} {one}" for kind in kinds for one in rrsets.get((owner, kind), []) if _is_plain(kind, one)]
        if said:
            yield owner, tuple(sorted(dict.fromkeys(said)))


def _is_plain(kind: str, record: Any) -> bool:
    """Return whether the name in a record is a host name: anything else is somebody's joke."""
    target = getattr(record, "exchange" if kind == "MX" else "target", None)
    return target is None or bool(read_host(target))
