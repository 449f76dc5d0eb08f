"""What holds for every kind: a new one is covered the moment it is registered."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_type_hints

import jsonschema
import pytest
from pydantic import ValidationError

from kedge.kinds.database import WithDatabase
from kedge.kinds.grades import GRADES, read_proofs
from kedge.kinds.listing import list_kinds
from kedge.kinds.pages import example_of, instance_of, kind_page
from kedge.kinds.registry import KINDS
from kedge.kinds.saving import parts_of
from kedge.model.instance import Command, File, Part, Probe, Program
from kedge.model.service import Service
from kedge.model.thing import to_kebab

ROOT = Path(__file__).parents[3]
KEBAB = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())


def fields_of(kind: type[Service]) -> dict[str, str]:
    return {field.alias or to_kebab(name): field.description or "" for name, field in kind.model_fields.items()}


@every_kind
class TestEveryKind:
    def test_has_a_kebab_case_name_and_a_summary(self, kind: type[Service]) -> None:
        assert KEBAB.fullmatch(kind.kind)
        assert kind.summary
        assert not kind.summary.endswith(".")

    def test_describes_every_field_in_kebab_case(self, kind: type[Service]) -> None:
        assert [name for name, text in fields_of(kind).items() if not text] == []
        assert [name for name in fields_of(kind) if not KEBAB.fullmatch(name)] == []

    def test_refuses_an_unknown_key(self, kind: type[Service]) -> None:
        with pytest.raises(ValidationError, match="Extra inputs"):
            kind.model_validate({**kind.example, "no-such-key": "1"})

    def test_is_frozen_and_hashes_nothing_mutable(self, kind: type[Service]) -> None:
        service = example_of(kind)
        with pytest.raises(ValidationError, match="frozen"):
            service.public = False

    def test_comes_back_equal_from_json(self, kind: type[Service]) -> None:
        service = example_of(kind)
        assert kind.model_validate(json.loads(service.model_dump_json(by_alias=True, exclude_defaults=True))) == service

    def test_has_a_schema_that_accepts_its_example(self, kind: type[Service]) -> None:
        schema = kind.model_json_schema(by_alias=True)
        jsonschema.validate(json.loads(json.dumps(dict(kind.example))), schema)

    def test_works_with_nothing_declared(self, kind: type[Service]) -> None:
        service = kind()
        at = instance_of(service)
        assert [*service.names(), *service.required()] == []
        assert all(isinstance(part, Part) for part in service.parts())
        assert all(isinstance(probe, Probe) for probe in service.probes(at))
        assert all(isinstance(step, File | Command | Program) for step in service.start(at))

    def test_names_its_endpoints_once(self, kind: type[Service]) -> None:
        endpoints = list(example_of(kind).endpoints())
        names = [endpoint.name for endpoint in endpoints]
        assert len(names) == len(set(names))
        assert all(KEBAB.fullmatch(name) for name in names)
        assert all(0 < endpoint.port < 65536 for endpoint in endpoints)

    def test_is_used_under_the_names_of_its_endpoints(self, kind: type[Service]) -> None:
        service = example_of(kind)
        assert {endpoint.host for endpoint in service.endpoints()} - {""} <= set(service.names())

    def test_binds_every_role_by_a_field_of_that_name(self, kind: type[Service]) -> None:
        assert [role for role in kind.requires if role.replace("-", "_") not in kind.model_fields] == []
        assert [name for kinds in kind.requires.values() for name in kinds if name not in KINDS] == []

    def test_needs_what_its_roles_are_bound_to(self, kind: type[Service]) -> None:
        bound = kind.model_validate({role: f"the-{role}" for role in kind.requires})
        assert {need.of for need in bound.required()} == {f"the-{role}" for role in kind.requires}

    def test_yields_probes_that_can_be_told_apart(self, kind: type[Service]) -> None:
        service = example_of(kind)
        probes = list(service.probes(instance_of(service)))
        assert all(isinstance(probe, Probe) for probe in probes)
        assert len({probe.name for probe in probes}) == len(probes)

    def test_yields_parts_that_can_be_told_apart(self, kind: type[Service]) -> None:
        service = example_of(kind)
        parts = list(service.parts())
        assert all(isinstance(part, Part) and KEBAB.fullmatch(part.name) for part in parts)
        assert len({part.name for part in parts}) == len(parts)
        assert {part.of for part in parts} <= {"self", *kind.requires, *service.inner()}

    def test_is_saved_with_the_folders_and_the_database_that_are_named(self, kind: type[Service]) -> None:
        named = {"paths": ["/srv/one", "/srv/two/"]}
        if issubclass(kind, WithDatabase):
            named |= {"database": "db", "database-name": "club"}
        names = [part.name for part in parts_of(kind.model_validate({**kind.example, **named}))]
        assert {"srv-one", "srv-two"} <= set(names)
        assert "database" in names or not issubclass(kind, WithDatabase)
        assert len(set(names)) == len(names)

    def test_keeps_nothing_if_stateless(self, kind: type[Service]) -> None:
        if kind.is_stateless:
            assert list(example_of(kind).parts()) == []

    def test_starts_by_files_commands_and_programs(self, kind: type[Service]) -> None:
        service = example_of(kind)
        assert all(isinstance(step, File | Command | Program) for step in service.start(instance_of(service)))

    def test_names_the_programs_of_what_it_starts(self, kind: type[Service]) -> None:
        service = example_of(kind)
        starts = [step for step in service.start(instance_of(service)) if isinstance(step, Program)]
        programs = [name.removeprefix("-") for name in service.programs()]
        assert bool(programs) or not starts
        assert [name for name in programs if "/" in name and not name.startswith("/")] == []

    def test_has_a_page_that_shows_each_of_its_own_fields(self, kind: type[Service]) -> None:
        page = kind_page(kind)
        own = fields_of(kind).keys() - fields_of(Service).keys()
        assert page.startswith(f"# {kind.kind}\n")
        assert {name for name in own if f"| `{name}` |" not in page} == set()
        assert "Grade: **" in page


def test_kinds_are_filed_under_their_own_names() -> None:
    assert [name for name, kind in KINDS.items() if kind.kind != name] == []
    assert len(set(KINDS.values())) == len(KINDS)


def test_every_kind_is_listed_with_its_grade() -> None:
    entries = list_kinds()
    assert [entry.kind for entry in entries] == list(KINDS)
    assert {entry.grade for entry in entries} <= set(GRADES)
    assert all(entry.at and entry.version for entry in entries if entry.grade != "described")
    assert json.loads(json.dumps([entry.to_json() for entry in entries]))[0]["kind"] == entries[0].kind


def test_every_recorded_grade_names_a_kind_and_a_test_that_exist() -> None:
    for kind, proof in read_proofs().items():
        file, _, test = proof.by.partition("::")
        assert kind in KINDS
        assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8")


def test_the_fields_of_a_kind_are_typed() -> None:
    assert all(get_type_hints(kind) for kind in KINDS.values())
