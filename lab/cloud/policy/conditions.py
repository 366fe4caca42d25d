"""The `Condition` element.

All operators of a `Condition` block and all keys of an operator must be true. For a key with several values, one value
must match. For a negated operator no value may match.

| the request lacks the key      | result |
|--------------------------------|--------|
| operator with `IfExists`       | true   |
| `ForAllValues:`                | true   |
| `ForAnyValue:`                 | false  |
| negated operator (`…Not…`)     | true   |
| `Null` with `true`             | true   |
| any other operator             | false  |

| the request has several values | true when                                                  |
|--------------------------------|------------------------------------------------------------|
| `ForAnyValue:`                 | one of them satisfies the operator                         |
| `ForAllValues:`                | each of them satisfies the operator                        |
| no qualifier                   | one of them does; for a negated operator, each of them     |

A value that cannot be parsed as the operator's type satisfies no operator, negated or not.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from lab.cloud.policy.patterns import Lookup, matches_arn, matches_template, substitute

QUALIFIERS = ("ForAnyValue", "ForAllValues")
IF_EXISTS = "IfExists"


class Context:
    """The condition context of a request: case-insensitive keys, each with one or several values."""

    def __init__(self, values: Mapping[str, str | Iterable[str]] | None = None) -> None:
        self._values: dict[str, tuple[str, ...]] = {
            key.lower(): (value,) if isinstance(value, str) else tuple(value) for key, value in (values or {}).items()
        }

    def get(self, key: str) -> tuple[str, ...] | None:
        return self._values.get(key.lower())

    def single(self, key: str) -> str | None:
        """Return the value for a policy variable, or None if the key is missing or has several values."""
        values = self.get(key)
        return values[0] if values is not None and len(values) == 1 else None

    def merged(self, values: Mapping[str, str | Iterable[str]]) -> Context:
        """Return this context with the keys of `values` added or replaced."""
        merged = Context(values)
        merged._values = {**self._values, **merged._values}
        return merged

    def __contains__(self, key: str) -> bool:
        return key.lower() in self._values


@dataclass(frozen=True)
class Condition:
    """One operator and one key of a `Condition` block, with the policy's values."""

    operator: str
    key: str
    values: tuple[str, ...]

    @property
    def qualifier(self) -> str | None:
        prefix, separator, _ = self.operator.partition(":")
        return prefix if separator else None

    @property
    def base(self) -> str:
        return self.operator.rpartition(":")[2].removesuffix(IF_EXISTS)

    @property
    def has_if_exists(self) -> bool:
        return self.operator.endswith(IF_EXISTS)


def are_satisfied(conditions: Sequence[Condition], context: Context, *, variables: bool = True) -> bool:
    """Return whether `context` satisfies all `conditions`. Policy variables (`${…}`) are replaced if `variables`."""
    return all(_is_satisfied(condition, context, variables=variables) for condition in conditions)


def is_operator(name: str) -> bool:
    """Return whether `name` is a condition operator of IAM, with or without qualifier and `IfExists`."""
    qualifier, separator, base = name.rpartition(":")
    if separator and qualifier not in QUALIFIERS:
        return False
    if base == "Null":
        return not separator
    return base.removesuffix(IF_EXISTS) in _OPERATORS


def _is_satisfied(condition: Condition, context: Context, *, variables: bool) -> bool:
    actual = context.get(condition.key)
    if condition.base == "Null":
        must_be_absent = condition.values[:1] == ("true",)
        return (not actual) == must_be_absent
    operator = _OPERATORS.get(condition.base)
    if operator is None:
        return False
    if not actual:
        is_negation_true = operator.is_negated and condition.qualifier != "ForAnyValue"
        return condition.has_if_exists or is_negation_true or condition.qualifier == "ForAllValues"
    lookup = context.single if variables else None
    results = (operator.test(value, condition.values, lookup) for value in actual)
    if condition.qualifier == "ForAllValues" or (operator.is_negated and condition.qualifier is None):
        return all(results)
    return any(results)


