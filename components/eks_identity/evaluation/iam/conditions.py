"""The condition operators of IAM, in three truth values.

| the request lacks the key       | result |      | the key has several values | true if                          |
|---------------------------------|--------|      |----------------------------|----------------------------------|
| `…IfExists`                     | true   |      | `ForAnyValue:`             | one value satisfies the operator |
| `ForAllValues:`                 | true   |      | `ForAllValues:`            | each value does                  |
| `ForAnyValue:`                  | false  |      | no set operator            | not evaluated: IAM requires one  |
| negated, as `StringNotEquals`   | true   |
| `Null` with `true`              | true   |
| any other operator              | false  |

A set operator takes a key whose only value is empty for one without values. A value that is not of the operator's type,
such as `x` for `NumericEquals`, satisfies neither the operator nor its negation.

An unknown key makes a condition `MAYBE`, if the values of the condition do not decide. An operator that IAM does not
have raises `NotEvaluatedError`: no statement reads as "no match" because of it.

Source: IAM user guide, "IAM JSON policy elements: Condition operators", "Single-valued vs. multivalued context keys".
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import ip_address, ip_network
from typing import Final

from eks_identity.evaluation.iam.context import RequestContext
from eks_identity.evaluation.iam.documents import Condition
from eks_identity.evaluation.iam.patterns import Lookup, Template
from eks_identity.evaluation.iam.truth import Truth, every, some, truth

_SET_OPERATORS: Final = ("ForAnyValue", "ForAllValues")
_IF_EXISTS: Final = "IfExists"
_BOOLEANS: Final = {"true": True, "false": False}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_EPOCH_SECONDS = re.compile(r"-?\d{5,11}", re.ASCII)
_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII
)
"""The formats of W3C's note on ISO 8601, from a year to fractions of a second."""
_ADDRESSES = re.compile(r"[0-9a-fA-F.:]+(/\d{1,3})?", re.ASCII)


class NotEvaluatedError(Exception):
    """A condition that is not evaluated."""


@dataclass(frozen=True)
class Operator:
    """A condition operator as it is written: its set operator, its comparison, and what it does without a key."""

    compare: Callable[[Template, str, Lookup], Truth]
    """Whether a value of the policy matches one of the request. Raises ValueError if one is not of the type."""
    is_negated: bool
    set_operator: str
    has_if_exists: bool

    @property
    def needs_all(self) -> bool:
        """Whether each value of the request must satisfy the operator, so that a key without values does."""
        return self.set_operator == "ForAllValues" or (self.is_negated and not self.set_operator)

    def test(self, actual: tuple[str, ...], expected: tuple[Template, ...], lookup: Lookup) -> Truth:
        """Return whether the values of a request satisfy the operator with the policy's values."""
        if not actual and self.has_if_exists:
            return Truth.YES
        if not actual or (self.set_operator and not any(actual)):
            return truth(self.needs_all)
        if len(actual) > 1 and not self.set_operator:
            raise NotEvaluatedError("a key with several values, compared without ForAnyValue or ForAllValues")
        results = [self._test_value(value, expected, lookup) for value in actual]
        return every(results) if self.needs_all else some(results)

    def _test_value(self, actual: str, expected: tuple[Template, ...], lookup: Lookup) -> Truth:
        matching, is_of_type = [Truth.NO], True
        for value in expected:
            try:
                matching.append(self.compare(value, actual, lookup))
            except ValueError:
                is_of_type = False
        if not self.is_negated:
            return max(matching)
        return max(matching).negated() if is_of_type else Truth.NO


def operator(name: str) -> Operator:
    """Return the operator with this name, as `ForAnyValue:StringLikeIfExists`. Raises `NotEvaluatedError`."""
    set_operator, separator, rest = name.rpartition(":")
    base = rest.removesuffix(_IF_EXISTS)
    comparison = COMPARISONS.get(base)
    if comparison is None or (separator and set_operator not in _SET_OPERATORS):
        raise NotEvaluatedError(f"the condition operator {name}")
    compare, is_negated = comparison
    return Operator(compare, is_negated, set_operator, rest.endswith(_IF_EXISTS))


