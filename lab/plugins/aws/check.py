"""The inputs of a program → the inputs that a row accepts: checked, named, with their defaults. Pure.

Every fault is found, not only the first. A property that no version of the type has is told from one that the official
plugin has and this stand-in lacks.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lab.plugins.aws.resource_spec import ResourceSpec
from lab.plugins.values import UNKNOWN

DEFAULTS: Final = "__defaults"
"""The input that lists what was not given but chosen; the official plugin keeps it under the same key."""


Failure = tuple[str, str]
"""A property, and what is wrong with it."""


@dataclass
class Checked:
    inputs: dict[str, Any] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)


def check_inputs(
    row: ResourceSpec,
    news: Mapping[str, Any],
    olds: Mapping[str, Any],
    *,
    choose_name: Callable[[int, str], str],
    region: str | None,
) -> Checked:
    """Check `news` against `row`.

    Args:
        row: The type.
        news: What the program gives.
        olds: The inputs of the last update: a name chosen then is kept.
        choose_name: Makes a name of at most so many characters; its second argument, if not empty, begins it.
        region: The provider's, for types that are regional; None where it is not known yet.
    """
    checked = Checked()
    given = {key: value for key, value in _without_nulls(news).items() if not key.startswith("__")}
    _refuse_others(row, given, checked)
    for each in row.inputs:
        if each.name in given:
            _accept(row, each.name, given[each.name], checked)
        elif each.required:
            checked.failures.append((each.name, f"{each.name} is required by {row.type}, and is not given"))
    defaults: list[str] = []
    if row.name and row.name.property not in given:
        defaults.append(row.name.property)
        checked.inputs[row.name.property] = _name(row, given, olds, choose_name)
    for each in row.inputs:
        if each.default is not None and each.name not in checked.inputs and each.name not in given:
            defaults.append(each.name)
            checked.inputs[each.name] = each.default
    if row.scope == "regional" and "region" not in given:
        defaults.append("region")
        checked.inputs["region"] = UNKNOWN if region is None else region
    _check_length(row, checked)
    checked.inputs[DEFAULTS] = sorted(defaults)
    return checked


def chosen(inputs: Mapping[str, Any], name: str) -> bool:
    """Whether the property was chosen here, not given by the program."""
    return name in (inputs.get(DEFAULTS) or ())


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _refuse_others(row: ResourceSpec, given: Mapping[str, Any], checked: Checked) -> None:
    known = [each.name for each in row.inputs]
    for key in given:
        if key in known or key == "tagsAll":
            continue
        if key in row.not_covered:
            reason = f"{key} of {row.type} is not covered by the lab's stand-in: {row.not_covered[key]}"
        else:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; it has {', '.join(sorted(known))}"
            reason = f"{row.type} has no property {key}{hint}"
        checked.failures.append((key, reason))


def _accept(row: ResourceSpec, name: str, value: Any, checked: Checked) -> None:
    if value is UNKNOWN:
        checked.inputs[name] = value
        return
    try:
        checked.inputs[name] = row.by_name[name].form.accept(value)
    except ValueError as error:
        checked.failures.append((name, f"{name} {error}"))


def _name(
    row: ResourceSpec, given: Mapping[str, Any], olds: Mapping[str, Any], choose_name: Callable[[int, str], str]
) -> Any:
    name = row.name
    assert name is not None
    prefix = given.get(name.prefix) if name.prefix else None
    if prefix is UNKNOWN:
        return UNKNOWN
    kept = olds.get(name.property)
    if kept and chosen(olds, name.property) and str(kept).startswith(prefix or ""):
        return kept
    text = choose_name(name.limit, prefix or "")
    return text.lower() if name.lowercase else text


def _check_length(row: ResourceSpec, checked: Checked) -> None:
    if row.name is None:
        return
    text = checked.inputs.get(row.name.property)
    if isinstance(text, str) and len(text) > row.name.limit:
        rule = f"has {len(text)} characters, and AWS allows {row.name.limit}"
        checked.failures.append((row.name.property, f"{row.name.property} {text!r} {rule}: give a shorter one"))
