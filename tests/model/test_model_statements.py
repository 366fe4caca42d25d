"""Validation of policy statements in the form of the args."""

import pytest

from eks_identity.model import arns, statements, trust
from eks_identity.model.permissions import suggest_policy_name
from eks_identity.model.subjects import Subject


@pytest.mark.parametrize("text", ["*", "s3:*", "s3:Get?bject", "eks-auth:AssumeRoleForPodIdentity"])
def test_statement_action_accepts_service_and_action(text):
    """A service and an action, with wildcards."""
    assert statements.action(text) == text


@pytest.mark.parametrize("text", ["", "s3", "S3:GetObject", "s3:Get Object", "s3:", ":GetObject", "*:GetObject"])
def test_statement_action_rejects_malformed_text(problems_of, text):
    """Actions that IAM calls malformed are rejected with an example."""
    (problem,) = problems_of(statements.action, text)
    assert "s3:GetObject" in problem.fix


@pytest.mark.parametrize(
    "text", ["*", "arn:aws:s3:::bucket/*", "arn:*:s3:::bucket", "arn:aws:s3:::${aws:PrincipalTag/a}"]
)
def test_statement_resource_accepts_arns_with_wildcards(text):
    """ARNs, also with wildcards and variables in their fields."""
    assert statements.resource(text) == text


@pytest.mark.parametrize(
    "text", ["Null", "StringEquals", "StringLikeIfExists", "ForAnyValue:ArnLike", "ForAllValues:StringLikeIfExists"]
)
def test_condition_operator_accepts_qualifiers(text):
    """With a qualifier, with IfExists, and Null, which has neither."""
    assert statements.condition_test(text) == text


@pytest.mark.parametrize(
    "text", ["", "Equals", "stringEquals", "ForSome:StringEquals", "NullIfExists", "ForAnyValue:Null"]
)
def test_condition_operator_rejects_unknown_names(problems_of, text):
    """IAM rejects the whole policy for an unknown operator."""
    (problem,) = problems_of(statements.condition_test, text)
    assert problem.value == text


def test_statement_conditions_reject_repeated_key(problems_of):
    """IAM's JSON form would lose one of the two."""
    twice = [{"test": "StringEquals", "variable": "aws:a", "values": [value]} for value in "bc"]
    specs = [{"actions": ["s3:*"], "resources": ["*"], "conditions": twice}]
    (problem,) = problems_of(statements.document, specs)
    assert problem.input == "statements[0].conditions[1].variable"


def test_external_id_names_cluster_and_service_account():
    """Region, account, cluster, namespace and name, as EKS sends them to STS."""
    cluster = arns.cluster_arn("arn:aws:eks:eu-west-1:111122223333:cluster/shop")
    assert trust.external_id(cluster, Subject.of("a", "b")) == "eu-west-1/111122223333/shop/a/b"


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("AmazonS3ReadOnlyAcces", "AmazonS3ReadOnlyAccess"),
        ("AmazonEBSCSIDriverPolicy", "service-role/AmazonEBSCSIDriverPolicy"),
        ("team-policy", None),
    ],
)
def test_managed_policy_suggestion_for_misspelt_name(name, suggestion):
    """A name without its path gets a suggestion too; an unrelated name gets none."""
    assert suggest_policy_name(name) == suggestion