Compare = Callable[[str, str, Lookup | None], bool]
"""(policy's value, request's value, variables) → whether they match. ValueError if a value is not of the type."""


@dataclass(frozen=True)
class _Operator:
    compare: Compare
    is_negated: bool = False

    def test(self, actual: str, expected: Sequence[str], lookup: Lookup | None) -> bool:
        try:
            is_match = any(self.compare(value, actual, lookup) for value in expected)
        except ValueError:
            return False
        return is_match != self.is_negated


def _text(compare: Callable[[str, str], bool]) -> Compare:
    def test(expected: str, actual: str, lookup: Lookup | None) -> bool:
        expected_text = substitute(expected, lookup)
        return expected_text is not None and compare(expected_text, actual)

    return test


def _number(compare: Callable[[Decimal, Decimal], bool]) -> Compare:
    def read(text: str) -> Decimal:
        try:
            return Decimal(text)
        except InvalidOperation as error:
            raise ValueError(text) from error

    return lambda expected, actual, _lookup: compare(read(actual), read(expected))


def _date(compare: Callable[[datetime, datetime], bool]) -> Compare:
    def read(text: str) -> datetime:
        if text.lstrip("-").isdigit() and len(text.lstrip("-")) > len("2026"):
            return datetime.fromtimestamp(int(text), UTC)
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    return lambda expected, actual, _lookup: compare(read(actual), read(expected))


def _boolean(expected: str, actual: str, _lookup: Lookup | None) -> bool:
    return expected.lower() == actual.lower()


def _address(expected: str, actual: str, _lookup: Lookup | None) -> bool:
    return ipaddress.ip_address(actual) in ipaddress.ip_network(expected, strict=False)


_string_equals = _text(lambda expected, actual: expected == actual)
_string_equals_ignore_case = _text(lambda expected, actual: expected.lower() == actual.lower())

_OPERATORS: Mapping[str, _Operator] = {
    "StringEquals": _Operator(_string_equals),
    "StringNotEquals": _Operator(_string_equals, is_negated=True),
    "StringEqualsIgnoreCase": _Operator(_string_equals_ignore_case),
    "StringNotEqualsIgnoreCase": _Operator(_string_equals_ignore_case, is_negated=True),
    "StringLike": _Operator(matches_template),
    "StringNotLike": _Operator(matches_template, is_negated=True),
    "ArnEquals": _Operator(matches_arn),
    "ArnNotEquals": _Operator(matches_arn, is_negated=True),
    "ArnLike": _Operator(matches_arn),
    "ArnNotLike": _Operator(matches_arn, is_negated=True),
    "NumericEquals": _Operator(_number(lambda actual, expected: actual == expected)),
    "NumericNotEquals": _Operator(_number(lambda actual, expected: actual == expected), is_negated=True),
    "NumericLessThan": _Operator(_number(lambda actual, expected: actual < expected)),
    "NumericLessThanEquals": _Operator(_number(lambda actual, expected: actual <= expected)),
    "NumericGreaterThan": _Operator(_number(lambda actual, expected: actual > expected)),
    "NumericGreaterThanEquals": _Operator(_number(lambda actual, expected: actual >= expected)),
    "DateEquals": _Operator(_date(lambda actual, expected: actual == expected)),
    "DateNotEquals": _Operator(_date(lambda actual, expected: actual == expected), is_negated=True),
    "DateLessThan": _Operator(_date(lambda actual, expected: actual < expected)),
    "DateLessThanEquals": _Operator(_date(lambda actual, expected: actual <= expected)),
    "DateGreaterThan": _Operator(_date(lambda actual, expected: actual > expected)),
    "DateGreaterThanEquals": _Operator(_date(lambda actual, expected: actual >= expected)),
    "Bool": _Operator(_boolean),
    "BinaryEquals": _Operator(lambda expected, actual, _lookup: expected == actual),
    "IpAddress": _Operator(_address),
    "NotIpAddress": _Operator(_address, is_negated=True),
}
