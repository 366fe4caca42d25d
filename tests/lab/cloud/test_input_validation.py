"""Validation of input against botocore's models: required members, bounds, patterns, enums, and AWS's messages."""

import re

import pytest
from moto.core.utils import get_service_model

from lab.cloud.input_validation import describe, find_violations, matches_pattern

ROLE = "arn:aws:iam::123456789012:role/reader"
TAG_CHARACTERS = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*"


def violations(service, operation, **params):
    return find_violations(params, get_service_model(service).operation_model(operation).input_shape)


def assume_role(**params):
    return violations("sts", "AssumeRole", **({"RoleArn": ROLE, "RoleSessionName": "job"} | params))


def test_valid_input_has_no_violations():
    """Input within all constraints passes, with Unicode letters, spaces and digits in tags."""
    tags = [{"Key": "équipe 部署 ٣", "Value": ""}, {"Key": "a" * 128, "Value": "b" * 256}]
    assert assume_role(Tags=tags, DurationSeconds=900, ExternalId="a/b:c", TransitiveTagKeys=["équipe 部署 ٣"]) == []
    assert violations("iam", "CreateRole", RoleName="r" * 64, AssumeRolePolicyDocument="{}", Path="/a/b/") == []


@pytest.mark.parametrize(
    ("member", "value", "message"),
    [
        ("RoleSessionName", "job\n", r"Member must satisfy regular expression pattern: [\w+=,.@-]*"),
        ("RoleSessionName", "jöb", r"Member must satisfy regular expression pattern: [\w+=,.@-]*"),
        ("RoleSessionName", "j", "Member must have length greater than or equal to 2"),
        ("RoleSessionName", "j" * 65, "Member must have length less than or equal to 64"),
        ("DurationSeconds", 899, "Member must have value greater than or equal to 900"),
        ("DurationSeconds", 43201, "Member must have value less than or equal to 43200"),
        ("ExternalId", "a b", r"Member must satisfy regular expression pattern: [\w+=,.@:\/-]*"),
        ("TokenCode", "12345٣", r"Member must satisfy regular expression pattern: [\d]*"),
    ],
)
def test_violation_of_a_member(member, value, message):
    """A value outside of its bounds or pattern is reported with AWS's message and the member's lower camel name."""
    path = f"{member[0].lower()}{member[1:]}"
    expected = f"1 validation error detected: Value '{value}' at '{path}' failed to satisfy constraint: {message}"
    assert describe(assume_role(**{member: value})) == expected


def test_violations_of_list_members_have_one_based_paths():
    """The path of a list's member has its index from one, as in AWS's messages."""
    found = assume_role(Tags=[{"Key": "a", "Value": "b"}, {"Key": "", "Value": "x!"}, {"Key": "c"}])
    assert [(violation.path, violation.constraint) for violation in found] == [
        ("tags.2.member.key", "Member must have length greater than or equal to 1"),
        ("tags.2.member.key", r"Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+"),
        ("tags.2.member.value", f"Member must satisfy regular expression pattern: {TAG_CHARACTERS}"),
        ("tags.3.member.value", "Member must not be null"),
    ]


def test_all_violations_are_reported_together():
    """One message has all violations; a missing member is null, and a sensitive value is not shown."""
    found = violations("sts", "AssumeRoleWithWebIdentity", RoleSessionName="x", WebIdentityToken="abc")
    message = describe(found)
    assert message.startswith("3 validation errors detected: Value null at 'roleArn' failed to satisfy constraint: ")
    assert "; Value at 'webIdentityToken' failed to satisfy constraint: Member must have length greater" in message
    assert "abc" not in message


def test_list_length():
    """The length of a list is limited, and its members are shown in brackets."""
    found = assume_role(TransitiveTagKeys=[f"k{number}" for number in range(51)])
    assert re.fullmatch(
        r"1 validation error detected: Value '\[k0, .*, k50\]' at 'transitiveTagKeys' failed to satisfy constraint: "
        "Member must have length less than or equal to 50",
        describe(found),
    )


def test_enum():
    """A value outside of its enum is reported with the enum's values."""
    found = violations("eks", "CreateCluster", name="c", roleArn=ROLE, resourcesVpcConfig={}, logging={
        "clusterLogging": [{"types": ["api", "nothing"], "enabled": True}],
    })  # fmt: skip
    assert [(violation.path, violation.value) for violation in found] == [
        ("logging.clusterLogging.1.member.types.2.member", "nothing")
    ]
    assert found[0].constraint.startswith("Member must satisfy enum value set: [api, audit, ")


def test_map_keys_and_values():
    """Keys and values of a map are validated."""
    found = violations("eks", "TagResource", resourceArn=ROLE, tags={"k" * 129: "v" * 257})
    constraints = {violation.constraint for violation in found}
    assert constraints == {f"Member must have length less than or equal to {limit}" for limit in (128, 256)}


@pytest.mark.parametrize("service", ["sts", "iam", "eks", "eks-auth"])
def test_every_pattern_of_the_models_can_be_evaluated(service):
    """Each pattern of the services' models compiles, and has no class of Unicode that is not supported."""
    model = get_service_model(service)
    patterns = {model.shape_for(name).metadata.get("pattern") for name in model.shape_names} - {None}
    assert patterns
    for pattern in patterns:
        assert set(re.findall(r"\\p\{[^}]*\}", pattern)) <= {r"\p{L}", r"\p{Z}", r"\p{N}"}
        assert not matches_pattern(pattern, "\N{SNOWMAN}\n\N{PILE OF POO}")


@pytest.mark.parametrize(
    ("value", "is_match"),
    [("é", True), ("部", True), ("\N{NO-BREAK SPACE}", True), ("²", True), ("\N{SNOWMAN}", False), ("!", False)],
)
def test_unicode_classes(value, is_match):
    """Tags allow letters, numbers and separators of Unicode, and no other symbols."""
    assert matches_pattern(TAG_CHARACTERS, value) is is_match
