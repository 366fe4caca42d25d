"""Condition operators, each with what satisfies it and what does not."""

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


@pytest.mark.parametrize(("operator", "wanted", "actual", "result"), CASES)
def test_operator(operator, wanted, actual, result):
    """An operator holds exactly for the values that AWS's reference says."""
    condition = Condition(operator, "key", (wanted,))
    assert are_satisfied([condition], Context({"KEY": actual})) is result


@pytest.mark.parametrize(("operator", "result"), MISSING)
def test_missing_key(operator, result):
    """A key that the request lacks fails an operator, unless that is negated, IfExists or ForAllValues."""
    assert are_satisfied([Condition(operator, "key", ("a",))], Context()) is result


@pytest.mark.parametrize(("value", "result"), [("true", True), ("false", False)])
def test_null_of_missing_key(value, result):
    """Null asks whether the key is there."""
    assert are_satisfied([Condition("Null", "key", (value,))], Context()) is result


def test_several_values_are_alternatives_and_a_negation_means_none_of_them():
    """Of several values in the policy one is enough; a negated operator wants none."""
    context = Context({"key": "b"})
    assert are_satisfied([Condition("StringEquals", "key", ("a", "b"))], context)
    assert not are_satisfied([Condition("StringNotEquals", "key", ("a", "b"))], context)


def test_all_conditions_must_hold():
    """Operators and keys are joined by and."""
    context = Context({"one": "1", "two": "2"})
    both = [Condition("StringEquals", "one", ("1",)), Condition("StringEquals", "two", ("2",))]
    assert are_satisfied(both, context)
    assert not are_satisfied([*both, Condition("StringEquals", "two", ("3",))], context)


def test_policy_variables_are_filled_in_literally():
    """`${key}` becomes the request's value, and a wildcard in that value matches only itself."""
    condition = Condition("StringLike", "s3:prefix", ("home/${aws:username}/*",))
    assert are_satisfied([condition], Context({"s3:prefix": "home/ann/x", "aws:username": "ann"}))
    assert not are_satisfied([condition], Context({"s3:prefix": "home/bob/x", "aws:username": "*"}))
    assert not are_satisfied([condition], Context({"s3:prefix": "home/ann/x"}))
    assert not are_satisfied([condition], Context({"s3:prefix": "home/ann/x", "aws:username": "ann"}), variables=False)


@pytest.mark.parametrize(
    ("template", "value", "result"),
    [
        ("${aws:username, 'nobody'}", "nobody", True),
        ("${aws:username}", "nobody", False),
        ("a${*}b", "a*b", True),
        ("a${*}b", "axb", False),
        ("a${?}", "a?", True),
        ("${$}x", "$x", True),
    ],
)
def test_special_variables(template, value, result):
    """A variable may have a default, and `${*}`, `${?}`, `${$}` are the characters themselves."""
    assert are_satisfied([Condition("StringLike", "key", (template,))], Context({"key": value})) is result


@pytest.mark.parametrize(
    ("name", "known"),
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
def test_known_operators(name, known):
    """Operators are known by their exact names."""
    assert is_operator(name) is known


text = st.text(max_size=20)


@given(text, text)
def test_negation_is_the_opposite_for_one_value(wanted, actual):
    """For a request with one value, StringNotEquals says the opposite of StringEquals."""
    context = Context({"key": actual})
    positive, negative = Condition("StringEquals", "key", (wanted,)), Condition("StringNotEquals", "key", (wanted,))
    assert are_satisfied([positive], context, variables=False) is not are_satisfied(
        [negative], context, variables=False
    )


@given(st.text(alphabet=st.characters(exclude_characters="*?$"), max_size=20), text)
def test_without_wildcards_like_means_equals(wanted, actual):
    """StringLike of a value without wildcards is StringEquals."""
    context = Context({"key": actual})
    like, equals = Condition("StringLike", "key", (wanted,)), Condition("StringEquals", "key", (wanted,))
    assert are_satisfied([like], context) is are_satisfied([equals], context)


@given(st.lists(text, min_size=1, max_size=5), st.lists(text, min_size=1, max_size=5))
def test_set_operators_are_subset_and_intersection(wanted, actual):
    """ForAllValues:StringEquals is a subset, ForAnyValue:StringEquals an intersection."""
    context = Context({"key": actual})
    every = Condition("ForAllValues:StringEquals", "key", tuple(wanted))
    some = Condition("ForAnyValue:StringEquals", "key", tuple(wanted))
    assert are_satisfied([every], context, variables=False) is (set(actual) <= set(wanted))
    assert are_satisfied([some], context, variables=False) is bool(set(actual) & set(wanted))
