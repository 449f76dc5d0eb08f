"""What a model's class says about its fields: their keys, the names they hold, what stands inside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from types import UnionType
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel, WithJsonSchema

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
    """Return the models that a value of this annotation may be, or may be made of, short forms included."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return (annotation,)
    arguments = get_args(annotation)
    if any(isinstance(mark, WithJsonSchema) for mark in arguments[1:]):
        return ()  # written as text
    inner = list(arguments)
    if get_origin(annotation) is Annotated:
        inner = [arguments[0], *(getattr(mark, "json_schema_input_type", None) for mark in arguments[1:])]
    return tuple(dict.fromkeys(model for argument in inner for model in models_in(argument)))


def _is_free(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        return _is_free(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return any(map(_is_free, get_args(annotation)))
    return _is_mapping(annotation)


def _is_mapping(annotation: Any) -> bool:
    origin = get_origin(annotation)
    return isinstance(origin, type) and issubclass(origin, Mapping)


@dataclass(frozen=True)
class Shape:
    """What may stand in a mapping: the fields of these models, or, if it is free, any key."""

    models: tuple[Model, ...]
    is_free: bool = False

    @property
    def is_named(self) -> bool:
        """Whether each key names something with fields of its own, so that a key alone already counts."""
        return self.is_free and bool(self.models)


def inside(shape: Shape, key: str) -> Shape | None:
    """Return the shape of what stands under a key, None if the key does not belong there."""
    return Shape(shape.models) if shape.is_free else _under(shape, key)


@lru_cache(4096)
def _under(shape: Shape, key: str) -> Shape | None:
    annotations = [fields_of(model)[key] for model in shape.models if key in fields_of(model)]
    if not annotations:
        return None
    models = dict.fromkeys(model for annotation in annotations for model in models_in(annotation))
    return Shape(tuple(models), any(map(_is_free, annotations)))


def models_at(model: Model, path: Iterable[str | int]) -> tuple[Model, ...]:
    """Return the models that may stand at a path of keys and indexes inside another, in whatever form."""
    shape = Shape((model,))
    for step in path:
        if isinstance(step, str):
            shape = inside(shape, step) or shape
    return shape.models


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
