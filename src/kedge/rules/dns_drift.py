"""dns-drift: the world's DNS is not what is declared."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kedge.model.finding import Loss, Severity, Text
from kedge.model.naming import Domain
from kedge.rules.case import Case
from kedge.rules.claim import Claim, Rule


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


def find_dns_drift(case: Case) -> Iterator[Claim]:
    """Yield the RRsets that were observed to differ from the declared ones (fact `rrset/OWNER TYPE`)."""
    for name, domain in case.sections.domains.items():
        for (owner, kind), declared in declared_sets(domain).items():
            fact = case.facts.get(name, f"rrset/{owner} {kind}")
            if fact is None:
                continue
            seen = frozenset(normal(value) for value in _records(kind, fact.value) if value.strip())
            if seen != declared:
                before, after = "; ".join(sorted(declared)), "; ".join(sorted(seen)) or "nothing"
                yield Claim(
                    rule="dns-drift",
                    thing=name,
                    title=Text(f"{owner} {kind} of {name} was changed", f"{owner} {kind} von {name} wurde geändert"),
                    why=(
                        Text(f"Declared: {before}", f"Vereinbart: {before}"),
                        Text(
                            f"Seen: {after} ({fact.at:%Y-%m-%d %H:%M})", f"Gesehen: {after} ({fact.at:%Y-%m-%d %H:%M})"
                        ),
                    ),
                    fix=Text(
                        "Find out who changed it and why; then mend the zone or the inventory.",
                        "Klären, wer es warum geändert hat; dann Zone oder Inventar richtigstellen.",
                    ),
                    losses=(Loss(name),),
                    since=fact.at,
                    least=Severity.WARNING,
                    most=Severity.WARNING,
                )


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
