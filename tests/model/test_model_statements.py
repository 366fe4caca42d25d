"""Typed statements: what IAM takes becomes its own form, and what it would refuse is refused."""

import pytest

from eks_identity.model import arns, statements, trust
from eks_identity.model.managed_names import near
from eks_identity.model.subjects import Subject


@pytest.mark.parametrize("text", ["*", "s3:*", "s3:Get?bject", "eks-auth:AssumeRoleForPodIdentity"])
def test_actions_of_iam_are_taken(text):
    """A service and an action, wildcards included."""
    assert statements.action(text) == text


@pytest.mark.parametrize("text", ["", "s3", "S3:GetObject", "s3:Get Object", "s3:", ":GetObject", "*:GetObject"])
def test_other_actions_are_refused(refused, text):
    """What IAM would call malformed is named with an example."""
    (problem,) = refused(statements.action, text)
    assert "s3:GetObject" in problem.fix


@pytest.mark.parametrize(
    "text", ["*", "arn:aws:s3:::bucket/*", "arn:*:s3:::bucket", "arn:aws:s3:::${aws:PrincipalTag/a}"]
)
def test_resources_of_iam_are_taken(text):
    """ARNs, also with wildcards and variables in their parts."""
    assert statements.resource(text) == text


@pytest.mark.parametrize(
    "text", ["Null", "StringEquals", "StringLikeIfExists", "ForAnyValue:ArnLike", "ForAllValues:StringLikeIfExists"]
)
def test_operators_of_iam_are_taken(text):
    """With a qualifier, with IfExists, and Null, which has neither."""
    assert statements.condition_test(text) == text


@pytest.mark.parametrize(
    "text", ["", "Equals", "stringEquals", "ForSome:StringEquals", "NullIfExists", "ForAnyValue:Null"]
)
def test_other_operators_are_refused(refused, text):
    """IAM refuses the whole policy for one of them."""
    (problem,) = refused(statements.condition_test, text)
    assert problem.value == text


def test_a_condition_key_twice_under_one_operator_is_refused(refused):
    """One of the two would be lost in IAM's form."""
    twice = [{"test": "StringEquals", "variable": "aws:a", "values": [value]} for value in "bc"]
    given = [{"actions": ["s3:*"], "resources": ["*"], "conditions": twice}]
    (problem,) = refused(statements.document, given)
    assert problem.input == "statements[0].conditions[1].variable"


def test_the_external_id_of_an_association_names_cluster_and_service_account():
    """Region, account, cluster, namespace and name, as EKS gives it to STS."""
    cluster = arns.cluster_arn("arn:aws:eks:eu-west-1:111122223333:cluster/shop")
    assert trust.external_id(cluster, Subject.of("a", "b")) == "eu-west-1/111122223333/shop/a/b"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("AmazonS3ReadOnlyAcces", "AmazonS3ReadOnlyAccess"),
        ("AmazonEBSCSIDriverPolicy", "service-role/AmazonEBSCSIDriverPolicy"),
        ("team-policy", None),
    ],
)
def test_a_misspelt_policy_is_known_by_its_nearest_name(written, meant):
    """Also one that lacks its path; a name like none is like none."""
    assert near(written) == meant
