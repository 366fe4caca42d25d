"""Input of STS that AWS rejects: session names, durations, tags, session policies, and parameters without support."""

import json

import pytest
from botocore.config import Config

from support.cloud_helpers import (
    allow,
    assume,
    client,
    expect_error,
    expect_error_code,
    new_role,
    policy_document,
    trust_policy,
)

SETS_TAGS = ("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")
INVALID_PARAMETER = "InvalidParameterValue"


@pytest.fixture(scope="module")
def role(cloud):
    return new_role(cloud, trust_policy({"AWS": cloud.account}, *SETS_TAGS), allow("s3:*"), MaxSessionDuration=7200)


@pytest.fixture(scope="module")
def reject(cloud, role):
    """A function that calls AssumeRole without the client's own validation, and returns the error."""
    sts = client(cloud, "sts", config=Config(parameter_validation=False))

    def call(**members):
        request = {"RoleArn": role, "RoleSessionName": "job"} | members
        return expect_error(lambda: sts.assume_role(**{name: value for name, value in request.items() if value}))

    return call


def tags(*keys):
    return [{"Key": key, "Value": "x"} for key in keys]


@pytest.mark.parametrize(
    ("member", "value", "constraint"),
    [
        ("RoleSessionName", "job\n", r"regular expression pattern: [\w+=,.@-]*"),
        ("RoleSessionName", "j b", r"regular expression pattern: [\w+=,.@-]*"),
        ("RoleSessionName", "jöb", r"regular expression pattern: [\w+=,.@-]*"),
        ("RoleSessionName", "j", "length greater than or equal to 2"),
        ("RoleSessionName", "j" * 65, "length less than or equal to 64"),
        ("RoleSessionName", None, "must not be null"),
        ("RoleArn", None, "must not be null"),
        ("RoleArn", "arn:aws:iam", "length greater than or equal to 20"),
        ("DurationSeconds", 899, "value greater than or equal to 900"),
        ("DurationSeconds", 43201, "value less than or equal to 43200"),
        ("DurationSeconds", -1, "value greater than or equal to 900"),
        ("ExternalId", "x", "length greater than or equal to 2"),
        ("ExternalId", "x" * 1225, "length less than or equal to 1224"),
        ("ExternalId", "a b", r"regular expression pattern: [\w+=,.@:\/-]*"),
        ("SourceIdentity", "aws:x", r"regular expression pattern: [\w+=,.@-]*"),
        ("Tags", tags("k" * 129), "length less than or equal to 128"),
        ("Tags", [{"Key": "k", "Value": "v" * 257}], "length less than or equal to 256"),
        ("Tags", tags("k!"), r"regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+"),
        ("Tags", tags(*map(str, range(51))), "length less than or equal to 50"),
        ("TransitiveTagKeys", ["k!"], r"regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+"),
        ("PolicyArns", [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}] * 11, "length less than or equal to 10"),
        (
            "Policy",
            policy_document(allow("s3:*", on="arn:aws:s3:::" + "b" * 2048)),
            "length less than or equal to 2048",
        ),
    ],
)
def test_input_outside_of_its_constraints_is_rejected(reject, member, value, constraint):
    """STS validates each member: length, value, characters and presence. The message names member and constraint."""
    code, message = reject(**{member: value})
    assert code == "ValidationError"
    assert message.startswith("1 validation error detected: Value")
    assert f"at '{member[0].lower()}{member[1:]}" in message
    assert message.endswith(constraint)


def test_duration_that_is_no_number_is_rejected(reject):
    """A duration that is not a number is an error of the client."""
    assert reject(DurationSeconds="long")[0] == "MalformedInput"


@pytest.mark.parametrize(
    ("arn", "message"),
    [
        ("arn:aws:iam::123456789012:user/lab-admin", "arn:aws:iam::123456789012:user/lab-admin is invalid"),
        ("arn:aws:iam::12345678901:role/reader", "arn:aws:iam::12345678901:role/reader is invalid"),
        ("reader-reader-reader-reader", "reader-reader-reader-reader is invalid"),
    ],
)
def test_arn_of_no_role_is_rejected(reject, arn, message):
    """RoleArn must be the ARN of a role."""
    assert reject(RoleArn=arn) == ("ValidationError", message)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"Tags": tags("team", "Team")}, "Duplicate tag keys found. Please note that Tag keys are case insensitive."),
        ({"Tags": tags("AWS:team")}, "aws: prefixed tag key names are not allowed for external use."),
        (
            {"Tags": tags("team"), "TransitiveTagKeys": ["cost"]},
            "The specified transitive tag key must be included in the requested tags.",
        ),
        ({"TransitiveTagKeys": ["team"]}, "The specified transitive tag key must be included in the requested tags."),
    ],
)
def test_invalid_session_tags_are_rejected(reject, members, message):
    """Tag keys are unique without regard to case and not reserved. Transitive keys are keys of the request's tags."""
    assert reject(**members) == (INVALID_PARAMETER, message)


