"""The names to which a template's expressions refer, without their evaluation: resources, parameters and conditions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.cloud.cloudformation.intrinsics import (
    SUB_VARIABLE,
    find_function,
    read_arguments,
    read_attribute,
    read_name,
    read_sub_arguments,
)


def list_references(value: Any) -> Iterator[tuple[str, str | None]]:
    """Yield each parameter or resource in an expression, with the attribute for `Fn::GetAtt`."""
    if isinstance(value, list):
        for item in value:
            yield from list_references(item)
    if not isinstance(value, dict):
        return
    name, argument = next(iter(value.items())) if len(value) == 1 else ("", None)
    if name == "Ref":
        yield read_name(argument, "Ref"), None
    elif name == "Fn::GetAtt":
        resource, attribute = read_attribute(argument)
        yield resource, attribute if isinstance(attribute, str) else None
        yield from list_references(attribute)
    elif name == "Fn::Sub":
        text, variables = read_sub_arguments(argument)
        for variable in SUB_VARIABLE.findall(text):
            if variable.strip() not in variables:
                resource, _, attribute = variable.strip().partition(".")
                yield resource, attribute or None
        yield from list_references(list(variables.values()))
    else:
        yield from list_references(list(value.values()))


def check_functions(value: Any) -> None:
    """Raise an error if an expression has a function that the lab does not implement there."""
    if isinstance(value, dict):
        find_function(value)
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in items:
        check_functions(item)


def list_conditions(value: Any) -> Iterator[str]:
    """Yield the conditions of each `Fn::If` in an expression."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in items:
        yield from list_conditions(item)
    if isinstance(value, dict) and "Fn::If" in value:
        yield read_arguments(value["Fn::If"], "Fn::If", 3)[0]
