"""What a model's class says about its fields: their keys, the names they hold, what stands inside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from types import UnionType
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel

from kedge.model.thing import Refers

Model: TypeAlias = type[BaseModel]
Named: TypeAlias = tuple[str, Refers]
Extract: TypeAlias = Callable[[Any], Iterable[Named]]


@cache
def fields_of(model: Model) -> Mapping[str, Any]:
    """Return the annotation of each field by its key in the inventory."""
    return {
        field.alias or name: Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
        for name, field in model.model_fields.items()
    }


@cache
def attributes_of(model: Model) -> Mapping[str, str]:
    """Return the attribute behind each key of the inventory."""
    return {field.alias or name: name for name, field in model.model_fields.items()}


def models_in(annotation: Any) -> tuple[Model, ...]:
    """Return the models that a value of this annotation may be, or may be made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return (annotation,)
    arguments = get_args(annotation)
    inner = arguments[:1] if get_origin(annotation) is Annotated else arguments
    return tuple(dict.fromkeys(model for argument in inner for model in models_in(argument)))


def _is_of_names(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        return _is_of_names(get_args(annotation)[0])
    return _is_mapping(annotation) and any(models_in(argument) for argument in get_args(annotation))


def _is_mapping(annotation: Any) -> bool:
    origin = get_origin(annotation)
    return isinstance(origin, type) and issubclass(origin, Mapping)


@cache
def naming_keys(model: Model) -> frozenset[str]:
    """Return the keys that hold named mappings (`volumes: {root: …}`), where a name with nothing counts."""
    return frozenset(key for key, annotation in fields_of(model).items() if _is_of_names(annotation))


@cache
def all_keys(model: Model) -> frozenset[str]:
    """Return every key that may stand anywhere inside this model."""
    found: dict[Model, None] = {}
    ahead = [model]
    while ahead:
        each = ahead.pop()
        if each not in found:
            found[each] = None
            ahead += [inner for annotation in fields_of(each).values() for inner in models_in(annotation)]
    return frozenset(key for each in found for key in fields_of(each))


def model_at(model: Model, path: Iterable[str | int]) -> Model | None:
    """Return the model that stands at a path of keys and indexes inside another, None where it is unsure."""
    here: Any = model
    skip = False
    for step in path:
        models = models_in(here)
        if skip or isinstance(step, int):
            skip = False
            continue
        holding = [each for each in models if step in fields_of(each)]
        if holding:
            here = fields_of(holding[0])[step]
            skip = _is_of_names(here)
    models = models_in(here)
    return models[0] if len(models) == 1 else None


@cache
def references_of(model: Model) -> Callable[[BaseModel], Iterator[tuple[str, str, Refers]]]:
    """Return what yields (key, name, what it may name) for every name that a thing of this model holds."""
    extracts = [
        (key, attributes_of(model)[key], extract)
        for key, annotation in fields_of(model).items()
        if (extract := _extract(annotation, frozenset()))
    ]

    def names(thing: BaseModel) -> Iterator[tuple[str, str, Refers]]:
        values = thing.__dict__
        for key, attribute, extract in extracts:
            value = values[attribute]
            if value:
                for name, refers in extract(value):
                    yield key, name, refers

    return names


def _extract(annotation: Any, seen: frozenset[Model]) -> Extract | None:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        marks = [mark for mark in arguments[1:] if isinstance(mark, Refers)]
        return _name(marks[0]) if marks else _extract(arguments[0], seen)
    if origin is Union or origin is UnionType:
        return _either([each for argument in arguments if (each := _extract(argument, seen))])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _inside(annotation, seen)
    if _is_mapping(annotation):
        return _of_mapping(_extract(arguments[0], seen), _extract(arguments[1], seen))
    inner = _extract(arguments[0], seen) if arguments and isinstance(origin, type) else None
    return _each(inner) if inner else None


def _name(refers: Refers) -> Extract:
    return lambda value: ((value, refers),) if isinstance(value, str) else ()


def _each(inner: Extract) -> Extract:
    return lambda values: [named for value in values for named in inner(value)]


def _either(choices: list[Extract]) -> Extract | None:
    if len(choices) < 2:
        return choices[0] if choices else None
    return lambda value: [named for choice in choices for named in choice(value)]


def _of_mapping(of_key: Extract | None, of_value: Extract | None) -> Extract | None:
    if not of_key and not of_value:
        return None
    return lambda values: [
        named
        for key, value in values.items()
        for named in (*(of_key(key) if of_key else ()), *(of_value(value) if of_value else ()))
    ]


def _inside(model: Model, seen: frozenset[Model]) -> Extract | None:
    if model not in seen and not any(_extract(each, seen | {model}) for each in fields_of(model).values()):
        return None

    def names(value: Any) -> Iterable[Named]:
        if not isinstance(value, model):
            return ()
        return [(name, refers) for _, name, refers in references_of(model)(value)]

    return names
