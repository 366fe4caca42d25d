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

For `ForAllValues:` and `ForAnyValue:` a key whose only value is an empty string has no values. It exists, so `IfExists`
does not apply.

| the request has several values | true when                                                  |
|--------------------------------|------------------------------------------------------------|
| `ForAnyValue:`                 | one of them satisfies the operator                         |
| `ForAllValues:`                | each of them satisfies the operator                        |
| no qualifier                   | one of them does; for a negated operator, each of them     |

A value of the request that cannot be parsed as the operator's type satisfies no operator, negated or not. Such a value
of the policy matches nothing, and a negated operator with it is false.

Source: IAM user guide, "IAM JSON policy elements: Condition operators" and "Multivalued context keys".
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from lab.cloud.policy.patterns import Lookup, matches_arn, matches_template, substitute

QUALIFIERS = ("ForAnyValue", "ForAllValues")
IF_EXISTS = "IfExists"

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_EPOCH = re.compile(r"-?[0-9]{5,11}")
"""Seconds since 1970. Four digits are a year."""
_DATE = re.compile(
    r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2})"
    r"(?:T(?P<time>[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?)?)?)?"
)
"""The formats of W3C's note on ISO 8601, from a year to fractions of a second. Without a time zone it is UTC."""
_ADDRESS_RANGE = re.compile(r"[0-9a-fA-F.:]+(?:/[0-9]{1,3})?")
_BOOLEANS = {"true": True, "false": False}


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
        return any(_BOOLEANS.get(value.lower()) == (not actual) for value in condition.values)
    operator = _OPERATORS.get(condition.base)
    if operator is None:
        return False
    if not actual and condition.has_if_exists:
        return True
    if not actual or (condition.qualifier and not any(actual)):
        return condition.qualifier == "ForAllValues" or (operator.is_negated and condition.qualifier is None)
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
        """Return whether one value of the request satisfies the operator with the policy's values."""
        matches = [self._match(value, actual, lookup) for value in expected]
        return all(match is False for match in matches) if self.is_negated else True in matches

    def _match(self, expected: str, actual: str, lookup: Lookup | None) -> bool | None:
        """Return whether the values match, or None if one of them is not of the operator's type."""
        try:
            return self.compare(expected, actual, lookup)
        except ValueError:
            return None


def _text(compare: Callable[[str, str], bool]) -> Compare:
    def test(expected: str, actual: str, lookup: Lookup | None) -> bool:
        expected_text = substitute(expected, lookup)
        return expected_text is not None and compare(expected_text, actual)

    return test


def _number(compare: Callable[[Decimal, Decimal], bool]) -> Compare:
    def read(text: str) -> Decimal:
        if not _NUMBER.fullmatch(text):
            raise ValueError(text)
        return Decimal(text)

    return lambda expected, actual, _lookup: compare(read(actual), read(expected))


def _date(compare: Callable[[datetime, datetime], bool]) -> Compare:
    def read(text: str) -> datetime:
        if _EPOCH.fullmatch(text):
            return datetime.fromtimestamp(int(text), UTC)
        date = _DATE.fullmatch(text)
        if date is None:
            raise ValueError(text)
        day = f"{date['year']}-{date['month'] or '01'}-{date['day'] or '01'}"
        return datetime.fromisoformat(f"{day}T{date['time'] or '00:00'}{date['zone'] or 'Z'}")

    return lambda expected, actual, _lookup: compare(read(actual), read(expected))


def _boolean(expected: str, actual: str, lookup: Lookup | None) -> bool:
    expected_text = substitute(expected, lookup)
    if expected_text is None:
        return False
    values = [_BOOLEANS.get(text.lower()) for text in (expected_text, actual)]
    if None in values:
        raise ValueError(expected_text, actual)
    return values[0] == values[1]


def _binary(expected: str, actual: str, _lookup: Lookup | None) -> bool:
    try:
        return base64.b64decode(expected, validate=True) == base64.b64decode(actual, validate=True)
    except binascii.Error as error:
        raise ValueError(expected, actual) from error


def _address(expected: str, actual: str, _lookup: Lookup | None) -> bool:
    if not _ADDRESS_RANGE.fullmatch(expected):
        raise ValueError(expected)
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
    "BinaryEquals": _Operator(_binary),
    "IpAddress": _Operator(_address),
    "NotIpAddress": _Operator(_address, is_negated=True),
}
