"""Condition operators, each with values for which it is true and false."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.cloud.policy.conditions import Condition, Context, are_satisfied, is_operator

ROLE = "arn:aws:iam::123456789012:role/team/reader"

CASES = [
    # operator, value of the policy, values of the request, result
    ("StringEquals", "a", ["a"], True),
    ("StringEquals", "a", ["A"], False),
    ("StringEquals", "sa:*", ["sa:x"], False),
    ("StringEquals", "sa:*", ["sa:*"], True),
    ("StringNotEquals", "a", ["b"], True),
    ("StringNotEquals", "a", ["a"], False),
    ("StringEqualsIgnoreCase", "Ab", ["aB"], True),
    ("StringNotEqualsIgnoreCase", "Ab", ["aB"], False),
    ("StringLike", "sa:ns:*", ["sa:ns:x"], True),
    ("StringLike", "sa:n?:x", ["sa:ns:x"], True),
    ("StringLike", "sa:ns:*", ["SA:ns:x"], False),
    ("StringLike", "a.c", ["abc"], False),
    ("StringNotLike", "sa:*", ["sa:x"], False),
    ("StringNotLike", "sa:*", ["sb:x"], True),
    ("ArnEquals", "arn:aws:iam::*:role/team/*", [ROLE], True),
    ("ArnLike", "arn:aws:iam::123456789012:role/*", [ROLE], True),
    ("ArnLike", "arn:aws:*:role/team/reader", [ROLE], False),
    ("ArnLike", "*", [ROLE], True),
    ("ArnLike", "arn:aws:iam::1*", [ROLE], False),
    ("ArnNotLike", "arn:aws:iam::*:role/*", [ROLE], False),
    ("ArnNotEquals", "arn:aws:iam::*:user/*", [ROLE], True),
    ("NumericEquals", "10", ["10.0"], True),
    ("NumericNotEquals", "10", ["11"], True),
    ("NumericLessThan", "10", ["9"], True),
    ("NumericLessThan", "10", ["10"], False),
    ("NumericLessThanEquals", "10", ["10"], True),
    ("NumericGreaterThan", "9", ["10"], True),
    ("NumericGreaterThanEquals", "10", ["9"], False),
    ("NumericLessThan", "ten", ["9"], False),
    ("NumericNotEquals", "10", ["nine"], False),
    ("DateEquals", "2026-01-01T00:00:00Z", ["2026-01-01T00:00:00Z"], True),
    ("DateNotEquals", "2026-01-01T00:00:00Z", ["2026-01-01T00:00:00Z"], False),
    ("DateLessThan", "2026-06-30T00:00:00Z", ["2026-01-01T00:00:00Z"], True),
    ("DateLessThanEquals", "2026-01-01", ["2026-01-01T00:00:00Z"], True),
    ("DateGreaterThan", "2026-06-30T00:00:00Z", ["2026-01-01T00:00:00Z"], False),
    ("DateGreaterThanEquals", "1767225600", ["2026-01-01T00:00:00Z"], True),
    ("Bool", "true", ["TRUE"], True),
    ("Bool", "true", ["false"], False),
    ("BinaryEquals", "QmluYXJ5", ["QmluYXJ5"], True),
    ("BinaryEquals", "QmluYXJ5", ["qmluYXJ5"], False),
    ("IpAddress", "203.0.113.0/24", ["203.0.113.9"], True),
    ("IpAddress", "203.0.113.9", ["203.0.113.10"], False),
    ("IpAddress", "2001:db8::/32", ["2001:db8::1"], True),
    ("NotIpAddress", "203.0.113.0/24", ["203.0.113.9"], False),
    ("NotIpAddress", "203.0.113.0/24", ["198.51.100.1"], True),
    ("NotIpAddress", "203.0.113.0/24", ["nowhere"], False),
    ("Null", "true", ["x"], False),
    ("Null", "false", ["x"], True),
    ("ForAnyValue:StringEquals", "a", ["a", "b"], True),
    ("ForAnyValue:StringEquals", "c", ["a", "b"], False),
    ("ForAnyValue:StringNotEquals", "a", ["a", "b"], True),
    ("ForAllValues:StringEquals", "a", ["a", "b"], False),
    ("ForAllValues:StringEquals", "a", ["a"], True),
    ("ForAllValues:StringNotEquals", "a", ["a", "b"], False),
    ("StringEquals", "a", ["a", "b"], True),
    ("StringNotEquals", "a", ["a", "b"], False),
    ("NoSuchOperator", "a", ["a"], False),
]

MISSING = [
    ("StringEquals", False),
    ("StringEqualsIfExists", True),
    ("StringNotEquals", True),
    ("ArnNotLike", True),
    ("IpAddress", False),
    ("NotIpAddress", True),
    ("ForAllValues:StringEquals", True),
    ("ForAnyValue:StringEquals", False),
    ("ForAnyValue:StringEqualsIfExists", True),
    ("BoolIfExists", True),
    ("Bool", False),
]


@pytest.mark.parametrize(("operator", "expected", "actual", "result"), CASES)
def test_condition_operator(operator, expected, actual, result):
    """An operator is true exactly for the values of AWS's reference."""
    condition = Condition(operator, "key", (expected,))
    assert are_satisfied([condition], Context({"KEY": actual})) is result


