"""Check a program's inputs against a resource spec, and add names and defaults. Pure.

All problems are reported at once. An unknown property has another message than one that only the official plugin
covers.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lab.plugins.aws.resource_spec import ResourceSpec
from lab.plugins.values import UNKNOWN

DEFAULTS: Final = "__defaults"
"""The input with the names of properties that have a default value; the official plugin uses the same key."""


Failure = tuple[str, str]
"""The name of a property, and the problem."""


@dataclass
class CheckResult:
    inputs: dict[str, Any] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)


def check_inputs(
    spec: ResourceSpec,
    news: Mapping[str, Any],
    olds: Mapping[str, Any],
    *,
    choose_name: Callable[[int, str], str],
    region: str | None,
) -> CheckResult:
    """Check `news` against `spec`.

    Args:
        spec: The resource spec of the type.
        news: The program's inputs.
        olds: The inputs of the last update: an automatic name is reused.
        choose_name: Returns a name with a maximum length; the second argument is its prefix.
        region: The provider's region, for regional types; None if unresolved.
    """
    checked = CheckResult()
    provided = {key: value for key, value in _without_nulls(news).items() if not key.startswith("__")}
    _reject_others(spec, provided, checked)
    for prop in spec.inputs:
        if prop.name in provided:
            _accept(spec, prop.name, provided[prop.name], checked)
        elif prop.required:
            checked.failures.append((prop.name, f"{prop.name} is required by {spec.type}, and must be set"))
    defaults: list[str] = []
    if spec.name and spec.name.property not in provided:
        defaults.append(spec.name.property)
        checked.inputs[spec.name.property] = _name(spec, provided, olds, choose_name)
    for prop in spec.inputs:
        if prop.default is not None and prop.name not in checked.inputs and prop.name not in provided:
            defaults.append(prop.name)
            checked.inputs[prop.name] = prop.default
    if spec.scope == "regional" and "region" not in provided:
        defaults.append("region")
        checked.inputs["region"] = UNKNOWN if region is None else region
    _check_length(spec, checked)
    checked.inputs[DEFAULTS] = sorted(defaults)
    return checked


def is_default(inputs: Mapping[str, Any], name: str) -> bool:
    """Return whether the property has a default or automatic value, not one of the program."""
    return name in (inputs.get(DEFAULTS) or ())


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _reject_others(spec: ResourceSpec, provided: Mapping[str, Any], checked: CheckResult) -> None:
    names = [prop.name for prop in spec.inputs]
    for key in provided:
        if key in names or key == "tagsAll":
            continue
        if key in spec.not_covered:
            reason = f"{key} of {spec.type} is not covered by the lab's stand-in: {spec.not_covered[key]}"
        else:
            matches = difflib.get_close_matches(key, names, n=1)
            hint = f"; did you mean {matches[0]}?" if matches else f"; it has {', '.join(sorted(names))}"
            reason = f"{spec.type} has no property {key}{hint}"
        checked.failures.append((key, reason))


def _accept(spec: ResourceSpec, name: str, value: Any, checked: CheckResult) -> None:
    if value is UNKNOWN:
        checked.inputs[name] = value
        return
    try:
        checked.inputs[name] = spec.by_name[name].converter.accept(value)
    except ValueError as error:
        checked.failures.append((name, f"{name} {error}"))


def _name(
    spec: ResourceSpec, provided: Mapping[str, Any], olds: Mapping[str, Any], choose_name: Callable[[int, str], str]
) -> Any:
    name = spec.name
    assert name is not None
    prefix = provided.get(name.prefix) if name.prefix else None
    if prefix is UNKNOWN:
        return UNKNOWN
    old_name = olds.get(name.property)
    if old_name and is_default(olds, name.property) and str(old_name).startswith(prefix or ""):
        return old_name
    text = choose_name(name.limit, prefix or "")
    return text.lower() if name.lowercase else text


def _check_length(spec: ResourceSpec, checked: CheckResult) -> None:
    if spec.name is None:
        return
    text = checked.inputs.get(spec.name.property)
    if isinstance(text, str) and len(text) > spec.name.limit:
        rule = f"has {len(text)} characters, and AWS allows {spec.name.limit}"
        checked.failures.append((spec.name.property, f"{spec.name.property} {text!r} {rule}: set a shorter one"))
