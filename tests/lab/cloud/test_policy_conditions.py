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
    ("NotIpAddress", "nowhere", ["203.0.113.9"], False),
    ("NotIpAddress", "203.0.113.0/24", ["2001:db8::1"], True),
    ("IpAddress", "203.0.113.0/255.255.255.0", ["203.0.113.9"], False),
    ("IpAddress", "2001:db8::1", ["2001:DB8:0::1"], True),
    ("IpAddress", "0.0.0.0/0", ["2001:db8::1"], False),
    ("IpAddress", "::/0", ["2001:db8::1"], True),
    ("IpAddress", "203.0.113.9/24", ["203.0.113.1"], True),
    ("IpAddress", "2001:db8::/129", ["2001:db8::1"], False),
    (
        "ArnLike",
        "arn:aws:someservice:*:111122223333:finance/*",
        ["arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt"],
        False,
    ),
    (
        "StringLike",
        "arn:aws:someservice:*:111122223333:finance/*",
        ["arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt"],
        True,
    ),
    ("ArnLike", "arn:aws:iam::123456789012:role/team/read?r", [ROLE], True),
    ("ArnEquals", "arn:aws:iam::123456789012:role/TEAM/reader", [ROLE], False),
    ("ArnLike", "arn:*", [ROLE], False),
    ("ArnLike", "arn:aws:sns:*:*:a:b", ["arn:aws:sns:us-east-1:123456789012:a:b"], True),
    ("ArnNotLike", "arn:aws:iam::*:role/*", ["not-an-arn"], True),
    ("NumericEquals", "1e1", ["10"], True),
    ("NumericEquals", "NaN", ["NaN"], False),
    ("NumericLessThan", "NaN", ["1"], False),
    ("NumericLessThan", "Infinity", ["1"], False),
    ("NumericEquals", "1_0", ["10"], False),
    ("NumericNotEquals", "ten", ["10"], False),
    ("NumericGreaterThan", "-5.5", ["-5.25"], True),
    ("DateEquals", "2026", ["2026-01-01T00:00:00Z"], True),
    ("DateEquals", "2026-03", ["2026-03-01T00:00:00Z"], True),
    ("DateEquals", "2026-01-01T09:00+09:00", ["2026-01-01T00:00:00Z"], True),
    ("DateLessThan", "2026-01-01T00:00:00.500Z", ["2026-01-01T00:00:00Z"], True),
    ("DateLessThan", "99999999999999999999", ["2026-01-01T00:00:00Z"], False),
    ("DateGreaterThan", "20260101", ["2026-01-02T00:00:00Z"], True),
    ("DateGreaterThan", "2026-W01-1", ["2027-01-01T00:00:00Z"], False),
    ("DateGreaterThan", "2026-02-30", ["2027-01-01T00:00:00Z"], False),
    ("DateNotEquals", "tomorrow", ["2026-01-01T00:00:00Z"], False),
    ("Bool", "True", ["true"], True),
    ("Bool", "yes", ["yes"], False),
    ("BinaryEquals", "QmluYXJ5", ["QmluYXJ"], False),
    ("BinaryEquals", "not base64!", ["not base64!"], False),
    ("Null", "true", ["x"], False),
    ("Null", "false", ["x"], True),
    ("Null", "False", ["x"], True),
    ("Null", "false", [""], True),
    ("Null", "yes", ["x"], False),
    ("ForAllValues:StringEquals", "a", [""], True),
    ("ForAnyValue:StringLike", "*", [""], False),
    ("ForAnyValue:StringNotEquals", "a", [""], False),
    ("ForAnyValue:StringEqualsIfExists", "a", [""], False),
    ("StringEquals", "", [""], True),
    ("StringLike", "*", [""], True),
    ("ForAllValues:StringNotEquals", "c", ["a", "b"], True),
    ("ForAnyValue:StringNotEquals", "a", ["a"], False),
    ("ForAllValues:ArnNotLike", "arn:aws:iam::*:role/*", [ROLE], False),
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

