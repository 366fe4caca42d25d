"""Evaluation of IAM policies, compared with the lab's independent evaluator."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eks_identity.evaluation.iam_policies import Decision, UnclearError, decide
from lab.cloud import policy as judge

ACTIONS = ["s3:GetObject", "s3:PutObject", "s3:*", "s3:Get*", "S3:getobject", "iam:GetRole", "*", "s3:?etObject"]
RESOURCES = [
    *("*", "arn:aws:s3:::b", "arn:aws:s3:::b/*", "arn:aws:s3:::?/x"),
    *("arn:aws:s3:::b/${aws:PrincipalTag/team}", "arn:aws:s3:::b/${aws:PrincipalTag/team, 'shop'}"),
]
OPERATORS = [
    "StringEquals",
    "StringNotEquals",
    "StringLike",
    "StringNotLike",
    "StringEqualsIgnoreCase",
    "StringEqualsIfExists",
    "ForAnyValue:StringEquals",
    "ForAllValues:StringLike",
    "ForAllValues:StringNotEquals",
    "ForAnyValue:StringNotLike",
    "ForAnyValue:StringEqualsIfExists",
    "ArnLike",
    "ArnNotEquals",
    "ForAllValues:ArnLike",
    "Bool",
    "BoolIfExists",
    "Null",
]
DEFAULT = "${aws:PrincipalTag/team, 'x'}"
ARN_PATTERN = "arn:aws:s3:*:finance/*"
SHORT_ARN, LONG_ARN = "arn:aws:s3:a:b:finance/x", "arn:aws:s3:a:b:c:finance/x"
VALUES = [
    *("shop", "Shop", "sh*", "", "*", "true", "false", "True", "FALSE", "${aws:PrincipalTag/team}", DEFAULT),
    *(ARN_PATTERN, "arn:aws:s3:*:*:finance/*", "arn:*"),
]


def some(values, **sizes):
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, **sizes) | st.sampled_from(values)


def one_of(element, values):
    return st.one_of(
        some(values).map(lambda selected, name=name: {name: selected}) for name in (element, f"Not{element}")
    )


conditions = st.dictionaries(
    st.sampled_from(OPERATORS),
    st.dictionaries(st.sampled_from(["aws:PrincipalTag/team", "aws:tagkeys"]), some(VALUES), min_size=1),
    max_size=2,
)
statement = st.builds(
    lambda effect, action, resource, condition: {"Effect": effect, **action, **resource, "Condition": condition},
    st.sampled_from(["Allow", "Deny"]),
    one_of("Action", ACTIONS),
    one_of("Resource", RESOURCES),
    conditions,
)
documents = st.lists(statement, min_size=1, max_size=3).map(lambda items: {"Version": "2012-10-17", "Statement": items})
contexts = st.fixed_dictionaries(
    {},
    optional={
        "aws:PrincipalTag/team": st.sampled_from(["shop", "Shop", "x", "", "TRUE", SHORT_ARN, LONG_ARN]),
        "aws:TagKeys": st.lists(st.sampled_from(["shop", "x", "true", "", LONG_ARN]), max_size=2),
    },
)


@settings(max_examples=300)
@given(
    documents=st.lists(documents, max_size=2),
    action=st.sampled_from(["s3:GetObject", "s3:PutObject", "iam:GetRole"]),
    resource=st.sampled_from(["arn:aws:s3:::b", "arn:aws:s3:::b/shop", "arn:aws:s3:::a/x"]),
    context=contexts,
)
def test_iam_decision_equals_that_of_the_labs_evaluator(documents, action, resource, context):
    """Actions, resources, variables and conditions of any policies give the same decision as in the lab's IAM."""
    judged = judge.evaluate(
        judge.Request(action, resource, context=judge.Context(context)),
        judge.Policies(identity=[judge.parse(document) for document in documents]),
    )
    expected = {"allowed": Decision.ALLOW, "explicitDeny": Decision.DENY, "implicitDeny": Decision.NOTHING}
    assert decide(documents, action, resource, context) is expected[judged.decision]


@pytest.mark.parametrize(
    ("operator", "key", "value", "decision"),
    [
        ("Bool", "aws:PrincipalTag/team", "${aws:PrincipalTag/team}", Decision.NOTHING),
        ("Bool", "aws:SecureTransport", "TRUE", Decision.ALLOW),
        ("Bool", "aws:SecureTransport", "${aws:SecureTransport}", Decision.ALLOW),
        ("NumericEquals", "s3:max-keys", "${s3:max-keys}", Decision.NOTHING),
        ("StringEquals", "aws:PrincipalTag/team", "${aws:PrincipalTag/team}", Decision.ALLOW),
    ],
)
def test_iam_policy_variables_are_resolved_in_string_arn_and_boolean_operators_only(operator, key, value, decision):
    """Numeric operators compare the variable's text, which is no number."""
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {operator: {key: value}}}
    context = {"aws:PrincipalTag/team": "shop", "aws:SecureTransport": "true", "s3:max-keys": "5"}
    assert decide([{"Statement": [allow]}], "s3:GetObject", "arn:aws:s3:::b", context) is decision


@pytest.mark.parametrize(
    ("condition", "context", "decision"),
    [
        ({"Null": {"aws:TokenIssueTime": "True"}}, {}, Decision.ALLOW),
        ({"Null": {"aws:TokenIssueTime": ["false", "TRUE"]}}, {}, Decision.ALLOW),
        ({"Null": {"aws:TokenIssueTime": "False"}}, {"aws:TokenIssueTime": "2026-01-01"}, Decision.ALLOW),
        ({"ForAnyValue:StringNotLike": {"aws:TagKeys": "a*"}}, {}, Decision.NOTHING),
        ({"ForAnyValue:StringLike": {"aws:TagKeys": "*"}}, {"aws:TagKeys": ""}, Decision.NOTHING),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": "a"}}, {"aws:TagKeys": [""]}, Decision.ALLOW),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:team/x"}}, {"aws:PrincipalArn": "arn:aws:iam::1:r:team/x"},
         Decision.NOTHING),
        ({"ArnLike": {"aws:PrincipalArn": "*"}}, {"aws:PrincipalArn": "arn:aws:iam::1:user/x"}, Decision.ALLOW),
        ({"Bool": {"aws:SecureTransport": "yes"}}, {"aws:SecureTransport": "yes"}, Decision.NOTHING),
    ],
)  # fmt: skip
def test_iam_conditions_with_missing_and_unusual_values(condition, context, decision):
    """Set operators, Null, ARNs and booleans give the results of the IAM user guide."""
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}
    document = {"Version": "2012-10-17", "Statement": [allow]}
    assert decide([document], "s3:GetObject", "arn:aws:s3:::b", context) is decision


def test_iam_decision_is_unclear_for_unsupported_operator():
    """A date or an address in a condition is unclear only if the statement matches the request."""
    dated = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    document = {"Statement": {**dated, "Condition": {"DateLessThan": {"aws:CurrentTime": "2030-01-01"}}}}
    with pytest.raises(UnclearError, match="DateLessThan"):
        decide([document], "s3:GetObject", "*", {})
    assert decide([document], "iam:GetRole", "*", {}) is Decision.NOTHING