@pytest.mark.parametrize(("operator", "result"), MISSING)
def test_operator_with_missing_key(operator, result):
    """An operator is false for a missing key, except negated operators, IfExists and ForAllValues."""
    assert are_satisfied([Condition(operator, "key", ("a",))], Context()) is result


@pytest.mark.parametrize(("value", "result"), [("true", True), ("false", False)])
def test_null_operator_with_missing_key(value, result):
    """Null checks whether the key is missing."""
    assert are_satisfied([Condition("Null", "key", (value,))], Context()) is result


def test_operator_with_several_policy_values():
    """One of several policy values must match. For a negated operator none may match."""
    context = Context({"key": "b"})
    assert are_satisfied([Condition("StringEquals", "key", ("a", "b"))], context)
    assert not are_satisfied([Condition("StringNotEquals", "key", ("a", "b"))], context)


def test_all_conditions_must_be_true():
    """All operators and keys of a Condition element must be true."""
    context = Context({"one": "1", "two": "2"})
    conditions = [Condition("StringEquals", "one", ("1",)), Condition("StringEquals", "two", ("2",))]
    assert are_satisfied(conditions, context)
    assert not are_satisfied([*conditions, Condition("StringEquals", "two", ("3",))], context)


def test_policy_variables_are_replaced_literally():
    """`${key}` is replaced by the request's value, and a wildcard in that value is literal."""
    condition = Condition("StringLike", "s3:prefix", ("home/${aws:username}/*",))
    assert are_satisfied([condition], Context({"s3:prefix": "home/ann/x", "aws:username": "ann"}))
    assert not are_satisfied([condition], Context({"s3:prefix": "home/bob/x", "aws:username": "*"}))
    assert not are_satisfied([condition], Context({"s3:prefix": "home/ann/x"}))
    assert not are_satisfied([condition], Context({"s3:prefix": "home/ann/x", "aws:username": "ann"}), variables=False)


@pytest.mark.parametrize(
    ("template", "value", "result"),
    [
        ("${aws:username, 'none'}", "none", True),
        ("${aws:username}", "none", False),
        ("a${*}b", "a*b", True),
        ("a${*}b", "axb", False),
        ("a${?}", "a?", True),
        ("${$}x", "$x", True),
    ],
)
def test_policy_variable_defaults_and_escapes(template, value, result):
    """A variable can have a default, and `${*}`, `${?}`, `${$}` are the characters themselves."""
    assert are_satisfied([Condition("StringLike", "key", (template,))], Context({"key": value})) is result


@pytest.mark.parametrize(
    ("name", "is_valid"),
    [
        ("StringEquals", True),
        ("StringLikeIfExists", True),
        ("ForAnyValue:StringLike", True),
        ("ForSomeValues:StringLike", False),
        ("Null", True),
        ("NullIfExists", False),
        ("stringequals", False),
        ("Equals", False),
    ],
)
def test_operator_names(name, is_valid):
    """Operator names are case-sensitive."""
    assert is_operator(name) is is_valid


text = st.text(max_size=20)


@given(text, text)
def test_string_not_equals_negates_string_equals(expected, actual):
    """For a request with one value, StringNotEquals is the negation of StringEquals."""
    context = Context({"key": actual})
    positive, negative = Condition("StringEquals", "key", (expected,)), Condition("StringNotEquals", "key", (expected,))
    assert are_satisfied([positive], context, variables=False) is not are_satisfied(
        [negative], context, variables=False
    )


@given(st.text(alphabet=st.characters(exclude_characters="*?$"), max_size=20), text)
def test_string_like_without_wildcards_is_string_equals(expected, actual):
    """StringLike without wildcards is StringEquals."""
    context = Context({"key": actual})
    string_like, string_equals = (
        Condition("StringLike", "key", (expected,)),
        Condition("StringEquals", "key", (expected,)),
    )
    assert are_satisfied([string_like], context) is are_satisfied([string_equals], context)


@given(st.lists(text, min_size=1, max_size=5), st.lists(text, min_size=1, max_size=5))
def test_set_operators(expected, actual):
    """ForAllValues:StringEquals is a subset test, ForAnyValue:StringEquals an intersection test."""
    context = Context({"key": actual})
    for_all = Condition("ForAllValues:StringEquals", "key", tuple(expected))
    for_any = Condition("ForAnyValue:StringEquals", "key", tuple(expected))
    assert are_satisfied([for_all], context, variables=False) is (set(actual) <= set(expected))
    assert are_satisfied([for_any], context, variables=False) is bool(set(actual) & set(expected))
