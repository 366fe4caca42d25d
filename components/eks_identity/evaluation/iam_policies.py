"""What IAM answers to a request, from the documents of policies: pure, for tests of what was declared.

Deny before allow, and no answer where nothing matches. Of conditions, those on strings, ARNs, booleans, numbers and
absence are evaluated; a document with another operator is `Unclear`, which is neither yes nor no.

Source: IAM user guide, "Policy evaluation logic" and "IAM JSON policy elements: Condition operators".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

_VARIABLE = re.compile(r"(\$\{([^}*?$,]+)(?:,\s*('[^']*')\s*)?\})")
"""A policy variable, its key and, in quotes, the default that it may have."""

Document = Mapping[str, Any]
Context = Mapping[str, str | Sequence[str]]
"""The request's condition keys, in any case, each with one value or several."""


class Decision(StrEnum):
    """What the documents say together."""

    ALLOW = "allow"
    DENY = "deny"
    NOTHING = "nothing"
    """No statement matches, which IAM takes for a no."""


class UnclearError(Exception):
    """A document that is not evaluated here, and what in it."""


def document(text: str | Document) -> Document:
    """A policy document, from JSON or as a mapping."""
    loaded: Document = json.loads(text) if isinstance(text, str) else text
    return loaded


def statements(text: str | Document) -> list[Document]:
    """The statements of a document; one alone may stand without a list."""
    found = document(text).get("Statement", [])
    return [found] if isinstance(found, Mapping) else list(found)


def decide(documents: Iterable[str | Document], action: str, resource: str, context: Context) -> Decision:
    """What identity policies say to `action` on `resource` (an ARN, or `*`). Raises `UnclearError`."""
    effects = {
        statement["Effect"]
        for each in documents
        for statement in statements(each)
        if _concerns(statement, "Action", action, ignore_case=True)
        and _concerns(statement, "Resource", resource, context=context)
        and satisfied(statement, context)
    }
    return Decision.DENY if "Deny" in effects else Decision.ALLOW if "Allow" in effects else Decision.NOTHING


def satisfied(statement: Document, context: Context) -> bool:
    """Whether all conditions of the statement hold. Raises `UnclearError`."""
    known = {key.lower(): value for key, value in context.items()}
    return all(
        _holds(operator, _values(known.get(key.lower(), ())), _values(wanted), known)
        for operator, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
    )


def matches(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """`*` stands for any characters, `?` for one."""
    parts = (".*" if part == "*" else "." if part == "?" else re.escape(part) for part in re.split(r"([*?])", pattern))
    return bool(re.fullmatch("".join(parts), text, re.DOTALL | (re.IGNORECASE if ignore_case else 0)))


def _concerns(
    statement: Document, element: str, value: str, *, ignore_case: bool = False, context: Context | None = None
) -> bool:
    def found(name: str) -> bool:
        patterns = (_filled(pattern, context or {}) for pattern in _values(statement[name]))
        return any(pattern is not None and matches(pattern, value, ignore_case=ignore_case) for pattern in patterns)

    if f"Not{element}" in statement:
        return not found(f"Not{element}")
    return element in statement and found(element)


def _filled(pattern: str, context: Context) -> str | None:
    """The pattern with its policy variables filled in; None where the request has no value for one."""
    known = {key.lower(): value for key, value in context.items()}
    for whole, key, default in _VARIABLE.findall(pattern):
        values = _values(known.get(key.strip().lower(), ()))
        if len(values) != 1 and not default:
            return None
        pattern = pattern.replace(whole, values[0] if len(values) == 1 else default[1:-1])
    return pattern


def _values(given: Any) -> list[str]:
    listed = given if isinstance(given, list | tuple) else [given]
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in listed]


def _holds(operator: str, actual: list[str], wanted: list[str], context: Context) -> bool:
    qualifier, _, named = operator.rpartition(":")
    base = named.removesuffix("IfExists")
    if base == "Null":
        return (not actual) == (wanted[:1] == ["true"])
    if base not in _OPERATORS:
        raise UnclearError(f"the condition operator {operator} is not evaluated here")
    compare, negated = _OPERATORS[base]
    if not actual:
        without = negated and qualifier != "ForAnyValue"
        return named.endswith("IfExists") or without or qualifier == "ForAllValues"
    filled = [value for text in wanted if (value := _filled(text, context)) is not None]
    results = [any(compare(value, one) for value in filled) != negated for one in actual]
    return all(results) if qualifier == "ForAllValues" or (negated and not qualifier) else any(results)


def _equal(wanted: str, actual: str) -> bool:
    return wanted == actual


def _equal_ignoring_case(wanted: str, actual: str) -> bool:
    return wanted.lower() == actual.lower()


def _same_number(wanted: str, actual: str) -> bool:
    return float(wanted) == float(actual)


_OPERATORS: Mapping[str, tuple[Callable[[str, str], bool], bool]] = {
    "StringEquals": (_equal, False),
    "StringNotEquals": (_equal, True),
    "StringEqualsIgnoreCase": (_equal_ignoring_case, False),
    "StringNotEqualsIgnoreCase": (_equal_ignoring_case, True),
    "StringLike": (matches, False),
    "StringNotLike": (matches, True),
    "ArnEquals": (matches, False),
    "ArnNotEquals": (matches, True),
    "ArnLike": (matches, False),
    "ArnNotLike": (matches, True),
    "Bool": (_equal_ignoring_case, False),
    "NumericEquals": (_same_number, False),
    "NumericNotEquals": (_same_number, True),
}
"""What compares, and whether its answer is turned round."""
