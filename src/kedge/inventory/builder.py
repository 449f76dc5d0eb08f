"""Things built from their text: typed by the model, unknowns taken out, names checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from kedge.errors import Mistake
from kedge.inventory.record import check_owner, check_record
from kedge.inventory.references import SINGULAR, References, Register, channel_mistake, check_rings, check_roles
from kedge.inventory.secrecy import HOW, is_reference, shown
from kedge.inventory.sections import Collected, holes_by_section
from kedge.inventory.suggestion import close, did_you_mean
from kedge.inventory.text import Map, Node, Scalar, Seq, mistake, place
from kedge.inventory.unknowns import WORD, Unknowns
from kedge.inventory.wording import Refusal, explain
from kedge.kinds.registry import KINDS
from kedge.model.care import Accepted, Alerts, Organisation
from kedge.model.inventory import THING_SECTIONS, Sections, Unknown
from kedge.model.naming import Domain
from kedge.model.people import Channel, Secret
from kedge.model.service import Service
from kedge.model.thing import Thing

M = TypeVar("M", bound=BaseModel)
_ROUNDS = 12
OTHER = "other"


def _class_of(section: str) -> type[Thing]:
    arguments = get_args(Sections.model_fields[section].annotation)
    return next((each for each in arguments if isinstance(each, type) and issubclass(each, Thing)), Channel)


MODELS: Mapping[str, type[Thing]] = {section: _class_of(section) for section in THING_SECTIONS}
"""The model of each section's things; a service's own depends on its kind."""


@dataclass
class _Raw:
    """Something to be built: its name and fields, what to call it in a message, whether its kind could be told.

    It is cut if something was taken out because it was wrong; then nothing is missing.
    """

    name: str
    fields: Map
    what: str
    is_sure: bool = True
    is_cut: bool = False


class Builder:
    """Builds everything that was collected; what cannot be built is a mistake, and the rest is checked all the same."""

    def __init__(
        self, collected: Collected, mistakes: list[Mistake], kinds: Mapping[str, type[Service]] = KINDS
    ) -> None:
        self.register = Register(collected.section_of, marks=collected.marks)
        self.register.holes |= set(holes_by_section(collected.holes))
        self._collected = collected
        self._cut = {path[:length] for path in collected.holes for length in (1, 2) if len(path) > length}
        self._mistakes = mistakes
        self._kinds = kinds
        self._unknowns = Unknowns(mistakes)
        self._references = References(self.register, mistakes)

    @property
    def unknowns(self) -> list[Unknown]:
        """Everything that was said to be unknown, in reading order of the sections."""
        return [*self._collected.unknowns, *self._unknowns.found]

    def build(self) -> Sections | None:
        """Return the sections; None if the organisation is missing. What is wrong is in the mistakes."""
        built = {section: self._build_section(section) for section in THING_SECTIONS}
        organisation = self._build_single("organisation", Organisation)
        alerts = self._build_single("alerts", Alerts)
        accepted = self._build_accepted()
        self._check()
        if self._mistakes or organisation is None:
            return None
        built["channels"] |= self._references.channels
        return Sections(organisation=organisation, alerts=alerts, accepted=accepted, **built)

    def _build_section(self, section: str) -> dict[str, Thing]:
        built = {}
        for name, node in self._collected.things[section].items():
            thing = None if (section, name) in self._collected.holes else self._build_thing(section, name, node)
            if thing is not None:
                built[name] = self.register.things[name] = thing
        return built

    def _build_thing(self, section: str, name: str, node: Node) -> Thing | None:
        fields = self._as_map(section, name, node)
        if fields is None:
            return None
        self.register.nodes[name] = fields
        raw = _Raw(name, fields, f"a {SINGULAR[section]}", is_cut=(section, name) in self._cut)
        return self._build(MODELS[section] if section != "services" else self._choose_kind(raw), raw)

    def _as_map(self, section: str, name: str, node: Node) -> Map | None:
        if isinstance(node, Map):
            return node
        if isinstance(node, Scalar) and node in ("", WORD):
            if node:
                self._unknowns.note(name, "", node)
            return _map_like(node, {"kind": node} if node and section == "services" else {})
        if isinstance(node, Scalar) and section == "channels":
            return _map_like(node, {"to": node})
        found = "a list" if isinstance(node, Seq) else "a single value" if section == "secrets" else shown(node)
        hint = f"; {HOW}" if section == "secrets" else ""
        text = f"expected the fields of {SINGULAR[section]} {shown(name)} below it ('key: value'), found {found}{hint}"
        self._mistakes.append(mistake(node, text))
        return None

    def _choose_kind(self, raw: _Raw) -> type[Service]:
        """Return the class of a service; where its kind cannot be told, the closest there is."""
        word = raw.fields.pop("kind", "")
        if isinstance(word, Scalar) and word == WORD:
            self._unknowns.note(raw.name, "kind", word)
            raw.what = "a service of unknown kind"
            return self._kinds[OTHER]
        raw.what = f"kind {word}"
        if isinstance(word, Scalar) and word in self._kinds:
            return self._kinds[word]
        raw.is_sure = False
        if word or not raw.is_cut:
            self._mistakes.append(self._wrong_kind(raw, word))
        meant = close(word, self._kinds) if isinstance(word, str) else []
        return self._kinds[meant[0] if meant else OTHER]

    def _wrong_kind(self, raw: _Raw, word: Any) -> Mistake:
        if not word:
            text = f"service {shown(raw.name)} lacks its 'kind': add 'kind: …' (see `kedge kinds`) or 'kind: unknown'"
            return mistake(raw.fields.key or raw.fields, text)
        listed = "; `kedge kinds` lists them, and 'other' fits anything"
        hint = did_you_mean(word, [*self._kinds, WORD], listed) if isinstance(word, str) else listed
        return mistake(word, f"unknown kind {shown(word)}{hint}")

    def _build(self, model: type[M], raw: _Raw) -> M | None:
        """Return a thing. What is wrong is told, and it is built without that, so that the rest is checked too."""
        self._unknowns.prune(raw.name, raw.fields, model)
        for _ in range(_ROUNDS):
            try:
                return model.model_validate(raw.fields, by_alias=True, by_name=False)
            except ValidationError as error:
                refusals = explain(error, model, raw.fields, raw.what)
            self._mistakes += [each.mistake for each in refusals if _is_told(each, raw)]
            removed = [remove(raw.fields, each.node) for each in refusals]
            if not any(removed):
                return None
            raw.is_cut = True
        return None

    def _build_single(self, section: str, model: type[M]) -> M | None:
        node = self._collected.singles.get(section)
        if node is None and section == "organisation":
            self._refuse_no_organisation()
        if not isinstance(node, Map):
            if node is not None:
                text = f"expected the fields of '{section}' below it ('key: value'), found {shown(node)}"
                self._mistakes.append(mistake(node, text))
            return None
        built = self._build(model, _Raw("", node, f"'{section}'", is_cut=(section,) in self._cut))
        if built is not None:
            self._references.check(built, node)
        return built

    def _refuse_no_organisation(self) -> None:
        if not {"*", "organisation"} & self.register.holes and self._collected.files:
            text = "whose inventory is this? Add 'organisation:' and below it 'name: …'"
            self._mistakes.append(Mistake(self._collected.files[0], 1, 1, text))

    def _build_accepted(self) -> tuple[Accepted, ...]:
        built = []
        for node in self._collected.accepted:
            if not isinstance(node, Map):
                self._mistakes.append(mistake(node, f"expected 'rule: …' and its fields, found {shown(node)}"))
                continue
            accepted = self._build(Accepted, _Raw("", node, "an accepted finding"))
            if accepted is not None:
                built.append(accepted)
                self._references.check(accepted, node)
        return tuple(built)

    def _check(self) -> None:
        register, mistakes = self.register, self._mistakes
        for name, thing in register.things.items():
            node = register.nodes[name]
            self._references.check(thing, node)
            check = _CHECKS.get(type(thing))
            if check:
                check(thing, name, node, mistakes)
        check_roles(register, mistakes)
        check_rings(register, mistakes)


def _is_told(refusal: Refusal, raw: _Raw) -> bool:
    """Return whether a refusal is a mistake of its own, not the consequence of an unknown or of another mistake."""
    if refusal.is_missing:
        is_unknown = isinstance(refusal.node, Map) and refusal.node is not raw.fields and bool(refusal.node.unknown)
        return not raw.is_cut and not is_unknown
    is_own_key = refusal.is_extra and any(refusal.node is value for value in raw.fields.values())
    return raw.is_sure or not is_own_key


def remove(root: Any, node: Any) -> bool:
    """Take a node out of the tree below root; returns whether it was there."""
    if isinstance(root, Map):
        for key, value in root.items():
            if value is node:
                del root[key]
                return True
    elif isinstance(root, Seq):
        for at, value in enumerate(root):
            if value is node:
                del root[at]
                return True
    inside = root.values() if isinstance(root, Map) else root if isinstance(root, Seq) else ()
    return any(remove(each, node) for each in inside)


def _map_like(node: Node, fields: Mapping[str, Node]) -> Map:
    made: Map = place(Map(fields), node.file, node.line, node.column)
    made.key = node.key
    return made


def _check_secret(thing: Any, name: str, node: Map, mistakes: list[Mistake]) -> None:
    if thing.from_ is not None and not is_reference(thing.from_):
        text = "expected where the secret is found ('env:NAME', 'file:PATH' or 'command:…'), not the secret itself"
        mistakes.append(mistake(node.get("from") or node, text))


def _check_channel(thing: Any, name: str, node: Map, mistakes: list[Mistake]) -> None:
    wrong = channel_mistake(thing.to) if thing.to else ""
    if wrong:
        mistakes.append(mistake(node.get("to") or node, wrong))


def _check_domain(thing: Any, name: str, node: Map, mistakes: list[Mistake]) -> None:
    zone = node.get("zone")
    for owners, records in (zone or {}).items():
        _check_text(check_owner, owners, records.key or records, name, mistakes)
        for record in [records] if isinstance(records, Scalar) else records:
            _check_text(check_record, record, record, name, mistakes)


def _check_text(check: Callable[[str, str], None], text: str, node: Node, origin: str, mistakes: list[Mistake]) -> None:
    try:
        check(text, origin)
    except ValueError as error:
        mistakes.append(mistake(node, str(error)))


_CHECKS: Mapping[type[Any], Callable[[Any, str, Map, list[Mistake]], None]] = {
    Secret: _check_secret,
    Channel: _check_channel,
    Domain: _check_domain,
}
