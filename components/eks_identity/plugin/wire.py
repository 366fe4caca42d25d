"""Conversion between values of other languages, as the engine passes them, and args of components.

| value of the engine                    | argument of the component                                       |
|----------------------------------------|-----------------------------------------------------------------|
| keys in camel case                     | the keys of the TypedDict                                       |
| every number as a float                | an int if the TypedDict has an int                              |
| an unresolved object                   | its fields as Outputs, if every field is a `pulumi.Input`       |
| an Output of a TypedDict, or of a list or map with TypedDicts | the same, converted when it is resolved    |
| a union of a scalar and a mapping     | the type is that of the value                                   |
| a document, `dict` of Any             | unchanged: its keys are not the library's                       |

Other values are passed on unchanged, so that the component rejects them with its own message.
"""

import re
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pulumi
from google.protobuf.struct_pb2 import Struct, Value
from pulumi.output import Unknown
from pulumi.provider.experimental.util import camel_case

from eks_identity.errors import Problem
from eks_identity.model.levels import is_deeper
from eks_identity.runtime.args_validation import is_output
from eks_identity.runtime.typed_dicts import accepts_outputs, fields, plain_types

MAX_LEVELS = 100
"""Levels of lists and mappings in an input. Pulumi's SDK reads them by recursion, and fails with several hundred."""

_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")


def snake_case(name: str) -> str:
    """Return `oidc_provider_arn` for `oidcProviderArn`."""
    return _CAPITAL.sub(lambda capital: f"_{capital[1].lower()}", name)


def depth_problems(inputs: Struct) -> list[Problem]:
    """Return the problems of inputs with too many levels, before they are converted to values of Python."""
    rule = f"must have at most {MAX_LEVELS} levels of lists and mappings"
    fix = "write it with fewer levels, or pass a document as JSON text"
    return [
        Problem(snake_case(name), rule, "more levels", fix)
        for name, value in inputs.fields.items()
        if is_deeper(value, MAX_LEVELS + 1, _items)
    ]


def _items(value: Value) -> Iterable[Value]:
    return value.struct_value.fields.values() if value.HasField("struct_value") else value.list_value.values


def from_wire(value: Any, shape: Any) -> Any:
    """Convert a value of a program in another language to `shape`: a TypedDict, or the type of a field."""
    if isinstance(value, Unknown):
        value = pulumi.Output.from_input(value)
    types = plain_types(shape)
    if isinstance(value, pulumi.Output) and accepts_outputs(shape):
        return (
            value.apply(lambda resolved: _from_wire(resolved, types)) if any(map(_needs_conversion, types)) else value
        )
    return _from_wire(value, types)


def _from_wire(value: Any, types: Sequence[Any]) -> Any:
    """Convert `value` to the one of `types` that has its form: several types are a scalar and a mapping."""
    mappings = [type_ for type_ in types if typing.is_typeddict(type_) or typing.get_origin(type_) is dict]
    shape: Any = mappings[0] if mappings and isinstance(value, Mapping) else types[0]
    if typing.is_typeddict(shape):
        return _typed_dict(value, shape)
    if shape is int:
        return _integer(value)
    return value if is_output(value) else _container(value, typing.get_origin(shape), typing.get_args(shape))


def _needs_conversion(type_: Any) -> bool:
    """Return whether a value of the type needs a conversion: it is an int, or has keys of a TypedDict."""
    if typing.is_typeddict(type_) or type_ is int:
        return True
    return any(_needs_conversion(member) for argument in typing.get_args(type_) for member in plain_types(argument))


def _container(value: Any, kind: Any, arguments: tuple[Any, ...]) -> Any:
    if kind is list and isinstance(value, Sequence) and not isinstance(value, str):
        return [from_wire(item, arguments[0]) for item in value]
    if kind is dict and isinstance(value, Mapping):
        return {key: from_wire(item, arguments[1]) for key, item in value.items()}
    return value


def is_record_of_inputs(shape: Any) -> bool:
    """Return whether an Output of the whole record can be split: all fields are required and `pulumi.Input`s."""
    return typing.is_typeddict(shape) and all(field.is_required and field.is_input for field in fields(shape).values())


def to_wire(value: Any) -> Any:
    """Convert an output of a component: keys of a TypedDict become camel case. Other values are unchanged."""
    return {camel_case(key): item for key, item in value.items()} if isinstance(value, Mapping) else value


def _typed_dict(value: Any, shape: Any) -> Any:
    types = {name: field.annotation for name, field in fields(shape).items()}
    if is_output(value) and is_record_of_inputs(shape):
        record = pulumi.Output.from_input(value)
        return {name: from_wire(_field(record, camel_case(name)), type_) for name, type_ in types.items()}
    if not isinstance(value, Mapping):
        return value
    names = {camel_case(name): name for name in types}
    return {
        names.get(key, key): from_wire(item, types[names[key]]) if key in names else item
        for key, item in value.items()
        if item is not None
    }


def _field(record: "pulumi.Output[Any]", key: str) -> "pulumi.Output[Any]":
    return record.apply(lambda resolved: resolved[key])


def _integer(value: Any) -> Any:
    if isinstance(value, pulumi.Output):
        return value.apply(_integer)
    return int(value) if isinstance(value, float) and value.is_integer() else value
