"""Validation of a component's args against their TypedDict, before any input is parsed.

Args are plain dicts: Python would ignore a misspelt key, raise KeyError for a missing one, and take the string "false"
for true. All such problems are reported at once. An Output is left to the parsers of `model`, which get its value.
"""

import difflib
import enum
import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any, Final

import pulumi
from pulumi._types import is_input_type

from eks_identity.errors import Problem
from eks_identity.runtime import mistakes
from eks_identity.runtime.typed_dicts import (
    accepts_outputs,
    accepts_resources,
    fields,
    is_union,
    plain_types,
    sdk_options_of,
)

_SCALARS: dict[Any, tuple[tuple[type, ...], str]] = {
    str: ((str,), "a string"),
    bool: ((bool,), "true or false, without quotes"),
    int: ((int, float), "a number"),  # programs of other languages send every number as a float
}
PLAIN: Final = (str, int, float, type(None))
"""Types of values that hold no other value and are no Output."""

_Validator = Callable[[Any, str], list[Problem]]
"""Returns the problems of a value; the second argument is the input's path."""


def validate_args(value: Any, annotation: Any, under: str = "") -> list[Problem]:
    """Return the problems of `value`, the input `under`, that does not have the annotated type.

    `annotation` is a TypedDict, a list, a dict, a scalar, an enum, or a `pulumi.Input` of one.
    """
    return _validator(annotation)(value, under)


def _validator(annotation: Any) -> _Validator:
    """Return the validator of a type. It is built once, and not for each of a thousand components."""
    if is_union(annotation):
        return _union_validator(annotation)
    if annotation is Any:
        return lambda value, under: list(mistakes.find_in_values(value, under))
    validator = partial(_record, annotation) if typing.is_typeddict(annotation) else _plain_validator(annotation)
    return lambda value, under: _output_problems(annotation, under) if is_output(value) else validator(value, under)


def _union_validator(annotation: Any) -> _Validator:
    """Return the validator of `pulumi.Input[T]`, of `T | Role`, of an enum `T | Literal[…]`, or of a union of these."""
    types = plain_types(annotation)
    validator = _validator(types[0]) if len(types) == 1 else _mapping_or_scalar_validator(types)
    if not accepts_outputs(annotation):
        return validator
    others = (pulumi.Resource,) if accepts_resources(annotation) else ()
    return lambda value, under: [] if is_output(value) or isinstance(value, others) else validator(value, under)


def _mapping_or_scalar_validator(types: Sequence[Any]) -> _Validator:
    """Return the validator of a union of a scalar and a mapping: the value's form selects the type."""
    scalar, mapping = sorted(types, key=lambda type_: type_ not in _SCALARS)
    validate_scalar, validate_mapping = _validator(scalar), _validator(mapping)

    def validate(value: Any, under: str) -> list[Problem]:
        if isinstance(value, Mapping) or is_sdk_object(value):
            return validate_mapping(value, under)
        problems = validate_scalar(value, under)
        return [replace(problem, rule=f"{problem.rule}, or a mapping") for problem in problems]

    return validate


def _output_problems(annotation: Any, under: str) -> list[Problem]:
    """Return the problem of an Output where the value must be plain."""
    if typing.is_typeddict(annotation):
        return [mistakes.output_container_problem(under, fields(annotation))]
    if typing.get_origin(annotation) in {list, dict}:
        return [mistakes.output_container_problem(under, None, is_list=typing.get_origin(annotation) is list)]
    rule = "must be a plain value, because it determines which resources are created"
    return [Problem(under, rule, "an Output", "write the value itself, or read it with pulumi.Config")]


def _plain_validator(annotation: Any) -> _Validator:
    if typing.get_origin(annotation) is list:
        return partial(_list, _validator(typing.get_args(annotation)[0]))
    if typing.get_origin(annotation) is dict:
        return partial(_dict, _validator(typing.get_args(annotation)[1]))
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return partial(_scalar, str)
    return partial(_scalar, annotation)


def _list(validator: _Validator, value: Any, under: str) -> list[Problem]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        return [Problem(under, "must be a list", value, "write a list, also for one item")]
    return [problem for index, item in enumerate(value) for problem in validator(item, f"{under}[{index}]")]


def _dict(validator: _Validator, value: Any, under: str) -> list[Problem]:
    if not isinstance(value, Mapping):
        return [Problem(under, "must be a mapping of names to values", value, "write a mapping")]
    return [
        problem
        for key, item in value.items()
        for problem in validate_args(key, str, f"the name {key!r} in {under}") + validator(item, _below(under, key))
    ]


def _scalar(type_: Any, value: Any, under: str) -> list[Problem]:
    accepted, noun = _SCALARS[type_]
    if isinstance(value, str) and (mistake := mistakes.find_in_text(value, under)) is not None:
        return [mistake]
    if isinstance(value, accepted) and (type_ is bool or not isinstance(value, bool)):
        return []
    fix = "omit it, or set a value" if value is None else f"write {noun}"
    return [Problem(under, f"must be {noun}", value, fix)]


@cache
def _validators(typed_dict: type) -> dict[str, _Validator]:
    return {name: _validator(field.annotation) for name, field in fields(typed_dict).items()}


def _record(typed_dict: type, value: Any, under: str) -> list[Problem]:
    validators = _validators(typed_dict)
    if not isinstance(value, Mapping):
        if is_sdk_object(value) and sdk_options_of(typed_dict):
            return []
        rule = f"must be a mapping of {', '.join(validators)}"
        return [Problem(under or "args", rule, value, "write a mapping with these names")]
    missing = (name for name, field in fields(typed_dict).items() if field.is_required and name not in value)
    problems = [Problem(_below(under, name), "must be set", None, f"set {name}") for name in sorted(missing)]
    for name, item in value.items():
        if name in validators:
            problems += validators[name](item, _below(under, name))
        else:
            problems.append(_unknown_field(typed_dict, str(name), item).with_prefix(under))
    return problems


def _unknown_field(typed_dict: type, name: str, value: Any) -> Problem:
    names = list(fields(typed_dict))
    options = sdk_options_of(typed_dict)
    unsupported = {_letters(option): option for option in options.unsupported} if options else {}
    if options is not None and (option := unsupported.get(_letters(name))):
        return Problem(option, "must be omitted: this library replaces the option", value, options.unsupported[option])
    similar = difflib.get_close_matches(name, names, n=1)
    if options is None:
        fix = f"did you mean {similar[0]}?" if similar else "remove it"
        return Problem(name, f"must be one of {', '.join(names)}", value, fix)
    fix = f"did you mean {similar[0]}?" if similar else f"remove it, or write an option of {options.class_name}"
    return Problem(name, f"must be an option of {options.class_name}", value, fix)


def _letters(name: str) -> str:
    """Return `vpcid` for `vpc_id` and for `vpcId`, the name in other languages."""
    return name.replace("_", "").lower()


def _below(under: str, name: Any) -> str:
    return f"{under}.{name}" if under else str(name)


def is_sdk_object(value: Any) -> bool:
    """Return whether `value` is an object of an args class of Pulumi, such as `pulumi_eks.VpcCniOptionsArgs`."""
    return is_input_type(type(value))


def is_output(value: Any) -> bool:
    """Return whether `value` is an Output or an Awaitable of one."""
    if isinstance(value, (*PLAIN, dict, list)):
        return False  # the common types first: to test for an Awaitable is slow
    return isinstance(value, pulumi.Output) or inspect.isawaitable(value)
