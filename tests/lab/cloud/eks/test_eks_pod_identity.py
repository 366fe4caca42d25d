"""Pod Identity associations through boto3, each rule by its refusal, and what the control plane is told."""

import json

import pytest
from eks_constants import ACCOUNT, POD_TRUST, trust

POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})
TARGET = "arn:aws:iam::222222222222:role/theirs"


@pytest.fixture
def wanted(make_cluster, pod_role):
    return {"clusterName": make_cluster(), "namespace": "default", "serviceAccount": "test-sa", "roleArn": pod_role}


def test_association_reaches_the_control_plane(lab, client, wanted):
    """An association is in effect when the call answers, and out of it when deleted."""
    made = client.create_pod_identity_association(**wanted, tags={"team": "ops"})["association"]
    assert made["associationArn"].endswith(f":podidentityassociation/eks-clu/{made['associationId']}")
    assert "ownerArn" not in made
    (known,) = lab.plane("eks-clu").identity.associations
    assert (known.namespace, known.service_account, known.role_arn) == ("default", "test-sa", wanted["roleArn"])
    described = client.describe_pod_identity_association(clusterName="eks-clu", associationId=made["associationId"])
    assert described["association"] == made
    client.delete_pod_identity_association(clusterName="eks-clu", associationId=made["associationId"])
    assert lab.plane("eks-clu").identity.associations == ()


def test_one_association_a_service_account(client, wanted, refused):
    """A second association for a service account of a namespace is a 409 that names the first."""
    first = client.create_pod_identity_association(**wanted)["association"]
    assert refused("create_pod_identity_association", **wanted) == (
        "ResourceInUseException",
        f"Association already exists: {first['associationId']}",
    )
    client.create_pod_identity_association(**{**wanted, "namespace": "other"})


def test_roles_that_are_refused(lab, client, wanted, refused):
    """The role must be there, of this account, and trust pods.eks.amazonaws.com with AssumeRole and TagSession both."""
    half = lab.role("half", trust("pods.eks.amazonaws.com"))
    foreign = lab.role("foreign", POD_TRUST, account="222222222222")
    for role, words in (
        (f"arn:aws:iam::{ACCOUNT}:role/nobody", "does not exist"),
        (half, "Trust policy of the role provided is invalid"),
        (lab.role("ec2", trust("ec2.amazonaws.com")), "Trust policy of the role provided is invalid"),
        (foreign, "Specify a role of another account as targetRoleArn"),
    ):
        code, message = refused("create_pod_identity_association", **{**wanted, "roleArn": role})
        assert (code, words in message) == ("InvalidParameterException", True), message
    generous = lab.role("generous", trust("pods.eks.amazonaws.com", actions=("sts:*",)))
    client.create_pod_identity_association(**{**wanted, "roleArn": generous})


def test_policy_needs_session_tags_off(lab, client, wanted, refused):
    """A session policy is refused together with session tags, and when it is no policy."""
    for members, words in (
        ({"policy": POLICY}, "disableSessionTags must be true"),
        ({"policy": "{", "disableSessionTags": True}, "not valid JSON"),
        ({"policy": "[]", "disableSessionTags": True}, "no Statement"),
    ):
        code, message = refused("create_pod_identity_association", **wanted, **members)
        assert (code, words in message) == ("InvalidParameterException", True), message
    made = client.create_pod_identity_association(**wanted, policy=POLICY, disableSessionTags=True)["association"]
    assert made["policy"] == POLICY
    assert lab.plane("eks-clu").identity.associations[0].disable_session_tags
    one = {"clusterName": "eks-clu", "associationId": made["associationId"]}
    code, _ = refused("update_pod_identity_association", **one, disableSessionTags=False)
    assert code == "InvalidParameterException"


def test_target_role(lab, client, wanted, refused):
    """A target role is given back with EKS's external id for it; an update sets it, an empty one takes it away."""
    made = client.create_pod_identity_association(**wanted)["association"]
    assert "externalId" not in made
    one = {"clusterName": "eks-clu", "associationId": made["associationId"]}
    changed = client.update_pod_identity_association(**one, targetRoleArn=TARGET)["association"]
    assert changed["externalId"] == f"ap-northeast-1/{ACCOUNT}/eks-clu/default/test-sa"
    assert lab.plane("eks-clu").identity.associations[0].target_role_arn == TARGET
    assert "targetRoleArn" not in client.update_pod_identity_association(**one, targetRoleArn="")["association"]
    assert refused("update_pod_identity_association", **one, targetRoleArn="x")[0] == "InvalidParameterException"


def test_update_changes_the_role(lab, client, wanted):
    """UpdatePodIdentityAssociation changes the role, and keeps what is not given."""
    made = client.create_pod_identity_association(**wanted, disableSessionTags=True)["association"]
    other = lab.role("other", POD_TRUST)
    client.update_pod_identity_association(clusterName="eks-clu", associationId=made["associationId"], roleArn=other)
    (known,) = lab.plane("eks-clu").identity.associations
    assert (known.role_arn, known.disable_session_tags) == (other, True)


def test_list_filters(client, wanted):
    """Associations are listed by namespace and service account, in pages."""
    for namespace, service_account in (("a", "x"), ("a", "y"), ("b", "x")):
        client.create_pod_identity_association(**{**wanted, "namespace": namespace, "serviceAccount": service_account})

    def listed(**filters):
        pages = client.get_paginator("list_pod_identity_associations").paginate(
            clusterName="eks-clu", PaginationConfig={"PageSize": 1}, **filters
        )
        return {(item["namespace"], item["serviceAccount"]) for page in pages for item in page["associations"]}

    assert listed() == {("a", "x"), ("a", "y"), ("b", "x")}
    assert listed(namespace="a") == {("a", "x"), ("a", "y")}
    assert listed(namespace="a", serviceAccount="y") == {("a", "y")}


def test_unknown_association(wanted, refused):
    """An association that is not there is a 404, whatever is asked of it."""
    one = {"clusterName": "eks-clu", "associationId": "a-nope"}
    assert refused("describe_pod_identity_association", **one)[0] == "ResourceNotFoundException"
    assert (
        refused("update_pod_identity_association", **one, roleArn=wanted["roleArn"])[0] == "ResourceNotFoundException"
    )
    assert refused("delete_pod_identity_association", **one)[0] == "ResourceNotFoundException"
