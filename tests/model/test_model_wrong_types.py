"""Values of wrong types from YAML, other languages and other stacks: a validation error, never a traceback."""

import math

import pytest

from eks_identity.model import annotations, arns, identities, names, partitions, permissions, rbac
from eks_identity.model.access_entries import AccessMethod, AuthenticationMode, EntrySpec
from eks_identity.model.aws_auth import UserMapping
from eks_identity.model.issuers import Issuer, Provider
from eks_identity.model.subjects import Subject

USER = "arn:aws:iam::111122223333:user/a"
NOT_STRINGS = [None, 1, 1.5, True, [], {}, ["a"], b"x"]
OF_A_STRING = [
    names.namespace,
    names.service_account,
    names.rbac_name,
    names.role_name,
    names.auto_named_role,
    names.iam_path,
    names.cluster_name,
    names.account_id,
    names.audience,
    arns.Principal.parse,
    arns.policy_arn,
    arns.role_arn,
    partitions.partition,
    identities.group_to_bind,
    AuthenticationMode.parse,
    AccessMethod.parse,
    rbac.role_kind,
    Issuer.parse,
    Provider.parse,
    Subject.parse,
    lambda value: Subject.of(value, "my-sa"),
    lambda value: Subject.of("default", value),
    lambda value: permissions.managed_policy(value, partitions.AWS),
    permissions.inline_policy,
    lambda value: UserMapping.of(value, []),
    lambda value: UserMapping.of(USER, [value]),
    EntrySpec.of,
    lambda value: EntrySpec.of(USER, [value]),
]


@pytest.mark.parametrize("value", NOT_STRINGS, ids=repr)
@pytest.mark.parametrize("parse", OF_A_STRING)
def test_parsers_reject_values_that_are_not_strings(problems_of, parse, value):
    """Numbers, booleans, null and collections in place of a string are rejected with the value."""
    assert value in [problem.value for problem in problems_of(parse, value)]


@pytest.mark.parametrize("value", [1, 1.5, True, [], ["a"]], ids=repr)
def test_username_must_be_a_string(problems_of, value):
    """A numeric or boolean username would authenticate with an empty name."""
    for make in (UserMapping.of, EntrySpec.of):
        assert "username" in [problem.input for problem in problems_of(make, USER, [], value)]


@pytest.mark.parametrize("value", [None, 1, True, "operators", {"operators": 1}], ids=repr)
def test_groups_must_be_a_list(problems_of, value):
    """A bare string would be a group for each of its letters."""
    problems_of(UserMapping.of, USER, value)
    problems_of(EntrySpec.of, USER, value)


@pytest.mark.parametrize("value", [None, "3600", True, math.nan, math.inf, -math.inf, [], {}, 10**400], ids=str)
def test_seconds_must_be_a_number(problems_of, value):
    """Values that are not finite numbers, and numbers in quotes, are rejected."""
    problems_of(names.session_seconds, value)
    problems_of(names.token_expiration, value)


@pytest.mark.parametrize("value", ["false", "true", 0, 1, []], ids=repr)
def test_flag_must_be_a_boolean(problems_of, value):
    """The string "false" is true to Python."""
    (problem,) = problems_of(lambda: annotations.webhook_annotations(sts_regional_endpoints=value))
    assert problem.input == "sts_regional_endpoints"