def test_transitive_tag_keys_are_compared_without_case(cloud, role):
    """A transitive key can be spelled in another case than its tag."""
    session = assume(cloud, role, Tags=tags("Team"), TransitiveTagKeys=["team"])
    chained = new_role(cloud, trust_policy({"AWS": role}))
    assert expect_error(lambda: assume(cloud, chained, session))[1].endswith(f"sts:TagSession on resource: {chained}")


STATEMENT = allow("s3:GetObject")


@pytest.mark.parametrize(
    "policy",
    [
        "{",
        "null",
        "[]",
        '"policy"',
        "{}",
        '{"Version": "2012-10-17"}',
        json.dumps({"Version": ["2012-10-17"], "Statement": STATEMENT}),
        json.dumps({"Version": "2012-10-17", "Statement": []}),
        json.dumps({"Version": "2012-10-17", "Statement": "x"}),
        " " + policy_document(STATEMENT),
        policy_document({**STATEMENT, "Effect": ["Allow"]}),
        policy_document({**STATEMENT, "Effect": {"a": "b"}}),
        policy_document({**STATEMENT, "Principal": "*"}),
        policy_document({**STATEMENT, "Action": []}),
        policy_document({**STATEMENT, "Action": "GetObject"}),
        policy_document({**STATEMENT, "Action": "s3:Get Object"}),
        policy_document({**STATEMENT, "Resource": []}),
        policy_document({**STATEMENT, "Resource": "bucket"}),
        policy_document({"Effect": "Allow", "Action": "s3:*"}),
        policy_document({**STATEMENT, "Condition": {"StringIs": {"a": "b"}}}),
        policy_document({**STATEMENT, "Condition": []}),
        policy_document({**STATEMENT, "Sid": 1}),
        policy_document({**STATEMENT, "Sid": "a-b"}),
        policy_document({**STATEMENT, "Sid": "Same"}, {**STATEMENT, "Sid": "Same"}),
        '{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Effect": "Allow", "Action": "*", "Resource": "*"}}',
        '{"Statement":' + "[" * 1000 + "]" * 1000 + "}",
    ],
)
def test_invalid_session_policy_is_rejected(reject, policy):
    """A session policy that is not an identity-based policy is rejected when the role is assumed."""
    assert reject(Policy=policy)[0] == "MalformedPolicyDocument"


def test_packed_size_of_policies_and_tags(cloud, role, reject):
    """STS returns the packed size of policies and tags in per cent, and rejects more than 100."""
    sts = client(cloud, "sts")
    request = {"RoleArn": role, "RoleSessionName": "job"}
    assert "PackedPolicySize" not in sts.assume_role(**request)
    small = sts.assume_role(**request, Policy=policy_document(allow("s3:*")))["PackedPolicySize"]
    with_tags = sts.assume_role(**request, Policy=policy_document(allow("s3:*")), Tags=tags("team"))["PackedPolicySize"]
    assert 0 < small < with_tags < 100
    code, message = reject(Tags=[{"Key": str(number), "Value": "v" * 256} for number in range(10)])
    assert code == "PackedPolicyTooLarge"
    assert message.startswith("Packed size of session tags consumes ")
    assert message.endswith("% of allotted space.")


@pytest.mark.parametrize(
    ("members", "code", "word"),
    [
        ({"SerialNumber": "arn:aws:iam::123456789012:mfa/ann", "TokenCode": "123456"}, "AccessDenied", "MFA"),
        ({"ProvidedContexts": [{"ProviderArn": "arn:aws:iam::aws:contextProvider/x"}]}, INVALID_PARAMETER, "Provided"),
    ],
)
def test_parameters_without_support_are_rejected(reject, members, code, word):
    """A parameter that the lab does not implement is an error that names it: MFA codes, provided contexts."""
    error = reject(**members)
    assert error[0] == code
    assert word in error[1]


@pytest.mark.parametrize("members", [{"DurationSeconds": 899}, {"DurationSeconds": 129601}, {"TokenCode": "12345"}])
def test_get_session_token_validates_its_input(cloud, members):
    """GetSessionToken has limits of its own."""
    sts = client(cloud, "sts", config=Config(parameter_validation=False))
    assert expect_error_code(lambda: sts.get_session_token(**members)) == "ValidationError"


def test_get_session_token_rejects_mfa(cloud):
    """No user of the lab has an MFA device."""
    sts = client(cloud, "sts")
    assert expect_error_code(lambda: sts.get_session_token(TokenCode="123456")) == "AccessDenied"
