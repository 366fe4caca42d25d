"""Whether what a component was given has the shape of its args, before anything reads it.

Args are plain dicts: a misspelt key would be ignored in silence, a missing one would be a KeyError, and the string
"false" would be true. All of these are refused here, at once, from the TypedDict that declares them. What arrives as an
Output is left to the rules of `model`, which see its value.
"""

import difflib
import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any, Final

import pulumi

from eks_identity.errors import Problem
from eks_identity.runtime import mistakes

_SCALARS: dict[Any, tuple[tuple[type, ...], str]] = {
    str: ((str,), "a string"),
    bool: ((bool,), "true or false, without quotes"),
    int: ((int, float), "a number"),  # programs of other languages send every number as a float
}
PLAIN: Final = (str, int, float, type(None))
"""What holds nothing else, and is no promise."""

_Check = Callable[[Any, str], list[Problem]]
"""What is wrong with a value that was given under a name."""


def validate_args(value: Any, shape: Any, under: str = "") -> list[Problem]:
    """What in `value` is not as `shape` says: a TypedDict, a list, a dict, a scalar, or a `pulumi.Input` of one."""
    return _check(shape)(value, under)


def _check(shape: Any) -> _Check:
    """What checks values of `shape`: it is taken apart once, and not for each of a thousand components."""
    origin = typing.get_origin(shape)
    if origin is typing.NotRequired:
        return _check(typing.get_args(shape)[0])
    if origin is typing.Union:
        # pulumi.Input[T]: T itself comes first, then what promises one.
        one = _check(typing.get_args(shape)[0])
        return lambda value, under: [] if is_output(value) else one(value, under)
    if shape is Any:
        return lambda value, under: list(mistakes.in_values(value, under))
    check = partial(_record, shape) if typing.is_typeddict(shape) else _plain(shape)
    return lambda value, under: _decides(shape, under) if is_output(value) else check(value, under)


def _decides(shape: Any, under: str) -> list[Problem]:
    """The problem of an Output where the value has to be plain."""
    if typing.is_typeddict(shape):
        return [mistakes.late_container(under, inspect.get_annotations(shape))]
    if typing.get_origin(shape) in {list, dict}:
        return [mistakes.late_container(under, None, is_list=typing.get_origin(shape) is list)]
    rule = "must be a plain value, since it decides which resources there are"
    return [Problem(under, rule, "an Output", "write the value itself, or read it with pulumi.Config")]


def _plain(shape: Any) -> _Check:
    if typing.get_origin(shape) is list:
        return partial(_list, _check(typing.get_args(shape)[0]))
    if typing.get_origin(shape) is dict:
        return partial(_dict, _check(typing.get_args(shape)[1]))
    return partial(_scalar, shape)


def _list(check: _Check, value: Any, under: str) -> list[Problem]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        return [Problem(under, "a list", value, "write a list, also for one item")]
    return [problem for index, one in enumerate(value) for problem in check(one, f"{under}[{index}]")]


def _dict(check: _Check, value: Any, under: str) -> list[Problem]:
    if not isinstance(value, Mapping):
        return [Problem(under, "a mapping of names to values", value, "write a mapping")]
    return [
        problem
        for key, one in value.items()
        for problem in validate_args(key, str, f"the name {key!r} in {under}") + check(one, _below(under, key))
    ]


def _scalar(shape: Any, value: Any, under: str) -> list[Problem]:
    kinds, rule = _SCALARS[shape]
    if isinstance(value, str) and (found := mistakes.in_text(value, under)) is not None:
        return [found]
    if isinstance(value, kinds) and (shape is bool or not isinstance(value, bool)):
        return []
    return [Problem(under, rule, value, "leave it out, or give it a value" if value is None else f"write {rule}")]


@cache
def _keys(shape: Any) -> dict[str, _Check]:
    return {key: _check(kind) for key, kind in inspect.get_annotations(shape).items()}


def _record(shape: Any, value: Any, under: str) -> list[Problem]:
    known = _keys(shape)
    if not isinstance(value, Mapping):
        return [Problem(under or "args", f"a mapping of {', '.join(known)}", value, "write a mapping of those")]
    problems = [
        Problem(_below(under, key), "needed", None, f"give {key}")
        for key in sorted(shape.__required_keys__ - set(value))
    ]
    for key, given in value.items():
        if key in known:
            problems += known[key](given, _below(under, key))
        else:
            near = difflib.get_close_matches(str(key), known, n=1)
            fix = f"did you mean {near[0]}?" if near else "take it out"
            problems.append(Problem(_below(under, key), f"one of {', '.join(known)}", given, fix))
    return problems


def _below(under: str, key: Any) -> str:
    return f"{under}.{key}" if under else str(key)


def is_output(value: Any) -> bool:
    """Whether `value` is a promise of one."""
    if isinstance(value, (*PLAIN, dict, list)):
        return False  # said first: nearly all values are one of these, and to ask for an Awaitable takes long
    return isinstance(value, pulumi.Output) or inspect.isawaitable(value)
