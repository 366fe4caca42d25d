"""Condition operators of IAM policies, in three truth values."""

from itertools import product

import pytest

from eks_identity.evaluation.iam import Answer, Policies, Policy, Request, RequestContext, Truth, evaluate
from eks_identity.evaluation.iam.conditions import COMPARISONS, NotEvaluatedError, evaluate_condition
from eks_identity.evaluation.iam.documents import Condition
from eks_identity.model.statements import holds_without_key

TEAM, TAGS = "aws:PrincipalTag/team", "aws:TagKeys"
ARN = "arn:aws:sqs:eu-west-1:111122223333:jobs"


def holds(operator, expected, actual, *, key=TEAM, **others):
    """Return whether a request whose key has the value `actual` satisfies the condition; None for an unknown key."""
    values = {} if actual is None else {key: actual}
    context = RequestContext({**values, **others}, unknown=[key] if actual is None else [], complete=True)
    expected = [expected] if isinstance(expected, str) else expected
    return evaluate_condition(Condition(operator, key, tuple(expected)), context)


@pytest.mark.parametrize(
    ("operator", "expected", "actual"),
    [
        ("StringEquals", "shop", "shop"),
        ("StringEquals", ["x", "shop"], "shop"),
        ("StringEquals", "a${*}b", "a*b"),
        ("StringNotEquals", ["x", "y"], "shop"),
        ("StringEqualsIgnoreCase", "SHOP", "shop"),
        ("StringNotEqualsIgnoreCase", "shops", "shop"),
        ("StringLike", "a*c", "a/b/c"),
        ("StringLike", "?hop", "shop"),
        ("StringNotLike", "a*", "shop"),
        ("ArnLike", "arn:aws:sqs:*:111122223333:*", ARN),
        ("ArnEquals", "arn:*:sqs:*:*:job?", ARN),
        ("ArnNotLike", "arn:aws:sqs:*:jobs", ARN),
        ("ArnNotEquals", "arn:aws:sns:*:*:*", ARN),
        ("Bool", "True", "true"),
        ("NumericEquals", "300.0", "300"),
        ("NumericNotEquals", "3", "300"),
        ("NumericLessThan", "301", "300"),
        ("NumericLessThanEquals", "300", "300"),
        ("NumericGreaterThan", "-1", "300"),
        ("NumericGreaterThanEquals", ["400", "300"], "300"),
        ("DateEquals", "2026-11-30T13:00:00+01:00", "2026-11-30T12:00:00Z"),
        ("DateEquals", "1796040000", "2026-11-30T12:00:00Z"),
        ("DateNotEquals", "2026-11-30", "2026-11-30T12:00:00Z"),
        ("DateLessThan", "2027", "2026-11-30T12:00:00Z"),
        ("DateLessThanEquals", "2026-12", "2026-11-30T12:00:00Z"),
        ("DateGreaterThan", "2026-11-30T11:59Z", "2026-11-30T12:00:00Z"),
        ("DateGreaterThanEquals", "2026-11-30T12:00:00.000Z", "2026-11-30T12:00:00Z"),
        ("IpAddress", "203.0.113.0/24", "203.0.113.7"),
        ("IpAddress", "2001:db8::/32", "2001:db8::1"),
        ("IpAddress", "0.0.0.0/0", "203.0.113.7"),
        ("NotIpAddress", "203.0.113.0/24", "2001:db8::1"),
        ("BinaryEquals", "aGVsbG8=", "aGVsbG8="),
    ],
)
def test_iam_condition_operator_holds_for_matching_values(operator, expected, actual):
    """Each operator compares as the IAM user guide says, and is unknown if the key is."""
    assert holds(operator, expected, actual) is Truth.YES
    assert holds(f"{operator}IfExists", expected, actual) is Truth.YES
    assert holds(operator, expected, None) is Truth.MAYBE


