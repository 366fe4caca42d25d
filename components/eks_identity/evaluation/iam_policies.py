"""Evaluation of IAM policy documents for one request, for tests of declared policies.

A Deny wins over an Allow, and a request that no statement matches is denied implicitly. Conditions on strings, ARNs,
booleans, numbers and absence are evaluated; another operator raises `UnclearError`.

Source: IAM user guide, "Policy evaluation logic" and "IAM JSON policy elements: Condition operators".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

_VARIABLE = re.compile(r"(\$\{([^}*?$,]+)(?:,\s*('[^']*')\s*)?\})")
"""A policy variable, its key and its optional default in quotes."""

Document = Mapping[str, Any]
Context = Mapping[str, str | Sequence[str]]
"""The request's condition keys, in any case, each with one value or several."""


class Decision(StrEnum):
    """The decision of all documents together."""

    ALLOW = "allow"
    DENY = "deny"
    NOTHING = "nothing"
    """No statement matches: IAM denies the request implicitly."""


class UnclearError(Exception):
    """A document with an element that is not evaluated."""


def document(text: str | Document) -> Document:
    """Return a policy document as a mapping, from JSON or a mapping."""
    loaded: Document = json.loads(text) if isinstance(text, str) else text
    return loaded


def statements(text: str | Document) -> list[Document]:
    """Return the statements of a document. IAM accepts a single statement without a list."""
    elements = document(text).get("Statement", [])
    return [elements] if isinstance(elements, Mapping) else list(elements)


def decide(documents: Iterable[str | Document], action: str, resource: str, context: Context) -> Decision:
    """Return the decision of identity policies on `action` on `resource` (an ARN, or `*`). Raises `UnclearError`."""
    effects = {
        statement["Effect"]
        for each in documents
        for statement in statements(each)
        if _matches_element(statement, "Action", action, ignore_case=True)
        and _matches_element(statement, "Resource", resource, context=context)
        and satisfied(statement, context)
    }
    return Decision.DENY if "Deny" in effects else Decision.ALLOW if "Allow" in effects else Decision.NOTHING


def satisfied(statement: Document, context: Context) -> bool:
    """Return whether all conditions of the statement hold. Raises `UnclearError`."""
    request = {key.lower(): value for key, value in context.items()}
    return all(
        _holds(operator, _values(request.get(key.lower(), ())), _values(expected), request)
        for operator, keys in statement.get("Condition", {}).items()
        for key, expected in keys.items()
    )


def matches(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """Return whether `text` matches `pattern`, where `*` matches any characters and `?` one."""
    parts = (".*" if part == "*" else "." if part == "?" else re.escape(part) for part in re.split(r"([*?])", pattern))
    return bool(re.fullmatch("".join(parts), text, re.DOTALL | (re.IGNORECASE if ignore_case else 0)))


def _matches_element(
    statement: Document, element: str, value: str, *, ignore_case: bool = False, context: Context | None = None
) -> bool:
    def matches_any(name: str) -> bool:
        patterns = (_resolve_variables(pattern, context or {}) for pattern in _values(statement[name]))
        return any(pattern is not None and matches(pattern, value, ignore_case=ignore_case) for pattern in patterns)

    if f"Not{element}" in statement:
        return not matches_any(f"Not{element}")
    return element in statement and matches_any(element)


def _resolve_variables(pattern: str, context: Context) -> str | None:
    """Return the pattern with its policy variables resolved; None if the request has no value for one."""
    request = {key.lower(): value for key, value in context.items()}
    for variable, key, default in _VARIABLE.findall(pattern):
        values = _values(request.get(key.strip().lower(), ()))
        if len(values) != 1 and not default:
            return None
        pattern = pattern.replace(variable, values[0] if len(values) == 1 else default[1:-1])
    return pattern


def _values(element: Any) -> list[str]:
    listed = element if isinstance(element, list | tuple) else [element]
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in listed]


def _holds(operator: str, actual: list[str], expected: list[str], context: Context) -> bool:
    qualifier, _, name = operator.rpartition(":")
    base = name.removesuffix("IfExists")
    if base == "Null":
        return ("true" if not actual else "false") in [text.lower() for text in expected]
    if base not in _OPERATORS:
        raise UnclearError(f"the condition operator {operator} is not evaluated")
    compare, negated = _OPERATORS[base]
    if not actual and name.endswith("IfExists"):
        return True
    if not actual or (qualifier and not any(actual)):
        return qualifier == "ForAllValues" or (negated and not qualifier)
    if base.startswith(_WITH_VARIABLES):
        expected = [value for text in expected if (value := _resolve_variables(text, context)) is not None]
    results = [any(compare(value, text) for value in expected) != negated for text in actual]
    return all(results) if qualifier == "ForAllValues" or (negated and not qualifier) else any(results)


def _equal(expected: str, actual: str) -> bool:
    return expected == actual


def _equal_ignoring_case(expected: str, actual: str) -> bool:
    return expected.lower() == actual.lower()


def _same_number(expected: str, actual: str) -> bool:
    try:
        return float(expected) == float(actual)
    except ValueError:
        return False


def _same_boolean(expected: str, actual: str) -> bool:
    return expected.lower() == actual.lower() and actual.lower() in {"true", "false"}


def _same_arn(expected: str, actual: str) -> bool:
    """Return whether each of the six parts of an ARN matches: a wildcard does not match a colon between them."""
    patterns, parts = expected.split(":", 5), actual.split(":", 5)
    return expected == "*" or (
        len(patterns) == len(parts) == 6
        and all(matches(pattern, part) for pattern, part in zip(patterns, parts, strict=True))
    )


_OPERATORS: Mapping[str, tuple[Callable[[str, str], bool], bool]] = {
    "StringEquals": (_equal, False),
    "StringNotEquals": (_equal, True),
    "StringEqualsIgnoreCase": (_equal_ignoring_case, False),
    "StringNotEqualsIgnoreCase": (_equal_ignoring_case, True),
    "StringLike": (matches, False),
    "StringNotLike": (matches, True),
    "ArnEquals": (_same_arn, False),
    "ArnNotEquals": (_same_arn, True),
    "ArnLike": (_same_arn, False),
    "ArnNotLike": (_same_arn, True),
    "Bool": (_same_boolean, False),
    "NumericEquals": (_same_number, False),
    "NumericNotEquals": (_same_number, True),
}
"""The comparison of each operator, and whether its result is negated."""
_WITH_VARIABLES = ("String", "Arn", "Bool")
"""Beginnings of the operators whose values may contain policy variables.

Source: IAM user guide, "IAM policy elements: variables and tags".
"""