def evaluate_condition(condition: Condition, context: RequestContext, *, has_variables: bool = True) -> Truth:
    """Return whether a request satisfies a condition. Raises `NotEvaluatedError`."""
    actual = context.get(condition.key)
    if condition.operator == "Null":
        accepted = {_BOOLEANS.get(value.lower()) for value in condition.values}
        if_absent, if_present = truth(True in accepted), truth(False in accepted)
        if actual is None:
            return if_absent if if_absent is if_present else Truth.MAYBE
        return if_present if actual else if_absent
    parsed = operator(condition.operator)
    if actual is None:
        return Truth.MAYBE
    expected = tuple(Template(value, has_variables) for value in condition.values)
    return parsed.test(actual, expected, context.get)


def _string_equals(expected: Template, actual: str, lookup: Lookup) -> Truth:
    return expected.is_text(actual, lookup)


def _string_equals_ignore_case(expected: Template, actual: str, lookup: Lookup) -> Truth:
    return expected.is_text(actual, lookup, ignore_case=True)


def _string_like(expected: Template, actual: str, lookup: Lookup) -> Truth:
    return expected.matches(actual, lookup)


def _arn_like(expected: Template, actual: str, lookup: Lookup) -> Truth:
    return expected.matches_arn(actual, lookup)


def _bool(expected: Template, actual: str, lookup: Lookup) -> Truth:
    if actual.lower() not in _BOOLEANS:
        raise ValueError(actual)
    if not expected.keys and expected.text.lower() not in _BOOLEANS:
        raise ValueError(expected.text)
    return expected.is_text(actual, lookup, ignore_case=True)


def _binary_equals(expected: Template, actual: str, _lookup: Lookup) -> Truth:
    try:
        decoded = [base64.b64decode(text, validate=True) for text in (expected.text, actual)]
    except binascii.Error as error:
        raise ValueError(actual) from error
    return truth(decoded[0] == decoded[1])


def _ip_address(expected: Template, actual: str, _lookup: Lookup) -> Truth:
    if not _ADDRESSES.fullmatch(expected.text):
        raise ValueError(expected.text)
    return truth(ip_address(actual) in ip_network(expected.text, strict=False))


def _number(text: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    return Decimal(text)


def _date(text: str) -> datetime:
    if _EPOCH_SECONDS.fullmatch(text):
        return datetime.fromtimestamp(int(text), UTC)
    if not (parts := _DATE.fullmatch(text)):
        raise ValueError(text)
    year, month, day, time, zone = parts.groups()
    return datetime.fromisoformat(f"{year}-{month or '01'}-{day or '01'}T{time or '00:00'}{zone or 'Z'}")


_Ordered = Decimal | datetime


def _ordered(read: Callable[[str], _Ordered], relation: str) -> Callable[[Template, str, Lookup], Truth]:
    """Return the comparison of numbers or dates: whether the value of the request has the relation to the policy's."""

    def compare(expected: Template, actual: str, _lookup: Lookup) -> Truth:
        left, right = read(actual), read(expected.text)
        return truth(_RELATIONS[relation](left, right))

    return compare


_RELATIONS: Mapping[str, Callable[[_Ordered, _Ordered], bool]] = {
    "Equals": lambda left, right: left == right,
    "LessThan": lambda left, right: left < right,  # type: ignore[operator]
    "LessThanEquals": lambda left, right: left <= right,  # type: ignore[operator]
    "GreaterThan": lambda left, right: left > right,  # type: ignore[operator]
    "GreaterThanEquals": lambda left, right: left >= right,  # type: ignore[operator]
}

COMPARISONS: Final[Mapping[str, tuple[Callable[[Template, str, Lookup], Truth], bool]]] = {
    "StringEquals": (_string_equals, False),
    "StringNotEquals": (_string_equals, True),
    "StringEqualsIgnoreCase": (_string_equals_ignore_case, False),
    "StringNotEqualsIgnoreCase": (_string_equals_ignore_case, True),
    "StringLike": (_string_like, False),
    "StringNotLike": (_string_like, True),
    "ArnEquals": (_arn_like, False),
    "ArnNotEquals": (_arn_like, True),
    "ArnLike": (_arn_like, False),
    "ArnNotLike": (_arn_like, True),
    "Bool": (_bool, False),
    "BinaryEquals": (_binary_equals, False),
    "IpAddress": (_ip_address, False),
    "NotIpAddress": (_ip_address, True),
    "NumericNotEquals": (_ordered(_number, "Equals"), True),
    "DateNotEquals": (_ordered(_date, "Equals"), True),
    **{f"Numeric{relation}": (_ordered(_number, relation), False) for relation in _RELATIONS},
    **{f"Date{relation}": (_ordered(_date, relation), False) for relation in _RELATIONS},
}
"""The comparison of each operator, and whether it is negated."""
