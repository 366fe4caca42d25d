"""Whether what a component was given has the shape of its args, before anything reads it.

Args are plain dicts: a misspelt key would be ignored in silence, a missing one would be a KeyError, and the string
"false" would be true. All of these are refused here, at once, from the TypedDict that declares them. What arrives as an
Output is left to the rules of `model`, which see its value.
"""

import difflib
import inspect
import typing
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from eks_identity.errors import Problem

_SCALARS: dict[Any, tuple[tuple[type, ...], str]] = {
    str: ((str,), "a string"),
    bool: ((bool,), "true or false, without quotes"),
    int: ((int, float), "a number"),  # programs of other languages send every number as a float
}


def misshapen(value: Any, shape: Any, under: str = "") -> list[Problem]:
    """What in `value` is not as `shape` says: a TypedDict, a list, a dict, a scalar, or a `pulumi.Input` of one."""
    origin = typing.get_origin(shape)
    if origin is typing.NotRequired:
        return misshapen(value, typing.get_args(shape)[0], under)
    if origin is typing.Union:
        # pulumi.Input[T]: T itself comes first, then what promises one.
        return [] if is_late(value) else misshapen(value, typing.get_args(shape)[0], under)
    if shape is Any:
        return []
    if is_late(value):
        rule = "a plain value, since it decides which resources there are"
        return [Problem(under, rule, "an Output", "write the value itself; its leaves may be Outputs")]
    if typing.is_typeddict(shape):
        return _keys(value, shape, under)
    return _plain(value, shape, under)


def _plain(value: Any, shape: Any, under: str) -> list[Problem]:
    if typing.get_origin(shape) is list:
        (item,) = typing.get_args(shape)
        if isinstance(value, str) or not isinstance(value, Sequence):
            return [Problem(under, "a list", value, "write a list, also for one item")]
        return [problem for index, one in enumerate(value) for problem in misshapen(one, item, f"{under}[{index}]")]
    if typing.get_origin(shape) is dict:
        if not isinstance(value, Mapping):
            return [Problem(under, "a mapping of names to values", value, "write a mapping")]
        _, item = typing.get_args(shape)
        return [
            problem
            for key, one in value.items()
            for problem in misshapen(key, str, f"the name {key!r} in {under}")
            + misshapen(one, item, _below(under, key))
        ]
    kinds, rule = _SCALARS[shape]
    if isinstance(value, kinds) and (shape is bool or not isinstance(value, bool)):
        return []
    return [Problem(under, rule, value, "leave it out, or give it a value" if value is None else f"write {rule}")]


def _keys(value: Any, shape: Any, under: str) -> list[Problem]:
    known = inspect.get_annotations(shape)
    if not isinstance(value, Mapping):
        return [Problem(under or "args", f"a mapping of {', '.join(known)}", value, "write a mapping of those")]
    problems = [
        Problem(_below(under, key), "needed", None, f"give {key}")
        for key in sorted(shape.__required_keys__ - set(value))
    ]
    for key, given in value.items():
        if key in known:
            problems += misshapen(given, known[key], _below(under, key))
        else:
            near = difflib.get_close_matches(str(key), known, n=1)
            fix = f"did you mean {near[0]}?" if near else "take it out"
            problems.append(Problem(_below(under, key), f"one of {', '.join(known)}", given, fix))
    return problems


def _below(under: str, key: Any) -> str:
    return f"{under}.{key}" if under else str(key)


def is_late(value: Any) -> bool:
    """Whether `value` is a promise of one."""
    return isinstance(value, pulumi.Output) or inspect.isawaitable(value)
