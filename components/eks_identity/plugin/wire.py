"""Values as the engine brings them, and as the components' args declare them.

| what arrives                              | what the component is given                                    |
|-------------------------------------------|----------------------------------------------------------------|
| names of keys in camel case               | the names of its TypedDicts                                    |
| every number as a float                   | an int where an int is declared                                |
| a whole object that is known later        | its leaves as Outputs, where every one of them is an Input     |
| options of another package, a `dict` of Any | the same in Python's names: `vpcId` as `vpc_id`              |

Anything else is passed on as it is, so that the component refuses it in its own words.
"""

import re
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pulumi
from pulumi.output import Unknown
from pulumi.provider.experimental.util import camel_case

from eks_identity.runtime.args_validation import is_output
from eks_identity.runtime.typed_dicts import fields

_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")


def snake_case(name: str) -> str:
    """`oidcProviderArn` as `oidc_provider_arn`."""
    return _CAPITAL.sub(lambda capital: f"_{capital[1].lower()}", name)


def received(value: Any, shape: Any) -> Any:
    """`value` of a program in another language, as `shape` (a TypedDict, or the type of a key) declares it."""
    if isinstance(value, Unknown):
        value = pulumi.Output.from_input(value)
    kind: Any = typing.get_origin(shape)
    if typing.is_typeddict(shape):
        return _record(value, shape)
    if shape is int or (kind is typing.Union and typing.get_args(shape)[0] is int):  # int, or pulumi.Input[int]
        return _whole(value)
    return value if is_output(value) else _contained(value, kind, typing.get_args(shape))


def _contained(value: Any, kind: Any, items: tuple[Any, ...]) -> Any:
    if kind is list and isinstance(value, Sequence) and not isinstance(value, str):
        return [received(one, items[0]) for one in value]
    if kind is dict and isinstance(value, Mapping):
        rename: Callable[[str], str] = snake_case if items[1] is Any else str
        return {rename(key): received(one, items[1]) for key, one in value.items()}
    return value


def is_record_of_inputs(shape: Any) -> bool:
    """Whether all of it may be known later: every key is needed, and every one is a leaf."""
    return typing.is_typeddict(shape) and all(field.is_required and field.is_input for field in fields(shape).values())


def sent(value: Any) -> Any:
    """A component's output in the names of other languages; keys of plain mappings are data, and stay."""
    return {camel_case(key): one for key, one in value.items()} if isinstance(value, Mapping) else value


def _record(value: Any, shape: Any) -> Any:
    keys = {name: field.annotation for name, field in fields(shape).items()}
    if is_output(value) and is_record_of_inputs(shape):
        whole = pulumi.Output.from_input(value)
        return {key: received(_leaf(whole, camel_case(key)), kind) for key, kind in keys.items()}
    if not isinstance(value, Mapping):
        return value
    names = {camel_case(key): key for key in keys}
    return {
        names.get(key, key): received(one, keys[names[key]]) if key in names else one
        for key, one in value.items()
        if one is not None
    }


def _leaf(whole: "pulumi.Output[Any]", key: str) -> "pulumi.Output[Any]":
    return whole.apply(lambda known: known[key])


def _whole(value: Any) -> Any:
    if isinstance(value, pulumi.Output):
        return value.apply(_whole)
    return int(value) if isinstance(value, float) and value.is_integer() else value
