"""Parameters of a template: declarations, and the values of a stack.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from lab.cloud.cloudformation.errors import ValidationError

_TYPES = frozenset({"CommaDelimitedList", "List<Number>", "Number", "String"})
_MEMBERS = frozenset(
    {
        "AllowedPattern",
        "AllowedValues",
        "ConstraintDescription",
        "Default",
        "Description",
        "MaxLength",
        "MaxValue",
        "MinLength",
        "MinValue",
        "NoEcho",
        "Type",
    }
)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
HIDDEN = "****"
"""The text that CloudFormation returns in place of the value of a NoEcho parameter."""


def check_declarations(declarations: Mapping[str, Mapping[str, Any]]) -> None:
    """Reject parameters that are not valid, and types that the lab does not implement."""
    for name, declaration in declarations.items():
        unknown = set(declaration) - _MEMBERS
        if unknown:
            raise ValidationError(f"Invalid template parameter property '{min(unknown)}'")
        kind = declaration.get("Type")
        if kind is None:
            raise ValidationError(f"Template format error: Every Parameters object must contain a Type member: {name}")
        if not isinstance(kind, str) or kind not in _TYPES:
            raise ValidationError(f"The lab does not implement the parameter type {kind}, which parameter {name} has")
        _check_constraints(name, declaration)


def resolve(
    declarations: Mapping[str, Mapping[str, Any]],
    values: Iterable[Mapping[str, Any]],
    previous: Mapping[str, str],
) -> dict[str, str]:
    """Return the value of each parameter as text.

    Args:
        declarations: The template's parameters.
        values: The `Parameters` of the call.
        previous: The values of the stack that an update changes.

    Raises:
        ValidationError: a value is missing, not valid, or of no parameter.
    """
    entries = {str(entry.get("ParameterKey", "")): entry for entry in values}
    unknown = [name for name in entries if name not in declarations]
    if unknown:
        raise ValidationError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    resolved: dict[str, str] = {}
    missing = []
    for name, declaration in declarations.items():
        entry = entries.get(name, {})
        value = entry.get("ParameterValue")
        if entry.get("UsePreviousValue"):
            if name not in previous:
                raise ValidationError(
                    f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true"
                )
            value = previous[name]
        elif value is None and "Default" in declaration:
            value = _text(declaration["Default"])
        if value is None:
            missing.append(name)
            continue
        _check(name, declaration, value)
        resolved[name] = value
    if missing:
        raise ValidationError(f"Parameters: [{', '.join(missing)}] must have values")
    return resolved


def references(declarations: Mapping[str, Mapping[str, Any]], values: Mapping[str, str]) -> dict[str, Any]:
    """Return what `Ref` returns for each parameter: a list for the list types."""
    return {
        name: [item.strip() for item in value.split(",")] if _is_list(declarations[name]) else value
        for name, value in values.items()
    }


def describe(declarations: Mapping[str, Mapping[str, Any]], values: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the `Parameters` of a stack."""
    return [
        {"ParameterKey": name, "ParameterValue": HIDDEN if is_hidden(declarations.get(name, {})) else value}
        for name, value in values.items()
    ]


def describe_declarations(declarations: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the `Parameters` of ValidateTemplate and GetTemplateSummary."""
    described = []
    for name, declaration in declarations.items():
        entry: dict[str, Any] = {"ParameterKey": name, "NoEcho": is_hidden(declaration)}
        entry["ParameterType"] = declaration["Type"]
        if "Default" in declaration:
            entry["DefaultValue"] = HIDDEN if entry["NoEcho"] else _text(declaration["Default"])
        if "Description" in declaration:
            entry["Description"] = declaration["Description"]
        described.append(entry)
    return described


def is_hidden(declaration: Mapping[str, Any]) -> bool:
    """Return whether CloudFormation hides the value of the parameter."""
    return str(declaration.get("NoEcho", False)).lower() == "true"


def _check_constraints(name: str, declaration: Mapping[str, Any]) -> None:
    """Reject constraints that cannot be evaluated."""
    try:
        for member in ("MaxLength", "MaxValue", "MinLength", "MinValue"):
            float(declaration.get(member, 0))
        re.compile(declaration.get("AllowedPattern", ""))
        is_valid = isinstance(declaration.get("AllowedValues", []), list)
        is_valid &= isinstance(declaration.get("Description", ""), str)
    except (TypeError, ValueError, re.error):
        is_valid = False
    if not is_valid or isinstance(declaration.get("Default"), dict | list):
        raise ValidationError(f"Template format error: Parameter {name} has a member that is not valid")


def _check(name: str, declaration: Mapping[str, Any], value: str) -> None:
    items = [item.strip() for item in value.split(",")] if _is_list(declaration) else [value]
    is_number = "Number" in declaration["Type"]
    for item in items:
        if is_number and not _NUMBER.fullmatch(item):
            raise ValidationError(f"Parameter validation failed: parameter value {item} for {name} is not a number")
        rule = _find_violation(declaration, item, is_number=is_number)
        if rule is not None:
            description = declaration.get("ConstraintDescription")
            raise ValidationError(
                f"Parameter '{name}' {f'failed to satisfy constraint: {description}' if description else rule}"
            )


def _find_violation(declaration: Mapping[str, Any], value: str, *, is_number: bool) -> str | None:
    allowed = declaration.get("AllowedValues")
    if allowed is not None and value not in map(_text, allowed):
        return "must be one of AllowedValues"
    return _find_number_violation(declaration, value) if is_number else _find_text_violation(declaration, value)


def _find_number_violation(declaration: Mapping[str, Any], value: str) -> str | None:
    if "MinValue" in declaration and float(value) < float(declaration["MinValue"]):
        return f"must be a number not less than {declaration['MinValue']}"
    if "MaxValue" in declaration and float(value) > float(declaration["MaxValue"]):
        return f"must be a number not greater than {declaration['MaxValue']}"
    return None


def _find_text_violation(declaration: Mapping[str, Any], value: str) -> str | None:
    pattern = declaration.get("AllowedPattern")
    if pattern is not None and not re.fullmatch(pattern, value):
        return f"must match pattern {pattern}"
    if len(value) < int(declaration.get("MinLength", 0)):
        return f"must contain at least {declaration['MinLength']} characters"
    if "MaxLength" in declaration and len(value) > int(declaration["MaxLength"]):
        return f"must contain at most {declaration['MaxLength']} characters"
    return None


def _is_list(declaration: Mapping[str, Any]) -> bool:
    return str(declaration["Type"]) in {"CommaDelimitedList", "List<Number>"}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