@pytest.mark.parametrize(
    ("operator", "expected", "actual"),
    [
        ("StringEquals", "shop", "Shop"),
        ("StringEquals", "a*", "abc"),
        ("StringNotEquals", ["x", "shop"], "shop"),
        ("StringLike", "a*", "shop"),
        ("StringNotLike", ["x", "a*"], "a/b"),
        ("ArnLike", "arn:aws:sqs:*:jobs", ARN),
        ("ArnLike", "arn:aws:sqs:*", ARN),
        ("Bool", "yes", "yes"),
        ("NumericEquals", "x", "300"),
        ("NumericNotEquals", "x", "300"),
        ("NumericLessThan", "300", "300"),
        ("DateGreaterThan", "1796040000", "2026-11-30T12:00:00Z"),
        ("DateNotEquals", "tomorrow", "2026-11-30T12:00:00Z"),
        ("IpAddress", "203.0.113.0/24", "2001:db8::1"),
        ("NotIpAddress", "0.0.0.0/0", "203.0.113.7"),
        ("BinaryEquals", "aGVsbG8=", "YWJj"),
        ("NumericEquals", "${aws:PrincipalTag/team}", "300"),
    ],
)
def test_iam_condition_operator_fails_for_other_values(operator, expected, actual):
    """Values that do not match, and values that are not of the operator's type, satisfy no operator."""
    assert holds(operator, expected, actual) is Truth.NO


def test_string_like_matches_across_slashes():
    """MKAT's StringLike stops at a slash: a pattern of subjects or paths then misses what IAM allows."""
    assert holds("StringLike", "system:serviceaccount:*", "system:serviceaccount:prod/x:app") is Truth.YES
    assert holds("StringLike", "prefix-*-suffix", "prefix-a/b-suffix") is Truth.YES


@pytest.mark.parametrize(
    "operator", ["StringMatches", "StringEqualsIgnoringCase", "ForSome:StringEquals", "NullIfExists"]
)
def test_unknown_condition_operator_in_a_deny_is_not_read_as_no_match(operator):
    """MKAT reads an unknown operator as "no match", which ends a Deny. It is not evaluated, and so is the request."""
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    deny = {**allow, "Sid": "Fence", "Effect": "Deny", "Condition": {operator: {TEAM: "shop"}}}
    policy = Policy.parse({"Version": "2012-10-17", "Statement": [allow, deny]}, "inline policy app")
    evaluation = evaluate(Request("s3:GetObject", "arn:aws:s3:::b/x"), Policies([policy]))
    assert evaluation.answer is Answer.NOT_EVALUATED
    assert evaluation.not_evaluated == (
        f"Deny statement Fence of inline policy app: the condition operator {operator}",
    )
    assert evaluate(Request("s3:GetObject"), Policies([policy, Policy.parse({"Statement": {**deny, "Condition": {}}})])
                    ).answer is Answer.DENIED  # fmt: skip


@pytest.mark.parametrize(
    ("operator", "result"),
    [
        ("StringEquals", Truth.NO),
        ("StringNotEquals", Truth.YES),
        ("StringEqualsIfExists", Truth.YES),
        ("NumericLessThan", Truth.NO),
        ("ForAllValues:StringEquals", Truth.YES),
        ("ForAllValues:StringNotEquals", Truth.YES),
        ("ForAnyValue:StringEquals", Truth.NO),
        ("ForAnyValue:StringNotLike", Truth.NO),
        ("ForAnyValue:StringEqualsIfExists", Truth.YES),
    ],
)
def test_iam_condition_on_an_absent_key(operator, result):
    """A key that the request lacks satisfies negated operators, `IfExists` and `ForAllValues` only."""
    assert holds(operator, "1", []) is result


def test_iam_conditions_without_key_agree_with_the_checks_of_statements():
    """The checks of args decide in the same way which conditions hold in a request without the key."""
    for qualifier, suffix in product(("", "ForAnyValue:", "ForAllValues:"), ("", "IfExists")):
        for name in COMPARISONS:
            operator = f"{qualifier}{name}{suffix}"
            assert holds_without_key(operator, ["1"]) is (holds(operator, "1", []) is Truth.YES), operator
    for value in ("true", "false", "True"):
        assert holds_without_key("Null", [value]) is (holds("Null", value, []) is Truth.YES)


@pytest.mark.parametrize(
    ("value", "absent", "present", "unknown"),
    [
        ("true", Truth.YES, Truth.NO, Truth.MAYBE),
        ("False", Truth.NO, Truth.YES, Truth.MAYBE),
        (["true", "false"], Truth.YES, Truth.YES, Truth.YES),
        ("x", Truth.NO, Truth.NO, Truth.NO),
    ],
)
def test_iam_null_condition(value, absent, present, unknown):
    """`Null` tells whether the request lacks the key; values that decide for both leave nothing unknown."""
    assert [holds("Null", value, actual) for actual in ([], "x", None)] == [absent, present, unknown]


