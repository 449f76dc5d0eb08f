"""dns-drift: the world's DNS is not what is declared."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kedge.model.finding import Finding, Loss, Severity, Text
from kedge.model.naming import Domain
from kedge.rules.case import Case
from kedge.rules.claim import Claim, Rule
from kedge.rules.wording import listed


def declared_sets(domain: Domain) -> dict[tuple[str, str], frozenset[str]]:
    """Return the declared RRsets of a zone: (owner, type) -> normalised record data."""
    found: dict[tuple[str, str], set[str]] = {}
    for owners, records in domain.zone.items():
        for record in records:
            kind, _, data = record.strip().partition(" ")
            for owner in owners.split():
                found.setdefault((owner, kind.upper()), set()).add(normal(data))
    return {key: frozenset(values) for key, values in found.items()}


def normal(data: str) -> str:
    """Return record data in one spelling: single spaces, lower case, no final dot."""
    return " ".join(data.split()).lower().rstrip(".")


def _records(kind: str, value: str) -> list[str]:
    """Return the records of an observed RRset: one a line or `;` between them; commas too where no text has any."""
    return re.split(r"[;\n]" if kind == "TXT" else r"[;,\n]", value)


UNSAID = Text("", "")
EVERYWHERE = Text(" on every name server", " bei jedem Nameserver")


@dataclass(frozen=True)
class Change:
    """An RRset that is not as declared: what was agreed, what was seen, on which name servers; unsaid if unknown."""

    owner: str
    kind: str
    declared: frozenset[str]
    seen: frozenset[str]
    servers: Text = UNSAID
    at: datetime | None = None

    def name(self, domain: str) -> str:
        """Return what changed: `MX of example.org`."""
        owner = domain if self.owner == "@" else f"{self.owner}.{domain}"
        return f"{self.kind} of {owner}"


def find_dns_drift(case: Case) -> Iterator[Claim]:
    """Yield the domains with RRsets that were observed to differ from the declared ones (fact `rrset/OWNER TYPE`)."""
    for name, domain in case.sections.domains.items():
        changes = list(_changes(case, name, domain))
        if changes:
            found = finding_of(name, changes)
            yield Claim(
                rule=found.rule,
                thing=name,
                title=found.title,
                why=found.why,
                fix=found.fix,
                losses=found.losses,
                since=found.since,
                least=Severity.WARNING,
                most=Severity.WARNING,
            )


def _changes(case: Case, name: str, domain: Domain) -> Iterator[Change]:
    for (owner, kind), declared in declared_sets(domain).items():
        fact = case.facts.get(name, f"rrset/{owner} {kind}")
        if fact is None:
            continue
        seen = frozenset(normal(value) for value in _records(kind, fact.value) if value.strip())
        if seen != declared:
            told = case.facts.get(name, f"drifted/{owner} {kind}")
            yield Change(owner, kind, declared, seen, _on(told.value) if told else UNSAID, fact.at)


def changes_seen(domain: Domain, evidence: Mapping[str, str]) -> Iterator[Change]:
    """Yield the RRsets that a look at the zone saw differ, from its evidence."""
    for (owner, kind), declared in declared_sets(domain).items():
        if servers := evidence.get(f"drifted/{owner} {kind}"):
            told = evidence.get(f"rrset/{owner} {kind}")
            # A record with a semicolon of its own is told whole, under another name.
            records = _records(kind, told) if told is not None else [evidence.get(f"answer/{owner} {kind}", "")]
            seen = frozenset(normal(record) for record in records if record.strip())
            asked = {key.partition("/")[2] for key in evidence if key.startswith(("serial/", "failed/"))}
            is_everywhere = len(asked) > 1 and all(server in servers for server in asked)
            yield Change(owner, kind, declared, seen, EVERYWHERE if is_everywhere else _on(servers))


def _on(servers: str) -> Text:
    return Text(f" on {servers}", f" bei {servers.replace(' and ', ' und ')}")


def finding_of(domain: str, changes: Sequence[Change]) -> Finding:
    """Return the finding on everything that changed in a domain: before, after, and who says so."""
    what = listed([change.name(domain) for change in changes])
    german = what.de.replace(" of ", " von ")
    has, hat = ("was", "wurde") if len(changes) == 1 else ("were", "wurden")
    return Finding(
        "dns-drift",
        domain,
        Severity.WARNING,
        Text(f"{what.en} {has} changed", f"{german} {hat} geändert"),
        tuple(text for change in changes for text in _before_and_after(change, domain, is_one=len(changes) == 1)),
        Text(
            "Find out who changed it and why; then mend the zone or the inventory.",
            "Klären, wer es warum geändert hat; dann Zone oder Inventar richtigstellen.",
        ),
        (Loss(domain),),
        since=min((change.at for change in changes if change.at), default=None),
    )


def _before_and_after(change: Change, domain: str, *, is_one: bool) -> Iterator[Text]:
    lead = "" if is_one else f"{change.name(domain)}, "
    before, after = "; ".join(sorted(change.declared)), "; ".join(sorted(change.seen))
    at = f" ({change.at:%Y-%m-%d %H:%M})" if change.at else ""
    yield _led(lead, Text(f"declared: {before}", f"vereinbart: {before}"))
    on = change.servers
    yield _led(lead, Text(f"seen{on.en}: {after or 'nothing'}{at}", f"gesehen{on.de}: {after or 'nichts'}{at}"))


def _led(lead: str, text: Text) -> Text:
    if lead:
        return Text(f"{lead}{text.en}", f"{lead.replace(' of ', ' von ')}{text.de}")
    return Text(text.en[0].upper() + text.en[1:], text.de[0].upper() + text.de[1:])


DNS_DRIFT = Rule(
    id="dns-drift",
    summary=Text("the DNS says something else", "das DNS sagt etwas anderes"),
    meaning=Text(
        "Somebody changed a record and wrote it down nowhere; the next repair will put the old value back, or wait "
        "for mail that goes elsewhere.",
        "Jemand hat einen Eintrag geändert und nirgends notiert.",
    ),
    decision=Text(
        "Only from an observation: an RRset that was seen to differ, as a set, from the declared zone. Without an "
        "observation the record is part of unverified.",
        "Nur aus einer Beobachtung: ein RRset, das sich als Menge von der vereinbarten Zone unterscheidet.",
    ),
    remedy=Text(
        "One place for the zone, and a note for every emergency change.",
        "Ein Ort für die Zone, eine Notiz je Notänderung.",
    ),
    find=find_dns_drift,
    prevented=(
        Text(
            "Piratenpartei 2007: the MX had been changed, and nobody had written it down",
            "Piratenpartei 2007: der MX war geändert, und niemand hatte es notiert",
        ),
    ),
)
