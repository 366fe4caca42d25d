"""Common mistakes in Pulumi programs, each with a rule and a fix of its own.

    interpolations.py  an Output or a resource in an f-string, `${…}` of another tool, a missing f
    value_types.py     a resource in place of its ARN, a dict in place of JSON text, a path in place of text
    identifiers.py     account ids as numbers, names in place of ARNs, issuers in place of provider ARNs

`explain` replaces rule and fix of a validation error if its value shows such a mistake. It runs where an error leaves a
component, and so for every input of every component. `in_text` finds the mistakes that no other rule rejects, because
the text is valid.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pulumi

from eks_identity.errors import Problem
from eks_identity.redaction import SECRET
from eks_identity.runtime.mistakes import identifiers, interpolations, value_types
from eks_identity.runtime.mistakes.input_fields import FREE_TEXT, RuleAndFix, keys_of, last_key

_MISTAKES: tuple[Callable[[Problem], RuleAndFix | None], ...] = (
    interpolations.output_in_text,
    interpolations.object_in_text,
    value_types.resource_for_value,
    value_types.dict_for_json,
    value_types.file_for_text,
    interpolations.missing_interpolation,
    identifiers.wildcard_permission_set,
    identifiers.issuer_or_provider,
    identifiers.surrounding_characters,
    identifiers.account_id_as_number,
    identifiers.arn_for_name,
    identifiers.name_for_arn,
    value_types.item_for_list,
    value_types.text_for_typed_value,
    value_types.number_for_version,
)
"""Functions that recognize a mistake, in their order of precedence."""


class _Text:
    """A value of a problem that messages show as this text, without quotes."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def explain(problem: Problem) -> Problem:
    """Return `problem` with a readable value, and with the rule and fix of the mistake that its value shows, if any."""
    if problem.value is SECRET:
        return problem
    for recognize in _MISTAKES:
        explanation = recognize(problem)
        if explanation is not None:
            rule, fix = explanation
            return replace(problem, rule=rule, fix=fix, value=_readable(problem.value, last_key(problem.input)))
    return replace(problem, value=_without_addresses(problem.value))


def find_in_text(value: str, under: str) -> Problem | None:
    """Return the problem of a text that holds an Output, a resource, or an interpolation of another tool."""
    if "object at 0x" in value or "on an Output[T]" in value or "on an [Output<T>]" in value:
        return explain(Problem(under, "must be text", value, "write the text itself"))
    if interpolations.is_foreign(value) and FREE_TEXT.isdisjoint(keys_of(under)):
        return explain(Problem(under, "must be text", value, "write the text itself"))
    return None


def find_in_values(value: Any, under: str) -> Iterator[Problem]:
    """Yield the problem of `in_text` for each text in `value`, whose type another package declares."""
    if isinstance(value, str):
        problem = find_in_text(value, under)
        if problem is not None:
            yield problem
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from find_in_values(item, f"{under}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from find_in_values(item, f"{under}[{index}]")


def output_container_problem(under: str, keys: Mapping[str, Any] | None, *, is_list: bool = False) -> Problem:
    """Return the problem of an Output of a list or mapping. `keys` are those of a mapping with fixed keys."""
    name = last_key(under) or "value"
    if keys is not None:
        rule = f"must be a plain mapping of {', '.join(keys)}, whose values may be Outputs"
        names = ", ".join(f'"{key}"' for key in keys)
        fix = f"write {{key: {name}[key] for key in ({names})}}, where {name} is that Output; omit keys that it lacks"
    elif is_list:
        rule = "must be a plain list, because it determines the resources; its items may be Outputs"
        fix = f"write the items one by one: [{name}[0], {name}[1]], where {name} is that Output"
    else:
        rule = "must be a plain mapping, because it determines the resources; its values may be Outputs"
        fix = f'write the keys yourself: {{"KEY": {name}["KEY"]}}, where {name} is that Output'
    return Problem(under, rule, _Text("an Output"), fix)


def _readable(value: object, key: str) -> object:
    if key == "kubeconfig" and isinstance(value, Mapping):  # it may hold credentials
        return _Text("a dict")
    if isinstance(value, pulumi.Resource):
        return _Text(f'the resource {type(value).__name__} "{value.pulumi_resource_name}"')
    return interpolations.readable(value) if isinstance(value, str) else _without_addresses(value)


def _without_addresses(value: object) -> object:
    """Return `value` with texts in place of objects that Python shows as an address in memory."""
    if isinstance(value, Mapping):  # `map` and no comprehension, which would need two frames for each level
        return dict(zip(value, map(_without_addresses, value.values()), strict=True))
    if isinstance(value, list):
        return list(map(_without_addresses, value))
    if isinstance(value, pulumi.Output):
        return _Text("an Output")
    if isinstance(value, pulumi.Asset | pulumi.Archive):
        return _Text(f"a {type(value).__name__}")
    return value