@pytest.mark.parametrize(
    ("operator", "expected", "actual", "result"),
    [
        ("ForAllValues:StringLike", ["a*", "b"], ["a1", "b"], Truth.YES),
        ("ForAllValues:StringLike", ["a*"], ["a1", "b"], Truth.NO),
        ("ForAllValues:StringNotEquals", ["x"], ["a", "x"], Truth.NO),
        ("ForAnyValue:StringEquals", ["b", "c"], ["a", "b"], Truth.YES),
        ("ForAnyValue:StringNotEquals", ["a"], ["a", "b"], Truth.YES),
        ("ForAnyValue:StringNotEquals", ["a", "b"], ["a", "b"], Truth.NO),
        ("ForAllValues:StringEquals", ["a"], [""], Truth.YES),
        ("ForAnyValue:StringLike", ["*"], [""], Truth.NO),
    ],
)
def test_iam_set_operators(operator, expected, actual, result):
    """`ForAllValues` needs each value of the request, `ForAnyValue` one. An empty value is none."""
    assert holds(operator, expected, actual, key=TAGS) is result


def test_iam_key_with_several_values_needs_a_set_operator():
    """IAM documents no result for several values without set operator, so the condition is not evaluated."""
    with pytest.raises(NotEvaluatedError, match="ForAnyValue"):
        holds("StringEquals", "a", ["a", "b"], key=TAGS)


def test_iam_policy_variables_in_conditions():
    """Variables have the request's value, which matches literally, a default, or no value, which matches nothing."""
    variable, default = "${aws:username}", "${aws:username, 'none'}"
    assert holds("StringEquals", variable, "alice", **{"aws:username": "alice"}) is Truth.YES
    assert holds("StringLike", f"{variable}/*", "*/x", **{"aws:username": "*"}) is Truth.YES
    assert holds("StringLike", f"{variable}/*", "alice/x", **{"aws:username": "*"}) is Truth.NO
    assert holds("StringEquals", default, "none") is Truth.YES
    assert holds("StringEquals", variable, "alice") is Truth.NO
    assert holds("StringNotEquals", variable, "alice") is Truth.YES


@pytest.mark.parametrize(
    ("operator", "key", "result"),
    [
        ("Bool", "aws:SecureTransport", Truth.YES),
        ("Bool", TEAM, Truth.NO),
        ("NumericEquals", "s3:max-keys", Truth.NO),
        ("DateEquals", "aws:CurrentTime", Truth.NO),
        ("StringEquals", TEAM, Truth.YES),
    ],
)
def test_iam_policy_variables_are_resolved_in_string_arn_and_boolean_operators_only(operator, key, result):
    """Other operators compare the variable's text, which is no number and no date."""
    values = {TEAM: "shop", "aws:SecureTransport": "true", "s3:max-keys": "5", "aws:CurrentTime": "2026-11-30"}
    assert evaluate_condition(Condition(operator, key, (f"${{{key}}}",)), RequestContext(values)) is result
    arn = Condition("ArnLike", "aws:SourceArn", ("arn:aws:sqs:*:*:${aws:username}",))
    assert evaluate_condition(arn, RequestContext({"aws:SourceArn": ARN, "aws:username": "jobs"})) is Truth.YES


def test_iam_unknown_policy_variable_decides_only_if_some_value_matches():
    """An unknown variable leaves a condition undecided, except where the rest of the pattern cannot match."""
    context = RequestContext({TEAM: "team-a/x"}, unknown=["aws:username"])
    like = [Condition("StringLike", TEAM, (value,)) for value in ("team-${aws:username}/*", "org-${aws:username}/*")]
    assert [evaluate_condition(each, context) for each in like] == [Truth.MAYBE, Truth.NO]


def test_iam_context_keys_have_any_case():
    """`AWS:PrincipalTag/Team` in a policy is `aws:principaltag/team` in the request."""
    context = RequestContext({"AWS:PrincipalTag/Team": "shop"}, absent=["aws:Source*"], unknown=["aws:sourceip"])
    assert context.get("aws:principaltag/team") == ("shop",)
    assert context.get("aws:SourceArn") == ()
    assert context.get("AWS:SourceIp") is None
    assert context.get("aws:username") is None
    assert RequestContext(complete=True).get("aws:username") == ()
