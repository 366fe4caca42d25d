"""Pod Identity associations with boto3: validation errors, and the settings of the control plane."""

import json

import pytest

from support.eks_constants import ACCOUNT, POD_TRUST, trust

POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})
TARGET = "arn:aws:iam::222222222222:role/target"


@pytest.fixture
def association_request(make_cluster, pod_role):
    return {"clusterName": make_cluster(), "namespace": "default", "serviceAccount": "test-sa", "roleArn": pod_role}


def test_association_is_applied_to_the_control_plane(lab, client, association_request):
    """An association is in effect when the call returns, and removed when deleted."""
    created = client.create_pod_identity_association(**association_request, tags={"team": "ops"})["association"]
    assert created["associationArn"].endswith(f":podidentityassociation/eks-clu/{created['associationId']}")
    assert "ownerArn" not in created
    (association,) = lab.plane("eks-clu").identity.associations
    assert (association.namespace, association.service_account, association.role_arn) == (
        "default",
        "test-sa",
        association_request["roleArn"],
    )
    description = client.describe_pod_identity_association(
        clusterName="eks-clu", associationId=created["associationId"]
    )
    assert description["association"] == created
    client.delete_pod_identity_association(clusterName="eks-clu", associationId=created["associationId"])
    assert lab.plane("eks-clu").identity.associations == ()


def test_duplicate_association_is_rejected(client, association_request, expect_error):
    """A second association for a service account in a namespace is a 409 with the id of the first."""
    first = client.create_pod_identity_association(**association_request)["association"]
    assert expect_error("create_pod_identity_association", **association_request) == (
        "ResourceInUseException",
        f"Association already exists: {first['associationId']}",
    )
    client.create_pod_identity_association(**{**association_request, "namespace": "other"})


def test_invalid_pod_roles_are_rejected(lab, client, association_request, expect_error):
    """The role must exist in this account, and trust pods.eks.amazonaws.com with AssumeRole and TagSession."""
    without_tag_session = lab.role("without-tag-session", trust("pods.eks.amazonaws.com"))
    foreign = lab.role("foreign", POD_TRUST, account="222222222222")
    for role, message_part in (
        (f"arn:aws:iam::{ACCOUNT}:role/missing", "does not exist"),
        (without_tag_session, "Trust policy of the role provided is invalid"),
        (lab.role("ec2", trust("ec2.amazonaws.com")), "Trust policy of the role provided is invalid"),
        (foreign, "Specify a role of another account as targetRoleArn"),
    ):
        code, message = expect_error("create_pod_identity_association", **{**association_request, "roleArn": role})
        assert (code, message_part in message) == ("InvalidParameterException", True), message
    with_wildcard = lab.role("with-wildcard", trust("pods.eks.amazonaws.com", actions=("sts:*",)))
    client.create_pod_identity_association(**{**association_request, "roleArn": with_wildcard})


def test_policy_needs_session_tags_off(lab, client, association_request, expect_error):
    """A session policy is rejected with session tags, and if it is not a policy."""
    for members, message_part in (
        ({"policy": POLICY}, "disableSessionTags must be true"),
        ({"policy": "{", "disableSessionTags": True}, "not JSON"),
        ({"policy": "[]", "disableSessionTags": True}, "not a JSON object"),
    ):
        code, message = expect_error("create_pod_identity_association", **association_request, **members)
        assert (code, message_part in message) == ("InvalidParameterException", True), message
    created = client.create_pod_identity_association(**association_request, policy=POLICY, disableSessionTags=True)[
        "association"
    ]
    assert created["policy"] == POLICY
    assert lab.plane("eks-clu").identity.associations[0].disable_session_tags
    target = {"clusterName": "eks-clu", "associationId": created["associationId"]}
    code, _ = expect_error("update_pod_identity_association", **target, disableSessionTags=False)
    assert code == "InvalidParameterException"


def test_target_role_and_external_id(lab, client, association_request, expect_error):
    """A target role is returned with EKS's external id. An update sets it, and an empty one removes it."""
    created = client.create_pod_identity_association(**association_request)["association"]
    assert "externalId" not in created
    target = {"clusterName": "eks-clu", "associationId": created["associationId"]}
    changed = client.update_pod_identity_association(**target, targetRoleArn=TARGET)["association"]
    assert changed["externalId"] == f"ap-northeast-1/{ACCOUNT}/eks-clu/default/test-sa"
    assert lab.plane("eks-clu").identity.associations[0].target_role_arn == TARGET
    assert "targetRoleArn" not in client.update_pod_identity_association(**target, targetRoleArn="")["association"]
    assert (
        expect_error("update_pod_identity_association", **target, targetRoleArn="x")[0] == "InvalidParameterException"
    )


def test_update_association_keeps_omitted_members(lab, client, association_request):
    """UpdatePodIdentityAssociation changes the role and keeps omitted members."""
    created = client.create_pod_identity_association(**association_request, disableSessionTags=True)["association"]
    other = lab.role("other", POD_TRUST)
    client.update_pod_identity_association(clusterName="eks-clu", associationId=created["associationId"], roleArn=other)
    (association,) = lab.plane("eks-clu").identity.associations
    assert (association.role_arn, association.disable_session_tags) == (other, True)


def test_list_association_filters(client, association_request):
    """Associations are listed by namespace and service account, in pages."""
    for namespace, service_account in (("a", "x"), ("a", "y"), ("b", "x")):
        client.create_pod_identity_association(
            **{**association_request, "namespace": namespace, "serviceAccount": service_account}
        )

    def listed(**filters):
        pages = client.get_paginator("list_pod_identity_associations").paginate(
            clusterName="eks-clu", PaginationConfig={"PageSize": 1}, **filters
        )
        return {(item["namespace"], item["serviceAccount"]) for page in pages for item in page["associations"]}

    assert listed() == {("a", "x"), ("a", "y"), ("b", "x")}
    assert listed(namespace="a") == {("a", "x"), ("a", "y")}
    assert listed(namespace="a", serviceAccount="y") == {("a", "y")}


def test_unknown_association(association_request, expect_error):
    """Every operation on a missing association is a 404."""
    target = {"clusterName": "eks-clu", "associationId": "a-nope"}
    assert expect_error("describe_pod_identity_association", **target)[0] == "ResourceNotFoundException"
    assert (
        expect_error("update_pod_identity_association", **target, roleArn=association_request["roleArn"])[0]
        == "ResourceNotFoundException"
    )
    assert expect_error("delete_pod_identity_association", **target)[0] == "ResourceNotFoundException"