_COMPARISONS = ("Equals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
POSITIVE = [
    *("StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike", "Bool", "BinaryEquals"),
    *("IpAddress", *(f"Numeric{name}" for name in _COMPARISONS), *(f"Date{name}" for name in _COMPARISONS)),
]
NEGATED = [
    *("StringNotEquals", "StringNotEqualsIgnoreCase", "StringNotLike", "ArnNotEquals", "ArnNotLike"),
    *("NumericNotEquals", "DateNotEquals", "NotIpAddress"),
]


@pytest.mark.parametrize(("operator", "expected", "actual", "result"), CASES)
def test_condition_operator(operator, expected, actual, result):
    """An operator is true exactly for the values of AWS's reference."""
    condition = Condition(operator, "key", (expected,))
    assert are_satisfied([condition], Context({"KEY": actual})) is result


@pytest.mark.parametrize("values", [None, {"key": []}], ids=["missing", "empty"])
@pytest.mark.parametrize("operator", [*POSITIVE, *NEGATED])
def test_operator_with_missing_key(operator, values):
    """Without a value, IfExists and ForAllValues are true, ForAnyValue is false, and only negated operators hold."""
    expected = {
        operator: operator in NEGATED,
        f"{operator}IfExists": True,
        f"ForAllValues:{operator}": True,
        f"ForAllValues:{operator}IfExists": True,
        f"ForAnyValue:{operator}": False,
        f"ForAnyValue:{operator}IfExists": True,
    }
    results = {name: are_satisfied([Condition(name, "key", ("a",))], Context(values)) for name in expected}
    assert results == expected


@pytest.mark.parametrize(
    ("values", "result"),
    [
        (("true",), True),
        (("True",), True),
        (("TRUE",), True),
        (("false",), False),
        (("False",), False),
        (("yes",), False),
        (("false", "true"), True),
    ],
)
def test_null_operator_with_missing_key(values, result):
    """Null checks whether the key is missing. Its booleans have any case, and one of several values must hold."""
    assert are_satisfied([Condition("Null", "key", values)], Context()) is result


def test_invalid_policy_value_among_others():
    """A policy value that is not of the operator's type matches nothing, and the other values are compared."""
    context = Context({"key": "9"})
    assert are_satisfied([Condition("NumericEquals", "key", ("nine", "9"))], context)
    assert are_satisfied([Condition("NumericEquals", "key", ("9", "nine"))], context)
    assert not are_satisfied([Condition("NumericNotEquals", "key", ("nine", "8"))], context)
    assert not are_satisfied([Condition("NumericNotEquals", "key", ("8", "nine"))], context)


def test_policy_variable_in_a_boolean_condition():
    """Bool replaces policy variables, as string and ARN operators do; numeric operators do not."""
    context = Context({"key": "true", "aws:PrincipalTag/flag": "TRUE", "number": "9", "aws:PrincipalTag/number": "9"})
    assert are_satisfied([Condition("Bool", "key", ("${aws:PrincipalTag/flag}",))], context)
    assert not are_satisfied([Condition("Bool", "key", ("${aws:PrincipalTag/missing}",))], context)
    assert not are_satisfied([Condition("NumericEquals", "number", ("${aws:PrincipalTag/number}",))], context)


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


@given(st.lists(text, min_size=1, max_size=5), st.lists(text.filter(bool), min_size=1, max_size=5))
def test_set_operators(expected, actual):
    """ForAllValues:StringEquals is a subset test, ForAnyValue:StringEquals an intersection test."""
    context = Context({"key": actual})
    for_all = Condition("ForAllValues:StringEquals", "key", tuple(expected))
    for_any = Condition("ForAnyValue:StringEquals", "key", tuple(expected))
    assert are_satisfied([for_all], context, variables=False) is (set(actual) <= set(expected))
    assert are_satisfied([for_any], context, variables=False) is bool(set(actual) & set(expected))
